// What is left of a key that nobody had asked for lately, once the command that met it is over: no object, and a
// row that says what is committed, also when a batch is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { STRING } from "../encoding/record.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { RowCache } from "./row-cache.ts";
import { commitBeneath, testWorld, type TestWorld } from "./testing.ts";
import type { View } from "./view.ts";

const put =
  (value: string, expiryMs = 0) =>
  (view: View): void => {
    view.set("k", { kind: STRING, value, expiryMs });
  };

/** A world in which "k" holds "first" on disk, and in a row if `hasRows`, and in no object. */
function world(hasRows: boolean): TestWorld {
  const made = testWorld();
  if (hasRows) made.keyspace.stored.rows = new RowCache(2 ** 21);
  made.unit(put("first"));
  withoutObjects(made);
  return made;
}

/** The rows stay. */
function withoutObjects({ keyspace }: TestWorld): void {
  keyspace.cacheBytes = Infinity;
  keyspace.trimCache();
  keyspace.cacheBytes = Infinity;
  keyspace.trimCache();
}

function isKept({ view }: TestWorld): boolean {
  const { young, old } = view.database.incarnation;
  return young.has("k") || old.has("k");
}

function rowOf({ keyspace, view }: TestWorld): string | null {
  const { incarnation } = view.database;
  const { hash } = keyspace.record(incarnation, "k");
  const { rows } = keyspace.stored;
  const row = rows.find(incarnation.id, hash, "k");
  return row < 0 ? null : rows.valueAt(row);
}

for (const hasRows of [false, true]) {
  const where = hasRows ? "with a row" : "without a row";

  test(`what is read once leaves no object, what is read again does: ${where}`, () => {
    const made = world(hasRows);
    assert.equal(made.view.read("k")?.value, "first");
    assert.ok(!isKept(made));
    assert.equal(made.view.read("k")?.value, "first");
    assert.ok(isKept(made));
    assert.equal(made.view.read("none"), null);
  });

  test(`what is written once leaves no object behind its commit: ${where}`, () => {
    const made = world(hasRows);
    made.unit(put("second", made.view.nowMs + 10));
    assert.ok(!isKept(made));
    assert.equal(made.view.find("k")?.value, "second");
    made.advance(20);
    assert.equal(made.view.find("k"), null);
    made.unit((view) => view.bury("k"));
    assert.equal(made.view.exhume("k"), null);
  });

  test(`as long as the objects have room, all of them stay: ${where}`, () => {
    const made = testWorld();
    if (hasRows) made.keyspace.stored.rows = new RowCache(2 ** 21);
    assert.equal(made.view.read("k"), null);
    assert.ok(isKept(made));
    made.unit(put("first"));
    assert.ok(isKept(made));
  });

  test(`a refused write leaves what was there: ${where}`, () => {
    const made = world(hasRows);
    const { keyspace, view } = made;
    put("second")(view);
    keyspace.close(new WriteOps());
    assert.equal(view.read("k")?.value, "second");
    keyspace.undoAll();
    assert.equal(view.read("k")?.value, "first");
    withoutObjects(made);
    assert.equal(view.read("k")?.value, "first");
  });

  test(`a refused write on top of one that is committed leaves that one: ${where}`, () => {
    const made = world(hasRows);
    const { keyspace, view } = made;
    commitBeneath(made, put("second"), put("third"));
    assert.equal(view.read("k")?.value, "third");
    keyspace.undoAll();
    withoutObjects(made);
    assert.equal(view.read("k")?.value, "second");
  });

  test(`a collection in place of a string, and nothing in place of it: ${where}`, () => {
    const made = world(hasRows);
    made.unit((view) => assert.ok(view.remove("k")));
    withoutObjects(made);
    assert.equal(made.view.find("k"), null);
    made.unit(put("again"));
    withoutObjects(made);
    assert.equal(made.view.read("k")?.value, "again");
  });
}

test("the row has the bytes of the disk", () => {
  const made = world(true);
  made.keyspace.stored.wasAsked = () => false;
  made.unit(put("second"));
  assert.equal(rowOf(made), "\x11\0second");
  withoutObjects(made);
  made.unit(put("third", 2 ** 40));
  assert.equal(rowOf(made), "\x11\x01\x01\0\0\0\0\0third");
});

test("the row of a key whose object stays is kept up to date, and goes with what a later batch may take back", () => {
  const made = world(true);
  assert.equal(made.view.find("k")?.value, "first");
  made.unit(put("second"));
  assert.ok(isKept(made));
  assert.equal(rowOf(made), "\x11\0second");
  commitBeneath(made, put("third"), put("fourth"));
  assert.equal(rowOf(made), null);
});

test("one that was read from the disk, and is small, has a row from then on", () => {
  const made = world(true);
  made.keyspace.dropCache();
  assert.equal(made.view.read("k")?.value, "first");
  assert.equal(rowOf(made), "\x11\0first");
});
