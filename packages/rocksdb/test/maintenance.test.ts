// Flush, compaction, properties, checkpoints, the log, options at run time, errors and recovery.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import {
  Database,
  Gather,
  RocksDBError,
  rocksdbVersion,
  WRITE_DISABLE_WAL,
  WRITE_SYNC,
} from "@kept/rocksdb";
import {
  put,
  removeDirectory,
  representationOf,
  temporaryDirectory,
  waitFor,
  withDatabase,
} from "./helpers.ts";

test("flush and compaction make files, and properties and sizes tell of them", async () => {
  await withDatabase({ statistics: true }, async (database) => {
    for (let i = 0; i < 100; i++) put(database, `key${i}`, "x".repeat(1000));
    assert.equal(database.property(0, "rocksdb.num-files-at-level0"), "0");
    await database.flush({ families: [0] });
    assert.equal(database.property(0, "rocksdb.num-files-at-level0"), "1");
    const [all, none] = await database.approximateSizes(0, [
      ["key", "key~"],
      ["z", "zz"],
    ]);
    assert.ok(all !== undefined && all > 1000);
    assert.equal(none, 0);
    await database.compactRange(0, { bottommost: "force", exclusive: true });
    assert.equal(database.property(0, "rocksdb.num-files-at-level0"), "0");
    assert.equal(database.intProperty("all", "rocksdb.estimate-num-keys"), 100);
    assert.equal(database.intProperty(0, "rocksdb.no-such-thing"), null);
    assert.equal(database.property(0, "no-such-thing"), null);
    const { tickers, histograms } = database.statistics();
    assert.equal(tickers["rocksdb.number.keys.written"], 100);
    assert.equal(histograms["rocksdb.db.write.micros"]?.count, 100);
    database.resetStatistics();
    assert.equal(database.statistics().tickers["rocksdb.number.keys.written"], 0);
    await database.deleteFilesInRange(0, null, null);
    assert.equal(database.getBinary(0, "key1"), null);
  });
});

test("a checkpoint is a database of its own", async () => {
  await withDatabase({}, async (database, path) => {
    put(database, "a", "1");
    const copyPath = join(path, "checkpoint");
    await database.checkpoint(copyPath);
    put(database, "a", "2");
    const copy = await Database.open(copyPath);
    assert.equal(copy.getBinary(0, "a"), "1");
    await copy.close();
    await assert.rejects(database.checkpoint(copyPath), { name: "RocksDBError" });
  });
});

test("the log is walked from a sequence number on, and goes on when more is written", async () => {
  await withDatabase({}, async (database) => {
    put(database, "a", "1");
    const second = put(database, "b", "2");
    await database.flushWal(false);
    const updates = await database.updatesSince(second);
    const [update, ...rest] = await updates.next(10);
    assert.equal(update?.sequence, second);
    const expected = representationOf([[0, "b", "2"]]).subarray(12);
    // RocksDB writes the default family without its number: one byte less, another tag.
    assert.deepEqual(update?.representation.subarray(12).subarray(-4), expected.subarray(-4));
    assert.deepEqual(rest, []);
    assert.deepEqual(await updates.next(10), []);
    put(database, "c", "3");
    await database.flushWal(false);
    const more = await updates.next(10);
    assert.deepEqual(
      more.map((each) => each.sequence),
      [3],
    );
    const next = updates.next(1);
    await assert.rejects(updates.next(1), { code: "ERR_ROCKSDB_BUSY" });
    await next;
    updates.close();
    await assert.rejects(updates.next(1), { code: "ERR_ROCKSDB_CLOSED" });
    await assert.rejects(database.updatesSince(1000), { code: "NotFound" });
  });
});

test("options change at run time, and those that cannot are refused", async () => {
  await withDatabase({}, async (database) => {
    await database.setOptions(0, { disable_auto_compactions: "true" });
    await database.setDBOptions({ max_background_jobs: "3" });
    await assert.rejects(database.setOptions(0, { num_levels: "3" }), { code: "InvalidArgument" });
    const unknown = { name: "RocksDBError", message: /nonsense/ };
    await assert.rejects(database.setOptions(0, { nonsense: "3" }), unknown);
    await assert.rejects(database.setDBOptions({ nonsense: "3" }), unknown);
    assert.throws(() => database.statistics(), { code: "NotSupported" });
  });
});

