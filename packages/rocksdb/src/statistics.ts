// RocksDB's counters, from the flat lists in which they cross over.

export interface Histogram {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly average: number;
  readonly standardDeviation: number;
  readonly median: number;
  readonly percentile95: number;
  readonly percentile99: number;
}

/** Everything RocksDB has counted since the open, or the last reset, by its own names. */
export interface Statistics {
  /** "rocksdb.block.cache.miss" and its like. */
  readonly tickers: Readonly<Record<string, number>>;
  /** "rocksdb.db.write.micros" and its like; the unit is in the name. */
  readonly histograms: Readonly<Record<string, Histogram>>;
}

const HISTOGRAM_FIELDS = 10;

export function readTickers(flat: readonly (string | number)[]): Record<string, number> {
  const tickers: Record<string, number> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) tickers[String(flat[i])] = Number(flat[i + 1]);
  return tickers;
}

export function readHistograms(flat: readonly (string | number)[]): Record<string, Histogram> {
  const histograms: Record<string, Histogram> = {};
  for (let i = 0; i + HISTOGRAM_FIELDS <= flat.length; i += HISTOGRAM_FIELDS) {
    const at = (offset: number): number => Number(flat[i + offset]);
    histograms[String(flat[i])] = {
      count: at(1),
      sum: at(2),
      min: at(3),
      max: at(4),
      average: at(5),
      standardDeviation: at(6),
      median: at(7),
      percentile95: at(8),
      percentile99: at(9),
    };
  }
  return histograms;
}
