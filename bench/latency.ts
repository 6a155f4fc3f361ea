// Latency at half the maximum rate, on Kept and on Debian's redis-server beside it, in turns: reads,
// writes and both, alone, with compactions running, and with one request in a hundred on a collection of
// a million elements. The load is open-loop.ts, a process of its own; the maximum is what redis-benchmark
// reaches with as many connections on the same data.
//
//   node build/bench/latency.js --data DIR --fill     fills DIR (a minute or two; not to be timed)
//   node build/bench/latency.js --data DIR [--seconds 5] [--mixes reads,writes,mixed]
//        [--situations alone,compacting,large,both] [--servers kept,redis] [--node-flag --flag]
//        [--rounds 20] [--pin]
//
// On a machine that takes its processors away now and then, one long run says more about that than about the
// server. So there are rounds, short ones, in which the servers take turns under the same load; what is told is the median
// round, and how many rounds reach the goal. --pin gives the servers the first processor and everything else the second.
//
// BGREWRITEAOF makes the work in the background: in Kept it compacts everything, in Redis it forks.

import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

import { Client } from "./collection-client.ts";
import { BURST, FAMILIES, type Words } from "./collection-families.ts";
import { bringKeys, CLIENTS, runCase } from "./cases.ts";
import { LARGE_ELEMENTS, LARGE_KEYS, largeKey, MIXES, type Mix } from "./mixes.ts";
import { median, print } from "./measure.ts";
import type { Summary } from "./latency-histogram.ts";
import type { Found, Load } from "./open-loop.ts";
import { processorSeconds, startKept, startRedis, type Target } from "./server-process.ts";

const run = promisify(execFile);

const SITUATIONS = ["alone", "compacting", "large", "both"] as const;
type Situation = (typeof SITUATIONS)[number];

const PROBE_REQUESTS = 50_000;
const WARM_UP_S = 0.5;
const LOOK_MS = 300;
const GOAL_99_US = 2000;
const GOAL_999_US = 10_000;

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    fill: { type: "boolean", default: false },
    seconds: { type: "string", default: "5" },
    mixes: { type: "string", default: MIXES.join(",") },
    situations: { type: "string", default: SITUATIONS.join(",") },
    servers: { type: "string", default: "kept,redis" },
    "node-flag": { type: "string", multiple: true },
    rate: { type: "string" },
    rounds: { type: "string", default: "1" },
    pin: { type: "boolean", default: false },
  },
});

function chosen<T extends string>(option: string, text: string, all: readonly T[]): T[] {
  return text.split(",").map((name) => {
    const found = all.find((one) => one === name);
    if (found === undefined) throw new Error(`--${option}: ${name} is none of ${all.join(", ")}`);
    return found;
  });
}

async function start(name: string): Promise<Target | null> {
  const dir = options.data === undefined ? null : join(options.data, name);
  if (name === "kept") return startKept(process.cwd(), "none", options["node-flag"] ?? [], dir);
  return startRedis("none", dir);
}

async function untilReady(target: Target): Promise<void> {
  const client = new Client(target);
  await client.untilReady();
  client.close();
}

/** The small keys, and a collection of each type. */
async function fill(target: Target): Promise<void> {
  await bringKeys(target, { test: "set", pipeline: 1 });
  const client = new Client(target);
  try {
    await client.untilReady();
    for (const type of LARGE_KEYS) {
      const family = FAMILIES.find(({ name }) => name === type);
      if (family === undefined) throw new Error(`there is no family ${type}`);
      let commands: Words[] = [];
      for (let from = 0; from < LARGE_ELEMENTS; from += BURST) {
        commands.push(...family.fill(largeKey(type), from, from + BURST));
        if (commands.length < BURST && from + BURST < LARGE_ELEMENTS) continue;
        // oxlint-disable-next-line no-await-in-loop -- one burst after the other bounds what waits
        await client.say(...commands);
        commands = [];
      }
    }
    if (target.name === "redis") await client.say(["SAVE"]);
  } finally {
    client.close();
  }
}

