// The ID of a stream's entry: milliseconds and a sequence number, 64 bits each, without sign. A part is
// a number while it is exact as one and a bigint beyond (as types/number.ts has it): so equal IDs have
// equal parts, and `<` compares them whatever they are.
//
// As bytes an ID is 16 long, big-endian, so that the order of bytes is the order of IDs.

import type { Bytes } from "../base/bytes.ts";
import { readU32, u32 } from "./key.ts";

export interface StreamId {
  readonly ms: number | bigint;
  readonly seq: number | bigint;
}

export const STREAM_ID_SIZE = 16;
export const U64_MAX = 2n ** 64n - 1n;
export const ID_MIN: StreamId = { ms: 0, seq: 0 };
export const ID_MAX: StreamId = { ms: U64_MAX, seq: U64_MAX };

const HALF = 2 ** 32;
/** The upper half of a part that is exact as a number is below this. */
const SAFE_HIGH = 2 ** 21;

/** Below zero, zero, above zero. */
export function compareIds(a: StreamId, b: StreamId): number {
  if (a.ms < b.ms) return -1;
  if (a.ms > b.ms) return 1;
  if (a.seq < b.seq) return -1;
  return a.seq > b.seq ? 1 : 0;
}

export function isZero(id: StreamId): boolean {
  return id.ms === 0 && id.seq === 0;
}

/** Null after the greatest. */
export function idAfter(id: StreamId): StreamId | null {
  if (id.seq !== U64_MAX) return { ms: id.ms, seq: plusOne(id.seq) };
  return id.ms === U64_MAX ? null : { ms: plusOne(id.ms), seq: 0 };
}

/** Null before the least. */
export function idBefore(id: StreamId): StreamId | null {
  if (id.seq !== 0) return { ms: id.ms, seq: minusOne(id.seq) };
  return id.ms === 0 ? null : { ms: minusOne(id.ms), seq: U64_MAX };
}

function plusOne(part: number | bigint): number | bigint {
  return typeof part === "number" && part < Number.MAX_SAFE_INTEGER ? part + 1 : BigInt(part) + 1n;
}

function minusOne(part: number | bigint): number | bigint {
  return typeof part === "number" ? part - 1 : partOf(part - 1n);
}

/** A part in its one form. */
export function partOf(value: bigint): number | bigint {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** As clients write and read it. */
export function idText(id: StreamId): Bytes {
  return `${id.ms}-${id.seq}`;
}

export function idBytes(id: StreamId): Bytes {
  return partBytes(id.ms) + partBytes(id.seq);
}

/** Eight bytes, big-endian. */
export function partBytes(part: number | bigint): Bytes {
  if (typeof part === "number") return u32(Math.floor(part / HALF)) + u32(part % HALF);
  return u32(Number(part >> 32n)) + u32(Number(part & 0xffff_ffffn));
}

/** Reads what `idBytes` made; the caller has looked that it is all there. */
export function readId(source: Bytes, at: number): StreamId {
  return { ms: readPart(source, at), seq: readPart(source, at + 8) };
}

/** Reads what `partBytes` made. */
export function readPart(source: Bytes, at: number): number | bigint {
  const high = readU32(source, at);
  const low = readU32(source, at + 4);
  return high < SAFE_HIGH ? high * HALF + low : (BigInt(high) << 32n) | BigInt(low);
}
