// Copies of a server's directory, so that what was filled once can be measured often.

import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory with the same data; what RocksDB never changes is linked. */
export function copied(source: string): string {
  const copy = mkdtempSync(join(tmpdir(), "kept-bench-copy-"));
  copyInto(source, copy);
  return copy;
}

function copyInto(source: string, target: string): void {
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory()) {
      mkdirSync(to);
      copyInto(from, to);
    } else if (entry.name.endsWith(".sst") || entry.name.endsWith(".rdb")) {
      linkSync(from, to);
    } else {
      cpSync(from, to);
    }
  }
}
