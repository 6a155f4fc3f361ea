// A node of a stream: entries that follow each other, in one value (docs/encoding.md, "Stream").
//
//   live:u32 deleted:u32 listpack:u32 last id (16 bytes)
//   count:varint, then so many field names: sized
//   entries: flags:u8 size:varint id body, the size being that of id and body
//
//   id     milliseconds since those of the node's first ID:varint, sequence:varint
//          with flag 4: 16 bytes, for parts beyond 2^53
//   body   with flag 2, a value for each of the node's field names: sized
//          without it, count:varint and so many fields and values: sized
//
// Flag 1 marks an entry that was deleted; it goes when the whole node does. `listpack` is what the node
// would take in Redis without its two counters: there it decides when a node is full.
//
// In memory the entries are these bytes in a buffer that grows: an entry is appended at its end, which is
// taken back by cutting it, and encoding a node is copying it.

import type { Bytes } from "../base/bytes.ts";
import { integerEntrySize, LISTPACK_FRAME_SIZE, textEntrySize } from "./listpack-size.ts";
import { CorruptRecord } from "./record.ts";
import { compareIds, idBytes, partOf, readId, STREAM_ID_SIZE, type StreamId } from "./stream-id.ts";
import {
  PayloadReader,
  sizedSize,
  varintSize,
  writeBytes,
  writeSized,
  writeVarint,
} from "./varint.ts";
import { readU32 } from "./key.ts";

const FLAG_DELETED = 1;
const FLAG_SAME_FIELDS = 2;
const FLAG_WIDE_ID = 4;
const FLAGS_KNOWN = FLAG_DELETED | FLAG_SAME_FIELDS | FLAG_WIDE_ID;
const COUNTS_SIZE = 12;
const HEADER_SIZE = COUNTS_SIZE + STREAM_ID_SIZE;
const CAPACITY_MIN = 256;
/** What a node costs in memory beside its bytes. */
const NODE_OVERHEAD_BYTES = 300;
const FLAGS_ENTRY_SIZE = 2;

/** What `append` changes, to be given to `cutTo` to take it back. */
export interface NodeEnd {
  readonly size: number;
  readonly last: StreamId;
  readonly listpackBody: number;
}

/** Fields and values in turn, from a position of a list on. */
export interface Pairs {
  readonly texts: readonly Bytes[];
  readonly from: number;
}

export class StreamNode {
  readonly first: StreamId;
  readonly fields: readonly Bytes[];
  live = 0;
  deleted = 0;
  /** The ID of the last entry, deleted or not. */
  last: StreamId;
  /** Bytes of the listpack but for its frame and the counters of live and deleted entries. */
  listpackBody: number;
  #entries: Buffer;
  #size = 0;
  readonly #fieldsSize: number;

  private constructor(first: StreamId, fields: readonly Bytes[], entries: Buffer) {
    this.first = first;
    this.last = first;
    this.fields = fields;
    this.#entries = entries;
    let size = varintSize(fields.length);
    let body = integerEntrySize(fields.length) + integerEntrySize(0);
    for (const field of fields) {
      size += sizedSize(field);
      body += textEntrySize(field);
    }
    this.#fieldsSize = size;
    this.listpackBody = body;
  }

  /** One without entries, to begin with `first`, whose fields are those of `pairs`. */
  static startedWith(first: StreamId, pairs: Pairs): StreamNode {
    const fields: Bytes[] = [];
    for (let at = pairs.from; at + 1 < pairs.texts.length; at += 2) {
      fields.push(pairs.texts[at] ?? "");
    }
    return new StreamNode(first, fields, Buffer.allocUnsafeSlow(CAPACITY_MIN));
  }

  /** One without entries, with field names that no entry need have. */
  static withFields(first: StreamId, fields: readonly Bytes[]): StreamNode {
    return new StreamNode(first, fields, Buffer.allocUnsafeSlow(CAPACITY_MIN));
  }

