// `make bench`: Kept beside Debian's redis-server, in one run, by redis-benchmark. The machines this
// runs on are noisy, so the figure that counts is the ratio: short rounds take turns (Kept, Redis,
// Kept, Redis, ...), each pair of neighbours gives a ratio, and the table tells their median and range.
//
//   node build/scripts/bench.js [--quick] [--rounds n] [--tests set,get] [--pipelines 1,16]
//        [--seconds s] [--peer host:port] [--node-flag --flag] [--no-fsync] [--no-memory] [--write]
//
// --write puts the tables into docs/performance.md, between its marks.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import {
  bringKeys,
  CLIENTS,
  FILLED_FIRST,
  NoSuchCommand,
  RANDOM_KEYS,
  runCase,
} from "../bench/cases.ts";
import { TESTS, VALUE_BYTES, wantedOf, type Case } from "../bench/cases.ts";
import { fill, readBack } from "../bench/fill.ts";
import { isInstalled, peerAt, processorSeconds, residentBytes } from "../bench/server-process.ts";
import { startKept, startRedis, type Fsync, type Target } from "../bench/server-process.ts";

const PIPELINES_OF_ALL = [1, 16];
/** Deeper pipelines are measured for these alone. */
const PLAIN_TESTS = new Set(["set", "get", "incr"]);
const MEMORY_KEYS = 1_000_000;
const MEMORY_MB_MAX = 500;
const MB = 1024 * 1024;
const PROBE_REQUESTS = 20_000;
const BEGIN_MARK = "<!-- bench:begin -->";
const END_MARK = "<!-- bench:end -->";

interface Plan {
  readonly tests: readonly string[];
  readonly pipelines: readonly number[];
  readonly rounds: number;
  /** How long one round of one test on one server is to take. */
  readonly seconds: number;
  readonly peer: Target | null;
  readonly nodeFlags: readonly string[];
  readonly fsync: boolean;
  readonly memory: boolean;
  readonly write: boolean;
}

interface Round {
  readonly rate: number;
  /** Processor time of the server, all its threads, microseconds a request; NaN when not known. */
  readonly processorUs: number;
}

/** The rounds of one case, by the name of the server. */
interface Measured extends Case {
  readonly rounds: ReadonlyMap<string, readonly Round[]>;
}

function planOf(argv: string[]): Plan {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      tests: { type: "string" },
      pipelines: { type: "string" },
      seconds: { type: "string" },
      peer: { type: "string" },
      "node-flag": { type: "string", multiple: true, default: [] },
      "no-fsync": { type: "boolean", default: false },
      "no-memory": { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  const { quick } = values;
  return {
    tests: values.tests?.split(",") ?? (quick ? [...PLAIN_TESTS] : TESTS),
    pipelines: (values.pipelines ?? (quick ? "1,16" : "1,16,64")).split(",").map(Number),
    rounds: Number(values.rounds ?? (quick ? 3 : 5)),
    seconds: Number(values.seconds ?? (quick ? 0.3 : 0.5)),
    peer: values.peer === undefined ? null : peerOf(values.peer),
    nodeFlags: values["node-flag"],
    fsync: !values["no-fsync"],
    memory: !values["no-memory"] && !quick,
    write: values.write,
  };
}

function peerOf(text: string): Target {
  const at = text.lastIndexOf(":");
  return peerAt(text.slice(0, at), Number(text.slice(at + 1)));
}

async function measure(target: Target, some: Case, requests: number): Promise<Round> {
  const { processId } = target;
  const before = processId === null ? Number.NaN : processorSeconds(processId);
  const rate = await runCase(target, some, requests);
  const after = processId === null ? Number.NaN : processorSeconds(processId);
  return { rate, processorUs: ((after - before) * 1e6) / requests };
}

/** Null, with a note, when the servers do not have the command. */
async function compare(
  targets: readonly Target[],
  some: Case,
  plan: Plan,
): Promise<Measured | null> {
  try {
    return await takeTurns(targets, some, plan);
  } catch (error) {
    if (!(error instanceof NoSuchCommand)) throw error;
    process.stderr.write(`${some.test} is passed over: a server does not know the command\n`);
    return null;
  }
}

async function takeTurns(targets: readonly Target[], some: Case, plan: Plan): Promise<Measured> {
  const rounds = new Map<string, Round[]>();
  const requests = new Map<string, number>();
  for (const target of targets) {
    // oxlint-disable-next-line no-await-in-loop -- two at once would disturb each other
    await bringKeys(target, some);
    // oxlint-disable-next-line no-await-in-loop -- the same
    const { rate } = await measure(target, some, PROBE_REQUESTS);
    requests.set(target.name, Math.ceil(Math.max(PROBE_REQUESTS, rate * plan.seconds)));
    rounds.set(target.name, []);
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const target of targets) {
      // oxlint-disable-next-line no-await-in-loop -- they take turns: that is the method
      const one = await measure(target, some, requests.get(target.name) ?? PROBE_REQUESTS);
      rounds.get(target.name)?.push(one);
    }
  }
  return { ...some, rounds };
}

