// Hashes: HSET, HGET and their family, as handlers. Their rows are in hash-rows.ts, what a hash is in
// types/hash.ts.

import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import {
  CommandError,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  SYNTAX_ERROR,
  wrongArity,
} from "../resp/errors.ts";
import { EMPTY_ARRAY, MapReply, OK, PairsReply, type Reply } from "../resp/reply.ts";
import * as hash from "../types/hash.ts";
import * as hashRandom from "../types/hash-random.ts";
import * as longDouble from "../types/long-double.ts";
import { INT64_MAX, INT64_MIN, parseInteger, toIndex, type Integer } from "../types/number.ts";
import { cursorOf, scanOptions } from "./scan-options.ts";
import { at, type Args } from "./table.ts";

const VALUE_NOT_FINITE = new CommandError("ERR value is NaN or Infinity");
const COUNT_OUT_OF_RANGE = new CommandError("ERR value is out of range");
const COUNT_HAS_NO_OPPOSITE = new CommandError(
  `ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`,
);
/** With values, twice as many elements are sent: half of what a signed 64-bit length holds. */
const COUNT_WITH_VALUES_MAX = 2n ** 62n - 1n;
const EMPTY_MAP = new MapReply([]);

function integerAt(args: Args, index: number): Integer {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  return value;
}

// Reading

export function hget(view: View, args: Args): Reply {
  const record = hash.find(view, at(args, 1));
  return record === null ? null : hash.get(view, record, at(args, 2));
}

export function hmget(view: View, args: Args): Reply {
  const record = hash.find(view, at(args, 1));
  const fields = args.slice(2);
  if (record === null) return fields.map(() => null);
  hash.want(view, record, fields);
  return fields.map((field) => hash.get(view, record, field));
}

export function hexists(view: View, args: Args): Reply {
  const record = hash.find(view, at(args, 1));
  return record !== null && hash.get(view, record, at(args, 2)) !== null ? 1 : 0;
}

export function hstrlen(view: View, args: Args): Reply {
  const record = hash.find(view, at(args, 1));
  const value = record === null ? null : hash.get(view, record, at(args, 2));
  return value === null ? 0 : value.length;
}

export function hlen(view: View, args: Args): Reply {
  const record = hash.find(view, at(args, 1));
  return record === null ? 0 : hash.size(view, record);
}

export function hgetall(view: View, args: Args): Reply {
  const record = hash.find(view, at(args, 1));
  if (record === null) return EMPTY_MAP;
  const flat: Bytes[] = [];
  hash.forEach(view, record, (field, value) => {
    flat.push(field, value);
  });
  return new MapReply(flat);
}

export function hkeys(view: View, args: Args): Reply {
  return collected(view, args, (field) => field);
}

export function hvals(view: View, args: Args): Reply {
  return collected(view, args, (_, value) => value);
}

function collected(
  view: View,
  args: Args,
  choose: (field: Bytes, value: Bytes) => Bytes,
): readonly Bytes[] {
  const record = hash.find(view, at(args, 1));
  const chosen: Bytes[] = [];
  if (record === null) return chosen;
  hash.forEach(view, record, (field, value) => {
    chosen.push(choose(field, value));
  });
  return chosen;
}

export function hscan(view: View, args: Args): Reply {
  const cursor = cursorOf(at(args, 2));
  const record = hash.find(view, at(args, 1));
  if (record === null) return ["0", EMPTY_ARRAY];
  const { pattern, countMin, noValues } = scanOptions(args, { from: 3, words: ["NOVALUES"] });
  const step = hash.scan(view, record, { cursor, countMin });
  const found: Bytes[] = [];
  for (const { field, value } of step.entries) {
    if (pattern !== null && !matches(pattern, field)) continue;
    found.push(field);
    if (!noValues) found.push(value);
  }
  return [String(step.cursor), found];
}

