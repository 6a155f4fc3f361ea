// The engine on disk: RocksDB, one column family for each store. Nothing above this file knows the
// binding. What may be opened stands in rocks-directory.ts, what RocksDB's errors mean in
// storage-errors.ts.
//
// The event loop never waits here (law 7): reads ask the block cache alone and answer "cold", writes
// are refused instead of delayed, the rest runs on threads.
//
// The store `data` keeps its memtable as a hash of skip lists, one for each prefix of database and
// slot: three times faster to write than one skip list (docs/decisions). The price: a walk that
// leaves its prefix sorts a copy of the memtable.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  BlockCache,
  Database,
  READ_ALL,
  READ_BLOCK_CACHE,
  RocksDBError,
  STEP_KEYS_ONLY,
  STEP_REVERSE,
  WRITE_DISABLE_WAL,
  WRITE_LOW_PRIORITY,
  WRITE_NO_SLOWDOWN,
  WRITE_SYNC,
  type DatabaseEvent,
  type FamilyOptions,
  type OpenOptions,
  type RocksIterator,
} from "@kept/rocksdb";

import type { Bytes } from "../base/bytes.ts";
import { isApplied } from "./batch-effect.ts";
import {
  DATA,
  DATA_PREFIX_SIZE,
  META,
  STORES,
  SettingRefused,
  StorageError,
  type Cold,
  type Cursor,
  type CursorRange,
  type Engine,
  type EngineHealth,
  type EngineUpdate,
  type StoreId,
  type UnknownOutcome,
  type WriteOptions,
} from "./engine.ts";
import * as directory from "./rocks-directory.ts";
import type { RocksSettings } from "./rocks-settings.ts";
import { isBackgroundError, kindOf, plainError, writeError } from "./storage-errors.ts";
import { WriteOps } from "./write-ops.ts";

/** The families' names: RocksDB wants the first one to be "default". */
const FAMILY_NAMES: readonly string[] = STORES.map((name) => (name === "meta" ? "default" : name));
/** One bucket for each slot, were there one database; 128 KB a memtable. */
const BUCKET_COUNT = 16384;
const FILTER_BITS_PER_KEY = 10;
/** Walks on threads go back to the loop after this much, so that a close need not wait long. */
const WARM_ENTRIES_PER_STEP = 4096;
const WARM_BYTES_PER_STEP = 4 * 1024 * 1024;
const UPDATES_PER_STEP = 64;
/** No store holds a key like this one; deleting it changes nothing. */
const NOTHING_KEY: Bytes = "\xff";
const CLOSED_WORDS = "the engine is closed";

/**
 * Opens or creates the database at `path`. Rejects with DirectoryRefused, and has written nothing,
 * when the directory is in use, foreign or damaged; with SettingRefused for settings RocksDB refuses.
 */
export async function openRocksEngine(path: string, settings: RocksSettings): Promise<Engine> {
  if (directory.inspectDirectory(path) === "database") await checkDatabase(path);
  const blockCache = new BlockCache({ capacity: settings.blockCacheBytes });
  const events = new EventRelay();
  const options: OpenOptions = {
    options: databaseOptions(settings),
    families: familyOptions(settings, blockCache),
    createIfMissing: true,
    createMissingColumnFamilies: true,
    statistics: settings.statistics,
    readThreads: settings.readThreadCount,
    listener: events.take,
  };
  let database: Database;
  try {
    database = await Database.open(path, options);
  } catch (error) {
    if (!(error instanceof RocksDBError)) throw error;
    if (error.code === "InvalidArgument") throw new SettingRefused(error.message);
    throw directory.openingFailed(path, error.code, error.message);
  }
  for (const [index, name] of FAMILY_NAMES.entries()) {
    if (database.families.get(name) === index) continue;
    // oxlint-disable-next-line no-await-in-loop -- it ends the loop
    await database.close();
    throw directory.holdsForeignData(path);
  }
  return new RocksEngine({ database, blockCache, events, settings });
}

/** Looks at an existing database without writing to its directory; throws DirectoryRefused. */
async function checkDatabase(path: string): Promise<void> {
  try {
    const found = await Database.listColumnFamilies(path);
    directory.checkFamilies(path, found, FAMILY_NAMES);
    if (found.length < STORES.length && (await holdsData(path, found))) {
      throw directory.holdsForeignData(path);
    }
  } catch (error) {
    if (!(error instanceof RocksDBError)) throw error;
    throw directory.openingFailed(path, error.code, error.message);
  }
}

