// One batch of writes, as bytes in RocksDB's WriteBatch representation, so that a whole group
// crosses into the engine in one call and a replicated log can carry the same bytes.
//
// Layout (rocksdb/db/write_batch.cc, unchanged since column families came in 3.0):
//
//   offset  size  field
//   0       8     sequence number, little-endian; filled in by the engine
//   8       4     count of records, little-endian
//   12      ...   records:
//                   0x05 family:varint32 key:sized value:sized     put
//                   0x04 family:varint32 key:sized                 delete
//                   0x0E family:varint32 from:sized to:sized       delete the range [from, to)
//                   (family 0 too is written in the long form: one less case to get wrong)
//   sized = varint32 length, then the bytes

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { StoreId } from "./engine.ts";

const HEADER_SIZE = 12;
const TAG_DELETE = 0x04;
const TAG_PUT = 0x05;
const TAG_DELETE_RANGE = 0x0e;
/** Tag, family and two lengths at their longest. */
const RECORD_OVERHEAD_MAX = 1 + 1 + 5 + 5;
const CAPACITY_START = 64 * 1024;
/** A buffer that one huge batch has grown is given back to the system when the batch is done. */
const CAPACITY_KEPT_MAX = 4 * 1024 * 1024;
/** So much of a long value is written at a time: about half a millisecond's worth, new memory included. */
const SLICE_BYTES = 512 * 1024;

/** From so many bytes on a value is written later, slice by slice. */
export const LONG_VALUE_BYTES = 1024 * 1024;

/** A value of which only the room has been made. */
interface Unwritten {
  readonly at: number;
  readonly bytes: Bytes;
  /** How much of it is there. */
  done: number;
}

export class WriteOps {
  /** The representation; valid up to `length`. Replaced when it grows. */
  buffer: Buffer = Buffer.alloc(CAPACITY_START);
  length = HEADER_SIZE;
  count = 0;
  /** Where the key and the value of the put being written begin: set by `startPut`. */
  keyAt = 0;
  valueAt = 0;
  /** Where the length of that value begins, behind the key. */
  sizeAt = 0;
  /** In the order of their places. */
  #unwritten: Unwritten[] = [];

  /**
   * Opens a put whose key and value the caller writes itself, at `keyAt` and `valueAt` of `buffer`,
   * exactly `keySize` and `valueSize` bytes. This is the hot path: no intermediate copy.
   */
  startPut(store: StoreId, keySize: number, valueSize: number): void {
    this.#reserve(RECORD_OVERHEAD_MAX + keySize + valueSize);
    const { buffer } = this;
    let at = this.length;
    buffer[at++] = TAG_PUT;
    buffer[at++] = store;
    at = putVarint(buffer, at, keySize);
    this.keyAt = at;
    this.sizeAt = at + keySize;
    at = putVarint(buffer, this.sizeAt, valueSize);
    this.valueAt = at;
    this.length = at + valueSize;
    this.count++;
  }

  put(store: StoreId, key: Bytes, value: Bytes): void {
    this.startPut(store, key.length, value.length);
    this.buffer.latin1Write(key, this.keyAt, key.length);
    this.buffer.latin1Write(value, this.valueAt, value.length);
  }

  /** Opens a delete whose key the caller writes itself, `keySize` bytes at `keyAt`. */
  startDelete(store: StoreId, keySize: number): void {
    this.#reserve(RECORD_OVERHEAD_MAX + keySize);
    const { buffer } = this;
    buffer[this.length] = TAG_DELETE;
    buffer[this.length + 1] = store;
    this.keyAt = putVarint(buffer, this.length + 2, keySize);
    this.length = this.keyAt + keySize;
    this.count++;
  }

  delete(store: StoreId, key: Bytes): void {
    this.startDelete(store, key.length);
    this.buffer.latin1Write(key, this.keyAt, key.length);
  }

