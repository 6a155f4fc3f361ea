// The subkeys of a list's nodes: byte strings in the order of the nodes, between any two of which there
// is room for another. A key is a whole number of 48 bits, which goes up or down by one for each node at
// an end, and behind it, for nodes that came between two others, a fraction of bytes that does not end
// in a zero. So nothing is ever numbered anew: at a hundred thousand nodes a second it takes forty years
// to come to an end of the numbers.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { readU48, u48 } from "../encoding/key.ts";

const START = 2 ** 47;
/** The first byte of a key is not 0: keys that begin with one are the directory's. */
const NUMBER_MIN = 2 ** 40;
const NUMBER_MAX = 2 ** 48 - 1;

export const FIRST_NODE_KEY: Bytes = u48(START);

export function keyBefore(first: Bytes): Bytes {
  const number = readU48(first, 0) - 1;
  assert(number >= NUMBER_MIN, "a list has room at its head");
  return u48(number);
}

export function keyAfter(last: Bytes): Bytes {
  const number = readU48(last, 0) + 1;
  assert(number <= NUMBER_MAX, "a list has room at its tail");
  return u48(number);
}

/** A key about in the middle of two. */
export function keyBetween(lower: Bytes, upper: Bytes): Bytes {
  assert(lower < upper, "keys in order");
  let key = "";
  let isBelow = false;
  for (let index = 0; ; index++) {
    const low = index < lower.length ? lower.charCodeAt(index) : 0;
    // Once the key is below `upper`, it may go on with any byte.
    const high: number = isBelow ? 0x100 : upper.charCodeAt(index);
    if (high - low > 1) return key + String.fromCharCode((low + high) >> 1);
    key += String.fromCharCode(low);
    isBelow ||= high > low;
  }
}
