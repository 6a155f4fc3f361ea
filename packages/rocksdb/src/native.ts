// The native half: what it exports, and finding it. Handles are numbers that name an open object; the
// native side checks them, so a stale one is an error.
//
// KEPT_ROCKSDB_NATIVE names another build of the addon, for a run under AddressSanitizer.

// Parameters stand side by side here: an object for them would cost more than the call.
/* oxlint-disable max-params, typescript/no-unsafe-type-assertion */

import { createRequire } from "node:module";
import { RocksDBError, type Severity, type StatusCode } from "./errors.ts";
import type { DatabaseEvent } from "./events.ts";

export type Handle = number;
export type Bytes = string | Uint8Array;
export type FlatOptions = readonly string[];
export type FlatFamily = readonly (string | number | FlatOptions)[];

/** The kinds of objects, as `release` wants them: the order of Kind in env.h. */
export const KIND_DATABASE = 0;
export const KIND_ITERATOR = 1;
export const KIND_SNAPSHOT = 2;
export const KIND_BATCH = 3;
export const KIND_CACHE = 4;
export const KIND_UPDATES = 5;
export const KIND_LOOP = 6;
export const KIND_GATHER = 7;

type CreateError = (
  code: StatusCode,
  subcode: string,
  severity: Severity,
  message: string,
  retryable: boolean,
  dataLoss: boolean,
) => RocksDBError;

export interface Native {
  readonly rocksdbVersion: string;
  setup(createError: CreateError): void;
  nothing(...anything: unknown[]): void;
  release(handle: Handle, kind: number): boolean;

  open(
    path: string,
    options: FlatOptions,
    families: readonly FlatFamily[],
    flags: number,
    readThreads: number,
    listener: ((event: DatabaseEvent) => void) | undefined,
  ): Promise<[Handle, Record<string, number>]>;
  close(database: Handle): Promise<void> | undefined;
  lend(database: Handle): number;
  takeBack(loan: number): boolean;
  borrow(loan: number): Handle;
  createFamily(database: Handle, family: FlatFamily): Promise<number>;
  dropFamily(database: Handle, family: number): Promise<void>;
  listColumnFamilies(path: string): Promise<string[]>;
  destroy(path: string): Promise<void>;
  repair(path: string): Promise<void>;

  cacheCreate(capacity: number, shardBits: number, strict: boolean, ratio: number): Handle;
  cacheInfo(cache: Handle): [capacity: number, usage: number, pinned: number];
  cacheSetCapacity(cache: Handle, capacity: number): void;

  get(
    database: Handle,
    family: number,
    key: Uint8Array,
    keyLength: number,
    target: Uint8Array,
    readTier: number,
    snapshot: Handle,
  ): number;
  getBinary(
    database: Handle,
    family: number,
    key: Bytes,
    readTier: number,
    snapshot: Handle,
  ): string | null | undefined;
  multiGet(
    database: Handle,
    family: number,
    keys: readonly Bytes[],
    target: Uint8Array,
    lengths: Int32Array,
    readTier: number,
    snapshot: Handle,
  ): number;
  multiGetBinary(
    database: Handle,
    family: number,
    keys: readonly Bytes[],
    readTier: number,
    snapshot: Handle,
  ): Promise<(string | null | undefined)[]>;
  snapshotCreate(database: Handle): [handle: Handle, sequence: number];

  write(database: Handle, bytes: Uint8Array, length: number, flags: number): number;
  writeAsync(
    database: Handle,
    bytes: Uint8Array,
    length: number,
    flags: number,
    lent: boolean,
  ): Promise<number>;
  writeBatch(database: Handle, batch: Handle, flags: number): number;
  writeBatchAsync(database: Handle, batch: Handle, flags: number): Promise<number>;
  keyReadMicros(database: Handle): number;
  latestSequenceNumber(database: Handle): number;

