// A set, version 1 (docs/encoding.md, "Set").
//
//   inline      0 flags:u8 count:varint, then each member:sized in order of insertion
//   exploded    1 slot:u16 id:u48 flags:u8 count:u48
//   element     subkey hash:u32 member, no value
//
// The low two bits of the flags say what Redis would call it: 0 an intset, 1 a listpack, 2 a
// hashtable; the others are 0. The hash of a member orders the elements, which gives SSCAN its cursor.

import type { Bytes } from "../base/bytes.ts";
import { HOME_SIZE, INLINE, writeHome, type HomeAddress } from "./collection.ts";
import { readU48 } from "./key.ts";
import { CorruptRecord } from "./record.ts";
import { PayloadReader, sizedSize, varintSize, writeSized, writeVarint } from "./varint.ts";

export const INTSET = 0;
export const LISTPACK = 1;
export const TABLE = 2;
export type SetForm = 0 | 1 | 2;

export const EXPLODED_SET_SIZE = HOME_SIZE + 7;

/** What an element has beside its subkey. */
export const MEMBER_ELEMENT: Bytes = "";

export interface InlineSetParts {
  readonly members: ReadonlySet<Bytes>;
  readonly form: SetForm;
}

/** Bytes of one member. */
export const memberSize: (member: Bytes) => number = sizedSize;

/** The payload's size, given the sum of `memberSize`. */
export function inlineSize(memberBytes: number, count: number): number {
  return 2 + varintSize(count) + memberBytes;
}

export function writeInlineSet(target: Buffer, at: number, set: InlineSetParts): void {
  target[at] = INLINE;
  target[at + 1] = set.form;
  let offset = writeVarint(target, at + 2, set.members.size);
  for (const member of set.members) offset = writeSized(target, offset, member);
}

export interface DecodedInlineSet {
  readonly members: Set<Bytes>;
  readonly form: SetForm;
  /** The sum of `memberSize`. */
  readonly memberBytes: number;
}

/** Throws CorruptRecord. */
export function readInlineSet(payload: Bytes): DecodedInlineSet {
  const reader = new PayloadReader(payload, 1, corrupt);
  const form = readForm(reader.byte());
  const count = reader.varint();
  const members = new Set<Bytes>();
  const membersAt = reader.at;
  for (let index = 0; index < count; index++) members.add(reader.sized());
  reader.end();
  if (members.size !== count) throw corrupt();
  return { members, form, memberBytes: payload.length - membersAt };
}

export interface ExplodedSetParts {
  readonly home: HomeAddress;
  readonly form: SetForm;
  readonly count: number;
}

export function writeExplodedSet(target: Buffer, at: number, set: ExplodedSetParts): void {
  const offset = writeHome(target, at, set.home);
  target[offset] = set.form;
  target.writeUIntBE(set.count, offset + 1, 6);
}

/** Throws CorruptRecord. */
export function readExplodedSet(payload: Bytes): Omit<ExplodedSetParts, "home"> {
  if (payload.length !== EXPLODED_SET_SIZE) throw corrupt();
  return {
    form: readForm(payload.charCodeAt(HOME_SIZE)),
    count: readU48(payload, HOME_SIZE + 1),
  };
}

function readForm(flags: number): SetForm {
  if (flags === INTSET || flags === LISTPACK || flags === TABLE) return flags;
  throw new CorruptRecord(`set flags ${flags}`);
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a set does not decode");
}
