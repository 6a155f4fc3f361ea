// Keys on disk, version 1 (docs/encoding.md, "Keys").
//
//   store `data`     incarnation:u32 slot:u16 hash:u32 user key
//   store `expiry`   time:u48 incarnation:u32 slot:u16 hash:u32 user key     value ""
//
// All numbers big-endian, so byte order is numeric order. The incarnation is the id of one life of a
// database (FLUSHDB begins a new one). The slot is Redis Cluster's: a slot of a database is one
// contiguous range. The hash orders the keys of a slot, which gives SCAN a stateless cursor of slot
// and hash: 46 bits, whatever the keys look like.

import type { Bytes } from "../base/bytes.ts";

export const SLOT_COUNT = 16384;
export const KEY_HEADER_SIZE = 10;
const EXPIRY_HEADER_SIZE = 6;

const CRC16 = crc16Table();

/** CRC-16/XMODEM: the polynomial 0x1021 of the Redis Cluster specification. */
function crc16Table(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    }
    table[byte] = crc;
  }
  return table;
}

function crc16(key: Bytes, from: number, to: number): number {
  let crc = 0;
  for (let index = from; index < to; index++) {
    crc = ((crc << 8) & 0xffff) ^ (CRC16[(crc >> 8) ^ key.charCodeAt(index)] ?? 0);
  }
  return crc;
}

/**
 * The cluster slot of a key, 0 to 16383: CRC16 of what stands between the first `{` and the next
 * `}` when that is not empty, else of the whole key (Redis Cluster specification, "Hash tags").
 */
export function slotOfKey(key: Bytes): number {
  const open = key.indexOf("{");
  if (open === -1) return crc16(key, 0, key.length) & (SLOT_COUNT - 1);
  const close = key.indexOf("}", open + 1);
  if (close === -1 || close === open + 1) return crc16(key, 0, key.length) & (SLOT_COUNT - 1);
  return crc16(key, open + 1, close) & (SLOT_COUNT - 1);
}

/** 32 bits, FNV-1a with a final mix, so that near keys lie far apart. On disk: never change it. */
export function hashOfKey(key: Bytes): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}

export interface KeyAddress {
  readonly incarnationId: number;
  readonly slot: number;
  readonly hash: number;
}

/** Writes the header of a data key at `at`; the user key follows at `at + KEY_HEADER_SIZE`. */
export function writeKeyHeader(target: Uint8Array, at: number, address: KeyAddress): void {
  const { incarnationId, slot, hash } = address;
  target[at] = incarnationId >>> 24;
  target[at + 1] = incarnationId >>> 16;
  target[at + 2] = incarnationId >>> 8;
  target[at + 3] = incarnationId;
  target[at + 4] = slot >>> 8;
  target[at + 5] = slot;
  target[at + 6] = hash >>> 24;
  target[at + 7] = hash >>> 16;
  target[at + 8] = hash >>> 8;
  target[at + 9] = hash;
}

export function dataKey(address: KeyAddress, key: Bytes): Bytes {
  return dataPrefix(address.incarnationId, address.slot) + u32(address.hash) + key;
}

/** The front that all keys of one slot of one incarnation share. */
export function dataPrefix(incarnationId: number, slot: number): Bytes {
  return u32(incarnationId) + String.fromCharCode(slot >>> 8, slot & 0xff);
}

export function u32(value: number): Bytes {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export function readU32(source: Bytes, at: number): number {
  return (
    source.charCodeAt(at) * 0x1000000 +
    ((source.charCodeAt(at + 1) << 16) |
      (source.charCodeAt(at + 2) << 8) |
      source.charCodeAt(at + 3))
  );
}

/** 48 bits, unsigned: milliseconds since the epoch fit until the year 10889. */
export function u48(value: number): Bytes {
  const high = Math.floor(value / 0x1_0000_0000);
  return String.fromCharCode((high >>> 8) & 255, high & 255) + u32(value % 0x1_0000_0000);
}

export function readU48(source: Bytes, at: number): number {
  const high = (source.charCodeAt(at) << 8) | source.charCodeAt(at + 1);
  return high * 0x1_0000_0000 + readU32(source, at + 2);
}

export function expiryKey(expiryMs: number, address: KeyAddress, key: Bytes): Bytes {
  return u48(expiryMs) + dataKey(address, key);
}

export interface DecodedKey extends KeyAddress {
  readonly key: Bytes;
}

export function decodeDataKey(physical: Bytes): DecodedKey {
  return {
    incarnationId: readU32(physical, 0),
    slot: (physical.charCodeAt(4) << 8) | physical.charCodeAt(5),
    hash: readU32(physical, 6),
    key: physical.slice(KEY_HEADER_SIZE),
  };
}

export function decodeExpiryKey(physical: Bytes): { expiryMs: number; target: DecodedKey } {
  return {
    expiryMs: readU48(physical, 0),
    target: decodeDataKey(physical.slice(EXPIRY_HEADER_SIZE)),
  };
}
