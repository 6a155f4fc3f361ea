// What a string is: bytes that are read, grown, cut and counted with. The commands read arguments
// and shape replies; the bits of a string are in bitmap.ts.

import { constants } from "node:buffer";

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { STRING } from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import {
  CommandError,
  INCREMENT_OVERFLOW,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  STRING_TOO_LONG,
  WRONG_TYPE,
} from "../resp/errors.ts";
import * as longDouble from "./long-double.ts";
import { addInt64, parseInteger, type Integer } from "./number.ts";

const NOT_FINITE = new CommandError("ERR increment would produce NaN or Infinity");

/** The record of a key that holds a string; null when there is none. Throws WRONG_TYPE. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record !== null && record.kind !== STRING) throw WRONG_TYPE;
  return record;
}

/** The bytes of a record of kind STRING. */
export function bytesOf(record: Record): Bytes {
  const { value } = record;
  if (typeof value !== "string") throw new AssertionFailed("a string record holds no string");
  return value;
}

/** Throws WRONG_TYPE. */
export function get(view: View, key: Bytes): Bytes | null {
  const record = view.read(key);
  if (record === null) return null;
  if (record.kind !== STRING) throw WRONG_TYPE;
  return bytesOf(record);
}

/** As `get`, but a key of another type is as good as none: MGET. */
export function getIfString(view: View, key: Bytes): Bytes | null {
  const record = view.read(key);
  return record === null || record.kind !== STRING ? null : bytesOf(record);
}

/** Gives the key a string, whatever it held; `expiryMs` 0 for none. */
export function put(view: View, key: Bytes, value: Bytes, expiryMs: number): Record {
  const record = view.set(key, { kind: STRING, value, expiryMs });
  view.notify("string", "set", key);
  return record;
}

/** Writes the changed bytes of a key: those of `record`, or of a new key when that is null. */
export function store(view: View, key: Bytes, record: Record | null, value: Bytes): Record {
  if (record === null) return view.set(key, { kind: STRING, value, expiryMs: 0 });
  view.replace(record, value);
  return record;
}

/** As `store`, for what Redis changes in place: the string is "raw" from then on. */
export function storeRaw(view: View, key: Bytes, record: Record | null, value: Bytes): void {
  store(view, key, record, value).changedInPlace = value;
}

/** The longest string now: as configured, but never longer than the machine can hold. */
export function bytesMax(view: View): number {
  return Math.min(view.limits.stringBytesMax, constants.MAX_STRING_LENGTH);
}

/** Returns the new length. Throws WRONG_TYPE, STRING_TOO_LONG. */
export function append(view: View, key: Bytes, tail: Bytes): number {
  const record = find(view, key);
  const head = record === null ? "" : bytesOf(record);
  const size = head.length + tail.length;
  if (record !== null && size > bytesMax(view)) throw STRING_TOO_LONG;
  // A new one is as if it had been set.
  if (record === null) store(view, key, null, tail);
  else storeRaw(view, key, record, head + tail);
  view.notify("string", "append", key);
  return size;
}

/** Overwrites from `offset` on, with zeros where there was nothing; returns the new length. */
export function setRange(view: View, key: Bytes, offset: number, piece: Bytes): number {
  const record = find(view, key);
  const before = record === null ? "" : bytesOf(record);
  if (piece.length === 0) return before.length;
  if (offset + piece.length > bytesMax(view)) throw STRING_TOO_LONG;
  const after = withPiece(before, offset, piece);
  storeRaw(view, key, record, after);
  view.notify("string", "setrange", key);
  return after.length;
}

/** `before` with `piece` at `offset`, padded with zero bytes. */
export function withPiece(before: Bytes, offset: number, piece: Bytes): Bytes {
  if (offset >= before.length) return before + "\0".repeat(offset - before.length) + piece;
  return before.slice(0, offset) + piece + before.slice(offset + piece.length);
}

/** From `first` to `last`, both included, negative ones counted from the end. */
export function range(whole: Bytes, first: number, last: number): Bytes {
  const { length } = whole;
  if (first < 0 && last < 0 && first > last) return "";
  const start = Math.max(0, first < 0 ? length + first : first);
  const end = Math.max(0, last < 0 ? length + last : last);
  return start > end ? "" : whole.slice(start, end + 1);
}

/** Adds to the whole number in the key, 0 if there is none; returns the sum. */
export function increment(view: View, key: Bytes, by: Integer): Integer {
  const record = find(view, key);
  const before = record === null ? 0 : parseInteger(bytesOf(record));
  if (before === null) throw NOT_AN_INTEGER;
  const sum = addInt64(before, by);
  if (sum === null) throw INCREMENT_OVERFLOW;
  store(view, key, record, String(sum));
  view.notify("string", "incrby", key);
  return sum;
}

/** Adds to the number in the key, 0 if there is none; returns the sum as it is now stored. */
export function incrementFloat(view: View, key: Bytes, by: Bytes): Bytes {
  const record = find(view, key);
  const before = record === null ? longDouble.ZERO : longDouble.parse(bytesOf(record));
  const addend = before === null ? null : longDouble.parse(by);
  if (before === null || addend === null) throw NOT_A_FLOAT;
  const sum = longDouble.add(before, addend);
  if (sum === null) throw NOT_FINITE;
  const text = longDouble.format(sum);
  store(view, key, record, text);
  view.notify("string", "incrbyfloat", key);
  return text;
}