/** A first start that died half-way leaves some of our families, all empty. */
async function holdsData(path: string, names: readonly string[]): Promise<boolean> {
  // Even a database that is open for reading wants to write its log of messages somewhere.
  const logDirectory = mkdtempSync(join(tmpdir(), "kept-look-"));
  try {
    const database = await Database.open(path, {
      options: { db_log_dir: logDirectory },
      families: Object.fromEntries(names.map((name) => [name, {}])),
      readOnly: true,
    });
    try {
      return names.some((name) => {
        const iterator = database.iterator(database.family(name));
        const isFound = iterator.seekToFirst();
        iterator.close();
        return isFound;
      });
    } finally {
      await database.close();
    }
  } finally {
    rmSync(logDirectory, { recursive: true, force: true });
  }
}

function databaseOptions(settings: RocksSettings): Record<string, string> {
  return {
    avoid_unnecessary_blocking_io: "true",
    ...settings.database,
    // The hash memtable takes one writer at a time; that writer needs no pipeline.
    allow_concurrent_memtable_write: "false",
    enable_pipelined_write: "false",
    // Without a log, families flushed one by one would tear batches that span them (law 3).
    atomic_flush: settings.disableWal ? "true" : "false",
  };
}

function familyOptions(
  settings: RocksSettings,
  blockCache: BlockCache,
): Record<string, FamilyOptions> {
  const common: FamilyOptions = {
    options: settings.family,
    tableOptions: settings.table,
    blockCache,
    filter: { kind: "bloom", bitsPerKey: FILTER_BITS_PER_KEY },
    wholeKeyFiltering: true,
  };
  const data: FamilyOptions = {
    ...common,
    options: { ...settings.family, prefix_extractor: `rocksdb.FixedPrefix.${DATA_PREFIX_SIZE}` },
    memtable: { kind: "hash-skip-list", bucketCount: BUCKET_COUNT },
  };
  return Object.fromEntries(
    STORES.map((store, index) => [FAMILY_NAMES[index] ?? "", store === "data" ? data : common]),
  );
}

/** Events may come before there is an engine to hear them. */
class EventRelay {
  listener: ((event: DatabaseEvent) => void) | null = null;
  readonly take = (event: DatabaseEvent): void => this.listener?.(event);
}

interface Parts {
  readonly database: Database;
  readonly blockCache: BlockCache;
  readonly events: EventRelay;
  readonly settings: RocksSettings;
}

function healthOf(
  stall: () => EngineHealth["stall"],
  error: () => EngineHealth["error"],
): EngineHealth {
  return {
    get stall() {
      return stall();
    },
    get error() {
      return error();
    },
  };
}

class RocksEngine implements Engine {
  readonly #database: Database;
  readonly #blockCache: BlockCache;
  readonly #isLogged: boolean;
  readonly #keepsStatistics: boolean;
  #writeFlags: number;
  #error: EngineHealth["error"] = null;
  /** The batch whose fate is open; while it is, no other is taken. */
  #unsettled: Buffer | null = null;
  /** The last write was refused because compaction is behind: RocksDB tells of that in no other way. */
  #refusedForStall = false;
  #isClosed = false;
  #listener: () => void = () => {};

  constructor({ database, blockCache, events, settings }: Parts) {
    this.#database = database;
    this.#blockCache = blockCache;
    this.#isLogged = !settings.disableWal;
    this.#keepsStatistics = settings.statistics;
    this.#writeFlags =
      WRITE_NO_SLOWDOWN |
      (settings.lowPriority ? WRITE_LOW_PRIORITY : 0) |
      (settings.disableWal ? WRITE_DISABLE_WAL : 0);
    events.listener = (event) => this.#hear(event);
  }

  // Reading

  get(store: StoreId, key: Bytes): Bytes | null | Cold {
    this.#checkOpen();
    try {
      return this.#database.getBinary(store, key, READ_BLOCK_CACHE);
    } catch (error) {
      throw readFailure(error);
    }
  }

  async load(store: StoreId, keys: readonly Bytes[]): Promise<(Bytes | null)[]> {
    this.#checkOpen();
    try {
      const found = await this.#database.multiGetBinary(store, keys);
      return found.map((value) => value ?? null);
    } catch (error) {
      throw readFailure(error);
    }
  }

