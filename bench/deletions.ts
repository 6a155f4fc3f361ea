// What DEL of a large collection costs, and what the collection of its remains costs others: GETs on four
// connections and SETs on a fifth, before it and after it, and DELs of strings in turns with it, which tell what the
// machine makes of the same thing without a collection. On what `collections.js --data DIR --fill` has left:
//
//   node build/bench/deletions.js --data DIR [--families zset,hash] [--size 10000000] [--seconds 5]
//
// Without `--data` on many smaller ones, made here: up to a thousand sets of each size that `--small` names.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Client } from "./collection-client.ts";
import { BURST, FAMILIES, KEY, type Family } from "./collection-families.ts";
import { copied } from "./copied.ts";
import { print } from "./measure.ts";
import { startKept, type Target } from "./server-process.ts";

const VALUE = "v".repeat(64);
const KEYS = 1000;
const READERS = 4;
/** Smaller sets are made here: so many members in all of one size, and so many sets at most. */
const SMALL_MEMBERS = 1_000_000;
const SMALL_COLLECTIONS_MAX = 1000;
const WARM_ROUNDS = 200;
const WARM_SIZE = 200;
const READ_ROUNDS = 50;

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    families: { type: "string", default: "list,zset,set,hash,stream" },
    size: { type: "string", default: "10000000" },
    seconds: { type: "string", default: "5" },
    small: { type: "string", default: "10,100,1000,100000" },
  },
});

function told(name: string, times: number[]): void {
  times.sort((a, b) => a - b);
  const part = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(0);
  const figures = `median ${part(0.5)}, p99 ${part(0.99)}, longest ${part(1)}`;
  print(`  ${name.padEnd(34)} ${figures} µs of ${times.length}`);
}

async function timed(client: Client, words: readonly string[]): Promise<number> {
  const started = process.hrtime.bigint();
  await client.say(words);
  return Number(process.hrtime.bigint() - started) / 1000;
}

async function timedFor(
  client: Client,
  seconds: number,
  words: (index: number) => readonly string[],
): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
    times.push(await timed(client, words(times.length)));
  }
  return times;
}

/** What others hear meanwhile, who read and write something else. */
async function others(target: Target, when: string): Promise<void> {
  const seconds = Number(options.seconds);
  const clients = Array.from({ length: READERS + 1 }, () => new Client(target));
  try {
    const found = await Promise.all(
      clients.map((client, who) =>
        timedFor(client, seconds, (index) => {
          const key = `key:${(index * 7 + who) % KEYS}`;
          return who === READERS ? ["SET", key, VALUE] : ["GET", key];
        }),
      ),
    );
    told(`GET of ${READERS} others ${when}`, found.slice(0, READERS).flat());
    told(`SET of another ${when}`, found[READERS] ?? []);
  } finally {
    for (const client of clients) client.close();
  }
}

/** What the server itself says that the DELs took, but those of strings. */
async function serverTimes(client: Client, count: number): Promise<number[]> {
  const [entries] = await client.say(["SLOWLOG", "GET", String(count)]);
  if (!Array.isArray(entries)) return [];
  const times: number[] = [];
  for (const entry of entries) {
    if (!Array.isArray(entry) || !Array.isArray(entry[3])) continue;
    const [name, key] = entry[3];
    if (name === "DEL" && typeof key === "string" && !key.startsWith("string:")) {
      times.push(Number(entry[2]));
    }
  }
  return times;
}

/** How long the server's loop was held since the last CONFIG RESETSTAT. */
async function heldTurns(client: Client): Promise<string> {
  const [reply] = await client.say(["INFO", "kept"]);
  const info = typeof reply === "string" ? reply : "";
  const field = (name: string): string =>
    new RegExp(`event_loop_${name}:(\\d+)`).exec(info)?.[1] ?? "?";
  return (
    `longest ${field("longest_usec")} µs, over 10 ms ${field("turns_over_10ms")}, of them ` +
    `without a processor ${field("turns_over_10ms_off_processor")}`
  );
}

