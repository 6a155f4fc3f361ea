// An open RocksDB database. See README.md for a tour.
//
// Column families are numbers here, RocksDB's own, which also stand in the write batch representation:
// `database.family("name")` gives one. Keys and values are bytes: a Uint8Array, or a *binary string*
// (one byte in each character, code units above 0xFF lose their upper half).

// The hot calls take their parameters side by side: an object would cost more than the call.
/* oxlint-disable max-params */

import { RocksIterator, type IteratorOptions } from "./iterator.ts";
import { abandoned, KIND_DATABASE, native, type Bytes, type Handle } from "./native.ts";
import {
  flattenFamilies,
  flattenFamily,
  flattenOptions,
  openFlags,
  type FamilyOptions,
  type OpenOptions,
} from "./options.ts";
import { Snapshot } from "./snapshot.ts";

/** Wait until the write is on disk (fsync of the write-ahead log). */
export const WRITE_SYNC = 1;
/** Refuse (Incomplete, "Write stall") instead of waiting when RocksDB slows or stops writers. */
export const WRITE_NO_SLOWDOWN = 2;
/** Give way to compaction; with WRITE_NO_SLOWDOWN: refuse (Incomplete, "Low priority write stall"). */
export const WRITE_LOW_PRIORITY = 4;
/** Do not log the write: a crash loses it. */
export const WRITE_DISABLE_WAL = 8;

/** Read wherever the data is. */
export const READ_ALL = 0;
/** Read only what is in memory: INCOMPLETE when the disk would be needed. */
export const READ_BLOCK_CACHE = 1;
/** Read only what would survive a crash without a write-ahead log. */
export const READ_PERSISTED = 2;
/** Read only memtables; iterators only. */
export const READ_MEMTABLE = 3;

/** `get`: there is no such key. */
export const NOT_FOUND = -1;
/** `get` with READ_BLOCK_CACHE: the answer is not in memory. */
export const INCOMPLETE = -2;

export interface ReadOptions {
  readonly readTier?: number;
  readonly snapshot?: Snapshot;
}

const NO_OPTIONS: ReadOptions = {};

export class Database {
  readonly #handle: Handle;
  readonly #families: Map<string, number>;
  #closed: Promise<void> | null = null;
  /** Where it lies. */
  readonly path: string;

  private constructor(path: string, handle: Handle, families: Map<string, number>) {
    this.path = path;
    this.#handle = handle;
    this.#families = families;
    abandoned.register(this, { handle, kind: KIND_DATABASE }, this);
  }

  /**
   * Opens a database, on a thread. Rejects with RocksDBError: InvalidArgument for an unknown option or
   * a family that was not named, IOError when another process has it open, Corruption.
   */
  static async open(path: string, options: OpenOptions = {}): Promise<Database> {
    const [handle, families] = await native.open(
      path,
      flattenOptions(options.options),
      flattenFamilies(options.families),
      openFlags(options),
      options.readThreads ?? 4,
      options.listener,
    );
    return new Database(path, handle, new Map(Object.entries(families)));
  }

  /** The names of the families of the database at `path`, open or not. */
  static listColumnFamilies(path: string): Promise<string[]> {
    return native.listColumnFamilies(path);
  }

  /** Deletes the database at `path`, which must not be open; other files there stay. */
  static destroy(path: string): Promise<void> {
    return native.destroy(path);
  }

  /** Saves what can be saved of the damaged database at `path`, which must not be open. */
  static repair(path: string): Promise<void> {
    return native.repair(path);
  }

  /** The families by name. */
  get families(): ReadonlyMap<string, number> {
    return this.#families;
  }

  /** The number of a family; throws RangeError when there is none of that name. */
  family(name: string): number {
    const id = this.#families.get(name);
    if (id === undefined) throw new RangeError(`there is no column family ${name}`);
    return id;
  }

