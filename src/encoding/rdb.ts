// Values in the format of Redis's dumps, as DUMP and RESTORE carry them between servers:
//
//   type:u8 value rdb version:u16 crc64:u64        numbers little-endian, the sum over all before it
//
// The value of a string (type 0) is a string of the RDB format:
//
//   00nnnnnn                      n bytes follow                 10000000 n:u32be   as well
//   01nnnnnn nnnnnnnn             as well, 14 bits               10000001 n:u64be   as well
//   11000000 i8 / 11000001 i16 / 11000010 i32                    a number, in decimal
//   11000011 c:length n:length    c bytes of LZF that tell n bytes
//
// That of a hash is type 4: a length and as many fields and values, all strings; or type 16: a string
// that holds a listpack (listpack.ts) of them.
//
// That of a set is type 2: a length and as many members; type 11: a string that holds an intset
// (intset.ts); or type 20, which is read and not written: a string that holds a listpack.
//
// Strings have looked like this in every version up to 12, so dumps of Redis 7.4 are read too.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { crc64 } from "./crc64.ts";
import { decodeIntset, encodeIntset } from "./intset.ts";
import * as lzf from "./lzf.ts";
import { decodeListpack, encodeListpack } from "./listpack.ts";
import { HASH, SET, STRING } from "./record.ts";
import { INTSET, LISTPACK, TABLE, type SetForm } from "./set.ts";

/** What is written: Redis 7.2. */
export const RDB_VERSION = 11;
const RDB_VERSION_MAX = 12;
const FOOTER_SIZE = 10;
const CHECKSUM_SIZE = 8;
const TYPE_STRING = 0;
const TYPE_SET = 2;
const TYPE_HASH = 4;
const TYPE_SET_INTSET = 11;
const TYPE_HASH_LISTPACK = 16;
const TYPE_SET_LISTPACK = 20;

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

export type DumpedValue =
  | { readonly kind: typeof STRING; readonly value: Bytes }
  | {
      readonly kind: typeof HASH;
      /** Fields and values in turn. */
      readonly flat: readonly Bytes[];
      /** Whether a listpack is written; either is read. */
      readonly isPacked: boolean;
    }
  | DumpedSet;

export interface DumpedSet {
  readonly kind: typeof SET;
  readonly members: readonly Bytes[];
  /** An intset is written as one, its members in order of their size; any other as a plain set. */
  readonly form: SetForm;
}

export function encodeDump(dumped: DumpedValue): Bytes {
  const version = String.fromCharCode(RDB_VERSION & 0xff, RDB_VERSION >>> 8);
  const body = encodeValue(dumped) + version;
  return body + crc64(body, body.length);
}

function encodeValue(dumped: DumpedValue): Bytes {
  switch (dumped.kind) {
    case STRING:
      return String.fromCharCode(TYPE_STRING) + encodeString(dumped.value);
    case HASH: {
      const { flat, isPacked } = dumped;
      if (isPacked)
        return String.fromCharCode(TYPE_HASH_LISTPACK) + encodeString(encodeListpack(flat));
      const parts = [String.fromCharCode(TYPE_HASH) + encodeLength(flat.length / 2)];
      for (const text of flat) parts.push(encodeString(text));
      return parts.join("");
    }
    case SET:
      return encodeSet(dumped);
    default:
      return unreachable(dumped);
  }
}

function encodeSet({ members, form }: DumpedSet): Bytes {
  if (form === INTSET) {
    return String.fromCharCode(TYPE_SET_INTSET) + encodeString(encodeIntset(members));
  }
  const parts = [String.fromCharCode(TYPE_SET) + encodeLength(members.length)];
  for (const member of members) parts.push(encodeString(member));
  return parts.join("");
}

