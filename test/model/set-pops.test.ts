// Pops of an exploded set by chance: evenness is seen as in src/keyspace/element-random.test.ts, by the sum of squared
// deviations, with a fixed seed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { WriteOps } from "../../src/engine/write-ops.ts";
import * as set from "../../src/types/set.ts";
import { testWorld, type TestWorld } from "../../src/keyspace/testing.ts";

const COUNT = 400;

function worldWith(count: number): TestWorld {
  const world = testWorld();
  world.unit((view) => {
    const record = set.open(view, "s");
    for (let index = 0; index < count; index++) set.add(view, record, `m${index}`, 1);
  });
  return world;
}

function pop(world: TestWorld, times = 1): string[] {
  return world.unit((view) => popIn(world, times, view));
}

function popIn(world: TestWorld, times: number, view = world.view): string[] {
  const record = set.find(view, "s");
  assert.ok(record !== null);
  return set.pop(view, record, times);
}

function size(world: TestWorld): number {
  const record = set.find(world.view, "s");
  return record === null ? 0 : set.size(world.view, record);
}

test("every member is popped once, and each has the same chance to be early", () => {
  const world = testWorld();
  const seen = new Map<string, number>();
  const rounds = 60;
  for (let round = 0; round < rounds; round++) {
    world.unit((view) => {
      const record = set.open(view, "s");
      for (let index = 0; index < COUNT; index++) set.add(view, record, `m${index}`, 1);
    });
    const popped: string[] = [];
    while (size(world) > 4) popped.push(...pop(world));
    assert.equal(new Set(popped).size, COUNT - 4);
    for (const member of popped.slice(0, COUNT / 4)) {
      seen.set(member, (seen.get(member) ?? 0) + 1);
    }
    world.unit((view) => view.remove("s"));
    if (round % 2 === 1) world.keyspace.dropCache();
  }
  let chiSquare = 0;
  const expected = rounds / 4;
  for (let index = 0; index < COUNT; index++) {
    chiSquare += ((seen.get(`m${index}`) ?? 0) - expected) ** 2 / expected;
  }
  // What a round takes early comes from whole cells, so what is seen varies by less than 1 - 1/4 of it
  // for each, but members of a cell vary together: a bound that a draw by halves exceeds at once.
  assert.ok(chiSquare < 2 * COUNT, `chi square ${chiSquare}`);
});

test("what was removed since the pool was read is not popped, what was added may be", () => {
  const world = worldWith(COUNT);
  pop(world);
  world.unit((view) => {
    const record = set.find(view, "s");
    assert.ok(record !== null);
    for (let index = 0; index < COUNT; index++) set.remove(view, record, `m${index}`);
    for (let index = 0; index < COUNT; index++) set.add(view, record, `n${index}`, 1);
  });
  const popped: string[] = [];
  while (size(world) > 3) popped.push(...pop(world, 3));
  assert.ok(popped.every((member) => member.startsWith("n")));
  assert.equal(new Set(popped).size, popped.length);
});

test("what a failed command and a refused batch popped is there again", () => {
  const world = worldWith(COUNT);
  const { keyspace } = world;
  pop(world);
  const failed: string[] = [];
  assert.throws(() =>
    world.unit((view) => {
      failed.push(...popIn(world, 9, view));
      throw new Error("fails");
    }),
  );
  for (let round = 0; round < 9; round++) {
    popIn(world, 16);
    keyspace.close(new WriteOps());
    popIn(world, 16);
    keyspace.undoAll();
  }
  assert.equal(size(world), COUNT - 1);
  const popped: string[] = [];
  while (size(world) > 1) popped.push(...pop(world));
  assert.equal(new Set(popped).size, COUNT - 2);
  assert.ok(failed.filter((member) => popped.includes(member)).length >= failed.length - 1);
});
