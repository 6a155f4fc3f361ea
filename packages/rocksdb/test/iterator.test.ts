// Cursors: order, bounds, directions, packing, threads.

import assert from "node:assert/strict";
import test from "node:test";
import { STEP_KEYS_ONLY, STEP_REVERSE, type Database } from "@kept/rocksdb";
import { put, representationOf, withDatabase } from "./helpers.ts";

function fill(database: Database, count: number): void {
  const records = Array.from(
    { length: count },
    (_, i) => [0, `k${String(i).padStart(3, "0")}`, `v${i}`] as const,
  );
  const bytes = representationOf(records);
  database.writeRepresentation(bytes, bytes.length);
}

test("a step goes on where the last one ended, in either direction", async () => {
  await withDatabase({}, (database) => {
    fill(database, 5);
    const iterator = database.iterator(0);
    assert.equal(iterator.seekToFirst(), true);
    assert.deepEqual(iterator.nextBinary(2), ["k000", "v0", "k001", "v1"]);
    assert.deepEqual(iterator.nextBinary(2), ["k002", "v2", "k003", "v3"]);
    assert.equal(iterator.state, "more");
    assert.deepEqual(iterator.nextBinary(9, 100, STEP_REVERSE | STEP_KEYS_ONLY), [
      "k002",
      "k001",
      "k000",
    ]);
    assert.equal(iterator.state, "end");
    assert.deepEqual(iterator.nextBinary(9), []);
    assert.equal(iterator.seek("k003x"), true);
    assert.deepEqual(iterator.nextBinary(9), ["k004", "v4"]);
    assert.equal(iterator.seekForPrev("k003x"), true);
    assert.deepEqual(iterator.nextBinary(1), ["k003", "v3"]);
    assert.equal(iterator.seekToLast(), true);
    assert.deepEqual(iterator.nextBinary(1, 0, STEP_KEYS_ONLY), ["k004"]);
    iterator.close();
    assert.throws(() => iterator.seekToFirst(), { code: "ERR_ROCKSDB_CLOSED" });
  });
});

test("bounds hold, and a snapshot shows its own time", async () => {
  await withDatabase({}, (database) => {
    fill(database, 5);
    const snapshot = database.snapshot();
    put(database, "k0015", "later");
    const bounds = { lowerBound: "k001", upperBound: Buffer.from("k003") };
    const now = database.iterator(0, bounds);
    const then = database.iterator(0, { ...bounds, snapshot });
    now.seekToFirst();
    then.seekToFirst();
    assert.deepEqual(now.nextBinary(9, 99, STEP_KEYS_ONLY), ["k001", "k0015", "k002"]);
    assert.deepEqual(then.nextBinary(9, 99, STEP_KEYS_ONLY), ["k001", "k002"]);
    assert.equal(database.getBinary(0, "k0015", 0, snapshot), null);
    snapshot.release();
    assert.throws(() => database.getBinary(0, "k0015", 0, snapshot), {
      code: "ERR_ROCKSDB_CLOSED",
    });
  });
});

test("packed entries are lengths, key, value; an entry without room tells what it needs", async () => {
  await withDatabase({}, (database) => {
    fill(database, 3);
    const iterator = database.iterator(0);
    iterator.seekToFirst();
    const target = Buffer.alloc(30);
    assert.equal(iterator.next(target.subarray(0, 13), 9), -14);
    assert.equal(iterator.next(target, 9), 2);
    assert.equal(target.readUInt32LE(0), 4);
    assert.equal(target.readUInt32LE(4), 2);
    assert.equal(target.toString("latin1", 8, 14), "k000v0");
    assert.equal(target.toString("latin1", 22, 28), "k001v1");
    assert.equal(iterator.state, "more");
    assert.equal(iterator.next(target, 9, STEP_KEYS_ONLY), 1);
    assert.equal(target.readUInt32LE(4), 0);
    assert.equal(iterator.state, "end");
  });
});

test("a step on a thread gives the same, and the cursor is busy meanwhile", async () => {
  await withDatabase({}, async (database) => {
    fill(database, 10);
    const iterator = database.iterator(0);
    const step = iterator.seekBinaryAsync("k004", 2);
    assert.throws(() => iterator.seekToFirst(), { code: "ERR_ROCKSDB_BUSY" });
    assert.deepEqual(await step, ["k004", "v4", "k005", "v5"]);
    assert.deepEqual(await iterator.nextBinaryAsync(1), ["k006", "v6"]);
    assert.deepEqual(await iterator.nextBinaryAsync(2, 99, STEP_REVERSE), [
      "k005",
      "v5",
      "k004",
      "v4",
    ]);
    assert.equal(await iterator.seekAsync("last"), true);
    assert.deepEqual(iterator.nextBinary(1), ["k009", "v9"]);
  });
});

test("a step before the first seek is an error", async () => {
  await withDatabase({}, (database) => {
    assert.throws(() => database.iterator(0).nextBinary(1), { code: "InvalidArgument" });
  });
});

test("a walk may take the first bytes of each value and leave the rest", async () => {
  await withDatabase({}, (database) => {
    put(database, "a", "0123456789");
    put(database, "b", "01");
    const iterator = database.iterator(0, { valueBytesMax: 4 });
    iterator.seekToFirst();
    assert.deepEqual(iterator.nextBinary(9), ["a", "0123", "b", "01"]);
    assert.throws(() => database.iterator(0, { valueBytesMax: -2 }), RangeError);
  });
});
