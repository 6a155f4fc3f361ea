// INFO rocksdb: what RocksDB says of itself, by its own names with the dots and dashes made underscores.
// Sums are over all column families.

import type { Engine, StoreId } from "../engine/engine.ts";
import type { Fields } from "./info-fields.ts";

/** Numbers that add up over the families. */
const SUMS = [
  "num-immutable-mem-table",
  "mem-table-flush-pending",
  "compaction-pending",
  "cur-size-active-mem-table",
  "cur-size-all-mem-tables",
  "size-all-mem-tables",
  "num-entries-active-mem-table",
  "num-entries-imm-mem-tables",
  "num-deletes-active-mem-table",
  "estimate-num-keys",
  "estimate-table-readers-mem",
  "estimate-live-data-size",
  "total-sst-files-size",
  "live-sst-files-size",
  "estimate-pending-compaction-bytes",
  "num-live-versions",
];

/** Numbers of the whole database. */
const SINGLES = [
  "background-errors",
  "num-running-compactions",
  "num-running-flushes",
  "actual-delayed-write-rate",
  "is-write-stopped",
  "num-snapshots",
  "block-cache-capacity",
  "block-cache-usage",
  "block-cache-pinned-usage",
];

const TICKERS = [
  "block.cache.hit",
  "block.cache.miss",
  "bloom.filter.useful",
  "memtable.hit",
  "memtable.miss",
  "number.keys.written",
  "number.keys.read",
  "bytes.written",
  "bytes.read",
  "wal.synced",
  "wal.bytes",
  "stall.micros",
  "compact.read.bytes",
  "compact.write.bytes",
  "flush.write.bytes",
];

const LEVEL_COUNT = 7;
const STORE_IDS: readonly StoreId[] = [0, 1, 2, 3, 4];

export function rocksdbReport(engine: Engine): Fields {
  const fields: [string, string][] = [];
  const add = (name: string, value: string | null): void => {
    if (value !== null) fields.push([name.replaceAll(/[.-]/g, "_"), value]);
  };
  for (const name of SINGLES) add(name, engine.property(`rocksdb.${name}`));
  for (const name of SUMS) add(name, engine.property(`rocksdb.${name}`, "all"));
  for (let level = 0; level < LEVEL_COUNT; level++) {
    add(`files-at-level-${level}`, filesAtLevel(engine, level));
  }
  for (const name of TICKERS) add(name, engine.property(`rocksdb.${name}`));
  return fields;
}

function filesAtLevel(engine: Engine, level: number): string | null {
  let sum = 0;
  for (const store of STORE_IDS) {
    const count = engine.property(`rocksdb.num-files-at-level${level}`, store);
    if (count === null) return null;
    sum += Number(count);
  }
  return String(sum);
}
