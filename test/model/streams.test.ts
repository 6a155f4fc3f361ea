// Streams and their groups against lists and Maps (harness.ts). Nodes are of two or three entries, so
// that few commands make, mark, trim and remove many.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { streamCommands } from "../../src/commands/stream-rows.ts";
import type { CommandRows, DataCommand } from "../../src/commands/table.ts";
import { NULL_ARRAY, type Reply } from "../../src/resp/reply.ts";
import { holds, keyCommandsOf, type Family, type State } from "./harness.ts";

type Id = readonly [ms: number, seq: number];

interface Entry {
  readonly id: Id;
  readonly value: string;
}

interface Group {
  last: Id;
  /** Who has which entry, by its text. */
  readonly pending: Map<string, string>;
}

interface Model {
  entries: Entry[];
  last: Id;
  readonly groups: Map<string, Group>;
}

const KEYS = ["s", "t", "{s}"];
const key = fc.constantFrom(...KEYS);
const ms = fc.constantFrom("3", "4", "5", "6", "7", "8");
const id = fc.constantFrom("3-0", "3-1", "4-0", "5-0", "5-1", "6-0", "7-0", "8-0", "8-1");
const group = fc.constantFrom("g", "h");
const consumer = fc.constantFrom("alice", "bob");
const count = fc.constantFrom("1", "2", "3", "9");
const anyValue = fc.constantFrom("", "1", "x", "longer than the others are");
const command: fc.Arbitrary<string[]> = fc
  .oneof(
    {
      weight: 12,
      arbitrary: fc.tuple(key, ms, anyValue).map(([k, at, v]) => ["XADD", k, `${at}-*`, "f", v]),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant("XDEL"), key, id, id) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("XTRIM"), key, fc.constant("MAXLEN"), count) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("XTRIM"), key, fc.constant("MINID"), id) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("XRANGE", "XREVRANGE"), key, id, id) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("XLEN"), key) },
    {
      weight: 3,
      arbitrary: fc.tuple(key, group).map(([k, g]) => ["XGROUP", "CREATE", k, g, "0", "MKSTREAM"]),
    },
    { weight: 1, arbitrary: fc.tuple(key, group).map(([k, g]) => ["XGROUP", "DESTROY", k, g]) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(key, group, consumer)
        .map(([k, g, c]) => ["XGROUP", "DELCONSUMER", k, g, c]),
    },
    {
      weight: 6,
      arbitrary: fc
        .tuple(key, group, consumer, count)
        .map(([k, g, c, n]) => ["XREADGROUP", "GROUP", g, c, "COUNT", n, "STREAMS", k, ">"]),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant("XACK"), key, group, id, id) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("XPENDING"), key, group) },
    { weight: 2, arbitrary: keyCommandsOf(KEYS) },
  )
  .map((words): string[] => [...words]);

/** The harness knows rows by their first word; that of XGROUP is looked up by the second. */
function rowsOf(): CommandRows {
  const xgroup = streamCommands["XGROUP"];
  assert.ok(xgroup?.kind === "container");
  const { subcommands } = xgroup;
  const create = subcommands["CREATE"];
  assert.ok(create?.kind === "data");
  const run: DataCommand["run"] = (view, words) => {
    const row = subcommands[words[1] ?? ""];
    assert.ok(row?.kind === "data");
    return row.run(view, words);
  };
  return { ...streamCommands, XGROUP: { ...create, run } };
}

const family: Family<Model> = {
  rows: rowsOf(),
  keys: KEYS,
  command,
  limits: ({ entriesMax }) => ({
    inlineBytesMax: entriesMax === 1000 ? 4096 : entriesMax * 150,
    streamNodeEntriesMax: entriesMax === 0 ? 2 : 3,
  }),
  copy: ({ entries, last, groups }) => ({
    entries: [...entries],
    last,
    groups: new Map(
      [...groups].map(([name, one]) => [name, { last: one.last, pending: new Map(one.pending) }]),
    ),
  }),
  answer,
  saysItself: () => false,
  whole: (name) => [
    ["XRANGE", name, "0", "99"],
    ["XREVRANGE", name, "99", "0"],
    ["XLEN", name],
    ["XPENDING", name, "g"],
    ["XPENDING", name, "h"],
  ],
  elementCount: () => null,
};

function compare(a: Id, b: Id): number {
  return a[0] === b[0] ? a[1] - b[1] : a[0] - b[0];
}

function textOf(one: Id): string {
  return `${one[0]}-${one[1]}`;
}

function idOf(text: string, missing = 0): Id {
  const [at = "", seq] = text.split("-");
  return [Number(at), seq === undefined ? missing : Number(seq)];
}

function told({ id: one, value: text }: Entry): Reply {
  return [textOf(one), ["f", text]];
}

