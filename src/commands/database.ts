// Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { OK, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { integer, oneOf, word } from "./argument-specs.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const FLUSH_MODE = oneOf(
  "flush-type",
  [word("ASYNC", { since: "4.0.0" }), word("SYNC", { since: "6.2.0" })],
  { optional: true },
);
const FLUSH_COMPLEXITY = "O(1); the keys are collected in the background, with SYNC as with ASYNC";
const INT32_MAX = 2 ** 31 - 1;
const INT32_MIN = -(2 ** 31);

export const databaseCommands: CommandRows = {
  DBSIZE: {
    kind: "data",
    arity: 1,
    flags: ["readonly", "fast"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Counts the keys of the database.",
    complexity: "O(1)",
    categories: ["keyspace"],
    run: (view) => view.keyCount(),
  },
  FLUSHDB: {
    kind: "data",
    arity: -1,
    flags: ["write"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Removes every key of the database.",
    complexity: FLUSH_COMPLEXITY,
    arguments: [FLUSH_MODE],
    categories: ["keyspace", "dangerous"],
    run: (view, args) => flush(view, args, [view.database.index]),
  },
  FLUSHALL: {
    kind: "data",
    arity: -1,
    flags: ["write"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Removes every key of every database.",
    complexity: FLUSH_COMPLEXITY,
    arguments: [FLUSH_MODE],
    categories: ["keyspace", "dangerous"],
    run: flushAll,
  },
  SWAPDB: {
    kind: "data",
    arity: 3,
    flags: ["write", "fast"],
    keys: NO_KEYS,
    group: "server",
    since: "4.0.0",
    summary: "Exchanges the keys of two databases at one stroke.",
    complexity: "O(1)",
    arguments: [integer("index1"), integer("index2")],
    categories: ["keyspace", "dangerous"],
    run: swap,
  },
};

function flush(view: View, args: Args, databaseIndexes: readonly number[]): Reply {
  const mode = args[1]?.toUpperCase();
  if (args.length > 2 || (mode !== undefined && mode !== "ASYNC" && mode !== "SYNC")) {
    throw SYNTAX_ERROR;
  }
  view.flush(databaseIndexes);
  return OK;
}

function flushAll(view: View, args: Args): Reply {
  const every = view.keyspace.databases.map(({ index }) => index);
  const reply = flush(view, args, every);
  view.stats.changesAtFlush = view.stats.changes;
  return reply;
}

function swap(view: View, args: Args): Reply {
  if (view.isClustered) throw new CommandError("ERR SWAPDB is not allowed in cluster mode");
  const first = databaseIndex(at(args, 1), "first");
  const second = databaseIndex(at(args, 2), "second");
  view.swapDatabases(first, second);
  return OK;
}

function databaseIndex(text: Bytes, which: "first" | "second"): number {
  const index = parseInteger(text);
  if (typeof index !== "number" || index > INT32_MAX || index < INT32_MIN) {
    throw new CommandError(`ERR invalid ${which} DB index`);
  }
  return index;
}
