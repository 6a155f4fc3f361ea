// MurmurHash64A, the hash that Redis's HyperLogLogs are made with, in halves of 32 bits: a BigInt a
// step would cost more than all the rest of PFADD. One result is kept at a time: read it at once.

import type { Bytes } from "../base/bytes.ts";

const M_HIGH = 0xc6a4a793;
const M_LOW = 0x5bd1e995;
/** Of M_LOW, in halves again. */
const M_LOW_1 = M_LOW >>> 16;
const M_LOW_0 = M_LOW & 0xffff;

/** The last hash, signed as bit operations have it. */
export const hash = { high: 0, low: 0 };

let high = 0;
let low = 0;

/** high:low times M, the lowest 64 bits. */
function timesM(): void {
  const low1 = low >>> 16;
  const low0 = low & 0xffff;
  const middle1 = low1 * M_LOW_0;
  const middle2 = low0 * M_LOW_1;
  const carry = ((low0 * M_LOW_0) >>> 16) + (middle1 & 0xffff) + (middle2 & 0xffff);
  const fromLow = low1 * M_LOW_1 + (middle1 >>> 16) + (middle2 >>> 16) + (carry >>> 16);
  high = (fromLow + Math.imul(high, M_LOW) + Math.imul(low, M_HIGH)) | 0;
  low = Math.imul(low, M_LOW);
}

/** Hashes `text` with a seed of 32 bits into `hash`. */
export function murmur64(text: Bytes, seed: number): void {
  const { length } = text;
  high = 0;
  low = length;
  timesM();
  let sumHigh = high;
  let sumLow = low ^ seed;
  const wholeEnd = length - (length & 7);
  for (let at = 0; at < wholeEnd; at += 8) {
    low = word(text, at);
    high = word(text, at + 4);
    timesM();
    low ^= high >>> 15;
    timesM();
    high ^= sumHigh;
    low ^= sumLow;
    timesM();
    sumHigh = high;
    sumLow = low;
  }
  high = sumHigh;
  low = sumLow;
  if (wholeEnd < length) {
    for (let at = wholeEnd; at < length; at++) {
      const shift = 8 * (at - wholeEnd);
      if (shift < 32) low ^= text.charCodeAt(at) << shift;
      else high ^= text.charCodeAt(at) << (shift - 32);
    }
    timesM();
  }
  low ^= high >>> 15;
  timesM();
  low ^= high >>> 15;
  hash.high = high;
  hash.low = low;
}

function word(text: Bytes, at: number): number {
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}
