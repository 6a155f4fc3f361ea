// A stream, version 1 (docs/encoding.md, "Stream"): its header, and the keys of its parts. The parts are
// the same in both forms: small ones stand one after the other in the record, in the order of their
// keys; those of an exploded stream are elements. Nodes are in stream-node.ts, what groups keep in
// stream-group.ts.
//
//   inline     0 header count:varint, then for each part subkey:sized value:sized
//   exploded   1 slot:u16 id:u48 header, then the subkeys' IDs of the first and the last node
//   header     flags:u8 length:varint nodes:varint added:varint groups:varint next group:varint
//              last ID, first ID, greatest deleted ID (16 bytes each)
//
//   part            subkey                                       value
//   node            0 first ID                                   stream-node.ts
//   group           1 name                                       stream-group.ts
//   consumer        2 group:u32 consumer:u32                     as well
//   pending entry   3 group:u32 entry's ID                       as well
//   consumer's name 4 group:u32 name                             consumer:u32
//
// In the store `order`, for each pending entry of an exploded stream: group:u32 consumer:u32 ID, value "".

import type { Bytes } from "../base/bytes.ts";
import { HOME_SIZE, INLINE, writeHome, type HomeAddress } from "./collection.ts";
import { readU32, u32 } from "./key.ts";
import { CorruptRecord } from "./record.ts";
import { ID_MIN, idBytes, readId, STREAM_ID_SIZE, type StreamId } from "./stream-id.ts";
import { PayloadReader, varintSize, writeBytes, writeSized, writeVarint } from "./varint.ts";

/** What is kept of the whole. Never changed, but replaced. */
export interface StreamHeader {
  /** Entries that live. */
  readonly length: number;
  readonly nodeCount: number;
  /** Entries ever added. */
  readonly added: number;
  readonly groupCount: number;
  /** Given to the next group; no group of this stream had it. */
  readonly nextGroupId: number;
  readonly last: StreamId;
  /** Of the first entry that lives; 0-0 when there is none. */
  readonly first: StreamId;
  readonly maxDeleted: StreamId;
  /** Subkeys of the first and the last node; "" when there is none. */
  readonly head: Bytes;
  readonly tail: Bytes;
}

export const EMPTY_HEADER: StreamHeader = {
  length: 0,
  nodeCount: 0,
  added: 0,
  groupCount: 0,
  nextGroupId: 1,
  last: ID_MIN,
  first: ID_MIN,
  maxDeleted: ID_MIN,
  head: "",
  tail: "",
};

const FLAGS = 0;
const IDS_SIZE = 3 * STREAM_ID_SIZE;

export const NODE = "\0";
export const GROUP = "\x01";
export const CONSUMER = "\x02";
export const PENDING = "\x03";
export const CONSUMER_NAME = "\x04";
/** The first subkey after all nodes; likewise for the others. */
export const AFTER_NODES = GROUP;
export const AFTER_GROUPS = CONSUMER;

export function nodeSubkey(first: StreamId): Bytes {
  return NODE + idBytes(first);
}

/** The first ID of the node. Throws CorruptRecord. */
export function nodeFirst(subkey: Bytes): StreamId {
  if (subkey.length !== 1 + STREAM_ID_SIZE) throw corrupt();
  return readId(subkey, 1);
}

export function groupSubkey(name: Bytes): Bytes {
  return GROUP + name;
}

export function nameOfGroup(subkey: Bytes): Bytes {
  return subkey.slice(1);
}

export function consumerPrefix(groupId: number): Bytes {
  return CONSUMER + u32(groupId);
}

export function consumerSubkey(groupId: number, consumerId: number): Bytes {
  return CONSUMER + u32(groupId) + u32(consumerId);
}

export function pendingPrefix(groupId: number): Bytes {
  return PENDING + u32(groupId);
}

export function pendingSubkey(groupId: number, id: StreamId): Bytes {
  return PENDING + u32(groupId) + idBytes(id);
}

export function groupOfPending(subkey: Bytes): number {
  return readU32(subkey, 1);
}

/** The ID at the end of a pending entry's subkey, in either store. */
export function pendingId(subkey: Bytes): StreamId {
  return readId(subkey, subkey.length - STREAM_ID_SIZE);
}

export function consumerNamePrefix(groupId: number): Bytes {
  return CONSUMER_NAME + u32(groupId);
}

export function consumerNameSubkey(groupId: number, name: Bytes): Bytes {
  return CONSUMER_NAME + u32(groupId) + name;
}

/** In the store `order`. */
export function ownedPrefix(groupId: number, consumerId: number): Bytes {
  return u32(groupId) + u32(consumerId);
}

/** In the store `order`. */
export function ownedSubkey(groupId: number, consumerId: number, id: StreamId): Bytes {
  return u32(groupId) + u32(consumerId) + idBytes(id);
}

