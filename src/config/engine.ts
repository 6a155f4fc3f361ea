// Settings of RocksDB, by Kvrocks's names and in Kvrocks's units. `rocksdb` says where each one goes,
// so that the engine hands most of them on without knowing them. What is "runtime" is what RocksDB
// changes in an open database (SetOptions, SetDBOptions; tried with 7.8), and the options of writes.

import { immutable, runtime, type RocksOption, type Setting } from "./setting.ts";
import { choice, flag, INT_MAX, integer, memory, MOST, type ValueType } from "./value-types.ts";

const MB = 1024 ** 2;

const notHandedOn = { noEffect: "RocksDB's default is used" };

interface EngineExtras {
  readonly from: "kvrocks";
  readonly rocksdb: RocksOption;
}

function at(scope: RocksOption["scope"], option: string, factor?: number): EngineExtras {
  const rocksdb = factor === undefined ? { scope, option } : { scope, option, factor };
  return { from: "kvrocks", rocksdb };
}

function written(option: string, initial: boolean, text: string): Setting<boolean> {
  return runtime(flag, initial, text, at("write", option));
}

const megabytes = (max: number): ValueType<number> => integer(1, max);

export const engineSettings = {
  "rocksdb.write_buffer_size": runtime(
    megabytes(4096),
    16,
    "Megabytes written to memory before they go to a file.",
    at("family", "write_buffer_size", MB),
  ),
  "rocksdb.max_write_buffer_number": runtime(
    integer(2, 256),
    4,
    "How many such buffers there may be; when all are full, writes wait.",
    at("family", "max_write_buffer_number"),
  ),
  "rocksdb.target_file_size_base": runtime(
    megabytes(4096),
    128,
    "Megabytes of a file on the first sorted level.",
    at("family", "target_file_size_base", MB),
  ),
  "rocksdb.max_background_jobs": runtime(
    integer(1, 64),
    4,
    "Threads that write buffers out and merge files.",
    at("db", "max_background_jobs"),
  ),
  "rocksdb.max_sub_compactions": runtime(
    integer(1, 64),
    2,
    "Threads one merge may divide itself among.",
    at("db", "max_subcompactions"),
  ),
  "rocksdb.level0_file_num_compaction_trigger": runtime(
    integer(1, INT_MAX),
    4,
    "Files on level 0 that start a merge.",
    at("family", "level0_file_num_compaction_trigger"),
  ),
  "rocksdb.level0_slowdown_writes_trigger": runtime(
    integer(1, INT_MAX),
    20,
    "Files on level 0 that slow writes down.",
    at("family", "level0_slowdown_writes_trigger"),
  ),
  "rocksdb.level0_stop_writes_trigger": runtime(
    integer(1, INT_MAX),
    40,
    "Files on level 0 that stop writes.",
    at("family", "level0_stop_writes_trigger"),
  ),
  "rocksdb.disable_auto_compactions": runtime(
    flag,
    false,
    "Whether files are merged only on demand.",
    at("family", "disable_auto_compactions"),
  ),
  "rocksdb.max_bytes_for_level_base": runtime(
    memory(MB, MOST),
    256 * MB,
    "Bytes of the first sorted level.",
    at("family", "max_bytes_for_level_base"),
  ),
  "rocksdb.max_bytes_for_level_multiplier": runtime(
    integer(2, 1000),
    10,
    "How much larger each further level is.",
    at("family", "max_bytes_for_level_multiplier"),
  ),
  "rocksdb.level_compaction_dynamic_level_bytes": immutable(
    flag,
    true,
    "Whether the sizes of the levels follow that of the last one; saves space.",
    at("family", "level_compaction_dynamic_level_bytes"),
  ),
  "rocksdb.max_compaction_bytes": runtime(
    memory(0, MOST),
    0,
    "Bytes one merge takes on at most; 0 is 25 files.",
    at("family", "max_compaction_bytes"),
  ),
  "rocksdb.compaction_readahead_size": runtime(
    memory(0, MOST),
    2 * MB,
    "Bytes a merge reads in one go.",
    at("db", "compaction_readahead_size"),
  ),
  "rocksdb.delayed_write_rate": runtime(
    memory(0, MOST),
    0,
    "Bytes a second writers get when they are slowed down; 0 is RocksDB's own choice, 16 MB.",
    at("db", "delayed_write_rate"),
  ),
  "rocksdb.rate_limiter_auto_tuned": immutable(
    flag,
    true,
    "Whether the limit of max-io-mb adjusts itself to the load.",
    { ...at("other", "rate_limiter_auto_tuned"), ...notHandedOn },
  ),
  "max-io-mb": immutable(
    integer(0, INT_MAX),
    0,
    "Megabytes a second that writing buffers out and merging may use; 0 is no limit.",
    { ...at("other", "rate_limiter_bytes_per_sec", MB), ...notHandedOn },
  ),
  "rocksdb.stats_dump_period_sec": runtime(
    integer(0, INT_MAX),
    0,
    "Seconds between statistics in RocksDB's own log; 0 is never.",
    { ...at("db", "stats_dump_period_sec"), noEffect: "that log is switched off" },
  ),
  "rocksdb.max_open_files": runtime(
    integer(-1, INT_MAX),
    8096,
    "Files held open; -1 is all.",
    at("db", "max_open_files"),
  ),
  "rocksdb.use_direct_reads": immutable(
    flag,
    false,
    "Whether reads pass by the system's page cache: memory then holds what the block cache holds.",
    at("db", "use_direct_reads"),
  ),
  "rocksdb.use_direct_io_for_flush_and_compaction": immutable(
    flag,
    false,
    "Whether what is flushed and merged passes by it too.",
    at("db", "use_direct_io_for_flush_and_compaction"),
  ),
  "rocksdb.avoid_unnecessary_blocking_io": immutable(
    flag,
    true,
    "Whether old files are deleted by a thread of their own.",
    at("db", "avoid_unnecessary_blocking_io"),
  ),
};