  batchCreate(database: Handle, indexed: boolean, maxBytes: number): Handle;
  batchChange(batch: Handle, change: number, family: number, first: Bytes, second?: Bytes): void;
  batchMark(batch: Handle, mark: number): void;
  batchInfo(batch: Handle): [count: number, bytes: number];
  batchRepresentation(batch: Handle): Buffer;
  batchLoad(batch: Handle, bytes: Uint8Array, length: number): void;
  batchGet(
    batch: Handle,
    family: number,
    key: Bytes,
    readTier: number,
    snapshot: Handle,
  ): string | null | undefined;

  flush(
    database: Handle,
    families: readonly number[] | undefined,
    wait: boolean,
    allowWriteStall: boolean,
  ): Promise<void>;
  compactRange(
    database: Handle,
    family: number,
    begin: Bytes | null,
    end: Bytes | null,
    bottommost: number,
    flags: number,
    targetLevel: number,
    maxSubcompactions: number,
  ): Promise<void>;
  deleteFilesInRange(
    database: Handle,
    family: number,
    begin: Bytes | null,
    end: Bytes | null,
    includeEnd: boolean,
  ): Promise<void>;
  checkpoint(database: Handle, path: string, logSizeForFlush: number): Promise<void>;
  setOptions(database: Handle, family: number, options: FlatOptions): Promise<void>;
  setDBOptions(database: Handle, options: FlatOptions): Promise<void>;
  flushWal(database: Handle, sync: boolean): Promise<void>;
  syncWal(database: Handle): Promise<void>;
  resume(database: Handle): Promise<void>;
  backgroundWork(database: Handle, what: number): Promise<void>;

  property(database: Handle, family: number, name: string): string | null;
  intProperty(database: Handle, family: number, name: string): number | null;
  tickers(database: Handle): (string | number)[];
  histograms(database: Handle): (string | number)[];
  statisticsReset(database: Handle): void;
  approximateSizes(
    database: Handle,
    family: number,
    ranges: readonly Bytes[],
    flags: number,
  ): Promise<number[]>;
  gatherCreate(length: number): Handle;
  gatherAppend(gather: Handle, bytes: Uint8Array, from: number, to: number): void;
  gatherTake(gather: Handle): string;

  loopWatch(longTurnMs: number): Handle;
  loopTurns(watch: Handle): number[];
  updatesOpen(database: Handle, sequence: number): Promise<Handle>;
  updatesNext(updates: Handle, maxBatches: number, maxBytes: number): Promise<(number | Buffer)[]>;

  iteratorCreate(
    database: Handle,
    family: number,
    lower: Bytes | null,
    upper: Bytes | null,
    readTier: number,
    snapshot: Handle,
    flags: number,
    readahead: number,
    indexedBatch: Handle,
    valueBytesMax: number,
  ): Handle;
  iteratorSeek(iterator: Handle, how: number, key?: Bytes): number;
  iteratorNext(iterator: Handle, target: Uint8Array, maxEntries: number, flags: number): number;
  iteratorNextBinary(
    iterator: Handle,
    maxEntries: number,
    flags: number,
    maxBytes: number,
  ): (string | number)[];
  iteratorStepAsync(
    iterator: Handle,
    maxEntries: number,
    flags: number,
    maxBytes: number,
    how: number,
    key?: Bytes,
  ): Promise<(string | number)[]>;
}

function load(): Native {
  const path = process.env["KEPT_ROCKSDB_NATIVE"] ?? "../build/Release/kept_rocksdb.node";
  const addon = createRequire(import.meta.url)(path) as Native;
  addon.setup(
    (code, subcode, severity, message, retryable, dataLoss) =>
      new RocksDBError({ code, subcode, severity, message, retryable, dataLoss }),
  );
  return addon;
}

export const native: Native = load();

interface Abandoned {
  readonly handle: Handle;
  readonly kind: number;
}

/** Lets go of native objects whose owner was collected without a close. */
export const abandoned: FinalizationRegistry<Abandoned> = new FinalizationRegistry((object) => {
  native.release(object.handle, object.kind);
});
