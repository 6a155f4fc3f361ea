// A list in Redis's dumps. Written is type 18: a length and as many nodes, each a length that tells what it
// is (1: one text, 2: a listpack) and a string that holds it. Read are, beside it, what older servers wrote:
// type 1, a length and as many strings; type 10, a string that holds a ziplist; type 14, a length and as
// many of these.

import type { Bytes } from "../base/bytes.ts";
import { decodeListpack, encodeListpack } from "./listpack.ts";
import {
  BadDump,
  decodeString,
  encodeLength,
  encodeString,
  type DumpReader,
} from "./rdb-string.ts";
import { LIST } from "./record.ts";
import { decodeZiplist } from "./ziplist.ts";

const TYPE_STRINGS = 1;
const TYPE_ZIPLIST = 10;
const TYPE_ZIPLISTS = 14;
const TYPE_NODES = 18;
const NODE_PLAIN = 1;
const NODE_LISTPACK = 2;
/** About what Redis puts in a node as it comes; any size is read. */
const NODE_BYTES_MAX = 8000;

export interface DumpedList {
  readonly kind: typeof LIST;
  readonly texts: readonly Bytes[];
}

export function encode({ texts }: DumpedList): Bytes {
  const nodes: Bytes[] = [];
  let from = 0;
  let bytes = 0;
  const add = (to: number): void => {
    const listpack = encodeListpack(texts.slice(from, to));
    nodes.push(encodeLength(NODE_LISTPACK) + encodeString(listpack));
    from = to;
    bytes = 0;
  };
  for (const [index, text] of texts.entries()) {
    if (index > from && bytes + text.length > NODE_BYTES_MAX) add(index);
    bytes += text.length + 2;
  }
  add(texts.length);
  return String.fromCharCode(TYPE_NODES) + encodeLength(nodes.length) + nodes.join("");
}

/** Null for a type that is not a list. Throws BadDump. */
export function decode(type: number, reader: DumpReader): DumpedList | null {
  const texts = textsOf(type, reader);
  if (texts === null) return null;
  if (texts.length === 0) throw new BadDump("format");
  return { kind: LIST, texts };
}

function textsOf(type: number, reader: DumpReader): readonly Bytes[] | null {
  switch (type) {
    case TYPE_STRINGS:
      return several(reader, () => [decodeString(reader)]);
    case TYPE_ZIPLIST:
      return decoded(decodeZiplist(decodeString(reader)));
    case TYPE_ZIPLISTS:
      return several(reader, () => decoded(decodeZiplist(decodeString(reader))));
    case TYPE_NODES:
      return several(reader, () => nodeOf(reader));
    default:
      return null;
  }
}

function several(reader: DumpReader, next: () => readonly Bytes[]): Bytes[] {
  const texts: Bytes[] = [];
  for (let left = reader.size(); left > 0; left--) {
    for (const text of next()) texts.push(text);
  }
  return texts;
}

function nodeOf(reader: DumpReader): readonly Bytes[] {
  const container = reader.size();
  const value = decodeString(reader);
  if (container === NODE_PLAIN) return [value];
  return decoded(container === NODE_LISTPACK ? decodeListpack(value) : null);
}

function decoded(texts: readonly Bytes[] | null): readonly Bytes[] {
  if (texts === null) throw new BadDump("format");
  return texts;
}
