// Open, read, write, iterate, close.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";
import { Database, INCOMPLETE, NOT_FOUND, READ_BLOCK_CACHE, RocksDBError } from "@kept/rocksdb";
import {
  put,
  removeDirectory,
  representationOf,
  temporaryDirectory,
  withDatabase,
} from "./helpers.ts";

function get(database: Database, key: string, readTier = 0): string | number {
  const target = Buffer.alloc(64);
  const bytes = Buffer.from(key, "latin1");
  const length = database.get(0, bytes, bytes.length, target, { readTier });
  return length < 0 ? length : target.toString("latin1", 0, length);
}

test("what is written is read back, in every way", async () => {
  await withDatabase({}, async (database) => {
    const sequence = put(database, "a", "1\xff\0");
    assert.equal(sequence, database.latestSequenceNumber);
    assert.equal(get(database, "a"), "1\xff\0");
    assert.equal(get(database, "b"), NOT_FOUND);
    assert.equal(database.getBinary(0, "a"), "1\xff\0");
    assert.equal(database.getBinary(0, "b"), null);
    assert.equal(database.keyReadMicros, 0);
    assert.deepEqual(await database.multiGetBinary(0, ["b", Buffer.from("a")]), [null, "1\xff\0"]);
    assert.ok(database.keyReadMicros > 0);
    const target = Buffer.alloc(8);
    const lengths = new Int32Array(3);
    assert.equal(database.multiGet(0, ["a", "b", "a"], target, lengths), 6);
    assert.deepEqual([...lengths], [3, NOT_FOUND, 3]);
    assert.equal(target.toString("latin1", 0, 6), "1\xff\x001\xff\0");
  });
});

test("a value longer than the target tells its length and leaves the target alone", async () => {
  await withDatabase({}, (database) => {
    put(database, "k", "long value");
    const target = Buffer.alloc(4);
    assert.equal(database.get(0, Buffer.from("kx"), 1, target), 10);
    assert.deepEqual([...target], [0, 0, 0, 0]);
  });
});

test("asynchronous writes are made in the order of the calls, from copies of the bytes", async () => {
  await withDatabase({}, async (database) => {
    const scratch = Buffer.alloc(256);
    const writes: Promise<number>[] = [];
    for (let i = 0; i < 100; i++) {
      const bytes = representationOf([
        [0, "k", String(i)],
        [0, `k${i}`, "x"],
      ]);
      bytes.copy(scratch);
      writes.push(database.writeRepresentationAsync(scratch, bytes.length));
    }
    const sequences = await Promise.all(writes);
    assert.deepEqual(
      sequences,
      sequences.map((_, i) => (i + 1) * 2),
    );
    assert.equal(database.getBinary(0, "k"), "99");
    assert.equal(database.getBinary(0, "k57"), "x");
  });
});

test("a malformed representation is Corruption and leaves nothing behind", async () => {
  await withDatabase({}, async (database, path) => {
    const good = representationOf([
      [0, "a", "1"],
      [0, "b", "2"],
    ]);
    for (let length = 0; length < good.length; length++) {
      assert.throws(() => database.writeRepresentation(good, length), { code: "Corruption" });
      await assert.rejects(database.writeRepresentationAsync(good, length), {
        name: "RocksDBError",
        code: "Corruption",
      });
    }
    const miscounted = Buffer.from(good);
    miscounted.writeUInt32LE(3, 8);
    assert.throws(
      () => database.writeRepresentation(miscounted, miscounted.length),
      (error) => error instanceof RocksDBError && /announces 3 .* holds 2/.test(error.message),
    );
    const unknownFamily = representationOf([[7, "a", "1"]]);
    assert.throws(() => database.writeRepresentation(unknownFamily, unknownFamily.length), {
      code: "InvalidArgument",
    });
    assert.equal(database.latestSequenceNumber, 0);
    await database.close();
    const again = await Database.open(path);
    assert.equal(again.getBinary(0, "a"), null);
    await again.close();
  });
});

