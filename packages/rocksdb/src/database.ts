// An open RocksDB database. See README.md for a tour.
//
// Column families are numbers here, RocksDB's own, which also stand in the write batch representation:
// `database.family("name")` gives one. Keys and values are bytes: a Uint8Array, or a *binary string*
// (one byte in each character, code units above 0xFF lose their upper half).

// The hot calls take their parameters side by side: an object would cost more than the call.
/* oxlint-disable max-params */

import { READ_ALL } from "./constants.ts";
import { RocksIterator, type IteratorOptions } from "./iterator.ts";
import { BorrowedDatabase } from "./borrowed.ts";
import { abandoned, KIND_DATABASE, native, type Bytes, type Handle } from "./native.ts";
import {
  flattenFamilies,
  flattenFamily,
  flattenOptions,
  openFlags,
  type FamilyOptions,
  type OpenOptions,
  type OptionStrings,
} from "./options.ts";
import { Snapshot } from "./snapshot.ts";
import { readHistograms, readTickers, type Statistics } from "./statistics.ts";
import { Updates } from "./updates.ts";
import { IndexedWriteBatch, WriteBatch, type BatchOptions } from "./write-batch.ts";

export interface ReadOptions {
  readonly readTier?: number;
  readonly snapshot?: Snapshot;
}

const NO_OPTIONS: ReadOptions = {};

export interface FlushRequest {
  /** Default: all. */
  readonly families?: readonly number[];
  /** Settle when it is done, not when it has begun. Default true. */
  readonly wait?: boolean;
  /** Flush even if that makes writers stall. Default false: wait until it would not. */
  readonly allowWriteStall?: boolean;
}

export interface CompactRequest {
  /** The first key; absent for the family's first. */
  readonly begin?: Bytes;
  /** The last key; absent for the family's last. */
  readonly end?: Bytes;
  /** Whether files of the last level are written anew. Default "if-filter". */
  readonly bottommost?: "skip" | "if-filter" | "force" | "force-optimized";
  /** Let no automatic compaction run meanwhile. Default false. */
  readonly exclusive?: boolean;
  /** Move the result to `targetLevel`, or as low as it can be. Default false. */
  readonly changeLevel?: boolean;
  readonly targetLevel?: number;
  /** Default false: wait until the flush before it would not stall writers. */
  readonly allowWriteStall?: boolean;
  /** 0, the default, for the database's own limit. */
  readonly maxSubcompactions?: number;
}

const BOTTOMMOST = ["skip", "if-filter", "force", "force-optimized"] as const;

/** What `backgroundWork` does: the numbers of maintenance_calls.cc. */
const PAUSE = 0;
const CONTINUE = 1;
const CANCEL = 2;
const CANCEL_AND_WAIT = 3;

