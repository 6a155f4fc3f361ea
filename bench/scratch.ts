// A RocksDB of its own for each candidate of a bench, opened as the product opens its own, in the
// system's temporary directory, and removed at the end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Database } from "@kept/rocksdb";

import { databaseOptions, familyPlans, type RocksSettings } from "../src/engine/rocks-settings.ts";

const MB = 1024 * 1024;

export type Memtable = "chains by slot" | "lists by slot" | "chains by key" | "skip list";

export interface Scratch {
  readonly path: string;
  readonly database: Database;
  close(): Promise<void>;
}

export function settingsWith(writeBufferMb: number): RocksSettings {
  return {
    database: { max_background_jobs: "4" },
    family: { write_buffer_size: String(writeBufferMb * MB), max_write_buffer_number: "4" },
    table: {},
    blockCacheBytes: 128 * MB,
    statistics: false,
    lowPriority: false,
    disableWal: false,
    readThreadCount: 1,
  };
}

export function scratchDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "kept-bench-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The product's families, `data` with the memtable that is asked for. */
export async function openScratch(memtable: Memtable, writeBufferMb: number): Promise<Scratch> {
  const directory = scratchDirectory();
  const settings = settingsWith(writeBufferMb);
  const families = Object.fromEntries(familyPlans(settings));
  const { data } = families;
  if (data === undefined) throw new Error("there is no family data");
  if (memtable === "skip list") families["data"] = { ...data, memtable: "skip-list" };
  if (memtable === "lists by slot") {
    families["data"] = { ...data, memtable: { kind: "hash-skip-list", bucketCount: 16384 } };
  }
  if (memtable === "chains by key") {
    // Header and hash: as good as the whole key. No walk could stay within one prefix.
    const options = { ...data.options, prefix_extractor: "rocksdb.FixedPrefix.10" };
    families["data"] = { ...data, options };
  }
  const database = await Database.open(directory.path, {
    options: databaseOptions(settings),
    families,
    createIfMissing: true,
    createMissingColumnFamilies: true,
  });
  const close = async (): Promise<void> => {
    await database.close();
    directory.remove();
  };
  return { path: directory.path, database, close };
}
