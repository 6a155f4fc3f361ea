// The rows of the string family: what COMMAND, ACL, dispatch and docs/commands.md know of them.

import { block, integer, KEY, KEYS, oneOf, string } from "./argument-specs.ts";
import { tokenInteger, tokenTime, word } from "./argument-specs.ts";
import { increx } from "./increx.ts";
import { lcs } from "./lcs.ts";
import * as run from "./string.ts";
import {
  keysToEnd,
  ONE_KEY_READ,
  oneKey,
  type Args,
  type CommandRows,
  type KeyFlag,
  type KeySpec,
} from "./table.ts";

const READ_AND_CHANGE = oneKey("RW", "access", "update");
const OVERWRITE = oneKey("OW", "update");
/** Keys and values in turn. */
function pairs(flag: "update" | "insert"): readonly KeySpec[] {
  return [{ kind: "range", first: 1, last: -1, step: 2, flags: ["OW", flag] }];
}
const VALUE = string("value");
const PAIR_ARGUMENTS = [block("key_value", [KEY, VALUE], { multiple: true })];

const writes = { kind: "data", flags: ["write", "denyoom"], group: "string" } as const;
const writesFast = { ...writes, flags: ["write", "denyoom", "fast"] } as const;
const reads = { kind: "data", flags: ["readonly"], group: "string", keys: ONE_KEY_READ } as const;
const readsFast = { ...reads, flags: ["readonly", "fast"] } as const;

const readingRows: CommandRows = {
  GET: {
    ...readsFast,
    arity: 2,
    since: "1.0.0",
    summary: "Reads the string in a key.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.get,
  },
  GETRANGE: {
    ...reads,
    arity: 4,
    since: "2.4.0",
    summary: "Reads a piece of the string in a key, by first and last position.",
    complexity: "O(N) with N the length of the piece",
    arguments: [KEY, integer("start"), integer("end")],
    run: run.getrange,
  },
  LCS: {
    ...reads,
    keys: [{ kind: "range", first: 1, last: 2, step: 1, flags: ["RO", "access"] }],
    arity: -3,
    since: "7.0.0",
    summary: "Finds the longest common subsequence of two strings.",
    complexity: "O(N*M) with N and M the lengths of the strings",
    arguments: [
      { name: "key1", type: "key" },
      { name: "key2", type: "key" },
      word("LEN", { optional: true }),
      word("IDX", { optional: true }),
      { name: "min-match-len", type: "integer", token: "MINMATCHLEN", optional: true },
      word("WITHMATCHLEN", { optional: true }),
    ],
    run: lcs,
  },
  MGET: {
    ...readsFast,
    keys: keysToEnd("RO", "access"),
    arity: -2,
    since: "1.0.0",
    summary: "Reads the strings in several keys.",
    complexity: "O(N) with N the number of keys",
    arguments: [KEYS],
    run: run.mget,
  },
  STRLEN: {
    ...readsFast,
    keys: oneKey("RO"),
    arity: 2,
    since: "2.2.0",
    summary: "Tells the length of the string in a key.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.strlen,
  },
  SUBSTR: {
    ...reads,
    arity: 4,
    since: "1.0.0",
    deprecatedSince: "2.0.0",
    replacedBy: "GETRANGE",
    summary: "Reads a piece of the string in a key: the old name of GETRANGE.",
    complexity: "O(N) with N the length of the piece",
    arguments: [KEY, integer("start"), integer("end")],
    run: run.getrange,
  },
};

const countingRows: CommandRows = {
  DECR: {
    ...writesFast,
    keys: READ_AND_CHANGE,
    arity: 2,
    since: "1.0.0",
    summary: "Takes one from the whole number in a key, which begins at 0.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.decr,
  },
  DECRBY: {
    ...writesFast,
    keys: READ_AND_CHANGE,
    arity: 3,
    since: "1.0.0",
    summary: "Takes an amount from the whole number in a key, which begins at 0.",
    complexity: "O(1)",
    arguments: [KEY, integer("decrement")],
    run: run.decrby,
  },
  INCR: {
    ...writesFast,
    keys: READ_AND_CHANGE,
    arity: 2,
    since: "1.0.0",
    summary: "Adds one to the whole number in a key, which begins at 0.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.incr,
  },
  INCRBY: {
    ...writesFast,
    keys: READ_AND_CHANGE,
    arity: 3,
    since: "1.0.0",
    summary: "Adds an amount to the whole number in a key, which begins at 0.",
    complexity: "O(1)",
    arguments: [KEY, integer("increment")],
    run: run.incrby,
  },
  INCRBYFLOAT: {
    ...writesFast,
    keys: READ_AND_CHANGE,
    arity: 3,
    since: "2.6.0",
    summary: "Adds an amount to the number in a key, which begins at 0 and may have a fraction.",
    complexity: "O(1)",
    arguments: [KEY, { name: "increment", type: "double" }],
    run: run.incrbyfloat,
  },
};

