// A set in Redis's dumps: type 2, a length and as many members; type 11, a string that holds an intset
// (intset.ts); type 20, which is read and not written, for Redis 7.0 does not know it: a string that holds
// a listpack.

import type { Bytes } from "../base/bytes.ts";
import { decodeIntset, encodeIntset } from "./intset.ts";
import { decodeListpack } from "./listpack.ts";
import {
  BadDump,
  decodeString,
  encodeLength,
  encodeString,
  type DumpReader,
} from "./rdb-string.ts";
import { SET } from "./record.ts";
import { INTSET, LISTPACK, TABLE, type SetForm } from "./set.ts";

const TYPE_TABLE = 2;
const TYPE_INTSET = 11;
const TYPE_LISTPACK = 20;

export interface DumpedSet {
  readonly kind: typeof SET;
  readonly members: readonly Bytes[];
  /** An intset is written as one, its members in order of their size; any other as a plain set. */
  readonly form: SetForm;
}

export function encode({ members, form }: DumpedSet): Bytes {
  if (form === INTSET)
    return String.fromCharCode(TYPE_INTSET) + encodeString(encodeIntset(members));
  const parts = [String.fromCharCode(TYPE_TABLE) + encodeLength(members.length)];
  for (const member of members) parts.push(encodeString(member));
  return parts.join("");
}

/** Null for a type that is not a set. Throws BadDump. */
export function decode(type: number, reader: DumpReader): DumpedSet | null {
  switch (type) {
    case TYPE_TABLE: {
      const members: Bytes[] = [];
      for (let left = reader.size(); left > 0; left--) members.push(decodeString(reader));
      return checked(members, TABLE);
    }
    case TYPE_INTSET:
      return checked(decodeIntset(decodeString(reader)), INTSET);
    case TYPE_LISTPACK:
      return checked(decodeListpack(decodeString(reader)), LISTPACK);
    default:
      return null;
  }
}

/** At least one member, and none twice. Throws BadDump. */
function checked(members: readonly Bytes[] | null, form: SetForm): DumpedSet {
  if (members === null || members.length === 0 || new Set(members).size !== members.length) {
    throw new BadDump("format");
  }
  return { kind: SET, members, form };
}
