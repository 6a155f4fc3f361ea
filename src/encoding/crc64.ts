// CRC-64 as Redis ends its dumps with it: Jones's polynomial 0xad93d23594c935a9, bits reflected,
// starting at 0, nothing added at the end. "123456789" gives e9c6d914c4b8d9ca.
//
// Two halves of 32 bits, because a BigInt per byte would cost a hundred times as much.

import type { Bytes } from "../base/bytes.ts";

const POLYNOMIAL_REFLECTED = 0x95ac9329ac4bc9b5n;

const TABLE_LOW = new Uint32Array(256);
const TABLE_HIGH = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) {
    crc = (crc & 1n) === 1n ? (crc >> 1n) ^ POLYNOMIAL_REFLECTED : crc >> 1n;
  }
  TABLE_LOW[byte] = Number(crc & 0xffff_ffffn);
  TABLE_HIGH[byte] = Number(crc >> 32n);
}

/** The checksum of the first `length` bytes, as the eight bytes of a little-endian number. */
export function crc64(bytes: Bytes, length: number): Bytes {
  let low = 0;
  let high = 0;
  for (let index = 0; index < length; index++) {
    const entry = (low ^ bytes.charCodeAt(index)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (TABLE_LOW[entry] ?? 0);
    high = (high >>> 8) ^ (TABLE_HIGH[entry] ?? 0);
  }
  return littleEndian(low) + littleEndian(high);
}

function littleEndian(word: number): Bytes {
  return String.fromCharCode(
    word & 0xff,
    (word >>> 8) & 0xff,
    (word >>> 16) & 0xff,
    (word >>> 24) & 0xff,
  );
}
