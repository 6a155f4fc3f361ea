// The program kept: tools for a data directory whose server is stopped.

import { checkDirectory } from "../server/check.ts";
import { KEPT_VERSION } from "../base/version.ts";

const HELP = `Usage: kept check [directory]
       kept --version
       kept --help

check  Reads everything the data directory holds (default: kept-data) and says what does not fit.
       The server must be stopped. Ends with 0 when all is well, with 1 when it is not.
`;

async function main(words: readonly string[]): Promise<number> {
  const [command, directory = "kept-data", ...rest] = words;
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
  return check(directory);
}

async function check(directory: string): Promise<number> {
  try {
    const { facts, damage } = await checkDirectory(directory);
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
