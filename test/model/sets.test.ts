// Sets against a Map of Sets (harness.ts): small ones must keep their order, or the order of their
// numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { setCommands } from "../../src/commands/set-rows.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { holds, keyCommandsOf, type Family, type Say, type State } from "./harness.ts";

/** In the order in which Redis shows them, as long as nobody explodes. */
interface Model {
  members: Set<string>;
  isIntset: boolean;
}

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

const family: Family<Model> = {
  rows: setCommands,
  keys: KEYS,
  command,
  limits: ({ entriesMax }) => ({ setEntriesMax: entriesMax, setIntegersMax: entriesMax }),
  copy: ({ members, isIntset }) => ({ members: new Set(members), isIntset }),
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
    if (entriesMax === 1000) assert.deepEqual(heard, expected, words.join(" "));
    else assert.deepEqual(sorted(heard), sorted(expected), words.join(" "));
    return true;
  },
  whole: (name) => [
    ["SMEMBERS", name],
    ["SCARD", name],
    ["SSCAN", name],
  ],
  elementCount: ({ members }) => members.size,
};

const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const LISTS = new Set(["SMEMBERS", "SSCAN", "SINTER", "SUNION", "SDIFF"]);

function sorted(reply: Reply): string[] {
  assert.ok(Array.isArray(reply));
  return (reply as readonly Reply[]).map(String).sort();
}

/** What was drawn is there, and no two are the same; SPOP takes it from the model too. */
function checkDrawn(state: State<Model>, words: readonly string[], reply: Reply): void {
  const [name = "", keyName = "", count] = words;
  const members = state.get(keyName)?.members ?? new Set();
  const drawn = typeof reply === "string" ? [reply] : (reply ?? []);
  assert.ok(Array.isArray(drawn));
  const texts = drawn.map(String);
  assert.equal(texts.length, Math.min(members.size, Number(count ?? 1)));
  assert.equal(new Set(texts).size, texts.length);
  for (const text of texts) assert.ok(members.has(text), `${text} is a member`);
  if (name === "SPOP") remove(state, keyName, texts);
}

function remove(state: State<Model>, keyName: string, names: readonly string[]): number {
  const members = state.get(keyName)?.members;
  let removed = 0;
  for (const name of names) if (members?.delete(name) === true) removed++;
  if (members?.size === 0) state.delete(keyName);
  return removed;
}

function add(state: State<Model>, keyName: string, names: readonly string[]): number {
  const set = state.get(keyName) ?? { members: new Set(), isIntset: true };
  state.set(keyName, set);
  const before = set.members.size;
  for (const name of names) {
    if (set.isIntset && !INTEGER.test(name)) {
      set.members = new Set(listed(set));
      set.isIntset = false;
    }
    set.members.add(name);
  }
  return set.members.size - before;
}

function listed(set: Model | undefined): string[] {
  const members = [...(set?.members ?? [])];
  return set?.isIntset === true ? members.sort((a, b) => Number(a) - Number(b)) : members;
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
function answer(state: State<Model>, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  const set = state.get(keyName);
  const members = set?.members;
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
      return listed(set);
    case "SISMEMBER":
      return members?.has(rest[0] ?? "") === true ? 1 : 0;
    case "SMISMEMBER":
      return rest.map((one) => (members?.has(one) === true ? 1 : 0));
    default:
      return answerSeveral(state, words);
  }
}

function answerSeveral(state: State<Model>, words: readonly string[]): Reply {
  const [name = "", first = "", ...rest] = words;
  if (name.endsWith("STORE")) {
    const found = combined(name.slice(0, -"STORE".length), rest, state);
    state.delete(first);
    const isIntset = found.every((one) => INTEGER.test(one));
    if (found.length > 0) state.set(first, { members: new Set(found), isIntset });
    return found.length;
  }
  if (name.endsWith("CARD")) {
    const found = combined(name.slice(0, -"CARD".length), rest.slice(0, 2), state);
    const limit = Number(rest[3]);
    return limit === 0 ? found.length : Math.min(limit, found.length);
  }
  return combined(name, [first, ...rest], state);
}

function combined(name: string, keys: readonly string[], state: State<Model>): string[] {
  const sets = keys.map((one) => listed(state.get(one)));
  if (name === "SINTER") sets.sort((a, b) => a.length - b.length);
  const [first = [], ...others] = sets;
  if (name === "SUNION") {
    const found = [...new Set(sets.flat())];
    const isIntset = found.every((one) => INTEGER.test(one));
    return listed({ members: new Set(found), isIntset });
  }
  return first.filter((one) =>
    name === "SINTER"
      ? others.every((other) => other.includes(one))
      : others.every((other) => !other.includes(one)),
  );
}

test("sets in either form are what a set is, whatever fails, is refused, or is forgotten", async () => {
  await holds(family);
});
