// Values in the format of Redis's dumps, as DUMP and RESTORE carry them between servers:
//
//   type:u8 value rdb version:u16 crc64:u64        numbers little-endian, the sum over all before it
//
// Here is the frame, and which type is whose: strings and what all values are made of are in
// rdb-string.ts, the values of each kind in a file of its own.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { crc64 } from "./crc64.ts";
import * as hash from "./rdb-hash.ts";
import * as list from "./rdb-list.ts";
import * as set from "./rdb-set.ts";
import * as sortedSet from "./rdb-sorted-set.ts";
import * as stream from "./rdb-stream.ts";
import { BadDump, decodeString, DumpReader, encodeString } from "./rdb-string.ts";
import { HASH, LIST, SET, SORTED_SET, STREAM, STRING } from "./record.ts";

export { BadDump } from "./rdb-string.ts";

/** What is written: that of Redis 7.0, which 7.2 and later ones read as well. */
export const RDB_VERSION = 10;
/** That of Redis 7.4, for what older ones do not have: fields of hashes that die. */
const RDB_VERSION_MORTAL = 12;
const RDB_VERSION_MAX = 12;
const FOOTER_SIZE = 10;
const CHECKSUM_SIZE = 8;
const TYPE_STRING = 0;

export type DumpedValue =
  | { readonly kind: typeof STRING; readonly value: Bytes }
  | hash.DumpedHash
  | list.DumpedList
  | set.DumpedSet
  | sortedSet.DumpedSortedSet
  | stream.DumpedStream;

export function encodeDump(dumped: DumpedValue): Bytes {
  const isMortal = dumped.kind === HASH && dumped.expiries !== null;
  return sealed(encodeValue(dumped), isMortal ? RDB_VERSION_MORTAL : RDB_VERSION);
}

/** With the version and the sum that stand at the end of every dump. */
export function sealed(content: Bytes, version: number): Bytes {
  const body = content + String.fromCharCode(version & 0xff, version >>> 8);
  return body + crc64(body, body.length);
}

/** Type and value. */
function encodeValue(dumped: DumpedValue): Bytes {
  switch (dumped.kind) {
    case STRING:
      return String.fromCharCode(TYPE_STRING) + encodeString(dumped.value);
    case HASH:
      return hash.encode(dumped);
    case LIST:
      return list.encode(dumped);
    case SET:
      return set.encode(dumped);
    case SORTED_SET:
      return sortedSet.encode(dumped);
    case STREAM:
      return stream.encode(dumped);
    default:
      return unreachable(dumped);
  }
}

/** Throws BadDump. */
export function decodeDump(dump: Bytes): DumpedValue {
  const end = unsealed(dump);
  return decodeValue(dump.charCodeAt(0), new DumpReader(dump, 1, end));
}

/** Where the content of a dump ends. Throws BadDump when what stands behind it is not right. */
export function unsealed(dump: Bytes): number {
  const versionAt = dump.length - FOOTER_SIZE;
  if (versionAt < 0) throw new BadDump("footer");
  const version = dump.charCodeAt(versionAt) | (dump.charCodeAt(versionAt + 1) << 8);
  const checksumAt = dump.length - CHECKSUM_SIZE;
  if (version > RDB_VERSION_MAX || crc64(dump, checksumAt) !== dump.slice(checksumAt)) {
    throw new BadDump("footer");
  }
  return versionAt;
}

/** Each kind knows its types, and gives null for another's. */
function decodeValue(type: number, reader: DumpReader): DumpedValue {
  if (type === TYPE_STRING) return { kind: STRING, value: decodeString(reader) };
  const value =
    hash.decode(type, reader) ??
    list.decode(type, reader) ??
    set.decode(type, reader) ??
    sortedSet.decode(type, reader) ??
    stream.decode(type, reader);
  if (value === null) throw new BadDump("format");
  return value;
}