  async createFamily(name: string, options: FamilyOptions = {}): Promise<number> {
    const id = await native.createFamily(this.#handle, flattenFamily(name, options));
    this.#families.set(name, id);
    return id;
  }

  /** Forgets a family and its data; writes to it are refused from then on. */
  async dropFamily(family: number): Promise<void> {
    await native.dropFamily(this.#handle, family);
    for (const [name, id] of this.#families) if (id === family) this.#families.delete(name);
  }

  /**
   * Copies the value of `key` (the first `keyLength` bytes of that buffer) into `target` and returns
   * its length in bytes, NOT_FOUND or INCOMPLETE. A value longer than `target` is not copied: the
   * length tells how much room it needs. Throws RocksDBError.
   */
  get(
    family: number,
    key: Uint8Array,
    keyLength: number,
    target: Uint8Array,
    options: ReadOptions = NO_OPTIONS,
  ): number {
    const { readTier = READ_ALL, snapshot } = options;
    const handle = snapshot === undefined ? 0 : Snapshot.handleOf(snapshot);
    return native.get(this.#handle, family, key, keyLength, target, readTier, handle);
  }

  /** The value as a binary string; null when absent, undefined when incomplete. */
  getBinary(
    family: number,
    key: Bytes,
    readTier: number = READ_ALL,
    snapshot?: Snapshot,
  ): string | null | undefined {
    const handle = snapshot === undefined ? 0 : Snapshot.handleOf(snapshot);
    return native.getBinary(this.#handle, family, key, readTier, handle);
  }

  /**
   * Copies the values of `keys` into `target`, one after another, and each one's length, NOT_FOUND or
   * INCOMPLETE into `lengths`. Returns the bytes that all values need: when that is more than
   * `target` has, what lies in `target` is of no use and the call is to be repeated with more room.
   */
  multiGet(
    family: number,
    keys: readonly Bytes[],
    target: Uint8Array,
    lengths: Int32Array,
    options: ReadOptions = NO_OPTIONS,
  ): number {
    const { readTier = READ_ALL, snapshot } = options;
    const handle = Snapshot.handleOf(snapshot);
    return native.multiGet(this.#handle, family, keys, target, lengths, readTier, handle);
  }

  /** The values on a reading thread: null for what is absent, undefined for what is incomplete. */
  multiGetBinary(
    family: number,
    keys: readonly Bytes[],
    options: ReadOptions = NO_OPTIONS,
  ): Promise<(string | null | undefined)[]> {
    const { readTier = READ_ALL, snapshot } = options;
    const handle = Snapshot.handleOf(snapshot);
    return native.multiGetBinary(this.#handle, family, keys, readTier, handle);
  }

  /**
   * Writes a batch given in RocksDB's representation (README.md, "The representation"): the first
   * `length` bytes of `bytes`, with a mask of WRITE_ flags. Returns the sequence number of its last
   * record. Nothing of a batch that is refused is written or logged. Throws RocksDBError: Corruption
   * for a malformed one, Incomplete for a stall. Without WRITE_NO_SLOWDOWN this call waits, and the
   * event loop with it, while RocksDB holds writers back.
   */
  writeRepresentation(bytes: Uint8Array, length: number, flags: number = 0): number {
    return native.write(this.#handle, bytes, length, flags);
  }

  /**
   * The same on the database's writing thread, in the order of the calls. The bytes are copied before
   * this returns.
   */
  writeRepresentationAsync(bytes: Uint8Array, length: number, flags: number = 0): Promise<number> {
    return native.writeAsync(this.#handle, bytes, length, flags);
  }

  /** The sequence number of the last record written. */
  get latestSequenceNumber(): number {
    return native.latestSequenceNumber(this.#handle);
  }

  /** A cursor, not yet on any entry: seek first. */
  iterator(family: number, options: IteratorOptions = {}): RocksIterator {
    return RocksIterator.open(this.#handle, family, options);
  }

  /** The database as it is now, for reads later on. */
  snapshot(): Snapshot {
    return Snapshot.take(this.#handle);
  }

  /**
   * Waits for the work under way (compactions are asked to stop, stalled writers are let through),
   * then closes. From the call on, everything else is an error. Twice gives the same promise.
   */
  close(): Promise<void> {
    if (this.#closed === null) {
      abandoned.unregister(this);
      this.#closed = native.close(this.#handle) ?? Promise.resolve();
    }
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
