// What Redis would call a list, "listpack" or "quicklist", hangs on the bytes that it would take there as
// one listpack, and on `list-max-listpack-size`. Here is that reckoning; nothing is stored by it.

import type { Bytes } from "../base/bytes.ts";
import { parseInteger } from "./number.ts";

/** Size, count and end of an empty listpack. */
export const LISTPACK_OVERHEAD_BYTES = 7;
/** Redis's limits by size: -1 to -5. */
const SIZE_LIMITS = [4096, 8192, 16_384, 32_768, 65_536];
/** What no listpack of a list goes beyond when its limit is a number of elements. */
const SIZE_LIMIT_OF_COUNTED = 8192;
const INTEGER_TEXT_MAX = 20;
/** Numbers below these, and not below their opposites, take 2, 3, 4 and 5 bytes. */
const INTEGER_LIMITS = [2 ** 12, 2 ** 15, 2 ** 23, 2 ** 31];
const INTEGER_SIZE_MAX = 9;

/** The bytes of an entry: a number in as few as it needs, or the text; and the length of both. */
export function packedSize(text: Bytes): number {
  const { length } = text;
  const body = integerSize(text) ?? length + (length < 64 ? 1 : length < 4096 ? 2 : 5);
  return body + backLengthSize(body);
}

/** Null for a text that is no number of 64 bits. */
function integerSize(text: Bytes): number | null {
  const { length } = text;
  // Most texts are no numbers, and most of these end with something else than a digit.
  if (length > INTEGER_TEXT_MAX || !isDigit(text.charCodeAt(length - 1))) return null;
  const value = parseInteger(text);
  if (value === null) return null;
  if (value >= 0 && value < 128) return 1;
  let size = 2;
  for (const limit of INTEGER_LIMITS) {
    if (value >= -limit && value < limit) return size;
    size++;
  }
  return INTEGER_SIZE_MAX;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function backLengthSize(body: number): number {
  if (body < 128) return 1;
  if (body < 16_384) return 2;
  if (body < 2_097_152) return 3;
  return body < 268_435_456 ? 4 : 5;
}

/** Whether a listpack of such a size is too large for `list-max-listpack-size`. */
export function exceeds(nodeSize: number, bytes: number, count: number): boolean {
  if (nodeSize < 0) return bytes > sizeLimit(nodeSize);
  return bytes > SIZE_LIMIT_OF_COUNTED || count > Math.max(nodeSize, 1);
}

/** Whether a list that has shrunk is small enough to be one again: half of the limit. */
export function fitsAfterShrinking(nodeSize: number, bytes: number, count: number): boolean {
  if (nodeSize < 0) return bytes <= sizeLimit(nodeSize) / 2;
  return count <= Math.floor(Math.max(nodeSize, 1) / 2);
}

function sizeLimit(nodeSize: number): number {
  return SIZE_LIMITS[Math.min(-nodeSize, SIZE_LIMITS.length) - 1] ?? SIZE_LIMIT_OF_COUNTED;
}