function batchHandle(batch: WriteBatch | IndexedWriteBatch): Handle {
  if (batch instanceof WriteBatch) return WriteBatch.handleOf(batch);
  if (batch instanceof IndexedWriteBatch) return IndexedWriteBatch.handleOf(batch);
  throw new TypeError("batch must be a WriteBatch or an IndexedWriteBatch");
}

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

  /** What `lend` has lent, on any thread of the process, for the first who asks. Throws ERR_ROCKSDB_CLOSED. */
  static borrow(loan: number): BorrowedDatabase {
    return BorrowedDatabase.take(loan);
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
  async multiGetBinary(
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
    return native.writeAsync(this.#handle, bytes, length, flags, false);
  }

  /**
   * The same without the copy, which takes the event loop milliseconds when there are megabytes: the bytes
   * must stay as they are until the promise is settled.
   */
  writeLentAsync(bytes: Uint8Array, length: number, flags: number = 0): Promise<number> {
    return native.writeAsync(this.#handle, bytes, length, flags, true);
  }

  /** An empty batch. */
  batch(options: BatchOptions = {}): WriteBatch {
    return WriteBatch.open(this, this.#handle, options);
  }

  /** An empty batch that can be read. */
  indexedBatch(options: BatchOptions = {}): IndexedWriteBatch {
    return IndexedWriteBatch.open(this, this.#handle, options);
  }

  /** As `writeRepresentation`, with a batch. The batch stays as it is. */
  write(batch: WriteBatch | IndexedWriteBatch, flags: number = 0): number {
    return native.writeBatch(this.#handle, batchHandle(batch), flags);
  }

  /** As `writeRepresentationAsync`, with a batch, which may be changed as soon as this returns. */
  async writeAsync(batch: WriteBatch | IndexedWriteBatch, flags: number = 0): Promise<number> {
    return native.writeBatchAsync(this.#handle, batchHandle(batch), flags);
  }

  /**
   * What a key of a `multiGetBinary` took on its thread, microseconds: a moving mean, 0 before the first.
   * Says whether reads wait for the disk.
   */
  get keyReadMicros(): number {
    return native.keyReadMicros(this.#handle);
  }

  /** The sequence number of the last record written. */
  get latestSequenceNumber(): number {
    return native.latestSequenceNumber(this.#handle);
  }

  /** A cursor, not yet on any entry: seek first. */
  iterator(family: number, options: IteratorOptions = {}): RocksIterator {
    return RocksIterator.open({ database: this, handle: this.#handle }, family, options);
  }

  /** The database as it is now, for reads later on. */
  snapshot(): Snapshot {
    return Snapshot.take(this, this.#handle);
  }

  /**
   * The database as it is now, for another thread of the process to read: the number for its `borrow`. RocksDB keeps
   * what it shows until it is given back there, or taken back here; closing this database ends it.
   */
  lend(): number {
    return native.lend(this.#handle);
  }

  /** Takes a loan back that nobody has borrowed; false if somebody has, or it has ended. */
  static takeBack(loan: number): boolean {
    return native.takeBack(loan);
  }

  /** Writes memtables to files. Rejects with RocksDBError. */
  async flush(request: FlushRequest = {}): Promise<void> {
    const { families, wait = true, allowWriteStall = false } = request;
    return native.flush(this.#handle, families, wait, allowWriteStall);
  }

  /** Compacts a range of keys. Closing the database stops it: Incomplete, ManualCompactionPaused. */
  async compactRange(family: number, request: CompactRequest = {}): Promise<void> {
    const { begin = null, end = null, bottommost = "if-filter" } = request;
    const level = BOTTOMMOST.indexOf(bottommost);
    if (level < 0) throw new TypeError(`bottommost must be one of: ${BOTTOMMOST.join(", ")}`);
    const flags =
      (request.exclusive === true ? 1 : 0) |
      (request.changeLevel === true ? 2 : 0) |
      (request.allowWriteStall === true ? 4 : 0);
    const { targetLevel = -1, maxSubcompactions = 0 } = request;
    return native.compactRange(
      this.#handle,
      family,
      begin,
      end,
      level,
      flags,
      targetLevel,
      maxSubcompactions,
    );
  }

  /** Deletes the files that lie wholly within a range: fast, and leaves what lies in other files. */
  deleteFilesInRange(
    family: number,
    begin: Bytes | null,
    end: Bytes | null,
    includeEnd: boolean = false,
  ): Promise<void> {
    return native.deleteFilesInRange(this.#handle, family, begin, end, includeEnd);
  }

  /**
   * Makes a database at `path`, which must not exist, that is this one as it is now: files are linked
   * where they can be. A write-ahead log of up to `logSizeForFlush` bytes is copied, not flushed.
   */
  checkpoint(path: string, logSizeForFlush: number = 0): Promise<void> {
    return native.checkpoint(this.#handle, path, logSizeForFlush);
  }

  /**
   * Changes a family's options while it is open. InvalidArgument for what cannot be changed. While a
   * writer waits in a stall, RocksDB holds this back until the stall ends.
   */
  async setOptions(family: number, options: OptionStrings): Promise<void> {
    return native.setOptions(this.#handle, family, flattenOptions(options));
  }

  /** Changes the database's options while it is open. */
  async setDBOptions(options: OptionStrings): Promise<void> {
    return native.setDBOptions(this.#handle, flattenOptions(options));
  }

  /** Hands the write-ahead log's buffer to the system (`manual_wal_flush`), and to the disk if so. */
  flushWal(sync: boolean): Promise<void> {
    return native.flushWal(this.#handle, sync);
  }

  /** Waits until everything written so far is on disk. */
  syncWal(): Promise<void> {
    return native.syncWal(this.#handle);
  }

  /** Tries to take up work again after a background error. Rejects with what still is wrong. */
  resume(): Promise<void> {
    return native.resume(this.#handle);
  }

  /** Waits for flushes and compactions under way and begins no new ones. */
  pauseBackgroundWork(): Promise<void> {
    return native.backgroundWork(this.#handle, PAUSE);
  }

  continueBackgroundWork(): Promise<void> {
    return native.backgroundWork(this.#handle, CONTINUE);
  }

  /** Stops flushes and compactions for good: the database can only be read and closed afterwards. */
  cancelAllBackgroundWork(wait: boolean): Promise<void> {
    return native.backgroundWork(this.#handle, wait ? CANCEL_AND_WAIT : CANCEL);
  }

  /** A property by RocksDB's name ("rocksdb.stats"...); null when there is no such property. */
  property(family: number, name: string): string | null {
    return native.property(this.#handle, family, name);
  }

  /** A property that is a number; null when there is none. The family "all" sums over all. */
  intProperty(family: number | "all", name: string): number | null {
    return native.intProperty(this.#handle, family === "all" ? -1 : family, name);
  }

  /** What `statistics` has of tickers: a hundredth of the work. */
  tickers(): Statistics["tickers"] {
    return readTickers(native.tickers(this.#handle));
  }

  /** Throws NotSupported unless the database was opened with `statistics`. */
  statistics(): Statistics {
    return {
      tickers: this.tickers(),
      histograms: readHistograms(native.histograms(this.#handle)),
    };
  }

  resetStatistics(): void {
    native.statisticsReset(this.#handle);
  }

  /** About how many bytes the entries of each range [begin, end) take, in files, memtables or both. */
  async approximateSizes(
    family: number,
    ranges: readonly (readonly [begin: Bytes, end: Bytes])[],
    where: "files" | "memtables" | "both" = "both",
  ): Promise<number[]> {
    const flags = { files: 1, memtables: 2, both: 3 }[where];
    return native.approximateSizes(this.#handle, family, ranges.flat(), flags);
  }

  /**
   * A walk through the write-ahead log from the batch that holds `sequence`. Rejects with NotFound
   * when nothing that new was written; old logs are kept as the options WAL_ttl_seconds and
   * WAL_size_limit_MB say.
   */
  updatesSince(sequence: number): Promise<Updates> {
    return Updates.open(this, this.#handle, sequence);
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
