// What a store must offer to the rooms above: ordered families of binary strings, atomic batches,
// cursors, health. Two implementations pass the same suite (test/engine/): rocksdb.ts, the product,
// and memory.ts, deterministic and able to fail on command.
//
// Reads on the event loop never wait for the disk: a read that would is answered `undefined` (cold),
// and the caller loads the key on the thread pool first (law 7).

import type { Bytes } from "../base/bytes.ts";
import type { WriteOps } from "./write-ops.ts";

/**
 * The families, in the order of their ids; an id is on disk and never changes (docs/encoding.md).
 *   meta      counters, configuration of the store itself
 *   data      one record per user key
 *   elements  elements of large collections
 *   order     second orders of large collections (sorted sets by score)
 *   expiry    keys by time of expiry
 */
export const STORES = ["meta", "data", "elements", "order", "expiry"] as const;
export const META = 0;
export const DATA = 1;
export const ELEMENTS = 2;
export const ORDER = 3;
export const EXPIRY = 4;
export type StoreId = 0 | 1 | 2 | 3 | 4;

/** Bytes at the front of a `data` key that hold database and slot; a cursor stays within one prefix. */
export const DATA_PREFIX_SIZE = 6;

export type Cold = undefined;

/** Why the engine refused or broke. Each kind has one documented answer (commit/settle.ts). */
export type StorageErrorKind =
  | "stall"
  | "too-large"
  | "read-only"
  | "no-space"
  | "io"
  | "corruption"
  | "closed";

/**
 * A write or read the engine did not do. `fate` is law 9: "refused" means certainly not applied,
 * "unknown" means that the log may or may not hold the batch until `settleUnknown` has said so.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly kind: StorageErrorKind;
  readonly fate: "refused" | "unknown";

  constructor(kind: StorageErrorKind, fate: "refused" | "unknown", engineWords: string) {
    super(engineWords);
    this.kind = kind;
    this.fate = fate;
  }
}

/** A setting the engine does not know, cannot change while it runs, or finds no sense in. */
export class SettingRefused extends Error {
  override readonly name = "SettingRefused";
}

export interface WriteOptions {
  /** fsync the log before the batch counts as committed. */
  readonly sync: boolean;
}

export interface CursorRange {
  /** First key of the range. */
  readonly lower: Bytes;
  /** First key after the range; null for the end of the store. */
  readonly upper: Bytes | null;
  readonly reverse: boolean;
  /** How much of each value `next` returns: 0 for keys alone, Infinity for whole values. */
  readonly valueBytesMax: number;
  /** "loop": never waits for the disk, `next` may answer cold. "wait": reads what it must. */
  readonly patience: "loop" | "wait";
}

/** Walks committed data as it was when the cursor was made. Close it. */
export interface Cursor {
  /**
   * Up to `entriesMax` further entries as key, value, key, value ...; empty at the end. Once cold, a
   * cursor stays cold: warm the range and make a new one.
   */
  next(entriesMax: number): Bytes[] | Cold;
  close(): void;
}

/** A moment of the store: RocksDB keeps what it shows until it is given back. */
export interface Loan {
  /** By which it is borrowed (engine/rocks-borrowed.ts, MemoryEngine.borrow), once. */
  readonly number: number;
  /** Ends it if nobody has borrowed it. */
  takeBack(): void;
}

export interface EngineHealth {
  /** Whether writes are refused or delayed because compaction is behind. */
  readonly stall: "none" | "delayed" | "stopped";
  /** The background error that stops writes, in the engine's words; null when writes are taken. */
  readonly error: { readonly kind: StorageErrorKind; readonly words: string } | null;
}

/** A committed batch, as the log holds it. */
export interface EngineUpdate {
  /** Sequence number of its first record. */
  readonly seq: number;
  readonly representation: Uint8Array;
}

/** The outcome of a write that was unknown. */
export type UnknownOutcome = "applied" | "absent";

export interface Engine {
  /** Committed value, null when absent; never waits for the disk. Throws StorageError. */
  get(store: StoreId, key: Bytes): Bytes | null | Cold;
  /** Reads on the thread pool, in the order of `keys`. */
  load(store: StoreId, keys: readonly Bytes[]): Promise<(Bytes | null)[]>;
  /** What a key of a load takes on its thread, lately, microseconds; 0 before it is known. */
  loadMicros(): number;
  cursor(store: StoreId, range: CursorRange): Cursor;
  /** Brings the blocks of a range into the cache on the thread pool, at most `entriesMax` entries. */
  warm(store: StoreId, range: CursorRange, entriesMax: number): Promise<void>;

  /**
   * The committed data as they are now, to be read by another thread; null while there is nothing to read. No write
   * may be under way.
   */
  lend(): Loan | null;

  /**
   * Applies one batch on the event loop, or throws StorageError. Never waits for a stall: it is
   * refused at once. Takes the log's page-cache write, so keep it for small batches without sync.
   */
  write(ops: WriteOps): void;
  /** The same on a thread. `ops` stays as it is until the promise is settled. */
  writeAsync(ops: WriteOps, options: WriteOptions): Promise<void>;
  /** Makes everything written so far survive the death of the machine. */
  sync(): Promise<void>;
  /**
   * After a write ended "unknown": brings the engine back to work on a fresh log and tells whether
   * the batch is in. Throws StorageError while the engine cannot be brought back; call again later.
   */
  settleUnknown(): Promise<UnknownOutcome>;
  /** Sequence number of the last committed write, as the log counts them. */
  sequence(): number;
  /** The committed batches from `sequence` on, as their representations, in order, without gaps. */
  updatesSince(sequence: number): AsyncIterable<EngineUpdate>;
  /** The oldest sequence number that `updatesSince` can begin with. */
  firstUpdate(): Promise<number>;

  /** As it is now, also when looked at later; `error` is cheap enough to ask before every write. */
  health(): EngineHealth;
  /** Called on the event loop whenever health may have changed. One listener. */
  onHealth(listener: () => void): void;
  /** Tries to leave a background error behind; resolves when writes are taken again. */
  resume(): Promise<void>;
  /**
   * A property or statistic by the engine's own name, for INFO: of one store, `meta` when none is
   * named, or a number summed over all stores. Null when there is none such.
   */
  property(name: string, of?: StoreId | "all"): string | null;
  flush(): Promise<void>;
  compact(): Promise<void>;
  /** A consistent copy in a new folder, sharing files with the original where the disk can. */
  checkpoint(path: string): Promise<void>;
  /**
   * Changes one setting while running, by the engine's own name for it and in its own units.
   * Rejects with SettingRefused, in the engine's words.
   */
  configure(name: string, value: string): Promise<void>;
  close(): Promise<void>;
}
