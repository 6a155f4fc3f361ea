// Hashes whose fields die, against a Map of Maps with times (harness.ts). The time is one for the handlers and
// the model, and moves by a command of its own; a command stands in for the expirer.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { hashExpiryCommands } from "../../src/commands/hash-expiry-rows.ts";
import { hashCommands } from "../../src/commands/hash-rows.ts";
import { oneKey, type Args, type CommandRows, type DataCommand } from "../../src/commands/table.ts";
import { answerAtOnce } from "../../src/commands/wait.ts";
import type { View } from "../../src/keyspace/view.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { collectInside } from "../../src/types/collect.ts";
import { holds, keyCommandsOf, type Family, type State } from "./harness.ts";

interface Field {
  value: string;
  /** 0 for never. */
  expiryMs: number;
}
type Fields = Map<string, Field>;

const KEYS = ["h", "g"];
let nowMs = 0;

const custom = {
  kind: "data",
  arity: -2,
  flags: ["write"],
  keys: oneKey("RW"),
  group: "hash",
  since: "1.0.0",
  summary: "For this test.",
  complexity: "O(1)",
} as const;

/** At the model's time, whatever view they run on. */
function timed(row: DataCommand): DataCommand {
  return {
    ...row,
    run(view, args) {
      view.nowMs = nowMs;
      view.collectInside = collectInside;
      return answerAtOnce(row.run(view, args));
    },
  };
}

const rows: CommandRows = Object.fromEntries(
  Object.entries({
    ...hashCommands,
    ...hashExpiryCommands,
    TIME: { ...custom, run: () => 0 },
    COLLECT: {
      ...custom,
      run(view: View, args: Args) {
        view.removeExpired(args[1] ?? "", 1000);
        return 0;
      },
    },
  } satisfies CommandRows).map(([name, row]) => {
    assert.equal(row.kind, "data");
    return [name, row.kind === "data" ? timed(row) : row];
  }),
);

const key = fc.constantFrom(...KEYS);
const field = fc.constantFrom("a", "b", "c", "d", "a field with a longer name");
const value = fc.constantFrom("", "1", "-3", "longer than the others are");
const moment = fc.constantFrom("500", "1500", "2500", "3500", "4500");
const condition = fc.constantFrom("NX", "XX", "GT", "LT");
const command: fc.Arbitrary<string[]> = fc
  .oneof(
    words(4, ["HSET"], key, field, value, field, value),
    words(3, ["HDEL", "HGET", "HSTRLEN", "HEXISTS"], key, field),
    words(1, ["HSETNX"], key, field, value),
    words(1, ["HINCRBY"], key, field, fc.constant("2")),
    words(2, ["HGETALL", "HLEN", "HRANDFIELD"], key),
    words(4, ["HPEXPIREAT"], key, moment, fc.constant("FIELDS"), fc.constant("1"), field),
    words(
      3,
      ["HPEXPIREAT"],
      key,
      moment,
      condition,
      fc.constant("FIELDS"),
      fc.constant("1"),
      field,
    ),
    words(2, ["HPERSIST", "HPEXPIRETIME"], key, fc.constant("FIELDS"), fc.constant("1"), field),
    words(1, ["HGETDEL"], key, fc.constant("FIELDS"), fc.constant("2"), field, field),
    words(
      2,
      ["HGETEX"],
      key,
      fc.constant("PXAT"),
      moment,
      fc.constant("FIELDS"),
      fc.constant("1"),
      field,
    ),
    words(
      2,
      ["HSETEX"],
      key,
      fc.constantFrom("FNX", "FXX"),
      fc.constant("PXAT"),
      moment,
      fc.constant("FIELDS"),
      fc.constant("1"),
      field,
      value,
    ),
    words(
      1,
      ["HSETEX"],
      key,
      fc.constant("KEEPTTL"),
      fc.constant("FIELDS"),
      fc.constant("1"),
      field,
      value,
    ),
    words(2, ["TIME"], fc.constantFrom("1000", "2000", "3000", "4000")),
    words(2, ["COLLECT"], key),
    { weight: 2, arbitrary: keyCommandsOf(KEYS) },
  )
  .map((all): string[] => [...all]);

function words(
  weight: number,
  names: readonly string[],
  ...rest: fc.Arbitrary<string>[]
): { weight: number; arbitrary: fc.Arbitrary<string[]> } {
  return { weight, arbitrary: fc.tuple(fc.constantFrom(...names), ...rest) };
}

const family: Family<Fields> = {
  rows,
  keys: KEYS,
  command,
  limits: ({ entriesMax }) => ({ hashEntriesMax: entriesMax }),
  copy: (fields) => new Map([...fields].map(([name, one]) => [name, { ...one }])),
  answer,
  saysItself(say, state, said) {
    const [name = "", keyName = ""] = said;
    if (name === "HRANDFIELD") {
      const drawn = say(said);
      const alive = [...living(state.get(keyName)).keys()];
      if (alive.length === 0) assert.equal(drawn, null);
      else assert.ok(typeof drawn === "string" && alive.includes(drawn));
      return true;
    }
    if (name !== "HGETALL") return false;
    const heard = say(said);
    assert.ok(Array.isArray(heard));
    const pairs = [...living(state.get(keyName))].flatMap(([one, { value: text }]) => [one, text]);
    assert.deepEqual([...(heard as readonly Reply[])].map(String).sort(), pairs.sort());
    return true;
  },
  whole: (name) => [
    ["HGETALL", name],
    ["HLEN", name],
    ["HPEXPIRETIME", name, "FIELDS", "4", "a", "b", "c", "d"],
  ],
  elementCount(fields) {
    const mortal = [...fields.values()].filter(({ expiryMs }) => expiryMs !== 0);
    return fields.size + mortal.length;
  },
};

