// Hashes against a Map of Maps (harness.ts); small ones must keep their order.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { hashCommands } from "../../src/commands/hash-rows.ts";
import { ELEMENTS } from "../../src/engine/engine.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import type { Reply } from "../../src/resp/reply.ts";
import {
  begin,
  holds,
  keyCommandsOf,
  keysOf,
  type Family,
  type Say,
  type State,
} from "./harness.ts";

type Fields = Map<string, string>;

const KEYS = ["h", "g", "{h}"];
const key = fc.constantFrom(...KEYS);
const field = fc.constantFrom("a", "b", "c", "d", "e", "f", "a field with a longer name");
const value = fc.constantFrom("", "1", "-3", "x", "longer than the others are");
const command: fc.Arbitrary<string[]> = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant("HSET"), key, field, value, field, value) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("HDEL"), key, field, field) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("HINCRBY"), key, field, fc.constant("2")) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("HGETALL", "HLEN"), key) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("HGET", "HSTRLEN", "HMGET"), key, field) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("HSETNX"), key, field, value) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("HRANDFIELD"), key) },
    { weight: 3, arbitrary: keyCommandsOf(KEYS) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("HSCAN"), key) },
  )
  .map((words): string[] => [...words]);
const family: Family<Fields> = {
  rows: hashCommands,
  keys: KEYS,
  command,
  limits: ({ entriesMax }) => ({ hashEntriesMax: entriesMax }),
  copy: (fields) => new Map(fields),
  answer,
  saysItself(say, state, words, { entriesMax }) {
    const [name = "", keyName = ""] = words;
    const hash = state.get(keyName);
    if (name === "HRANDFIELD") {
      const drawn = say(words);
      if (hash === undefined) assert.equal(drawn, null);
      else assert.ok(typeof drawn === "string" && hash.has(drawn));
      return true;
    }
    if (name !== "HGETALL" && name !== "HSCAN") return false;
    const heard = name === "HSCAN" ? scanned(say, keyName) : say(words);
    const expected = answer(state, words);
    if (entriesMax === 1000) assert.deepEqual(heard, expected, words.join(" "));
    else assert.deepEqual(inPairs(heard), inPairs(expected), words.join(" "));
    return true;
  },
  whole: (name) => [
    ["HGETALL", name],
    ["HLEN", name],
    ["HSCAN", name],
  ],
  elementCount: (fields) => fields.size,
};

/** All that HSCAN tells in steps of one. */
function scanned(say: Say, keyName: string): Reply {
  const found: Reply[] = [];
  let cursor = "0";
  do {
    const reply = say(["HSCAN", keyName, cursor, "COUNT", "1"]);
    assert.ok(Array.isArray(reply));
    const [next, entries] = reply as readonly Reply[];
    assert.ok(typeof next === "string" && Array.isArray(entries));
    found.push(...(entries as readonly Reply[]));
    cursor = next;
  } while (cursor !== "0");
  return found;
}

/** What Redis would say, and the state after it. */
function answer(state: State<Fields>, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  const hash = state.get(keyName);
  switch (name) {
    case "HSET": {
      const target = hash ?? new Map<string, string>();
      state.set(keyName, target);
      const before = target.size;
      for (let at = 0; at < rest.length; at += 2) target.set(rest[at] ?? "", rest[at + 1] ?? "");
      return target.size - before;
    }
    case "HSETNX":
      return hash?.has(rest[0] ?? "") === true ? 0 : answer(state, ["HSET", keyName, ...rest]);
    default:
      return answerField(state, words);
  }
}

function answerField(state: State<Fields>, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  const hash = state.get(keyName);
  if (name === "HDEL") {
    let removed = 0;
    for (const one of rest) if (hash?.delete(one) === true) removed++;
    if (hash?.size === 0) state.delete(keyName);
    return removed;
  }
  if (name !== "HINCRBY") return answerRead(hash, words);
  const before = hash?.get(rest[0] ?? "") ?? "0";
  if (!/^-?\d+$/.test(before)) return "error";
  const sum = Number(before) + 2;
  answer(state, ["HSET", keyName, rest[0] ?? "", String(sum)]);
  return sum;
}

function answerRead(
  hash: ReadonlyMap<string, string> | undefined,
  [name = "", , fieldName = ""]: readonly string[],
): Reply {
  const found = hash?.get(fieldName);
  switch (name) {
    case "HGETALL":
    case "HSCAN":
      return [...(hash ?? [])].flat();
    case "HLEN":
      return hash?.size ?? 0;
    case "HGET":
      return found ?? null;
    case "HMGET":
      return [found ?? null];
    default:
      assert.equal(name, "HSTRLEN");
      return found?.length ?? 0;
  }
}

function inPairs(flat: Reply): string[] {
  assert.ok(Array.isArray(flat));
  const texts = (flat as readonly Reply[]).map(String);
  return texts.flatMap((text, at) => (at % 2 === 0 ? [`${text}\0${texts[at + 1]}`] : [])).sort();
}

test("hashes in either form are what a map is, whatever fails, is refused, or is forgotten", async () => {
  await holds(family);
});

test("a walk for one element gets past those that are removed and not committed, on a cold disk", async () => {
  const chosen = { entriesMax: 0, isCold: true, cacheBytesMax: 0 };
  const run = await begin(new MemoryEngine(), family, chosen);
  await run.unit([["HSET", "h", "b", "", "a", ""]], false);
  run.commit();
  await run.unit([["HDEL", "h", "a", "a"]], false);
  await run.take({ kind: "cool" });
  await run.compareAll();
});

test("ids of collections are not used twice, also when the batch that took them was refused", async () => {
  const engine = new MemoryEngine();
  const chosen = { entriesMax: 0, isCold: false, cacheBytesMax: 1_000_000 };
  const ids: string[] = [];
  for (let life = 0; life < 3; life++) {
    const run = await begin(engine, family, chosen);
    await run.unit([["HSET", `refused${life}`, "a", "1"]], false);
    await run.take({ kind: "refuse" });
    await run.unit([["HSET", `kept${life}`, "a", "1"]], false);
    run.commit();
    const elements = await keysOf(engine, ELEMENTS, "");
    for (const name of elements) if (!ids.includes(name.slice(6, 12))) ids.push(name.slice(6, 12));
    assert.equal(ids.length, life + 1);
    assert.equal(elements.length, life + 1);
  }
});
