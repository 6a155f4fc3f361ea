// A hash, version 1 (docs/encoding.md, "Hash").
//
//   inline      0 flags:u8 count:varint, then for each field in order of insertion:
//               [expiry:u48 if flag 1] field:sized value:sized
//   exploded    1 slot:u16 id:u48 flags:u8 count:u48
//   element     subkey hash:u32 field, value flags:u8 [expiry:u48 if flag 1] value
//
// Flags of the whole: 1 = fields have expiries (inline: each entry has one, 0 for never; exploded: some
// may), 2 = Redis would call it a hashtable. The hash of a field orders the elements, which gives HSCAN
// its cursor.

import type { Bytes } from "../base/bytes.ts";
import {
  hashedSubkey,
  HOME_SIZE,
  INLINE,
  nameInSubkey,
  writeHome,
  type HomeAddress,
} from "./collection.ts";
import { readU48, u48 } from "./key.ts";
import { CorruptRecord } from "./record.ts";
import { PayloadReader, sizedSize, varintSize, writeSized, writeVarint } from "./varint.ts";

export const FLAG_EXPIRIES = 1;
export const FLAG_TABLE = 2;
const FLAGS_KNOWN = FLAG_EXPIRIES | FLAG_TABLE;
const ELEMENT_FLAG_EXPIRY = 1;
const EXPIRY_SIZE = 6;
export const EXPLODED_HASH_SIZE = HOME_SIZE + 7;

export interface InlineHashParts {
  readonly fields: ReadonlyMap<Bytes, Bytes>;
  /** When fields die, milliseconds since the epoch; null when none does. */
  readonly expiries: ReadonlyMap<Bytes, number> | null;
  readonly isTable: boolean;
}

/** Bytes of one entry without its expiry. */
export function entrySize(field: Bytes, value: Bytes): number {
  return sizedSize(field) + sizedSize(value);
}

/** The payload's size, given the sum of `entrySize`. */
export function inlineSize(entryBytes: number, count: number, hasExpiries: boolean): number {
  return 2 + varintSize(count) + entryBytes + (hasExpiries ? count * EXPIRY_SIZE : 0);
}

export function writeInlineHash(target: Buffer, at: number, hash: InlineHashParts): void {
  const { fields, expiries } = hash;
  target[at] = INLINE;
  target[at + 1] = flagsOf(expiries !== null, hash.isTable);
  let offset = writeVarint(target, at + 2, fields.size);
  for (const [field, value] of fields) {
    if (expiries !== null) {
      target.writeUIntBE(expiries.get(field) ?? 0, offset, EXPIRY_SIZE);
      offset += EXPIRY_SIZE;
    }
    offset = writeSized(target, offset, field);
    offset = writeSized(target, offset, value);
  }
}

export interface DecodedInlineHash {
  readonly fields: Map<Bytes, Bytes>;
  readonly expiries: Map<Bytes, number> | null;
  readonly isTable: boolean;
  /** The sum of `entrySize`. */
  readonly entryBytes: number;
}

/** Throws CorruptRecord. */
export function readInlineHash(payload: Bytes): DecodedInlineHash {
  const reader = new PayloadReader(payload, 1, corrupt);
  const flags = readFlags(reader.byte());
  const count = reader.varint();
  const fields = new Map<Bytes, Bytes>();
  const expiries = (flags & FLAG_EXPIRIES) === 0 ? null : new Map<Bytes, number>();
  const entriesAt = reader.at;
  for (let index = 0; index < count; index++) {
    const expiryMs = expiries === null ? 0 : readU48(reader.take(EXPIRY_SIZE), 0);
    const field = reader.sized();
    fields.set(field, reader.sized());
    if (expiryMs !== 0) expiries?.set(field, expiryMs);
  }
  reader.end();
  if (fields.size !== count) throw corrupt();
  const expiryBytes = expiries === null ? 0 : count * EXPIRY_SIZE;
  const entryBytes = payload.length - entriesAt - expiryBytes;
  return { fields, expiries, isTable: (flags & FLAG_TABLE) !== 0, entryBytes };
}

export interface ExplodedHashParts {
  readonly home: HomeAddress;
  readonly hasExpiries: boolean;
  readonly isTable: boolean;
  readonly count: number;
}

export function writeExplodedHash(target: Buffer, at: number, hash: ExplodedHashParts): void {
  const offset = writeHome(target, at, hash.home);
  target[offset] = flagsOf(hash.hasExpiries, hash.isTable);
  target.writeUIntBE(hash.count, offset + 1, 6);
}

/** Throws CorruptRecord. */
export function readExplodedHash(payload: Bytes): Omit<ExplodedHashParts, "home"> {
  if (payload.length !== EXPLODED_HASH_SIZE) throw corrupt();
  const flags = readFlags(payload.charCodeAt(HOME_SIZE));
  return {
    hasExpiries: (flags & FLAG_EXPIRIES) !== 0,
    isTable: (flags & FLAG_TABLE) !== 0,
    count: readU48(payload, HOME_SIZE + 1),
  };
}

function flagsOf(hasExpiries: boolean, isTable: boolean): number {
  return (hasExpiries ? FLAG_EXPIRIES : 0) | (isTable ? FLAG_TABLE : 0);
}

function readFlags(flags: number): number {
  if ((flags & ~FLAGS_KNOWN) !== 0) throw new CorruptRecord(`hash flags ${flags}`);
  return flags;
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a hash does not decode");
}

/** The subkey of a field. */
export function fieldSubkey(field: Bytes): Bytes {
  return hashedSubkey(field);
}

export function fieldOf(subkey: Bytes): Bytes {
  return nameInSubkey(subkey);
}

/** `expiryMs` 0 for never. */
export function fieldElement(value: Bytes, expiryMs: number): Bytes {
  return expiryMs === 0 ? `\0${value}` : `\x01${u48(expiryMs)}${value}`;
}

/** Throws CorruptRecord. */
export function elementValue(element: Bytes): Bytes {
  return element.slice(elementHasExpiry(element) ? 1 + EXPIRY_SIZE : 1);
}

/** 0 for never. Throws CorruptRecord. */
export function elementExpiryMs(element: Bytes): number {
  return elementHasExpiry(element) ? readU48(element, 1) : 0;
}

function elementHasExpiry(element: Bytes): boolean {
  const flags = element.charCodeAt(0);
  if (flags === 0) return false;
  if (flags !== ELEMENT_FLAG_EXPIRY || element.length < 1 + EXPIRY_SIZE) throw corrupt();
  return true;
}
