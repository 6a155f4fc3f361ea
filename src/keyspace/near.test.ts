import assert from "node:assert/strict";
import { test } from "node:test";

import { STRING } from "../encoding/record.ts";
import { Incarnation } from "./incarnation.ts";
import { NearRecords } from "./near.ts";
import { Record } from "./record.ts";
import { RowCache } from "./row-cache.ts";
import { testWorld } from "./testing.ts";
import { WrittenStrings } from "./written-strings.ts";

const NO_ROWS = new RowCache(0);

function filled(...keys: string[]): Incarnation {
  const incarnation = new Incarnation(1, new WrittenStrings(1));
  for (const key of keys) incarnation.young.set(new Record(key, incarnation, 0, 0));
  return incarnation;
}

test("records are handed out in the order in which they were announced", () => {
  const incarnation = filled("a", "b", "c");
  const near = new NearRecords();
  near.bring(incarnation, ["b", "missing", "a"], NO_ROWS);
  assert.equal(near.take(incarnation, "b"), incarnation.young.get("b"));
  assert.equal(near.take(incarnation, "missing"), undefined);
  assert.equal(near.take(incarnation, "a"), incarnation.young.get("a"));
  assert.equal(near.take(incarnation, "c"), undefined);
});

test("who looks twice gets the same, and what nobody looks at is passed over", () => {
  const incarnation = filled("a", "b", "c", "d");
  const near = new NearRecords();
  near.bring(incarnation, ["a", "", "no key", "d"], NO_ROWS);
  assert.ok(near.isNext(incarnation, "a"));
  const first = near.take(incarnation, "a");
  assert.equal(first, incarnation.young.get("a"));
  assert.equal(near.take(incarnation, "a"), first);
  assert.equal(near.isNext(incarnation, "a"), false);
  assert.equal(near.take(incarnation, "d"), incarnation.young.get("d"));
});

test("a key that was not announced, or one of another database, ends it", () => {
  const incarnation = filled("a", "b", "c");
  const other = filled("a", "b");
  const near = new NearRecords();
  near.bring(incarnation, ["a", "b"], NO_ROWS);
  assert.equal(near.take(incarnation, "c"), undefined);
  assert.equal(near.take(incarnation, "a"), undefined);
  near.bring(incarnation, ["a", "b"], NO_ROWS);
  assert.equal(near.take(other, "a"), undefined);
  assert.equal(near.take(incarnation, "a"), undefined);
});

test("a record that has left the memory is not handed out any more", () => {
  const { keyspace, view, unit } = testWorld();
  unit(() => view.set("k", { kind: STRING, value: "v", expiryMs: 0 }));
  const { incarnation } = view.database;
  const before = keyspace.record(incarnation, "k");
  keyspace.bringNear(incarnation, ["k", "k"], true);
  assert.equal(keyspace.record(incarnation, "k"), before);
  keyspace.dropCache();
  const after = keyspace.record(incarnation, "k");
  assert.notEqual(after, before);
  assert.equal(after.value, "v");
});