export function hrandfield(view: View, args: Args): Reply {
  if (args.length === 2) {
    const record = hash.find(view, at(args, 1));
    const [drawn] = record === null ? [] : hashRandom.drawWithRepeats(view, record, 1);
    return drawn === undefined ? null : drawn.field;
  }
  const count = countAt(args, 2);
  const withValues = args[3]?.toUpperCase() === "WITHVALUES";
  if (args.length > 4 || (args.length === 4 && !withValues)) throw SYNTAX_ERROR;
  const record = hash.find(view, at(args, 1));
  if (withValues && (count > COUNT_WITH_VALUES_MAX || count < -COUNT_WITH_VALUES_MAX)) {
    throw COUNT_OUT_OF_RANGE;
  }
  if (record === null || count === 0) return EMPTY_ARRAY;
  const times = toIndex(count);
  const drawn =
    times < 0
      ? hashRandom.drawWithRepeats(view, record, -times)
      : hashRandom.drawDistinct(view, record, times);
  if (!withValues) return drawn.map(({ field }) => field);
  return new PairsReply(drawn.flatMap(({ field, value }) => [field, value]));
}

/** A count whose sign tells something: the smallest number of 64 bits has no opposite. */
function countAt(args: Args, index: number): Integer {
  const count = integerAt(args, index);
  if (count === INT64_MIN) throw COUNT_HAS_NO_OPPOSITE;
  return count;
}

// Changing

export function hset(view: View, args: Args): Reply {
  if (args.length % 2 !== 0) throw wrongArity(at(args, 0).toLowerCase());
  return setFields(view, args);
}

export function hmset(view: View, args: Args): Reply {
  if (args.length % 2 !== 0) throw wrongArity(at(args, 0).toLowerCase());
  setFields(view, args);
  return OK;
}

/** Field and value from position 2 on; tells how many fields are new. */
function setFields(view: View, args: Args): number {
  const key = at(args, 1);
  const record = hash.open(view, key);
  if (args.length > 4) wantFields(view, record, args, 2);
  let added = 0;
  for (let index = 2; index < args.length; index += 2) {
    if (hash.set(view, record, at(args, index), at(args, index + 1))) added++;
  }
  view.notify("hash", "hset", key);
  return added;
}

function wantFields(view: View, record: Record, args: Args, step: number): void {
  const fields: Bytes[] = [];
  for (let index = 2; index < args.length; index += step) fields.push(at(args, index));
  hash.want(view, record, fields);
}

export function hsetnx(view: View, args: Args): Reply {
  const key = at(args, 1);
  const found = hash.find(view, key);
  if (found !== null && hash.get(view, found, at(args, 2)) !== null) return 0;
  const record = found ?? hash.open(view, key);
  hash.removeIfDead(view, record, at(args, 2));
  hash.set(view, record, at(args, 2), at(args, 3));
  view.notify("hash", "hset", key);
  return 1;
}

export function hdel(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = hash.find(view, key);
  if (record === null) return 0;
  if (args.length > 3) wantFields(view, record, args, 1);
  let removed = 0;
  for (let index = 2; index < args.length; index++) {
    if (hash.remove(view, record, at(args, index))) removed++;
    if (hash.size(view, record) === 0) break;
  }
  if (removed === 0) return 0;
  view.notify("hash", "hdel", key);
  hash.removeIfEmpty(view, record);
  return removed;
}

export function hincrby(view: View, args: Args): Reply {
  const by = integerAt(args, 3);
  const key = at(args, 1);
  const sum = hash.increment(view, hash.open(view, key), at(args, 2), by);
  view.notify("hash", "hincrby", key);
  return sum;
}

export function hincrbyfloat(view: View, args: Args): Reply {
  const by = longDouble.parse(at(args, 3));
  if (by === null) throw NOT_A_FLOAT;
  if (!Number.isFinite(by.exponent)) throw VALUE_NOT_FINITE;
  const key = at(args, 1);
  const sum = hash.incrementFloat(view, hash.open(view, key), at(args, 2), by);
  view.notify("hash", "hincrbyfloat", key);
  return sum;
}
