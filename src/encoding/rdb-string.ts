// What values in Redis's dumps are made of: lengths and strings.
//
//   00nnnnnn                      n bytes follow                 10000000 n:u32be   as well
//   01nnnnnn nnnnnnnn             as well, 14 bits               10000001 n:u64be   as well
//   11000000 i8 / 11000001 i16 / 11000010 i32                    a number, in decimal
//   11000011 c:length n:length    c bytes of LZF that tell n bytes
//
// Strings have looked like this in every version up to 12, so dumps of Redis 7.4 are read too.

import type { Bytes } from "../base/bytes.ts";
import { u32 } from "./key.ts";
import * as lzf from "./lzf.ts";

const ENCODED = 0xc0;
const ENCODED_INT8 = 0xc0;
const ENCODED_INT16 = 0xc1;
const ENCODED_INT32 = 0xc2;
const ENCODED_LZF = 0xc3;
const LENGTH_32 = 0x80;
const LENGTH_64 = 0x81;

const INT32_TEXT = /^(?:0|-?[1-9]\d{0,9})$/;
/** Shorter strings are not worth a try, says Redis. */
const COMPRESSED_SIZE_MIN = 21;
/** What compression has to save. */
const COMPRESSION_GAIN_MIN = 4;
/** V8's longest string. */
const STRING_SIZE_MAX = 2 ** 29 - 24;

/** A dump that is not taken, and why: something else was sent, or its inside does not decode. */
export class BadDump extends Error {
  override readonly name = "BadDump";
  readonly reason: "footer" | "format";

  constructor(reason: "footer" | "format") {
    super(`a dump with a bad ${reason}`);
    this.reason = reason;
  }
}

export function encodeString(value: Bytes): Bytes {
  if (INT32_TEXT.test(value)) {
    const number = Number(value);
    if (number === (number | 0)) return encodeInteger(number);
  }
  if (value.length >= COMPRESSED_SIZE_MIN) {
    const compressed = lzf.compress(value, value.length - COMPRESSION_GAIN_MIN);
    if (compressed !== null) {
      const sizes = encodeLength(compressed.length) + encodeLength(value.length);
      return String.fromCharCode(ENCODED_LZF) + sizes + compressed;
    }
  }
  return encodeLength(value.length) + value;
}

function encodeInteger(value: number): Bytes {
  const bytes = [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
  if (value === (value << 24) >> 24) {
    return String.fromCharCode(ENCODED_INT8, ...bytes.slice(0, 1));
  }
  if (value === (value << 16) >> 16) {
    return String.fromCharCode(ENCODED_INT16, ...bytes.slice(0, 2));
  }
  return String.fromCharCode(ENCODED_INT32, ...bytes);
}

export function encodeLength(length: number): Bytes {
  if (length < 1 << 6) return String.fromCharCode(length);
  if (length < 1 << 14) return String.fromCharCode(0x40 | (length >>> 8), length & 0xff);
  if (length >= 2 ** 32) {
    const high = u32(Math.floor(length / 2 ** 32));
    return String.fromCharCode(LENGTH_64) + high + u32(length % 2 ** 32);
  }
  return String.fromCharCode(
    LENGTH_32,
    (length >>> 24) & 0xff,
    (length >>> 16) & 0xff,
    (length >>> 8) & 0xff,
    length & 0xff,
  );
}

/** Throws BadDump where the bytes end too early. */
export class DumpReader {
  readonly #source: Bytes;
  readonly #end: number;
  #at: number;

  constructor(source: Bytes, at: number, end: number) {
    this.#source = source;
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    if (this.#at >= this.#end) throw new BadDump("format");
    return this.#source.charCodeAt(this.#at++);
  }

  take(size: number): Bytes {
    if (size > this.#end - this.#at) throw new BadDump("format");
    this.#at += size;
    return this.#source.slice(this.#at - size, this.#at);
  }

  littleEndian(size: 1 | 2 | 4): number {
    let value = 0;
    for (let index = 0; index < size; index++) value |= this.byte() << (8 * index);
    const unused = 32 - 8 * size;
    return (value << unused) >> unused;
  }

  bigEndian(size: 4 | 8): number {
    let value = 0;
    for (let index = 0; index < size; index++) value = value * 256 + this.byte();
    return value;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#at !== this.#end) throw new BadDump("format");
  }

  size(): number {
    return this.length(this.byte());
  }

  /** The rest of a length whose first byte is `first`. */
  length(first: number): number {
    if (first < 0x40) return first;
    if (first < 0x80) return ((first & 0x3f) << 8) | this.byte();
    if (first === LENGTH_32) return this.bigEndian(4);
    if (first === LENGTH_64) return this.bigEndian(8);
    throw new BadDump("format");
  }
}

export function decodeString(reader: DumpReader): Bytes {
  const first = reader.byte();
  if (first < ENCODED) return reader.take(reader.length(first));
  switch (first) {
    case ENCODED_INT8:
      return String(reader.littleEndian(1));
    case ENCODED_INT16:
      return String(reader.littleEndian(2));
    case ENCODED_INT32:
      return String(reader.littleEndian(4));
    case ENCODED_LZF:
      return decodeCompressed(reader);
    default:
      throw new BadDump("format");
  }
}

function decodeCompressed(reader: DumpReader): Bytes {
  const compressedSize = reader.length(reader.byte());
  const size = reader.length(reader.byte());
  const compressed = reader.take(compressedSize);
  const value = size > STRING_SIZE_MAX ? null : lzf.decompress(compressed, size);
  if (value === null) throw new BadDump("format");
  return value;
}
