// Resident memory against the formula of docs/operating/memory.md, with ten million small keys in several
// settings of the caches; and whether it stays flat under a mixed load that goes on.
//
//   node build/bench/memory.js --data DIR [--keys 10000000] [--seconds 20]      DIR filled by large.js --fill
//   node build/bench/memory.js --flat 30 [--rate 2000]                          minutes, on a directory of its own

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import { CLIENTS, runCase } from "./cases.ts";
import { Client } from "./collection-client.ts";
import type { Words } from "./collection-families.ts";
import { print } from "./measure.ts";
import { residentBytes, startKeptOn, type Target } from "./server-process.ts";

const MB = 1024 * 1024;
const ROUNDS = 4;
const SAMPLE_SECONDS = 10;
/** What a load leaves behind in its first minutes is no leak: code, tables that have found their size. */
const WARM_SHARE = 0.2;
const SLOPE_MB_AN_HOUR_MAX = 20;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "" },
    keys: { type: "string", default: "10000000" },
    seconds: { type: "string", default: "20" },
    flat: { type: "string", default: "0" },
    rate: { type: "string", default: "2000" },
  },
});
const KEYS = Number(options.keys);

/** In megabytes, all of them. */
interface Sizes {
  readonly objectCache: number;
  readonly blockCache: number;
  readonly writeBuffer: number;
}

const SETTINGS: readonly Sizes[] = [
  { objectCache: 128, blockCache: 128, writeBuffer: 16 },
  { objectCache: 32, blockCache: 64, writeBuffer: 16 },
  { objectCache: 256, blockCache: 512, writeBuffer: 16 },
];

// The terms of docs/operating/memory.md, megabytes.
const BASE = 120;
const OBJECT_FACTOR = 2;
const BLOCK_FACTOR = 1.3;
const BUFFERS = 4;
const CONNECTION = 0.05;
/** A formula that is far above what is found says nothing either. */
const LEAST_SHARE = 0.6;

function formula({ objectCache, blockCache, writeBuffer }: Sizes, connections: number): number {
  const caches = OBJECT_FACTOR * objectCache + BLOCK_FACTOR * blockCache;
  return BASE + caches + BUFFERS * writeBuffer + CONNECTION * connections;
}

function flags({ objectCache, blockCache, writeBuffer }: Sizes): string[] {
  return [
    "--object-cache-size",
    `${objectCache}mb`,
    "--rocksdb.block_cache_size",
    String(blockCache),
    "--rocksdb.write_buffer_size",
    String(writeBuffer),
    ...positionals,
  ];
}

