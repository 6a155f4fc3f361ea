// The program kept: tools for a data directory whose server is stopped.

import { checkDirectory } from "../server/check.ts";
import { KEPT_VERSION } from "../base/version.ts";

const HELP = `Usage: kept check [--cut-log] [directory]
       kept --version
       kept --help

check  Reads everything the data directory holds (default: kept-data) and says what does not fit.
       The server must be stopped. Ends with 0 when all is well, with 1 when it is not.
       --cut-log: a log of writes that is damaged before its end, which the server refuses, is read
       up to the damage. What stands behind is LOST FOR GOOD, also what was acknowledged: copy the
       directory first. What is left is the state of one moment; no transaction is in it by half.
`;
const CUTTING = "CUTTING THE LOG: what stands behind its first damage is dropped.\n";

async function main(words: readonly string[]): Promise<number> {
  const [command, ...given] = words;
  const cutsLog = given[0] === "--cut-log";
  const [directory = "kept-data", ...rest] = cutsLog ? given.slice(1) : given;
  if (command === "--version" || command === "-v") {
    process.stdout.write(`Kept ${KEPT_VERSION}\n`);
    return 0;
  }
  if (command === "--help" || command === "-h") {
    process.stdout.write(HELP);
    return 0;
  }
  if (command !== "check" || rest.length > 0) {
    process.stderr.write(HELP);
    return 1;
  }
  return check(directory, cutsLog);
}

async function check(directory: string, cutsLog: boolean): Promise<number> {
  try {
    if (cutsLog) process.stdout.write(CUTTING);
    const { facts, damage } = await checkDirectory(directory, { cutsLog });
    for (const line of facts) process.stdout.write(`${line}\n`);
    for (const line of damage) process.stdout.write(`DAMAGED: ${line}\n`);
    process.stdout.write(damage.length === 0 ? "All is well.\n" : "The directory is damaged.\n");
    return damage.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