function isDead({ expiryMs }: Field): boolean {
  return expiryMs !== 0 && expiryMs <= nowMs;
}

function living(fields: Fields | undefined): Fields {
  return new Map([...(fields ?? [])].filter(([, one]) => !isDead(one)));
}

function answer(state: State<Fields>, said: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = said;
  if (name === "TIME") {
    nowMs = Number(keyName);
    return 0;
  }
  const hash = state.get(keyName) ?? new Map<string, Field>();
  const reply = changed(hash, name, rest) ?? read(hash, name, rest);
  if (hash.size === 0) state.delete(keyName);
  else state.set(keyName, hash);
  return reply;
}

/** Undefined for a command that only reads. */
function changed(hash: Fields, name: string, rest: readonly string[]): Reply | undefined {
  const [one = "", text = ""] = rest;
  const before = living(hash).get(one);
  switch (name) {
    case "HSET": {
      const size = hash.size;
      put(hash, one, text);
      put(hash, rest[2] ?? "", rest[3] ?? "");
      return hash.size - size;
    }
    case "HSETNX":
      if (before !== undefined) return 0;
      put(hash, one, text);
      return 1;
    case "HDEL":
      return hash.delete(one) ? 1 : 0;
    case "HINCRBY": {
      const number = before?.value ?? "0";
      if (!/^-?\d+$/.test(number)) return "error";
      put(hash, one, String(Number(number) + 2), before?.expiryMs ?? 0);
      return Number(number) + 2;
    }
    case "COLLECT":
      for (const [dying, facts] of hash) if (isDead(facts)) hash.delete(dying);
      return 0;
    default:
      return changedExpiry(hash, name, rest);
  }
}

function put(hash: Fields, name: string, text: string, expiryMs = 0): void {
  hash.set(name, { value: text, expiryMs });
}

function changedExpiry(hash: Fields, name: string, rest: readonly string[]): Reply | undefined {
  switch (name) {
    case "HPEXPIREAT": {
      const how = rest.length === 5 ? (rest[1] ?? "") : "";
      return [expireAt(hash, rest.at(-1) ?? "", Number(rest[0]), how)];
    }
    case "HPERSIST": {
      const facts = living(hash).get(rest[2] ?? "");
      if (facts === undefined) return [-2];
      if (facts.expiryMs === 0) return [-1];
      facts.expiryMs = 0;
      return [1];
    }
    case "HGETDEL": {
      dropDead(hash, rest.slice(2));
      return rest.slice(2).map((one) => {
        const text = hash.get(one)?.value ?? null;
        hash.delete(one);
        return text;
      });
    }
    case "HGETEX": {
      const one = rest[4] ?? "";
      dropDead(hash, [one]);
      const text = hash.get(one)?.value ?? null;
      expireAt(hash, one, Number(rest[1]), "");
      return [text];
    }
    case "HSETEX":
      return setWithExpiry(hash, rest);
    default:
      return undefined;
  }
}

function setWithExpiry(hash: Fields, rest: readonly string[]): Reply {
  const [how = ""] = rest;
  const [one = "", text = ""] = rest.slice(-2);
  if (how === "KEEPTTL") {
    put(hash, one, text, hash.get(one)?.expiryMs ?? 0);
    return 1;
  }
  // Redis does not look at the fields of a key that is not there.
  dropDead(hash, [one]);
  if ((how === "FNX") === hash.has(one)) return 0;
  put(hash, one, text);
  expireAt(hash, one, Number(rest[2]), "");
  return 1;
}

function dropDead(hash: Fields, names: readonly string[]): void {
  for (const name of names) {
    const facts = hash.get(name);
    if (facts !== undefined && isDead(facts)) hash.delete(name);
  }
}

function expireAt(hash: Fields, name: string, expiryMs: number, how: string): number {
  const facts = living(hash).get(name);
  if (facts === undefined) return -2;
  const before = facts.expiryMs === 0 ? Infinity : facts.expiryMs;
  if (how === "NX" && before !== Infinity) return 0;
  if (how === "XX" && before === Infinity) return 0;
  if (how === "GT" && !(before < expiryMs)) return 0;
  if (how === "LT" && !(before > expiryMs)) return 0;
  if (expiryMs <= nowMs) {
    hash.delete(name);
    return 2;
  }
  facts.expiryMs = expiryMs;
  return 1;
}

function read(hash: Fields, name: string, rest: readonly string[]): Reply {
  const alive = living(hash);
  const found = alive.get(rest[0] ?? "");
  switch (name) {
    case "HLEN":
      return hash.size;
    case "HGET":
      return found?.value ?? null;
    case "HSTRLEN":
      return found?.value.length ?? 0;
    case "HEXISTS":
      return found === undefined ? 0 : 1;
    default: {
      assert.equal(name, "HPEXPIRETIME");
      return rest.slice(2).map((one) => {
        const facts = alive.get(one);
        if (facts === undefined) return -2;
        return facts.expiryMs === 0 ? -1 : facts.expiryMs;
      });
    }
  }
}

test("fields of hashes die as the model's do, whatever fails, is refused, or is forgotten", async () => {
  await holds(family);
});
