// Real write stalls: refused at once with no-slowdown, told to the listener, waited for without it.

import assert from "node:assert/strict";
import test from "node:test";
import {
  Database,
  RocksDBError,
  WRITE_LOW_PRIORITY,
  WRITE_NO_SLOWDOWN,
  type DatabaseEvent,
} from "@kept/rocksdb";
import {
  put,
  removeDirectory,
  representationOf,
  temporaryDirectory,
  waitFor,
  withDatabase,
} from "./helpers.ts";

const TRANSIENT = {
  write_buffer_size: "1048576",
  max_write_buffer_number: "2",
  level0_file_num_compaction_trigger: "2",
  level0_slowdown_writes_trigger: "2",
  level0_stop_writes_trigger: "4",
};

/** Writes until RocksDB refuses; throws when it never does. */
function flood(database: Database, flags: number, valueBytes: number): RocksDBError {
  const value = "x".repeat(valueBytes);
  for (let i = 0; i < 100_000; i++) {
    const bytes = representationOf([[0, `key${i}`, value]]);
    try {
      database.writeRepresentation(bytes, bytes.length, flags);
    } catch (error) {
      if (error instanceof RocksDBError) return error;
      throw error;
    }
  }
  throw new Error("the flood was never refused");
}

test("low priority and no slowdown: refused for good, reads and plain writes go on", async () => {
  const options = {
    write_buffer_size: "1048576",
    // So many that a slow flush does not bring the other stall first.
    max_write_buffer_number: "64",
    level0_file_num_compaction_trigger: "1",
    disable_auto_compactions: "true",
  };
  await withDatabase({ families: { default: { options } } }, async (database) => {
    const error = flood(database, WRITE_LOW_PRIORITY | WRITE_NO_SLOWDOWN, 1024);
    assert.equal(error.code, "Incomplete");
    assert.equal(error.message, "Low priority write stall");
    assert.equal(error.name, "RocksDBError");
    assert.equal(database.getBinary(0, "key0")?.length, 1024);
    const bytes = representationOf([[0, "a", "1"]]);
    const flags = WRITE_LOW_PRIORITY | WRITE_NO_SLOWDOWN;
    await assert.rejects(database.writeRepresentationAsync(bytes, bytes.length, flags), {
      code: "Incomplete",
      message: "Low priority write stall",
    });
    assert.equal(database.getBinary(0, "a"), null);
    database.writeRepresentation(bytes, bytes.length, WRITE_NO_SLOWDOWN);
    assert.equal(database.getBinary(0, "a"), "1");
  });
});

test("no slowdown alone: refused while it lasts, then accepted; the listener hears of both", async () => {
  const events: DatabaseEvent[] = [];
  const listener = (event: DatabaseEvent): void => {
    events.push(event);
  };
  const families = { default: { options: TRANSIENT } };
  const options = { options: { max_background_jobs: "1" }, families, listener };
  await withDatabase(options, async (database) => {
    const error = flood(database, WRITE_NO_SLOWDOWN, 4096);
    assert.equal(error.code, "Incomplete");
    assert.equal(error.message, "Write stall");
    assert.equal(error.subcode, "None");
    await waitFor(() => {
      const bytes = representationOf([[0, "after", "1"]]);
      try {
        database.writeRepresentation(bytes, bytes.length, WRITE_NO_SLOWDOWN);
        return true;
      } catch {
        return false;
      }
    });
    const stalls = () => events.filter((event) => event.type === "stall");
    await waitFor(() => stalls().some((event) => event.to === "normal"));
    assert.ok(stalls().some((event) => event.to !== "normal" && event.family === "default"));
    await waitFor(() => events.some((event) => event.type === "flush" && event.entries > 0));
    // The stall may have come after a single flush, and a compaction wants two tables.
    for (const key of ["one", "other"]) {
      put(database, key, "1");
      // oxlint-disable-next-line no-await-in-loop -- a table each
      await database.flush();
    }
    // What was refused may have gone to one file, which nothing is to be compacted with.
    for (let files = 0; files < 2; files++) {
      const bytes = representationOf([[0, "after", String(files)]]);
      database.writeRepresentation(bytes, bytes.length);
      await database.flush();
    }
    await waitFor(() => events.some((event) => event.type === "compaction"));
  });
});

test("writers that wait in a stall hold up neither reads nor the loop, and close lets them through", async () => {
  const path = temporaryDirectory();
  const database = await Database.open(path, {
    createIfMissing: true,
    families: { default: { options: TRANSIENT } },
  });
  await database.pauseBackgroundWork();
  const value = "x".repeat(4096);
  const flags = WRITE_NO_SLOWDOWN;
  assert.equal(flood(database, flags, 4096).message, "Write stall");
  const bytes = representationOf([[0, "waited", value]]);
  let settled = 0;
  const writes = Array.from({ length: 1000 }, () =>
    database.writeRepresentationAsync(bytes, bytes.length).then(() => settled++),
  );
  // More readers than libuv has threads: none may wait behind the writers.
  const reads = Array.from({ length: 8 }, () => database.multiGetBinary(0, ["key0"]));
  for (const [read] of await Promise.all(reads)) assert.equal(read?.length, 4096);
  assert.ok(settled < writes.length);
  await database.continueBackgroundWork();
  await database.close();
  await Promise.all(writes);
  assert.equal(settled, writes.length);
  const again = await Database.open(path);
  assert.equal(again.getBinary(0, "waited")?.length, 4096);
  await again.close();
  removeDirectory(path);
});

test("close ends a stall that would never end by itself, and loses nothing", async () => {
  const path = temporaryDirectory();
  const database = await Database.open(path, {
    createIfMissing: true,
    families: { default: { options: TRANSIENT } },
  });
  // Nothing will ever be flushed: two full memtables stop writers for good.
  await database.pauseBackgroundWork();
  const value = "x".repeat(4096);
  const writes: Promise<number>[] = [];
  for (let i = 0; i < 3000; i++) {
    const bytes = representationOf([[0, `k${i}`, value]]);
    writes.push(database.writeRepresentationAsync(bytes, bytes.length));
  }
  await waitFor(() => database.intProperty(0, "rocksdb.is-write-stopped") === 1);
  await database.close();
  await Promise.all(writes);
  const again = await Database.open(path);
  assert.equal(again.getBinary(0, "k2999")?.length, 4096);
  await again.close();
  removeDirectory(path);
});
