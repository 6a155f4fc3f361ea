// `make bench`: Kept beside Debian's redis-server, in one run, by redis-benchmark. The machines this
// runs on are noisy, so the figure that counts is the ratio: short rounds take turns (Kept, Redis,
// peers, Kept, Redis, ...), neighbours give a ratio, and the table tells their median and range.
//
// What can be asked for stands in bench/plan.ts (--help). --write puts the tables into
// docs/performance.md, between its marks, and the chart beside it.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

import {
  bringKeys,
  CLIENTS,
  NoSuchCommand,
  RANDOM_KEYS,
  runCase,
  VALUE_BYTES,
  type Case,
} from "../bench/cases.ts";
import { chart } from "../bench/chart.ts";
import { fill, readBack } from "../bench/fill.ts";
import { PeerRefused, peerAt } from "../bench/peer.ts";
import { BadArguments, planOf, USAGE, type Plan } from "../bench/plan.ts";
import { isInstalled, processorSeconds, residentBytes } from "../bench/server-process.ts";
import { startKept, startRedis, type Fsync, type Target } from "../bench/server-process.ts";
import { row, table, type Columns, type Measured, type Round } from "../bench/table.ts";

const PIPELINES_OF_ALL = [1, 16];
/** Deeper pipelines are measured for these alone. */
const PLAIN_TESTS = new Set(["set", "get", "incr"]);
const MEMORY_KEYS = 1_000_000;
const MEMORY_MB_MAX = 500;
const MB = 1024 * 1024;
const PROBE_REQUESTS = 20_000;
/** Of each test and a pipeline of one. */
const WARM_UP_REQUESTS = 15_000;
const BEGIN_MARK = "<!-- bench:begin -->";
const END_MARK = "<!-- bench:end -->";
const CHART = "bench.svg";

interface Results {
  readonly measured: readonly Measured[];
  readonly columns: Columns;
}

async function measure(target: Target, some: Case, requests: number): Promise<Round> {
  const { processId } = target;
  const before = processId === null ? Number.NaN : processorSeconds(processId);
  const rate = await runCase(target, some, requests);
  const after = processId === null ? Number.NaN : processorSeconds(processId);
  return { rate, processorUs: ((after - before) * 1e6) / requests };
}

/** What each server does with the case; a server that does not know the command has no rounds. */
async function takeTurns(targets: readonly Target[], some: Case, plan: Plan): Promise<Measured> {
  const rounds = new Map<string, Round[]>();
  const requests = new Map<Target, number>();
  for (const target of targets) {
    // oxlint-disable-next-line no-await-in-loop -- two at once would disturb each other
    const rate = await probe(target, some);
    if (rate === null) continue;
    requests.set(target, Math.ceil(Math.max(PROBE_REQUESTS, rate * plan.seconds)));
    rounds.set(target.name, []);
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const [target, count] of requests) {
      // oxlint-disable-next-line no-await-in-loop -- they take turns: that is the method
      const one = await measure(target, some, count);
      rounds.get(target.name)?.push(one);
    }
  }
  return { ...some, rounds };
}

/** Requests per second of a first look; null, with a note, for a command that is not there. */
async function probe(target: Target, some: Case): Promise<number | null> {
  try {
    await bringKeys(target, some);
    return (await measure(target, some, PROBE_REQUESTS)).rate;
  } catch (error) {
    if (!(error instanceof NoSuchCommand)) throw error;
    process.stderr.write(`${some.test} is passed over: ${target.name} does not know the command\n`);
    return null;
  }
}

async function compareAll(plan: Plan, fsync: Fsync, peers: readonly Target[]): Promise<Results> {
  const targets = [await startKept(process.cwd(), fsync, plan.nodeFlags)];
  try {
    const redis = await startRedis(fsync);
    if (redis !== null) targets.push(redis);
    // What a peer does before it answers is not ours to set.
    if (fsync === "none") targets.push(...peers);
    for (const target of targets) {
      // oxlint-disable-next-line no-await-in-loop -- two at once would disturb each other
      await warmUp(target);
    }
    const columns = { names: targets.map(({ name }) => name), fsync };
    const measured: Measured[] = [];
    for (const some of fsync === "none" ? allCases(plan) : fsyncCases(plan)) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time has the machine to itself
      const result = await takeTurns(targets, some, plan);
      measured.push(result);
      process.stderr.write(`${row(result, columns)}\n`);
    }
    return { measured, columns };
  } finally {
    for (const target of targets) {
      // oxlint-disable-next-line no-await-in-loop -- two or three of them
      await target.stop();
    }
  }
}

/** What has just started compiles while it runs; nobody uses a server for its first second. */
async function warmUp(target: Target): Promise<void> {
  for (const test of ["set", "get"]) {
    for (const pipeline of [1, 16]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await runCase(target, { test, pipeline }, WARM_UP_REQUESTS * pipeline);
    }
  }
}

function allCases({ pipelines, tests }: Plan): Case[] {
  return pipelines.flatMap((pipeline) =>
    tests
      .filter((test) => PIPELINES_OF_ALL.includes(pipeline) || PLAIN_TESTS.has(test))
      .map((test) => ({ test, pipeline })),
  );
}

