// A hash in Redis's dumps, with numbers little-endian:
//
//   4     a length and as many fields and values, all strings
//   16    a string that holds a listpack of them
//   13    read only: a string that holds a ziplist of them
//   24    as 4, when fields die: first:u64, a length, and for each field when it dies, as a length (0 for
//         never, 1 for the moment `first`, 2 for a millisecond later, and so on), the field, the value
//   25    as 16, when fields die: first:u64, a string that holds a listpack of fields, values and times, in
//         milliseconds since the epoch, 0 for never; those that die stand first, in the order of dying
//
// 24 and 25 are of version 12, Redis 7.4: they are written only where fields die.

import type { Bytes } from "../base/bytes.ts";
import { decodeListpack, encodeListpack } from "./listpack.ts";
import {
  BadDump,
  decodeString,
  encodeLength,
  encodeString,
  type DumpReader,
} from "./rdb-string.ts";
import { EXPIRY_MS_MAX, HASH } from "./record.ts";
import { decodeZiplist } from "./ziplist.ts";

const TYPE_TABLE = 4;
const TYPE_ZIPLIST = 13;
const TYPE_LISTPACK = 16;
const TYPE_MORTAL_TABLE = 24;
const TYPE_MORTAL_LISTPACK = 25;
const MILLISECONDS = /^(?:0|[1-9]\d{0,14})$/;

export interface DumpedHash {
  readonly kind: typeof HASH;
  /** Fields and values in turn. */
  readonly flat: readonly Bytes[];
  /** When each field dies, milliseconds since the epoch, 0 for never; null when none does. */
  readonly expiries: readonly number[] | null;
  /** Whether a listpack is written; either is read. */
  readonly isPacked: boolean;
}

export function encode(dumped: DumpedHash): Bytes {
  const { flat, expiries, isPacked } = dumped;
  if (expiries !== null) return encodeMortal(rowsOf(flat, expiries), isPacked);
  if (isPacked) return String.fromCharCode(TYPE_LISTPACK) + encodeString(encodeListpack(flat));
  const parts = [String.fromCharCode(TYPE_TABLE) + encodeLength(flat.length / 2)];
  for (const text of flat) parts.push(encodeString(text));
  return parts.join("");
}

interface Row {
  readonly field: Bytes;
  readonly value: Bytes;
  readonly expiryMs: number;
}

function rowsOf(flat: readonly Bytes[], expiries: readonly number[]): Row[] {
  const rows = expiries.map((expiryMs, index) => {
    return { field: flat[index * 2] ?? "", value: flat[index * 2 + 1] ?? "", expiryMs };
  });
  return rows.sort((a, b) => {
    if (a.expiryMs === 0 || b.expiryMs === 0) return b.expiryMs - a.expiryMs;
    return a.expiryMs - b.expiryMs;
  });
}

function encodeMortal(rows: readonly Row[], isPacked: boolean): Bytes {
  const first = rows[0]?.expiryMs ?? 0;
  if (isPacked) {
    const texts = rows.flatMap(({ field, value, expiryMs }) => [field, value, String(expiryMs)]);
    const type = String.fromCharCode(TYPE_MORTAL_LISTPACK);
    return type + u64(first) + encodeString(encodeListpack(texts));
  }
  const parts = [String.fromCharCode(TYPE_MORTAL_TABLE) + u64(first) + encodeLength(rows.length)];
  for (const { field, value, expiryMs } of rows) {
    const when = expiryMs === 0 ? 0 : expiryMs - first + 1;
    parts.push(encodeLength(when) + encodeString(field) + encodeString(value));
  }
  return parts.join("");
}

/** Little-endian. */
function u64(value: number): Bytes {
  const bytes: number[] = [];
  for (let left = value; bytes.length < 8; left = Math.floor(left / 256)) bytes.push(left % 256);
  return String.fromCharCode(...bytes);
}

/** Null for a type that is not a hash. Throws BadDump. */
export function decode(type: number, reader: DumpReader): DumpedHash | null {
  switch (type) {
    case TYPE_TABLE: {
      const flat: Bytes[] = [];
      for (let left = reader.size() * 2; left > 0; left--) flat.push(decodeString(reader));
      return { kind: HASH, flat: checkedPairs(flat), expiries: null, isPacked: false };
    }
    case TYPE_LISTPACK:
      return packed(decodeListpack(decodeString(reader)));
    case TYPE_ZIPLIST:
      return packed(decodeZiplist(decodeString(reader)));
    case TYPE_MORTAL_TABLE:
      return decodeMortalTable(reader);
    case TYPE_MORTAL_LISTPACK:
      return decodeMortalListpack(reader);
    default:
      return null;
  }
}

function packed(flat: readonly Bytes[] | null): DumpedHash {
  if (flat === null) throw new BadDump("format");
  return { kind: HASH, flat: checkedPairs(flat), expiries: null, isPacked: true };
}

function decodeMortalTable(reader: DumpReader): DumpedHash {
  const first = readU64(reader);
  const flat: Bytes[] = [];
  const expiries: number[] = [];
  for (let left = reader.size(); left > 0; left--) {
    const when = reader.size();
    expiries.push(when === 0 ? 0 : checkedExpiry(first + when - 1));
    flat.push(decodeString(reader), decodeString(reader));
  }
  return { kind: HASH, flat: checkedPairs(flat), expiries: orNull(expiries), isPacked: false };
}

function decodeMortalListpack(reader: DumpReader): DumpedHash {
  readU64(reader);
  const texts = decodeListpack(decodeString(reader));
  if (texts === null || texts.length % 3 !== 0) throw new BadDump("format");
  const flat: Bytes[] = [];
  const expiries: number[] = [];
  for (let index = 0; index < texts.length; index += 3) {
    flat.push(texts[index] ?? "", texts[index + 1] ?? "");
    const when = texts[index + 2] ?? "";
    if (!MILLISECONDS.test(when)) throw new BadDump("format");
    expiries.push(checkedExpiry(Number(when)));
  }
  return { kind: HASH, flat: checkedPairs(flat), expiries: orNull(expiries), isPacked: true };
}

function readU64(reader: DumpReader): number {
  let value = 0;
  for (let index = 0; index < 8; index++) value += reader.byte() * 2 ** (8 * index);
  return value;
}

function orNull(expiries: readonly number[]): readonly number[] | null {
  return expiries.some((expiryMs) => expiryMs !== 0) ? expiries : null;
}

function checkedExpiry(expiryMs: number): number {
  if (expiryMs > EXPIRY_MS_MAX) throw new BadDump("format");
  return expiryMs;
}

/** Fields and values in turn, none missing, no field twice, at least one. Throws BadDump. */
function checkedPairs(flat: readonly Bytes[]): readonly Bytes[] {
  const fields = new Set(flat.filter((_, index) => index % 2 === 0));
  if (flat.length === 0 || flat.length % 2 !== 0 || fields.size * 2 !== flat.length) {
    throw new BadDump("format");
  }
  return flat;
}
