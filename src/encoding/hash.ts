// A hash, version 1 (docs/encoding.md, "Hash").
//
//   inline      0 flags:u8 [next:u48 if flag 1] count:varint, then for each field in order of insertion:
//               [expiry:u48 if flag 1] field:sized value:sized
//   exploded    1 slot:u16 id:u48 flags:u8 count:u48 [next:u48 if flag 1]
//   element     subkey hash:u32 field, value flags:u8 [expiry:u48 if flag 1] value
//   order       subkey expiry:u48 hash:u32 field, value empty: one for each field with an expiry
//
// Flags of the whole: 1 = fields have expiries (inline: each entry has one, 0 for never; exploded: some
// may), 2 = Redis would call it a hashtable, 4 = were it none, Redis would call it a listpackex. The hash of a
// field orders the elements, which gives HSCAN its cursor. `next`: no field dies before that moment.

import { assert } from "../base/assert.ts";
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
export const FLAG_EXTENDED = 4;
const FLAGS_KNOWN = FLAG_EXPIRIES | FLAG_TABLE | FLAG_EXTENDED;
const ELEMENT_FLAG_EXPIRY = 1;
const EXPIRY_SIZE = 6;
const EXPLODED_HASH_SIZE = HOME_SIZE + 7;
const INLINE_NEXT_AT = 2;

/** What both forms say of the whole. */
export interface HashFacts {
  readonly isTable: boolean;
  /** Fields have had expiries while it was a listpack. */
  readonly isExtended: boolean;
  /** No field dies before that, milliseconds since the epoch; 0 when none does at all. */
  readonly nextExpiryMs: number;
}

export interface InlineHashParts extends HashFacts {
  readonly fields: ReadonlyMap<Bytes, Bytes>;
  /** When fields die, milliseconds since the epoch; null when none does. */
  readonly expiries: ReadonlyMap<Bytes, number> | null;
}

/** Bytes of one entry without its expiry. */
export function entrySize(field: Bytes, value: Bytes): number {
  return sizedSize(field) + sizedSize(value);
}

/** The payload's size, given the sum of `entrySize`. */
export function inlineSize(entryBytes: number, count: number, hasExpiries: boolean): number {
  return 2 + varintSize(count) + entryBytes + (hasExpiries ? (count + 1) * EXPIRY_SIZE : 0);
}

export function writeInlineHash(target: Buffer, at: number, hash: InlineHashParts): void {
  const { fields, expiries } = hash;
  target[at] = INLINE;
  target[at + 1] = flagsOf(hash);
  let offset = at + INLINE_NEXT_AT;
  if (expiries !== null) {
    assert(hash.nextExpiryMs !== 0);
    target.writeUIntBE(hash.nextExpiryMs, offset, EXPIRY_SIZE);
    offset += EXPIRY_SIZE;
  }
  offset = writeVarint(target, offset, fields.size);
  for (const [field, value] of fields) {
    if (expiries !== null) {
      target.writeUIntBE(expiries.get(field) ?? 0, offset, EXPIRY_SIZE);
      offset += EXPIRY_SIZE;
    }
    offset = writeSized(target, offset, field);
    offset = writeSized(target, offset, value);
  }
}

export interface DecodedInlineHash extends HashFacts {
  readonly fields: Map<Bytes, Bytes>;
  readonly expiries: Map<Bytes, number> | null;
  /** The sum of `entrySize`. */
  readonly entryBytes: number;
}

/** Throws CorruptRecord. */
export function readInlineHash(payload: Bytes): DecodedInlineHash {
  const reader = new PayloadReader(payload, 1, corrupt);
  const flags = readFlags(reader.byte());
  const expiries = (flags & FLAG_EXPIRIES) === 0 ? null : new Map<Bytes, number>();
  const nextExpiryMs = expiries === null ? 0 : readU48(reader.take(EXPIRY_SIZE), 0);
  const count = reader.varint();
  const fields = new Map<Bytes, Bytes>();
  const entriesAt = reader.at;
  for (let index = 0; index < count; index++) {
    const expiryMs = expiries === null ? 0 : readU48(reader.take(EXPIRY_SIZE), 0);
    const field = reader.sized();
    fields.set(field, reader.sized());
    if (expiryMs === 0) continue;
    if (expiryMs < nextExpiryMs) throw corrupt();
    expiries?.set(field, expiryMs);
  }
  reader.end();
  if (fields.size !== count || (expiries !== null && nextExpiryMs === 0)) throw corrupt();
  const expiryBytes = expiries === null ? 0 : count * EXPIRY_SIZE;
  const entryBytes = payload.length - entriesAt - expiryBytes;
  return { fields, expiries, ...factsOf(flags), nextExpiryMs, entryBytes };
}

export interface ExplodedHashParts extends HashFacts {
  readonly home: HomeAddress;
  readonly count: number;
}

export function explodedSize(nextExpiryMs: number): number {
  return nextExpiryMs === 0 ? EXPLODED_HASH_SIZE : EXPLODED_HASH_SIZE + EXPIRY_SIZE;
}

export function writeExplodedHash(target: Buffer, at: number, hash: ExplodedHashParts): void {
  const offset = writeHome(target, at, hash.home);
  target[offset] = flagsOf(hash);
  target.writeUIntBE(hash.count, offset + 1, 6);
  if (hash.nextExpiryMs !== 0) target.writeUIntBE(hash.nextExpiryMs, offset + 7, EXPIRY_SIZE);
}

/** Throws CorruptRecord. */
export function readExplodedHash(payload: Bytes): Omit<ExplodedHashParts, "home"> {
  const nextExpiryMs = hashDueMs(payload);
  if (payload.length !== explodedSize(nextExpiryMs)) throw corrupt();
  const flags = readFlags(payload.charCodeAt(HOME_SIZE));
  if ((flags & FLAG_EXPIRIES) !== 0 && nextExpiryMs === 0) throw corrupt();
  return { ...factsOf(flags), nextExpiryMs, count: readU48(payload, HOME_SIZE + 1) };
}

/** When the first of the fields may die, of a payload in either form; 0 for never. Throws CorruptRecord. */
export function hashDueMs(payload: Bytes): number {
  const isInline = payload.charCodeAt(0) === INLINE;
  const flagsAt = isInline ? 1 : HOME_SIZE;
  if ((payload.charCodeAt(flagsAt) & FLAG_EXPIRIES) === 0) return 0;
  const at = isInline ? INLINE_NEXT_AT : EXPLODED_HASH_SIZE;
  if (payload.length < at + EXPIRY_SIZE) throw corrupt();
  return readU48(payload, at);
}

function flagsOf({ nextExpiryMs, isTable, isExtended }: HashFacts): number {
  const expiries = nextExpiryMs === 0 ? 0 : FLAG_EXPIRIES;
  return expiries | (isTable ? FLAG_TABLE : 0) | (isExtended ? FLAG_EXTENDED : 0);
}

function factsOf(flags: number): Omit<HashFacts, "nextExpiryMs"> {
  return { isTable: (flags & FLAG_TABLE) !== 0, isExtended: (flags & FLAG_EXTENDED) !== 0 };
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

/** Where a field with an expiry stands in the order of dying. */
export function orderSubkey(expiryMs: number, fieldKey: Bytes): Bytes {
  return u48(expiryMs) + fieldKey;
}

export function expiryOfOrder(subkey: Bytes): number {
  return readU48(subkey, 0);
}

/** What `fieldSubkey` gave for it. */
export function fieldKeyOfOrder(subkey: Bytes): Bytes {
  return subkey.slice(EXPIRY_SIZE);
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
