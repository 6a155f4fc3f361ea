// What the RocksDB engine is opened with: plain values, in RocksDB's own words and units, so that the
// room config can translate its table without knowing the binding.

import { DATA_PREFIX_SIZE, STORES } from "./engine.ts";

/** RocksDB options by the names and in the notation of its OPTIONS files; sizes in bytes. */
export type OptionStrings = Readonly<Record<string, string>>;

export interface RocksSettings {
  /** Options of the whole database. */
  readonly database: OptionStrings;
  /** Options of a column family; every family gets them. */
  readonly family: OptionStrings;
  /** Options of the block based tables; every family gets them. */
  readonly table: OptionStrings;
  /** One LRU cache, shared by all families. */
  readonly blockCacheBytes: number;
  /** Keep RocksDB's tickers and histograms; a few per cent of speed. */
  readonly statistics: boolean;
  /** Writes give way to compaction, and are refused earlier when it is behind. */
  readonly lowPriority: boolean;
  /** Writes are not logged: the death of the process loses what is not flushed yet. */
  readonly disableWal: boolean;
  /** Threads for `load` and `warm`. */
  readonly readThreadCount: number;
}

/** The families' names, in the order of the stores: RocksDB wants the first to be "default". */
export const FAMILY_NAMES: readonly string[] = STORES.map((store) =>
  store === "meta" ? "default" : store,
);

/** Settings RocksDB changes while it runs that belong to the database; all others are a family's. */
const DATABASE_SETTINGS: ReadonlySet<string> = new Set([
  "avoid_flush_during_shutdown",
  "bytes_per_sync",
  "compaction_readahead_size",
  "delayed_write_rate",
  "delete_obsolete_files_period_micros",
  "max_background_compactions",
  "max_background_flushes",
  "max_background_jobs",
  "max_open_files",
  "max_subcompactions",
  "max_total_wal_size",
  "stats_dump_period_sec",
  "stats_persist_period_sec",
  "strict_bytes_per_sync",
  "wal_bytes_per_sync",
  "writable_file_max_buffer_size",
]);

export function scopeOf(name: string): "database" | "family" {
  return DATABASE_SETTINGS.has(name) ? "database" : "family";
}

/** The settings with one changed while running, so that a reopened database has it too. */
export function withChange(settings: RocksSettings, name: string, value: string): RocksSettings {
  const scope = scopeOf(name);
  return { ...settings, [scope]: { ...settings[scope], [name]: value } };
}

export function databaseOptions(settings: RocksSettings): OptionStrings {
  return {
    avoid_unnecessary_blocking_io: "true",
    // RocksDB's own choice reads a damaged log up to the damage and drops the rest without a word.
    wal_recovery_mode: "kTolerateCorruptedTailRecords",
    ...settings.database,
    // After an I/O error RocksDB tries four times a second to write what its memtables hold. It has to be
    // RocksDB: between its error and a `resume` of ours a flush could be dropped that the resume waits for.
    max_bgerror_resume_count: String(2 ** 31 - 1),
    bgerror_resume_retry_interval: "250000",
    // The hash memtable takes one writer at a time; that writer needs no pipeline.
    allow_concurrent_memtable_write: "false",
    enable_pipelined_write: "false",
    // Without a log, families flushed one by one would tear batches that span them (law 3).
    atomic_flush: settings.disableWal ? "true" : "false",
  };
}

/** For a log whose end never reached the disk: what stands before it is read, the rest is not there. */
export function afterPowerCut(settings: RocksSettings): RocksSettings {
  const database = { ...settings.database, wal_recovery_mode: "kPointInTimeRecovery" };
  return { ...settings, database };
}

interface FamilyPlan {
  readonly options: OptionStrings;
  readonly tableOptions: OptionStrings;
  readonly filter: { readonly kind: "bloom"; readonly bitsPerKey: number };
  readonly wholeKeyFiltering: boolean;
  readonly memtable:
    | "skip-list"
    | "burst-trie"
    | { readonly kind: "hash-chains" | "hash-skip-list"; readonly bucketCount: number };
}

/** One bucket for each slot, were there one database; 128 KB a memtable. */
const BUCKET_COUNT = 16384;
const FILTER_BITS_PER_KEY = 10;

/**
 * Indexes and filters are read and cached in parts of about a block. A filter that is one piece has a
 * megabyte or two a file; where they do not all fit in the cache, each look-up of a key that is not there
 * would read one from its file.
 */
const IN_PARTS: OptionStrings = {
  index_type: "kTwoLevelIndexSearch",
  partition_filters: "true",
  metadata_block_size: "8192",
};

/** How each family is to be opened, by its name. */
export function familyPlans(settings: RocksSettings): Map<string, FamilyPlan> {
  const common: FamilyPlan = {
    options: settings.family,
    tableOptions: { ...settings.table, ...IN_PARTS },
    filter: { kind: "bloom", bitsPerKey: FILTER_BITS_PER_KEY },
    wholeKeyFiltering: true,
    memtable: "skip-list",
  };
  const data: FamilyPlan = {
    ...common,
    options: { ...settings.family, prefix_extractor: `rocksdb.FixedPrefix.${DATA_PREFIX_SIZE}` },
    memtable: { kind: "hash-chains", bucketCount: BUCKET_COUNT },
  };
  // In order, as walks over a part of a collection want it, and cheaper to write to than a skip list.
  const elements: FamilyPlan = { ...common, memtable: "burst-trie" };
  const plans: Readonly<Record<string, FamilyPlan>> = { data, elements, order: elements };
  return new Map(FAMILY_NAMES.map((name) => [name, plans[name] ?? common]));
}