export const engineCacheSettings = {
  "rocksdb.block_cache_size": runtime(
    integer(0, 400 * 1024),
    128,
    "Megabytes of blocks of files held in memory, uncompressed, for all families together.",
    at("other", "block_cache_size", MB),
  ),
  "rocksdb.block_size": immutable(
    memory(1024, 64 * MB),
    16 * 1024,
    "Bytes of a block before compression: what a cold read reads.",
    at("table", "block_size"),
  ),
  "rocksdb.cache_index_and_filter_blocks": immutable(
    flag,
    true,
    "Whether indexes and filters live in the block cache and count there.",
    at("table", "cache_index_and_filter_blocks"),
  ),
  "rocksdb.compression": runtime(
    choice("no", "snappy", "lz4", "zstd", "zlib"),
    "lz4",
    "How files are compressed.",
    at("family", "compression"),
  ),
  "rocksdb.compression_level": immutable(
    integer(-INT_MAX, INT_MAX),
    32767,
    "How hard; 32767 is each method's own default.",
    { ...at("other", "compression_level"), ...notHandedOn },
  ),
  "rocksdb.enable_blob_files": runtime(
    flag,
    false,
    "Whether large values live in files of their own, which merges need not copy.",
    at("family", "enable_blob_files"),
  ),
  "rocksdb.min_blob_size": runtime(
    memory(0, MOST),
    4096,
    "Bytes from which a value is large.",
    at("family", "min_blob_size"),
  ),
  "rocksdb.blob_file_size": runtime(
    memory(MB, MOST),
    256 * MB,
    "Bytes of such a file.",
    at("family", "blob_file_size"),
  ),
  "rocksdb.enable_blob_garbage_collection": runtime(
    flag,
    true,
    "Whether such files are cleaned while merging.",
    at("family", "enable_blob_garbage_collection"),
  ),
  "rocksdb.blob_garbage_collection_age_cutoff": runtime(
    integer(0, 100),
    25,
    "Percentage of such files, the oldest, that are cleaned.",
    at("other", "blob_garbage_collection_age_cutoff"),
  ),
};

export const engineLogSettings = {
  "rocksdb.max_total_wal_size": runtime(
    megabytes(INT_MAX),
    512,
    "Megabytes of write-ahead log at which buffers are written out, so that it can go.",
    at("db", "max_total_wal_size", MB),
  ),
  "rocksdb.wal_ttl_seconds": immutable(
    integer(0, INT_MAX),
    0,
    "Seconds an old log is kept for readers of it; 0 keeps none for its age.",
    at("db", "WAL_ttl_seconds"),
  ),
  "rocksdb.wal_size_limit_mb": immutable(
    integer(0, INT_MAX),
    0,
    "Megabytes of old logs that are kept; 0 keeps none for its size.",
    at("db", "WAL_size_limit_MB"),
  ),
  "rocksdb.enable_pipelined_write": immutable(
    flag,
    false,
    "Whether log and memory are written by two queues.",
    { ...at("db", "enable_pipelined_write"), noEffect: "there is one writer at a time" },
  ),
  "rocksdb.write_options.sync": written(
    "sync",
    false,
    "Force every commit to the disk, whatever appendfsync says.",
  ),
  "rocksdb.write_options.disable_wal": immutable(
    flag,
    false,
    "Write no log: faster, and a crash loses what was not yet in a file. Breaks the promise of Kept.",
    at("write", "disable_wal"),
  ),
  "rocksdb.write_options.no_slowdown": written(
    "no_slowdown",
    false,
    "Refuse a write at once when it would have to wait; as write-stall-policy fail.",
  ),
  "rocksdb.write_options.low_pri": written(
    "low_pri",
    false,
    "Give way to merging; with no_slowdown, refuse the write while merging is behind.",
  ),
  "rocksdb.write_options.memtable_insert_hint_per_batch": runtime(
    flag,
    false,
    "Remember where the last key of a batch went, for keys in order.",
    { ...at("write", "memtable_insert_hint_per_batch"), noEffect: "memtables are hashed" },
  ),
  "rocksdb.write_options.write_batch_max_bytes": runtime(
    memory(0, MOST),
    0,
    "Bytes a command or an EXEC may write; more is refused and leaves nothing. 0 is no limit.",
    at("write", "write_batch_max_bytes"),
  ),
  "rocksdb.read_options.async_io": runtime(
    flag,
    true,
    "Whether walks and reads of many keys read ahead.",
    { ...at("read", "async_io"), ...notHandedOn },
  ),
};
