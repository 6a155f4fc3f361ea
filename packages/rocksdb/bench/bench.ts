// What a crossing, a read and a write cost: `npm run bench`. Nanoseconds per operation, best of three.
//
// Keys are shaped as a sharded store's: 4 constant bytes, a slot of 2 bytes out of 16,384, and the
// rest. Writes are random over 100,000 keys with values of 64 bytes, with the log, without fsync.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database, READ_BLOCK_CACHE, type FamilyOptions } from "@kept/rocksdb";

const KEYS = 100_000;
const SLOTS = 16_384;
const KEY_BYTES = 20;
const VALUE_BYTES = 64;
const HEADER_BYTES = 12;
const RECORD_BYTES = 4 + KEY_BYTES + VALUE_BYTES;

const SKIP_LIST: FamilyOptions = { options: { write_buffer_size: "67108864" } };
const HASH_SKIP_LIST: FamilyOptions = {
  memtable: { kind: "hash-skip-list", bucketCount: SLOTS },
  options: { write_buffer_size: "67108864", prefix_extractor: "fixed:6" },
};

/** Key number `index`, at `offset`. */
function putKey(target: Buffer, offset: number, index: number): void {
  target.writeUInt32BE(0, offset);
  target.writeUInt16BE(Math.imul(index, 2_654_435_761) >>> 18, offset + 4);
  target.write(`key:${String(index).padStart(10, "0")}`, offset + 6, "latin1");
}

function putRecord(target: Buffer, offset: number, family: number, index: number): void {
  target[offset] = 5;
  target[offset + 1] = family;
  target[offset + 2] = KEY_BYTES;
  putKey(target, offset + 3, index);
  target[offset + 3 + KEY_BYTES] = VALUE_BYTES;
  target.fill(120, offset + 4 + KEY_BYTES, offset + RECORD_BYTES);
}

function best(count: number, body: (i: number) => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) body(i);
    least = Math.min(least, ((performance.now() - start) * 1e6) / count);
  }
  return least;
}

function report(what: string, nanoseconds: number): void {
  console.log(`${what.padEnd(58)} ${nanoseconds.toFixed(0).padStart(8)}`);
}

/** Batches made before the clock starts: encoding is not what is measured. */
function batchesOf(family: number, group: number): Buffer[] {
  const batches: Buffer[] = [];
  for (let made = 0; made < KEYS; made += group) {
    const bytes = Buffer.alloc(HEADER_BYTES + group * RECORD_BYTES);
    bytes.writeUInt32LE(group, 8);
    for (let i = 0; i < group; i++) {
      const index = Math.floor(Math.random() * KEYS);
      putRecord(bytes, HEADER_BYTES + i * RECORD_BYTES, family, index);
    }
    batches.push(bytes);
  }
  return batches;
}

async function benchFamily(name: string, options: FamilyOptions): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "kept-rocksdb-bench-"));
  const database = await Database.open(path, {
    createIfMissing: true,
    createMissingColumnFamilies: true,
    families: { data: options },
  });
  const family = database.family("data");
  for (const group of [1, 16, 64, 256]) {
    const batches = batchesOf(family, group);
    const nanoseconds = best(batches.length, (i) => {
      const bytes = batches[i] ?? Buffer.alloc(0);
      database.writeRepresentation(bytes, bytes.length);
    });
    report(`${name}: write, groups of ${group}`, nanoseconds / group);
  }
  const batches = batchesOf(family, 256);
  const start = performance.now();
  await Promise.all(batches.map((each) => database.writeRepresentationAsync(each, each.length)));
  const elapsed = performance.now() - start;
  report(`${name}: write, groups of 256, on the thread`, (elapsed * 1e6) / (batches.length * 256));

  await benchReads(name, database, family);
  await database.close();
  rmSync(path, { recursive: true });
}

async function benchReads(name: string, database: Database, family: number): Promise<void> {
  const key = Buffer.alloc(KEY_BYTES);
  const target = Buffer.alloc(256);
  const next = (): void => putKey(key, 0, Math.floor(Math.random() * KEYS));
  report(
    `${name}: get into a buffer, memtable`,
    best(KEYS, () => {
      next();
      database.get(family, key, KEY_BYTES, target);
    }) - best(KEYS, next),
  );
  await database.flush();
  await database.compactRange(family);
  for (const [tier, tierName] of [
    [0, "all"],
    [READ_BLOCK_CACHE, "block cache"],
  ] as const) {
    report(
      `${name}: get into a buffer, files, tier ${tierName}`,
      best(KEYS, () => {
        next();
        database.get(family, key, KEY_BYTES, target, { readTier: tier });
      }) - best(KEYS, next),
    );
  }
  report(
    `${name}: getBinary, files`,
    best(KEYS, () => {
      next();
      database.getBinary(family, key.toString("latin1"));
    }) - best(KEYS, next),
  );
  const iterator = database.iterator(family, { totalOrderSeek: true });
  const walk = Buffer.alloc(1 << 20);
  iterator.seekToFirst();
  let entries = 0;
  const walkStart = performance.now();
  for (let taken = 1; taken > 0; entries += taken) taken = iterator.next(walk, 1000);
  report(`${name}: iterate, an entry`, ((performance.now() - walkStart) * 1e6) / entries);
}

// Not exported by the package: nobody but this wants a call that does nothing.
const { native } = await import(new URL("../native.js", import.meta.url).href);
const scratch = Buffer.alloc(16);
report(
  "empty call",
  best(5_000_000, (i) => native.nothing(scratch, i, 7)),
);
await benchFamily("skip list", SKIP_LIST);
await benchFamily("hash skip list", HASH_SKIP_LIST);