/** What a DEL costs while its code is new is left out. */
async function warmUp(client: Client): Promise<void> {
  for (let round = 0; round < WARM_ROUNDS; round++) {
    const members = Array.from({ length: WARM_SIZE }, (_, index) => `m${index}`);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await client.say(["SADD", "warm", ...members], ["DEL", "warm"]);
  }
}

/** And what the first reads from a file cost that has just been opened. */
async function readBefore(client: Client, family: Family, size: number): Promise<void> {
  for (const { command, isLinear } of family.operations) {
    const rounds = isLinear === true ? 0 : READ_ROUNDS;
    for (let round = 0; round < rounds; round++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await client.say(command(KEY, size, round % 4));
    }
  }
}

async function measured(
  target: Target,
  keys: readonly string[],
  prepare: (client: Client) => Promise<void>,
): Promise<void> {
  const client = new Client(target);
  try {
    await client.untilReady();
    await warmUp(client);
    await prepare(client);
    for (let index = 0; index < KEYS; index++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await client.say(["SET", `key:${index}`, VALUE], ["SET", `string:${index}`, VALUE]);
    }
    await others(target, "before");
    await client.say(
      ["CONFIG", "SET", "slowlog-max-len", String(KEYS + 1 + keys.length)],
      ["CONFIG", "SET", "slowlog-log-slower-than", "0"],
      ["CONFIG", "RESETSTAT"],
    );
    const times: number[] = [];
    const strings: number[] = [];
    for (let index = 0; index < KEYS; index++) {
      const key = keys[index];
      // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
      if (key !== undefined) times.push(await timed(client, ["DEL", key]));
      // oxlint-disable-next-line no-await-in-loop -- the same
      strings.push(await timed(client, ["DEL", `string:${index}`]));
    }
    const duringDeletions = await heldTurns(client);
    await client.say(["CONFIG", "SET", "slowlog-log-slower-than", "-1"], ["CONFIG", "RESETSTAT"]);
    const own = await serverTimes(client, KEYS + 1 + keys.length);
    told("DEL, round trip", times);
    told("DEL of strings beside it", strings);
    told("DEL, in the server", own);
    print(`  turns of the loop meanwhile          ${duringDeletions}`);
    await others(target, "after");
    print(`  turns of the loop meanwhile          ${await heldTurns(client)}`);
  } finally {
    client.close();
  }
}

async function large(family: Family, size: string): Promise<void> {
  const dir = copied(join(options.data ?? "", `kept-${family.name}-${size}`));
  try {
    const target = await startKept(process.cwd(), "none", [], dir);
    print(`\n${family.name} of ${size}`);
    try {
      await measured(target, [KEY], (client) => readBefore(client, family, Number(size)));
    } finally {
      await target.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function small(count: number, size: number): Promise<void> {
  const set = FAMILIES.find(({ name }) => name === "set");
  if (set === undefined) return;
  const target = await startKept(process.cwd(), "none", []);
  const client = new Client(target);
  try {
    await client.untilReady();
    const keys = Array.from({ length: count }, (_, index) => `small:${index}`);
    for (const key of keys) {
      for (let from = 0; from < size; from += BURST) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other bounds what waits
        await client.say(...set.fill(key, from, Math.min(from + BURST, size)));
      }
    }
    print(`\n${count} sets of ${size}`);
    await measured(target, keys, () => Promise.resolve());
  } finally {
    client.close();
    await target.stop();
  }
}

if (options.data === undefined) {
  for (const size of options.small.split(",").map(Number)) {
    const count = Math.min(SMALL_COLLECTIONS_MAX, SMALL_MEMBERS / size);
    // oxlint-disable-next-line no-await-in-loop -- never at the same time
    await small(count, size);
  }
} else {
  for (const family of FAMILIES) {
    // oxlint-disable-next-line no-await-in-loop -- never at the same time
    if (options.families.split(",").includes(family.name)) await large(family, options.size);
  }
}
