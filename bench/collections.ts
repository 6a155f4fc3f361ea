// The curve: what an operation on a collection costs as the collection grows, on Kept and on Debian's
// redis-server beside it, and what memory the server takes. A family (collection-families.ts) says how
// to fill a collection and which operations are looked at; each is one command at a time on one
// connection, so that the figure is its latency, round trip included (the first row).
//
//   node build/bench/collections.js [--sizes 10,1000,100000] [--families list,zset] [--times 200] [--alone]
//
// Filling ten million takes minutes, measuring them seconds. `--data DIR --fill` leaves the filled
// servers' directories in DIR, and `--data DIR` alone measures on copies of them, with servers that have
// just been started: elements by chance of a large collection are then not in their caches. So each
// operation is said to some hundred of them, and once more to the same (the second column). What the
// operations cost while their code is new is left out: each is said some hundred times to a small
// collection first.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Client } from "./collection-client.ts";
import {
  BURST,
  chanceFrom,
  FAMILIES,
  KEY,
  type Family,
  type Words,
} from "./collection-families.ts";
import { copied } from "./copied.ts";
import { print } from "./measure.ts";
import { residentBytes, startKept, startRedis, type Target } from "./server-process.ts";

const COMMANDS_PER_BURST = 100;
const MB = 1024 * 1024;
const COLUMN = 11;
const WARM_KEY = "warm";
const WARM_SIZE = 1000;
const WARM_ROUNDS = 300;
const CHANCE_FROM = 1_000_000;

const { values: options } = parseArgs({
  options: {
    sizes: { type: "string", default: "10,1000,100000,1000000" },
    families: { type: "string", default: "list,zset" },
    times: { type: "string", default: "200" },
    data: { type: "string" },
    fill: { type: "boolean", default: false },
    alone: { type: "boolean", default: false },
  },
});

async function fill(client: Client, family: Family, key: string, size: number): Promise<void> {
  let commands: Words[] = [];
  for (let from = 0; from < size; from += BURST) {
    commands.push(...family.fill(key, from, Math.min(from + BURST, size)));
    if (commands.length < COMMANDS_PER_BURST && from + BURST < size) continue;
    // oxlint-disable-next-line no-await-in-loop -- one burst after the other bounds what waits
    await client.say(...commands);
    commands = [];
  }
}

/** Microseconds of a command, the median, round trip included. */
async function timed(
  client: Client,
  times: number,
  command: (at: number) => Words,
): Promise<number> {
  const each: number[] = [];
  for (let round = 0; round < times; round++) {
    const words = command(round);
    const started = process.hrtime.bigint();
    // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
    await client.say(words);
    each.push(Number(process.hrtime.bigint() - started) / 1000);
  }
  each.sort((a, b) => a - b);
  return each[Math.floor(each.length / 2)] ?? Number.NaN;
}

interface Row {
  readonly name: string;
  readonly times: readonly number[];
}

interface Column {
  readonly rows: readonly Row[];
  readonly memory: number;
}

async function warmUp(client: Client, family: Family): Promise<void> {
  await fill(client, family, WARM_KEY, WARM_SIZE);
  for (const { command, isLinear } of family.operations) {
    const rounds = isLinear === true ? 1 : WARM_ROUNDS;
    for (let round = 0; round < rounds; round++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as it will be measured
      await client.say(command(WARM_KEY, WARM_SIZE, round % 4));
    }
  }
  await client.say(["DEL", WARM_KEY]);
}

async function measured(target: Target, family: Family, size: number): Promise<Column> {
  const times = Number(options.times);
  const client = new Client(target);
  const rows: Row[] = [];
  let place = CHANCE_FROM;
  const note = (name: string, ...found: readonly number[]): void => {
    rows.push({ name, times: found });
  };
  try {
    await client.untilReady();
    await warmUp(client, family);
    note("PING", await timed(client, times, () => ["PING"]));
    if (options.data === undefined) {
      const started = performance.now();
      await fill(client, family, KEY, size);
      const each = ((performance.now() - started) * 1000) / size;
      note("filling, an element", each);
    }
    for (const { name, command, isLinear } of family.operations) {
      const rounds = isLinear === true && size > 100_000 ? 3 : times;
      const say = (at: number): Words => command(KEY, size, at % 4);
      chanceFrom(place);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const first = await timed(client, rounds, say);
      chanceFrom(place);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      note(name, first, await timed(client, rounds, say));
      place += rounds;
    }
    const memory = target.processId === null ? 0 : residentBytes(target.processId) / MB;
    note("DEL", await timed(client, 1, () => ["DEL", KEY]));
    return { rows, memory };
  } finally {
    client.close();
  }
}

type Start = (dir: string | null) => Promise<Target | null>;

const SERVERS: ReadonlyMap<string, Start> = new Map<string, Start>([
  ["kept", (dir) => startKept(process.cwd(), "none", [], dir)],
  ["redis", (dir) => startRedis("none", dir)],
]);

function dataOf(name: string, family: Family, size: number): string | null {
  return options.data === undefined ? null : join(options.data, `${name}-${family.name}-${size}`);
}

async function fillServer(name: string, family: Family, size: number): Promise<void> {
  const target = await SERVERS.get(name)?.(dataOf(name, family, size));
  if (target === null || target === undefined) return;
  const client = new Client(target);
  const started = performance.now();
  try {
    await client.untilReady();
    await fill(client, family, KEY, size);
    if (name === "redis") await client.say(["SAVE"]);
    const each = ((performance.now() - started) * 1000) / size;
    const memory = target.processId === null ? 0 : residentBytes(target.processId) / MB;
    print(
      `${name} ${family.name} ${size}: ${each.toFixed(2)} µs an element, ${memory.toFixed(0)} MB`,
    );
  } finally {
    client.close();
    await target.stop();
  }
}

async function column(name: string, family: Family, size: number): Promise<Column | null> {
  const source = dataOf(name, family, size);
  const dir = source === null ? null : copied(source);
  try {
    const target = await SERVERS.get(name)?.(dir);
    if (target === null || target === undefined) return null;
    try {
      return await measured(target, family, size);
    } finally {
      await target.stop();
    }
  } finally {
    if (dir !== null) rmSync(dir, { recursive: true, force: true });
  }
}

function inColumns(times: readonly number[]): string {
  return times.map((time) => time.toFixed(1).padStart(COLUMN)).join("");
}

async function compared(family: Family, size: number): Promise<void> {
  const kept = await column("kept", family, size);
  const redis = options.alone ? null : await column("redis", family, size);
  print(`\n${family.name} of ${size}: microseconds, first and again; redis-server`);
  for (const [index, { name, times }] of (kept?.rows ?? []).entries()) {
    const theirs = redis?.rows[index]?.times ?? [];
    print(`  ${name.padEnd(20)}${inColumns(times).padEnd(2 * COLUMN)} |${inColumns(theirs)}`);
  }
  const memory = [kept?.memory ?? 0, redis?.memory ?? 0];
  print(`  ${"resident MB".padEnd(20)}${inColumns(memory)}`);
}

for (const family of FAMILIES) {
  if (!options.families.split(",").includes(family.name)) continue;
  for (const size of options.sizes.split(",").map(Number)) {
    if (options.fill) {
      for (const name of options.alone ? ["kept"] : SERVERS.keys()) {
        // oxlint-disable-next-line no-await-in-loop -- the same
        await fillServer(name, family, size);
      }
    } else {
      // oxlint-disable-next-line no-await-in-loop -- never at the same time
      await compared(family, size);
    }
  }
}
