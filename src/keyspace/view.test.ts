// What a handler can rely on: expired keys are not there, events wait for the commit, and the view
// knows which uncommitted batch a reply rests on (laws 5 and 6).

import assert from "node:assert/strict";
import { test } from "node:test";

import { STRING } from "../encoding/record.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { CommandError } from "../resp/errors.ts";
import { testWorld } from "./testing.ts";
import type { View } from "./view.ts";

function put(view: View, key: string, value: string, expiryMs = 0): void {
  view.set(key, { kind: STRING, value, expiryMs });
}

/** The batch that a reply rests on after `look`. */
function sawIn(view: View, look: () => void): number {
  view.saw = 0;
  look();
  return view.saw;
}

test("what is read of an uncommitted change rests on its batch, a deleted key included", () => {
  const { view, keyspace, unit } = testWorld();
  unit(() => put(view, "kept", "1"));
  unit(() => put(view, "gone", "1"));
  put(view, "new", "1");
  view.remove("gone");
  const open = keyspace.openBatch;
  assert.equal(
    sawIn(view, () => view.find("new")),
    open,
  );
  assert.equal(
    sawIn(view, () => view.find("gone")),
    open,
  );
  assert.ok(sawIn(view, () => view.find("kept")) <= keyspace.committedBatch);
  assert.ok(sawIn(view, () => view.find("never")) <= keyspace.committedBatch);
  assert.equal(
    sawIn(view, () => view.keyCount()),
    open,
  );
  assert.equal(
    sawIn(view, () => view.keys()),
    open,
  );
});

test("whatever is read in a database under an uncommitted flush or swap rests on that batch", () => {
  const { view, keyspace, unit } = testWorld();
  unit(() => put(view, "a", "1"));
  view.flush([0]);
  const flushed = keyspace.openBatch;
  assert.equal(
    sawIn(view, () => assert.equal(view.find("a"), null)),
    flushed,
  );
  assert.equal(
    sawIn(view, () => view.remove("a")),
    flushed,
  );
  assert.ok(sawIn(view, () => view.inDatabase(1, () => view.find("a"))) < flushed);
  keyspace.undoAll();
  assert.ok(sawIn(view, () => assert.notEqual(view.find("a"), null)) <= keyspace.committedBatch);

  view.swapDatabases(0, 1);
  const swapped = keyspace.openBatch;
  assert.equal(
    sawIn(view, () => assert.equal(view.find("a"), null)),
    swapped,
  );
  const ops = new WriteOps();
  const closed = keyspace.close(ops);
  assert.equal(
    sawIn(view, () => view.inDatabase(1, () => view.find("a"))),
    swapped,
  );
  keyspace.committed(closed, ops);
  assert.ok(sawIn(view, () => view.find("a")) <= keyspace.committedBatch);
});

test("an expired key is not there, counts until it is collected, and dies of age before it is new", () => {
  const { view, unit, events, advance } = testWorld();
  unit(() => put(view, "a", "1", view.nowMs + 10));
  events.length = 0;
  advance(10);
  unit(() => {
    assert.equal(view.find("a"), null);
    assert.equal(view.keyCount(), 1);
  });
  unit(() => put(view, "a", "2"));
  assert.deepEqual(
    events.map(({ name }) => name),
    ["expired", "new"],
  );
  assert.equal(view.find("a")?.expiryMs, 0);
});

test("removing an expired key says that there was none, and tells that it expired", () => {
  const { view, unit, events, advance } = testWorld();
  unit(() => put(view, "a", "1", view.nowMs + 10));
  events.length = 0;
  advance(10);
  assert.equal(
    unit(() => view.remove("a")),
    false,
  );
  assert.deepEqual(
    events.map(({ name }) => name),
    ["expired"],
  );
  assert.equal(view.keyCount(), 0);
});

test("only a key whose time has come is removed as expired", () => {
  const { view, unit, advance } = testWorld();
  unit(() => put(view, "a", "1", view.nowMs + 10));
  view.removeExpired("a", 1);
  view.removeExpired("never", 1);
  assert.equal(view.keyCount(), 1);
  advance(10);
  view.removeExpired("a", 1);
  assert.equal(view.keyCount(), 0);
  view.removeExpired("a", 1);
  assert.equal(view.keyCount(), 0);
});

test("readonly commands count their look-ups, and OBJECT's kind of look counts nowhere", () => {
  const { view, unit } = testWorld();
  unit(() => put(view, "a", "1"));
  view.countLookups = true;
  view.find("a");
  view.peek("a");
  view.peek("b");
  view.inspect("b");
  view.inspect("a");
  assert.equal(view.stats.keyspaceHits, 2);
  assert.equal(view.stats.keyspaceMisses, 1);
});

test("only find touches a key, and not when the client asked for that", () => {
  const { view, unit, advance } = testWorld();
  unit(() => put(view, "a", "1"));
  advance(5000);
  assert.equal(view.peek("a")?.accessedAtSeconds, 0);
  view.touch = false;
  assert.equal(view.find("a")?.accessedAtSeconds, 0);
  view.touch = true;
  assert.equal(view.find("a")?.accessedAtSeconds, 5);
});

test("a unit that writes more than it may is refused and leaves nothing", () => {
  const { view, unit } = testWorld();
  view.limits.unitBytesMax = 1000;
  assert.throws(
    () =>
      unit(() => {
        put(view, "a", "1");
        put(view, "b", "x".repeat(1000));
      }),
    CommandError,
  );
  assert.equal(view.find("a"), null);
  assert.equal(view.keyCount(), 0);
});

test("events of a unit that is rolled back, or of a batch that is refused, are never told", () => {
  const { view, keyspace, unit, events } = testWorld();
  assert.throws(() =>
    unit(() => {
      put(view, "a", "1");
      throw new CommandError("ERR no");
    }),
  );
  put(view, "a", "1");
  assert.deepEqual(keyspace.undoAll(), []);
  assert.deepEqual(events, []);
});
