// A sorted set, version 1 (docs/encoding.md, "Sorted set").
//
//   inline      0 flags:u8 count:varint, then for each member in order: score:8 member:sized
//   exploded    1 slot:u16 id:u48 flags:u8 start:sized end:sized root of the directory (directory.ts)
//   elements    subkey hash:u32 member     value score:8
//   order       subkey score:8 member      value "", or "-" when the score is -0
//               subkey ff ff page:u32      value a page of the directory
//
// Flags: 1 = Redis would call it a skiplist. A score is a double whose bytes are in numeric order: all
// bits turned when it is negative, else the first. In `order` -0 stands as 0. Nothing in `order` is before
// `start`, nothing at or behind `end` (empty: no such bound): a walk need not pass what was popped.

import type { Bytes } from "../base/bytes.ts";
import { HOME_SIZE, INLINE, writeHome, type HomeAddress } from "./collection.ts";
import { readRoot, type RootParts } from "./directory.ts";
import { readU32 } from "./key.ts";
import { CorruptRecord } from "./record.ts";
import { PayloadReader, sizedSize, varintSize, writeSized, writeVarint } from "./varint.ts";

const FLAG_TABLE = 1;
export const SCORE_SIZE = 8;
/** In front of the pages in `order`: after the greatest score, which is infinity's ff f0. */
export const PAGE_PREFIX = "\xff\xff";
const NEGATIVE_ZERO = "-";

const DOUBLE = new DataView(new ArrayBuffer(8));

/** Bytes in the order of the numbers; -0 is just before 0. */
export function scoreBytes(score: number): Bytes {
  DOUBLE.setFloat64(0, score);
  let high = DOUBLE.getInt32(0);
  let low = DOUBLE.getInt32(4);
  if (high < 0) {
    high = ~high;
    low = ~low;
  } else {
    high ^= 0x8000_0000;
  }
  return String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 255,
    (high >>> 8) & 255,
    high & 255,
    low >>> 24,
    (low >>> 16) & 255,
    (low >>> 8) & 255,
    low & 255,
  );
}

/** Throws CorruptRecord when it is no number. */
export function readScore(source: Bytes, at: number): number {
  if (source.length < at + SCORE_SIZE) throw corrupt();
  const high = readU32(source, at);
  const low = readU32(source, at + 4);
  if (high >= 0x8000_0000) {
    DOUBLE.setUint32(0, high - 0x8000_0000);
    DOUBLE.setUint32(4, low);
  } else {
    DOUBLE.setUint32(0, ~high);
    DOUBLE.setUint32(4, ~low);
  }
  const score = DOUBLE.getFloat64(0);
  if (Number.isNaN(score)) throw corrupt();
  return score;
}

function writeScore(target: Buffer, at: number, score: number): void {
  DOUBLE.setFloat64(0, score);
  const high = DOUBLE.getInt32(0);
  const low = DOUBLE.getInt32(4);
  target.writeInt32BE(high < 0 ? ~high : high ^ 0x8000_0000, at);
  target.writeInt32BE(high < 0 ? ~low : low, at + 4);
}

// Inline

export interface InlineParts {
  readonly members: readonly Bytes[];
  /** Of the member at the same place; ascending, members of one score in order of their bytes. */
  readonly scores: readonly number[];
  readonly isTable: boolean;
}

/** Bytes of one member and its score. */
export function entrySize(member: Bytes): number {
  return SCORE_SIZE + sizedSize(member);
}

/** The payload's size, given the sum of `entrySize`. */
export function inlineSize(entryBytes: number, count: number): number {
  return 2 + varintSize(count) + entryBytes;
}

export function writeInline(target: Buffer, at: number, set: InlineParts): void {
  const { members, scores, isTable } = set;
  target[at] = INLINE;
  target[at + 1] = isTable ? FLAG_TABLE : 0;
  let offset = writeVarint(target, at + 2, members.length);
  for (let index = 0; index < members.length; index++) {
    writeScore(target, offset, scores[index] ?? 0);
    offset = writeSized(target, offset + SCORE_SIZE, members[index] ?? "");
  }
}

