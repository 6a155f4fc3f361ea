// The engine on disk: RocksDB, one column family for each store. Nothing above this file knows the
// binding. What may be opened stands in rocks-directory.ts, what RocksDB's errors mean in
// storage-errors.ts.
//
// The event loop never waits here (law 7): reads ask the block cache alone and answer "cold", writes
// are refused instead of delayed, the rest runs on threads.
//
// The store `data` keeps its memtable as a hash of short chains, one for each prefix of database and
// slot: a fraction of what a skip list costs to write (docs/decisions/0003, 0005). The price: a walk
// that leaves its prefix sorts pointers to all of the memtable.

import {
  BlockCache,
  Database,
  Gather,
  LoopWatch,
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
  type OptionStrings,
  type RocksIterator,
} from "@kept/rocksdb";

export { rocksdbVersion, type LoopWatch } from "@kept/rocksdb";

import type { Bytes } from "../base/bytes.ts";
import { isApplied } from "./batch-effect.ts";
import {
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
  type Loan,
  type StoreId,
  type UnknownOutcome,
  type WriteOptions,
} from "./engine.ts";
import * as directory from "./rocks-directory.ts";
import { COLD_CURSOR, iteratorOptions, RocksCursor } from "./rocks-cursor.ts";
import * as settingsOf from "./rocks-settings.ts";
import { FAMILY_NAMES, type RocksSettings } from "./rocks-settings.ts";
import {
  CLOSED_WORDS,
  closedOr,
  isBackgroundError,
  isFinal,
  kindOf,
  plainError,
  writeError,
} from "./storage-errors.ts";
import { WriteOps } from "./write-ops.ts";

/** Walks on threads go back to the loop after this much, so that a close need not wait long. */
const WARM_ENTRIES_PER_STEP = 4096;
const WARM_BYTES_PER_STEP = 4 * 1024 * 1024;
const UPDATES_PER_STEP = 64;
/** No store holds a key like this one; deleting it changes nothing. */
const NOTHING_KEY: Bytes = "\xff";
/** What RocksDB writes when it opens, beside what it recovers: a manifest, options, a new log. */
const ROOM_TO_OPEN_BYTES = 256 * 1024;

/** Turns of this thread's event loop that take longer than `longTurnMs`. */
export function watchLoop(longTurnMs: number): LoopWatch {
  return new LoopWatch(longTurnMs);
}

/** A string of `length` bytes whose bytes come piece by piece and are not copied again. */
export function gatherText(length: number): Gather {
  return new Gather(length);
}

/**
 * Opens or creates the database at `path`. Rejects with DirectoryRefused, and has written nothing,
 * when the directory is in use, foreign or damaged; with SettingRefused for settings RocksDB refuses.
 */
export async function openRocksEngine(path: string, settings: RocksSettings): Promise<Engine> {
  if (directory.inspectDirectory(path) === "database") await checkDatabase(path);
  const blockCache = new BlockCache({ capacity: settings.blockCacheBytes });
  const relay = new EventRelay();
  const database = await openDatabase({ path, settings, blockCache, relay });
  return new RocksEngine({ path, settings, blockCache, relay }, database);
}

/** What a database is opened with. */
interface Opening {
  readonly path: string;
  readonly settings: RocksSettings;
  readonly blockCache: BlockCache;
  readonly relay: EventRelay;
}

async function openDatabase(opening: Opening): Promise<Database> {
  const { path } = opening;
  let database: Database;
  try {
    database = await openTolerant(opening);
  } catch (error) {
    if (!(error instanceof RocksDBError)) throw error;
    if (error.code === "InvalidArgument") throw new SettingRefused(error.message);
    throw directory.openingFailed(path, error.code, error.message);
  }
  if (FAMILY_NAMES.every((name, id) => database.families.get(name) === id)) return database;
  await database.close();
  throw directory.holdsForeignData(path);
}

/**
 * A log cut short is read to its end, as is one whose end never reached the disk; one that is damaged
 * before its end is refused: what stands behind the damage was acknowledged.
 */
async function openTolerant(opening: Opening): Promise<Database> {
  const { path, settings } = opening;
  try {
    return await openAs(opening);
  } catch (error) {
    const isDamaged = error instanceof RocksDBError && error.code === "Corruption";
    if (!isDamaged || !directory.logEndsInNothing(path)) throw error;
    return openAs({ ...opening, settings: settingsOf.afterPowerCut(settings) });
  }
}

