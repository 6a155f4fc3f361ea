// Sorted sets against a Map of Maps (harness.ts), with buckets so small that they are cut, put together and
// emptied all the time.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { sortedSetRangeCommands } from "../../src/commands/sorted-set-range-rows.ts";
import { sortedSetCommands } from "../../src/commands/sorted-set-rows.ts";
import { formatDouble } from "../../src/resp/double.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { holds, keyCommandsOf, type Family, type Say, type State } from "./harness.ts";

type Scores = Map<string, number>;
type Entry = readonly [member: string, score: number];

const KEYS = ["z", "y", "{z}"];
const key = fc.constantFrom(...KEYS);
const member = fc.oneof(
  fc.constantFrom("a", "b", "", "a member with a longer name", "\xff"),
  fc.nat(40).map(String),
);
const score = fc.oneof(
  fc.integer({ min: -4, max: 12 }).map(String),
  fc.constantFrom("inf", "-inf", "1.5", "0", "1e300", "-0.25"),
);
const bound = fc.oneof(
  score,
  score.map((text) => `(${text}`),
);
const position = fc.integer({ min: -9, max: 9 }).map(String);
const limit = fc.tuple(fc.integer({ min: -1, max: 9 }), fc.integer({ min: -1, max: 9 }));

function of(...parts: (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string[]> {
  const words = parts.map((part) => (typeof part === "string" ? fc.constant(part) : part));
  return fc.tuple(...words).map((chosen) => [...chosen]);
}

const many = fc
  .tuple(key, fc.array(fc.tuple(score, member), { minLength: 1, maxLength: 12 }))
  .map(([name, pairs]) => ["ZADD", name, ...pairs.flat()]);
const limited = fc
  .tuple(fc.constantFrom("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), key, bound, bound, limit)
  .map(([name, where, min, max, [offset, count]]) =>
    [name, where, min, max, "LIMIT", offset, count, "WITHSCORES"].map(String),
  );
const command: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 10, arbitrary: many },
  { weight: 2, arbitrary: of("ZADD", key, fc.constantFrom("NX", "XX", "GT", "LT"), score, member) },
  { weight: 2, arbitrary: of("ZINCRBY", key, fc.constantFrom("1", "-3", "2.5"), member) },
  { weight: 5, arbitrary: of("ZREM", key, member, member, member) },
  {
    weight: 3,
    arbitrary: of(fc.constantFrom("ZPOPMIN", "ZPOPMAX"), key, fc.constantFrom("1", "3")),
  },
  { weight: 1, arbitrary: of("ZREMRANGEBYRANK", key, position, position) },
  { weight: 1, arbitrary: of("ZREMRANGEBYSCORE", key, bound, bound) },
  { weight: 3, arbitrary: of(fc.constantFrom("ZRANK", "ZREVRANK", "ZSCORE"), key, member) },
  {
    weight: 3,
    arbitrary: of(fc.constantFrom("ZRANGE", "ZREVRANGE"), key, position, position, "WITHSCORES"),
  },
  { weight: 3, arbitrary: limited },
  { weight: 2, arbitrary: of("ZCOUNT", key, bound, bound) },
  { weight: 1, arbitrary: of(fc.constantFrom("ZCARD", "ZRANDMEMBER", "ZSCAN"), key) },
  { weight: 1, arbitrary: of(fc.constantFrom("ZUNIONSTORE", "ZINTERSTORE"), key, "2", key, key) },
  { weight: 3, arbitrary: keyCommandsOf(KEYS) },
);

const family: Family<Scores> = {
  rows: { ...sortedSetCommands, ...sortedSetRangeCommands },
  keys: KEYS,
  command,
  limits: ({ entriesMax, cacheBytesMax }) => ({
    sortedSetEntriesMax: entriesMax,
    sortedSetBucketMax: cacheBytesMax === 0 ? 2 : 8,
  }),
  copy: (scores) => new Map(scores),
  answer(state, words) {
    const reply = answer(state, words);
    for (const [name, scores] of state) if (scores.size === 0) state.delete(name);
    return reply;
  },
  saysItself(say, state, words) {
    const [name = "", keyName = ""] = words;
    const members = [...(state.get(keyName)?.keys() ?? [])];
    if (name === "ZRANDMEMBER") {
      const drawn = say(words);
      if (members.length === 0) assert.equal(drawn, null);
      else assert.ok(typeof drawn === "string" && members.includes(drawn));
    } else if (name === "ZSCAN") {
      assert.deepEqual(scanned(say, keyName).sort(), members.sort());
    }
    return name === "ZRANDMEMBER" || name === "ZSCAN";
  },
  whole: (name) => [
    ["ZRANGE", name, "0", "-1", "WITHSCORES"],
    ["ZREVRANGE", name, "0", "-1", "WITHSCORES"],
    ["ZSCAN", name],
    ["ZCARD", name],
  ],
  // There are not so many buckets that their directory has pages of its own.
  elementCount: (scores) => scores.size * 2,
};

/** The members that ZSCAN tells in steps of one. */
function scanned(say: Say, keyName: string): string[] {
  const found: string[] = [];
  let cursor = "0";
  do {
    const reply = say(["ZSCAN", keyName, cursor, "COUNT", "1"]);
    assert.ok(Array.isArray(reply));
    const [next, told] = reply as readonly Reply[];
    assert.ok(typeof next === "string" && Array.isArray(told));
    found.push(...(told as readonly Reply[]).filter((_, at) => at % 2 === 0).map(String));
    cursor = next;
  } while (cursor !== "0");
  return found;
}

function ordered(scores: Scores | undefined): Entry[] {
  return [...(scores ?? [])].sort(([a, x], [b, y]) =>
    x === y ? (a < b ? -1 : 1) : x < y ? -1 : 1,
  );
}

function flat(entries: readonly Entry[]): Reply {
  return entries.flatMap(([name, value]) => [name, formatDouble(value)]);
}

function answer(state: State<Scores>, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  switch (name) {
    case "ZADD":
    case "ZINCRBY":
    case "ZREM":
      return answerChange(state, words);
    case "ZUNIONSTORE":
    case "ZINTERSTORE":
      return answerStore(state, words);
    case "ZPOPMIN":
    case "ZPOPMAX": {
      const entries = ordered(state.get(keyName));
      if (name === "ZPOPMAX") entries.reverse();
      return flat(removed(state, keyName, entries.slice(0, Number(rest[0]))));
    }
    case "ZREMRANGEBYRANK":
      return removed(state, keyName, between(ordered(state.get(keyName)), rest)).length;
    case "ZREMRANGEBYSCORE":
      return removed(state, keyName, byScore(ordered(state.get(keyName)), rest)).length;
    default:
      return answerRead(state.get(keyName), words);
  }
}

function removed(
  state: State<Scores>,
  keyName: string,
  entries: readonly Entry[],
): readonly Entry[] {
  for (const [name] of entries) state.get(keyName)?.delete(name);
  return entries;
}

function between(entries: readonly Entry[], [first = "", last = ""]: readonly string[]): Entry[] {
  const end = Number(last) < 0 ? entries.length + Number(last) : Number(last);
  const start = Number(first) < 0 ? entries.length + Number(first) : Number(first);
  return entries.slice(Math.max(0, start), Math.max(0, end + 1));
}

function byScore(entries: readonly Entry[], [min = "", max = ""]: readonly string[]): Entry[] {
  const isIn = (value: number): boolean => {
    const low = numberOf(min.replace("(", ""));
    const high = numberOf(max.replace("(", ""));
    if (min.startsWith("(") ? value <= low : value < low) return false;
    return max.startsWith("(") ? value < high : value <= high;
  };
  return entries.filter(([, value]) => isIn(value));
}

function numberOf(text: string): number {
  return Number(text.replace("inf", "Infinity"));
}

function answerRead(scores: Scores | undefined, words: readonly string[]): Reply {
  const [name = "", , first = "", last = ""] = words;
  const entries = ordered(scores);
  switch (name) {
    case "ZCARD":
      return entries.length;
    case "ZCOUNT":
      return byScore(entries, [first, last]).length;
    case "ZRANGE":
      return flat(between(entries, [first, last]));
    case "ZREVRANGE":
      return flat(between(entries.reverse(), [first, last]));
    case "ZRANGEBYSCORE":
      return flat(limitedTo(byScore(entries, [first, last]), words));
    case "ZREVRANGEBYSCORE":
      return flat(limitedTo(byScore(entries, [last, first]).reverse(), words));
    default:
      return answerPlace(entries, name, first);
  }
}

function limitedTo(entries: readonly Entry[], words: readonly string[]): readonly Entry[] {
  const offset = Number(words[5]);
  const count = Number(words[6]);
  if (offset < 0) return [];
  return entries.slice(offset, count < 0 ? undefined : offset + count);
}

function answerPlace(entries: readonly Entry[], name: string, wanted: string): Reply {
  const place = entries.findIndex(([one]) => one === wanted);
  if (place < 0) return null;
  if (name === "ZSCORE") return formatDouble(entries[place]?.[1] ?? 0);
  if (name === "ZRANK") return place;
  assert.equal(name, "ZREVRANK");
  return entries.length - 1 - place;
}

function answerChange(state: State<Scores>, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  const scores = state.get(keyName) ?? new Map<string, number>();
  if (name === "ZREM") return rest.filter((one) => scores.delete(one)).length;
  if (name === "ZADD") {
    state.set(keyName, scores);
    return answerAdd(scores, rest);
  }
  const sum = numberOf(rest[0] ?? "") + (scores.get(rest[1] ?? "") ?? 0);
  if (Number.isNaN(sum)) return "error";
  state.set(keyName, scores);
  scores.set(rest[1] ?? "", sum);
  return formatDouble(sum);
}

function answerAdd(scores: Scores, words: readonly string[]): number {
  const option = words.length % 2 === 0 ? "" : (words[0] ?? "");
  const sizeBefore = scores.size;
  for (let at = words.length % 2; at < words.length; at += 2) {
    const value = numberOf(words[at] ?? "");
    const name = words[at + 1] ?? "";
    if (isAdded(option, value, scores.get(name))) scores.set(name, value);
  }
  return scores.size - sizeBefore;
}

function isAdded(option: string, value: number, before: number | undefined): boolean {
  if (before === undefined) return option !== "XX";
  if (option === "GT") return value > before;
  return option === "LT" ? value < before : option !== "NX";
}

function answerStore(state: State<Scores>, words: readonly string[]): Reply {
  const [name = "", target = "", , first = "", second = ""] = words;
  const left = state.get(first) ?? new Map<string, number>();
  const right = state.get(second) ?? new Map<string, number>();
  const result: Scores = new Map();
  for (const one of new Set([...left.keys(), ...right.keys()])) {
    if (name === "ZINTERSTORE" && !(left.has(one) && right.has(one))) continue;
    const sum = (left.get(one) ?? 0) + (right.get(one) ?? 0);
    result.set(one, Number.isNaN(sum) ? 0 : sum);
  }
  state.set(target, result);
  return result.size;
}

test("sorted sets in either form are maps in order, whatever fails, is refused, or is forgotten", async () => {
  await holds(family);
});
