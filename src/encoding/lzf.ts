// LZF, the compression of strings in Redis's dumps. A compressed text is a row of
//
//   000nnnnn                      n + 1 bytes as they are follow
//   lllddddd dddddddd             repeat l + 2 bytes from d + 1 bytes back; l is 1 to 6
//   111ddddd llllllll dddddddd    the same with l + 9 bytes
//
// The copy may overlap what it writes: that is how runs are told.

import type { Bytes } from "../base/bytes.ts";

const LITERALS_MAX = 32;
const DISTANCE_MAX = 8192;
const MATCH_MIN = 3;
const MATCH_MAX = 264;
const HASH_BITS = 14;

/** Shorter than `source`, or null when it cannot be said in at most `sizeMax` bytes. */
export function compress(source: Bytes, sizeMax: number): Bytes | null {
  const input = Buffer.from(source, "latin1");
  const output = Buffer.allocUnsafe(input.length + Math.ceil(input.length / LITERALS_MAX) + 1);
  /** Where the three bytes with this hash stood last, plus 1. */
  const last = new Int32Array(1 << HASH_BITS);
  let size = 0;
  let literalsFrom = 0;
  const putLiterals = (end: number): void => {
    for (let from = literalsFrom; from < end; from += LITERALS_MAX) {
      const to = Math.min(end, from + LITERALS_MAX);
      output[size++] = to - from - 1;
      size += input.copy(output, size, from, to);
    }
  };
  let at = 0;
  while (at + MATCH_MIN <= input.length) {
    const entry = hashOfThree(input, at);
    const candidate = (last[entry] ?? 0) - 1;
    last[entry] = at + 1;
    const length = candidate < 0 ? 0 : matchLength(input, candidate, at);
    if (length < MATCH_MIN) {
      at++;
      continue;
    }
    putLiterals(at);
    const distance = at - candidate - 1;
    const told = length - 2;
    output[size++] = (Math.min(told, 7) << 5) | (distance >>> 8);
    if (told >= 7) output[size++] = told - 7;
    output[size++] = distance & 0xff;
    at += length;
    literalsFrom = at;
  }
  putLiterals(input.length);
  return size <= sizeMax ? output.latin1Slice(0, size) : null;
}

function hashOfThree(input: Buffer, at: number): number {
  const three = ((input[at] ?? 0) << 16) | ((input[at + 1] ?? 0) << 8) | (input[at + 2] ?? 0);
  return Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function matchLength(input: Buffer, candidate: number, at: number): number {
  if (at - candidate > DISTANCE_MAX) return 0;
  const lengthMax = Math.min(MATCH_MAX, input.length - at);
  let length = 0;
  while (length < lengthMax && input[candidate + length] === input[at + length]) length++;
  return length;
}

/** The text that `source` tells, which must have `size` bytes; null when it is malformed. */
export function decompress(source: Bytes, size: number): Bytes | null {
  // No row of bytes tells more than this many times itself: a lie about the size costs no memory.
  if (size > source.length * MATCH_MAX) return null;
  const output = Buffer.allocUnsafe(size);
  let written = 0;
  let at = 0;
  while (at < source.length) {
    const control = source.charCodeAt(at++);
    if (control < LITERALS_MAX) {
      const count = control + 1;
      if (at + count > source.length || written + count > size) return null;
      written += output.latin1Write(source.slice(at, at + count), written, count);
      at += count;
      continue;
    }
    let told = control >>> 5;
    if (told === 7) told += source.charCodeAt(at++);
    const from = written - ((control & 0x1f) << 8) - source.charCodeAt(at++) - 1;
    const count = told + 2;
    // Past the end charCodeAt is NaN, which fails the comparison too.
    if (!(from >= 0) || !(written + count <= size)) return null;
    for (let index = 0; index < count; index++) {
      output[written + index] = output[from + index] ?? 0;
    }
    written += count;
  }
  return written === size ? output.latin1Slice() : null;
}
