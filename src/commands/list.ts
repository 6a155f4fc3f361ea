// Lists: LPUSH, LRANGE and their family, as handlers. Those that take from one list to another, and those
// that look at several, are in list-move.ts; the rows in list-rows.ts; what a list is in types/list.ts.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import {
  CommandError,
  NO_SUCH_KEY,
  NOT_AN_INTEGER,
  OUT_OF_RANGE,
  SYNTAX_ERROR,
  wrongArity,
} from "../resp/errors.ts";
import { EMPTY_ARRAY, NULL_ARRAY, OK, type Reply } from "../resp/reply.ts";
import * as list from "../types/list.ts";
import { INT64_MAX, INT64_MIN, parseInteger, toIndex, type Integer } from "../types/number.ts";
import { at, type Args } from "./table.ts";

const NOT_POSITIVE = new CommandError("ERR value is out of range, must be positive");
const NO_OPPOSITE = new CommandError(
  `ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`,
);
const RANK_ZERO = new CommandError(
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
    "or use negative to start from the end of the list",
);
const COUNT_NEGATIVE = new CommandError("ERR COUNT can't be negative");
const MAXLEN_NEGATIVE = new CommandError("ERR MAXLEN can't be negative");

function indexAt(args: Args, index: number): number {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  return toIndex(value);
}

/** A number of which the sign tells something: the smallest of 64 bits has no opposite. */
function signedAt(args: Args, index: number): number {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  if (value === INT64_MIN) throw NO_OPPOSITE;
  return toIndex(value);
}

/** A whole number from `min` on; throws `refusal`. */
export function countAt(args: Args, index: number, min: number, refusal: CommandError): number {
  const value: Integer | null = parseInteger(at(args, index));
  if (value === null || value < min) throw refusal;
  return toIndex(value);
}

/** The end that LEFT or RIGHT names. Throws SYNTAX_ERROR. */
export function endAt(args: Args, index: number): list.End {
  const word = at(args, index).toUpperCase();
  if (word === "LEFT") return "head";
  if (word === "RIGHT") return "tail";
  throw SYNTAX_ERROR;
}

// Pushing and popping

export function lpush(view: View, args: Args): Reply {
  return pushed(view, list.open(view, at(args, 1)), args, "head");
}

export function rpush(view: View, args: Args): Reply {
  return pushed(view, list.open(view, at(args, 1)), args, "tail");
}

export function lpushx(view: View, args: Args): Reply {
  const record = list.find(view, at(args, 1));
  return record === null ? 0 : pushed(view, record, args, "head");
}

export function rpushx(view: View, args: Args): Reply {
  const record = list.find(view, at(args, 1));
  return record === null ? 0 : pushed(view, record, args, "tail");
}

function pushed(view: View, record: Record, args: Args, end: list.End): number {
  let bytes = 0;
  for (let index = 2; index < args.length; index++) bytes += at(args, index).length;
  list.willGrow(view, record, args.length - 2, bytes);
  list.push(view, record, { end, texts: args, from: 2 });
  view.notify("list", end === "head" ? "lpush" : "rpush", record.key);
  return list.length(view, record);
}

export function lpop(view: View, args: Args): Reply {
  return popped(view, args, "head");
}

export function rpop(view: View, args: Args): Reply {
  return popped(view, args, "tail");
}

function popped(view: View, args: Args, end: list.End): Reply {
  if (args.length > 3) throw wrongArity(at(args, 0).toLowerCase());
  if (args.length === 2) {
    const record = list.find(view, at(args, 1));
    return record === null ? null : popOne(view, record, end);
  }
  const count = countAt(args, 2, 0, NOT_POSITIVE);
  const record = list.find(view, at(args, 1));
  if (record === null) return NULL_ARRAY;
  return count === 0 ? EMPTY_ARRAY : popMany(view, record, end, count);
}

/** Of a list that is not empty, with all that follows from it. */
export function popOne(view: View, record: Record, end: list.End): Bytes {
  const text = list.pop(view, record, end);
  afterPop(view, record, end);
  return text;
}

/** As `popOne`: up to `count` texts, in the order in which they go. */
export function popMany(view: View, record: Record, end: list.End, count: number): Bytes[] {
  const length = list.length(view, record);
  const taken = Math.min(count, length);
  const from = end === "head" ? 0 : length - taken;
  const texts = list.range(view, record, from, from + taken);
  if (end === "tail") texts.reverse();
  list.cut(view, record, end, taken);
  afterPop(view, record, end);
  return texts;
}

/** Says what was taken from a list, and deletes it when that was its last. */
export function afterPop(view: View, record: Record, end: list.End): void {
  view.notify("list", end === "head" ? "lpop" : "rpop", record.key);
  list.finish(view, record);
}

// Reading

export function llen(view: View, args: Args): Reply {
  const record = list.find(view, at(args, 1));
  return record === null ? 0 : list.length(view, record);
}

export function lindex(view: View, args: Args): Reply {
  const record = list.find(view, at(args, 1));
  if (record === null) return null;
  return list.at(view, record, fromStart(indexAt(args, 2), list.length(view, record)));
}

