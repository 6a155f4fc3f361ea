// Bits of strings: SETBIT, BITCOUNT, BITOP and their kin, rows and handlers. What a bitmap is stands
// in types/bitmap.ts; BITFIELD has a file of its own.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, STRING_TOO_LONG, SYNTAX_ERROR } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import * as bitmap from "../types/bitmap.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import * as string from "../types/string.ts";
import { block, integer, KEY, KEYS, oneOf, word } from "./argument-specs.ts";
import { BIT_OFFSET_INVALID, bitfield, bitfieldRo } from "./bitfield.ts";
import { at, ONE_KEY_READ, oneKey, type Args, type CommandRows, type KeyFlag } from "./table.ts";

const BIT_INVALID = new CommandError("ERR bit is not an integer or out of range");
const BIT_NOT_0_OR_1 = new CommandError("ERR The bit argument must be 1 or 0.");
const NOT_TAKES_ONE = new CommandError("ERR BITOP NOT must be called with a single source key.");

const OPERATIONS: readonly bitmap.Operation[] = [
  "AND",
  "OR",
  "XOR",
  "NOT",
  "DIFF",
  "DIFF1",
  "ANDOR",
  "ONE",
];
/** The first source against the others. */
const COMPARES: ReadonlySet<bitmap.Operation> = new Set(["DIFF", "DIFF1", "ANDOR"]);
const UNIT = oneOf("unit", [word("BYTE"), word("BIT")], { optional: true, since: "7.0.0" });
const reads = { kind: "data", group: "bitmap", flags: ["readonly"], keys: ONE_KEY_READ } as const;
const writes = { kind: "data", group: "bitmap", flags: ["write", "denyoom"] } as const;
const FIELD = block("get-block", [{ name: "encoding", type: "string" }, integer("offset")], {
  token: "GET",
});
const WRITE_FIELD = block("write", [
  oneOf("overflow-block", [word("WRAP"), word("SAT"), word("FAIL")], {
    token: "OVERFLOW",
    optional: true,
  }),
  oneOf("write-operation", [
    block(
      "set-block",
      [{ name: "encoding", type: "string" }, integer("offset"), integer("value")],
      {
        token: "SET",
      },
    ),
    block(
      "incrby-block",
      [{ name: "encoding", type: "string" }, integer("offset"), integer("increment")],
      { token: "INCRBY" },
    ),
  ]),
]);

export const bitmapCommands: CommandRows = {
  BITCOUNT: {
    ...reads,
    arity: -2,
    since: "2.6.0",
    summary: "Counts the ones in the string in a key, or in a range of it.",
    complexity: "O(N) with N the length of the range",
    arguments: [KEY, block("range", [integer("start"), integer("end"), UNIT], { optional: true })],
    run: bitcount,
  },
  BITFIELD: {
    ...writes,
    keys: oneKey("RW", "access", "update", "variable_flags"),
    keysInCall: (args) => [{ index: 1, flags: onlyGets(args) ? ONLY_READ : READ_AND_WRITTEN }],
    arity: -2,
    since: "3.2.0",
    summary: "Reads, sets and counts with whole numbers of any width within a string.",
    complexity: "O(1) for each operation; the whole string is written at the commit",
    arguments: [KEY, oneOf("operation", [FIELD, WRITE_FIELD], { optional: true, multiple: true })],
    run: bitfield,
  },
  BITFIELD_RO: {
    ...reads,
    flags: ["readonly", "fast"],
    arity: -2,
    since: "6.0.0",
    summary: "Reads whole numbers of any width within a string.",
    complexity: "O(1) for each operation",
    arguments: [KEY, { ...FIELD, optional: true, multiple: true }],
    run: bitfieldRo,
  },
  BITOP: {
    ...writes,
    keys: [
      { kind: "range", first: 2, last: 2, step: 1, flags: ["OW", "update"] },
      { kind: "range", first: 3, last: -1, step: 1, flags: ["RO", "access"] },
    ],
    arity: -4,
    since: "2.6.0",
    summary: "Combines strings bit by bit and stores the result in a key.",
    complexity: "O(N) with N the length of all sources together",
    arguments: [
      oneOf("operation", [
        word("AND"),
        word("OR"),
        word("XOR"),
        word("NOT"),
        ...["DIFF", "DIFF1", "ANDOR", "ONE"].map((name) => word(name, { since: "8.2.0" })),
      ]),
      { name: "destkey", type: "key" },
      KEYS,
    ],
    run: bitop,
  },
  BITPOS: {
    ...reads,
    arity: -3,
    since: "2.8.7",
    summary: "Finds the first one or the first zero in the string in a key, or in a range of it.",
    complexity: "O(N) with N the length of the range",
    arguments: [
      KEY,
      integer("bit"),
      block(
        "range",
        [integer("start"), block("end-unit-block", [integer("end"), UNIT], { optional: true })],
        { optional: true },
      ),
    ],
    run: bitpos,
  },
  GETBIT: {
    ...reads,
    flags: ["readonly", "fast"],
    arity: 3,
    since: "2.2.0",
    summary: "Reads one bit of the string in a key.",
    complexity: "O(1)",
    arguments: [KEY, integer("offset")],
    run: getbit,
  },
  SETBIT: {
    ...writes,
    keys: oneKey("RW", "access", "update"),
    arity: 4,
    since: "2.2.0",
    summary: "Sets one bit of the string in a key and answers what it was.",
    complexity: "O(1); the whole string is written at the commit",
    arguments: [KEY, integer("offset"), integer("value")],
    run: setbit,
  },
};

