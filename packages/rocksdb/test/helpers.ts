// What the tests of this package share: temporary directories, representations, waiting.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database, type OpenOptions } from "@kept/rocksdb";

const DELETE = 0x4;
const PUT = 0x5;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function prefixed(bytes: string): Buffer {
  return Buffer.concat([varint(bytes.length), Buffer.from(bytes, "latin1")]);
}

/** A record of a representation: a value of null deletes. */
export type TestRecord = readonly [family: number, key: string, value: string | null];

/** The representation of `records`, by hand: what the package's own encoder must agree with. */
export function representationOf(records: readonly TestRecord[]): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(records.length, 8);
  const parts: Uint8Array[] = [header];
  for (const [family, key, value] of records) {
    parts.push(Buffer.from([value === null ? DELETE : PUT]), varint(family), prefixed(key));
    if (value !== null) parts.push(prefixed(value));
  }
  return Buffer.concat(parts);
}

export function put(database: Database, key: string, value: string, flags = 0): number {
  const bytes = representationOf([[0, key, value]]);
  return database.writeRepresentation(bytes, bytes.length, flags);
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "kept-rocksdb-"));
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/** Runs `body` on a fresh database and closes it, whatever happens. */
export async function withDatabase(
  options: OpenOptions,
  body: (database: Database, path: string) => Promise<void> | void,
): Promise<void> {
  const path = temporaryDirectory();
  try {
    const database = await Database.open(path, {
      createIfMissing: true,
      createMissingColumnFamilies: true,
      ...options,
    });
    try {
      await body(database, path);
    } finally {
      await database.close();
    }
  } finally {
    removeDirectory(path);
  }
}

/** Lets the event loop turn until `condition` holds; throws after `limitMs`. */
export async function waitFor(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
