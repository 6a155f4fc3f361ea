// Promises about threads, upkeep, the log and the end.

import assert from "node:assert/strict";

import { ELEMENTS, SettingRefused, StorageError } from "../../src/engine/engine.ts";
import { WHOLE, batchOf, walk, type Promises } from "./common.ts";

function isClosed(error: unknown): boolean {
  return error instanceof StorageError && error.kind === "closed" && error.fate === "refused";
}

export const LIFE: Promises = {
  "asynchronous writes are made in the order of the calls, long ones too": async (engine) => {
    const long = "x".repeat(300_000);
    const first = engine.writeAsync(batchOf(ELEMENTS, { a: long, b: "1" }), { sync: false });
    const second = engine.writeAsync(batchOf(ELEMENTS, { b: "2" }), { sync: true });
    await Promise.all([first, second]);
    assert.deepEqual(walk(engine, ELEMENTS), ["a", long, "b", "2"]);
    await engine.sync();
  },

  "health is good, upkeep changes nothing, and settling without need is harmless": async (
    engine,
  ) => {
    engine.write(batchOf(ELEMENTS, { a: "1", b: "2" }));
    assert.deepEqual(engine.health(), { stall: "none", error: null });
    await engine.flush();
    await engine.compact();
    await engine.sync();
    await engine.resume();
    assert.equal(await engine.settleUnknown(), "absent");
    assert.deepEqual(engine.health(), { stall: "none", error: null });
    assert.deepEqual(walk(engine, ELEMENTS), ["a", "1", "b", "2"]);
    assert.equal(engine.property("rocksdb.estimate-num-keys"), "0");
    assert.equal(engine.property("rocksdb.estimate-num-keys", ELEMENTS), "2");
    assert.equal(engine.property("rocksdb.estimate-num-keys", "all"), "2");
    assert.equal(engine.property("rocksdb.no-such-thing", "all"), null);
    assert.equal(engine.property("rocksdb.no-such-thing"), null);
  },

  "settings change while running, and nonsense is refused in words": async (engine) => {
    const good = {
      write_buffer_size: "8388608",
      level0_stop_writes_trigger: "40",
      max_background_jobs: "3",
      block_cache_bytes: "1048576",
      low_pri: "true",
    };
    for (const [setting, value] of Object.entries(good)) await engine.configure(setting, value);
    await assert.rejects(engine.configure("no_such_setting", "1"), SettingRefused);
    engine.write(batchOf(ELEMENTS, { a: "1" }));
    assert.equal(engine.get(ELEMENTS, "a"), "1");
  },

  "a close with work in flight ends the work first, then all is refused": async (engine) => {
    engine.write(batchOf(ELEMENTS, { a: "1" }));
    const written = engine.writeAsync(batchOf(ELEMENTS, { b: "2" }), { sync: true });
    const loaded = engine.load(ELEMENTS, ["a"]);
    const closed = engine.close();
    const settled = await Promise.allSettled([written, loaded]);
    await closed;
    assert.deepEqual(settled, [
      { status: "fulfilled", value: undefined },
      { status: "fulfilled", value: ["1"] },
    ]);
    assert.throws(() => engine.get(ELEMENTS, "a"), isClosed);
    assert.throws(() => engine.cursor(ELEMENTS, WHOLE), isClosed);
    assert.throws(() => engine.write(batchOf(ELEMENTS, { c: "3" })), isClosed);
    await assert.rejects(
      engine.writeAsync(batchOf(ELEMENTS, { c: "3" }), { sync: false }),
      isClosed,
    );
    await assert.rejects(engine.load(ELEMENTS, ["a"]), isClosed);
    await assert.rejects(engine.sync(), isClosed);
    await assert.rejects(engine.flush(), isClosed);
    await engine.close();
  },
  "the sequence number grows with each record": async (engine) => {
    const start = engine.sequence();
    engine.write(batchOf(ELEMENTS, { a: "1", b: "2" }));
    assert.equal(engine.sequence(), start + 2);
    await engine.writeAsync(batchOf(ELEMENTS, { a: "1" }), { sync: false });
    assert.equal(engine.sequence(), start + 3);
  },

  "committed batches are read back from the log, in order, without gaps": async (engine) => {
    const start = engine.sequence();
    const batches: Buffer[] = [];
    for (const [index, key] of ["a", "b", "c"].entries()) {
      const ops = batchOf(ELEMENTS, { [key]: String(index), x: key });
      batches.push(Buffer.from(ops.finish()));
      engine.write(ops);
    }
    const read = async (from: number) => {
      const updates = [];
      for await (const update of engine.updatesSince(from)) updates.push(update);
      return updates;
    };
    const updates = await read(start + 1);
    assert.deepEqual(
      updates.map((update) => update.seq),
      [start + 1, start + 3, start + 5],
    );
    for (const [index, update] of updates.entries()) {
      // The first 8 bytes are the sequence number, which the engine fills in.
      const records = Buffer.from(update.representation).subarray(8);
      assert.deepEqual(records, batches[index]?.subarray(8));
    }
    assert.deepEqual((await read(start + 5)).length, 1);
    assert.deepEqual(await read(start + 7), []);
    assert((await engine.firstUpdate()) <= start + 1);
  },
};
