// From settings to what RocksDB is opened with. The table of settings says of each row where in
// RocksDB it goes; only what needs more than a number or a name is spelt out here.

import { allSettings, type Config } from "../config/config.ts";
import type { Setting } from "../config/setting.ts";
import type { RocksSettings } from "../engine/rocks-settings.ts";

const COMPRESSIONS: Readonly<Record<string, string>> = {
  no: "kNoCompression",
  snappy: "kSnappyCompression",
  lz4: "kLZ4Compression",
  zstd: "kZSTD",
  zlib: "kZlibCompression",
};
const MB = 1024 ** 2;

export function rocksSettings(config: Config): RocksSettings {
  const scopes = { db: optionStrings(config, "db"), family: optionStrings(config, "family") };
  const cutoff = config.get("rocksdb.blob_garbage_collection_age_cutoff") / 100;
  return {
    database: scopes.db,
    family: { ...scopes.family, blob_garbage_collection_age_cutoff: String(cutoff) },
    table: optionStrings(config, "table"),
    blockCacheBytes: config.get("rocksdb.block_cache_size") * MB,
    statistics: true,
    lowPriority: config.get("rocksdb.write_options.low_pri"),
    disableWal: config.get("rocksdb.write_options.disable_wal"),
    readThreadCount: config.get("cold-read-threads"),
  };
}

function optionStrings(config: Config, scope: "db" | "family" | "table"): Record<string, string> {
  const strings: Record<string, string> = {};
  for (const { name, setting } of allSettings()) {
    const rocksdb = setting.rocksdb;
    if (rocksdb?.scope !== scope) continue;
    const value = optionString(setting, config.get(name));
    if (value !== null) strings[rocksdb.option] = value;
  }
  return strings;
}

/** The value in RocksDB's notation; null to leave RocksDB's own default. */
export function optionString(setting: Setting<unknown>, value: unknown): string | null {
  const rocksdb = setting.rocksdb;
  if (rocksdb === undefined) return null;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    const leavesDefault = value === 0 && setting.type.format(setting.initial) === "0";
    return leavesDefault ? null : String(value * (rocksdb.factor ?? 1));
  }
  if (rocksdb.option === "compression") return COMPRESSIONS[String(value)] ?? null;
  return String(value);
}
