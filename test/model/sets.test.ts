// Sets against a Map of Sets (harness.ts): small ones must keep their order, or the order of their
// numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { setCommands } from "../../src/commands/set-rows.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { holds, keyCommandsOf, type Family, type Say, type State } from "./harness.ts";

type Members = Set<string>;

const KEYS = ["s", "t", "{s}"];
const key = fc.constantFrom(...KEYS);
const member = fc.constantFrom("1", "2", "-3", "40", "a", "", "01", "a member that is longer");
const command: fc.Arbitrary<string[]> = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant("SADD"), key, member, member, member) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("SREM"), key, member, member) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("SADD"), key, member) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("SMOVE"), key, key, member) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("SCARD", "SMEMBERS", "SSCAN"), key) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("SISMEMBER"), key, member) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("SMISMEMBER"), key, member, member) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("SINTER", "SUNION", "SDIFF"), key, key) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"),
        key,
        key,
        key,
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom("SINTERCARD", "SUNIONCARD", "SDIFFCARD"),
        fc.constant("2"),
        key,
        key,
        fc.constant("LIMIT"),
        fc.constantFrom("0", "1", "3"),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("SRANDMEMBER", "SPOP"), key) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom("SRANDMEMBER", "SPOP"),
        key,
        fc.constantFrom("1", "2", "5", "9"),
      ),
    },
    { weight: 3, arbitrary: keyCommandsOf(KEYS) },
  )
  .map((words): string[] => [...words]);

const family: Family<Members> = {
  rows: setCommands,
  keys: KEYS,
  command,
  limits: ({ entriesMax }) => ({ setEntriesMax: entriesMax, setIntegersMax: entriesMax }),
  copy: (members) => new Set(members),
  answer,
  saysItself(say, state, words, { entriesMax }) {
    const [name = "", keyName = ""] = words;
    if (name === "SPOP" || name === "SRANDMEMBER") {
      checkDrawn(state, words, say(words));
      return true;
    }
    if (!LISTS.has(name)) return false;
    const heard = name === "SSCAN" ? scanned(say, keyName) : say(words);
    const expected = answer(state, words);
    assert.deepEqual(sorted(heard), sorted(expected), words.join(" "));
    if (entriesMax === 1000 && name === "SMEMBERS") checkOrder(heard, expected);
    return true;
  },
  whole: (name) => [
    ["SMEMBERS", name],
    ["SCARD", name],
    ["SSCAN", name],
  ],
  elementCount: (members) => members.size,
};

const LISTS = new Set(["SMEMBERS", "SSCAN", "SINTER", "SUNION", "SDIFF"]);

function sorted(reply: Reply): string[] {
  assert.ok(Array.isArray(reply));
  return (reply as readonly Reply[]).map(String).sort();
}

/** Whole numbers by size as long as there has been nothing else; or as they came. */
function checkOrder(heard: Reply, expected: Reply): void {
  assert.ok(Array.isArray(heard) && Array.isArray(expected));
  const bySize = (expected as readonly Reply[]).map(Number).sort((a, b) => a - b);
  const isIntset = JSON.stringify(heard) === JSON.stringify(bySize.map(String));
  if (!isIntset) assert.deepEqual(heard, expected);
}

/** What was drawn is there, and no two are the same; SPOP takes it from the model too. */
function checkDrawn(state: State<Members>, words: readonly string[], reply: Reply): void {
  const [name = "", keyName = "", count] = words;
  const members = state.get(keyName) ?? new Set();
  const drawn = typeof reply === "string" ? [reply] : (reply ?? []);
  assert.ok(Array.isArray(drawn));
  const texts = drawn.map(String);
  assert.equal(texts.length, Math.min(members.size, Number(count ?? 1)));
  assert.equal(new Set(texts).size, texts.length);
  for (const text of texts) assert.ok(members.has(text), `${text} is a member`);
  if (name === "SPOP") remove(state, keyName, texts);
}

function remove(state: State<Members>, keyName: string, names: readonly string[]): number {
  const members = state.get(keyName);
  let removed = 0;
  for (const name of names) if (members?.delete(name) === true) removed++;
  if (members?.size === 0) state.delete(keyName);
  return removed;
}

function add(state: State<Members>, keyName: string, names: readonly string[]): number {
  const members = state.get(keyName) ?? new Set<string>();
  const before = members.size;
  for (const name of names) members.add(name);
  state.set(keyName, members);
  return members.size - before;
}

/** All that SSCAN tells in steps of one. */
function scanned(say: Say, keyName: string): Reply {
  const found: Reply[] = [];
  let cursor = "0";
  do {
    const reply = say(["SSCAN", keyName, cursor, "COUNT", "1"]);
    assert.ok(Array.isArray(reply));
    const [next, members] = reply as readonly Reply[];
    assert.ok(typeof next === "string" && Array.isArray(members));
    found.push(...(members as readonly Reply[]));
    cursor = next;
  } while (cursor !== "0");
  return found;
}

/** What Redis would say, and the state after it. */
function answer(state: State<Members>, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  const members = state.get(keyName);
  switch (name) {
    case "SADD":
      return add(state, keyName, rest);
    case "SREM":
      return remove(state, keyName, rest);
    case "SMOVE": {
      const [to = "", moved = ""] = rest;
      if (members?.has(moved) !== true) return 0;
      if (to === keyName) return 1;
      remove(state, keyName, [moved]);
      add(state, to, [moved]);
      return 1;
    }
    case "SCARD":
      return members?.size ?? 0;
    case "SMEMBERS":
    case "SSCAN":
      return [...(members ?? [])];
    case "SISMEMBER":
      return members?.has(rest[0] ?? "") === true ? 1 : 0;
    case "SMISMEMBER":
      return rest.map((one) => (members?.has(one) === true ? 1 : 0));
    default:
      return answerSeveral(state, words);
  }
}

function answerSeveral(state: State<Members>, words: readonly string[]): Reply {
  const [name = "", first = "", ...rest] = words;
  if (name.endsWith("STORE")) {
    const found = combined(name.slice(0, -"STORE".length), rest, state);
    state.delete(first);
    if (found.length > 0) state.set(first, new Set(found));
    return found.length;
  }
  if (name.endsWith("CARD")) {
    const found = combined(name.slice(0, -"CARD".length), rest.slice(0, 2), state);
    const limit = Number(rest[3]);
    return limit === 0 ? found.length : Math.min(limit, found.length);
  }
  return combined(name, [first, ...rest], state);
}

function combined(name: string, keys: readonly string[], state: State<Members>): string[] {
  const sets = keys.map((one): Members => state.get(one) ?? new Set());
  const [first = new Set<string>(), ...others] = sets;
  if (name === "SUNION") return [...new Set([...first, ...others.flatMap((one) => [...one])])];
  return [...first].filter((one) =>
    name === "SINTER" ? others.every((set) => set.has(one)) : others.every((set) => !set.has(one)),
  );
}

test("sets in either form are what a set is, whatever fails, is refused, or is forgotten", async () => {
  await holds(family);
});
