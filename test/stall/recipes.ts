// Settings that drive a real RocksDB into a write stall within a second or two, as RocksDB options
// for the engine and as directives for a server. What they do was tried on RocksDB 7.8.

import { setTimeout as pause } from "node:timers/promises";

import { StorageError, type Engine, type StoreId } from "../../src/engine/engine.ts";
import type { RocksSettings } from "../../src/engine/rocks-settings.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";

export interface StallRecipe {
  readonly settings: RocksSettings;
  /** The same for `kept-server`, whose sizes are in MB. */
  readonly directives: Readonly<Record<string, string>>;
  /** Values of this size bring the stall soonest. */
  readonly valueBytes: number;
  /** What RocksDB says when it refuses. */
  readonly words: string;
}

const MEBIBYTE = 1024 * 1024;

/** Compaction never comes, and writes give way to it: refused for good. */
export const PERMANENT_STALL: StallRecipe = {
  settings: {
    database: {},
    family: {
      write_buffer_size: String(MEBIBYTE),
      level0_file_num_compaction_trigger: "1",
      disable_auto_compactions: "true",
    },
    table: {},
    blockCacheBytes: 8 * MEBIBYTE,
    statistics: false,
    lowPriority: true,
    disableWal: false,
    readThreadCount: 2,
  },
  directives: {
    "rocksdb.write_options.no_slowdown": "yes",
    "rocksdb.write_options.low_pri": "yes",
    "rocksdb.write_buffer_size": "1",
    "rocksdb.level0_file_num_compaction_trigger": "1",
    "rocksdb.disable_auto_compactions": "yes",
  },
  valueBytes: 1024,
  words: "Low priority write stall",
};

/** Compaction is too slow for the writers and catches up when they stop. */
export const TRANSIENT_STALL: StallRecipe = {
  settings: {
    database: { max_background_jobs: "1" },
    family: {
      write_buffer_size: String(MEBIBYTE),
      max_write_buffer_number: "2",
      level0_file_num_compaction_trigger: "2",
      level0_slowdown_writes_trigger: "2",
      level0_stop_writes_trigger: "4",
    },
    table: {},
    blockCacheBytes: 8 * MEBIBYTE,
    statistics: false,
    lowPriority: false,
    disableWal: false,
    readThreadCount: 2,
  },
  directives: {
    "rocksdb.write_options.no_slowdown": "yes",
    "rocksdb.write_buffer_size": "1",
    "rocksdb.max_write_buffer_number": "2",
    "rocksdb.level0_file_num_compaction_trigger": "2",
    "rocksdb.level0_slowdown_writes_trigger": "2",
    "rocksdb.level0_stop_writes_trigger": "4",
    "rocksdb.max_background_jobs": "1",
  },
  valueBytes: 4096,
  words: "Write stall",
};

/** Enough for either recipe many times over. */
const FLOOD_WRITES_MAX = 200_000;

export interface Flood {
  /** The refusal that ended it. */
  readonly refusal: StorageError;
  /** Keys `key:0` ... `key:<written - 1>` behind the prefix are committed, the next one is not. */
  readonly written: number;
}

export function floodKey(prefix: string, index: number): string {
  return `${prefix}key:${index}`;
}

/**
 * Writes until RocksDB refuses with the words of the recipe. The permanent recipe may first meet a
 * short stall of the other kind, while its memtables wait for their flush: that is waited out.
 */
export async function floodUntilRefused(
  engine: Engine,
  recipe: StallRecipe,
  target: { readonly store: StoreId; readonly prefix: string },
): Promise<Flood> {
  // Values differ, so that compression does not spare the disk the work.
  const filler = Buffer.alloc(recipe.valueBytes);
  const ops = new WriteOps();
  let written = 0;
  for (let attempt = 0; attempt < FLOOD_WRITES_MAX; attempt++) {
    for (let at = 0; at + 4 <= filler.length; at += 4) {
      filler.writeUInt32LE(Math.imul(at + written * 7919 + 1, 0x9e3779b1) >>> 0, at);
    }
    ops.clear();
    ops.put(target.store, floodKey(target.prefix, written), filler.latin1Slice());
    try {
      engine.write(ops);
      written++;
    } catch (error) {
      if (!(error instanceof StorageError) || error.kind !== "stall") throw error;
      if (error.message === recipe.words) return { refusal: error, written };
      // oxlint-disable-next-line no-await-in-loop -- waiting is the point
      await pause(1);
    }
  }
  throw new Error(`no write was refused within ${FLOOD_WRITES_MAX}`);
}
