// The numbers that calls take and give.

/** Wait until the write is on disk (fsync of the write-ahead log). */
export const WRITE_SYNC = 1;
/** Refuse (Incomplete, "Write stall") instead of waiting when RocksDB slows or stops writers. */
export const WRITE_NO_SLOWDOWN = 2;
/** Give way to compaction; with WRITE_NO_SLOWDOWN: refuse (Incomplete, "Low priority write stall"). */
export const WRITE_LOW_PRIORITY = 4;
/** Do not log the write: a crash loses it. */
export const WRITE_DISABLE_WAL = 8;

/** Read wherever the data is. */
export const READ_ALL = 0;
/** Read only what is in memory: INCOMPLETE when the disk would be needed. */
export const READ_BLOCK_CACHE = 1;
/** Read only what would survive a crash without a write-ahead log. */
export const READ_PERSISTED = 2;
/** Read only memtables; iterators only. */
export const READ_MEMTABLE = 3;

/** `get`: there is no such key. */
export const NOT_FOUND = -1;
/** `get` with READ_BLOCK_CACHE: the answer is not in memory. */
export const INCOMPLETE = -2;
