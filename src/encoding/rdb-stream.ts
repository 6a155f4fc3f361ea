// A stream in Redis's dumps: types 15, 19 (written) and 21, which differ in what they tell beside the rest.
//
//   nodes:length, for each: first ID (16 bytes, as a string) and a listpack, as a string
//   length:length last ID, [19: first ID, greatest deleted ID, entries added:length]
//   groups:length, for each:
//     name last ID [19: entries read:length]
//     pending:length, for each: ID (16 bytes) delivered:u64le deliveries:length
//     consumers:length, for each:
//       name seen:u64le [21: active:u64le] pending:length, for each: ID (16 bytes)
//
// Where nothing else is said an ID is two lengths. Lengths have up to 64 bits; entries read that are not
// known are all ones. What a listpack of a stream holds: StreamNode.listpackTexts.

import type { Bytes } from "../base/bytes.ts";
import { decodeListpack, encodeListpack } from "./listpack.ts";
import {
  BadDump,
  decodeString,
  encodeLength,
  encodeString,
  type DumpReader,
} from "./rdb-string.ts";
import { STREAM } from "./record.ts";
import { NEVER, TIME_MS_MAX, UNKNOWN } from "./stream-group.ts";
import {
  compareIds,
  ID_MIN,
  idBytes,
  partBytes,
  readId,
  readPart,
  STREAM_ID_SIZE,
  U64_MAX,
  type StreamId,
} from "./stream-id.ts";
import { StreamNode } from "./stream-node.ts";

const TYPE_PLAIN = 15;
const TYPE_COUNTED = 19;
const TYPE_ACTIVE = 21;
const LENGTH_32_MAX = 2 ** 32 - 1;
const LENGTH_64 = "\x81";

export interface DumpedConsumer {
  readonly name: Bytes;
  readonly seenMs: number;
  readonly activeMs: number;
  readonly pending: readonly StreamId[];
}

export interface DumpedPending {
  readonly id: StreamId;
  readonly deliveredMs: number;
  readonly deliveries: number;
}

export interface DumpedGroup {
  readonly name: Bytes;
  readonly last: StreamId;
  /** Null where the dump does not say: the type then works it out. */
  readonly entriesRead: number | null;
  readonly pending: readonly DumpedPending[];
  /** Whoever of them has an entry is the only one, and it is in `pending`. */
  readonly consumers: readonly DumpedConsumer[];
}

export interface DumpedStream {
  readonly kind: typeof STREAM;
  readonly nodes: readonly StreamNode[];
  readonly length: number;
  readonly added: number;
  readonly last: StreamId;
  readonly first: StreamId;
  readonly maxDeleted: StreamId;
  readonly groups: readonly DumpedGroup[];
}

export function encode(stream: DumpedStream): Bytes {
  const parts = [String.fromCharCode(TYPE_COUNTED), encodeLength(stream.nodes.length)];
  for (const node of stream.nodes) {
    parts.push(encodeString(idBytes(node.first)));
    parts.push(encodeString(encodeListpack(node.listpackTexts())));
  }
  parts.push(encodeLong(stream.length), encodeId(stream.last));
  parts.push(encodeId(stream.first), encodeId(stream.maxDeleted), encodeLong(stream.added));
  parts.push(encodeLength(stream.groups.length));
  for (const group of stream.groups) encodeGroup(group, parts);
  return parts.join("");
}

function encodeGroup(group: DumpedGroup, parts: Bytes[]): void {
  const read = group.entriesRead ?? UNKNOWN;
  parts.push(encodeString(group.name), encodeId(group.last));
  parts.push(encodeLong(read === UNKNOWN ? U64_MAX : read), encodeLength(group.pending.length));
  for (const { id, deliveredMs, deliveries } of group.pending) {
    parts.push(idBytes(id), encodeTime(deliveredMs), encodeLong(deliveries));
  }
  parts.push(encodeLength(group.consumers.length));
  for (const { name, seenMs, pending } of group.consumers) {
    parts.push(encodeString(name), encodeTime(seenMs), encodeLength(pending.length));
    for (const id of pending) parts.push(idBytes(id));
  }
}

function encodeId(id: StreamId): Bytes {
  return encodeLong(id.ms) + encodeLong(id.seq);
}

function encodeLong(value: number | bigint): Bytes {
  if (typeof value === "number" && value <= LENGTH_32_MAX) return encodeLength(value);
  return LENGTH_64 + partBytes(value);
}

/** 64 bits, little-endian. */
function encodeTime(ms: number): Bytes {
  return reversed(partBytes(ms));
}

function reversed(bytes: Bytes): Bytes {
  let text = "";
  for (let index = bytes.length - 1; index >= 0; index--) text += bytes[index];
  return text;
}

