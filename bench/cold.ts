// Data ten times larger than the memory given: GETs of random keys with direct reads, beside what RocksDB's
// own db_bench gets of a database of the same shape with as many reads in flight (issue 6: 0.8 of it); and
// what a client that asks for a few hot keys notices of it.
//
//   node build/bench/large.js --data DIR --fill
//   node build/bench/cold.js --data DIR [--in-flight 16] [--clients 2] [--pipeline 16]
//        [--rounds 3] [--seconds 5] [-- settings]
//
// Reads in flight: Kept has so many reading threads, db_bench as many threads. Two clients with pipelines of 16
// ask for enough to keep them busy; `--clients 16 --pipeline 1` asks one by one.
//
// db_bench knows nothing of Kept's column families, so it fills a database of its own once, DIR/db_bench: as
// many keys and values, as long as Kept's with what stands around them; the same blocks, filters and caches.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

import { runCase } from "./cases.ts";
import { Client } from "./collection-client.ts";
import { keyAt } from "./fill.ts";
import { median, print } from "./measure.ts";
import { isInstalled, startKeptOn, type Target } from "./server-process.ts";

const run = promisify(execFile);
const AIM = 0.8;
const HOT_KEYS = 1000;
const OBJECT_CACHE_MB = 16;
const BLOCK_CACHE_MB = 32;
const KEY_BYTES = 26;
const VALUE_BYTES = 66;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "" },
    keys: { type: "string", default: "10000000" },
    "in-flight": { type: "string", default: "16" },
    clients: { type: "string", default: "2" },
    pipeline: { type: "string", default: "16" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
  },
});
const KEYS = Number(options.keys);
const IN_FLIGHT = Number(options["in-flight"]);
const SECONDS = Number(options.seconds);
const PEER = join(options.data, "db_bench");

async function dbBench(benchmarks: string, more: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run("db_bench", [
    `--benchmarks=${benchmarks}`,
    `--db=${PEER}`,
    `--num=${KEYS}`,
    `--key_size=${KEY_BYTES}`,
    `--value_size=${VALUE_BYTES}`,
    "--compression_ratio=1",
    "--compression_type=lz4",
    "--block_size=16384",
    "--bloom_bits=10",
    "--cache_index_and_filter_blocks",
    "--partition_index_and_filters",
    "--metadata_block_size=8192",
    `--cache_size=${(OBJECT_CACHE_MB + BLOCK_CACHE_MB) * 1024 * 1024}`,
    ...more,
  ]);
  return stdout + stderr;
}

async function peerRate(): Promise<number> {
  const text = await dbBench("readrandom", [
    "--use_existing_db",
    "--use_direct_reads",
    `--threads=${IN_FLIGHT}`,
    `--duration=${SECONDS}`,
  ]);
  const rate = Number(/readrandom\s*:.*?(\d+) ops\/sec/.exec(text)?.[1]);
  if (!(rate > 0)) throw new Error(`db_bench says: ${text}`);
  return rate;
}

function keptRate(target: Target, requests: number): Promise<number> {
  const clients = Number(options.clients);
  const gets = { test: "get", pipeline: Number(options.pipeline), keys: KEYS, clients };
  return runCase(target, gets, requests);
}

interface Latency {
  readonly median: number;
  readonly p99: number;
  readonly rate: number;
}

/** One GET after the other of the hot keys, microseconds. */
async function hot(client: Client, seconds: number): Promise<Latency> {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const started = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
    await client.say(["GET", keyAt(Math.floor(Math.random() * HOT_KEYS))]);
    times.push((performance.now() - started) * 1000);
  }
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
  return { median: median(times), p99, rate: times.length / seconds };
}

async function measured(target: Target): Promise<void> {
  const client = new Client(target);
  await client.untilReady();
  await hot(client, 1);
  const probe = await keptRate(target, 20_000);
  const requests = Math.ceil(probe * SECONDS);
  print("| round | Kept, GETs a second | db_bench readrandom | ratio | hot alone | hot beside |");
  print("|---|---|---|---|---|---|");
  const ratios: number[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    // oxlint-disable-next-line no-await-in-loop -- they take turns
    const own = await keptRate(target, requests);
    // oxlint-disable-next-line no-await-in-loop -- the same
    const peer = await peerRate();
    // oxlint-disable-next-line no-await-in-loop -- the same
    const alone = await hot(client, 1);
    const beside = keptRate(target, requests);
    // oxlint-disable-next-line no-await-in-loop -- the same
    const among = await hot(client, Math.min(2, SECONDS));
    // oxlint-disable-next-line no-await-in-loop -- the same
    await beside;
    ratios.push(own / peer);
    const words = [alone, among].map(
      (found) => `${found.median.toFixed(0)} µs, p99 ${found.p99.toFixed(0)}`,
    );
    print(
      `| ${round + 1} | ${own.toFixed(0)} | ${peer.toFixed(0)} | ${(own / peer).toFixed(2)} | ` +
        `${words.join(" | ")} |`,
    );
  }
  client.close();
  const ratio = median(ratios);
  print(
    `${IN_FLIGHT} in flight, ${options.clients} clients with pipelines of ${options.pipeline}: ${ratio.toFixed(2)} (${ratio >= AIM ? "met" : "missed"})`,
  );
}

if (!isInstalled("db_bench"))
  throw new Error("db_bench is not installed: apt install rocksdb-tools");
if (!existsSync(PEER))
  await dbBench("fillseq,compact", ["--use_direct_io_for_flush_and_compaction"]);
const target = await startKeptOn(process.cwd(), join(options.data, "keys"), [
  "--object-cache-size",
  `${OBJECT_CACHE_MB}mb`,
  "--rocksdb.block_cache_size",
  String(BLOCK_CACHE_MB),
  "--rocksdb.use_direct_reads",
  "yes",
  "--cold-read-threads",
  options["in-flight"],
  ...positionals,
]);
try {
  await measured(target);
} finally {
  await target.stop();
}
