// A cursor over a column family (or over one with an indexed batch merged in) that takes many entries
// per call.
//
// A step gives the entry the cursor is on and those after it. It then stays on the last one it gave;
// the next step, in either direction, begins beside that one.

import type { BorrowedDatabase } from "./borrowed.ts";
import type { Database } from "./database.ts";
import { abandoned, KIND_ITERATOR, native, type Bytes, type Handle } from "./native.ts";
import { Snapshot } from "./snapshot.ts";

/** Flag of a step: towards smaller keys. */
export const STEP_REVERSE = 1;
/** Flag of a step: values are left out (`nextBinary`) or empty (`next`). */
export const STEP_KEYS_ONLY = 2;

/**
 * "more": there may be another entry. "end": there is none in this direction. "incomplete": the next
 * one is not in the block cache and `readTier` forbids to fetch it. An error is thrown.
 */
export type IteratorState = "more" | "end" | "incomplete";

export interface IteratorOptions {
  /** The first key that may be seen. */
  readonly lowerBound?: Bytes;
  /** The first key that may not be seen any more. */
  readonly upperBound?: Bytes;
  /** READ_ALL (0, the default), READ_BLOCK_CACHE (1), READ_PERSISTED (2) or READ_MEMTABLE (3). */
  readonly readTier?: number;
  readonly snapshot?: Snapshot;
  /** Needed to cross prefixes in a family with a prefix extractor. */
  readonly totalOrderSeek?: boolean;
  /** Ends with the prefix that was sought. */
  readonly prefixSameAsStart?: boolean;
  /** Default true; false for walks that would push everything else out of the block cache. */
  readonly fillCache?: boolean;
  /** Keep the blocks that were read in memory as long as the iterator lives. */
  readonly pinData?: boolean;
  /** Default true. */
  readonly verifyChecksums?: boolean;
  /** Bytes to read ahead; 0, the default, lets RocksDB choose. */
  readonly readahead?: number;
  /** Bytes of each value that a step gives, the rest being left where it is; by default all. */
  readonly valueBytesMax?: number;
}

const STATES: readonly IteratorState[] = ["more", "end", "incomplete"];

const SEEK_NONE = -1;
const SEEK_FIRST = 0;
const SEEK_LAST = 1;
const SEEK_AT_OR_AFTER = 2;
const SEEK_AT_OR_BEFORE = 3;

/** Entries of one asynchronous step and the state after it. */
export interface Step {
  readonly state: IteratorState;
  /** [key, value, key, value...], or keys alone, as binary strings. */
  readonly entries: string[];
}

function stateAt(number: number): IteratorState {
  return STATES[number] ?? "end";
}

function iteratorFlags(options: IteratorOptions): number {
  let flags = 0;
  if (options.totalOrderSeek === true) flags |= 1;
  if (options.prefixSameAsStart === true) flags |= 2;
  if (options.fillCache === false) flags |= 4;
  if (options.pinData === true) flags |= 8;
  if (options.verifyChecksums === false) flags |= 16;
  return flags;
}

/** For this package only: what an iterator is opened on. */
export interface IteratorOwner {
  readonly database: Database | BorrowedDatabase;
  readonly handle: Handle;
  /** The indexed batch to be laid over it. */
  readonly batch?: Handle;
}

/** Made by `Database.iterator()`. Closing the database closes it; using it then is an error. */
export class RocksIterator {
  readonly #handle: Handle;
  #state: IteratorState = "more";
  /** Held, so that the database is not collected, and closed, under this. */
  readonly database: Database | BorrowedDatabase;

  private constructor(database: Database | BorrowedDatabase, handle: Handle) {
    this.database = database;
    this.#handle = handle;
    abandoned.register(this, { handle, kind: KIND_ITERATOR }, this);
  }

  /** For this package only. */
  static open(
    { database, handle: owner, batch = 0 }: IteratorOwner,
    family: number,
    options: IteratorOptions,
  ): RocksIterator {
    const { lowerBound = null, upperBound = null, readTier = 0, readahead = 0 } = options;
    const { valueBytesMax = -1 } = options;
    const handle = native.iteratorCreate(
      owner,
      family,
      lowerBound,
      upperBound,
      readTier,
      Snapshot.handleOf(options.snapshot),
      iteratorFlags(options),
      readahead,
      batch,
      valueBytesMax,
    );
    return new RocksIterator(database, handle);
  }

