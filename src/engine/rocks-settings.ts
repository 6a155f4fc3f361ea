// What the RocksDB engine is opened with: plain values, in RocksDB's own words and units, so that the
// room config can translate its table without knowing the binding.

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
