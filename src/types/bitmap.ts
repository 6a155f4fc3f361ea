// A string seen as bits: bit 0 is the highest of the first byte, and after the end all is zero.
// Counting, searching and combining whole bitmaps; fields of some bits are in bitfield.ts.
//
// Whole bitmaps are worked on 32 bits at a time, in copies: binary strings cannot be changed in place.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";

export type Bit = 0 | 1;

export function getBit(bitmap: Bytes, offset: number): Bit {
  const byteAt = Math.floor(offset / 8);
  if (byteAt >= bitmap.length) return 0;
  return (bitmap.charCodeAt(byteAt) & (0x80 >> (offset % 8))) === 0 ? 0 : 1;
}

/** The byte that holds `offset`, with that bit as told. */
export function byteWith(bitmap: Bytes, offset: number, bit: Bit): Bytes {
  const byteAt = Math.floor(offset / 8);
  const before = byteAt < bitmap.length ? bitmap.charCodeAt(byteAt) : 0;
  const mask = 0x80 >> (offset % 8);
  return String.fromCharCode(bit === 1 ? before | mask : before & ~mask);
}

/** Ones among the bits from `first` to `last`, both included and within the bitmap. */
export function countBits(bitmap: Bytes, first: number, last: number): number {
  if (first > last) return 0;
  const firstByte = Math.floor(first / 8);
  const lastByte = Math.floor(last / 8);
  const whole = countOnes(bitmap.slice(firstByte, lastByte + 1));
  const before = bitmap.charCodeAt(firstByte) & ~(0xff >> (first % 8));
  const after = bitmap.charCodeAt(lastByte) & (0x7f >> (last % 8));
  return whole - onesOf(before) - onesOf(after);
}

/** Where bytes are looked at as words; a copy of each whole bitmap would cost more than counting. */
const scratch = new ArrayBuffer(16 * 1024);
const scratchBytes = Buffer.from(scratch);
const scratchWords = new Int32Array(scratch);

function countOnes(bytes: Bytes): number {
  let count = 0;
  for (let from = 0; from < bytes.length; from += scratch.byteLength) {
    const piece = bytes.slice(from, from + scratch.byteLength);
    scratchBytes.latin1Write(piece, 0, piece.length);
    const wordCount = Math.ceil(piece.length / 4);
    scratchBytes.fill(0, piece.length, wordCount * 4);
    for (let at = 0; at < wordCount; at++) count += onesOf(scratchWords[at] ?? 0);
  }
  return count;
}

/** Ones of a 32-bit word: sums of neighbours in pairs, fours, eights, then all by one product. */
function onesOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  const eights = (fours + (fours >>> 4)) & 0x0f0f0f0f;
  return Math.imul(eights, 0x01010101) >>> 24;
}

/** The first such bit from `first` to `last`, both included and within the bitmap; -1 for none. */
export function findBit(bitmap: Bytes, bit: Bit, range: { first: number; last: number }): number {
  const { first, last } = range;
  const other = bit === 1 ? 0x00 : 0xff;
  let byteAt = Math.floor(first / 8);
  const lastByte = Math.floor(last / 8);
  // What lies before the range in its first byte counts as the bit that is not sought.
  const beforeMask = ~(0xff >> (first % 8)) & 0xff;
  let byte = bitmap.charCodeAt(byteAt);
  byte = bit === 1 ? byte & ~beforeMask : byte | beforeMask;
  while (byte === other && byteAt < lastByte) byte = bitmap.charCodeAt(++byteAt);
  if (byte === other) return -1;
  const found = byteAt * 8 + Math.clz32((bit === 1 ? byte : ~byte & 0xff) << 24);
  return found <= last ? found : -1;
}

export type Operation = "AND" | "OR" | "XOR" | "NOT" | "DIFF" | "DIFF1" | "ANDOR" | "ONE";

/** As long as the longest source; the shorter ones are zero after their end. */
export function combine(operation: Operation, sources: readonly Bytes[]): Bytes {
  let length = 0;
  for (const source of sources) length = Math.max(length, source.length);
  const [first = "", ...others] = sources;
  const words = wordsOf(first, length);
  switch (operation) {
    case "NOT":
      invert(words);
      break;
    case "ONE":
      keepSingles(words, others, length);
      break;
    case "AND":
    case "OR":
    case "XOR":
      for (const source of others) mix(operation, words, wordsOf(source, length));
      break;
    case "DIFF":
    case "DIFF1":
    case "ANDOR": {
      const rest = wordsOf("", length);
      for (const source of others) mix("OR", rest, wordsOf(source, length));
      if (operation === "DIFF") invert(rest);
      if (operation === "DIFF1") invert(words);
      mix("AND", words, rest);
      break;
    }
    default:
      unreachable(operation);
  }
  return Buffer.from(words.buffer, 0, length).latin1Slice();
}

function invert(words: Int32Array): void {
  for (let at = 0; at < words.length; at++) words[at] = ~(words[at] ?? 0);
}

/** Leaves the bits that are set in one of all. */
function keepSingles(words: Int32Array, others: readonly Bytes[], length: number): void {
  const several = new Int32Array(words.length);
  for (const source of others) {
    const from = wordsOf(source, length);
    for (let at = 0; at < words.length; at++) {
      several[at] = (several[at] ?? 0) | ((words[at] ?? 0) & (from[at] ?? 0));
      words[at] = (words[at] ?? 0) | (from[at] ?? 0);
    }
  }
  for (let at = 0; at < words.length; at++) words[at] = (words[at] ?? 0) & ~(several[at] ?? 0);
}

function mix(operation: "AND" | "OR" | "XOR", into: Int32Array, from: Int32Array): void {
  switch (operation) {
    case "AND":
      for (let at = 0; at < into.length; at++) into[at] = (into[at] ?? 0) & (from[at] ?? 0);
      return;
    case "OR":
      for (let at = 0; at < into.length; at++) into[at] = (into[at] ?? 0) | (from[at] ?? 0);
      return;
    case "XOR":
      for (let at = 0; at < into.length; at++) into[at] = (into[at] ?? 0) ^ (from[at] ?? 0);
      return;
    default:
      unreachable(operation);
  }
}

/** A copy of the bytes in whole words, with zeros up to `length` and the end of the last word. */
function wordsOf(bytes: Bytes, length: number): Int32Array<ArrayBuffer> {
  const memory = new ArrayBuffer(Math.ceil(length / 4) * 4);
  Buffer.from(memory).latin1Write(bytes, 0, bytes.length);
  return new Int32Array(memory);
}
