// Walks over all keys of a database: KEYS, SCAN, RANDOMKEY. How the walk goes is in
// keyspace/walk.ts; here the names and types are chosen.

import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import type { View } from "../keyspace/view.ts";
import type { Reply } from "../resp/reply.ts";
import * as key from "../types/key.ts";
import { integer } from "./argument-specs.ts";
import { cursorOf, scanOptions } from "./scan-options.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

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
  const { pattern, countMin, typeName } = scanOptions(args, { from: 2, words: ["TYPE"] });
  const step = view.scan(cursor, countMin);
  const names: Bytes[] = [];
  for (const { key: name, kind } of step.found) {
    if (pattern !== null && !matches(pattern, name)) continue;
    if (typeName !== null && key.typeName(kind) !== typeName) continue;
    names.push(name);
  }
  return [String(step.cursor), names];
}