  /** Deletes every key from `from` up to but without `to`. */
  deleteRange(store: StoreId, from: Bytes, to: Bytes): void {
    this.#reserve(RECORD_OVERHEAD_MAX + from.length + to.length);
    const { buffer } = this;
    buffer[this.length] = TAG_DELETE_RANGE;
    buffer[this.length + 1] = store;
    let at = putVarint(buffer, this.length + 2, from.length);
    at += buffer.latin1Write(from, at, from.length);
    at = putVarint(buffer, at, to.length);
    this.length = at + buffer.latin1Write(to, at, to.length);
    this.count++;
  }

  /** Whether `writeSlice` has something to do. */
  get isUnwritten(): boolean {
    return this.#unwritten.length > 0;
  }

  /**
   * Puts off the writing of `bytes`, which take the end of the value just begun, from `at` on. Writing
   * megabytes would hold the event loop: whoever closes a batch calls `writeSlice` until nothing is left.
   */
  putOff(at: number, bytes: Bytes): void {
    this.#unwritten.push({ at, bytes, done: 0 });
  }

  writeSlice(): void {
    const [first] = this.#unwritten;
    if (first === undefined) return;
    const { at, bytes, done } = first;
    const end = Math.min(bytes.length, done + SLICE_BYTES);
    this.buffer.latin1Write(bytes.slice(done, end), at + done, end - done);
    first.done = end;
    if (end === bytes.length) this.#unwritten.shift();
  }

  /** The finished representation: a view, valid until the next change. */
  finish(): Buffer {
    while (this.isUnwritten) this.writeSlice();
    this.buffer.writeUInt32LE(this.count, 8);
    return this.buffer.subarray(0, this.length);
  }

  clear(): void {
    this.length = HEADER_SIZE;
    this.count = 0;
    this.#unwritten = [];
    if (this.buffer.length > CAPACITY_KEPT_MAX) this.buffer = Buffer.alloc(CAPACITY_START);
  }

  #reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.buffer.length) return;
    let capacity = this.buffer.length * 2;
    while (capacity < needed) capacity *= 2;
    const grown = Buffer.allocUnsafe(capacity);
    let from = 0;
    // What is not written is not copied either: memory that nobody has touched costs nothing.
    for (const { at, bytes, done } of this.#unwritten) {
      this.buffer.copy(grown, from, from, at + done);
      from = at + bytes.length;
    }
    this.buffer.copy(grown, from, from, this.length);
    this.buffer = grown;
  }
}

function putVarint(target: Uint8Array, at: number, value: number): number {
  assert(value >= 0 && value <= 0xffff_ffff);
  let rest = value;
  let offset = at;
  while (rest >= 0x80) {
    target[offset++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[offset++] = rest;
  return offset;
}

/** One record of a representation. */
export interface WriteOp {
  readonly kind: "put" | "delete" | "delete-range";
  readonly store: StoreId;
  readonly key: Bytes;
  /** The value of a put, the end of a range, "" for a delete. */
  readonly value: Bytes;
}

/** Reads a representation back: for the memory engine and for tests. */
export function* readWriteOps(representation: Buffer): Generator<WriteOp> {
  let at = HEADER_SIZE;
  const readSized = (): Bytes => {
    let size = 0;
    let shift = 0;
    for (;;) {
      const byte = representation[at++] ?? 0;
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
      shift += 7;
    }
    assert(at + size <= representation.length, "a record runs past the end of its batch");
    const bytes = representation.latin1Slice(at, at + size);
    at += size;
    return bytes;
  };
  while (at < representation.length) {
    const tag = representation[at++];
    const store = representation[at++];
    assert(store === 0 || store === 1 || store === 2 || store === 3 || store === 4);
    const key = readSized();
    if (tag === TAG_DELETE) {
      yield { kind: "delete", store, key, value: "" };
      continue;
    }
    assert(tag === TAG_PUT || tag === TAG_DELETE_RANGE);
    yield { kind: tag === TAG_PUT ? "put" : "delete-range", store, key, value: readSized() };
  }
}
