// Lists against arrays, by the harness: in one value, in nodes of two, and in nodes of a few bytes, so that
// nodes are born, split, emptied and come back into one value at every turn.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { listCommands } from "../../src/commands/list-rows.ts";
import { NULL_ARRAY, type Reply } from "../../src/resp/reply.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import type { CollectionLimits } from "../../src/keyspace/limits.ts";
import { begin, holds, keyCommandsOf, type Family, type Setup, type State } from "./harness.ts";

type Lists = State<string[]>;

const KEYS = ["l", "m", "{l}"];
const key = fc.constantFrom(...KEYS);
const text = fc.oneof(
  fc.constantFrom("a", "b", "c", "", "12", "a text that is longer than the others"),
  fc.nat(50).map((number) => `n${number}`),
);
const texts = fc.array(text, { minLength: 1, maxLength: 8 });
const index = fc.integer({ min: -12, max: 12 }).map(String);
const side = fc.constantFrom("LEFT", "RIGHT");

const command: fc.Arbitrary<string[]> = fc
  .oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(fc.constantFrom("LPUSH", "RPUSH", "RPUSHX"), key, texts),
    },
    { weight: 5, arbitrary: fc.tuple(fc.constantFrom("LPOP", "RPOP"), key) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom("LPOP", "RPOP"), key, fc.nat(12).map(String)),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant("LINSERT"), key, insertion(), text, text) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("LSET"), key, index, text) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constant("LREM"), key, fc.constantFrom("0", "1", "-1", "-2"), text),
    },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("LTRIM", "LRANGE"), key, index, index) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("LINDEX"), key, index) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("LMOVE"), key, key, side, side) },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constant("LMPOP"),
        fc.constant("2"),
        key,
        key,
        side,
        fc.constant("COUNT"),
        fc.integer({ min: 1, max: 9 }).map(String),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constant("LPOS"),
        key,
        text,
        fc.constant("RANK"),
        fc.constantFrom("1", "2", "-1", "-2"),
        fc.constant("COUNT"),
        fc.constantFrom("0", "1", "3"),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant("LLEN"), key) },
    { weight: 3, arbitrary: keyCommandsOf(KEYS) },
  )
  .map((words): string[] => words.flat());

function insertion(): fc.Arbitrary<string> {
  return fc.constantFrom("BEFORE", "AFTER");
}

/** In one value, in nodes of two, and in nodes of a few bytes. */
function limitsOf({ entriesMax }: Setup): Partial<CollectionLimits> {
  if (entriesMax === 1000) return { inlineBytesMax: 1_000_000 };
  if (entriesMax === 2) return { inlineBytesMax: 40, listNodeBytesMax: 30, listNodeSize: 3 };
  return { inlineBytesMax: 12, listNodeSize: 2 };
}

const FAMILY: Family<string[]> = {
  rows: listCommands,
  keys: KEYS,
  command,
  limits: limitsOf,
  copy: (list) => [...list],
  answer(state, words) {
    const reply = answer(state, words);
    for (const [name, list] of state) if (list.length === 0) state.delete(name);
    return reply;
  },
  saysItself: () => false,
  whole: (name) => [
    ["LRANGE", name, "0", "-1"],
    ["LLEN", name],
    ["LPOS", name, "a", "COUNT", "0"],
    ["LPOS", name, "a", "RANK", "-1", "COUNT", "0"],
    ...["0", "1", "5", "-1", "-3"].map((at) => ["LINDEX", name, at]),
  ],
  elementCount: () => null,
};

/** What Redis would say, and the state after it; an empty list is still there. */
function answer(state: Lists, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  if (name === "LMPOP") return answerToPop(state, words);
  if (name === "LMOVE") return answerToMove(state, words);
  const list = state.get(keyName);
  if (name === "LPUSH" || name === "RPUSH") {
    const target = list ?? [];
    state.set(keyName, target);
    return pushed(target, name, rest);
  }
  return list === undefined ? answerForNone(words) : answerFor(list, words);
}

function pushed(list: string[], name: string, added: readonly string[]): number {
  for (const one of added) {
    if (name === "LPUSH") list.unshift(one);
    else list.push(one);
  }
  return list.length;
}

function answerForNone([name = "", , ...rest]: readonly string[]): Reply {
  if (name === "LPOS") return rest.includes("COUNT") ? [] : null;
  if (name === "LRANGE") return [];
  if (name === "LTRIM") return "OK";
  if (name === "LSET") return "error";
  if (name === "LINDEX") return null;
  if (name.endsWith("POP")) return rest.length > 0 ? NULL_ARRAY : null;
  return 0;
}