async function most(target: Target): Promise<number> {
  let resident = 0;
  let requests = 50_000;
  const perRound = Number(options.seconds) / ROUNDS / 2;
  for (let round = 0; round < ROUNDS; round++) {
    for (const test of ["get", "set"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const rate = await runCase(target, { test, pipeline: 16, keys: KEYS }, requests);
      requests = Math.ceil(Math.max(20_000, rate * perRound));
      resident = Math.max(resident, residentBytes(target.processId ?? 0) / MB);
    }
  }
  return resident;
}

async function againstFormula(): Promise<void> {
  print("| object cache | block cache | write buffers | formula | resident at most | |");
  print("|---|---|---|---|---|---|");
  for (const sizes of SETTINGS) {
    // oxlint-disable-next-line no-await-in-loop -- one server after the other
    const target = await startKeptOn(process.cwd(), join(options.data, "keys"), flags(sizes));
    try {
      // oxlint-disable-next-line no-await-in-loop -- the same
      const resident = await most(target);
      const limit = formula(sizes, CLIENTS);
      const { objectCache, blockCache, writeBuffer } = sizes;
      const given = [objectCache, blockCache, writeBuffer].map((size) => `${size} MB`);
      const isWithin = resident <= limit && resident >= limit * LEAST_SHARE;
      const verdict = isWithin ? "met" : "missed";
      const found = [`${limit.toFixed(0)} MB`, `${resident.toFixed(0)} MB`, verdict];
      print(`| ${[...given, ...found].join(" | ")} |`);
    } finally {
      // oxlint-disable-next-line no-await-in-loop -- the same
      await target.stop();
    }
  }
}

/** A command by chance on keys, hashes, lists, sets and sorted sets that stay about as many as they are. */
function mixed(): Words {
  const draw = (count: number): number => Math.floor(Math.random() * count);
  const key = String(draw(300_000));
  const member = String(draw(2000));
  switch (draw(12)) {
    case 0:
    case 1:
      return ["SET", `s${key}`, "v".repeat(draw(200))];
    case 2:
      return ["SET", `t${key}`, "v".repeat(draw(200)), "EX", String(1 + draw(60))];
    case 3:
    case 4:
      return ["GET", `s${key}`];
    case 5:
      return ["INCR", `n${key}`];
    case 6:
      return ["HSET", `h${draw(2000)}`, member, "v".repeat(draw(100))];
    case 7:
      return ["ZADD", `z${draw(200)}`, member, member];
    case 8:
      return ["LPUSH", `l${draw(500)}`, member];
    case 9:
      return ["RPOP", `l${draw(500)}`];
    case 10:
      return ["EVAL", "return redis.call('SADD', KEYS[1], ARGV[1])", "1", `m${draw(200)}`, member];
    default:
      return ["DEL", `s${key}`];
  }
}

/** Megabytes an hour, by least squares. */
function slope(samples: readonly { readonly hours: number; readonly mb: number }[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const hours = mean(samples.map((sample) => sample.hours));
  const mb = mean(samples.map((sample) => sample.mb));
  let above = 0;
  let below = 0;
  for (const sample of samples) {
    above += (sample.hours - hours) * (sample.mb - mb);
    below += (sample.hours - hours) ** 2;
  }
  return above / below;
}

/** What the server itself knows of it, megabytes: V8, RocksDB's parts. */
async function partsOf(client: Client): Promise<string> {
  const [text, stats] = await client.say(["MEMORY", "MALLOC-STATS"], ["MEMORY", "STATS"]);
  const parts: string[] = [];
  const add = (name: string, bytes: number): void => {
    parts.push(`${name} ${(bytes / MB).toFixed(1)}`);
  };
  for (const [, name = "", bytes] of (typeof text === "string" ? text : "").matchAll(
    /^(.*?): (\d+)$/gm,
  ))
    add(name, Number(bytes));
  const fields = Array.isArray(stats) ? stats : [];
  for (const name of [
    "object-cache",
    "block-cache",
    "memtables",
    "table-readers",
    "clients.normal",
  ]) {
    const at = fields.findIndex((field) => field === name || field === `${name}.bytes`);
    add(name, Number(fields[at + 1]));
  }
  return parts.join(", ");
}

async function flat(minutes: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "kept-bench-flat-"));
  const sizes = { objectCache: 16, blockCache: 32, writeBuffer: 4 };
  const target = await startKeptOn(process.cwd(), dir, flags(sizes));
  const client = new Client(target);
  const samples: { hours: number; mb: number }[] = [];
  const started = performance.now();
  let said = 0;
  try {
    await client.untilReady();
    const burst = Math.ceil(Number(options.rate) / 20);
    let sampleAt = SAMPLE_SECONDS * 1000;
    for (;;) {
      const elapsed = performance.now() - started;
      if (elapsed > minutes * 60_000) break;
      // oxlint-disable-next-line no-await-in-loop -- one burst after the other
      await client.say(...Array.from({ length: burst }, mixed));
      said += burst;
      if (elapsed > sampleAt) {
        samples.push({ hours: elapsed / 3_600_000, mb: residentBytes(target.processId ?? 0) / MB });
        sampleAt += SAMPLE_SECONDS * 1000;
        const at = `${(elapsed / 60_000).toFixed(1)} min, ${said} commands`;
        // oxlint-disable-next-line no-await-in-loop -- the same
        process.stderr.write(`${at}: ${await partsOf(client)}\n`);
      }
      // oxlint-disable-next-line no-await-in-loop -- the same
      await pause(50);
    }
  } finally {
    client.close();
    await target.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  const later = samples.slice(Math.ceil(samples.length * WARM_SHARE));
  const sizesMb = later.map(({ mb }) => mb);
  const rise = slope(later);
  const verdict = rise <= SLOPE_MB_AN_HOUR_MAX ? "flat" : "rising";
  print(
    `${minutes} minutes, ${said} commands: ${Math.min(...sizesMb).toFixed(0)} to ` +
      `${Math.max(...sizesMb).toFixed(0)} MB after the first fifth, ` +
      `${rise.toFixed(1)} MB an hour: ${verdict}`,
  );
  print(samples.map(({ mb }) => mb.toFixed(0)).join(" "));
}

if (Number(options.flat) > 0) await flat(Number(options.flat));
else await againstFormula();