/** Requests per second with as many connections as will be used. */
async function maximumOf(target: Target, mix: Mix): Promise<number> {
  if (options.rate !== undefined) return Number(options.rate) * 2;
  const rates = [];
  for (const test of mix === "reads" ? ["get"] : mix === "writes" ? ["set"] : ["get", "set"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await runCase(target, { test, pipeline: 1 }, PROBE_REQUESTS);
    // oxlint-disable-next-line no-await-in-loop -- the first brought the keys near
    rates.push(await runCase(target, { test, pipeline: 1 }, PROBE_REQUESTS));
  }
  return rates.length / rates.reduce((sum, rate) => sum + 1 / rate, 0);
}

async function infoOf(client: Client, section: string): Promise<string> {
  const [info] = await client.say(["INFO", section]);
  return typeof info === "string" ? info : "";
}

interface Compactions {
  /** Ended, or going on at the end. */
  count: number;
  stop(): Promise<void>;
}

/** Begins one after the other until it is stopped. */
function keepCompacting(target: Target): Compactions {
  const client = new Client(target);
  const asked = { stop: false };
  const compactions: Compactions = { count: 0, stop: async () => await Promise.resolve() };
  const going = (async (): Promise<void> => {
    while (!asked.stop) {
      // oxlint-disable-next-line no-await-in-loop -- look, wait, look again
      const info = await infoOf(client, "persistence");
      if (!info.includes("aof_rewrite_in_progress:1")) {
        // oxlint-disable-next-line no-await-in-loop -- the same
        await client.say(["BGREWRITEAOF"]);
        compactions.count++;
      }
      // oxlint-disable-next-line no-await-in-loop -- the same
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  })();
  compactions.stop = async () => {
    asked.stop = true;
    await going;
    client.close();
  };
  return compactions;
}

async function measure(target: Target, load: Load, compacts: boolean): Promise<[Found, number]> {
  const compactions = compacts ? keepCompacting(target) : null;
  try {
    const program = join(import.meta.dirname, "open-loop.js");
    const { stdout } = await run(process.execPath, [program, JSON.stringify(load)]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- open-loop.ts wrote it
    return [JSON.parse(stdout) as Found, compactions?.count ?? 0];
  } finally {
    await compactions?.stop();
  }
}

/** What the server itself says of its event loop; "" for one that does not. */
async function loopOf(target: Target, reset: boolean): Promise<string> {
  const client = new Client(target);
  try {
    if (reset) await client.say(["CONFIG", "RESETSTAT"]);
    const info = await infoOf(client, "kept");
    const field = (name: string): string | null =>
      new RegExp(`^event_loop_${name}:(.*)\\r$`, "m").exec(info)?.[1] ?? null;
    const longest = field("longest_usec");
    if (longest === null) return "";
    const counts = `${field("turns_over_10ms")} (${field("turns_over_10ms_off_processor")} off, ${field("turns_over_10ms_gc")} gc)`;
    return `${ms(Number(longest))}; ${counts} ${field("last_over_10ms")}`;
  } finally {
    client.close();
  }
}

function ms(microseconds: number): string {
  return (microseconds / 1000).toFixed(2);
}

/** What a row of the table is about. */
interface Place {
  readonly target: Target;
  readonly mix: Mix;
  readonly situation: Situation;
  readonly rate: number;
}

interface Round {
  readonly found: Found;
  readonly compactions: number;
  readonly usedUs: number;
}

async function round({ target, mix, situation, rate }: Place): Promise<Round> {
  const load: Load = {
    mix,
    large: situation === "large" || situation === "both",
    seed: 1,
    host: target.host,
    port: target.port,
    connections: CLIENTS,
    rate,
    seconds: Number(options.seconds),
    warmUpSeconds: WARM_UP_S,
  };
  const compacts = situation === "compacting" || situation === "both";
  const { processId } = target;
  const used = processId === null ? 0 : processorSeconds(processId);
  const [found, compactions] = await measure(target, load, compacts);
  const usedUs = ((processId === null ? 0 : processorSeconds(processId)) - used) * 1e6;
  return { found, compactions, usedUs: usedUs / (rate * (load.seconds + WARM_UP_S)) };
}

/** Median p99 and p99.9 of the rounds, and how many of them reach the goal. */
function tails(summaries: readonly Summary[]): string[] {
  const met = summaries.filter(({ p99, p999 }) => p99 < GOAL_99_US && p999 < GOAL_999_US);
  return [
    ms(median(summaries.map(({ p99 }) => p99))),
    ms(median(summaries.map(({ p999 }) => p999))),
    `${met.length} of ${summaries.length}`,
  ];
}

async function row(
  { target, mix, situation, rate }: Place,
  rounds: readonly Round[],
): Promise<void> {
  const all = rounds.map(({ found }) => found);
  const latencies = all.map(({ latency }) => latency);
  const counted = all.reduce((sum, { latency }) => sum + latency.count, 0);
  const undisturbed = all.reduce((sum, found) => sum + found.undisturbed.count, 0);
  const compactions = rounds.reduce((sum, one) => sum + one.compactions, 0);
  const cells = [
    mix,
    compactions > 0 ? `${situation} (${compactions})` : situation,
    target.name,
    String(rate),
    ms(median(latencies.map(({ p50 }) => p50))),
    ...tails(latencies),
    ...tails(all.map((found) => found.undisturbed)),
    `${((1 - undisturbed / counted) * 100).toFixed(1)} %`,
    ms(Math.max(...latencies.map(({ max }) => max))),
    median(rounds.map(({ usedUs }) => usedUs)).toFixed(1),
    `${ms(median(all.map(({ late }) => late.p99)))} / ${ms(Math.max(...all.map(({ late }) => late.max)))}`,
    await loopOf(target, false),
  ];
  print(`| ${cells.join(" | ")} |`);
  const errors = all.reduce((sum, found) => sum + found.errors, 0);
  const unanswered = all.reduce((sum, found) => sum + found.unanswered, 0);
  if (errors > 0) print(`  ${errors} errors: ${all.find(({ error }) => error !== null)?.error}`);
  if (unanswered > 0) print(`  ${unanswered} requests were not answered`);
}

const HEADS =
  "mix | situation | server | requests/s | p50, ms | p99 | p99.9 | rounds that reach the goal | " +
  "undisturbed: p99 | p99.9 | rounds | disturbed | max | processor, µs a request | " +
  "generator late: p99 / max | longest turn, ms; turns over 10 ms";

/** Each server gets the first processor; we, and what we start from now on, the second. */
function pin(targets: readonly Target[]): void {
  if (!options.pin) return;
  execFileSync("taskset", ["-a", "-c", "-p", "1", String(process.pid)], { stdio: "ignore" });
  for (const { processId } of targets) {
    execFileSync("taskset", ["-a", "-c", "-p", "0", String(processId)], { stdio: "ignore" });
  }
}

async function compared(targets: readonly Target[], mix: Mix, situation: Situation): Promise<void> {
  const places: Place[] = [];
  for (const target of targets) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const rate = Math.floor((await maximumOf(target, mix)) / 2);
    places.push({ target, mix, situation, rate });
    // oxlint-disable-next-line no-await-in-loop -- the same
    await loopOf(target, true);
  }
  const rounds = places.map((): Round[] => []);
  for (let count = 0; count < Number(options.rounds); count++) {
    for (const [index, place] of places.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- they take turns
      rounds[index]?.push(await round(place));
    }
  }
  // oxlint-disable-next-line no-await-in-loop -- in order
  for (const [index, place] of places.entries()) await row(place, rounds[index] ?? []);
}

async function main(): Promise<void> {
  const mixes = chosen("mixes", options.mixes, MIXES);
  const situations = chosen("situations", options.situations, SITUATIONS);
  const names = chosen("servers", options.servers, ["kept", "redis"]);
  const targets: Target[] = [];
  try {
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- two of them
      const target = await start(name);
      if (target === null) continue;
      targets.push(target);
      // oxlint-disable-next-line no-await-in-loop -- two of them
      await untilReady(target);
      // oxlint-disable-next-line no-await-in-loop -- two of them
      if (options.fill || options.data === undefined) await fill(target);
    }
    if (options.fill) return;
    pin(targets);
    print(`| ${HEADS} |\n|${"---|".repeat(HEADS.split("|").length)}`);
    for (const situation of situations) {
      for (const mix of mixes) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await compared(targets, mix, situation);
      }
    }
  } finally {
    // oxlint-disable-next-line no-await-in-loop -- two of them
    for (const target of targets) await target.stop();
  }
}

await main();
