// A hash in Redis's dumps: type 4, a length and as many fields and values, all strings; type 16, a string
// that holds a listpack of them; read only: type 13, a string that holds a ziplist.

import type { Bytes } from "../base/bytes.ts";
import { decodeListpack, encodeListpack } from "./listpack.ts";
import {
  BadDump,
  decodeString,
  encodeLength,
  encodeString,
  type DumpReader,
} from "./rdb-string.ts";
import { HASH } from "./record.ts";
import { decodeZiplist } from "./ziplist.ts";

const TYPE_TABLE = 4;
const TYPE_ZIPLIST = 13;
const TYPE_LISTPACK = 16;

export interface DumpedHash {
  readonly kind: typeof HASH;
  /** Fields and values in turn. */
  readonly flat: readonly Bytes[];
  /** Whether a listpack is written; either is read. */
  readonly isPacked: boolean;
}

export function encode({ flat, isPacked }: DumpedHash): Bytes {
  if (isPacked) return String.fromCharCode(TYPE_LISTPACK) + encodeString(encodeListpack(flat));
  const parts = [String.fromCharCode(TYPE_TABLE) + encodeLength(flat.length / 2)];
  for (const text of flat) parts.push(encodeString(text));
  return parts.join("");
}

/** Null for a type that is not a hash. Throws BadDump. */
export function decode(type: number, reader: DumpReader): DumpedHash | null {
  switch (type) {
    case TYPE_TABLE: {
      const flat: Bytes[] = [];
      for (let left = reader.size() * 2; left > 0; left--) flat.push(decodeString(reader));
      return { kind: HASH, flat: checkedPairs(flat), isPacked: false };
    }
    case TYPE_LISTPACK:
      return packed(decodeListpack(decodeString(reader)));
    case TYPE_ZIPLIST:
      return packed(decodeZiplist(decodeString(reader)));
    default:
      return null;
  }
}

function packed(flat: readonly Bytes[] | null): DumpedHash {
  if (flat === null) throw new BadDump("format");
  return { kind: HASH, flat: checkedPairs(flat), isPacked: true };
}

/** Fields and values in turn, none missing, no field twice, at least one. Throws BadDump. */
function checkedPairs(flat: readonly Bytes[]): readonly Bytes[] {
  const fields = new Set(flat.filter((_, index) => index % 2 === 0));
  if (flat.length === 0 || flat.length % 2 !== 0 || fields.size * 2 !== flat.length) {
    throw new BadDump("format");
  }
  return flat;
}