export interface DecodedInline {
  readonly members: Bytes[];
  readonly scores: number[];
  readonly isTable: boolean;
  /** The sum of `entrySize`. */
  readonly entryBytes: number;
}

/** Throws CorruptRecord. */
export function readInline(payload: Bytes): DecodedInline {
  const reader = new PayloadReader(payload, 1, corrupt);
  const isTable = readFlags(reader.byte());
  const count = reader.varint();
  const members: Bytes[] = [];
  const scores: number[] = [];
  const entriesAt = reader.at;
  let memberBefore = "";
  let scoreBefore = -Infinity;
  for (let index = 0; index < count; index++) {
    const score = readScore(reader.take(SCORE_SIZE), 0);
    const member = reader.sized();
    const isBehind = score > scoreBefore || (score === scoreBefore && member > memberBefore);
    if (index > 0 && !isBehind) throw corrupt();
    members.push(member);
    scores.push(score);
    memberBefore = member;
    scoreBefore = score;
  }
  reader.end();
  return { members, scores, isTable, entryBytes: payload.length - entriesAt };
}

function readFlags(flags: number): boolean {
  if ((flags & ~FLAG_TABLE) !== 0) throw new CorruptRecord(`sorted set flags ${flags}`);
  return flags === FLAG_TABLE;
}

// Exploded

export interface ExplodedHeader {
  readonly isTable: boolean;
  readonly start: Bytes;
  readonly end: Bytes;
}

export function headerSize(header: ExplodedHeader): number {
  return HOME_SIZE + 1 + sizedSize(header.start) + sizedSize(header.end);
}

/** Writes `headerSize` bytes and returns the offset after them, where the root of the directory goes. */
export function writeHeader(
  target: Buffer,
  at: number,
  set: ExplodedHeader & { readonly home: HomeAddress },
): number {
  const offset = writeHome(target, at, set.home);
  target[offset] = set.isTable ? FLAG_TABLE : 0;
  return writeSized(target, writeSized(target, offset + 1, set.start), set.end);
}

/** Throws CorruptRecord. */
export function readExploded(payload: Bytes): ExplodedHeader & { readonly root: RootParts } {
  const reader = new PayloadReader(payload, HOME_SIZE, corrupt);
  const isTable = readFlags(reader.byte());
  const start = reader.sized();
  const end = reader.sized();
  const root = readRoot(reader);
  reader.end();
  return { isTable, start, end, root };
}

/** The subkey in `order`. */
export function orderSubkey(score: number, member: Bytes): Bytes {
  return scoreBytes(score === 0 ? 0 : score) + member;
}

export function orderValue(score: number): Bytes {
  return Object.is(score, -0) ? NEGATIVE_ZERO : "";
}

export function memberOf(orderKey: Bytes): Bytes {
  return orderKey.slice(SCORE_SIZE);
}

/** The score of an entry of `order`. Throws CorruptRecord. */
export function scoreOf(orderKey: Bytes, value: Bytes): number {
  const score = readScore(orderKey, 0);
  return value === NEGATIVE_ZERO && score === 0 ? -0 : score;
}

/** The first subkey in `order` after all members of a score. */
export function afterScore(score: number): Bytes {
  const bytes = scoreBytes(score === 0 ? 0 : score);
  let end = SCORE_SIZE;
  while (bytes.charCodeAt(end - 1) === 0xff) end--;
  const raised = String.fromCharCode(bytes.charCodeAt(end - 1) + 1);
  return bytes.slice(0, end - 1) + raised;
}

/** The shortest text that is after `before` and not after `after`, which is greater. */
export function separator(before: Bytes, after: Bytes): Bytes {
  let length = 0;
  while (length < before.length && before.charCodeAt(length) === after.charCodeAt(length)) {
    length++;
  }
  return after.slice(0, length + 1);
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a sorted set does not decode");
}
