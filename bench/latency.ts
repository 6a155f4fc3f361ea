// Latency at half the maximum rate, on Kept and on Debian's redis-server beside it, in turns: reads,
// writes and both, alone, with compactions running, and with one request in a hundred on a collection of
// a million elements. The load is open-loop.ts, a process of its own; the maximum is what redis-benchmark
// reaches with as many connections on the same data.
//
//   node build/bench/latency.js --data DIR --fill     fills DIR (a minute or two; not to be timed)
//   node build/bench/latency.js --data DIR [--seconds 5] [--mixes reads,writes,mixed]
//        [--situations alone,compacting,large,both] [--servers kept,redis] [--node-flag --flag]
//
// BGREWRITEAOF makes the work in the background: in Kept it compacts everything, in Redis it forks.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

import { Client } from "./collection-client.ts";
import { BURST, FAMILIES, type Words } from "./collection-families.ts";
import { bringKeys, CLIENTS, runCase } from "./cases.ts";
import { LARGE_ELEMENTS, LARGE_KEYS, largeKey, MIXES, type Mix } from "./mixes.ts";
import { print } from "./measure.ts";
import type { Found, Load } from "./open-loop.ts";
import { processorSeconds, startKept, startRedis, type Target } from "./server-process.ts";

const run = promisify(execFile);

const SITUATIONS = ["alone", "compacting", "large", "both"] as const;
type Situation = (typeof SITUATIONS)[number];

const PROBE_REQUESTS = 50_000;
const WARM_UP_S = 2;
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

async function row(target: Target, mix: Mix, situation: Situation): Promise<void> {
  const rate = Math.floor((await maximumOf(target, mix)) / 2);
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
  await loopOf(target, true);
  const compacts = situation === "compacting" || situation === "both";
  const { processId } = target;
  const used = processId === null ? 0 : processorSeconds(processId);
  const [found, compactions] = await measure(target, load, compacts);
  const usedUs = ((processId === null ? 0 : processorSeconds(processId)) - used) * 1e6;
  const { latency, late, above10ms, errors, error, unanswered } = found;
  const isMet = latency.p99 < GOAL_99_US && latency.p999 < GOAL_999_US;
  const figures = [latency.p50, latency.p99, latency.p999, latency.max].map(ms).join(" | ");
  const own = `${ms(late.p99)} / ${ms(late.p999)} / ${ms(late.max)}`;
  const loop = await loopOf(target, false);
  const each = (usedUs / (rate * (load.seconds + WARM_UP_S))).toFixed(1);
  const what = `${mix} | ${situation}${compacts ? ` (${compactions})` : ""} | ${target.name}`;
  print(
    `| ${what} | ${rate} | ${figures} | ${above10ms} | ${isMet ? "met" : "missed"} | ${each} | ${own} | ${loop} |`,
  );
  if (errors > 0) print(`  ${errors} errors: ${error}`);
  if (unanswered > 0) print(`  ${unanswered} requests were not answered`);
}

const HEADS =
  "mix | situation | server | requests/s | p50, ms | p99 | p99.9 | max | over 10 ms |  | " +
  "processor, µs a request | generator late: p99 / p99.9 / max | longest turn, ms; turns over 10 ms";

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
    print(`| ${HEADS} |\n|${"---|".repeat(HEADS.split("|").length)}`);
    for (const situation of situations) {
      for (const mix of mixes) {
        // oxlint-disable-next-line no-await-in-loop -- they take turns
        for (const target of targets) await row(target, mix, situation);
      }
    }
  } finally {
    // oxlint-disable-next-line no-await-in-loop -- two of them
    for (const target of targets) await target.stop();
  }
}

await main();
