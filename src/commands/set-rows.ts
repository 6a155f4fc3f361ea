// The rows of the set family: what COMMAND, ACL, dispatch and docs/commands.md know of them.

import { integer, KEY, KEYS, string, tokenInteger, word } from "./argument-specs.ts";
import * as algebra from "./set-algebra.ts";
import * as run from "./set.ts";
import {
  keysToEnd,
  ONE_KEY_READ,
  oneKey,
  type ArgumentSpec,
  type CommandRows,
  type KeySpec,
} from "./table.ts";

const MEMBER = string("member");
const MEMBERS = { ...MEMBER, multiple: true };
const COUNT: ArgumentSpec = { name: "count", type: "integer", optional: true };
const DESTINATION: ArgumentSpec = { name: "destination", type: "key" };
const LIMIT: ArgumentSpec = { ...tokenInteger("LIMIT", "limit"), optional: true };

const READ_AND_WRITTEN = {
  kind: "data",
  flags: ["write", "denyoom", "fast"],
  group: "set",
  keys: oneKey("RW", "insert"),
} as const;
const asks = {
  kind: "data",
  flags: ["readonly", "fast"],
  group: "set",
  keys: oneKey("RO"),
} as const;
const reads = { kind: "data", flags: ["readonly"], group: "set", keys: ONE_KEY_READ } as const;
const readsMany = { ...reads, keys: keysToEnd("RO", "access") } as const;

const COUNTED_KEYS: readonly KeySpec[] = [
  { kind: "count", countAt: 1, first: 2, flags: ["RO", "access"] },
];
const SOURCES: KeySpec = { kind: "range", first: 2, last: -1, step: 1, flags: ["RO", "access"] };
const TARGET_AND_SOURCES = [...oneKey("OW", "update"), SOURCES];
const storesMany = {
  kind: "data",
  flags: ["write", "denyoom"],
  group: "set",
  keys: TARGET_AND_SOURCES,
  arity: -3,
  arguments: [DESTINATION, KEYS],
} as const;
const counts = { ...reads, keys: COUNTED_KEYS, arity: -3 } as const;

const readingRows: CommandRows = {
  SCARD: {
    ...asks,
    arity: 2,
    since: "1.0.0",
    summary: "Counts the members of a set.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.scard,
  },
  SISMEMBER: {
    ...asks,
    arity: 3,
    since: "1.0.0",
    summary: "Tells whether a set has a member.",
    complexity: "O(1)",
    arguments: [KEY, MEMBER],
    run: run.sismember,
  },
  SMEMBERS: {
    ...reads,
    arity: 2,
    since: "1.0.0",
    summary: "Lists the members of a set.",
    complexity: "O(N) with N the number of members",
    arguments: [KEY],
    run: run.smembers,
  },
  SMISMEMBER: {
    ...asks,
    keys: ONE_KEY_READ,
    arity: -3,
    since: "6.2.0",
    summary: "Tells of several members whether a set has them.",
    complexity: "O(N) with N the number of members asked for",
    arguments: [KEY, MEMBERS],
    run: run.smismember,
  },
  SRANDMEMBER: {
    ...reads,
    arity: -2,
    since: "1.0.0",
    summary: "Names members of a set, by chance.",
    complexity: "O(N) with N the number of members asked for",
    arguments: [KEY, { ...COUNT, since: "2.6.0" }],
    run: run.srandmember,
  },
  SSCAN: {
    ...reads,
    arity: -3,
    since: "2.8.0",
    summary: "Lists members of a set step by step; each reply's cursor leads to the next step.",
    complexity: "O(1) for a step, O(N) for the whole walk with N the number of members",
    arguments: [
      KEY,
      integer("cursor"),
      { name: "pattern", type: "pattern", token: "MATCH", optional: true },
      { name: "count", type: "integer", token: "COUNT", optional: true },
    ],
    run: run.sscan,
  },
};

