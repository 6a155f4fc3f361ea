// @kept/rocksdb: RocksDB for Node, thin and whole.

export * from "./block-cache.ts";
export * from "./borrowed.ts";
export * from "./constants.ts";
export * from "./database.ts";
export * from "./errors.ts";
export * from "./events.ts";
export * from "./gather.ts";
export { RocksIterator, STEP_KEYS_ONLY, STEP_REVERSE } from "./iterator.ts";
export type { IteratorOptions, IteratorState } from "./iterator.ts";
export type { Bytes } from "./native.ts";
export type { FamilyOptions, Filter, Memtable, OpenOptions, OptionStrings } from "./options.ts";
export * from "./loop.ts";
export * from "./snapshot.ts";
export type { Histogram, Statistics } from "./statistics.ts";
export * from "./updates.ts";
export * from "./write-batch.ts";

import { native } from "./native.ts";

/** The version of RocksDB whose headers this package was built with, "7.8.3". */
export const rocksdbVersion: string = native.rocksdbVersion;
