// Random stream commands, told to the handlers and to Debian's redis-server: every reply must be the
// same, but for times. Small nodes, so that there are many; the streams are dumped at times, so that
// what is inside is compared as well. A failure names the seed and the commands on the key up to it.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { SeededRandom, type Random } from "../../src/base/random.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { asResp2, format, quoted } from "./notation.ts";
import { isOracleInstalled, startOracle } from "./oracle.ts";
import { handlersTarget } from "./targets.ts";

const COMMAND_COUNT = 3000;
const KEYS = ["s1", "s2"];
const GROUPS = ["g1", "g2"];
const CONSUMERS = ["c1", "c2", "c3"];
const FIELDS = ["f", "field", "12", ""];
const VALUES = ["", "v", "-5", "4096", "x".repeat(70), "1234567890123", "01"];
const ODD_IDS = [
  ..."0-0,-,+,0,x,1-x,18446744073709551615-18446744073709551615,18446744073709551615,5-*".split(
    ",",
  ),
  ..."18446744073709551616,1-18446744073709551615,007-01,-1,1--1,9007199254740993-9007199254740993".split(
    ",",
  ),
];

function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)];
  assert.ok(choice !== undefined);
  return choice;
}

/** Most often one that is there or near; the streams grow by these as well. */
function anId(random: Random, clock: { ms: number }): Bytes {
  if (random.below(12) === 0) return pick(random, ODD_IDS);
  const ms = random.below(clock.ms + 2);
  return random.below(3) === 0 ? String(ms) : `${ms}-${random.below(3)}`;
}

/** Not "+": since Redis 7.4 that is the last entry. */
function anIdBehind(random: Random, clock: { ms: number }): Bytes {
  const id = anId(random, clock);
  return id === "+" ? "1" : id;
}

function aRangeEnd(random: Random, clock: { ms: number }): Bytes {
  const id = anId(random, clock);
  return pick(random, ["-", "+", id, id, id, `(${id}`]);
}

function maybe(random: Random, words: () => readonly Bytes[]): readonly Bytes[] {
  return random.below(2) === 0 ? [] : words();
}

function some(random: Random, most: number, make: () => readonly Bytes[]): Bytes[] {
  const words: Bytes[] = [];
  for (let count = 1 + random.below(most); count > 0; count--) words.push(...make());
  return words;
}

function trim(random: Random, clock: { ms: number }): Bytes[] {
  const sign = random.below(3) === 0 ? [] : [pick(random, ["~", "="])];
  const limit = random.below(4) === 0 ? ["LIMIT", pick(random, ["0", "1", "3", "10", "-1"])] : [];
  if (random.below(2) === 0) return ["MINID", ...sign, anId(random, clock), ...limit];
  return ["MAXLEN", ...sign, String(random.below(25)), ...limit];
}

type Make = (random: Random, key: Bytes, clock: { ms: number }) => Bytes[];

const add: Make = (random, key, clock) => {
  clock.ms += random.below(3);
  const id = pick(random, [`${clock.ms}-*`, `${clock.ms}-*`, `${clock.ms}-${random.below(4)}`]);
  const options = random.below(6) === 0 ? trim(random, clock) : [];
  const same = random.below(3) > 0;
  const pairs = same
    ? ["f", pick(random, VALUES)]
    : some(random, 3, () => [pick(random, FIELDS), pick(random, VALUES)]);
  return ["XADD", key, ...maybe(random, () => (options.length > 0 ? options : [])), id, ...pairs];
};

const readGroup: Make = (random, key, clock) => [
  "XREADGROUP",
  "GROUP",
  pick(random, GROUPS),
  pick(random, CONSUMERS),
  ...maybe(random, () => ["COUNT", String(random.below(6))]),
  ...(random.below(5) === 0 ? ["NOACK"] : []),
  "STREAMS",
  key,
  pick(random, [">", ">", ">", "0", anIdBehind(random, clock), "$"]),
];

