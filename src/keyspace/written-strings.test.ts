// Strings of unsettled batches: found by their batch, put back when it is undone, kept or left when it is committed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { STRING } from "../encoding/record.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { commitBeneath, testWorld, type TestWorld } from "./testing.ts";
import { WrittenStrings } from "./written-strings.ts";

function put({ view }: TestWorld, key: string, value: string): void {
  view.set(key, { kind: STRING, value, expiryMs: 0 });
}

function valueOf({ view }: TestWorld, key: string): unknown {
  return view.database.incarnation.young.get(key)?.value;
}

test("a place is found in the batch that gave it, until that is settled", () => {
  const written = new WrittenStrings(7);
  const first = written.add("a");
  written.close(8);
  const second = written.add("b");
  assert.equal(written.at(7, first), "a");
  assert.equal(written.at(8, second), "b");
  written.close(9);
  written.settled(7);
  assert.throws(() => written.at(7, first), /settled/);
  assert.equal(written.at(8, second), "b");
  assert.throws(() => written.at(9, 1), /stands in its batch/);
  written.undone(10);
  assert.throws(() => written.at(8, second), /settled/);
});

test("a batch that wrote no string leaves none to be settled", () => {
  const written = new WrittenStrings(1);
  written.close(2);
  const place = written.add("a");
  written.close(3);
  written.settled(1);
  assert.equal(written.at(2, place), "a");
});

test("a refused batch takes its strings with it: what was committed stands again", () => {
  const world = testWorld();
  world.unit(() => put(world, "k", "committed"));
  put(world, "k", "closed");
  put(world, "new", "closed");
  world.keyspace.close(new WriteOps());
  put(world, "k", "open");
  put(world, "k", "open again");
  assert.equal(world.view.find("k")?.value, "open again");
  world.keyspace.undoAll();
  assert.equal(world.view.find("k")?.value, "committed");
  assert.equal(world.view.find("new"), null);
});

test("what an undone batch had found is the string of the batch that was committed beneath it", () => {
  const world = testWorld();
  const write = (value: string) => () => put(world, "k", value);
  commitBeneath(world, write("beneath"), write("above"));
  assert.equal(valueOf(world, "k"), "above");
  world.keyspace.undoAll();
  assert.equal(valueOf(world, "k"), "beneath");
  assert.equal(world.view.find("k")?.value, "beneath");
});

test("a command that fails puts the string of the command before it back, and that is what is committed", () => {
  const world = testWorld();
  put(world, "k", "first");
  const mark = world.keyspace.mark();
  put(world, "k", "second");
  world.keyspace.rollbackTo(mark);
  assert.equal(valueOf(world, "k"), "first");
  world.unit(() => {});
  assert.equal(world.view.find("k")?.value, "first");
});

test("a string that was read since it was written has a place of its own once its batch is committed", () => {
  const world = testWorld();
  world.unit(() => {
    put(world, "k", "value");
    assert.equal(world.view.find("k")?.value, "value");
  });
  put(world, "other", "of the next batch, in the same place");
  assert.equal(valueOf(world, "k"), "value");
});
