// Redis's ziplist, which dumps of servers before 7.0 hold where newer ones have a listpack. It is read only.
//
//   size:u32 last:u32 count:u16 entries ... ff     numbers little-endian; a count of 65535: count yourself
//
// An entry is the length of the one before it (a byte, or fe and u32), its encoding, and its data:
//
//   00nnnnnn data                       a text of up to 63 bytes
//   01nnnnnn n data                     a text of up to 16383 bytes, the length big-endian
//   10000000 n:u32be data               a longer text
//   c0 i16, d0 i32, e0 i64, f0 i24, fe i8      numbers with sign, little-endian
//   1111nnnn                            a number from 0 to 12: n - 1

import type { Bytes } from "../base/bytes.ts";

const HEADER_SIZE = 10;
const END = 0xff;
const COUNT_UNKNOWN = 0xffff;
const LENGTH_LONG = 0xfe;
const INTEGER_SIZES: Readonly<Record<number, number>> = {
  0xc0: 2,
  0xd0: 4,
  0xe0: 8,
  0xf0: 3,
  0xfe: 1,
};

/** The texts, numbers in decimal; null when it does not decode. */
export function decodeZiplist(source: Bytes): Bytes[] | null {
  const end = source.length - 1;
  if (end < HEADER_SIZE || littleEndian(source, 0, 4) !== source.length) return null;
  const count = littleEndian(source, 8, 2);
  const texts: Bytes[] = [];
  let at = HEADER_SIZE;
  let before = 0;
  while (at < end) {
    const isLong = source.charCodeAt(at) === LENGTH_LONG;
    const lengthBefore = isLong ? littleEndian(source, at + 1, 4) : source.charCodeAt(at);
    const entry = lengthBefore === before ? decodeEntry(source, at + (isLong ? 5 : 1)) : null;
    if (entry === null || entry.end > end) return null;
    texts.push(entry.text);
    before = entry.end - at;
    at = entry.end;
  }
  if (at !== end || source.charCodeAt(end) !== END) return null;
  return count === COUNT_UNKNOWN || count === texts.length ? texts : null;
}

function decodeEntry(
  source: Bytes,
  at: number,
): { readonly text: Bytes; readonly end: number } | null {
  const first = source.charCodeAt(at);
  if (first < 0x40) return textAt(source, at + 1, first);
  if (first < 0x80) return textAt(source, at + 2, bigEndian(source, at, 2) & 0x3fff);
  if (first === 0x80) return textAt(source, at + 5, bigEndian(source, at + 1, 4));
  if (first > 0xf0 && first < 0xfe) return { text: String(first - 0xf1), end: at + 1 };
  const size = INTEGER_SIZES[first];
  if (size === undefined || at + 1 + size > source.length) return null;
  let value = 0n;
  for (let index = size; index > 0; index--) {
    value = (value << 8n) | BigInt(source.charCodeAt(at + index));
  }
  return { text: String(BigInt.asIntN(size * 8, value)), end: at + 1 + size };
}

function textAt(
  source: Bytes,
  at: number,
  size: number,
): { readonly text: Bytes; readonly end: number } | null {
  // What cannot be read is NaN, and not a length.
  if (!(at + size <= source.length)) return null;
  return { text: source.slice(at, at + size), end: at + size };
}

function littleEndian(source: Bytes, at: number, size: number): number {
  let value = 0;
  for (let index = size - 1; index >= 0; index--)
    value = value * 256 + source.charCodeAt(at + index);
  return value;
}

function bigEndian(source: Bytes, at: number, size: number): number {
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + source.charCodeAt(at + index);
  return value;
}