function headerSize(header: StreamHeader): number {
  return (
    1 +
    varintSize(header.length) +
    varintSize(header.nodeCount) +
    varintSize(header.added) +
    varintSize(header.groupCount) +
    varintSize(header.nextGroupId) +
    IDS_SIZE
  );
}

function writeHeader(target: Buffer, at: number, header: StreamHeader): number {
  target[at] = FLAGS;
  let offset = writeVarint(target, at + 1, header.length);
  offset = writeVarint(target, offset, header.nodeCount);
  offset = writeVarint(target, offset, header.added);
  offset = writeVarint(target, offset, header.groupCount);
  offset = writeVarint(target, offset, header.nextGroupId);
  offset = writeBytes(target, offset, idBytes(header.last));
  offset = writeBytes(target, offset, idBytes(header.first));
  return writeBytes(target, offset, idBytes(header.maxDeleted));
}

function readHeader(reader: PayloadReader): StreamHeader {
  if (reader.byte() !== FLAGS) throw corrupt();
  return {
    length: reader.varint(),
    nodeCount: reader.varint(),
    added: reader.varint(),
    groupCount: reader.varint(),
    nextGroupId: reader.varint(),
    last: readId(reader.take(STREAM_ID_SIZE), 0),
    first: readId(reader.take(STREAM_ID_SIZE), 0),
    maxDeleted: readId(reader.take(STREAM_ID_SIZE), 0),
    head: "",
    tail: "",
  };
}

/** What a part holds: bytes, or what writes itself. */
export interface WritablePart {
  readonly subkey: Bytes;
  readonly content: Bytes | { payloadSize: number; writePayload(target: Buffer, at: number): void };
}

export function contentSize(content: WritablePart["content"]): number {
  return typeof content === "string" ? content.length : content.payloadSize;
}

/** Bytes of a part in an inline payload, given the size of its content. */
export function partSize(subkey: Bytes, size: number): number {
  return varintSize(subkey.length) + subkey.length + varintSize(size) + size;
}

/** The payload's size, given the sum of `partSize`. */
export function inlineSize(header: StreamHeader, partCount: number, partBytes: number): number {
  return 1 + headerSize(header) + varintSize(partCount) + partBytes;
}

export function writeInlineStream(
  target: Buffer,
  at: number,
  stream: { readonly header: StreamHeader; readonly parts: readonly WritablePart[] },
): void {
  target[at] = INLINE;
  let offset = writeHeader(target, at + 1, stream.header);
  offset = writeVarint(target, offset, stream.parts.length);
  for (const { subkey, content } of stream.parts) {
    offset = writeSized(target, offset, subkey);
    const size = contentSize(content);
    offset = writeVarint(target, offset, size);
    if (typeof content === "string") writeBytes(target, offset, content);
    else content.writePayload(target, offset);
    offset += size;
  }
}

export interface StoredPart {
  readonly subkey: Bytes;
  readonly value: Bytes;
}

/** Throws CorruptRecord. */
export function readInlineStream(payload: Bytes): {
  readonly header: StreamHeader;
  readonly parts: readonly StoredPart[];
} {
  const reader = new PayloadReader(payload, 1, corrupt);
  const header = readHeader(reader);
  const parts: StoredPart[] = [];
  let head = "";
  let tail = "";
  let before = "";
  for (let left = reader.varint(); left > 0; left--) {
    const subkey = reader.sized();
    if (subkey <= before) throw corrupt();
    before = subkey;
    parts.push({ subkey, value: reader.sized() });
    if (subkey >= AFTER_NODES) continue;
    if (head === "") head = subkey;
    tail = subkey;
  }
  reader.end();
  return { header: { ...header, head, tail }, parts };
}

export function explodedSize(header: StreamHeader): number {
  return HOME_SIZE + headerSize(header) + 2 * STREAM_ID_SIZE;
}

export function writeExplodedStream(
  target: Buffer,
  at: number,
  stream: { readonly home: HomeAddress; readonly header: StreamHeader },
): void {
  const { header } = stream;
  const offset = writeHeader(target, writeHome(target, at, stream.home), header);
  const after = writeBytes(target, offset, nodeIdOf(header.head));
  writeBytes(target, after, nodeIdOf(header.tail));
}

function nodeIdOf(subkey: Bytes): Bytes {
  return subkey === "" ? idBytes(ID_MIN) : subkey.slice(1);
}

/** Throws CorruptRecord. */
export function readExplodedStream(payload: Bytes): StreamHeader {
  const reader = new PayloadReader(payload, HOME_SIZE, corrupt);
  const header = readHeader(reader);
  const head = NODE + reader.take(STREAM_ID_SIZE);
  const tail = NODE + reader.take(STREAM_ID_SIZE);
  reader.end();
  return header.nodeCount === 0 ? header : { ...header, head, tail };
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a stream does not decode");
}