/** A position counted from the start, given one that may be counted from the end. */
function fromStart(index: number, length: number): number {
  return index < 0 ? index + length : index;
}

export function lrange(view: View, args: Args): Reply {
  const first = indexAt(args, 2);
  const last = indexAt(args, 3);
  const record = list.find(view, at(args, 1));
  if (record === null) return EMPTY_ARRAY;
  const length = list.length(view, record);
  const from = Math.max(fromStart(first, length), 0);
  const to = Math.min(fromStart(last, length), length - 1) + 1;
  return from < to ? list.range(view, record, from, to) : EMPTY_ARRAY;
}

export function lpos(view: View, args: Args): Reply {
  const { rank, count, lengthMax } = positionOptions(args);
  const record = list.find(view, at(args, 1));
  if (record === null) return count === null ? null : EMPTY_ARRAY;
  const found = positions(view, record, {
    text: at(args, 2),
    isReverse: rank < 0,
    skipped: Math.abs(rank) - 1,
    countMax: count === null ? 1 : count === 0 ? Infinity : count,
    lengthMax: lengthMax === 0 ? Infinity : lengthMax,
  });
  return count === null ? (found[0] ?? null) : found;
}

interface PositionOptions {
  readonly rank: number;
  /** Null when COUNT is not given; 0 for all. */
  readonly count: number | null;
  /** 0 for all. */
  readonly lengthMax: number;
}

function positionOptions(args: Args): PositionOptions {
  let rank = 1;
  let count: number | null = null;
  let lengthMax = 0;
  for (let index = 3; index < args.length; index += 2) {
    if (index + 1 >= args.length) throw SYNTAX_ERROR;
    switch (at(args, index).toUpperCase()) {
      case "RANK":
        rank = signedAt(args, index + 1);
        if (rank === 0) throw RANK_ZERO;
        break;
      case "COUNT":
        count = countAt(args, index + 1, 0, COUNT_NEGATIVE);
        break;
      case "MAXLEN":
        lengthMax = countAt(args, index + 1, 0, MAXLEN_NEGATIVE);
        break;
      default:
        throw SYNTAX_ERROR;
    }
  }
  return { rank, count, lengthMax };
}

interface Search {
  readonly text: Bytes;
  readonly isReverse: boolean;
  /** Matches that are passed over. */
  readonly skipped: number;
  readonly countMax: number;
  /** How many texts are looked at. */
  readonly lengthMax: number;
}

function positions(view: View, record: Record, search: Search): number[] {
  const { text, isReverse, countMax, lengthMax } = search;
  const last = list.length(view, record) - 1;
  const found: number[] = [];
  let matches = 0;
  list.forEach(view, record, isReverse, (one, index) => {
    if (one === text && ++matches > search.skipped) found.push(isReverse ? last - index : index);
    return found.length < countMax && index + 1 < lengthMax;
  });
  return found;
}

// Changing inside

export function lset(view: View, args: Args): Reply {
  const record = list.find(view, at(args, 1));
  if (record === null) throw NO_SUCH_KEY;
  const index = indexAt(args, 2);
  const text = at(args, 3);
  list.willGrow(view, record, 1, text.length);
  const position = fromStart(index, list.length(view, record));
  if (!list.set(view, record, position, text)) throw OUT_OF_RANGE;
  view.notify("list", "lset", record.key);
  list.finish(view, record);
  return OK;
}

export function linsert(view: View, args: Args): Reply {
  const where = at(args, 2).toUpperCase();
  if (where !== "BEFORE" && where !== "AFTER") throw SYNTAX_ERROR;
  const record = list.find(view, at(args, 1));
  if (record === null) return 0;
  const text = at(args, 4);
  list.willGrow(view, record, 1, text.length);
  const what = { pivot: at(args, 3), isAfter: where === "AFTER", text };
  if (!list.insert(view, record, what)) return -1;
  view.notify("list", "linsert", record.key);
  return list.length(view, record);
}

export function lrem(view: View, args: Args): Reply {
  const count = signedAt(args, 2);
  const record = list.find(view, at(args, 1));
  if (record === null) return 0;
  const removed = list.removeEqual(view, record, {
    text: at(args, 3),
    countMax: count === 0 ? Infinity : Math.abs(count),
    isReverse: count < 0,
  });
  if (removed === 0) return 0;
  view.notify("list", "lrem", record.key);
  list.finish(view, record);
  return removed;
}

export function ltrim(view: View, args: Args): Reply {
  const first = indexAt(args, 2);
  const last = indexAt(args, 3);
  const record = list.find(view, at(args, 1));
  if (record === null) return OK;
  const length = list.length(view, record);
  const from = Math.max(fromStart(first, length), 0);
  const to = Math.min(fromStart(last, length), length - 1) + 1;
  if (from < to) {
    list.cut(view, record, "tail", length - to);
    list.cut(view, record, "head", from);
  } else {
    list.cut(view, record, "head", length);
  }
  view.notify("list", "ltrim", record.key);
  list.finish(view, record);
  return OK;
}
