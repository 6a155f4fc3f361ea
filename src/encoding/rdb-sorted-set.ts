// A sorted set in Redis's dumps. Written are type 5, a length and as many members, each a string and the
// eight bytes of its score, little-endian, the last member first; and type 17, a string that holds a
// listpack of members and scores in turn. Read are, beside them, what older servers wrote: type 12, a
// ziplist of the same; type 3, a length and as many members, each a string and its score as text behind a
// byte for its size (or fd, fe, ff: not a number, infinity, its opposite).

import type { Bytes } from "../base/bytes.ts";
import { decodeListpack, encodeListpack } from "./listpack.ts";
import {
  BadDump,
  decodeString,
  encodeLength,
  encodeString,
  type DumpReader,
} from "./rdb-string.ts";
import { SORTED_SET } from "./record.ts";
import { decodeZiplist } from "./ziplist.ts";

const TYPE_TEXT_SCORES = 3;
const TYPE_TABLE = 5;
const TYPE_ZIPLIST = 12;
const TYPE_LISTPACK = 17;
const SIZE_NAN = 0xfd;
const SIZE_INFINITY = 0xfe;
const SIZE_NEGATIVE_INFINITY = 0xff;
const SCORE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

const DOUBLE = new DataView(new ArrayBuffer(8));

export interface DumpedEntry {
  readonly member: Bytes;
  readonly score: number;
}

export interface DumpedSortedSet {
  readonly kind: typeof SORTED_SET;
  /** In order when written, in any order when read. */
  readonly entries: readonly DumpedEntry[];
  /** Whether it is, or was, a listpack. */
  readonly isPacked: boolean;
}

export function encode({ entries, isPacked }: DumpedSortedSet): Bytes {
  if (isPacked) {
    const flat = entries.flatMap(({ member, score }) => [member, textOf(score)]);
    return String.fromCharCode(TYPE_LISTPACK) + encodeString(encodeListpack(flat));
  }
  const parts = [String.fromCharCode(TYPE_TABLE) + encodeLength(entries.length)];
  for (const { member, score } of [...entries].reverse()) {
    parts.push(encodeString(member) + doubleBytes(score));
  }
  return parts.join("");
}

/** Null for a type that is not a sorted set. Throws BadDump. */
export function decode(type: number, reader: DumpReader): DumpedSortedSet | null {
  switch (type) {
    case TYPE_TABLE:
      return checked(several(reader, readDouble), { isPacked: false });
    case TYPE_TEXT_SCORES:
      return checked(several(reader, readTextScore), { isPacked: false });
    case TYPE_LISTPACK:
      return checked(inTurn(decodeListpack(decodeString(reader))), { isPacked: true });
    case TYPE_ZIPLIST:
      return checked(inTurn(decodeZiplist(decodeString(reader))), { isPacked: true });
    default:
      return null;
  }
}

function several(reader: DumpReader, next: (reader: DumpReader) => number): DumpedEntry[] {
  const entries: DumpedEntry[] = [];
  for (let left = reader.size(); left > 0; left--) {
    const member = decodeString(reader);
    entries.push({ member, score: next(reader) });
  }
  return entries;
}

function inTurn(flat: readonly Bytes[] | null): DumpedEntry[] {
  if (flat === null || flat.length % 2 !== 0) throw new BadDump("format");
  const entries: DumpedEntry[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    entries.push({ member: flat[index] ?? "", score: scoreOf(flat[index + 1] ?? "") });
  }
  return entries;
}

/** At least one member, none twice, and each with a score. Throws BadDump. */
function checked(
  entries: readonly DumpedEntry[],
  how: { readonly isPacked: boolean },
): DumpedSortedSet {
  const members = new Set<Bytes>();
  for (const { member, score } of entries) {
    if (Number.isNaN(score)) throw new BadDump("format");
    members.add(member);
  }
  if (members.size === 0 || members.size !== entries.length) throw new BadDump("format");
  return { kind: SORTED_SET, entries, isPacked: how.isPacked };
}

function textOf(score: number): Bytes {
  if (score === Infinity) return "inf";
  return score === -Infinity ? "-inf" : String(score);
}

function scoreOf(text: Bytes): number {
  if (text === "inf") return Infinity;
  if (text === "-inf") return -Infinity;
  return SCORE.test(text) ? Number(text) : Number.NaN;
}

function doubleBytes(score: number): Bytes {
  DOUBLE.setFloat64(0, score, true);
  let bytes = "";
  for (let index = 0; index < 8; index++) bytes += String.fromCharCode(DOUBLE.getUint8(index));
  return bytes;
}

function readDouble(reader: DumpReader): number {
  for (let index = 0; index < 8; index++) DOUBLE.setUint8(index, reader.byte());
  return DOUBLE.getFloat64(0, true);
}

function readTextScore(reader: DumpReader): number {
  const size = reader.byte();
  if (size === SIZE_NAN) return Number.NaN;
  if (size === SIZE_INFINITY) return Infinity;
  if (size === SIZE_NEGATIVE_INFINITY) return -Infinity;
  return scoreOf(reader.take(size));
}
