// Walks over all keys of a database: KEYS, SCAN, RANDOMKEY. How the walk goes is in
// keyspace/walk.ts; here the names and types are chosen.

import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import * as key from "../types/key.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import { integer } from "./argument-specs.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const INVALID_CURSOR = new CommandError("ERR invalid cursor");
const COUNT_USUAL = 10;
/** A cursor as Redis's strtoul reads it: "-1" is the greatest, "" is 0. */
const CURSOR = /^(?:[+-]?\d+)?$/;
const CURSOR_MAX = 2n ** 64n - 1n;

export const scanCommands: CommandRows = {
  KEYS: {
    kind: "data",
    arity: 2,
    flags: ["readonly"],
    keys: NO_KEYS,
    group: "generic",
    since: "1.0.0",
    summary: "Lists every key whose name matches a pattern, in one reply.",
    complexity: "O(N) with N the number of keys in the database",
    arguments: [{ name: "pattern", type: "pattern" }],
    categories: ["keyspace", "dangerous"],
    run: keys,
  },
  SCAN: {
    kind: "data",
    arity: -2,
    flags: ["readonly"],
    keys: NO_KEYS,
    group: "generic",
    since: "2.8.0",
    summary: "Lists keys step by step; the cursor of each reply leads to the next step.",
    complexity: "O(1) for a step, O(N) for the whole walk with N the number of keys",
    arguments: [
      integer("cursor"),
      { name: "pattern", type: "pattern", token: "MATCH", optional: true },
      { name: "count", type: "integer", token: "COUNT", optional: true },
      { name: "type", type: "string", token: "TYPE", optional: true, since: "6.0.0" },
    ],
    categories: ["keyspace"],
    run: scan,
  },
  RANDOMKEY: {
    kind: "data",
    arity: 1,
    flags: ["readonly"],
    keys: NO_KEYS,
    group: "generic",
    since: "1.0.0",
    summary: "Names some key, by chance.",
    complexity: "O(1)",
    categories: ["keyspace"],
    run: (view) => view.randomKey(),
  },
};

function keys(view: View, args: Args): Reply {
  const pattern = at(args, 1);
  const all = view.keys();
  return pattern === "*" ? all : all.filter((name) => matches(pattern, name));
}

function scan(view: View, args: Args): Reply {
  const cursor = cursorOf(at(args, 1));
  const { pattern, countMin, typeName } = scanOptions(args);
  const step = view.scan(cursor, countMin);
  const names: Bytes[] = [];
  for (const { key: name, kind } of step.found) {
    if (pattern !== null && !matches(pattern, name)) continue;
    if (typeName !== null && key.typeName(kind) !== typeName) continue;
    names.push(name);
  }
  return [String(step.cursor), names];
}

/** Cursors that Kept gives out are below 2^47; every other is past the end, however rounded. */
function cursorOf(text: Bytes): number {
  if (!CURSOR.test(text)) throw INVALID_CURSOR;
  const isNegative = text.startsWith("-");
  const size = BigInt(text.replace(/^[+-]/, ""));
  if (size > CURSOR_MAX) throw INVALID_CURSOR;
  return Number(isNegative ? BigInt.asUintN(64, -size) : size);
}

interface ScanOptions {
  readonly pattern: Bytes | null;
  readonly countMin: number;
  readonly typeName: string | null;
}

function scanOptions(args: Args): ScanOptions {
  let pattern: Bytes | null = null;
  let countMin = COUNT_USUAL;
  let typeName: string | null = null;
  for (let index = 2; index < args.length; index += 2) {
    const option = at(args, index).toUpperCase();
    const value = args[index + 1];
    if (value === undefined) throw SYNTAX_ERROR;
    if (option === "MATCH") pattern = value === "*" ? null : value;
    else if (option === "COUNT") countMin = countOf(value);
    else if (option === "TYPE") typeName = value.toLowerCase();
    else throw SYNTAX_ERROR;
  }
  return { pattern, countMin, typeName };
}

function countOf(text: Bytes): number {
  const count = parseInteger(text);
  if (count === null) throw NOT_AN_INTEGER;
  if (count < 1) throw SYNTAX_ERROR;
  return toIndex(count);
}
