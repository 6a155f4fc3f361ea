// Ten million keys beside a hundred thousand: the tests of `make bench` by redis-benchmark, drawing keys
// (or fields, or members) from all of them and from a hundred thousand, on two Kepts in turns. The figure is
// the ratio, which issue 6 wants to be 0.7.
//
//   node build/bench/large.js --data DIR --fill            ten million keys, and as many counters; minutes
//   node build/bench/large.js --data DIR [--tests set,get] [--pipelines 1,16] [--rounds 3] [--seconds 1]
//        [--keys 10000000] [-- --rocksdb.block_cache_size 2048 ...]
//
// What stands behind `--` goes to both servers. The one with few keys begins with an empty directory. The
// large one is warmed by as many GETs as it takes to ask for a third of its keys (--warm), and until its rows
// are in (`-- --row-cache-size 1400mb` holds those of ten million keys).

import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import { bringKeys, runCase, RANDOM_KEYS, VALUE_BYTES } from "./cases.ts";
import { Client } from "./collection-client.ts";
import { fillByChance } from "./fill.ts";
import { median, print } from "./measure.ts";
import { processorSeconds, startKeptOn, type Target } from "./server-process.ts";

const PROBE_REQUESTS = 20_000;
const AIM = 0.7;
const POLL_MS = 250;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: join(tmpdir(), "kept-bench-large") },
    fill: { type: "boolean", default: false },
    keys: { type: "string", default: "10000000" },
    tests: { type: "string", default: "set,get,incr,hset,sadd,zadd,lpush,mset,multi" },
    pipelines: { type: "string", default: "1,16" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "1" },
    warm: { type: "string", default: "4000000" },
  },
});
const KEYS = Number(options.keys);

/** Counters have a directory of their own. */
function directoryOf(test: string): string {
  return join(options.data, test === "incr" ? "counters" : "keys");
}

async function fillAll(): Promise<void> {
  for (const test of ["set", "incr"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await fillOne(directoryOf(test), test === "incr" ? "counter:" : "key:");
  }
}

async function fillOne(dir: string, prefix: string): Promise<void> {
  const target = await startKeptOn(process.cwd(), dir, []);
  const started = performance.now();
  try {
    const valueBytes = prefix === "counter:" ? "number" : VALUE_BYTES;
    await fillByChance(target, KEYS, { prefix, valueBytes });
  } finally {
    await target.stop();
  }
  const seconds = (performance.now() - started) / 1000;
  print(`${KEYS} keys ${prefix}* in ${seconds.toFixed(0)} s, written out and closed`);
}

interface Round {
  readonly rate: number;
  readonly processorUs: number;
}

interface Side {
  readonly target: Target;
  readonly keys: number;
  requests: number;
  readonly rounds: Round[];
}

async function once(side: Side, test: string, pipeline: number): Promise<Round> {
  const { target, keys, requests } = side;
  const before = processorSeconds(target.processId ?? 0);
  const rate = await runCase(target, { test, pipeline, keys }, requests);
  const seconds = processorSeconds(target.processId ?? 0) - before;
  return { rate, processorUs: (seconds * 1e6) / requests };
}

async function compared(sides: readonly Side[], test: string, pipeline: number): Promise<void> {
  for (const side of sides) {
    side.requests = PROBE_REQUESTS;
    side.rounds.length = 0;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { rate } = await once(side, test, pipeline);
    side.requests = Math.ceil(Math.max(PROBE_REQUESTS, rate * Number(options.seconds)));
  }
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const side of sides) {
      // oxlint-disable-next-line no-await-in-loop -- they take turns
      side.rounds.push(await once(side, test, pipeline));
    }
  }
  const [few, many] = sides;
  if (few === undefined || many === undefined) return;
  const ratios = many.rounds.map(({ rate }, round) => rate / (few.rounds[round]?.rate ?? 0));
  const ratio = median(ratios);
  const cells = [test, String(pipeline)];
  for (const { rounds } of sides) {
    cells.push(`${(median(rounds.map(({ rate }) => rate)) / 1000).toFixed(1)} k`);
  }
  cells.push(
    ratio.toFixed(2),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
  );
  cells.push(ratio >= AIM ? "met" : "missed");
  for (const { rounds } of sides) {
    cells.push(median(rounds.map(({ processorUs }) => processorUs)).toFixed(1));
  }
  print(`| ${cells.join(" | ")} |`);
}

async function warm(target: Target, tests: readonly string[]): Promise<void> {
  const requests = Number(options.warm);
  const test = tests.includes("incr") ? "incr" : "get";
  if (requests > 0) await runCase(target, { test, pipeline: 16, keys: KEYS }, requests);
  const client = new Client(target);
  await client.untilReady();
  const started = performance.now();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- asked again and again
    const [memory] = await client.say(["INFO", "memory"]);
    if (typeof memory !== "string" || !memory.includes("row_cache_filling:1")) break;
    // oxlint-disable-next-line no-await-in-loop -- the same
    await pause(POLL_MS);
  }
  const seconds = (performance.now() - started) / 1000;
  if (seconds > 1) print(`rows were brought in for another ${seconds.toFixed(0)} s`);
  client.close();
}

async function compareOn(dir: string, tests: readonly string[]): Promise<void> {
  if (tests.length === 0) return;
  const small = mkdtempSync(join(tmpdir(), "kept-bench-few-"));
  const few = await startKeptOn(process.cwd(), small, positionals);
  const many = await startKeptOn(process.cwd(), dir, positionals);
  try {
    const side = { requests: 0 };
    const sides: Side[] = [
      { ...side, target: few, keys: RANDOM_KEYS, rounds: [] },
      { ...side, target: { ...many, mayFlush: false }, keys: KEYS, rounds: [] },
    ];
    await warm(many, tests);
    for (const pipeline of options.pipelines.split(",").map(Number)) {
      for (const test of tests) {
        // oxlint-disable-next-line no-await-in-loop -- one at a time has the machine to itself
        await bringKeys(few, { test, pipeline });
        // oxlint-disable-next-line no-await-in-loop -- the same
        await compared(sides, test, pipeline);
      }
    }
  } finally {
    await few.stop();
    await many.stop();
    rmSync(small, { recursive: true, force: true });
  }
}

if (options.fill) await fillAll();
else {
  const heads = ["100 k keys", "10 M keys", "ratio", "range", ""];
  const columns = ["test", "P", ...heads, "µs at 100 k", "µs at 10 M"];
  print(`| ${columns.join(" | ")} |\n|${"---|".repeat(columns.length)}`);
  const tests = options.tests.split(",");
  await compareOn(
    directoryOf("set"),
    tests.filter((test) => test !== "incr"),
  );
  await compareOn(
    directoryOf("incr"),
    tests.filter((test) => test === "incr"),
  );
}
