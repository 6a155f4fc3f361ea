// The store's own records, version 1 (docs/encoding.md, "The store `meta`").
//
//   key                        value
//   "format"                   "kept" version:u8 (1): refused on sight when foreign
//   "catalog"                  version:u8 next incarnation:u32 count:u16 then incarnation:u32 a database
//   "count" incarnation:u32    version:u8 keys:u48 expiring:u48
//   "slots" incarnation:u32 chunk:u8   64 bytes: one bit a slot, lowest bit first
//   "drop" incarnation:u32     "": a flushed incarnation whose remains are being collected
//   "ids"                      version:u8 id:u48: no collection has had this id or one above it
//   "gone" incarnation:u32 slot:u16 id:u48   "": a deleted collection whose elements are to be collected

import type { Bytes } from "../base/bytes.ts";
import { elementPrefix, type HomeAddress } from "./collection.ts";
import { readU32, readU48, u32, u48 } from "./key.ts";

export const FORMAT_KEY = "format";
export const FORMAT_VALUE = "kept\x01";
export const CATALOG_KEY = "catalog";
export const COUNT_PREFIX = "count";
export const SLOTS_PREFIX = "slots";
export const DROP_PREFIX = "drop";
export const COLLECTION_IDS_KEY = "ids";
export const GONE_PREFIX = "gone";
/** The first collection's; 0 is nobody's. */
export const FIRST_COLLECTION_ID = 1;
/** Not a database that can be selected: the server's own keys. User databases begin at 16. */
export const SYSTEM_INCARNATION_ID = 1;
const FIRST_INCARNATION_ID = 16;
const VERSION = "\x01";

export interface Catalog {
  readonly nextIncarnationId: number;
  /** By database index; databases never used have none yet. */
  readonly incarnationIds: readonly number[];
}

export const EMPTY_CATALOG: Catalog = {
  nextIncarnationId: FIRST_INCARNATION_ID,
  incarnationIds: [],
};

export interface Counts {
  readonly keyCount: number;
  readonly expiringCount: number;
}

/** The store's own record does not decode. */
export class CorruptMeta extends Error {
  override readonly name = "CorruptMeta";
}

export function encodeCatalog(catalog: Catalog): Bytes {
  const ids = catalog.incarnationIds;
  const count = String.fromCharCode(ids.length >>> 8, ids.length & 0xff);
  return VERSION + u32(catalog.nextIncarnationId) + count + ids.map(u32).join("");
}

/** Throws CorruptMeta. */
export function decodeCatalog(source: Bytes): Catalog {
  const count = (source.charCodeAt(5) << 8) | source.charCodeAt(6);
  if (source[0] !== VERSION || source.length !== 7 + count * 4) {
    throw new CorruptMeta("the catalog of databases does not decode");
  }
  const incarnationIds: number[] = [];
  for (let index = 0; index < count; index++) incarnationIds.push(readU32(source, 7 + index * 4));
  return { nextIncarnationId: readU32(source, 1), incarnationIds };
}

export function countKey(incarnationId: number): Bytes {
  return COUNT_PREFIX + u32(incarnationId);
}

export function encodeCounts(counts: Counts): Bytes {
  return VERSION + u48(counts.keyCount) + u48(counts.expiringCount);
}

/** Throws CorruptMeta. */
export function decodeCounts(source: Bytes): Counts {
  if (source.length !== 13 || source[0] !== VERSION) {
    throw new CorruptMeta("the key count of a database does not decode");
  }
  return { keyCount: readU48(source, 1), expiringCount: readU48(source, 7) };
}

export function slotChunkKey(incarnationId: number, chunk: number): Bytes {
  return SLOTS_PREFIX + u32(incarnationId) + String.fromCharCode(chunk);
}

export function dropKey(incarnationId: number): Bytes {
  return DROP_PREFIX + u32(incarnationId);
}

/** Every id below `end` may be in use. */
export function encodeCollectionIds(end: number): Bytes {
  return VERSION + u48(end);
}

/** Throws CorruptMeta. */
export function decodeCollectionIds(source: Bytes): number {
  if (source.length !== 7 || source[0] !== VERSION) {
    throw new CorruptMeta("the counter of collections does not decode");
  }
  return readU48(source, 1);
}

export function goneKey(home: HomeAddress): Bytes {
  return GONE_PREFIX + elementPrefix(home);
}

/** The front of the elements that a "gone" note speaks of. */
export function goneElementPrefix(key: Bytes): Bytes {
  return key.slice(GONE_PREFIX.length);
}