async function compareAll(plan: Plan, fsync: Fsync): Promise<string> {
  const kept = await startKept(process.cwd(), fsync, plan.nodeFlags);
  const targets = [kept];
  try {
    const redis = await startRedis(fsync);
    if (redis !== null) targets.push(redis);
    if (plan.peer !== null && fsync === "none") targets.push(plan.peer);
    const cases = fsync === "none" ? allCases(plan) : fsyncCases(plan);
    const measured: Measured[] = [];
    for (const some of cases) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time has the machine to itself
      const result = await compare(targets, some, plan);
      if (result === null) continue;
      measured.push(result);
      process.stderr.write(`${row(result, targets, fsync)}\n`);
    }
    return table(measured, targets, fsync);
  } finally {
    for (const target of targets) {
      // oxlint-disable-next-line no-await-in-loop -- two or three of them
      await target.stop();
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

function table(measured: readonly Measured[], targets: readonly Target[], fsync: Fsync): string {
  const names = targets.map(({ name }) => name);
  const others = names.slice(1);
  const times = names.map((name) => `${name}, µs`);
  const heads = ["test", "P", ...names, ...others.map((name) => `kept / ${name}`), "range"];
  const columns = [...heads, "must", "aim", "", ...times];
  const lines = measured.map((each) => row(each, targets, fsync));
  return [`| ${columns.join(" | ")} |`, `|${"---|".repeat(columns.length)}`, ...lines].join("\n");
}

function row(measured: Measured, targets: readonly Target[], fsync: Fsync): string {
  const { test, pipeline, rounds } = measured;
  const cells = [test, String(pipeline)];
  const rates = targets.map(({ name }) => (rounds.get(name) ?? []).map(({ rate }) => rate));
  for (const each of rates) cells.push(thousands(median(each)));
  const [kept, ...others] = rates;
  const ratios = others.map((other) => other.map((rate, round) => (kept?.[round] ?? 0) / rate));
  for (const each of ratios) cells.push(median(each).toFixed(2));
  const [first] = ratios;
  cells.push(first === undefined ? "" : range(first));
  cells.push(...verdictOn(measured, first, fsync));
  for (const { name } of targets) {
    const time = median((rounds.get(name) ?? []).map(({ processorUs }) => processorUs));
    cells.push(Number.isNaN(time) || FILLED_FIRST.has(test) ? "" : time.toFixed(1));
  }
  return `| ${cells.join(" | ")} |`;
}

function verdictOn(some: Case, ratios: readonly number[] | undefined, fsync: Fsync): string[] {
  const wanted = wantedOf(some, fsync);
  if (wanted === null || ratios === undefined) return ["", "", ""];
  const { must, aim } = wanted;
  const reached = median(ratios);
  const words = reached >= aim ? "aim met" : reached >= (must ?? aim) ? "met" : "missed";
  return [must?.toFixed(2) ?? "", aim.toFixed(2), words];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function range(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
}

function thousands(rate: number): string {
  return rate >= 10_000 ? `${Math.round(rate / 1000)} k` : `${(rate / 1000).toFixed(1)} k`;
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

async function main(): Promise<void> {
  const plan = planOf(process.argv.slice(2));
  if (!isInstalled("redis-benchmark")) {
    throw new Error(
      "redis-benchmark is not installed: apt install redis-tools, brew install redis",
    );
  }
  const [load = 0] = loadavg();
  const sections = [
    `Node ${process.version}, ${cpus().length} processors, load average at the start ` +
      `${load.toFixed(1)}; \`redis-benchmark -c ${CLIENTS} -d ${VALUE_BYTES} -r ${RANDOM_KEYS}\`, ` +
      `${plan.rounds} rounds of ${plan.seconds} s a test and server, taking turns. Requests per ` +
      "second are medians, ratios the median and range over the rounds. The keys of set, get, incr and mset " +
      "are there before the first round. `must` and `aim` are the goals of issues 2 and 6; the last columns are the server's processor time for a request.",
    await compareAll(plan, "none"),
  ];
  if (plan.fsync) {
    sections.push("With an fsync before every answer (`appendfsync always` on both):");
    sections.push(await compareAll(plan, "always"));
  }
  if (plan.memory) {
    sections.push(
      `Resident memory with a million keys of ${VALUE_BYTES} bytes:`,
      await memory(plan),
    );
  }
  const text = sections.join("\n\n");
  process.stdout.write(`${text}\n`);
  if (plan.write) writeInto(join(process.cwd(), "docs/performance.md"), text);
}

function writeInto(path: string, text: string): void {
  const page = readFileSync(path, "utf8");
  const begin = page.indexOf(BEGIN_MARK);
  const end = page.indexOf(END_MARK);
  if (begin === -1 || end < begin) throw new Error(`${path} lacks the marks of the bench`);
  const before = page.slice(0, begin + BEGIN_MARK.length);
  writeFileSync(path, `${before}\n\n${text}\n\n${page.slice(end)}`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
