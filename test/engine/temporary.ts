// Directories for tests of the real engine, and plain settings for it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { RocksSettings } from "../../src/engine/rocks-settings.ts";

/** A new empty directory, removed when disposed. */
export class TemporaryDirectory {
  readonly path: string = mkdtempSync(join(tmpdir(), "kept-engine-"));

  join(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** RocksDB's own defaults, a small cache, no fuss. */
export const PLAIN_SETTINGS: RocksSettings = {
  database: {},
  family: {},
  table: {},
  blockCacheBytes: 8 * 1024 * 1024,
  statistics: false,
  lowPriority: false,
  disableWal: false,
  readThreadCount: 2,
};
