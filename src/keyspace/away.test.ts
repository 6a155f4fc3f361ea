import assert from "node:assert/strict";
import { test } from "node:test";

import { STRING } from "../encoding/record.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { BLIND_WRITES_MAX } from "./changes.ts";
import { testWorld, type TestWorld } from "./testing.ts";
import type { View } from "./view.ts";

const put =
  (value: string, expiryMs = 0) =>
  (view: View): void => {
    view.set("k", { kind: STRING, value, expiryMs });
  };

/** A world in which the string of "k" is "second" and away. */
function withAway(): TestWorld {
  const world = testWorld();
  for (let left = BLIND_WRITES_MAX - 1; left > 0; left--) world.unit(put("first"));
  assert.equal(inMemory(world)?.isAway, false);
  world.unit(put("second"));
  assert.equal(inMemory(world)?.isAway, true);
  return world;
}

function inMemory({ view }: TestWorld): ReturnType<View["find"]> {
  return view.database.incarnation.young.get("k") ?? null;
}

test("a string that was set again and again without being read is left to the disk, and comes back for who reads it", () => {
  const world = withAway();
  assert.equal(world.keyspace.cacheBytes, 200 + "k".length);
  assert.equal(world.view.find("k")?.value, "second");
  assert.equal(world.keyspace.cacheBytes, 200 + "k".length + "second".length);
  world.unit(put("third"));
  assert.equal(inMemory(world)?.value, "third");
});

test("a string that is read between its writes stays in memory", () => {
  const world = testWorld();
  for (let left = 2 * BLIND_WRITES_MAX; left > 0; left--) {
    world.unit(put("value"));
    if (left % BLIND_WRITES_MAX === 1) assert.equal(world.view.find("k")?.value, "value");
    assert.equal(inMemory(world)?.isAway, false);
  }
});

test("a write that is refused leaves what was away before it", () => {
  const world = withAway();
  const { keyspace, view } = world;
  put("third")(view);
  assert.equal(view.find("k")?.value, "third");
  keyspace.close(new WriteOps());
  put("fourth")(view);
  keyspace.undoAll();
  assert.equal(inMemory(world)?.isAway, true);
  assert.equal(view.find("k")?.value, "second");
});

test("a string that a later batch changes is not left to the disk by the commit of an earlier one", () => {
  const world = withAway();
  const { engine, keyspace, view } = world;
  const ops = new WriteOps();
  put("third")(view);
  const closed = keyspace.close(ops);
  put("fourth")(view);
  engine.write(ops);
  keyspace.committed(closed);
  assert.equal(view.find("k")?.value, "fourth");
  keyspace.undoAll();
  assert.equal(view.find("k")?.value, "third");
});

test("what was read before the last write is not taken for the string that is away", () => {
  const { keyspace, view, unit } = withAway();
  const { incarnation } = view.database;
  const asOf = keyspace.committedBatch;
  const bytes = "\x11\0second";
  unit(put("third"));
  assert.ok(!keyspace.isCached(incarnation, "k"));
  keyspace.installLoaded(incarnation, "k", { bytes, asOf });
  assert.equal(view.find("k")?.value, "third");
});

test("what was read after it is", () => {
  const world = withAway();
  const { keyspace, view } = world;
  const asOf = keyspace.committedBatch;
  keyspace.installLoaded(view.database.incarnation, "k", { bytes: "\x11\0second", asOf });
  assert.equal(inMemory(world)?.value, "second");
});

test("a string that is away is removed, and dies, without being read", () => {
  const removed = withAway();
  removed.unit((view) => assert.ok(view.remove("k")));
  assert.equal(removed.view.find("k"), null);
  const world = testWorld();
  const dueMs = world.view.nowMs + 10;
  for (let left = BLIND_WRITES_MAX; left > 0; left--) world.unit(put("second", dueMs));
  assert.equal(inMemory(world)?.isAway, true);
  world.advance(20);
  world.unit((view) => view.removeExpired("k", 1));
  assert.equal(inMemory(world)?.kind, 0);
});

test("a new time to die is written with the string that was away", () => {
  const { view, unit, keyspace } = withAway();
  const dueMs = view.nowMs + 1000;
  unit(() => {
    const record = view.find("k");
    assert.ok(record !== null);
    view.setExpiry(record, dueMs);
  });
  keyspace.dropCache();
  const found = view.find("k");
  assert.deepEqual([found?.value, found?.expiryMs], ["second", dueMs]);
});
