// Write batches: what they hold, save points, reading through an indexed one.

import assert from "node:assert/strict";
import test from "node:test";
import { STEP_KEYS_ONLY, STEP_REVERSE } from "@kept/rocksdb";
import { put, representationOf, withDatabase } from "./helpers.ts";

test("a batch's representation is the documented one, and comes back from it", async () => {
  await withDatabase({ families: { other: {} } }, async (database) => {
    const other = database.family("other");
    const batch = database.batch();
    assert.equal(batch.byteSize, 12);
    batch.put(other, "k".repeat(200), "v");
    batch.delete(other, Buffer.from("gone"));
    assert.equal(batch.count, 2);
    const expected = representationOf([
      [other, "k".repeat(200), "v"],
      [other, "gone", null],
    ]);
    assert.deepEqual(batch.representation(), expected);
    assert.equal(batch.byteSize, expected.length);
    const copy = database.batch();
    copy.fromRepresentation(batch.representation());
    assert.equal(copy.count, 2);
    assert.throws(() => copy.fromRepresentation(expected, 13), { code: "Corruption" });
    const writing = database.writeAsync(copy);
    copy.clear();
    assert.equal(copy.count, 0);
    assert.equal(await writing, 2);
    assert.equal(database.getBinary(other, "k".repeat(200)), "v");
    batch.close();
    assert.throws(() => batch.count, { code: "ERR_ROCKSDB_CLOSED" });
  });
});

test("save points undo, keep, and are missed when there is none", async () => {
  await withDatabase({}, (database) => {
    for (const batch of [database.batch(), database.indexedBatch()]) {
      batch.put(0, "a", "1");
      batch.setSavePoint();
      batch.put(0, "b", "2");
      batch.setSavePoint();
      batch.put(0, "c", "3");
      batch.popSavePoint();
      assert.equal(batch.count, 3);
      batch.rollbackToSavePoint();
      assert.equal(batch.count, 1);
      assert.throws(() => batch.rollbackToSavePoint(), { code: "NotFound" });
      assert.throws(() => batch.popSavePoint(), { code: "NotFound" });
    }
  });
});

test("range deletes, single deletes and log data work; a wrong range is refused unlogged", async () => {
  await withDatabase({}, (database) => {
    for (const key of ["a", "b", "c", "d"]) put(database, key, key);
    const batch = database.batch();
    batch.deleteRange(0, "a", "c");
    batch.singleDelete(0, "d");
    batch.putLogData("only in the log");
    assert.equal(batch.count, 2);
    database.write(batch);
    assert.equal(database.getBinary(0, "b"), null);
    assert.equal(database.getBinary(0, "c"), "c");
    assert.equal(database.getBinary(0, "d"), null);
    batch.clear();
    batch.put(0, "e", "e");
    batch.deleteRange(0, "z", "a");
    const before = database.latestSequenceNumber;
    assert.throws(() => database.write(batch), { code: "InvalidArgument" });
    assert.equal(database.latestSequenceNumber, before);
    assert.equal(database.getBinary(0, "e"), null);
  });
});

test("a limit on a batch is MemoryLimit, and what was before it stays", async () => {
  await withDatabase({}, (database) => {
    const batch = database.batch({ maxBytes: 40 });
    batch.put(0, "a", "1");
    assert.throws(() => batch.put(0, "b", "x".repeat(40)), { subcode: "MemoryLimit" });
    assert.equal(batch.count, 1);
  });
});

test("an indexed batch is read through, and rolled back from under a reader", async () => {
  await withDatabase({}, (database) => {
    put(database, "a", "old");
    put(database, "b", "old");
    const batch = database.indexedBatch();
    batch.put(0, "a", "new");
    batch.setSavePoint();
    batch.delete(0, "b");
    batch.put(0, "c", "new");
    assert.equal(batch.getBinary(0, "a"), "new");
    assert.equal(batch.getBinary(0, "b"), null);
    assert.equal(batch.getBinary(0, "c"), "new");
    assert.equal(database.getBinary(0, "a"), "old");
    const iterator = batch.iterator(0);
    iterator.seekToFirst();
    assert.deepEqual(iterator.nextBinary(9), ["a", "new", "c", "new"]);
    batch.rollbackToSavePoint();
    assert.throws(() => iterator.seekToFirst(), { code: "ERR_ROCKSDB_STALE" });
    assert.equal(batch.getBinary(0, "b"), "old");
    assert.throws(() => batch.deleteRange(0, "a", "b"), {
      code: "NotSupported",
      message: /DeleteRange/,
    });
    database.write(batch);
    assert.equal(database.getBinary(0, "a"), "new");
  });
});

test("a cursor over a batch keeps its bounds, forward and back", async () => {
  await withDatabase({}, (database) => {
    for (const key of ["a", "c", "e", "g"]) put(database, key, "db");
    const batch = database.indexedBatch();
    for (const key of ["0", "b", "d", "f", "z"]) batch.put(0, key, "batch");
    const bounds = { lowerBound: "b", upperBound: "f" };
    const iterator = batch.iterator(0, bounds);
    const inside = ["b", "c", "d", "e"];
    assert.equal(iterator.seekToFirst(), true);
    assert.deepEqual(iterator.nextBinary(9, 99, STEP_KEYS_ONLY), inside);
    assert.equal(iterator.state, "end");
    assert.equal(iterator.seekToLast(), true);
    const back = STEP_KEYS_ONLY | STEP_REVERSE;
    assert.deepEqual(iterator.nextBinary(9, 99, back), inside.toReversed());
    assert.equal(iterator.seek("0"), true);
    assert.deepEqual(iterator.nextBinary(1, 99, STEP_KEYS_ONLY), ["b"]);
    assert.equal(iterator.seekForPrev("zz"), true);
    assert.deepEqual(iterator.nextBinary(1, 99, back), ["e"]);
    assert.equal(iterator.seek("f"), false);
    assert.equal(iterator.seekForPrev("a"), false);
  });
});

test("a cursor over a batch has no asynchronous steps", async () => {
  await withDatabase({}, async (database) => {
    const iterator = database.indexedBatch().iterator(0);
    await assert.rejects(iterator.nextBinaryAsync(1), { code: "NotSupported" });
  });
});
