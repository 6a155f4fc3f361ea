// Redis's listpack, as it stands in dumps: a list of texts in one block.
//
//   size:u32 count:u16 entries ... ff      numbers little-endian; a count of 65535 means: count yourself
//
// An entry is its encoding and data, then the length of both, so that the list can be read backwards:
// seven bits a byte, the highest first, each but the first with the high bit set.
//
//   0nnnnnnn                                 a number of 7 bits
//   10nnnnnn data                            a text of up to 63 bytes
//   110nnnnn n                               a number of 13 bits with sign
//   1110nnnn n data                          a text of up to 4095 bytes
//   f0 n:u32 data                            a longer text
//   f1 i16, f2 i24, f3 i32, f4 i64           numbers with sign

import type { Bytes } from "../base/bytes.ts";

const HEADER_SIZE = 6;
const END = 0xff;
const COUNT_UNKNOWN = 0xffff;
const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;

export function encodeListpack(texts: readonly Bytes[]): Bytes {
  const parts: Bytes[] = [];
  let size = HEADER_SIZE + 1;
  for (const text of texts) {
    const body = encodeEntry(text);
    const entry = body + backLength(body.length);
    size += entry.length;
    parts.push(entry);
  }
  const count = Math.min(texts.length, COUNT_UNKNOWN);
  return littleEndian(size, 4) + littleEndian(count, 2) + parts.join("") + String.fromCharCode(END);
}

function encodeEntry(text: Bytes): Bytes {
  if (INTEGER.test(text)) {
    const value = BigInt(text);
    if (BigInt.asIntN(64, value) === value) return encodeInteger(value);
  }
  const { length } = text;
  if (length < 64) return String.fromCharCode(0x80 | length) + text;
  if (length < 4096) return String.fromCharCode(0xe0 | (length >>> 8), length & 0xff) + text;
  return `\xf0${littleEndian(length, 4)}${text}`;
}

function encodeInteger(value: bigint): Bytes {
  if (value >= 0n && value <= 127n) return String.fromCharCode(Number(value));
  if (value >= -4096n && value <= 4095n) {
    const bits = Number(BigInt.asUintN(13, value));
    return String.fromCharCode(0xc0 | (bits >>> 8), bits & 0xff);
  }
  for (const [tag, size] of [
    ["\xf1", 2],
    ["\xf2", 3],
    ["\xf3", 4],
  ] as const) {
    if (BigInt.asIntN(size * 8, value) !== value) continue;
    return tag + littleEndian(Number(BigInt.asUintN(size * 8, value)), size);
  }
  const whole = BigInt.asUintN(64, value);
  return `\xf4${littleEndian(Number(whole & 0xffff_ffffn), 4)}${littleEndian(Number(whole >> 32n), 4)}`;
}

function backLength(size: number): Bytes {
  const groups = [size & 127];
  for (let rest = Math.floor(size / 128); rest > 0; rest = Math.floor(rest / 128)) {
    groups.unshift(rest & 127);
  }
  return groups
    .map((group, index) => String.fromCharCode(index === 0 ? group : group | 128))
    .join("");
}

function littleEndian(value: number, size: number): Bytes {
  let bytes = "";
  for (let index = 0; index < size; index++) {
    bytes += String.fromCharCode(Math.floor(value / 256 ** index) % 256);
  }
  return bytes;
}

/** The texts, numbers in decimal; null when it does not decode. */
export function decodeListpack(source: Bytes): Bytes[] | null {
  if (source.length < HEADER_SIZE + 1 || readUnsigned(source, 0, 4) !== source.length) return null;
  const count = readUnsigned(source, 4, 2);
  const texts: Bytes[] = [];
  let at = HEADER_SIZE;
  while (at < source.length - 1) {
    const entry = decodeEntry(source, at);
    if (entry === null) return null;
    const back = backLength(entry.end - at);
    at = entry.end + back.length;
    if (at > source.length - 1 || source.slice(entry.end, at) !== back) return null;
    texts.push(entry.text);
  }
  if (source.charCodeAt(at) !== END) return null;
  return count === COUNT_UNKNOWN || count === texts.length ? texts : null;
}

interface DecodedEntry {
  readonly text: Bytes;
  /** Where its back length begins. */
  readonly end: number;
}

function decodeEntry(source: Bytes, at: number): DecodedEntry | null {
  const first = source.charCodeAt(at);
  if (first < 0x80) return { text: String(first), end: at + 1 };
  if (first < 0xc0) return textAt(source, at + 1, first & 0x3f);
  const second = source.charCodeAt(at + 1);
  if (first < 0xe0) {
    const bits = ((first & 0x1f) << 8) | second;
    return { text: String(bits >= 4096 ? bits - 8192 : bits), end: at + 2 };
  }
  if (first < 0xf0) return textAt(source, at + 2, ((first & 0x0f) << 8) | second);
  if (first === 0xf0) return textAt(source, at + 5, readUnsigned(source, at + 1, 4));
  const size = [2, 3, 4, 8][first - 0xf1];
  if (size === undefined || at + 1 + size > source.length) return null;
  let value = 0n;
  for (let index = size - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(source.charCodeAt(at + 1 + index));
  }
  return { text: String(BigInt.asIntN(size * 8, value)), end: at + 1 + size };
}

function textAt(source: Bytes, at: number, size: number): DecodedEntry | null {
  if (at + size > source.length) return null;
  return { text: source.slice(at, at + size), end: at + size };
}

function readUnsigned(source: Bytes, at: number, size: number): number {
  let value = 0;
  for (let index = size - 1; index >= 0; index--)
    value = value * 256 + source.charCodeAt(at + index);
  return value;
}