/** The whole number at `index`, cut to what can be an index. Throws NOT_AN_INTEGER. */
function indexAt(args: Args, index: number): number {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  return toIndex(value);
}

/** Throws BIT_OFFSET_INVALID. */
function bitOffset(view: View, text: Bytes): number {
  const offset = parseInteger(text);
  if (typeof offset !== "number" || offset < 0) throw BIT_OFFSET_INVALID;
  if (offset / 8 >= view.limits.stringBytesMax) throw BIT_OFFSET_INVALID;
  return offset;
}

function getbit(view: View, args: Args): Reply {
  const offset = bitOffset(view, at(args, 2));
  const value = string.get(view, at(args, 1));
  return value === null ? 0 : bitmap.getBit(value, offset);
}

function setbit(view: View, args: Args): Reply {
  const key = at(args, 1);
  const offset = bitOffset(view, at(args, 2));
  const bit = parseInteger(at(args, 3));
  if (bit !== 0 && bit !== 1) throw BIT_INVALID;
  const record = string.find(view, key);
  const value = record === null ? "" : string.bytesOf(record);
  const before = bitmap.getBit(value, offset);
  const byteAt = Math.floor(offset / 8);
  if (byteAt < value.length && before === bit) return before;
  if (byteAt >= string.bytesMax(view)) throw STRING_TOO_LONG;
  const byte = bitmap.byteWith(value, offset, bit);
  string.storeRaw(view, key, record, string.withPiece(value, byteAt, byte));
  view.notify("string", "setbit", key);
  return before;
}

/** Bits per step of a range: BYTE or BIT. Throws SYNTAX_ERROR. */
function unitAt(args: Args, index: number): 1 | 8 {
  if (args.length <= index) return 8;
  switch (at(args, index).toUpperCase()) {
    case "BYTE":
      return 8;
    case "BIT":
      return 1;
    default:
      throw SYNTAX_ERROR;
  }
}

/** From `start` to `end`, negative ones counted from the end of the value, as bits. */
function bitRange(
  value: Bytes,
  asked: { start: number; end: number; unit: 1 | 8 },
): { first: number; last: number } {
  const { unit } = asked;
  const count = value.length * (8 / unit);
  const start = Math.max(0, asked.start < 0 ? count + asked.start : asked.start);
  const end = Math.max(0, asked.end < 0 ? count + asked.end : asked.end);
  return { first: start * unit, last: Math.min(end, count - 1) * unit + unit - 1 };
}

function bitcount(view: View, args: Args): Reply {
  const value = string.get(view, at(args, 1));
  // Without the key Redis 7 does not look at the rest.
  if (value === null) return 0;
  if (args.length === 2) return bitmap.countBits(value, 0, value.length * 8 - 1);
  if (args.length !== 4 && args.length !== 5) throw SYNTAX_ERROR;
  const start = indexAt(args, 2);
  const end = indexAt(args, 3);
  // Redis 7 answers this before it looks at the unit.
  if (start < 0 && end < 0 && start > end) return 0;
  const { first, last } = bitRange(value, { start, end, unit: unitAt(args, 4) });
  return bitmap.countBits(value, first, last);
}

function bitpos(view: View, args: Args): Reply {
  const bit = parseInteger(at(args, 2));
  if (bit === null) throw NOT_AN_INTEGER;
  if (bit !== 0 && bit !== 1) throw BIT_NOT_0_OR_1;
  const value = string.get(view, at(args, 1));
  // Without the key Redis 7 does not look at the rest: there is nothing but zeros.
  if (value === null) return bit === 1 ? -1 : 0;
  if (args.length > 6) throw SYNTAX_ERROR;
  const start = args.length > 3 ? indexAt(args, 3) : 0;
  const unit = unitAt(args, 5);
  const end = args.length > 4 ? indexAt(args, 4) : -1;
  const range = bitRange(value, { start, end, unit });
  if (range.first > range.last) return -1;
  const found = bitmap.findBit(value, bit, range);
  // A string of ones goes on with zeros, unless the range has an end.
  return found === -1 && bit === 0 && args.length <= 4 ? value.length * 8 : found;
}

function bitop(view: View, args: Args): Reply {
  const operation = operationOf(at(args, 1));
  if (operation === "NOT" && args.length !== 4) throw NOT_TAKES_ONE;
  if (args.length < 5 && COMPARES.has(operation)) {
    throw new CommandError(`ERR BITOP ${operation} must be called with at least two source keys.`);
  }
  const target = at(args, 2);
  const sources: Bytes[] = [];
  for (let index = 3; index < args.length; index++) {
    sources.push(string.get(view, at(args, index)) ?? "");
  }
  const result = bitmap.combine(operation, sources);
  if (result.length > 0) string.put(view, target, result, 0).changedInPlace = result;
  else if (view.remove(target)) view.notify("generic", "del", target);
  return result.length;
}

function operationOf(text: Bytes): bitmap.Operation {
  const operation = OPERATIONS.find((one) => one === text.toUpperCase());
  if (operation === undefined) throw SYNTAX_ERROR;
  return operation;
}

const ONLY_READ: readonly KeyFlag[] = ["RO", "access"];
const READ_AND_WRITTEN: readonly KeyFlag[] = ["RW", "access", "update"];

/** Whether BITFIELD changes nothing; what makes no sense counts as a change. */
function onlyGets(args: Args): boolean {
  let index = 2;
  while (index < args.length) {
    const verb = args[index]?.toUpperCase();
    const left = args.length - index - 1;
    if (verb === "GET" && left >= 2) index += 3;
    else if (verb === "OVERFLOW" && left >= 1) index += 2;
    else return false;
  }
  return true;
}