test("what was synced, and what was written without a log and flushed, outlives a reopen", async () => {
  await withDatabase({}, async (database, path) => {
    put(database, "synced", "1", WRITE_SYNC);
    put(database, "unlogged", "1", WRITE_DISABLE_WAL);
    await database.syncWal();
    await database.flush();
    assert.throws(() => put(database, "x", "1", WRITE_DISABLE_WAL | WRITE_SYNC), {
      code: "InvalidArgument",
    });
    await database.close();
    const again = await Database.open(path);
    assert.equal(again.getBinary(0, "synced"), "1");
    assert.equal(again.getBinary(0, "unlogged"), "1");
    await again.resume();
    await again.close();
  });
});

test("a damaged file is Corruption, at open or at the read that meets it; repair opens it", async () => {
  const path = temporaryDirectory();
  const first = await Database.open(path, { createIfMissing: true });
  put(first, "a", "1");
  await first.close();
  writeFileSync(join(path, "CURRENT"), "MANIFEST-garbage\n");
  await assert.rejects(Database.open(path), (error) => {
    return error instanceof RocksDBError && ["Corruption", "IOError"].includes(error.code);
  });
  await Database.repair(path);
  const again = await Database.open(path);
  assert.equal(again.getBinary(0, "a"), "1");
  await again.close();
  removeDirectory(path);
});

test("after background work is cancelled the database still is read and closed", async () => {
  await withDatabase({}, async (database) => {
    put(database, "a", "1");
    await database.cancelAllBackgroundWork(true);
    assert.equal(database.getBinary(0, "a"), "1");
    await assert.rejects(database.compactRange(0), { name: "RocksDBError" });
  });
});

test("a listener that throws is an uncaught exception, not a silent loss", () => {
  const path = temporaryDirectory();
  const source = `
    const { Database } = await import(process.argv[1]);
    const listener = () => { throw new Error("from the listener"); };
    const database = await Database.open(process.argv[2], { createIfMissing: true, listener });
    const batch = database.batch();
    batch.put(0, "a", "1");
    database.write(batch);
    await database.flush();
    setInterval(() => {}, 1000);`;
  const script = ["--input-type=module", "--eval", source];
  const child = spawnSync(
    process.execPath,
    [...script, import.meta.resolve("@kept/rocksdb"), path],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(child.status, 1);
  assert.match(child.stderr, /from the listener/);
  removeDirectory(path);
});

test("a worker thread may end with a database open and work in flight", async () => {
  const path = temporaryDirectory();
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.module).then(async ({ Database }) => {
      const database = await Database.open(workerData.path, { createIfMissing: true });
      const batch = database.batch();
      for (let i = 0; i < 100; i++) batch.put(0, "key" + i, "x".repeat(1000));
      database.write(batch, 1);
      for (let i = 0; i < 500; i++) void database.writeAsync(batch);
      for (let i = 0; i < 500; i++) void database.multiGetBinary(0, ["key1", "key2"]);
      const iterator = database.iterator(0, { snapshot: database.snapshot() });
      void iterator.seekBinaryAsync("key1", 50);
      parentPort.postMessage("ready");
      setInterval(() => {}, 1000);
    });`;
  const workerData = { module: import.meta.resolve("@kept/rocksdb"), path };
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(source, { eval: true, workerData });
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    await worker.terminate();
    const database = await Database.open(path);
    assert.equal(database.getBinary(0, "key99")?.length, 1000);
    await database.close();
  }
  removeDirectory(path);
});

test("the version of RocksDB is told", () => {
  assert.match(rocksdbVersion, /^\d+\.\d+\.\d+$/);
});

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  assert.ok(typeof collect === "function");
  return () => {
    Reflect.apply(collect, undefined, []);
  };
}

test("what nobody holds any more is let go without a close", async () => {
  const collect = collector();
  await withDatabase({}, async (database) => {
    const snapshots = (): number | null => database.intProperty(0, "rocksdb.num-snapshots");
    for (let i = 0; i < 100; i++) database.iterator(0, { snapshot: database.snapshot() });
    assert.equal(snapshots(), 100);
    await waitFor(() => {
      collect();
      return snapshots() === 0;
    });
  });
});

test("a text that nobody gathers to its end is let go, by V8 or at once", async () => {
  const collect = collector();
  const bytes = Buffer.alloc(64 * 1024, "x");
  const count = 100;
  let collected = 0;
  const told = new FinalizationRegistry(() => collected++);
  const begin = (): Gather => {
    const gather = new Gather(2 * bytes.length);
    gather.append(bytes, 0, bytes.length);
    return gather;
  };
  for (let made = 0; made < count; made++) told.register(begin(), undefined);
  // What a finalizer throws ends the process.
  await waitFor(() => {
    collect();
    return collected === count;
  });
  const dropped = begin();
  dropped.drop();
  assert.throws(() => dropped.append(bytes, 0, 1), /have been taken/);
  assert.throws(() => dropped.take(), /have been taken/);
});