const MAKERS: readonly Make[] = [
  add,
  add,
  add,
  add,
  add,
  add,
  (random, key, clock) => ["XADD", key, anId(random, clock), "f", "v"],
  (random, key, clock) => ["XTRIM", key, ...trim(random, clock)],
  (random, key, clock) => ["XDEL", key, ...some(random, 4, () => [anId(random, clock)])],
  (random, key, clock) => ["XDEL", key, ...some(random, 2, () => [anId(random, clock)])],
  (_random, key) => ["XLEN", key],
  (random, key, clock) => [
    pick(random, ["XRANGE", "XREVRANGE"]),
    key,
    aRangeEnd(random, clock),
    aRangeEnd(random, clock),
    ...maybe(random, () => ["COUNT", String(random.below(5) - 1)]),
  ],
  (random, key, clock) => [
    "XREAD",
    ...maybe(random, () => ["COUNT", String(random.below(5))]),
    "STREAMS",
    key,
    pick(random, KEYS),
    pick(random, ["$", "0", anIdBehind(random, clock), ">"]),
    anIdBehind(random, clock),
  ],
  (random, key, clock) => [
    "XSETID",
    key,
    anId(random, clock),
    ...(random.below(3) === 0 ? ["ENTRIESADDED", String(random.below(100))] : []),
    ...(random.below(3) === 0 ? ["MAXDELETEDID", anId(random, clock)] : []),
  ],
  (random, key, clock) => [
    "XGROUP",
    "CREATE",
    key,
    pick(random, GROUPS),
    pick(random, ["$", "0", anId(random, clock)]),
    ...maybe(random, () => ["MKSTREAM"]),
    ...(random.below(3) === 0 ? ["ENTRIESREAD", String(random.below(20) - 2)] : []),
  ],
  (random, key, clock) => [
    "XGROUP",
    "SETID",
    key,
    pick(random, GROUPS),
    pick(random, ["$", "-", anId(random, clock)]),
    ...(random.below(3) === 0 ? ["ENTRIESREAD", String(random.below(20) - 2)] : []),
  ],
  (random, key) => ["XGROUP", "CREATECONSUMER", key, pick(random, GROUPS), pick(random, CONSUMERS)],
  readGroup,
  readGroup,
  readGroup,
  (random, key, clock) => [
    "XACK",
    key,
    pick(random, GROUPS),
    ...some(random, 4, () => [anId(random, clock)]),
  ],
  (random, key) => ["XPENDING", key, pick(random, GROUPS)],
  (random, key, clock) => [
    "XPENDING",
    key,
    pick(random, GROUPS),
    aRangeEnd(random, clock),
    aRangeEnd(random, clock),
    String(random.below(8)),
    ...maybe(random, () => [pick(random, [...CONSUMERS, "nobody"])]),
  ],
  (random, key, clock) => [
    "XCLAIM",
    key,
    pick(random, GROUPS),
    pick(random, CONSUMERS),
    "0",
    ...some(random, 3, () => [anId(random, clock)]),
    ...maybe(random, () =>
      pick(random, [["FORCE"], ["JUSTID"], ["RETRYCOUNT", "7"], ["IDLE", "5"]]),
    ),
    ...(random.below(6) === 0 ? ["LASTID", anId(random, clock)] : []),
  ],
  (random, key, clock) => [
    "XAUTOCLAIM",
    key,
    pick(random, GROUPS),
    pick(random, CONSUMERS),
    "0",
    aRangeEnd(random, clock),
    ...maybe(random, () => ["COUNT", String(random.below(4))]),
    ...(random.below(3) === 0 ? ["JUSTID"] : []),
  ],
  (_random, key) => ["XINFO", "STREAM", key],
  (_random, key) => ["XINFO", "STREAM", key, "FULL", "COUNT", "0"],
  (_random, key) => ["XINFO", "GROUPS", key],
  (random, key) => ["XINFO", "CONSUMERS", key, pick(random, GROUPS)],
];

const RARE: readonly Make[] = [
  (_random, key) => ["DEL", key],
  (random, key) => ["XGROUP", "DESTROY", key, pick(random, GROUPS)],
  (random, key) => ["XGROUP", "DELCONSUMER", key, pick(random, GROUPS), pick(random, CONSUMERS)],
  (random, key) => ["COPY", key, pick(random, KEYS), "REPLACE"],
];