  cursor(store: StoreId, range: CursorRange): Cursor {
    this.#checkOpen();
    try {
      return new RocksCursor(this.#iterator(store, range), range);
    } catch (error) {
      throw readFailure(error);
    }
  }

  async warm(store: StoreId, range: CursorRange, entriesMax: number): Promise<void> {
    this.#checkOpen();
    const flags = STEP_KEYS_ONLY | (range.reverse ? STEP_REVERSE : 0);
    try {
      const iterator = this.#iterator(store, { ...range, patience: "wait" });
      try {
        let left = entriesMax;
        let isFirst = true;
        while (left > 0 && (isFirst || iterator.state === "more")) {
          const count = Math.min(left, WARM_ENTRIES_PER_STEP);
          const start = range.reverse ? range.upper : range.lower;
          if (isFirst && start === null) await iterator.seekAsync("last");
          const keys =
            isFirst && start !== null
              ? await iterator.seekBinaryAsync(start, count, WARM_BYTES_PER_STEP, flags)
              : await iterator.nextBinaryAsync(count, WARM_BYTES_PER_STEP, flags);
          left -= keys.length;
          isFirst = false;
        }
      } finally {
        iterator.close();
      }
    } catch (error) {
      throw readFailure(error);
    }
  }

  #iterator(store: StoreId, range: CursorRange): RocksIterator {
    const isPrefixed = store === DATA && staysInPrefix(range);
    return this.#database.iterator(store, {
      lowerBound: range.lower,
      ...(range.upper === null ? {} : { upperBound: range.upper }),
      readTier: range.patience === "loop" ? READ_BLOCK_CACHE : READ_ALL,
      totalOrderSeek: !isPrefixed,
      prefixSameAsStart: isPrefixed,
    });
  }

  // Writing

  write(ops: WriteOps): void {
    this.#checkWritable();
    const batch = ops.finish();
    const wasBroken = this.#error !== null;
    try {
      this.#database.writeRepresentation(batch, batch.length, this.#writeFlags);
    } catch (error) {
      throw this.#writeFailure(error, batch, wasBroken);
    }
    this.#refusedForStall = false;
  }

  async writeAsync(ops: WriteOps, { sync }: WriteOptions): Promise<void> {
    this.#checkWritable();
    const batch = Buffer.from(ops.finish());
    const flags = this.#writeFlags | (sync && this.#isLogged ? WRITE_SYNC : 0);
    try {
      await this.#database.writeRepresentationAsync(batch, batch.length, flags);
    } catch (error) {
      // RocksDB remembers the failure of the log: whoever comes behind it is refused.
      throw this.#writeFailure(error, batch, this.#unsettled !== null);
    }
    this.#refusedForStall = false;
  }

  /** Notes what a failed write means and gives the error to throw. */
  #writeFailure(error: unknown, batch: Buffer, wasBroken: boolean): unknown {
    if (!(error instanceof RocksDBError)) return closedOr(error);
    const failure = writeError(error, wasBroken);
    if (failure.kind === "stall") this.#refusedForStall = true;
    if (failure.fate === "unknown") this.#unsettled = Buffer.from(batch);
    if (failure.fate === "unknown" || isBackgroundError(error)) {
      this.#error = { kind: failure.kind, words: failure.message };
      this.#listener();
    }
    return failure;
  }

  async sync(): Promise<void> {
    this.#checkOpen();
    if (!this.#isLogged) return;
    try {
      await this.#database.flushWal(true);
    } catch (error) {
      throw this.#background(error);
    }
  }

  async settleUnknown(): Promise<UnknownOutcome> {
    this.#checkOpen();
    const batch = this.#unsettled;
    if (batch === null) return "absent";
    try {
      await this.#database.resume();
      await this.#beginFreshLog();
    } catch (error) {
      throw this.#background(error);
    }
    const outcome = (await isApplied(this, batch)) ? "applied" : "absent";
    this.#unsettled = null;
    this.#error = null;
    this.#listener();
    return outcome;
  }

  /**
   * Leaves a log behind that may end in half a record. RocksDB changes logs only with a memtable that
   * holds something, so one gets a deletion of nothing, past the log it must not touch.
   */
  async #beginFreshLog(): Promise<void> {
    const nothing = new WriteOps();
    nothing.delete(META, NOTHING_KEY);
    const batch = nothing.finish();
    await this.#database.writeRepresentationAsync(batch, batch.length, WRITE_DISABLE_WAL);
    await this.#database.flush({ wait: true });
  }

  sequence(): number {
    this.#checkOpen();
    return this.#database.latestSequenceNumber;
  }

  async *updatesSince(sequence: number): AsyncIterable<EngineUpdate> {
    this.#checkOpen();
    try {
      const updates = await this.#database.updatesSince(sequence);
      try {
        for (;;) {
          // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
          const some = await updates.next(UPDATES_PER_STEP);
          if (some.length === 0) return;
          for (const { sequence: seq, representation } of some) yield { seq, representation };
        }
      } finally {
        updates.close();
      }
    } catch (error) {
      // RocksDB's way to say that nothing that new was written.
      if (error instanceof RocksDBError && error.code === "NotFound") return;
      throw readFailure(error);
    }
  }

  async firstUpdate(): Promise<number> {
    for await (const update of this.updatesSince(0)) return update.seq;
    return this.sequence() + 1;
  }

  // Health and upkeep

  // Asked before every write for `error`: the stall, which costs native calls, is read only if wanted.
  health(): EngineHealth {
    return this.#health;
  }

  readonly #health: EngineHealth = healthOf(
    () => (this.#isClosed ? "none" : this.#stall()),
    () => this.#error,
  );

  #stall(): EngineHealth["stall"] {
    if (this.property("rocksdb.is-write-stopped") === "1") return "stopped";
    if (this.#refusedForStall) return "delayed";
    return this.property("rocksdb.actual-delayed-write-rate") === "0" ? "none" : "delayed";
  }

  onHealth(listener: () => void): void {
    this.#listener = listener;
  }

  #hear(event: DatabaseEvent): void {
    if (event.type === "flush" || event.type === "compaction") return;
    if (event.type === "background-error") {
      this.#error = { kind: kindOf(event.error), words: event.error.message };
    }
    // A write of unknown fate keeps the engine closed to writers until it is settled.
    if (event.type === "recovery-end" && this.#unsettled === null) {
      this.#error =
        event.error === null ? null : { kind: kindOf(event.error), words: event.error.message };
    }
    if (event.type === "stall" && event.to === "normal") this.#refusedForStall = false;
    this.#listener();
  }

  async resume(): Promise<void> {
    this.#checkOpen();
    if (this.#unsettled !== null) {
      throw new StorageError("io", "refused", "a write of unknown fate is not settled");
    }
    try {
      await this.#database.resume();
    } catch (error) {
      throw this.#background(error);
    }
    if (this.#error === null) return;
    this.#error = null;
    this.#listener();
  }

  property(name: string, of: StoreId | "all" = META): string | null {
    this.#checkOpen();
    if (of !== "all") return this.#database.property(of, name) ?? this.#ticker(name);
    const sum = this.#database.intProperty("all", name);
    return sum === null ? this.#ticker(name) : String(sum);
  }

  #ticker(name: string): string | null {
    if (!this.#keepsStatistics) return null;
    const count = this.#database.statistics().tickers[name];
    return count === undefined ? null : String(count);
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    try {
      await this.#database.flush({ wait: true });
    } catch (error) {
      throw this.#background(error);
    }
  }

  async compact(): Promise<void> {
    this.#checkOpen();
    try {
      for (const family of STORES.keys()) {
        // oxlint-disable-next-line no-await-in-loop -- one at a time leaves room for others
        await this.#database.compactRange(family);
      }
    } catch (error) {
      throw this.#background(error);
    }
  }

  async checkpoint(path: string): Promise<void> {
    this.#checkOpen();
    try {
      await this.#database.checkpoint(path);
    } catch (error) {
      throw this.#background(error);
    }
  }

  async configure(name: string, value: string): Promise<void> {
    this.#checkOpen();
    if (name === "block_cache_bytes") {
      this.#blockCache.capacity = Number(value);
      return;
    }
    if (name === "low_pri") {
      if (value === "true") this.#writeFlags |= WRITE_LOW_PRIORITY;
      else this.#writeFlags &= ~WRITE_LOW_PRIORITY;
      return;
    }
    const isOfDatabase = DATABASE_SETTINGS.has(name);
    try {
      if (isOfDatabase) await this.#database.setDBOptions({ [name]: value });
      else {
        for (const family of STORES.keys()) {
          // oxlint-disable-next-line no-await-in-loop -- a refusal ends it
          await this.#database.setOptions(family, { [name]: value });
        }
      }
    } catch (error) {
      if (error instanceof RocksDBError) throw new SettingRefused(error.message);
      throw closedOr(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#database.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StorageError("closed", "refused", CLOSED_WORDS);
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (this.#unsettled === null) return;
    const words = this.#error?.words ?? "a write of unknown fate is not settled";
    throw new StorageError("io", "refused", words);
  }

  /** The error of work in the background, noted when it is RocksDB's own state. */
  #background(error: unknown): unknown {
    if (!(error instanceof RocksDBError)) return closedOr(error);
    if (isBackgroundError(error)) {
      this.#error = { kind: kindOf(error), words: error.message };
      this.#listener();
    }
    return plainError(error);
  }
}

/** Database options that RocksDB changes while running; all others are a family's. */
const DATABASE_SETTINGS: ReadonlySet<string> = new Set([
  "max_background_jobs",
  "max_background_compactions",
  "max_background_flushes",
  "max_subcompactions",
  "max_total_wal_size",
  "max_open_files",
  "stats_dump_period_sec",
  "stats_persist_period_sec",
  "delayed_write_rate",
  "delete_obsolete_files_period_micros",
  "bytes_per_sync",
  "wal_bytes_per_sync",
  "strict_bytes_per_sync",
  "compaction_readahead_size",
  "writable_file_max_buffer_size",
  "avoid_flush_during_shutdown",
]);

class RocksCursor implements Cursor {
  readonly #iterator: RocksIterator;
  readonly #range: CursorRange;
  #isSought = false;
  #isCold = false;

  constructor(iterator: RocksIterator, range: CursorRange) {
    this.#iterator = iterator;
    this.#range = range;
  }

  next(entriesMax: number): Bytes[] | Cold {
    if (this.#isCold) return undefined;
    try {
      if (!this.#isSought) this.#seek();
      const flat = this.#iterator.state === "more" ? this.#take(entriesMax) : [];
      if (this.#iterator.state === "incomplete") {
        this.#isCold = true;
        if (flat.length === 0) return undefined;
      }
      return flat;
    } catch (error) {
      throw readFailure(error);
    }
  }

  close(): void {
    this.#iterator.close();
  }

  #seek(): void {
    const { lower, upper, reverse } = this.#range;
    this.#isSought = true;
    if (!reverse) this.#iterator.seek(lower);
    else if (upper === null) this.#iterator.seekToLast();
    // The upper bound keeps `upper` itself out.
    else this.#iterator.seekForPrev(upper);
  }

  #take(entriesMax: number): Bytes[] {
    const { reverse, valueBytesMax } = this.#range;
    const flags = (reverse ? STEP_REVERSE : 0) | (valueBytesMax === 0 ? STEP_KEYS_ONLY : 0);
    const flat = this.#iterator.nextBinary(entriesMax, Number.MAX_SAFE_INTEGER, flags);
    if (valueBytesMax === Infinity) return flat;
    if (valueBytesMax === 0) return flat.flatMap((key) => [key, ""]);
    for (let index = 1; index < flat.length; index += 2) {
      flat[index] = (flat[index] ?? "").slice(0, valueBytesMax);
    }
    return flat;
  }
}

/**
 * Whether a walk over `data` sees keys of one prefix alone. Backwards it may not begin at the end of
 * the prefix: a hashed memtable has no way to its last key.
 */
function staysInPrefix({ lower, upper, reverse }: CursorRange): boolean {
  if (reverse || upper === null || lower.length < DATA_PREFIX_SIZE) return false;
  const prefix = lower.slice(0, DATA_PREFIX_SIZE);
  const end = successor(prefix);
  return end !== null && upper <= end;
}

/** The first key behind all keys with this prefix; null when there is none. */
function successor(prefix: Bytes): Bytes | null {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--;
  if (end === 0) return null;
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}

function readFailure(error: unknown): unknown {
  return error instanceof RocksDBError ? plainError(error) : closedOr(error);
}

/** The binding's own refusals after a close; anything else is our bug and passes. */
function closedOr(error: unknown): unknown {
  const isClosed = error instanceof Error && "code" in error && error.code === "ERR_ROCKSDB_CLOSED";
  return isClosed ? new StorageError("closed", "refused", CLOSED_WORDS) : error;
}
