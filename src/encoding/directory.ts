// A page of a counted directory, version 1 (docs/encoding.md, "Counted directory"):
//
//   level:u8 entries:varint, then for each entry key:sized count:varint [page:varint if level > 0]
//
// Keys ascend. At level 0 an entry is a node and how many elements it has; above, it is a page of the
// level below, a key that none of its nodes is before, and how many elements they have together. Pages
// but the root stand among the elements of their collection, under a prefix that the kind chooses:
//
//   prefix page:u32        a page
//
// The root is in the collection's record: next page:varint, then a page.

import type { Bytes } from "../base/bytes.ts";
import { u32 } from "./key.ts";
import { CorruptRecord } from "./record.ts";
import { PayloadReader, sizedSize, varintSize, writeSized, writeVarint } from "./varint.ts";

const LEVEL_MAX = 16;

export interface PageParts {
  readonly level: number;
  readonly keys: readonly Bytes[];
  /** Elements of each entry: at least one. */
  readonly counts: readonly number[];
  /** The page of each entry; empty at level 0. */
  readonly pages: readonly number[];
}

export interface RootParts {
  readonly nextPage: number;
  readonly root: DecodedPage;
}

export interface DecodedPage {
  readonly level: number;
  readonly keys: Bytes[];
  readonly counts: number[];
  readonly pages: number[];
}

export function pageSubkey(prefix: Bytes, page: number): Bytes {
  return prefix + u32(page);
}

export function pageSize(page: PageParts): number {
  const { keys, counts, pages } = page;
  let size = 1 + varintSize(keys.length);
  for (const key of keys) size += sizedSize(key);
  for (const count of counts) size += varintSize(count);
  for (const child of pages) size += varintSize(child);
  return size;
}

/** Writes `pageSize` bytes and returns the offset after them. */
export function writePage(target: Buffer, at: number, page: PageParts): number {
  const { level, keys, counts, pages } = page;
  target[at] = level;
  let offset = writeVarint(target, at + 1, keys.length);
  for (const [index, key] of keys.entries()) {
    offset = writeSized(target, offset, key);
    offset = writeVarint(target, offset, counts[index] ?? 0);
    if (level > 0) offset = writeVarint(target, offset, pages[index] ?? 0);
  }
  return offset;
}

/** The page of an element. Throws CorruptRecord. */
export function readPage(bytes: Bytes): DecodedPage {
  const reader = new PayloadReader(bytes, 0, corrupt);
  const page = readPageFrom(reader);
  reader.end();
  if (page.keys.length === 0) throw corrupt();
  return page;
}

function readPageFrom(reader: PayloadReader): DecodedPage {
  const level = reader.byte();
  if (level > LEVEL_MAX) throw corrupt();
  const size = reader.varint();
  const keys: Bytes[] = [];
  const counts: number[] = [];
  const pages: number[] = [];
  let before: Bytes | null = null;
  for (let index = 0; index < size; index++) {
    const key = reader.sized();
    if (before !== null && key <= before) throw corrupt();
    before = key;
    keys.push(key);
    const count = reader.varint();
    if (count === 0) throw corrupt();
    counts.push(count);
    if (level > 0) pages.push(reader.varint());
  }
  return { level, keys, counts, pages };
}

export function rootSize(nextPage: number, root: PageParts): number {
  return varintSize(nextPage) + pageSize(root);
}

/** Writes `rootSize` bytes and returns the offset after them. */
export function writeRoot(target: Buffer, at: number, nextPage: number, root: PageParts): number {
  return writePage(target, writeVarint(target, at, nextPage), root);
}

/** What `writeRoot` wrote. Throws CorruptRecord. */
export function readRoot(reader: PayloadReader): RootParts {
  const nextPage = reader.varint();
  const root = readPageFrom(reader);
  if (root.pages.some((page) => page >= nextPage)) throw corrupt();
  return { nextPage, root };
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a page of a directory does not decode");
}