  /** Where the last seek or step has left the cursor. */
  get state(): IteratorState {
    return this.#state;
  }

  /** Each seek returns whether there is an entry. Throws RocksDBError. */
  seekToFirst(): boolean {
    return this.#seek(SEEK_FIRST);
  }

  seekToLast(): boolean {
    return this.#seek(SEEK_LAST);
  }

  /** To the first entry at or after `key`. */
  seek(key: Bytes): boolean {
    return this.#seek(SEEK_AT_OR_AFTER, key);
  }

  /** To the last entry at or before `key`. */
  seekForPrev(key: Bytes): boolean {
    return this.#seek(SEEK_AT_OR_BEFORE, key);
  }

  /**
   * Packs up to `maxEntries` entries into `target` and returns how many. Each is the key's length and
   * the value's length (32 bits each, little-endian), the key, the value. When `target` has no room
   * for even the first, returns minus the bytes that entry needs, and the cursor stays.
   */
  next(target: Uint8Array, maxEntries: number, flags: number = 0): number {
    const packed = native.iteratorNext(this.#handle, target, maxEntries, flags);
    if (packed < 0) return packed;
    this.#state = stateAt(packed % 4);
    return Math.floor(packed / 4);
  }

  /**
   * Up to `maxEntries` entries, together at most `maxBytes` bytes but at least one entry, as binary
   * strings: [key, value, key, value...].
   */
  nextBinary(
    maxEntries: number,
    maxBytes: number = Number.MAX_SAFE_INTEGER,
    flags: number = 0,
  ): string[] {
    return this.#take(native.iteratorNextBinary(this.#handle, maxEntries, flags, maxBytes));
  }

  /** `nextBinary` on a reading thread; until it is done, anything else on this cursor is an error. */
  async nextBinaryAsync(
    maxEntries: number,
    maxBytes: number = Number.MAX_SAFE_INTEGER,
    flags: number = 0,
  ): Promise<string[]> {
    const { entries } = await this.#stepAsync(SEEK_NONE, "", { maxEntries, maxBytes, flags });
    return entries;
  }

  /** A seek to `key` (in the direction of the step) and a step, on a reading thread. */
  async seekBinaryAsync(
    key: Bytes,
    maxEntries: number,
    maxBytes: number = Number.MAX_SAFE_INTEGER,
    flags: number = 0,
  ): Promise<string[]> {
    const how = (flags & STEP_REVERSE) === 0 ? SEEK_AT_OR_AFTER : SEEK_AT_OR_BEFORE;
    const { entries } = await this.#stepAsync(how, key, { maxEntries, maxBytes, flags });
    return entries;
  }

  /** A seek alone, on a reading thread; returns whether there is an entry. */
  async seekAsync(where: "first" | "last" | { readonly key: Bytes }): Promise<boolean> {
    const step = { maxEntries: 0, maxBytes: 0, flags: 0 };
    const { state } =
      typeof where === "object"
        ? await this.#stepAsync(SEEK_AT_OR_AFTER, where.key, step)
        : await this.#stepAsync(where === "first" ? SEEK_FIRST : SEEK_LAST, "", step);
    return state === "more";
  }

  /** Lets go of the cursor; using it afterwards is an error. Twice is fine. */
  close(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_ITERATOR);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #seek(how: number, key?: Bytes): boolean {
    this.#state = stateAt(native.iteratorSeek(this.#handle, how, key));
    return this.#state === "more";
  }

  #take(parts: (string | number)[]): string[] {
    this.#state = stateAt(Number(parts.pop()));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all but the last are strings
    return parts as string[];
  }

  async #stepAsync(
    how: number,
    key: Bytes,
    step: { maxEntries: number; maxBytes: number; flags: number },
  ): Promise<Step> {
    const { maxEntries, maxBytes, flags } = step;
    const parts = await native.iteratorStepAsync(
      this.#handle,
      maxEntries,
      flags,
      maxBytes,
      how,
      key,
    );
    const entries = this.#take(parts);
    return { entries, state: this.#state };
  }
}