/** Throws BadDump. */
export function decodeDump(dump: Bytes): DumpedValue {
  const versionAt = dump.length - FOOTER_SIZE;
  if (versionAt < 0) throw new BadDump("footer");
  const version = dump.charCodeAt(versionAt) | (dump.charCodeAt(versionAt + 1) << 8);
  const checksumAt = dump.length - CHECKSUM_SIZE;
  if (version > RDB_VERSION_MAX || crc64(dump, checksumAt) !== dump.slice(checksumAt)) {
    throw new BadDump("footer");
  }
  return decodeValue(dump.charCodeAt(0), new Reader(dump, 1, versionAt));
}

function decodeValue(type: number, reader: Reader): DumpedValue {
  switch (type) {
    case TYPE_STRING:
      return { kind: STRING, value: decodeString(reader) };
    case TYPE_HASH: {
      const flat: Bytes[] = [];
      for (let left = reader.length(reader.byte()) * 2; left > 0; left--) {
        flat.push(decodeString(reader));
      }
      return { kind: HASH, flat: checkedPairs(flat), isPacked: false };
    }
    case TYPE_HASH_LISTPACK: {
      const flat = decodeListpack(decodeString(reader));
      if (flat === null) throw new BadDump("format");
      return { kind: HASH, flat: checkedPairs(flat), isPacked: true };
    }
    case TYPE_SET: {
      const members: Bytes[] = [];
      for (let left = reader.length(reader.byte()); left > 0; left--) {
        members.push(decodeString(reader));
      }
      return checkedSet(members, TABLE);
    }
    case TYPE_SET_INTSET:
      return checkedSet(decodeIntset(decodeString(reader)), INTSET);
    case TYPE_SET_LISTPACK:
      return checkedSet(decodeListpack(decodeString(reader)), LISTPACK);
    default:
      throw new BadDump("format");
  }
}

/** At least one member, and none twice. Throws BadDump. */
function checkedSet(members: readonly Bytes[] | null, form: SetForm): DumpedSet {
  if (members === null || members.length === 0 || new Set(members).size !== members.length) {
    throw new BadDump("format");
  }
  return { kind: SET, members, form };
}

/** Fields and values in turn, none missing, no field twice, at least one. Throws BadDump. */
function checkedPairs(flat: readonly Bytes[]): readonly Bytes[] {
  const fields = new Set(flat.filter((_, index) => index % 2 === 0));
  if (flat.length === 0 || flat.length % 2 !== 0 || fields.size * 2 !== flat.length) {
    throw new BadDump("format");
  }
  return flat;
}

function encodeString(value: Bytes): Bytes {
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

function encodeLength(length: number): Bytes {
  if (length < 1 << 6) return String.fromCharCode(length);
  if (length < 1 << 14) return String.fromCharCode(0x40 | (length >>> 8), length & 0xff);
  return String.fromCharCode(
    LENGTH_32,
    (length >>> 24) & 0xff,
    (length >>> 16) & 0xff,
    (length >>> 8) & 0xff,
    length & 0xff,
  );
}

/** Throws BadDump where the bytes end too early. */
class Reader {
  readonly #source: Bytes;
  readonly #end: number;
  #at: number;

  constructor(source: Bytes, at: number, end: number) {
    this.#source = source;
    this.#at = at;
    this.#end = end;
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

  /** The rest of a length whose first byte is `first`. */
  length(first: number): number {
    if (first < 0x40) return first;
    if (first < 0x80) return ((first & 0x3f) << 8) | this.byte();
    if (first === LENGTH_32) return this.bigEndian(4);
    if (first === LENGTH_64) return this.bigEndian(8);
    throw new BadDump("format");
  }
}

function decodeString(reader: Reader): Bytes {
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

function decodeCompressed(reader: Reader): Bytes {
  const compressedSize = reader.length(reader.byte());
  const size = reader.length(reader.byte());
  const compressed = reader.take(compressedSize);
  const value = size > STRING_SIZE_MAX ? null : lzf.decompress(compressed, size);
  if (value === null) throw new BadDump("format");
  return value;
}