function answerFor(list: string[], words: readonly string[]): Reply {
  const [name = "", , ...rest] = words;
  const [first = "", second = "", third = ""] = rest;
  switch (name) {
    case "RPUSHX":
      return pushed(list, name, rest);
    case "LPOP":
    case "RPOP":
      return rest.length === 0
        ? (taken(list, name, 1)[0] ?? null)
        : taken(list, name, Number(first));
    case "LINSERT": {
      const at = list.indexOf(second);
      if (at < 0) return -1;
      list.splice(first === "BEFORE" ? at : at + 1, 0, third);
      return list.length;
    }
    case "LSET": {
      const at = Number(first) < 0 ? Number(first) + list.length : Number(first);
      if (at < 0 || at >= list.length) return "error";
      list[at] = second;
      return "OK";
    }
    case "LREM":
      return removed(list, Number(first), second);
    case "LTRIM": {
      const kept = between(list, Number(first), Number(second));
      list.splice(0, list.length, ...kept);
      return "OK";
    }
    case "LRANGE":
      return between(list, Number(first), Number(second));
    case "LINDEX":
      return list.at(Number(first)) ?? null;
    case "LLEN":
      return list.length;
    default:
      assert.equal(name, "LPOS");
      return places(list, rest);
  }
}

function taken(list: string[], name: string, count: number): string[] {
  if (name.startsWith("L")) return list.splice(0, count);
  return count === 0 ? [] : list.splice(-count, count).reverse();
}

function between(list: readonly string[], first: number, last: number): string[] {
  const from = first < 0 ? Math.max(first + list.length, 0) : first;
  const to = last < 0 ? last + list.length : last;
  return list.slice(from, Math.max(to + 1, 0));
}

function removed(list: string[], count: number, one: string): number {
  let left = count === 0 ? Infinity : Math.abs(count);
  const before = list.length;
  if (count < 0) list.reverse();
  const kept = list.filter((other) => other !== one || left-- <= 0);
  list.splice(0, before, ...(count < 0 ? kept.reverse() : kept));
  return before - list.length;
}

function places(list: readonly string[], [one, ...options]: readonly string[]): number[] {
  const option = (name: string, otherwise: number): number => {
    const at = options.indexOf(name);
    return at < 0 ? otherwise : Number(options[at + 1]);
  };
  const rank = option("RANK", 1);
  const all = [...list.keys()].filter((at) => list[at] === one);
  const found = (rank < 0 ? all.reverse() : all).slice(Math.abs(rank) - 1);
  const count = option("COUNT", 0);
  return count === 0 ? found : found.slice(0, count);
}

function answerToPop(state: Lists, words: readonly string[]): Reply {
  const [, , first = "", second = "", end = "", , count = ""] = words;
  for (const name of [first, second]) {
    const list = state.get(name);
    if (list === undefined || list.length === 0) continue;
    return [name, taken(list, end === "LEFT" ? "LPOP" : "RPOP", Number(count))];
  }
  return NULL_ARRAY;
}

function answerToMove(state: Lists, words: readonly string[]): Reply {
  const [, from = "", to = "", fromEnd = "", toEnd = ""] = words;
  const source = state.get(from);
  const one = source === undefined ? undefined : fromEnd === "LEFT" ? source.shift() : source.pop();
  if (one === undefined) return null;
  const target = state.get(to) ?? [];
  state.set(to, target);
  pushed(target, toEnd === "LEFT" ? "LPUSH" : "RPUSH", [one]);
  return one;
}

test("lists in either form are what an array is, whatever fails, is refused, or is forgotten", async () => {
  await holds(FAMILY);
});

test("a long list whose middle is worked on is what an array is", async () => {
  const place = fc.tuple(fc.constantFrom("LSET", "LINDEX"), fc.nat(399), text);
  const work = fc.array(place, { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), work, async (isCold, works) => {
      const chosen = { entriesMax: 0, isCold, cacheBytesMax: isCold ? 0 : 1_000_000 };
      const run = await begin(new MemoryEngine(), FAMILY, chosen);
      const many = Array.from({ length: 400 }, (_, at) => `n${at}`);
      await run.unit([["RPUSH", "l", ...many]], false);
      run.commit();
      for (const [name, at, one] of works) {
        const words = name === "LSET" ? [name, "l", String(at), one] : [name, "l", String(at)];
        await run.unit([words, ["LINSERT", "l", "AFTER", `n${at}`, one]], false);
      }
      await run.unit(
        [
          ["LREM", "l", "2", "a"],
          ["LTRIM", "l", "7", "-9"],
        ],
        false,
      );
      await run.compareAll();
      run.commit();
      await (await run.reopened()).compareAll();
    }),
    { numRuns: 40 },
  );
});