  /** What `writePayload` wrote. Throws CorruptRecord. */
  static read(first: StreamId, payload: Bytes): StreamNode {
    if (payload.length < HEADER_SIZE) throw corrupt();
    const reader = new PayloadReader(payload, HEADER_SIZE, corrupt);
    const fields: Bytes[] = [];
    for (let left = reader.varint(); left > 0; left--) fields.push(reader.sized());
    const entries = Buffer.from(payload.slice(reader.at), "latin1");
    const node = new StreamNode(first, fields, entries);
    node.#size = entries.length;
    node.live = readU32(payload, 0);
    node.deleted = readU32(payload, 4);
    node.listpackBody = readU32(payload, 8);
    node.last = readId(payload, COUNTS_SIZE);
    let left = node.live + node.deleted;
    for (const cursor = node.entries(); cursor.next(); left--);
    if (left !== 0) throw corrupt();
    return node;
  }

  get payloadSize(): number {
    return HEADER_SIZE + this.#fieldsSize + this.#size;
  }

  get memoryBytes(): number {
    return NODE_OVERHEAD_BYTES + this.#fieldsSize + this.#entries.length;
  }

  get count(): number {
    return this.live + this.deleted;
  }

  /** What Redis's listpack for this node would take. */
  get listpackBytes(): number {
    const counters = integerEntrySize(this.live) + integerEntrySize(this.deleted);
    return LISTPACK_FRAME_SIZE + counters + this.listpackBody;
  }