const COMPARISONS = [
  { name: "ifeq-value", type: "string", token: "IFEQ", since: "8.4.0" },
  { name: "ifne-value", type: "string", token: "IFNE", since: "8.4.0" },
  { name: "ifdeq-digest", type: "string", token: "IFDEQ", since: "8.4.0" },
  { name: "ifdne-digest", type: "string", token: "IFDNE", since: "8.4.0" },
] as const;
const conditionArgument = oneOf("condition", [word("NX"), word("XX"), ...COMPARISONS], {
  optional: true,
  since: "2.6.12",
});
const EXPIRIES = [
  tokenInteger("EX", "seconds"),
  tokenInteger("PX", "milliseconds"),
  tokenTime("EXAT", "unix-time-seconds"),
  tokenTime("PXAT", "unix-time-milliseconds"),
];

const newerRows: CommandRows = {
  DELEX: {
    ...writesFast,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    arity: -2,
    since: "8.4.0",
    summary: "Deletes a key if its string is, or is not, the one that is told.",
    complexity: "O(N) with N the length of the string",
    arguments: [KEY, oneOf("condition", COMPARISONS, { optional: true })],
    run: run.delex,
  },
  DIGEST: {
    ...readsFast,
    arity: 2,
    since: "8.4.0",
    summary: "Shows the digest (XXH3) of the string in a key.",
    complexity: "O(N) with N the length of the string",
    arguments: [KEY],
    run: run.digest,
  },
  INCREX: {
    ...writesFast,
    keys: READ_AND_CHANGE,
    arity: -2,
    since: "8.8.0",
    summary: "Adds to the number in a key within bounds, and sets when the key dies.",
    complexity: "O(1)",
    arguments: [
      KEY,
      oneOf(
        "increment",
        [
          { name: "float", type: "double", token: "BYFLOAT" },
          { name: "integer", type: "integer", token: "BYINT" },
        ],
        { optional: true },
      ),
      { name: "lowerbound", type: "string", token: "LBOUND", optional: true },
      { name: "upperbound", type: "string", token: "UBOUND", optional: true },
      word("SATURATE", { optional: true }),
      oneOf("expiration", [...EXPIRIES, word("PERSIST")], { optional: true }),
      word("ENX", { optional: true }),
    ],
    run: increx,
  },
  MSETEX: {
    ...writes,
    keys: [{ kind: "count", countAt: 1, first: 2, step: 2, flags: ["OW", "update"] }],
    arity: -4,
    since: "8.4.0",
    summary: "Gives several keys a string each and sets when they die, all at once.",
    complexity: "O(N) with N the number of keys",
    arguments: [
      integer("numkeys"),
      block("data", [KEY, VALUE], { multiple: true }),
      oneOf("condition", [word("NX"), word("XX")], { optional: true }),
      oneOf("expiration", [...EXPIRIES, word("KEEPTTL")], { optional: true }),
    ],
    run: run.msetex,
  },
};

