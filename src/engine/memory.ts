// The engine without a disk: ordered maps, no clock, no chance. It passes the same suite as the
// product (test/engine/), and it can be told to fail: tests and the simulation refuse commits, leave
// them unknown, make reads cold, stall, hold what would run on a thread, and let the machine die.
//
// A batch is applied whole at one moment: for `write` during the call; for what the product does on
// a thread, in the next microtask, or when the test releases it (`holdAsync`).

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { BorrowedEngine } from "./borrowed.ts";
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
  type StorageErrorKind,
  type StoreId,
  type UnknownOutcome,
  type WriteOptions,
} from "./engine.ts";
import { MemoryCursor } from "./memory-cursor.ts";
import { OrderedMap, type OrderedSnapshot } from "./ordered-map.ts";
import { readWriteOps, type WriteOps } from "./write-ops.ts";

/** What runs on a thread in the product. */
export type AsyncKind = "write" | "load" | "warm" | "sync" | "settle" | "resume" | "other";

interface Waiting {
  readonly kind: AsyncKind;
  /** For a write, the batch: what a crash may still find in the log. */
  readonly batch: Buffer | null;
  readonly run: () => void;
}

interface Failure {
  readonly kind: StorageErrorKind;
  readonly words: string;
  left: number;
}

export interface CrashOptions {
  /** "process": the page cache lives on. "machine": what was not synced is lost. */
  readonly survive: "process" | "machine";
  /** After the death of the machine: this many batches past the last sync are there all the same. */
  readonly unsyncedKept?: number;
  /** Of the writes that had not ended, this many, oldest first, had reached the log. */
  readonly inFlightKept?: number;
  /**
   * After the death of the machine: the log is there up to this many bytes past the last sync, whatever
   * batch they end in. A batch that is cut is dropped whole, as RocksDB's checksums do; in place of
   * `unsyncedKept` and `inFlightKept`.
   */
  readonly unsyncedBytesKept?: number;
}