function answer(state: State<Model>, words: readonly string[]): Reply {
  const [name = "", keyName = "", first = "", second = ""] = words;
  const stream = state.get(keyName);
  switch (name) {
    case "XADD":
      return add(state, keyName, words);
    case "XDEL":
      return drop(stream, (entry) => [first, second].includes(textOf(entry.id)));
    case "XTRIM": {
      const spare = (stream?.entries.length ?? 0) - Number(second);
      if (first === "MAXLEN") return drop(stream, (_, index) => index < spare);
      return drop(stream, (entry) => compare(entry.id, idOf(second)) < 0);
    }
    case "XLEN":
      return stream?.entries.length ?? 0;
    case "XRANGE":
      return range(stream, first, second);
    case "XREVRANGE":
      return [...range(stream, second, first)].reverse();
    case "XGROUP":
      return answerGroup(state, words);
    default:
      return answerReader(state, words);
  }
}

function add(
  state: State<Model>,
  keyName: string,
  [, , at = "", , value = ""]: readonly string[],
): Reply {
  const stream = state.get(keyName) ?? emptyStream();
  const wanted = Number(at.slice(0, -2));
  if (wanted < stream.last[0]) return "error";
  const one: Id = [wanted, wanted === stream.last[0] ? stream.last[1] + 1 : 0];
  stream.entries.push({ id: one, value });
  stream.last = one;
  state.set(keyName, stream);
  return textOf(one);
}

function emptyStream(): Model {
  return { entries: [], last: [0, 0], groups: new Map() };
}

function drop(
  stream: Model | undefined,
  isDropped: (entry: Entry, index: number) => boolean,
): number {
  if (stream === undefined) return 0;
  const before = stream.entries.length;
  stream.entries = stream.entries.filter((entry, index) => !isDropped(entry, index));
  return before - stream.entries.length;
}

function range(stream: Model | undefined, from: string, to: string): readonly Reply[] {
  const start = idOf(from);
  const end = idOf(to, Infinity);
  const within = (one: Id): boolean => compare(one, start) >= 0 && compare(one, end) <= 0;
  return (stream?.entries ?? []).filter((entry) => within(entry.id)).map(told);
}

function answerGroup(
  state: State<Model>,
  [, what, keyName = "", ...rest]: readonly string[],
): Reply {
  const [name = "", who = ""] = rest;
  const stream = state.get(keyName);
  if (what === "CREATE") {
    const made = stream ?? emptyStream();
    if (made.groups.has(name)) return "error";
    made.groups.set(name, { last: [0, 0], pending: new Map() });
    state.set(keyName, made);
    return "OK";
  }
  if (stream === undefined) return "error";
  if (what === "DESTROY") return stream.groups.delete(name) ? 1 : 0;
  const pending = stream.groups.get(name)?.pending;
  if (pending === undefined) return "error";
  const owned = [...pending].filter(([, owner]) => owner === who);
  for (const [one] of owned) pending.delete(one);
  return owned.length;
}

function answerReader(state: State<Model>, words: readonly string[]): Reply {
  if (words[0] === "XREADGROUP") return answerRead(state, words);
  const [name = "", keyName = "", groupName = "", ...ids] = words;
  const pending = state.get(keyName)?.groups.get(groupName)?.pending;
  if (name === "XACK") return new Set(ids.filter((one) => pending?.delete(one) === true)).size;
  assert.equal(name, "XPENDING");
  if (pending === undefined) return "error";
  if (pending.size === 0) return [0, null, null, NULL_ARRAY];
  const sorted = [...pending.keys()].map((one) => idOf(one)).sort(compare);
  const ends = [sorted[0], sorted.at(-1)].map((one) => (one === undefined ? null : textOf(one)));
  const owners = ["alice", "bob"].flatMap((who) => {
    const owned = [...pending.values()].filter((owner) => owner === who).length;
    return owned === 0 ? [] : [[who, String(owned)]];
  });
  return [pending.size, ...ends, owners];
}

function answerRead(state: State<Model>, words: readonly string[]): Reply {
  const [, , groupName = "", who = "", , most = "", , keyName = ""] = words;
  const stream = state.get(keyName);
  const open = stream?.groups.get(groupName);
  if (stream === undefined || open === undefined) return "error";
  const fresh = stream.entries.filter((entry) => compare(entry.id, open.last) > 0);
  const given = fresh.slice(0, Number(most));
  const last = given.at(-1);
  if (last === undefined) return NULL_ARRAY;
  open.last = last.id;
  for (const entry of given) open.pending.set(textOf(entry.id), who);
  return [[keyName, given.map(told)]];
}

test("streams in either form are what lists are, whatever fails, is refused, or is forgotten", async () => {
  await holds(family);
});