  get end(): NodeEnd {
    return { size: this.#size, last: this.last, listpackBody: this.listpackBody };
  }

  writePayload(target: Buffer, at: number): void {
    target.writeUInt32BE(this.live, at);
    target.writeUInt32BE(this.deleted, at + 4);
    target.writeUInt32BE(this.listpackBody, at + 8);
    let offset = writeBytes(target, at + COUNTS_SIZE, idBytes(this.last));
    offset = writeVarint(target, offset, this.fields.length);
    for (const field of this.fields) offset = writeSized(target, offset, field);
    this.#entries.copy(target, offset, 0, this.#size);
  }

  // Changing

  /** Adds an entry behind the last one. */
  append(id: StreamId, pairs: Pairs): void {
    const isSame = this.#hasFieldsOf(pairs);
    const isNarrow = isNarrowIn(this.first, id);
    const bodySize = bodySizeOf(pairs, isSame);
    const idSize = isNarrow ? narrowSize(this.first, id) : STREAM_ID_SIZE;
    const size = idSize + bodySize;
    this.#reserve(1 + varintSize(size) + size);
    const target = this.#entries;
    const flags = (isSame ? FLAG_SAME_FIELDS : 0) | (isNarrow ? 0 : FLAG_WIDE_ID);
    target[this.#size] = flags;
    let offset = writeVarint(target, this.#size + 1, size);
    if (isNarrow) {
      offset = writeVarint(target, offset, Number(id.ms) - Number(this.first.ms));
      offset = writeVarint(target, offset, Number(id.seq));
    } else {
      offset = writeBytes(target, offset, idBytes(id));
    }
    this.#size = writeBody(target, offset, pairs, isSame);
    this.listpackBody += listpackEntrySize(this.first, id, pairs, isSame);
    this.last = id;
    this.live++;
  }

  /** Takes back the last entry, which was appended when the node ended so. */
  cutTo(end: NodeEnd): void {
    this.#size = end.size;
    this.last = end.last;
    this.listpackBody = end.listpackBody;
    this.live--;
  }

  /** Marks the entry at this place as deleted or takes that back. */
  mark(at: number, isDeleted: boolean): void {
    const flags = this.#entries[at] ?? 0;
    this.#entries[at] = isDeleted ? flags | FLAG_DELETED : flags & ~FLAG_DELETED;
    this.live += isDeleted ? -1 : 1;
    this.deleted += isDeleted ? 1 : -1;
  }

  #reserve(more: number): void {
    const needed = this.#size + more;
    if (needed <= this.#entries.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#entries.length * 2));
    this.#entries.copy(larger, 0, 0, this.#size);
    this.#entries = larger;
  }

  #hasFieldsOf(pairs: Pairs): boolean {
    const { texts, from } = pairs;
    const { fields } = this;
    if (texts.length - from !== fields.length * 2) return false;
    for (let index = 0; index < fields.length; index++) {
      if (texts[from + index * 2] !== fields[index]) return false;
    }
    return true;
  }

  // Reading

  /** Stands before the first entry. */
  entries(): EntryCursor {
    return new EntryCursor(this, this.#entries, this.#size);
  }

  /** What Redis's listpack for this node holds. Throws CorruptRecord. */
  listpackTexts(): Bytes[] {
    const { live, deleted, fields } = this;
    const texts = [String(live), String(deleted), String(fields.length), ...fields, "0"];
    const entry = this.entries();
    while (entry.next()) {
      const isSame = entry.hasSameFields;
      const pairs = entry.pairs();
      const flags = (entry.isDeleted ? FLAG_DELETED : 0) | (isSame ? FLAG_SAME_FIELDS : 0);
      texts.push(String(flags));
      texts.push(String(signedDifference(entry.ms, this.first.ms)));
      texts.push(String(signedDifference(entry.seq, this.first.seq)));
      if (isSame) {
        for (let at = 1; at < pairs.length; at += 2) texts.push(pairs[at] ?? "");
      } else {
        texts.push(String(pairs.length / 2), ...pairs);
      }
      texts.push(String(entryLength(pairs.length / 2, isSame)));
    }
    return texts;
  }

  /** What `listpackTexts` gave; null for what is no node of a stream. */
  static fromListpack(first: StreamId, texts: readonly Bytes[]): StreamNode | null {
    const reader = new TextReader(texts);
    const [live, deleted] = [reader.count(), reader.count()];
    const node = StreamNode.withFields(first, reader.take(reader.count()));
    if (reader.text() !== "0") return null;
    while (!reader.isAtEnd) if (!node.#appendFrom(reader)) return null;
    return node.live === live && node.deleted === deleted && node.count > 0 ? node : null;
  }

  /** False where the texts are no entry. */
  #appendFrom(reader: TextReader): boolean {
    const flags = reader.count();
    if (flags > (FLAG_DELETED | FLAG_SAME_FIELDS)) return false;
    const id = { ms: reader.addedTo(this.first.ms), seq: reader.addedTo(this.first.seq) };
    const isSame = (flags & FLAG_SAME_FIELDS) !== 0;
    const pairs: Bytes[] = [];
    if (isSame) for (const field of this.fields) pairs.push(field, reader.text());
    else pairs.push(...reader.take(reader.count() * 2));
    if (reader.count() !== entryLength(pairs.length / 2, isSame)) return false;
    if (this.count > 0 && compareIds(id, this.last) <= 0) return false;
    const at = this.#size;
    this.append(id, { texts: pairs, from: 0 });
    if ((flags & FLAG_DELETED) !== 0) this.mark(at, true);
    return true;
  }

  /** The place of the entry with this ID; null when there is none that lives. */
  placeOf(id: StreamId): number | null {
    const cursor = this.entries();
    while (cursor.next()) {
      if (cursor.ms === id.ms && cursor.seq === id.seq) return cursor.isDeleted ? null : cursor.at;
    }
    return null;
  }
}

/** Goes from entry to entry of a node that does not change meanwhile, but for marks. */
export class EntryCursor {
  readonly #node: StreamNode;
  readonly #entries: Buffer;
  readonly #end: number;
  #after = 0;
  #bodyAt = 0;
  /** Where the entry is. */
  at = 0;
  #flags = 0;
  ms: number | bigint = 0;
  seq: number | bigint = 0;
  #read = 0;

  constructor(node: StreamNode, entries: Buffer, end: number) {
    this.#node = node;
    this.#entries = entries;
    this.#end = end;
  }

  get isDeleted(): boolean {
    return (this.#flags & FLAG_DELETED) !== 0;
  }

  get hasSameFields(): boolean {
    return (this.#flags & FLAG_SAME_FIELDS) !== 0;
  }

  get id(): StreamId {
    return { ms: this.ms, seq: this.seq };
  }

  /** False at the end. Throws CorruptRecord. */
  next(): boolean {
    if (this.#after >= this.#end) return false;
    this.goTo(this.#after);
    return true;
  }

  /** To an entry whose place was seen before. */
  goTo(at: number): void {
    this.at = at;
    const flags = this.#entries[at] ?? 0;
    this.#flags = flags;
    this.#read = at + 1;
    const size = this.#varint();
    this.#after = this.#read + size;
    if ((flags & ~FLAGS_KNOWN) !== 0 || this.#after > this.#end) throw corrupt();
    if ((flags & FLAG_WIDE_ID) === 0) {
      this.ms = Number(this.#node.first.ms) + this.#varint();
      this.seq = this.#varint();
    } else {
      const id = readId(this.#take(STREAM_ID_SIZE), 0);
      this.ms = id.ms;
      this.seq = id.seq;
    }
    this.#bodyAt = this.#read;
  }

  /** Fields and values in turn. Throws CorruptRecord. */
  pairs(): Bytes[] {
    this.#read = this.#bodyAt;
    const pairs: Bytes[] = [];
    if (this.hasSameFields) {
      for (const field of this.#node.fields) pairs.push(field, this.#take(this.#varint()));
    } else {
      for (let left = this.#varint() * 2; left > 0; left--) pairs.push(this.#take(this.#varint()));
    }
    if (this.#read !== this.#after) throw corrupt();
    return pairs;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      if (this.#read >= this.#end) throw corrupt();
      const byte = this.#entries[this.#read++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
      if (scale > Number.MAX_SAFE_INTEGER) throw corrupt();
    }
  }

  #take(size: number): Bytes {
    const end = this.#read + size;
    if (end > this.#after) throw corrupt();
    const bytes = this.#entries.latin1Slice(this.#read, end);
    this.#read = end;
    return bytes;
  }
}

const NUMBER = /^-?\d{1,19}$/;

/** Reads what stands in a listpack; at its end, and for what is no number, it reads what fits nowhere. */
class TextReader {
  readonly #texts: readonly Bytes[];
  #at = 0;

  constructor(texts: readonly Bytes[]) {
    this.#texts = texts;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#texts.length;
  }

  text(): Bytes {
    return this.#texts[this.#at++] ?? "";
  }

  count(): number {
    const text = this.text();
    return NUMBER.test(text) && !text.startsWith("-") ? Number(text) : Infinity;
  }

  take(count: number): readonly Bytes[] {
    const from = this.#at;
    this.#at = from + count;
    return this.#texts.slice(from, this.#at);
  }

  /** A difference of 64 bits with sign, put to a part of an ID. */
  addedTo(part: number | bigint): number | bigint {
    const text = this.text();
    return NUMBER.test(text) ? partOf(BigInt.asUintN(64, BigInt(part) + BigInt(text))) : 0;
  }
}

function isNarrowIn(first: StreamId, id: StreamId): boolean {
  return (
    typeof first.ms === "number" &&
    typeof id.ms === "number" &&
    typeof id.seq === "number" &&
    id.ms >= first.ms
  );
}

function narrowSize(first: StreamId, id: StreamId): number {
  return varintSize(Number(id.ms) - Number(first.ms)) + varintSize(Number(id.seq));
}

function bodySizeOf({ texts, from }: Pairs, isSame: boolean): number {
  let size = isSame ? 0 : varintSize((texts.length - from) / 2);
  for (let at = isSame ? from + 1 : from; at < texts.length; at += isSame ? 2 : 1) {
    size += sizedSize(texts[at] ?? "");
  }
  return size;
}

function writeBody(target: Buffer, at: number, { texts, from }: Pairs, isSame: boolean): number {
  let offset = isSame ? at : writeVarint(target, at, (texts.length - from) / 2);
  for (let index = isSame ? from + 1 : from; index < texts.length; index += isSame ? 2 : 1) {
    offset = writeSized(target, offset, texts[index] ?? "");
  }
  return offset;
}

/** What an entry adds to Redis's listpack. */
function listpackEntrySize(
  first: StreamId,
  id: StreamId,
  { texts, from }: Pairs,
  isSame: boolean,
): number {
  const fieldCount = (texts.length - from) / 2;
  let size = FLAGS_ENTRY_SIZE;
  size += integerEntrySize(signedDifference(id.ms, first.ms));
  size += integerEntrySize(signedDifference(id.seq, first.seq));
  if (!isSame) size += integerEntrySize(fieldCount);
  for (let at = isSame ? from + 1 : from; at < texts.length; at += isSame ? 2 : 1) {
    size += textEntrySize(texts[at] ?? "");
  }
  return size + integerEntrySize(entryLength(fieldCount, isSame));
}

/** How many elements of Redis's listpack an entry has before the one that says so. */
export function entryLength(fieldCount: number, isSame: boolean): number {
  return isSame ? fieldCount + 3 : fieldCount * 2 + 4;
}

/** Of two numbers without sign, as a number with sign of 64 bits. */
export function signedDifference(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return BigInt.asIntN(64, BigInt(a) - BigInt(b));
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a node of a stream does not decode");
}
