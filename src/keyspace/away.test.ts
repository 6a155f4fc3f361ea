import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { dataKey } from "../encoding/key.ts";
import { STRING } from "../encoding/record.ts";
import { DATA } from "../engine/engine.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { commitBeneath, testWorld, type TestWorld } from "./testing.ts";
import type { View } from "./view.ts";

const put =
  (value: string, expiryMs = 0) =>
  (view: View): void => {
    view.set("k", { kind: STRING, value, expiryMs });
  };

type Where = "recent" | "disk";
const EVERYWHERE: readonly Where[] = ["recent", "disk"];

/** A world in which the string of "k" is "second" and away: among the recent writes, or on disk only. */
function withAway(where: Where): TestWorld {
  const world = testWorld();
  world.keyspace.cacheBytesMax = 4 * 1024 * 1024;
  put("first")(world.view);
  assert.equal(inMemory(world)?.isAway, false);
  world.unit(put("second"));
  assert.equal(inMemory(world)?.isAway, true);
  if (where === "disk") passOver(world);
  return world;
}

/** Writes more than is kept of what was written. */
function passOver({ unit, keyspace }: TestWorld): void {
  const value = "x".repeat(30_000);
  for (let written = 0; written < keyspace.cacheBytesMax; written += value.length) {
    unit((view) => view.set("other", { kind: STRING, value, expiryMs: 0 }));
  }
}

function inMemory({ view }: TestWorld): ReturnType<View["find"]> {
  return view.database.incarnation.young.get("k") ?? null;
}

test("a string that is set again without being read is no object any more, and is one again for who reads it", () => {
  for (const where of EVERYWHERE) {
    const world = withAway(where);
    const { cacheBytes } = world.keyspace;
    assert.equal(world.view.find("k")?.value, "second");
    assert.equal(world.keyspace.cacheBytes, cacheBytes + "second".length);
    put("third")(world.view);
    assert.equal(inMemory(world)?.value, "third");
  }
});

test("it is read from the recent writes, and once they have passed over it from the disk", () => {
  for (const [where, expected] of [
    ["recent", "second"],
    ["disk", "on disk"],
  ] as const) {
    const world = withAway(where);
    const record = inMemory(world);
    assert.ok(record !== null);
    const { slot, hash, incarnation } = record;
    const ops = new WriteOps();
    ops.put(DATA, dataKey({ incarnationId: incarnation.id, slot, hash }, "k"), "\x11\0on disk");
    world.engine.write(ops);
    assert.equal(world.view.find("k")?.value, expected);
  }
});

test("a string that was read stays an object until it is written again", () => {
  const world = testWorld();
  world.unit((view) => {
    put("value")(view);
    assert.equal(view.find("k")?.value, "value");
  });
  assert.equal(inMemory(world)?.isAway, false);
  world.unit(put("another"));
  assert.equal(world.view.find("k")?.value, "another");
  world.unit((view) => view.set("other", { kind: STRING, value: "", expiryMs: 0 }));
  assert.equal(inMemory(world)?.isAway, false);
});

test("a string that was changed in place stays an object: it is raw until it is loaded again", () => {
  const world = testWorld();
  world.unit((view) => {
    const record = view.set("k", { kind: STRING, value: "value", expiryMs: 0 });
    record.changedInPlace = record.value;
  });
  assert.equal(inMemory(world)?.isAway, false);
  assert.equal(world.view.find("k")?.isRaw, true);
});

test("the first who only read it are lent it for their unit; then it stays", () => {
  const world = withAway("recent");
  const { keyspace, view } = world;
  const { cacheBytes } = keyspace;
  for (const isLent of [true, true, true, true, false, false]) {
    assert.equal(view.read("k")?.value, "second");
    keyspace.trimCache();
    assert.equal(inMemory(world)?.isAway, isLent);
  }
  assert.equal(keyspace.cacheBytes, cacheBytes + "second".length);
});

test("one that is written by the unit that was lent it is not taken back, nor what it wrote", () => {
  const world = withAway("recent");
  const { keyspace, view } = world;
  assert.equal(view.read("k")?.value, "second");
  put("second")(view);
  assert.equal(view.read("k")?.value, "second");
  keyspace.trimCache();
  assert.equal(inMemory(world)?.value, "second");
  const ops = new WriteOps();
  const closed = keyspace.close(ops);
  put("third")(view);
  keyspace.trimCache();
  world.engine.write(ops);
  keyspace.committed(closed, ops);
  keyspace.trimCache();
  assert.equal(view.read("k")?.value, "third");
  keyspace.undoAll();
  assert.equal(view.read("k")?.value, "second");
});

