// What `make bench` measures: the tests, how redis-benchmark (or a generator of our own) runs each, and
// what the project wants of it as a ratio to redis-server in the same run.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import type { Fsync, Target } from "./server-process.ts";
import { runTransactions } from "./transactions.ts";

const run = promisify(execFile);

export const CLIENTS = 50;
export const VALUE_BYTES = 64;
export const RANDOM_KEYS = 100_000;
/** So many random writes a key leave one in twenty out. */
const KEY_FILLS = 3;
/** What redis-benchmark calls the collections that it writes. */
const OWN_COLLECTIONS = ["mylist", "myset", "myhash", "myzset", "mystream"];
const XADD_WORDS = ["XADD", "mystream", "*", "field", "x".repeat(VALUE_BYTES)];
const RUN_LIMIT_MS = 120_000;

/** In the order they are run. Every name but `xadd` and `multi` is one of redis-benchmark's. */
export const TESTS: readonly string[] = (
  "set get incr lpush rpush lpop rpop sadd spop hset zadd zpopmin mset " +
  "lrange_100 lrange_300 lrange_500 lrange_600 xadd multi"
).split(" ");

/** What fills the collection that a test takes from. */
const FILLED_BY: Readonly<Record<string, string>> = {
  lpop: "lpush",
  rpop: "lpush",
  spop: "sadd",
  zpopmin: "zadd",
};
/** What they are filled with takes processor time too. */
export const FILLED_FIRST: ReadonlySet<string> = new Set([
  ...Object.keys(FILLED_BY),
  ...TESTS.filter((test) => test.startsWith("lrange")),
]);
/** Tests on single keys want them to be there already; all others begin on an empty server. */
const KEEPS_KEYS = new Set(["set", "get", "incr", "mset", "multi"]);

export interface Case {
  readonly test: string;
  readonly pipeline: number;
  /** How many keys, fields or members there are to draw from; RANDOM_KEYS if it is not said. */
  readonly keys?: number;
  /** Connections; CLIENTS if it is not said. */
  readonly clients?: number;
}

/** `must`: the first goal (issue 2); `aim`: the one beyond it (issue 6). */
export interface Wanted {
  readonly must?: number;
  readonly aim: number;
}

const READS = new Set(["get", "lrange_100", "lrange_300", "lrange_500", "lrange_600"]);

const WANTED: Readonly<Record<string, Wanted>> = {
  "get 1": { must: 0.75, aim: 0.85 },
  "set 1": { must: 0.55, aim: 0.7 },
  "incr 1": { must: 0.55, aim: 0.7 },
  "get 16": { must: 0.5, aim: 0.6 },
  "set 16": { must: 0.25, aim: 0.4 },
  "incr 16": { must: 0.25, aim: 0.4 },
  "lpush 16": { aim: 0.3 },
  "lpop 16": { aim: 0.3 },
  "sadd 16": { aim: 0.25 },
  "hset 16": { aim: 0.3 },
  "zadd 16": { aim: 0.4 },
  "mset 16": { must: 0.3, aim: 0.35 },
  "multi 16": { aim: 0.35 },
};

const WANTED_WITH_FSYNC: Readonly<Record<string, Wanted>> = {
  "set 1": { must: 0.7, aim: 0.9 },
  "set 16": { must: 0.45, aim: 0.6 },
};

export function wantedOf({ test, pipeline }: Case, fsync: Fsync): Wanted | null {
  const name = `${test} ${pipeline}`;
  if (fsync === "always") return WANTED_WITH_FSYNC[name] ?? null;
  const stated = WANTED[name];
  if (stated !== undefined) return stated;
  if (pipeline === 1) return { aim: READS.has(test) ? 0.85 : 0.7 };
  return pipeline === 16 && READS.has(test) ? { aim: 0.8 } : null;
}

/** The server does not know a command that a test needs. */
export class NoSuchCommand extends Error {}

/** Runs a case once; requests per second. Throws NoSuchCommand. */
export async function runCase(target: Target, some: Case, requests: number): Promise<number> {
  const { test } = some;
  if (!KEEPS_KEYS.has(test)) await empty(target);
  const filler = FILLED_BY[test];
  if (filler !== undefined)
    await benchmark(target, { ...some, test: filler, pipeline: 32 }, requests);
  if (test === "multi") {
    const { pipeline, keys = RANDOM_KEYS, clients = CLIENTS } = some;
    const shape = { clients, pipeline, valueBytes: VALUE_BYTES, keys };
    return runTransactions(target, shape, requests);
  }
  return benchmark(target, some, requests);
}

/** Before the first round: the keys that a test on single keys wants are there. Throws NoSuchCommand. */
export async function bringKeys(target: Target, { test }: Case): Promise<void> {
  if (!KEEPS_KEYS.has(test) || test === "multi") return;
  const filler = test === "incr" ? "incr" : "set";
  await benchmark(target, { test: filler, pipeline: 16 }, RANDOM_KEYS * KEY_FILLS);
}

/** A peer that may not be emptied was empty when we came, so that what these keys hold is ours. */
async function empty(target: Target): Promise<void> {
  await commandLine(target, target.mayFlush ? ["FLUSHALL"] : ["DEL", ...OWN_COLLECTIONS]);
}

async function commandLine(target: Target, words: readonly string[]): Promise<void> {
  const { host, port, login } = target;
  const user = login === null ? [] : ["--user", login.user];
  const env = login === null ? process.env : { ...process.env, REDISCLI_AUTH: login.password };
  const where = ["-h", host, "-p", String(port), ...user];
  const { stdout } = await run("redis-cli", [...where, ...words], { env });
  // It ends well after an error reply.
  if (!/^(?:OK|\d+)\s*$/.test(stdout)) throw new Error(`${target.name} says: ${stdout.trim()}`);
}

async function benchmark(
  target: Target,
  { test, pipeline, keys = RANDOM_KEYS, clients = CLIENTS }: Case,
  requests: number,
): Promise<number> {
  const { host, port, name, login } = target;
  const where = `-h ${host} -p ${port} -P ${pipeline} -n ${requests} --csv`;
  const shape = `-c ${clients} -d ${VALUE_BYTES} -r ${keys}`;
  const what = test === "xadd" ? XADD_WORDS : ["-t", test];
  const auth = login === null ? [] : ["--user", login.user, "-a", login.password];
  const words = [...auth, ...`${where} ${shape}`.split(" "), ...what];
  let said = "";
  try {
    const { stdout, stderr } = await run("redis-benchmark", words, { timeout: RUN_LIMIT_MS });
    said = stdout + stderr;
  } catch (error) {
    // The whole command line, which may hold a password, is in its message.
    const problem = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
    if (/unknown command/i.test(problem)) throw new NoSuchCommand(test);
    throw new Error(`redis-benchmark ${test} on ${name} says: ${problem.trim()}`, { cause: error });
  }
  if (/unknown command/i.test(said)) throw new NoSuchCommand(test);
  const rows = said.split("\n").filter((line) => line.startsWith('"') && !line.includes("rps"));
  const rate = Number(rows.at(-1)?.split('","')[1]);
  if (!(rate > 0)) throw new Error(`redis-benchmark ${test} on ${name} says: ${said}`);
  return rate;
}