function openAs({ path, settings, blockCache, relay }: Opening): Promise<Database> {
  const plans = [...settingsOf.familyPlans(settings)];
  return Database.open(path, {
    options: settingsOf.databaseOptions(settings),
    families: Object.fromEntries(plans.map(([name, plan]) => [name, { ...plan, blockCache }])),
    createIfMissing: true,
    createMissingColumnFamilies: true,
    statistics: settings.statistics,
    // Debian's RocksDB aborts the process when its log of messages meets a full disk twice: a failed
    // assertion in its file writer. And a start that is refused must write nothing. What matters
    // comes as events.
    withoutMessageLog: true,
    readThreads: settings.readThreadCount,
    listener: relay.take,
  });
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
  const database = await Database.open(path, {
    families: Object.fromEntries(names.map((name) => [name, {}])),
    withoutMessageLog: true,
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
}

/** Events may come before there is an engine to hear them. */
class EventRelay {
  listener: ((event: DatabaseEvent) => void) | null = null;
  readonly take = (event: DatabaseEvent): void => this.listener?.(event);
}

const STEP_FLAGS = { reverse: STEP_REVERSE, keysOnly: STEP_KEYS_ONLY };

class RocksEngine implements Engine {
  #opening: Opening;
  /** Null while it is being reopened, and when that failed. */
  #database: Database | null;
  #reopened: Promise<Database> | null = null;
  #lastSequence = 0;
  #writeFlags: number;
  #error: EngineHealth["error"] = null;
  /** The batch whose fate is open; while it is, no other is taken. */
  #unsettled: Buffer | null = null;
  /**
   * An fsync of the log has failed. The kernel then takes what it could not write for written, so a second
   * fsync would succeed and mean nothing: what the log may have lost goes to tables first.
   */
  #isLogDoubtful = false;
  /** The last write was refused because compaction is behind: RocksDB tells of that in no other way. */
  #refusedForStall = false;
  #isClosed = false;
  #listener: () => void = () => {};

  constructor(opening: Opening, database: Database) {
    this.#opening = opening;
    this.#database = database;
    const { lowPriority, disableWal } = opening.settings;
    this.#writeFlags =
      WRITE_NO_SLOWDOWN |
      (lowPriority ? WRITE_LOW_PRIORITY : 0) |
      (disableWal ? WRITE_DISABLE_WAL : 0);
    opening.relay.listener = (event) => this.#hear(event);
  }

  // Reading

  get(store: StoreId, key: Bytes): Bytes | null | Cold {
    this.#checkOpen();
    if (this.#database === null) return undefined;
    try {
      return this.#database.getBinary(store, key, READ_BLOCK_CACHE);
    } catch (error) {
      throw readFailure(error);
    }
  }

  async load(store: StoreId, keys: readonly Bytes[]): Promise<(Bytes | null)[]> {
    const database = await this.#openedDatabase();
    try {
      const found = await database.multiGetBinary(store, keys);
      return found.map((value) => value ?? null);
    } catch (error) {
      throw readFailure(error);
    }
  }

  loadMicros(): number {
    return this.#isClosed ? 0 : (this.#database?.keyReadMicros ?? 0);
  }

  cursor(store: StoreId, range: CursorRange): Cursor {
    this.#checkOpen();
    if (this.#database === null) {
      if (range.patience === "wait") throw this.#unavailable();
      return COLD_CURSOR;
    }
    try {
      return new RocksCursor(iteratorOver(this.#database, store, range), range, {
        flags: STEP_FLAGS,
        translate: readFailure,
      });
    } catch (error) {
      throw readFailure(error);
    }
  }

  lend(): Loan | null {
    if (this.#isClosed || this.#database === null) return null;
    try {
      const number = this.#database.lend();
      return { number, takeBack: () => void Database.takeBack(number) };
    } catch (error) {
      throw readFailure(error);
    }
  }

  async warm(store: StoreId, range: CursorRange, entriesMax: number): Promise<void> {
    const database = await this.#openedDatabase();
    const flags = STEP_KEYS_ONLY | (range.reverse ? STEP_REVERSE : 0);
    try {
      const iterator = iteratorOver(database, store, { ...range, patience: "wait" });
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

  // Writing

  write(ops: WriteOps): void {
    const database = this.#writableDatabase();
    const batch = ops.finish();
    try {
      database.writeRepresentation(batch, batch.length, this.#writeFlags);
    } catch (error) {
      throw this.#writeFailure(error, batch, false);
    }
    this.#refusedForStall = false;
  }

  async writeAsync(ops: WriteOps, { sync }: WriteOptions): Promise<void> {
    const database = this.#writableDatabase();
    const batch = ops.finish();
    const flags = this.#writeFlags | (sync && this.#isLogged() ? WRITE_SYNC : 0);
    try {
      await database.writeLentAsync(batch, batch.length, flags);
    } catch (error) {
      // RocksDB remembers the failure of the log: whoever comes behind it is refused.
      throw this.#writeFailure(error, batch, this.#unsettled !== null);
    }
    this.#refusedForStall = false;
  }

  #isLogged(): boolean {
    return !this.#opening.settings.disableWal;
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
    // Debian's RocksDB aborts the process when a log that failed is touched again.
    this.#expectSettled();
    await this.#upkeep(async (database) => {
      // Nothing to do, or "busy" as long as a log that failed has not been left behind.
      await database.resume();
      if (this.#isLogDoubtful) await this.#beginFreshLog(database);
      // What no log holds is safe in files alone.
      if (!this.#isLogged()) return database.flush({ wait: true });
      try {
        await database.flushWal(true);
      } catch (error) {
        this.#isLogDoubtful = true;
        throw error;
      }
    });
  }

  async settleUnknown(): Promise<UnknownOutcome> {
    this.#checkOpen();
    const batch = this.#unsettled;
    if (batch === null) return "absent";
    if (!(await this.#resumes((database) => this.#beginFreshLog(database)))) await this.#reopen();
    const outcome = (await isApplied(this, batch)) ? "applied" : "absent";
    this.#unsettled = null;
    this.#error = null;
    this.#listener();
    return outcome;
  }

  /**
   * The gentle way back: RocksDB, which tries by itself, has written to tables what the memtables hold; `goOn` is
   * what comes then. False when it does not forgive the error.
   */
  async #resumes(goOn?: (database: Database) => Promise<void>): Promise<boolean> {
    const database = this.#database;
    if (database === null) return false;
    try {
      await database.resume();
      await goOn?.(database);
      return true;
    } catch (error) {
      if (!(error instanceof RocksDBError)) throw closedOr(error);
      if (this.#canReopenAfter(error)) return false;
      throw this.#background(error);
    }
  }

  /**
   * RocksDB changes logs only with a memtable that holds something, so one gets a deletion of nothing, which
   * must not touch the broken log. Without that, what follows would stand behind half a record, where
   * recovery stops.
   */
  async #beginFreshLog(database: Database): Promise<void> {
    const nothing = new WriteOps();
    nothing.delete(META, NOTHING_KEY);
    const batch = nothing.finish();
    await database.writeRepresentationAsync(batch, batch.length, WRITE_DISABLE_WAL);
    await database.flush({ wait: true });
    this.#isLogDoubtful = false;
  }

  /** A memtable without a log dies with the database: then there is only to try again. */
  #canReopenAfter(error: RocksDBError): boolean {
    return this.#isLogged() && error.code === "IOError" && isFinal(error);
  }

  /**
   * The hard way back, for errors RocksDB does not forgive an open database: close it and let
   * recovery read the log up to where it broke. Reads on the loop are cold meanwhile.
   */
  async #reopen(): Promise<void> {
    const database = this.#database;
    if (database !== null) {
      await this.#expectRoom();
      this.#lastSequence = database.latestSequenceNumber;
      this.#database = null;
    }
    this.#reopened ??= this.#openAgain(database);
    try {
      this.#database = await this.#reopened;
      this.#isLogDoubtful = false;
    } catch (error) {
      if (!(error instanceof directory.DirectoryRefused)) throw error;
      this.#error = { kind: "io", words: error.message };
      throw this.#unavailable();
    } finally {
      this.#reopened = null;
    }
  }

  /** Only an open database can be read, so it is not closed before the disk takes writes again. */
  async #expectRoom(): Promise<void> {
    const { path } = this.#opening;
    const needed = directory.bytesOfLogs(path) + ROOM_TO_OPEN_BYTES;
    const words = await directory.refusalToWrite(path, needed);
    if (words !== null) throw new StorageError(this.#error?.kind ?? "io", "refused", words);
  }

  async #openAgain(database: Database | null): Promise<Database> {
    try {
      await database?.close();
    } catch (error) {
      // It cannot write what it wanted to write last; that is why it is closed.
      if (!(error instanceof RocksDBError)) throw error;
    }
    return openDatabase(this.#opening);
  }

  sequence(): number {
    this.#checkOpen();
    return this.#database?.latestSequenceNumber ?? this.#lastSequence;
  }

  async *updatesSince(sequence: number): AsyncIterable<EngineUpdate> {
    const database = await this.#openedDatabase();
    try {
      const updates = await database.updatesSince(sequence);
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
    const rate = this.property("rocksdb.actual-delayed-write-rate");
    return rate === null || rate === "0" ? "none" : "delayed";
  }

  onHealth(listener: () => void): void {
    this.#listener = listener;
  }

  #hear(event: DatabaseEvent): void {
    if (event.type === "flush" || event.type === "compaction") return;
    // A merge that fails is tried again by itself, and nobody writes less for it.
    if (event.type === "background-error" && event.reason === "compaction") {
      if (!isBackgroundError(event.error)) return;
    }
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
    this.#expectSettled();
    if (!(await this.#resumes())) await this.#reopen();
    if (this.#error === null) return;
    this.#error = null;
    this.#listener();
  }

  #expectSettled(): void {
    if (this.#unsettled === null) return;
    throw new StorageError("io", "refused", "a write of unknown fate is not settled");
  }

  property(name: string, of: StoreId | "all" = META): string | null {
    this.#checkOpen();
    if (this.#database === null) return null;
    if (of !== "all") return this.#database.property(of, name) ?? ticker(this.#database, name);
    const sum = this.#database.intProperty("all", name);
    return sum === null ? null : String(sum);
  }

  flush(): Promise<void> {
    return this.#upkeep((database) => database.flush({ wait: true }));
  }

  compact(): Promise<void> {
    return this.#upkeep(async (database) => {
      for (const family of STORES.keys()) {
        // oxlint-disable-next-line no-await-in-loop -- one at a time leaves room for others
        await database.compactRange(family);
      }
    });
  }

  checkpoint(path: string): Promise<void> {
    return this.#upkeep((database) => database.checkpoint(path));
  }

  async configure(name: string, value: string): Promise<void> {
    const database = await this.#openedDatabase();
    if (name === "block_cache_bytes") {
      this.#opening.blockCache.capacity = Number(value);
      return;
    }
    if (name === "low_pri") {
      if (value === "true") this.#writeFlags |= WRITE_LOW_PRIORITY;
      else this.#writeFlags &= ~WRITE_LOW_PRIORITY;
      return;
    }
    const change = { [name]: value };
    try {
      if (settingsOf.scopeOf(name) === "database") await database.setDBOptions(change);
      else await setFamilyOptions(database, change);
    } catch (error) {
      if (error instanceof RocksDBError) throw new SettingRefused(error.message);
      throw closedOr(error);
    }
    const settings = settingsOf.withChange(this.#opening.settings, name, value);
    this.#opening = { ...this.#opening, settings };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // Whoever reopens hears of a failure; here it means that there is nothing to close.
    const reopened = await this.#reopened?.catch(() => null);
    const database = reopened ?? this.#database;
    try {
      await database?.close();
    } catch (error) {
      if (!(error instanceof RocksDBError)) throw error;
      // After a background error there is nothing to tell that was not told already.
      if (this.#error === null) throw plainError(error);
    }
  }

  async #upkeep(action: (database: Database) => Promise<void>): Promise<void> {
    const database = await this.#openedDatabase();
    try {
      await action(database);
    } catch (error) {
      throw this.#background(error);
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StorageError("closed", "refused", CLOSED_WORDS);
  }

  async #openedDatabase(): Promise<Database> {
    this.#checkOpen();
    const database = this.#database ?? (await this.#reopened?.catch(() => null)) ?? null;
    if (database === null) throw this.#unavailable();
    return database;
  }

  #writableDatabase(): Database {
    this.#checkOpen();
    const isBroken = this.#unsettled !== null || this.#error !== null;
    if (isBroken || this.#database === null) throw this.#unavailable();
    return this.#database;
  }

  #unavailable(otherwise = "the database is being reopened"): StorageError {
    const { kind, words } = this.#error ?? { kind: "io", words: otherwise };
    return new StorageError(kind, "refused", words);
  }

  /** The error of work in the background, noted when it is RocksDB's own state. */
  #background(error: unknown): unknown {
    if (!(error instanceof RocksDBError)) return closedOr(error);
    if (error.code === "Busy") return this.#unavailable("RocksDB recovers from an error");
    if (isBackgroundError(error)) {
      this.#error = { kind: kindOf(error), words: error.message };
      this.#listener();
    }
    return plainError(error);
  }
}

async function setFamilyOptions(database: Database, change: OptionStrings): Promise<void> {
  for (const family of STORES.keys()) {
    // oxlint-disable-next-line no-await-in-loop -- a refusal ends it
    await database.setOptions(family, change);
  }
}

function iteratorOver(database: Database, store: StoreId, range: CursorRange): RocksIterator {
  const readTier = range.patience === "loop" ? READ_BLOCK_CACHE : READ_ALL;
  return database.iterator(store, { ...iteratorOptions(store, range), readTier });
}

function readFailure(error: unknown): unknown {
  return error instanceof RocksDBError ? plainError(error) : closedOr(error);
}

/** Asked before every write for `error`: the stall costs native calls and is read only if wanted. */
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

/** RocksDB counts only when it was opened to. */
function ticker(database: Database, name: string): string | null {
  try {
    const count = database.tickers()[name];
    return count === undefined ? null : String(count);
  } catch (error) {
    if (error instanceof RocksDBError && error.code === "NotSupported") return null;
    throw readFailure(error);
  }
}
