// The rows of the list family: what COMMAND, ACL, dispatch and docs/commands.md know of them.

import { block, integer, KEY, KEYS, oneOf, string, tokenInteger, word } from "./argument-specs.ts";
import * as move from "./list-move.ts";
import * as run from "./list.ts";
import { ONE_KEY_READ, oneKey, type CommandRows, type KeySpec } from "./table.ts";

const ELEMENT = string("element");
const ELEMENTS = { ...ELEMENT, multiple: true };
const LEFT_OR_RIGHT = [word("LEFT"), word("RIGHT")];
const SOURCE = { name: "source", type: "key" } as const;
const DESTINATION = { name: "destination", type: "key" } as const;
const WHERE = oneOf("where", LEFT_OR_RIGHT);
const WHERE_FROM = oneOf("wherefrom", LEFT_OR_RIGHT);
const WHERE_TO = oneOf("whereto", LEFT_OR_RIGHT);
const COUNT = { name: "count", type: "integer", token: "COUNT", optional: true } as const;
const NUMKEYS = integer("numkeys");
const TIMEOUT = { name: "timeout", type: "double" } as const;
const HOW_MANY = block(
  "how-many",
  [
    oneOf("selector", [tokenInteger("COUNT", "count"), tokenInteger("EXACTLY", "exactly")]),
    oneOf("ordering", [word("OBO"), word("BULK")]),
  ],
  { optional: true },
);

const SOURCE_AND_DESTINATION: readonly KeySpec[] = [
  { kind: "range", first: 1, last: 1, step: 1, flags: ["RW", "access", "delete"] },
  { kind: "range", first: 2, last: 2, step: 1, flags: ["RW", "insert"] },
];

const KEYS_BEFORE_TIMEOUT: readonly KeySpec[] = [
  { kind: "range", first: 1, last: -2, step: 1, flags: ["RW", "access", "delete"] },
];

const reads = { kind: "data", flags: ["readonly"], group: "list", keys: ONE_KEY_READ } as const;
const writes = { kind: "data", flags: ["write"], group: "list" } as const;
const pushes = {
  ...writes,
  flags: ["write", "denyoom", "fast"],
  keys: oneKey("RW", "insert"),
} as const;
const pops = {
  ...writes,
  flags: ["write", "fast"],
  keys: oneKey("RW", "access", "delete"),
} as const;
const moves = { ...writes, flags: ["write", "denyoom"], keys: SOURCE_AND_DESTINATION } as const;

const readingRows: CommandRows = {
  LINDEX: {
    ...reads,
    arity: 3,
    since: "1.0.0",
    summary: "Reads the element at a position of a list.",
    complexity: "O(log(N)) with N the number of elements, O(1) at both ends",
    arguments: [KEY, integer("index")],
    run: run.lindex,
  },
  LLEN: {
    ...reads,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    arity: 2,
    since: "1.0.0",
    summary: "Counts the elements of a list.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.llen,
  },
  LPOS: {
    ...reads,
    arity: -3,
    since: "6.0.6",
    summary: "Finds where in a list an element stands.",
    complexity: "O(N) with N the number of elements",
    arguments: [
      KEY,
      ELEMENT,
      { name: "rank", type: "integer", token: "RANK", optional: true },
      { name: "num-matches", type: "integer", token: "COUNT", optional: true },
      { name: "len", type: "integer", token: "MAXLEN", optional: true },
    ],
    run: run.lpos,
  },
  LRANGE: {
    ...reads,
    arity: 4,
    since: "1.0.0",
    summary: "Reads the elements between two positions of a list.",
    complexity: "O(log(N)+M) with N the number of elements and M that of those read",
    arguments: [KEY, integer("start"), integer("stop")],
    run: run.lrange,
  },
};

