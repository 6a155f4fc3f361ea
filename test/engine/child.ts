// A process of its own for tests of the engine: it opens the database in argv[3] and plays the part
// named by argv[2]. It reports in lines of JSON.
//
//   hold          opens, says so, and keeps the directory until it is killed
//   break-log     writes until the log cannot grow (RLIMIT_FSIZE), and tells what became of it

import { execFileSync } from "node:child_process";

import { DATA, StorageError, type Engine } from "../../src/engine/engine.ts";
import { openRocksEngine } from "../../src/engine/rocksdb.ts";
import { P1, batchOf } from "./common.ts";
import { PLAIN_SETTINGS } from "./temporary.ts";
import { until } from "./until.ts";

/** What breaking the log came to; see log-failure.test.ts for what it should be. */
export interface BrokenLogReport {
  readonly first: string;
  readonly second: string;
  readonly errorWhileBroken: string | null;
  readonly readWhileBroken: string | null | undefined;
  readonly syncedWhileBroken: string;
  readonly settledWhileBroken: string;
  readonly readAfterFailedSettling: (string | null)[];
  readonly settled: string;
  /** The stall and the error. */
  readonly healthAfter: readonly [string, string | null];
  readonly writtenAfter: string;
  readonly valuesAfter: (string | null)[];
  readonly valuesAfterReopening: (string | null)[];
}

const KEYS = ["before", "lost", "refused", "after"].map((name) => P1 + name);
const LIMIT_BYTES = 1000;

function report(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function outcomeOf(action: () => Promise<string | void> | void): Promise<string> {
  try {
    return (await action()) ?? "done";
  } catch (error) {
    if (error instanceof StorageError) return `${error.kind} ${error.fate}`;
    throw error;
  }
}

/** No file of this process can grow beyond this; what it has open already neither. */
function limitFiles(bytes: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:unlimited`]);
}

async function breakLog(path: string, engine: Engine): Promise<BrokenLogReport> {
  const put = (name: string, value: string) => batchOf(DATA, { [P1 + name]: value });
  engine.write(put("before", "1"));
  limitFiles(LIMIT_BYTES);
  const first = await outcomeOf(() => engine.write(put("lost", "x".repeat(LIMIT_BYTES * 3))));
  const second = await outcomeOf(() => engine.writeAsync(put("refused", "1"), { sync: true }));
  const errorWhileBroken = engine.health().error?.kind ?? null;
  const readWhileBroken = engine.get(DATA, `${P1}before`);
  const syncedWhileBroken = await outcomeOf(() => engine.sync());
  const settledWhileBroken = await outcomeOf(() => engine.settleUnknown());
  const readAfterFailedSettling = await engine.load(DATA, KEYS);
  limitFiles("unlimited");
  let settled = "";
  // RocksDB tries by itself, four times a second.
  await until(async () => {
    settled = await engine.settleUnknown();
    return true;
  });
  const { stall, error } = engine.health();
  const healthAfter = [stall, error?.kind ?? null] as const;
  const writtenAfter = await outcomeOf(() => engine.write(put("after", "1")));
  const valuesAfter = await engine.load(DATA, KEYS);
  await engine.close();
  const reopened = await openRocksEngine(path, PLAIN_SETTINGS);
  const valuesAfterReopening = await reopened.load(DATA, KEYS);
  await reopened.close();
  return {
    first,
    second,
    errorWhileBroken,
    readWhileBroken,
    syncedWhileBroken,
    settledWhileBroken,
    readAfterFailedSettling,
    settled,
    healthAfter,
    writtenAfter,
    valuesAfter,
    valuesAfterReopening,
  };
}

const [, self = "", part, path] = process.argv;
if (self.endsWith("child.js") && path !== undefined) {
  const engine = await openRocksEngine(path, PLAIN_SETTINGS);
  if (part === "hold") {
    report("open");
    process.stdin.resume();
  }
  if (part === "break-log") report(await breakLog(path, engine));
}
