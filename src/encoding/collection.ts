// What all collections have in common on disk, version 1 (docs/encoding.md, "Collections").
//
// The payload of a record that holds a collection begins with its form:
//
//   0   inline: the whole collection follows, by kind
//   1   exploded: slot:u16 id:u48, then what the kind keeps of the whole (counts, ends); the elements
//       stand under keys of their own:
//
//   stores `elements` and `order`     incarnation:u32 slot:u16 id:u48 subkey      value by kind
//
// The id is used once in the life of a store. The slot is that of the key which the collection was made
// under: RENAME moves the record and leaves the elements where they are.

import type { Bytes } from "../base/bytes.ts";
import { dataPrefix, hashOfKey, readU48, u32, u48 } from "./key.ts";
import { CorruptRecord } from "./record.ts";

export const INLINE = 0;
export const EXPLODED = 1;

/** Form, slot and id. */
export const HOME_SIZE = 9;
/** Incarnation, slot and id. */
export const ELEMENT_PREFIX_SIZE = 12;
export const COLLECTION_ID_MAX = 2 ** 48 - 1;

/** Where the elements of an exploded collection stand. */
export interface HomeAddress {
  readonly incarnationId: number;
  readonly slot: number;
  readonly id: number;
}

/** Slot and id at the front of an exploded payload; null for an inline one. Throws CorruptRecord. */
export function readHome(payload: Bytes): { readonly slot: number; readonly id: number } | null {
  const form = payload.charCodeAt(0);
  if (form === INLINE) return null;
  if (form !== EXPLODED) throw new CorruptRecord(`collection form ${form}`);
  if (payload.length < HOME_SIZE) throw new CorruptRecord("a collection ends inside its home");
  const slot = (payload.charCodeAt(1) << 8) | payload.charCodeAt(2);
  return { slot, id: readU48(payload, 3) };
}

/** Form, slot and id; returns the offset after them. */
export function writeHome(target: Buffer, at: number, home: HomeAddress): number {
  target[at] = EXPLODED;
  target[at + 1] = home.slot >>> 8;
  target[at + 2] = home.slot;
  target.writeUIntBE(home.id, at + 3, 6);
  return at + HOME_SIZE;
}

/** The payload of a copy whose elements stand at `home`. */
export function withHome(payload: Bytes, home: HomeAddress): Bytes {
  const slot = String.fromCharCode(home.slot >>> 8, home.slot & 0xff);
  return String.fromCharCode(EXPLODED) + slot + u48(home.id) + payload.slice(HOME_SIZE);
}

/** The front of every key of the collection's elements. */
export function elementPrefix(home: HomeAddress): Bytes {
  return dataPrefix(home.incarnationId, home.slot) + u48(home.id);
}

/** The first key after all those that begin with `prefix`; null when there is none such. */
export function afterPrefix(prefix: Bytes): Bytes | null {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--;
  if (end === 0) return null;
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}

/** The hash in front of the name. */
const NAME_AT = 4;

/** The subkey of what has a name and no order of its own, as a field of a hash: hash:u32 name. */
export function hashedSubkey(name: Bytes): Bytes {
  return u32(hashOfKey(name)) + name;
}

/** The name in a subkey made by `hashedSubkey`. */
export function nameInSubkey(subkey: Bytes): Bytes {
  return subkey.slice(NAME_AT);
}
