// How large a text or a number would be in a listpack (listpack.ts), without making one: streams begin a
// new node where Redis would, and that is decided by the size of a listpack.

import type { Bytes } from "../base/bytes.ts";

/** What stands around the entries: the header and the end. */
export const LISTPACK_FRAME_SIZE = 7;

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const MINUS = 0x2d;
const DIGITS_MAX = 19;
const INT64_MAX_DIGITS = "9223372036854775807";
const INT64_MIN_DIGITS = "9223372036854775808";

/** Bytes of the entry of a whole number of up to 64 bits. */
export function integerEntrySize(value: number | bigint): number {
  if (value >= 0 && value <= 127) return 2;
  if (value >= -4096 && value <= 4095) return 3;
  if (value >= -32_768 && value <= 32_767) return 4;
  if (value >= -8_388_608 && value <= 8_388_607) return 5;
  return value >= -2_147_483_648 && value <= 2_147_483_647 ? 6 : 10;
}

/** Bytes of the entry of a text: as a number if it is one. */
export function textEntrySize(text: Bytes): number {
  const { length } = text;
  if (length > 0 && length <= DIGITS_MAX + 1) {
    const size = numericSize(text);
    if (size !== 0) return size;
  }
  if (length < 64) return 2 + length;
  const body = length < 4096 ? 2 + length : 5 + length;
  return body + backLengthSize(body);
}

/** 0 for what is not the decimal form of a 64-bit number. */
function numericSize(text: Bytes): number {
  const { length } = text;
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  const first = text.charCodeAt(start);
  if (first === DIGIT_0) return length === 1 ? 2 : 0;
  const digits = length - start;
  if (digits === 0 || digits > DIGITS_MAX) return 0;
  let value = 0;
  for (let index = start; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code < DIGIT_0 || code > DIGIT_9) return 0;
    value = value * 10 + (code - DIGIT_0);
  }
  if (digits < DIGITS_MAX) return integerEntrySize(start === 1 ? -value : value);
  const limit = start === 1 ? INT64_MIN_DIGITS : INT64_MAX_DIGITS;
  return text.slice(start) <= limit ? 10 : 0;
}

function backLengthSize(size: number): number {
  if (size <= 127) return 1;
  if (size < 16_383) return 2;
  if (size < 2_097_151) return 3;
  return size < 268_435_455 ? 4 : 5;
}
