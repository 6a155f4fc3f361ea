// The program kept: tools for a data directory whose server is stopped.

import { parseArgs } from "node:util";

import { checkDirectory } from "../server/check.ts";
import { salvage } from "../server/salvage/salvage.ts";
import { KEPT_VERSION } from "../base/version.ts";

const HELP = `Usage: kept check [--cut-log] [directory]
       kept check --salvage directory --to new-directory
       kept --version
       kept --help

check  Reads everything the data directory holds (default: kept-data) and says what does not fit.
       The server must be stopped. Ends with 0 when all is well, with 1 when it is not.
       --cut-log: a log of writes that is damaged before its end, which the server refuses, is read
       up to the damage. What stands behind is LOST FOR GOOD, also what was acknowledged: copy the
       directory first. What is left is the state of one moment; no transaction is in it by half.
       --salvage: reads what can be read of a damaged directory, also where its files MANIFEST or
       CURRENT are lost, and behind the damage of a log; writes it to a new directory, which must not
       exist; and names what is lost. The damaged directory is not changed. Ends with 0 when nothing
       is lost, with 1 when something is: what is left need not be the state of one moment.
`;
const CUTTING = "CUTTING THE LOG: what stands behind its first damage is dropped.\n";

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    strict: true,
    options: {
      "cut-log": { type: "boolean", default: false },
      salvage: { type: "boolean", default: false },
      to: { type: "string" },
      version: { type: "boolean", short: "v", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.version) {
    process.stdout.write(`Kept ${KEPT_VERSION}\n`);
    return 0;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [command, directory, ...rest] = positionals;
  const { to, "cut-log": cutsLog } = values;
  if (command !== "check" || rest.length > 0 || values.salvage !== (to !== undefined)) {
    return misused();
  }
  if (to === undefined) return check(directory ?? "kept-data", cutsLog);
  return directory === undefined || cutsLog ? misused() : save(directory, to);
}

function misused(): number {
  process.stderr.write(HELP);
  return 1;
}

async function check(directory: string, cutsLog: boolean): Promise<number> {
  if (cutsLog) process.stdout.write(CUTTING);
  const { facts, damage } = await checkDirectory(directory, { cutsLog });
  for (const line of facts) process.stdout.write(`${line}\n`);
  for (const line of damage) process.stdout.write(`DAMAGED: ${line}\n`);
  process.stdout.write(damage.length === 0 ? "All is well.\n" : "The directory is damaged.\n");
  return damage.length === 0 ? 0 : 1;
}

async function save(directory: string, to: string): Promise<number> {
  const { notes, salvaged, lost } = await salvage(directory, to);
  for (const line of notes) process.stdout.write(`${line}\n`);
  for (const line of salvaged) process.stdout.write(`salvaged: ${line}\n`);
  for (const line of lost) process.stdout.write(`LOST: ${line}\n`);
  process.stdout.write(lost.length === 0 ? "Nothing is lost.\n" : "The rest is in the new one.\n");
  return lost.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isMisuse = error instanceof TypeError && "code" in error;
  const words = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${words}\n${isMisuse ? HELP : ""}`);
  process.exitCode = 1;
}
