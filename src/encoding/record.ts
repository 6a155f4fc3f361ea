// The value of a `data` key, version 1 (docs/encoding.md, "Records").
//
//   offset  size    field
//   0       1       version (high four bits, 1) and kind (low four bits)
//   1       1       flags: bit 0 = an expiry follows; the others must be 0
//   2       0 or 6  expiry: milliseconds since the epoch, big-endian
//   ...     n       payload, by kind
//
// Kinds: 1 string, 2 list, 3 set, 4 sorted set, 5 hash, 6 stream. The payload of a string is its bytes;
// those of the others begin with their form, inline or exploded (collection.ts).

import type { Bytes } from "../base/bytes.ts";
import { readU48 } from "./key.ts";
import { writeBytes } from "./varint.ts";

export const ABSENT = 0;
export const STRING = 1;
export const LIST = 2;
export const SET = 3;
export const SORTED_SET = 4;
export const HASH = 5;
export const STREAM = 6;
/** What a key holds. ABSENT never reaches the disk. Numbers are on disk and never change. */
export type Kind = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** What writes itself: the content of a collection. */
export interface Payload {
  /** Exactly what `writePayload` writes; asked for right before it, and cheap. */
  readonly payloadSize: number;
  writePayload(target: Buffer, at: number): void;
}

/** What `writePayload` writes, as bytes of its own. */
export function payloadBytes(payload: Payload): Bytes {
  const size = payload.payloadSize;
  const target = Buffer.allocUnsafe(size);
  payload.writePayload(target, 0);
  return target.latin1Slice(0, size);
}

const VERSION = 1;
const FLAG_EXPIRY = 1;
/** Expiry times are 48 bits on disk: the year 10889. */
export const EXPIRY_MS_MAX = 2 ** 48 - 1;

/** Bytes on disk that do not decode: never served as data. */
export class CorruptRecord extends Error {
  override readonly name = "CorruptRecord";
}

export interface DecodedRecord {
  readonly kind: Kind;
  /** A string's bytes, the payload of anything else. */
  readonly value: Bytes;
  /** 0 means never. */
  readonly expiryMs: number;
}

/** What is to be written: null has no bytes. */
export interface WritableRecord {
  readonly kind: Kind;
  readonly value: Bytes | Payload | null;
  readonly expiryMs: number;
}

export function recordSize(value: Bytes | Payload | null, expiryMs: number): number {
  return 2 + (expiryMs === 0 ? 0 : 6) + valueSize(value);
}

function valueSize(value: Bytes | Payload | null): number {
  if (value === null) return 0;
  return typeof value === "string" ? value.length : value.payloadSize;
}

/** Writes `recordSize` bytes at `at`; the caller has made room. */
export function writeRecord(target: Buffer, at: number, record: WritableRecord): void {
  const { value } = record;
  const offset = writeHeader(target, at, record);
  if (typeof value === "string") writeBytes(target, offset, value);
  else value?.writePayload(target, offset);
}

/** What stands before the payload; returns where that begins. */
export function writeHeader(target: Buffer, at: number, header: RecordHeader): number {
  const { kind, expiryMs } = header;
  let offset = at;
  target[offset++] = (VERSION << 4) | kind;
  target[offset++] = expiryMs === 0 ? 0 : FLAG_EXPIRY;
  if (expiryMs !== 0) {
    target.writeUIntBE(expiryMs, offset, 6);
    offset += 6;
  }
  return offset;
}

/** What stands before the payload of a string that does not expire, the first byte times 256. */
export const PLAIN_STRING_HEAD = ((VERSION << 4) | STRING) << 8;
export const PLAIN_STRING_HEAD_SIZE = 2;
const PLAIN_STRING_HEAD_BYTES: Bytes = String.fromCharCode((VERSION << 4) | STRING, 0);

/** The longest that stands before the payload. */
export const RECORD_HEADER_SIZE_MAX = 8;
const headBuffer = Buffer.alloc(RECORD_HEADER_SIZE_MAX);

/** What `writeHeader` writes, as bytes of its own. */
export function recordHead(header: RecordHeader): Bytes {
  if (header.kind === STRING && header.expiryMs === 0) return PLAIN_STRING_HEAD_BYTES;
  return headBuffer.latin1Slice(0, writeHeader(headBuffer, 0, header));
}

export interface RecordHeader {
  readonly kind: Kind;
  readonly expiryMs: number;
}

/** Reads what stands before the payload; `source` may be cut after it. Throws CorruptRecord. */
export function readHeader(source: Bytes): RecordHeader {
  if (source.length < 2) throw new CorruptRecord(`a record of ${source.length} bytes`);
  const first = source.charCodeAt(0);
  const flags = source.charCodeAt(1);
  if (first >> 4 !== VERSION) throw new CorruptRecord(`record version ${first >> 4}`);
  if ((flags & ~FLAG_EXPIRY) !== 0) throw new CorruptRecord(`record flags ${flags}`);
  const kind = readKind(first & 0x0f);
  if ((flags & FLAG_EXPIRY) === 0) return { kind, expiryMs: 0 };
  if (source.length < 8) throw new CorruptRecord("a record ends inside its expiry");
  return { kind, expiryMs: readU48(source, 2) };
}

function readKind(kind: number): Kind {
  switch (kind) {
    case STRING:
    case LIST:
    case SET:
    case SORTED_SET:
    case HASH:
    case STREAM:
      return kind;
    default:
      throw new CorruptRecord(`record kind ${kind}`);
  }
}

/** The string in an encoded record of `size` bytes, which we wrote ourselves and which is one. */
export function stringOf(source: Buffer, at: number, size: number): Bytes {
  const expires = source[at + 1] === FLAG_EXPIRY;
  const headSize = expires ? RECORD_HEADER_SIZE_MAX : PLAIN_STRING_HEAD_SIZE;
  return source.latin1Slice(at + headSize, at + size);
}

/** Throws CorruptRecord. */
export function readRecord(source: Bytes): DecodedRecord {
  const { kind, expiryMs } = readHeader(source);
  return { kind, expiryMs, value: source.slice(expiryMs === 0 ? 2 : 8) };
}
