// A list, version 1 (docs/encoding.md, "List").
//
//   inline      0 flags:u8 texts
//   exploded    1 slot:u16 id:u48 flags:u8 count:u48 packed:u48
//               head:sized head count:varint tail:sized tail count:varint directory
//   node        subkey: its place, value: flags:u8 texts
//   texts       count:varint text:sized ...
//
// Flag of the whole: 1 = OBJECT ENCODING says "quicklist". Flags of a node are 0. `head` and `tail` are
// the subkeys of the nodes at the ends, the same one when there is no other; their counts stand here so
// that pushing and popping does not touch the directory, which knows the nodes between them.
// `packed` is what the texts would take as entries of a listpack: Redis's conversions go by it.

import type { Bytes } from "../base/bytes.ts";
import { HOME_SIZE, INLINE, writeHome, type HomeAddress } from "./collection.ts";
import { readU48 } from "./key.ts";
import { CorruptRecord } from "./record.ts";
import { PayloadReader, sizedSize, varintSize, writeSized, writeVarint } from "./varint.ts";

export const FLAG_QUICKLIST = 1;
const INLINE_HEADER_SIZE = 2;
const NODE_HEADER_SIZE = 1;
const EXPLODED_HEADER_SIZE = HOME_SIZE + 13;

/** What is written of a row of texts, in order. */
export interface TextRow {
  readonly length: number;
  at(index: number): Bytes;
}

export interface DecodedTexts {
  readonly texts: Bytes[];
  /** The sum of `sizedSize` over them. */
  readonly textBytes: number;
}

export { sizedSize as textSize };

export function inlineSize(count: number, textBytes: number): number {
  return INLINE_HEADER_SIZE + varintSize(count) + textBytes;
}

export function writeInlineList(
  target: Buffer,
  at: number,
  list: { readonly texts: TextRow; readonly isQuicklist: boolean },
): void {
  target[at] = INLINE;
  target[at + 1] = list.isQuicklist ? FLAG_QUICKLIST : 0;
  writeTexts(target, at + INLINE_HEADER_SIZE, list.texts);
}

/** Throws CorruptRecord. */
export function readInlineList(payload: Bytes): DecodedTexts & { readonly isQuicklist: boolean } {
  const isQuicklist = readFlags(payload.charCodeAt(1));
  const { texts, textBytes } = readTexts(payload, INLINE_HEADER_SIZE);
  return { texts, textBytes, isQuicklist };
}

export function nodeSize(count: number, textBytes: number): number {
  return NODE_HEADER_SIZE + varintSize(count) + textBytes;
}

export function writeNode(target: Buffer, at: number, texts: TextRow): void {
  target[at] = 0;
  writeTexts(target, at + NODE_HEADER_SIZE, texts);
}

/** Throws CorruptRecord. */
export function readNode(value: Bytes): DecodedTexts {
  if (value.charCodeAt(0) !== 0) throw new CorruptRecord("flags of a node of a list");
  const decoded = readTexts(value, NODE_HEADER_SIZE);
  if (decoded.texts.length === 0) throw corrupt();
  return decoded;
}

function writeTexts(target: Buffer, at: number, texts: TextRow): void {
  const { length } = texts;
  let offset = writeVarint(target, at, length);
  for (let index = 0; index < length; index++) offset = writeSized(target, offset, texts.at(index));
}

/** All that is behind `at`. Hot when a cold list is read, hence by hand. */
function readTexts(source: Bytes, at: number): DecodedTexts {
  const reader = new PayloadReader(source, at, corrupt);
  const count = reader.varint();
  const start = reader.at;
  const end = source.length;
  const texts: Bytes[] = [];
  let offset = start;
  while (offset < end) {
    let size = source.charCodeAt(offset);
    if (size < 0x80) {
      offset++;
    } else {
      reader.at = offset;
      size = reader.varint();
      offset = reader.at;
    }
    if (offset + size > end) throw corrupt();
    texts.push(source.slice(offset, offset + size));
    offset += size;
  }
  if (texts.length !== count) throw corrupt();
  return { texts, textBytes: end - start };
}

export interface NodeRef {
  readonly key: Bytes;
  readonly count: number;
}

export interface ExplodedListParts {
  readonly isQuicklist: boolean;
  readonly count: number;
  readonly packedBytes: number;
  readonly head: NodeRef;
  readonly tail: NodeRef;
}

export function explodedSize(list: ExplodedListParts): number {
  return EXPLODED_HEADER_SIZE + refSize(list.head) + refSize(list.tail);
}

function refSize({ key, count }: NodeRef): number {
  return sizedSize(key) + varintSize(count);
}

/** Returns the offset after it, where the directory goes. */
export function writeExplodedList(
  target: Buffer,
  at: number,
  list: ExplodedListParts & { readonly home: HomeAddress },
): number {
  let offset = writeHome(target, at, list.home);
  target[offset++] = list.isQuicklist ? FLAG_QUICKLIST : 0;
  target.writeUIntBE(list.count, offset, 6);
  target.writeUIntBE(list.packedBytes, offset + 6, 6);
  offset += 12;
  for (const { key, count } of [list.head, list.tail]) {
    offset = writeVarint(target, writeSized(target, offset, key), count);
  }
  return offset;
}

/** What stands behind the ends, from `directoryAt` on, is the directory's. Throws CorruptRecord. */
export function readExplodedList(
  payload: Bytes,
): ExplodedListParts & { readonly directoryAt: number } {
  if (payload.length < EXPLODED_HEADER_SIZE) throw corrupt();
  const isQuicklist = readFlags(payload.charCodeAt(HOME_SIZE));
  const count = readU48(payload, HOME_SIZE + 1);
  const packedBytes = readU48(payload, HOME_SIZE + 7);
  const reader = new PayloadReader(payload, EXPLODED_HEADER_SIZE, corrupt);
  const head = { key: reader.sized(), count: reader.varint() };
  const tail = { key: reader.sized(), count: reader.varint() };
  const isOne = head.key === tail.key;
  const inEnds = isOne ? head.count : head.count + tail.count;
  if (head.key > tail.key || head.count < 1 || tail.count < 1 || inEnds > count) throw corrupt();
  if (isOne && (head.count !== tail.count || head.count !== count)) throw corrupt();
  return { isQuicklist, count, packedBytes, head, tail, directoryAt: reader.at };
}

function readFlags(flags: number): boolean {
  if (flags !== 0 && flags !== FLAG_QUICKLIST) throw new CorruptRecord(`list flags ${flags}`);
  return flags === FLAG_QUICKLIST;
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a list does not decode");
}