/** The times that nobody can foretell, and what only Redis 7.2 tells, taken out. */
function withoutTimes(reply: Reply): Reply {
  if (!Array.isArray(reply)) return reply;
  const items = (reply as readonly Reply[]).map(withoutTimes);
  const kept: Reply[] = [];
  for (let index = 0; index < items.length; index++) {
    const item = items[index] ?? null;
    if (item === "inactive" || item === "active-time") index++;
    else if (item === "idle" || item === "seen-time") kept.push(item, "time", index++ >= 0);
    else kept.push(isTime(item) ? "time" : item);
  }
  return kept;
}

function isTime(item: Reply): boolean {
  return typeof item === "number" && item > 1_600_000_000_000;
}

/** In the entries of XPENDING the third of four tells how long ago. */
function withoutIdle(args: readonly Bytes[], reply: Reply): Reply {
  const isRange = args[0] === "XPENDING" && args.length > 3;
  if (!isRange || !Array.isArray(reply)) return withoutTimes(reply);
  return (reply as readonly Reply[]).map((entry) => {
    assert.ok(Array.isArray(entry));
    const [id, consumer, , count] = entry as readonly Reply[];
    return [id ?? null, consumer ?? null, count ?? null];
  });
}

/** Since Redis 7.2 these make the consumer also when there is nothing to give or to claim. */
function consumersMadeBy(args: readonly Bytes[]): Bytes[][] {
  const [name, first = "", second = "", third = ""] = args;
  if (name?.endsWith("CLAIM") === true) return [["XGROUP", "CREATECONSUMER", first, second, third]];
  if (name !== "XREADGROUP") return [];
  const key = args[args.indexOf("STREAMS") + 1] ?? "";
  return [["XGROUP", "CREATECONSUMER", key, second, third]];
}

if (isOracleInstalled()) {
  for (const [nodeEntries, inlineBytesMax] of [
    [3, 4096],
    [3, 0],
    [100, 300],
  ] as const) {
    const form = `nodes of ${nodeEntries}, inline up to ${inlineBytesMax}`;
    test(`random stream commands are answered as redis-server does: ${form}`, async () => {
      const seed = Number(process.env["KEPT_STREAM_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
      const random = new SeededRandom(seed);
      await using oracle = await startOracle();
      const handlers = handlersTarget({ streamNodeEntriesMax: nodeEntries, inlineBytesMax });
      await oracle.target.send(["CONFIG", "SET", "stream-node-max-entries", String(nodeEntries)]);
      const said: string[] = [];
      const clock = { ms: 1 };
      const compare = async (args: Bytes[]): Promise<void> => {
        const got = await handlers.send(args);
        // Redis 7.2 refuses this, 7.0 does it.
        if (got instanceof ErrorReply && got.text.includes("current max_deleted")) return;
        const wanted = await oracle.target.send(args);
        said.push(`> ${args.map(quoted).join(" ")}\n${format(wanted)}`);
        assert.equal(
          format(withoutIdle(args, asResp2(got))),
          format(withoutIdle(args, wanted)),
          `seed ${seed}\n${said.slice(-30).join("\n")}`,
        );
      };
      /** Each goes on with what the other has dumped. */
      const exchange = async (key: Bytes): Promise<void> => {
        const theirs = await oracle.target.send(["DUMP", key]);
        const ours = await handlers.send(["DUMP", key]);
        if (typeof theirs !== "string" || typeof ours !== "string") return;
        const context = `seed ${seed}\n${said.slice(-30).join("\n")}`;
        const restored = await handlers.send(["RESTORE", key, "0", theirs, "REPLACE"]);
        assert.equal(format(restored), "OK", context);
        const taken = await oracle.target.send(["RESTORE", key, "0", ours, "REPLACE"]);
        assert.equal(format(taken), "OK", context);
        await compare(["XINFO", "STREAM", key, "FULL", "COUNT", "0"]);
      };
      for (let count = 0; count < COMMAND_COUNT; count++) {
        const makers = random.below(60) === 0 ? RARE : MAKERS;
        const args = pick(random, makers)(random, pick(random, KEYS), clock);
        const [name] = args;
        for (const words of consumersMadeBy(args)) await compare(words);
        await compare(args);
        if (random.below(100) === 0) await exchange(pick(random, KEYS));
        if (name === "DEL" || random.below(400) === 0) clock.ms = 1;
      }
    });
  }
}