const settingRows: CommandRows = {
  SET: {
    ...writes,
    keys: oneKey("RW", "access", "update", "variable_flags"),
    keysInCall: (args) => [{ index: 1, flags: asksForOld(args) ? READS_TOO : WRITES_ONLY }],
    arity: -3,
    since: "1.0.0",
    summary: "Gives a key a string, whatever it held; on conditions and for a time, if asked.",
    complexity: "O(1)",
    arguments: [
      KEY,
      VALUE,
      conditionArgument,
      word("GET", { optional: true, since: "6.2.0" }),
      oneOf(
        "expiration",
        [
          tokenInteger("EX", "seconds", "2.6.12"),
          tokenInteger("PX", "milliseconds", "2.6.12"),
          tokenTime("EXAT", "unix-time-seconds", "6.2.0"),
          tokenTime("PXAT", "unix-time-milliseconds", "6.2.0"),
          word("KEEPTTL", { since: "6.0.0" }),
        ],
        { optional: true },
      ),
    ],
    run: run.set,
  },
  SETEX: {
    ...writes,
    keys: OVERWRITE,
    arity: 4,
    since: "2.0.0",
    deprecatedSince: "2.6.12",
    replacedBy: "SET with EX",
    summary: "Gives a key a string for a number of seconds.",
    complexity: "O(1)",
    arguments: [KEY, integer("seconds"), VALUE],
    run: run.setex,
  },
  PSETEX: {
    ...writes,
    keys: OVERWRITE,
    arity: 4,
    since: "2.6.0",
    deprecatedSince: "2.6.12",
    replacedBy: "SET with PX",
    summary: "Gives a key a string for a number of milliseconds.",
    complexity: "O(1)",
    arguments: [KEY, integer("milliseconds"), VALUE],
    run: run.psetex,
  },
  SETNX: {
    ...writesFast,
    keys: oneKey("OW", "insert"),
    arity: 3,
    since: "1.0.0",
    deprecatedSince: "2.6.12",
    replacedBy: "SET with NX",
    summary: "Gives a key a string unless the key exists.",
    complexity: "O(1)",
    arguments: [KEY, VALUE],
    run: run.setnx,
  },
  MSET: {
    ...writes,
    keys: pairs("update"),
    arity: -3,
    since: "1.0.1",
    summary: "Gives several keys a string each, all at once.",
    complexity: "O(N) with N the number of keys",
    arguments: PAIR_ARGUMENTS,
    run: run.mset,
  },
  MSETNX: {
    ...writes,
    keys: pairs("insert"),
    arity: -3,
    since: "1.0.1",
    summary: "Gives several keys a string each, unless one of them exists.",
    complexity: "O(N) with N the number of keys",
    arguments: PAIR_ARGUMENTS,
    run: run.msetnx,
  },
};

const changingRows: CommandRows = {
  APPEND: {
    ...writesFast,
    keys: oneKey("RW", "insert"),
    arity: 3,
    since: "2.0.0",
    summary: "Adds to the end of the string in a key.",
    complexity: "O(1) for small pieces; the whole string is written at the commit",
    arguments: [KEY, VALUE],
    run: run.append,
  },
  SETRANGE: {
    ...writes,
    keys: oneKey("RW", "update"),
    arity: 4,
    since: "2.2.0",
    summary: "Overwrites the string in a key from a position on, padding it with zero bytes.",
    complexity: "O(N) with N the length of the string",
    arguments: [KEY, integer("offset"), VALUE],
    run: run.setrange,
  },
  GETDEL: {
    ...writesFast,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    arity: 2,
    since: "6.2.0",
    summary: "Reads the string in a key and deletes the key.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.getdel,
  },
  GETEX: {
    ...writesFast,
    flags: ["write", "fast"],
    keys: READ_AND_CHANGE,
    arity: -2,
    since: "6.2.0",
    summary: "Reads the string in a key and changes when the key dies.",
    complexity: "O(1)",
    arguments: [
      KEY,
      oneOf(
        "expiration",
        [
          tokenInteger("EX", "seconds"),
          tokenInteger("PX", "milliseconds"),
          tokenTime("EXAT", "unix-time-seconds"),
          tokenTime("PXAT", "unix-time-milliseconds"),
          word("PERSIST"),
        ],
        { optional: true },
      ),
    ],
    run: run.getex,
  },
  GETSET: {
    ...writesFast,
    keys: READ_AND_CHANGE,
    arity: 3,
    since: "1.0.0",
    deprecatedSince: "6.2.0",
    replacedBy: "SET with GET",
    summary: "Gives a key a string and answers the one before.",
    complexity: "O(1)",
    arguments: [KEY, VALUE],
    run: run.getset,
  },
};

export const stringCommands: CommandRows = {
  ...readingRows,
  ...countingRows,
  ...settingRows,
  ...changingRows,
  ...newerRows,
};

const READS_TOO: readonly KeyFlag[] = ["RW", "access", "update"];
const WRITES_ONLY: readonly KeyFlag[] = ["OW", "update"];

/** SET with GET answers what was there. */
function asksForOld(args: Args): boolean {
  return args.slice(3).some((option) => option.toUpperCase() === "GET");
}
