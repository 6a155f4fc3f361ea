// Write batches: RocksDB's own, plain or with an index that makes them readable. Both belong to the
// database they were made on. A batch changes only memory; `Database.write` applies it.

import type { Database } from "./database.ts";
import { RocksIterator, type IteratorOptions } from "./iterator.ts";
import { abandoned, KIND_BATCH, native, type Bytes, type Handle } from "./native.ts";
import { Snapshot } from "./snapshot.ts";

/** The numbers of Change and Mark in batch_calls.cc. */
const PUT = 0;
const DELETE = 1;
const SINGLE_DELETE = 2;
const DELETE_RANGE = 3;
const LOG_DATA = 4;
const SET = 0;
const ROLLBACK = 1;
const POP = 2;
const CLEAR = 3;

export interface BatchOptions {
  /** Bytes of the representation beyond which a change is refused (MemoryLimit); 0 for no limit. */
  readonly maxBytes?: number;
}

/** Made by `Database.batch()`. */
export class WriteBatch {
  readonly #handle: Handle;
  /** Held, so that the database is not collected, and closed, under this. */
  readonly database: Database;

  private constructor(database: Database, handle: Handle) {
    this.database = database;
    this.#handle = handle;
    abandoned.register(this, { handle, kind: KIND_BATCH }, this);
  }

  /** For this package only. */
  static open(database: Database, owner: Handle, options: BatchOptions): WriteBatch {
    return new WriteBatch(database, native.batchCreate(owner, false, options.maxBytes ?? 0));
  }

  /** For this package only. */
  static handleOf(batch: WriteBatch): Handle {
    return batch.#handle;
  }

  put(family: number, key: Bytes, value: Bytes): void {
    native.batchChange(this.#handle, PUT, family, key, value);
  }

  delete(family: number, key: Bytes): void {
    native.batchChange(this.#handle, DELETE, family, key);
  }

  /** Deletes a key that was put exactly once since it was last deleted; otherwise undefined. */
  singleDelete(family: number, key: Bytes): void {
    native.batchChange(this.#handle, SINGLE_DELETE, family, key);
  }

  /** Deletes from `begin` up to, but without, `end`. */
  deleteRange(family: number, begin: Bytes, end: Bytes): void {
    native.batchChange(this.#handle, DELETE_RANGE, family, begin, end);
  }

  /** Bytes that go into the write-ahead log and nowhere else. They are not counted. */
  putLogData(blob: Bytes): void {
    native.batchChange(this.#handle, LOG_DATA, 0, blob);
  }

  /** Records in the batch. */
  get count(): number {
    return native.batchInfo(this.#handle)[0];
  }

  /** Bytes of the representation; 12 when empty. */
  get byteSize(): number {
    return native.batchInfo(this.#handle)[1];
  }

  /** A copy of the representation (README.md, "The representation"). */
  representation(): Buffer {
    return native.batchRepresentation(this.#handle);
  }

  /** Replaces the batch by a representation, save points included. Throws Corruption. */
  fromRepresentation(bytes: Uint8Array, length: number = bytes.length): void {
    native.batchLoad(this.#handle, bytes, length);
  }

  setSavePoint(): void {
    native.batchMark(this.#handle, SET);
  }

  /** Undoes everything since the last save point and removes it. Throws NotFound without one. */
  rollbackToSavePoint(): void {
    native.batchMark(this.#handle, ROLLBACK);
  }

  /** Removes the last save point and keeps what came after it. Throws NotFound without one. */
  popSavePoint(): void {
    native.batchMark(this.#handle, POP);
  }

  clear(): void {
    native.batchMark(this.#handle, CLEAR);
  }

  /** Frees the memory; using the batch afterwards is an error. Twice is fine. */
  close(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_BATCH);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Made by `Database.indexedBatch()`: a batch that can be read, alone or laid over the database. It
 * has no `deleteRange`: RocksDB cannot index it, and refuses it (NotSupported).
 */
export class IndexedWriteBatch {
  readonly #handle: Handle;
  readonly #owner: Handle;
  /** Held, so that the database is not collected, and closed, under this. */
  readonly database: Database;

  private constructor(database: Database, owner: Handle, handle: Handle) {
    this.database = database;
    this.#owner = owner;
    this.#handle = handle;
    abandoned.register(this, { handle, kind: KIND_BATCH }, this);
  }

  /** For this package only. */
  static open(database: Database, owner: Handle, options: BatchOptions): IndexedWriteBatch {
    const handle = native.batchCreate(owner, true, options.maxBytes ?? 0);
    return new IndexedWriteBatch(database, owner, handle);
  }

  /** For this package only. */
  static handleOf(batch: IndexedWriteBatch): Handle {
    return batch.#handle;
  }

  put(family: number, key: Bytes, value: Bytes): void {
    native.batchChange(this.#handle, PUT, family, key, value);
  }

  delete(family: number, key: Bytes): void {
    native.batchChange(this.#handle, DELETE, family, key);
  }

  singleDelete(family: number, key: Bytes): void {
    native.batchChange(this.#handle, SINGLE_DELETE, family, key);
  }

  /** Always throws NotSupported, so that a change from a plain batch is not noticed too late. */
  deleteRange(family: number, begin: Bytes, end: Bytes): void {
    native.batchChange(this.#handle, DELETE_RANGE, family, begin, end);
  }

  putLogData(blob: Bytes): void {
    native.batchChange(this.#handle, LOG_DATA, 0, blob);
  }

  /** The value as it will be once the batch is written; null when absent, undefined incomplete. */
  getBinary(
    family: number,
    key: Bytes,
    options: { readonly readTier?: number; readonly snapshot?: Snapshot } = {},
  ): string | null | undefined {
    const { readTier = 0, snapshot } = options;
    return native.batchGet(this.#handle, family, key, readTier, Snapshot.handleOf(snapshot));
  }

  /**
   * A cursor over the database with this batch laid over it. Any change of the batch makes it stale:
   * using it then is an error (ERR_ROCKSDB_STALE). It has no asynchronous steps.
   */
  iterator(family: number, options: IteratorOptions = {}): RocksIterator {
    const owner = { database: this.database, handle: this.#owner, batch: this.#handle };
    return RocksIterator.open(owner, family, options);
  }

  /** Records in the batch; a key that was written twice counts twice. */
  get count(): number {
    return native.batchInfo(this.#handle)[0];
  }

  /** Bytes of the representation; 12 when empty. */
  get byteSize(): number {
    return native.batchInfo(this.#handle)[1];
  }

  representation(): Buffer {
    return native.batchRepresentation(this.#handle);
  }

  setSavePoint(): void {
    native.batchMark(this.#handle, SET);
  }

  /** Undoes everything since the last save point and removes it. Throws NotFound without one. */
  rollbackToSavePoint(): void {
    native.batchMark(this.#handle, ROLLBACK);
  }

  /** Removes the last save point and keeps what came after it. Throws NotFound without one. */
  popSavePoint(): void {
    native.batchMark(this.#handle, POP);
  }

  clear(): void {
    native.batchMark(this.#handle, CLEAR);
  }

  /** Frees the memory; using the batch afterwards is an error. Twice is fine. */
  close(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_BATCH);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