function fsyncCases(plan: Plan): Case[] {
  return plan.pipelines.filter((p) => p <= 16).map((pipeline) => ({ test: "set", pipeline }));
}

/** Resident memory with a million keys, when they have been written and when they have been read. */
async function memory(plan: Plan): Promise<string> {
  const lines = [
    "| server | after the writes | after as many random reads | limit | |",
    "|---|---|---|---|---|",
  ];
  const kept = await startKept(process.cwd(), "none", plan.nodeFlags);
  lines.push(await memoryRow(kept, MEMORY_MB_MAX));
  const redis = await startRedis("none");
  if (redis !== null) lines.push(await memoryRow(redis, null));
  return lines.join("\n");
}

async function memoryRow(target: Target, limitMb: number | null): Promise<string> {
  try {
    const { processId } = target;
    if (processId === null) return `| ${target.name} | | | | |`;
    await fill(target, MEMORY_KEYS, VALUE_BYTES);
    const written = residentBytes(processId) / MB;
    await readBack(target, MEMORY_KEYS);
    const read = residentBytes(processId) / MB;
    const verdict = Math.max(written, read) <= (limitMb ?? 0) ? "met" : "missed";
    const end = limitMb === null ? "| |" : `${limitMb} MB | ${verdict} |`;
    return `| ${target.name} | ${written.toFixed(0)} MB | ${read.toFixed(0)} MB | ${end}`;
  } finally {
    await target.stop();
  }
}

/** Throws PeerRefused. */
async function openPeers({ peers, flushPeers }: Plan): Promise<Target[]> {
  const opened = await Promise.all(peers.map((address) => peerAt(address, flushPeers)));
  const names = opened.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new PeerRefused(`the peer ${twice} was given twice`);
  return opened;
}

async function main(): Promise<void> {
  const plan = planOf(process.argv.slice(2));
  if (plan === null) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  if (!isInstalled("redis-benchmark")) {
    throw new BadArguments(
      "redis-benchmark is not installed: apt install redis-tools, brew install redis",
    );
  }
  const peers = await openPeers(plan);
  const [load = 0] = loadavg();
  const machine =
    `Node ${process.version}, ${cpus().length} processors, load average at the start ` +
    load.toFixed(1);
  const results = await compareAll(plan, "none", peers);
  const sections = [`${machine}; ${methodOf(plan)}`, table(results.measured, results.columns)];
  if (plan.fsync) {
    const durable = await compareAll(plan, "always", peers);
    sections.push("With an fsync before every answer (`appendfsync always` on both):");
    sections.push(table(durable.measured, durable.columns));
  }
  if (plan.memory) {
    sections.push(
      `Resident memory with a million keys of ${VALUE_BYTES} bytes:`,
      await memory(plan),
    );
  }
  const text = sections.join("\n\n");
  process.stdout.write(`${text}\n`);
  for (const { name, mayFlush } of peers) {
    if (!mayFlush) process.stderr.write(`${name} keeps the keys that the bench wrote\n`);
  }
  if (!plan.write) return;
  writeFileSync(join(process.cwd(), "docs", CHART), chartOf(plan, results, machine));
  const image = `![Requests per second of Kept as ratios to redis-server](${CHART})`;
  writeInto(join(process.cwd(), "docs/performance.md"), `${image}\n\n${text}`);
}

function methodOf({ rounds, seconds }: Plan): string {
  return (
    `\`redis-benchmark -c ${CLIENTS} -d ${VALUE_BYTES} -r ${RANDOM_KEYS}\`, ` +
    `${rounds} rounds of ${seconds} s a test and server, taking turns. Requests per ` +
    "second are medians, ratios the median and range over the rounds. The servers have served SETs and GETs " +
    "for about a second, and the keys of set, get, incr and mset are there, before the first round. `must` and `aim` are the goals of issues 2 and 6; the last columns " +
    "are the server's processor time for a request."
  );
}

function chartOf(plan: Plan, { measured, columns }: Results, machine: string): string {
  const pipelines = PIPELINES_OF_ALL.filter((pipeline) => plan.pipelines.includes(pipeline));
  const note = `redis-benchmark, medians of ${plan.rounds} rounds and their range; ${machine}`;
  const title = "Kept: requests per second as ratios to redis-server in memory";
  return chart(measured, pipelines, { columns, text: { title, note } });
}

function writeInto(path: string, text: string): void {
  const page = readFileSync(path, "utf8");
  const begin = page.indexOf(BEGIN_MARK);
  const end = page.indexOf(END_MARK);
  if (begin === -1 || end < begin) throw new Error(`${path} lacks the marks of the bench`);
  const before = page.slice(0, begin + BEGIN_MARK.length);
  writeFileSync(path, `${before}\n\n${text}\n\n${page.slice(end)}`);
}

/** A mistake of whoever asked is told without a stack. */
function told(error: unknown): string {
  if (error instanceof BadArguments || error instanceof PeerRefused) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${told(error)}\n`);
  process.exitCode = error instanceof BadArguments ? 2 : 1;
}