test("a read that may not touch the disk says incomplete, and hot data is answered", async () => {
  const path = temporaryDirectory();
  const first = await Database.open(path, { createIfMissing: true });
  put(first, "a", "1");
  await first.close();
  // The log is replayed into a file by the next open; its blocks are in no cache.
  const database = await Database.open(path);
  assert.equal(get(database, "a", READ_BLOCK_CACHE), INCOMPLETE);
  assert.equal(database.getBinary(0, "a", READ_BLOCK_CACHE), undefined);
  const cold = database.iterator(0, { readTier: READ_BLOCK_CACHE });
  assert.equal(cold.seekToFirst(), false);
  assert.equal(cold.state, "incomplete");
  assert.deepEqual(await database.multiGetBinary(0, ["a"], { readTier: READ_BLOCK_CACHE }), [
    undefined,
  ]);
  assert.deepEqual(await database.multiGetBinary(0, ["a"]), ["1"]);
  assert.equal(get(database, "a", READ_BLOCK_CACHE), "1");
  await database.close();
  removeDirectory(path);
});

test("a closed database refuses everything and closes twice", async () => {
  await withDatabase({}, async (database) => {
    const iterator = database.iterator(0);
    const snapshot = database.snapshot();
    const bytes = representationOf([[0, "a", "1"]]);
    const writing = database.writeRepresentationAsync(bytes, bytes.length);
    const closing = database.close();
    assert.throws(() => database.getBinary(0, "a"), { code: "ERR_ROCKSDB_CLOSED" });
    assert.throws(() => iterator.seekToFirst(), { code: "ERR_ROCKSDB_CLOSED" });
    await assert.doesNotReject(writing);
    assert.equal(database.close(), closing);
    await closing;
    assert.throws(() => database.latestSequenceNumber, { code: "ERR_ROCKSDB_CLOSED" });
    assert.throws(() => iterator.nextBinary(1), { code: "ERR_ROCKSDB_CLOSED" });
    iterator.close();
    snapshot.release();
    snapshot.release();
  });
});

test("a database in use, an absent one and an unknown option are refused in RocksDB's words", async () => {
  await withDatabase({}, async (_, path) => {
    await assert.rejects(Database.open(path), { code: "IOError" });
    await assert.rejects(Database.open(`${path}/none`), {
      code: "InvalidArgument",
      message: /does not exist/,
    });
    await assert.rejects(Database.open(path, { options: { max_open_fillies: "7" } }), {
      code: "InvalidArgument",
      message: /max_open_fillies/,
    });
    await assert.rejects(
      Database.open(path, { families: { default: { options: { nope: "" } } } }),
      {
        code: "InvalidArgument",
        message: /nope/,
      },
    );
  });
});

test("an argument that closes the database while it is read is an error, not a crash", async () => {
  for (const call of ["multiGet", "multiGetBinary", "flush", "approximateSizes"] as const) {
    await withDatabase({}, async (database) => {
      const treacherous: string[] = ["a"];
      let closing = Promise.resolve();
      Object.defineProperty(treacherous, 0, {
        get: () => {
          closing = database.close();
          return call === "flush" ? 0 : "a";
        },
      });
      const run = async (): Promise<unknown> => {
        if (call === "multiGet") {
          return database.multiGet(0, treacherous, Buffer.alloc(8), new Int32Array(1));
        }
        if (call === "multiGetBinary") return database.multiGetBinary(0, treacherous);
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
        const wrong = treacherous as unknown[] as [string, string][] & number[];
        if (call === "flush") return database.flush({ families: wrong });
        return database.approximateSizes(0, wrong);
      };
      await assert.rejects(run, { code: "ERR_ROCKSDB_CLOSED" });
      await closing;
    });
  }
});

test("without a message log, no file of it is made", async () => {
  const path = temporaryDirectory();
  try {
    for (let life = 0; life < 2; life++) {
      // oxlint-disable-next-line no-await-in-loop -- one life after the other
      const database = await Database.open(path, {
        createIfMissing: true,
        withoutMessageLog: true,
      });
      // oxlint-disable-next-line no-await-in-loop -- one life after the other
      await database.close();
    }
    const names = readdirSync(path);
    assert.ok(names.includes("CURRENT"));
    assert.deepEqual(
      names.filter((name) => name.startsWith("LOG")),
      [],
    );
  } finally {
    removeDirectory(path);
  }
});
