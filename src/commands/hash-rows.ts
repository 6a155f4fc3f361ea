// The rows of the hash family: what COMMAND, ACL, dispatch and docs/commands.md know of them.

import { block, integer, KEY, string, word } from "./argument-specs.ts";
import * as run from "./hash.ts";
import { ONE_KEY_READ, oneKey, type CommandRows } from "./table.ts";

const FIELD = string("field");
const FIELDS = { ...FIELD, multiple: true };
const VALUE = string("value");
const PAIRS = block("field_value", [FIELD, VALUE], { multiple: true });

const writesFast = {
  kind: "data",
  flags: ["write", "denyoom", "fast"],
  group: "hash",
  keys: oneKey("RW", "update"),
} as const;
const reads = { kind: "data", flags: ["readonly"], group: "hash", keys: ONE_KEY_READ } as const;
const readsFast = { ...reads, flags: ["readonly", "fast"] } as const;
const asksFast = { ...readsFast, keys: oneKey("RO") } as const;

const readingRows: CommandRows = {
  HEXISTS: {
    ...asksFast,
    arity: 3,
    since: "2.0.0",
    summary: "Tells whether a hash has a field.",
    complexity: "O(1)",
    arguments: [KEY, FIELD],
    run: run.hexists,
  },
  HGET: {
    ...readsFast,
    arity: 3,
    since: "2.0.0",
    summary: "Reads a field of a hash.",
    complexity: "O(1)",
    arguments: [KEY, FIELD],
    run: run.hget,
  },
  HGETALL: {
    ...reads,
    arity: 2,
    since: "2.0.0",
    summary: "Reads every field of a hash and its value.",
    complexity: "O(N) with N the number of fields",
    arguments: [KEY],
    run: run.hgetall,
  },
  HKEYS: {
    ...reads,
    arity: 2,
    since: "2.0.0",
    summary: "Lists the fields of a hash.",
    complexity: "O(N) with N the number of fields",
    arguments: [KEY],
    run: run.hkeys,
  },
  HLEN: {
    ...asksFast,
    arity: 2,
    since: "2.0.0",
    summary: "Counts the fields of a hash.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.hlen,
  },
  HMGET: {
    ...readsFast,
    arity: -3,
    since: "2.0.0",
    summary: "Reads several fields of a hash.",
    complexity: "O(N) with N the number of fields asked for",
    arguments: [KEY, FIELDS],
    run: run.hmget,
  },
  HRANDFIELD: {
    ...reads,
    arity: -2,
    since: "6.2.0",
    summary: "Names fields of a hash, by chance.",
    complexity: "O(N) with N the number of fields asked for",
    arguments: [
      KEY,
      block("options", [integer("count"), word("WITHVALUES", { optional: true })], {
        optional: true,
      }),
    ],
    run: run.hrandfield,
  },
  HSCAN: {
    ...reads,
    arity: -3,
    since: "2.8.0",
    summary: "Lists fields of a hash step by step; each reply's cursor leads to the next step.",
    complexity: "O(1) for a step, O(N) for the whole walk with N the number of fields",
    arguments: [
      KEY,
      integer("cursor"),
      { name: "pattern", type: "pattern", token: "MATCH", optional: true },
      { name: "count", type: "integer", token: "COUNT", optional: true },
      word("NOVALUES", { optional: true, since: "7.4.0" }),
    ],
    run: run.hscan,
  },
  HSTRLEN: {
    ...asksFast,
    arity: 3,
    since: "3.2.0",
    summary: "Tells the length of a field's value.",
    complexity: "O(1)",
    arguments: [KEY, FIELD],
    run: run.hstrlen,
  },
  HVALS: {
    ...reads,
    arity: 2,
    since: "2.0.0",
    summary: "Lists the values of a hash.",
    complexity: "O(N) with N the number of fields",
    arguments: [KEY],
    run: run.hvals,
  },
};

const writingRows: CommandRows = {
  HDEL: {
    ...writesFast,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    arity: -3,
    since: "2.0.0",
    summary: "Deletes fields of a hash and tells how many of them were there.",
    complexity: "O(N) with N the number of fields named",
    arguments: [KEY, FIELDS],
    run: run.hdel,
  },
  HINCRBY: {
    ...writesFast,
    keys: oneKey("RW", "access", "update"),
    arity: 4,
    since: "2.0.0",
    summary: "Adds to the whole number in a field, 0 if there is none.",
    complexity: "O(1)",
    arguments: [KEY, FIELD, integer("increment")],
    run: run.hincrby,
  },
  HINCRBYFLOAT: {
    ...writesFast,
    keys: oneKey("RW", "access", "update"),
    arity: 4,
    since: "2.6.0",
    summary: "Adds to the number in a field, 0 if there is none.",
    complexity: "O(1)",
    arguments: [KEY, FIELD, { name: "increment", type: "double" }],
    run: run.hincrbyfloat,
  },
  HMSET: {
    ...writesFast,
    arity: -4,
    since: "2.0.0",
    deprecatedSince: "4.0.0",
    replacedBy: "HSET",
    summary: "Sets fields of a hash: the old name of HSET.",
    complexity: "O(N) with N the number of fields",
    arguments: [KEY, PAIRS],
    run: run.hmset,
  },
  HSET: {
    ...writesFast,
    arity: -4,
    since: "2.0.0",
    summary: "Sets fields of a hash and tells how many of them are new.",
    complexity: "O(N) with N the number of fields",
    arguments: [KEY, PAIRS],
    run: run.hset,
  },
  HSETNX: {
    ...writesFast,
    keys: oneKey("RW", "insert"),
    arity: 4,
    since: "2.0.0",
    summary: "Sets a field of a hash unless there is such a field.",
    complexity: "O(1)",
    arguments: [KEY, FIELD, VALUE],
    run: run.hsetnx,
  },
};

export const hashCommands: CommandRows = { ...readingRows, ...writingRows };