const WORDS: Record<StorageErrorKind, string> = {
  stall: "Write stall",
  "too-large": "Batch size exceeds the limit",
  "read-only": "Not supported operation in read only mode.",
  "no-space": "No space left on device",
  io: "While appending to file: Input/output error",
  corruption: "block checksum mismatch",
  closed: "the engine is closed",
};
const KNOWN_SETTINGS: ReadonlySet<string> = new Set([
  "block_cache_bytes",
  "disable_auto_compactions",
  "level0_file_num_compaction_trigger",
  "level0_slowdown_writes_trigger",
  "level0_stop_writes_trigger",
  "low_pri",
  "max_background_jobs",
  "max_write_buffer_number",
  "write_buffer_size",
]);
/** Past this the log is dropped and all counts as flushed, as RocksDB flushes memtables. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;

export class MemoryEngine implements Engine {
  #stores: OrderedMap[] = STORES.map(() => new OrderedMap());
  #sequence = 0;
  #durable: OrderedSnapshot[] = this.#snapshots();
  #durableSequence = 0;
  #log: EngineUpdate[] = [];
  #logBytes = 0;

  #refusal: Failure | null = null;
  #readFailure: Failure | null = null;
  #syncFailure: Failure | null = null;
  #unknown: { outcome: UnknownOutcome; left: number } | null = null;
  /** The write whose fate is open; while it is, no other is taken. */
  #unsettled: { outcome: UnknownOutcome; batch: Buffer } | null = null;
  #settleFailuresLeft = 0;
  #stall: EngineHealth["stall"] = "none";
  #error: EngineHealth["error"] = null;
  #listener: () => void = () => {};

  #isCold: ((store: StoreId, key: Bytes) => boolean) | null = null;
  #warmed = new Set<Bytes>();

  readonly #loans = new Map<number, readonly OrderedSnapshot[]>();
  #nextLoan = 1;

  #holding = false;
  #waiting: Waiting[] = [];
  #closed = false;

  readonly settings = new Map<string, string>();
  readonly checkpoints = new Map<string, MemoryEngine>();

  // The port

  get(store: StoreId, key: Bytes): Bytes | null | Cold {
    this.#checkReadable();
    return this.#coldKey(store, key) ? undefined : this.#store(store).get(key);
  }

  loadMicros(): number {
    return 0;
  }

  load(store: StoreId, keys: readonly Bytes[]): Promise<(Bytes | null)[]> {
    return this.#later("load", null, () => {
      this.#checkReadable();
      for (const key of keys) this.#warmed.add(warmName(store, key));
      return keys.map((key) => this.#store(store).get(key));
    });
  }

  cursor(store: StoreId, range: CursorRange): Cursor {
    this.#checkReadable();
    const isCold = range.patience === "loop" ? this.#coldKey.bind(this, store) : null;
    return new MemoryCursor(this.#store(store).snapshot(), range, isCold);
  }

  lend(): Loan | null {
    if (this.#closed) return null;
    const number = this.#nextLoan++;
    this.#loans.set(number, this.#snapshots());
    return { number, takeBack: () => void this.#loans.delete(number) };
  }

  /** What was lent, once, as it was then. Throws StorageError when that has ended. */
  borrow(loan: number): Engine {
    const snapshots = this.#loans.get(loan);
    if (snapshots === undefined || this.#closed) {
      throw new StorageError("closed", "refused", WORDS.closed);
    }
    this.#loans.delete(loan);
    const stores = snapshots.map((snapshot) => OrderedMap.of(snapshot));
    return new BorrowedEngine({
      get: (store, key) => {
        this.#checkReadable();
        return stores[store]?.get(key) ?? null;
      },
      cursor: (store, range) => {
        this.#checkReadable();
        const snapshot = snapshots[store];
        assert(snapshot !== undefined);
        return new MemoryCursor(snapshot, range, null);
      },
      close: () => {},
    });
  }

  /** As when the database is closed, or opened anew: what was lent can be borrowed no more. */
  endLoans(): void {
    this.#loans.clear();
  }

  /** How many loans nobody has borrowed or taken back. */
  get lentCount(): number {
    return this.#loans.size;
  }

  warm(store: StoreId, range: CursorRange, entriesMax: number): Promise<void> {
    return this.#later("warm", null, () => {
      this.#checkReadable();
      let left = entriesMax;
      for (const [key] of this.#store(store).snapshot().entries(range)) {
        if (left-- <= 0) break;
        this.#warmed.add(warmName(store, key));
      }
    });
  }

  write(ops: WriteOps): void {
    this.#commit(ops.finish());
  }

  writeAsync(ops: WriteOps, options: WriteOptions): Promise<void> {
    const batch = Buffer.from(ops.finish());
    return this.#later("write", batch, () => {
      this.#commit(batch);
      if (options.sync) this.#makeDurable();
    });
  }

  sync(): Promise<void> {
    return this.#later("sync", null, () => {
      this.#checkOpen();
      throwIfDue(this.#syncFailure);
      if (this.#unsettled !== null) throw new StorageError("io", "refused", WORDS.io);
      this.#makeDurable();
    });
  }

  settleUnknown(): Promise<UnknownOutcome> {
    return this.#later("settle", null, () => {
      this.#checkOpen();
      const unsettled = this.#unsettled;
      if (this.#settleFailuresLeft > 0) {
        this.#settleFailuresLeft--;
        throw new StorageError("io", "refused", WORDS.io);
      }
      if (unsettled === null) return "absent";
      this.#unsettled = null;
      this.#error = null;
      if (unsettled.outcome === "applied") this.#apply(unsettled.batch);
      this.#makeDurable();
      this.#listener();
      return unsettled.outcome;
    });
  }

  sequence(): number {
    return this.#sequence;
  }

  // The port promises an iterable that may wait; here all is at hand.
  // oxlint-disable-next-line require-await
  async *updatesSince(sequence: number): AsyncIterable<EngineUpdate> {
    this.#checkOpen();
    if (sequence < this.#firstUpdate()) {
      const words = `the log begins at ${this.#firstUpdate()}, not at ${sequence}`;
      throw new StorageError("io", "refused", words);
    }
    const updates = this.#log.slice();
    const end = this.#sequence + 1;
    for (const [index, update] of updates.entries()) {
      const next = updates[index + 1]?.seq ?? end;
      if (next > sequence) yield update;
    }
  }

  firstUpdate(): Promise<number> {
    this.#checkOpen();
    return Promise.resolve(this.#firstUpdate());
  }

  health(): EngineHealth {
    return { stall: this.#stall, error: this.#error };
  }

  onHealth(listener: () => void): void {
    this.#listener = listener;
  }

  resume(): Promise<void> {
    return this.#later("resume", null, () => {
      this.#checkOpen();
      if (this.#unsettled === null) return;
      throw new StorageError("io", "refused", "a write of unknown fate is not settled");
    });
  }

  property(name: string, of: StoreId | "all" = META): string | null {
    if (name !== "rocksdb.estimate-num-keys") return null;
    if (of !== "all") return String(this.#store(of).size);
    return String(this.#stores.reduce((sum, store) => sum + store.size, 0));
  }

  flush(): Promise<void> {
    return this.#later("other", null, () => {
      this.#checkOpen();
      this.#makeDurable();
    });
  }

  compact(): Promise<void> {
    return this.#later("other", null, () => this.#checkOpen());
  }

  /** The copy is found in `checkpoints` by its path. */
  checkpoint(path: string): Promise<void> {
    return this.#later("other", null, () => {
      this.#checkOpen();
      this.checkpoints.set(path, MemoryEngine.#of(this.#snapshots(), this.#sequence));
    });
  }

  /** Takes a few of the product's settings, to be found in `settings`; they change nothing here. */
  configure(name: string, value: string): Promise<void> {
    return this.#later("other", null, () => {
      this.#checkOpen();
      if (!KNOWN_SETTINGS.has(name)) throw new SettingRefused(`Unrecognized option: ${name}`);
      this.settings.set(name, value);
    });
  }

  close(): Promise<void> {
    // What is in flight ends first, as in the product, which waits for its threads.
    this.releaseAll();
    this.#closed = true;
    return Promise.resolve();
  }

  // Failing on command

  /** Refuses the next `count` commits; what they hold is certainly not applied. */
  refuseCommits(kind: StorageErrorKind, count = Infinity, words = WORDS[kind]): void {
    this.#refusal = { kind, words, left: count };
  }

  acceptCommits(): void {
    this.#refusal = null;
  }

  /**
   * The next `count` commits end "unknown"; after each, writes are refused until `settleUnknown`
   * has succeeded. Until then reads do not see the batch, even if it will prove to be applied.
   */
  unknownCommits(outcome: UnknownOutcome, count = 1): void {
    this.#unknown = count > 0 ? { outcome, left: count } : null;
  }

  /** The next `count` calls of `settleUnknown` fail. */
  failSettling(count: number): void {
    this.#settleFailuresLeft = count;
  }

  /** The next `count` reads throw; a count of 0 ends it. */
  failReads(kind: StorageErrorKind, count = Infinity, words = WORDS[kind]): void {
    this.#readFailure = { kind, words, left: count };
  }

  /** The next `count` calls of `sync` fail, and make nothing durable. */
  failSyncs(count: number): void {
    this.#syncFailure = { kind: "io", words: WORDS.io, left: count };
  }

  /** Up to here the log is safe from the death of the machine. */
  get durableSequence(): number {
    return this.#durableSequence;
  }

  /** "stopped" refuses every write until "none"; "delayed" only says so. */
  stall(state: EngineHealth["stall"]): void {
    this.#stall = state;
    this.#listener();
  }

  /** Keys that reads on the loop do not find in the cache until they are loaded, or written. */
  coldKeys(which: "all" | "none" | ((store: StoreId, key: Bytes) => boolean)): void {
    this.#isCold = which === "none" ? null : which === "all" ? () => true : which;
  }

  /** The cache forgets what was loaded and written. */
  cool(): void {
    this.#warmed.clear();
  }

  /** From now on, what runs on a thread ends only when released. */
  holdAsync(): void {
    this.#holding = true;
  }

  /** Ends the holding and all that was held. */
  stopHolding(): void {
    this.#holding = false;
    this.releaseAll();
  }

  /** What is held, oldest first. */
  held(): AsyncKind[] {
    return this.#waiting.map((waiting) => waiting.kind);
  }

  /** Runs the oldest that is held, or the oldest of a kind; false when there is none. */
  releaseOne(kind?: AsyncKind): boolean {
    const index = kind === undefined ? 0 : this.#waiting.findIndex((one) => one.kind === kind);
    const waiting = this.#waiting[index];
    if (waiting === undefined) return false;
    this.#waiting.splice(index, 1);
    waiting.run();
    return true;
  }

  /** Runs all that is held at this moment, oldest first. */
  releaseAll(): void {
    for (let left = this.#waiting.length; left > 0; left--) this.releaseOne();
  }

  /** What a new process finds; this one is dead, and what it waited for never ends. */
  crash(options: CrashOptions): MemoryEngine {
    const unsynced = this.#log.filter((update) => update.seq > this.#durableSequence);
    const { unsyncedKept, inFlightKept } = this.#kept(unsynced, options);
    const after =
      options.survive === "process"
        ? MemoryEngine.#of(this.#snapshots(), this.#sequence)
        : MemoryEngine.#of(this.#durable, this.#durableSequence);
    if (options.survive === "machine") {
      for (const { representation } of unsynced.slice(0, unsyncedKept))
        after.#apply(representation);
    }
    // The log is written in order: nothing is found behind a batch that is lost.
    const lostSome = options.survive === "machine" && unsyncedKept < unsynced.length;
    if (!lostSome) {
      if (this.#unsettled?.outcome === "applied") after.#apply(this.#unsettled.batch);
      for (const batch of this.#inFlight().slice(0, inFlightKept)) after.#apply(batch);
    }
    after.#makeDurable();
    this.#waiting = [];
    this.#holding = true;
    this.#closed = true;
    return after;
  }

  // Inside

  /** Batches that a thread is writing. */
  #inFlight(): Buffer[] {
    const writing = this.#unsettled === null ? this.#waiting : [];
    return writing.flatMap((one) => (one.batch === null ? [] : [one.batch]));
  }

  /** How many of what is not synced, and of what is in flight, survive. */
  #kept(
    unsynced: readonly EngineUpdate[],
    options: CrashOptions,
  ): { unsyncedKept: number; inFlightKept: number } {
    const { unsyncedBytesKept, unsyncedKept = 0, inFlightKept = 0, survive } = options;
    if (unsyncedBytesKept === undefined || survive === "process")
      return { unsyncedKept, inFlightKept };
    const tail = [...unsynced.map((one) => one.representation), ...this.#inFlight()];
    let end = 0;
    const isWhole = (batch: Uint8Array): boolean => (end += batch.length) <= unsyncedBytesKept;
    const whole = tail.filter(isWhole).length;
    const { length } = unsynced;
    return { unsyncedKept: Math.min(whole, length), inFlightKept: Math.max(0, whole - length) };
  }

  static #of(snapshots: readonly OrderedSnapshot[], sequence: number): MemoryEngine {
    const engine = new MemoryEngine();
    engine.#stores = snapshots.map((snapshot) => OrderedMap.of(snapshot));
    engine.#sequence = sequence;
    engine.#makeDurable();
    return engine;
  }

  #firstUpdate(): number {
    return this.#log[0]?.seq ?? this.#sequence + 1;
  }

  #later<Result>(kind: AsyncKind, batch: Buffer | null, run: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        kind,
        batch,
        run: () => {
          try {
            resolve(run());
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
      };
      this.#waiting.push(waiting);
      if (this.#holding) return;
      queueMicrotask(() => {
        // A close may have run it already, a crash may have killed it.
        const index = this.#waiting.indexOf(waiting);
        if (index === -1 || this.#holding) return;
        this.#waiting.splice(index, 1);
        waiting.run();
      });
    });
  }

  #commit(batch: Buffer): void {
    this.#checkOpen();
    if (this.#unsettled !== null) throw new StorageError("io", "refused", WORDS.io);
    if (this.#stall === "stopped") throw new StorageError("stall", "refused", WORDS.stall);
    throwIfDue(this.#refusal);
    if (this.#unknown !== null && this.#unknown.left > 0) {
      this.#unknown.left--;
      this.#unsettled = { outcome: this.#unknown.outcome, batch: Buffer.from(batch) };
      this.#error = { kind: "io", words: WORDS.io };
      this.#listener();
      throw new StorageError("io", "unknown", WORDS.io);
    }
    this.#apply(batch);
  }

  #apply(batch: Uint8Array): void {
    const representation = Buffer.from(batch);
    const seq = this.#sequence + 1;
    representation.writeBigUInt64LE(BigInt(seq), 0);
    for (const { kind, store: id, key, value } of readWriteOps(representation)) {
      const store = this.#store(id);
      if (kind === "put") store.set(key, value);
      else if (kind === "delete") store.delete(key);
      else store.deleteRange(key, value);
      // What was just written is found in the memtable, without the disk.
      if (this.#isCold !== null && kind !== "delete-range") this.#warmed.add(warmName(id, key));
      this.#sequence++;
    }
    if (this.#sequence < seq) return;
    this.#log.push({ seq, representation });
    this.#logBytes += representation.length;
    if (this.#logBytes <= LOG_BYTES_MAX) return;
    this.#log = [];
    this.#logBytes = 0;
    this.#makeDurable();
  }

  #makeDurable(): void {
    this.#durable = this.#snapshots();
    this.#durableSequence = this.#sequence;
  }

  #snapshots(): OrderedSnapshot[] {
    return this.#stores.map((store) => store.snapshot());
  }

  #store(id: StoreId): OrderedMap {
    const store = this.#stores[id];
    assert(store !== undefined);
    return store;
  }

  #coldKey(store: StoreId, key: Bytes): boolean {
    if (this.#isCold === null || this.#warmed.has(warmName(store, key))) return false;
    return this.#isCold(store, key);
  }

  #checkOpen(): void {
    if (this.#closed) throw new StorageError("closed", "refused", WORDS.closed);
  }

  #checkReadable(): void {
    this.#checkOpen();
    throwIfDue(this.#readFailure);
  }
}

function throwIfDue(failure: Failure | null): void {
  if (failure === null || failure.left <= 0) return;
  failure.left--;
  throw new StorageError(failure.kind, "refused", failure.words);
}

function warmName(store: StoreId, key: Bytes): Bytes {
  return String.fromCharCode(store) + key;
}