const pushingRows: CommandRows = {
  LPUSH: {
    ...pushes,
    arity: -3,
    since: "1.0.0",
    summary:
      "Puts elements in front of a list, one after the other; makes the list if there is none.",
    complexity: "O(N) with N the number of elements given",
    arguments: [KEY, ELEMENTS],
    run: run.lpush,
  },
  LPUSHX: {
    ...pushes,
    arity: -3,
    since: "2.2.0",
    summary: "Puts elements in front of a list, if there is one.",
    complexity: "O(N) with N the number of elements given",
    arguments: [KEY, ELEMENTS],
    run: run.lpushx,
  },
  RPUSH: {
    ...pushes,
    arity: -3,
    since: "1.0.0",
    summary: "Puts elements behind a list, one after the other; makes the list if there is none.",
    complexity: "O(N) with N the number of elements given",
    arguments: [KEY, ELEMENTS],
    run: run.rpush,
  },
  RPUSHX: {
    ...pushes,
    arity: -3,
    since: "2.2.0",
    summary: "Puts elements behind a list, if there is one.",
    complexity: "O(N) with N the number of elements given",
    arguments: [KEY, ELEMENTS],
    run: run.rpushx,
  },
};

const poppingRows: CommandRows = {
  LMPOP: {
    ...writes,
    keys: [{ kind: "count", countAt: 1, first: 2, flags: ["RW", "access", "delete"] }],
    arity: -4,
    since: "7.0.0",
    summary: "Takes elements from an end of the first list, of several keys, that there is.",
    complexity: "O(N+M) with N the number of keys and M that of elements taken",
    arguments: [NUMKEYS, KEYS, WHERE, COUNT],
    run: move.lmpop,
  },
  LPOP: {
    ...pops,
    arity: -2,
    since: "1.0.0",
    summary: "Takes the first element of a list, or the first few.",
    complexity: "O(N) with N the number of elements taken",
    arguments: [KEY, { ...integer("count"), optional: true, since: "6.2.0" }],
    run: run.lpop,
  },
  RPOP: {
    ...pops,
    arity: -2,
    since: "1.0.0",
    summary: "Takes the last element of a list, or the last few.",
    complexity: "O(N) with N the number of elements taken",
    arguments: [KEY, { ...integer("count"), optional: true, since: "6.2.0" }],
    run: run.rpop,
  },
};

const movingRows: CommandRows = {
  LMOVE: {
    ...moves,
    arity: 5,
    since: "6.2.0",
    summary:
      "Takes an element from an end of a list and puts it at an end of another, or of the same.",
    complexity: "O(1)",
    arguments: [SOURCE, DESTINATION, WHERE_FROM, WHERE_TO],
    run: move.lmove,
  },
  LMOVEM: {
    ...moves,
    arity: -5,
    since: "8.10.0",
    summary: "Takes several elements from an end of a list and puts them at an end of another.",
    complexity: "O(N) with N the number of elements moved",
    arguments: [SOURCE, DESTINATION, WHERE_FROM, WHERE_TO, HOW_MANY],
    run: move.lmovem,
  },
  RPOPLPUSH: {
    ...moves,
    arity: 3,
    since: "1.2.0",
    deprecatedSince: "6.2.0",
    replacedBy: "LMOVE with the arguments RIGHT and LEFT",
    summary: "Takes the last element of a list and puts it in front of another, or of the same.",
    complexity: "O(1)",
    arguments: [SOURCE, DESTINATION],
    run: move.rpoplpush,
  },
};

const blocks = ["write", "blocking"] as const;
const blocksMoving = { ...moves, flags: ["write", "denyoom", "blocking"] } as const;