test("a write that is refused leaves what was away before it, lent or not", () => {
  const world = withAway("recent");
  const { keyspace, view } = world;
  assert.equal(view.read("k")?.value, "second");
  put("third")(view);
  keyspace.close(new WriteOps());
  keyspace.undoAll();
  assert.equal(view.read("k")?.value, "second");
  keyspace.trimCache();
  assert.equal(inMemory(world)?.isAway, true);
  assert.equal(view.read("k")?.value, "second");
});

test("a write that is refused leaves what was away before it", () => {
  for (const where of EVERYWHERE) {
    const world = withAway(where);
    const { keyspace, view } = world;
    put("third")(view);
    assert.equal(view.find("k")?.value, "third");
    keyspace.close(new WriteOps());
    put("fourth")(view);
    keyspace.undoAll();
    assert.equal(inMemory(world)?.isAway, true);
    assert.equal(view.find("k")?.value, "second");
  }
});

test("a string that a later batch changes is not left to the disk by the commit of an earlier one", () => {
  for (const where of EVERYWHERE) {
    const world = withAway(where);
    const { keyspace, view } = world;
    commitBeneath(world, put("third"), put("fourth"));
    assert.equal(view.find("k")?.value, "fourth");
    keyspace.undoAll();
    assert.equal(view.find("k")?.value, "third");
  }
});

test("what was read before the last write is not taken for the string that is away", () => {
  for (const where of EVERYWHERE) {
    const { keyspace, view, unit } = withAway(where);
    const { incarnation } = view.database;
    const asOf = keyspace.committedBatch;
    const bytes = "\x11\0second";
    unit(put("third"));
    assert.ok(!keyspace.isCached(incarnation, "k"));
    keyspace.installLoaded(incarnation, "k", { bytes, asOf });
    assert.equal(view.find("k")?.value, "third");
  }
});

test("what was read after it is", () => {
  for (const where of EVERYWHERE) {
    const world = withAway(where);
    const { keyspace, view } = world;
    const asOf = keyspace.committedBatch;
    keyspace.installLoaded(view.database.incarnation, "k", { bytes: "\x11\0second", asOf });
    assert.equal(inMemory(world)?.value, "second");
  }
});

test("a string that is away is removed, and dies, without being read", () => {
  for (const where of EVERYWHERE) {
    const removed = withAway(where);
    removed.unit((view) => assert.ok(view.remove("k")));
    assert.equal(removed.view.find("k"), null);
    const world = testWorld();
    const dueMs = world.view.nowMs + 10;
    world.unit(put("second", dueMs));
    assert.equal(inMemory(world)?.isAway, true);
    world.advance(20);
    world.unit((view) => view.removeExpired("k", 1));
    assert.equal(inMemory(world)?.kind, 0);
  }
});

test("a new time to die is written with the string that was away", () => {
  for (const where of EVERYWHERE) {
    const { view, unit, keyspace } = withAway(where);
    const dueMs = view.nowMs + 1000;
    unit(() => {
      const record = view.find("k");
      assert.ok(record !== null);
      view.setExpiry(record, dueMs);
    });
    keyspace.dropCache();
    const found = view.find("k");
    assert.deepEqual([found?.value, found?.expiryMs], ["second", dueMs]);
  }
});

test("what was written is what is read, however often the recent writes went round", () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 60 }).map(String),
    size: fc.integer({ min: 0, max: 200 }),
    isRead: fc.constantFrom("find", "read", "no"),
    expires: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 300, maxLength: 600, size: "max" }), (steps) => {
      const { keyspace, view, unit } = testWorld();
      // A ring of 16 KB.
      keyspace.cacheBytesMax = 64 * 1024;
      const model = new Map<string, string>();
      for (const [index, { key, size, isRead, expires }] of steps.entries()) {
        const value = `${index} `.padEnd(size, "v");
        const expiryMs = expires ? view.nowMs + 1000 : 0;
        unit(() => view.set(key, { kind: STRING, value, expiryMs }));
        model.set(key, value);
        if (isRead !== "no") assert.equal(view[isRead](key)?.value, value);
      }
      for (const [key, value] of model) assert.equal(view.find(key)?.value, value);
    }),
  );
});
