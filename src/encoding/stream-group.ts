// What a stream keeps of its consumer groups (docs/encoding.md, "Stream"). These values are small and never
// changed: a change makes a new one, which is encoded when the batch closes.
//
//   group           id:u32 last ID (16) greatest ID ever pending (16) entries read + 1:varint, 0 unknown
//                   pending:varint consumers:varint next consumer:varint
//   consumer        seen:u48 active + 1:u48, 0 never; pending:varint name
//   pending entry   consumer:u32 delivered:u48 count:varint
//   consumer's name consumer:u32

import type { Bytes } from "../base/bytes.ts";
import { readU32, readU48, u32, u48 } from "./key.ts";
import { CorruptRecord } from "./record.ts";
import { idBytes, readId, STREAM_ID_SIZE, type StreamId } from "./stream-id.ts";
import { PayloadReader, varintSize, writeBytes, writeVarint } from "./varint.ts";

const TIME_SIZE = 6;
/** Times are 48 bits. */
export const TIME_MS_MAX = 2 ** 48 - 2;
const OBJECT_BYTES = 120;
/** Entries read are not known. */
export const UNKNOWN = -1;
/** A consumer that has not got anything yet. */
export const NEVER = -1;

export interface GroupParts {
  readonly id: number;
  /** The last ID delivered. */
  readonly last: StreamId;
  /** No entry pending has a greater ID. */
  readonly pendingMax: StreamId;
  /** Entries of the stream up to `last`, UNKNOWN when that cannot be told. */
  readonly entriesRead: number;
  readonly pendingCount: number;
  readonly consumerCount: number;
  readonly nextConsumerId: number;
}

export class Group implements GroupParts {
  readonly id: number;
  readonly last: StreamId;
  readonly pendingMax: StreamId;
  readonly entriesRead: number;
  readonly pendingCount: number;
  readonly consumerCount: number;
  readonly nextConsumerId: number;
  readonly memoryBytes = OBJECT_BYTES;

  constructor(parts: GroupParts) {
    this.id = parts.id;
    this.last = parts.last;
    this.pendingMax = parts.pendingMax;
    this.entriesRead = parts.entriesRead;
    this.pendingCount = parts.pendingCount;
    this.consumerCount = parts.consumerCount;
    this.nextConsumerId = parts.nextConsumerId;
  }

  /** Throws CorruptRecord. */
  static read(value: Bytes): Group {
    const reader = new PayloadReader(value, 0, corrupt);
    const group = new Group({
      id: readU32(reader.take(4), 0),
      last: readId(reader.take(STREAM_ID_SIZE), 0),
      pendingMax: readId(reader.take(STREAM_ID_SIZE), 0),
      entriesRead: reader.varint() - 1,
      pendingCount: reader.varint(),
      consumerCount: reader.varint(),
      nextConsumerId: reader.varint(),
    });
    reader.end();
    return group;
  }

  with(changed: Partial<GroupParts>): Group {
    return new Group({
      id: this.id,
      last: changed.last ?? this.last,
      pendingMax: changed.pendingMax ?? this.pendingMax,
      entriesRead: changed.entriesRead ?? this.entriesRead,
      pendingCount: changed.pendingCount ?? this.pendingCount,
      consumerCount: changed.consumerCount ?? this.consumerCount,
      nextConsumerId: changed.nextConsumerId ?? this.nextConsumerId,
    });
  }

  get payloadSize(): number {
    const counts = varintSize(this.pendingCount) + varintSize(this.consumerCount);
    const more = varintSize(this.entriesRead + 1) + varintSize(this.nextConsumerId);
    return 4 + 2 * STREAM_ID_SIZE + counts + more;
  }

  writePayload(target: Buffer, at: number): void {
    let offset = writeBytes(target, at, u32(this.id) + idBytes(this.last));
    offset = writeBytes(target, offset, idBytes(this.pendingMax));
    offset = writeVarint(target, offset, this.entriesRead + 1);
    offset = writeVarint(target, offset, this.pendingCount);
    offset = writeVarint(target, offset, this.consumerCount);
    writeVarint(target, offset, this.nextConsumerId);
  }
}

export interface ConsumerParts {
  readonly id: number;
  readonly name: Bytes;
  /** When it was last named in a command, milliseconds since the epoch. */
  readonly seenMs: number;
  /** When it last got or claimed an entry; NEVER if it has not. */
  readonly activeMs: number;
  readonly pendingCount: number;
}

export class Consumer implements ConsumerParts {
  readonly id: number;
  readonly name: Bytes;
  readonly seenMs: number;
  readonly activeMs: number;
  readonly pendingCount: number;

  constructor(parts: ConsumerParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.seenMs = parts.seenMs;
    this.activeMs = parts.activeMs;
    this.pendingCount = parts.pendingCount;
  }

  /** `id` is that of the subkey. Throws CorruptRecord. */
  static read(id: number, value: Bytes): Consumer {
    const reader = new PayloadReader(value, 0, corrupt);
    const seenMs = readU48(reader.take(TIME_SIZE), 0);
    const activeMs = readU48(reader.take(TIME_SIZE), 0) - 1;
    const pendingCount = reader.varint();
    return new Consumer({ id, name: value.slice(reader.at), seenMs, activeMs, pendingCount });
  }

  with(changed: Partial<ConsumerParts>): Consumer {
    return new Consumer({
      id: this.id,
      name: this.name,
      seenMs: changed.seenMs ?? this.seenMs,
      activeMs: changed.activeMs ?? this.activeMs,
      pendingCount: changed.pendingCount ?? this.pendingCount,
    });
  }

  get memoryBytes(): number {
    return OBJECT_BYTES + this.name.length;
  }

  get payloadSize(): number {
    return 2 * TIME_SIZE + varintSize(this.pendingCount) + this.name.length;
  }

  writePayload(target: Buffer, at: number): void {
    let offset = writeBytes(target, at, u48(this.seenMs) + u48(this.activeMs + 1));
    offset = writeVarint(target, offset, this.pendingCount);
    writeBytes(target, offset, this.name);
  }
}

/** An entry that was delivered and not acknowledged. */
export interface Pending {
  readonly consumerId: number;
  readonly deliveredMs: number;
  readonly deliveries: number;
}

const PENDING_HEAD_SIZE = 4 + TIME_SIZE;

export function pendingValue(pending: Pending): Bytes {
  const head = u32(pending.consumerId) + u48(pending.deliveredMs);
  if (pending.deliveries < 0x80) return head + String.fromCharCode(pending.deliveries);
  const target = Buffer.allocUnsafe(varintSize(pending.deliveries));
  return head + target.latin1Slice(0, writeVarint(target, 0, pending.deliveries));
}

/** Throws CorruptRecord. */
export function readPending(value: Bytes): Pending {
  const reader = new PayloadReader(value, PENDING_HEAD_SIZE, corrupt);
  const deliveries = reader.varint();
  reader.end();
  return { consumerId: readU32(value, 0), deliveredMs: readU48(value, 4), deliveries };
}

/** Throws CorruptRecord. */
export function readConsumerId(value: Bytes): number {
  if (value.length !== 4) throw corrupt();
  return readU32(value, 0);
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a group of a stream does not decode");
}