const blockingRows: CommandRows = {
  BLMOVE: {
    ...blocksMoving,
    arity: 6,
    since: "6.2.0",
    summary: "As LMOVE, but waits for an element if there is none.",
    complexity: "O(1)",
    arguments: [SOURCE, DESTINATION, WHERE_FROM, WHERE_TO, TIMEOUT],
    run: move.blmove,
  },
  BLMOVEM: {
    ...blocksMoving,
    arity: -6,
    since: "8.10.0",
    summary: "As LMOVEM, but waits for elements if there are not enough.",
    complexity: "O(N) with N the number of elements moved",
    arguments: [SOURCE, DESTINATION, WHERE_FROM, WHERE_TO, TIMEOUT, HOW_MANY],
    run: move.blmovem,
  },
  BLMPOP: {
    ...writes,
    flags: blocks,
    keys: [{ kind: "count", countAt: 2, first: 3, flags: ["RW", "access", "delete"] }],
    arity: -5,
    since: "7.0.0",
    summary: "As LMPOP, but waits for an element if there is none.",
    complexity: "O(N+M) with N the number of keys and M that of elements taken",
    arguments: [TIMEOUT, NUMKEYS, KEYS, WHERE, COUNT],
    run: move.blmpop,
  },
  BLPOP: {
    ...writes,
    flags: blocks,
    keys: KEYS_BEFORE_TIMEOUT,
    arity: -3,
    since: "2.0.0",
    summary:
      "Takes the first element of the first list, of several keys, that there is; waits for one.",
    complexity: "O(N) with N the number of keys",
    arguments: [KEYS, TIMEOUT],
    run: move.blpop,
  },
  BRPOP: {
    ...writes,
    flags: blocks,
    keys: KEYS_BEFORE_TIMEOUT,
    arity: -3,
    since: "2.0.0",
    summary:
      "Takes the last element of the first list, of several keys, that there is; waits for one.",
    complexity: "O(N) with N the number of keys",
    arguments: [KEYS, TIMEOUT],
    run: move.brpop,
  },
  BRPOPLPUSH: {
    ...blocksMoving,
    arity: 4,
    since: "2.2.0",
    deprecatedSince: "6.2.0",
    replacedBy: "BLMOVE with the arguments RIGHT and LEFT",
    summary: "As RPOPLPUSH, but waits for an element if there is none.",
    complexity: "O(1)",
    arguments: [SOURCE, DESTINATION, TIMEOUT],
    run: move.brpoplpush,
  },
};

const changingRows: CommandRows = {
  LINSERT: {
    ...writes,
    flags: ["write", "denyoom"],
    keys: oneKey("RW", "insert"),
    arity: 5,
    since: "2.2.0",
    summary: "Puts an element before or behind the first one that equals a given one.",
    complexity: "O(N) with N the number of elements before that one",
    arguments: [KEY, oneOf("where", [word("BEFORE"), word("AFTER")]), string("pivot"), ELEMENT],
    run: run.linsert,
  },
  LREM: {
    ...writes,
    keys: oneKey("RW", "delete"),
    arity: 4,
    since: "1.0.0",
    summary: "Removes elements that equal a given one: all, or some from either end.",
    complexity: "O(N) with N the number of elements",
    arguments: [KEY, integer("count"), ELEMENT],
    run: run.lrem,
  },
  LSET: {
    ...writes,
    flags: ["write", "denyoom"],
    keys: oneKey("RW", "update"),
    arity: 4,
    since: "1.0.0",
    summary: "Puts another element at a position of a list.",
    complexity: "O(log(N)) with N the number of elements, O(1) at both ends",
    arguments: [KEY, integer("index"), ELEMENT],
    run: run.lset,
  },
  LTRIM: {
    ...writes,
    keys: oneKey("RW", "delete"),
    arity: 4,
    since: "1.0.0",
    summary: "Removes all elements of a list but those between two positions.",
    complexity: "O(N) with N the number of elements removed; O(1) if all are",
    arguments: [KEY, integer("start"), integer("stop")],
    run: run.ltrim,
  },
};

export const listCommands: CommandRows = {
  ...readingRows,
  ...pushingRows,
  ...poppingRows,
  ...movingRows,
  ...blockingRows,
  ...changingRows,
};