/** Null for a type that is no stream. Throws BadDump. */
export function decode(type: number, reader: DumpReader): DumpedStream | null {
  if (type !== TYPE_PLAIN && type !== TYPE_COUNTED && type !== TYPE_ACTIVE) return null;
  const nodes: StreamNode[] = [];
  for (let left = reader.size(); left > 0; left--) nodes.push(readNode(reader, nodes.at(-1)));
  const live = nodes.reduce((sum, node) => sum + node.live, 0);
  const length = readCount(reader);
  const last = readLongId(reader);
  const isCounted = type !== TYPE_PLAIN;
  const first = isCounted ? readLongId(reader) : firstLive(nodes);
  const maxDeleted = isCounted ? readLongId(reader) : ID_MIN;
  const added = isCounted ? readCount(reader) : length;
  const groups: DumpedGroup[] = [];
  for (let left = reader.size(); left > 0; left--) groups.push(readGroup(reader, type));
  const top = nodes.at(-1)?.last ?? ID_MIN;
  if (live !== length || compareIds(top, last) > 0 || !areDistinct(groups)) throw bad();
  reader.end();
  return { kind: STREAM, nodes, length, added, last, first, maxDeleted, groups };
}

function readNode(reader: DumpReader, before: StreamNode | undefined): StreamNode {
  const key = decodeString(reader);
  const texts = decodeListpack(decodeString(reader));
  if (key.length !== STREAM_ID_SIZE || texts === null) throw bad();
  const first = readId(key, 0);
  const node = StreamNode.fromListpack(first, texts);
  if (node === null) throw bad();
  if (before !== undefined && compareIds(before.last, first) >= 0) throw bad();
  return node;
}

function firstLive(nodes: readonly StreamNode[]): StreamId {
  for (const node of nodes) {
    const entry = node.entries();
    while (entry.next()) if (!entry.isDeleted) return entry.id;
  }
  return ID_MIN;
}

function readGroup(reader: DumpReader, type: number): DumpedGroup {
  const name = decodeString(reader);
  const last = readLongId(reader);
  const read = type === TYPE_PLAIN ? null : readLong(reader);
  const pending: DumpedPending[] = [];
  for (let left = reader.size(); left > 0; left--) {
    const id = readId(reader.take(STREAM_ID_SIZE), 0);
    pending.push({ id, deliveredMs: readTime(reader), deliveries: readCount(reader) });
  }
  const consumers: DumpedConsumer[] = [];
  for (let left = reader.size(); left > 0; left--) consumers.push(readConsumer(reader, type));
  checkPending(pending, consumers);
  return { name, last, entriesRead: countOf(read), pending, consumers };
}

function readConsumer(reader: DumpReader, type: number): DumpedConsumer {
  const name = decodeString(reader);
  const seenMs = readTime(reader);
  // Older dumps do not say: then it was active when it was seen, as Redis takes it.
  const activeMs = type === TYPE_ACTIVE ? readActive(reader) : seenMs;
  const pending: StreamId[] = [];
  for (let left = reader.size(); left > 0; left--) {
    pending.push(readId(reader.take(STREAM_ID_SIZE), 0));
  }
  return { name, seenMs, activeMs, pending };
}

/** Each entry is pending for exactly one consumer. Throws BadDump. */
function checkPending(
  pending: readonly DumpedPending[],
  consumers: readonly DumpedConsumer[],
): void {
  const unowned = new Set(pending.map(({ id }) => idBytes(id)));
  const names = new Set(consumers.map(({ name }) => name));
  if (unowned.size !== pending.length || names.size !== consumers.length) throw bad();
  for (const consumer of consumers) {
    for (const id of consumer.pending) if (!unowned.delete(idBytes(id))) throw bad();
  }
  if (unowned.size > 0) throw bad();
}

function areDistinct(groups: readonly DumpedGroup[]): boolean {
  return new Set(groups.map(({ name }) => name)).size === groups.length;
}

function readLongId(reader: DumpReader): StreamId {
  return { ms: readLong(reader), seq: readLong(reader) };
}

function readLong(reader: DumpReader): number | bigint {
  const first = reader.byte();
  if (first !== LENGTH_64.charCodeAt(0)) return reader.length(first);
  return readPart(reader.take(8), 0);
}

/** Counters are exact up to 2^53. */
function readCount(reader: DumpReader): number {
  return bounded(readLong(reader));
}

function countOf(read: number | bigint | null): number | null {
  if (read === null) return null;
  return read === U64_MAX ? UNKNOWN : bounded(read);
}

function bounded(count: number | bigint): number {
  return Math.min(Number(count), Number.MAX_SAFE_INTEGER);
}

function readTime(reader: DumpReader): number {
  const time = readPart(reversed(reader.take(8)), 0);
  return Math.min(Number(time), TIME_MS_MAX);
}

/** All ones stand for never. */
function readActive(reader: DumpReader): number {
  const time = readPart(reversed(reader.take(8)), 0);
  return time === U64_MAX ? NEVER : Math.min(Number(time), TIME_MS_MAX);
}

function bad(): BadDump {
  return new BadDump("format");
}