const writingRows: CommandRows = {
  SADD: {
    ...READ_AND_WRITTEN,
    arity: -3,
    since: "1.0.0",
    summary: "Adds members to a set and tells how many of them are new.",
    complexity: "O(N) with N the number of members named",
    arguments: [KEY, MEMBERS],
    run: run.sadd,
  },
  SMOVE: {
    ...READ_AND_WRITTEN,
    flags: ["write", "fast"],
    keys: [
      ...oneKey("RW", "access", "delete"),
      { kind: "range", first: 2, last: 2, step: 1, flags: ["RW", "insert"] },
    ],
    arity: 4,
    since: "1.0.0",
    summary: "Moves a member from one set to another.",
    complexity: "O(1)",
    arguments: [{ name: "source", type: "key" }, DESTINATION, MEMBER],
    run: run.smove,
  },
  SPOP: {
    ...READ_AND_WRITTEN,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "delete"),
    arity: -2,
    since: "1.0.0",
    summary: "Takes members out of a set, by chance.",
    complexity: "O(N) with N the number of members taken",
    arguments: [KEY, { ...COUNT, since: "3.2.0" }],
    run: run.spop,
  },
  SREM: {
    ...READ_AND_WRITTEN,
    flags: ["write", "fast"],
    keys: oneKey("RW", "delete"),
    arity: -3,
    since: "1.0.0",
    summary: "Removes members of a set and tells how many of them were there.",
    complexity: "O(N) with N the number of members named",
    arguments: [KEY, MEMBERS],
    run: run.srem,
  },
};

const algebraRows: CommandRows = {
  SDIFF: {
    ...readsMany,
    arity: -2,
    since: "1.0.0",
    summary: "Lists the members of the first set that no other has.",
    complexity: "O(N) with N the number of members of all sets",
    arguments: [KEYS],
    run: algebra.sdiff,
  },
  SDIFFCARD: {
    ...counts,
    since: "8.10.0",
    summary: "Counts the members of the first set that no other has.",
    complexity: "O(N) with N the number of members of all sets",
    arguments: [integer("numkeys"), KEYS, LIMIT],
    run: algebra.sdiffcard,
  },
  SDIFFSTORE: {
    ...storesMany,
    since: "1.0.0",
    summary: "Stores the members of the first source that no other has, and counts them.",
    complexity: "O(N) with N the number of members of all sets",
    run: algebra.sdiffstore,
  },
  SINTER: {
    ...readsMany,
    arity: -2,
    since: "1.0.0",
    summary: "Lists the members that all sets have.",
    complexity: "O(N*M) with N the size of the smallest set and M the number of sets",
    arguments: [KEYS],
    run: algebra.sinter,
  },
  SINTERCARD: {
    ...counts,
    since: "7.0.0",
    summary: "Counts the members that all sets have.",
    complexity: "O(N*M) with N the size of the smallest set and M the number of sets",
    arguments: [integer("numkeys"), KEYS, LIMIT],
    run: algebra.sintercard,
  },
  SINTERSTORE: {
    ...storesMany,
    keys: [...oneKey("RW", "update"), SOURCES],
    since: "1.0.0",
    summary: "Stores the members that all sources have, and counts them.",
    complexity: "O(N*M) with N the size of the smallest set and M the number of sets",
    run: algebra.sinterstore,
  },
  SUNION: {
    ...readsMany,
    arity: -2,
    since: "1.0.0",
    summary: "Lists the members that any of the sets has.",
    complexity: "O(N) with N the number of members of all sets",
    arguments: [KEYS],
    run: algebra.sunion,
  },
  SUNIONCARD: {
    ...counts,
    since: "8.10.0",
    summary: "Counts the members that any of the sets has.",
    complexity: "O(N) with N the number of members of all sets",
    arguments: [integer("numkeys"), KEYS, word("APPROX", { optional: true }), LIMIT],
    run: algebra.sunioncard,
  },
  SUNIONSTORE: {
    ...storesMany,
    since: "1.0.0",
    summary: "Stores the members that any of the sources has, and counts them.",
    complexity: "O(N) with N the number of members of all sets",
    run: algebra.sunionstore,
  },
};

export const setCommands: CommandRows = { ...readingRows, ...writingRows, ...algebraRows };
