// How far the heap may grow: tight when it is large, never so tight that a small one is collected all the time;
// and the space of young objects to its bound and no further, whatever lives on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { boundYoung, growthPercent, youngGrowth, youngSpaceBytes } from "./heap.ts";

const MEGABYTE = 1024 * 1024;
const BOTH_HALVES = 8 * MEGABYTE;

test("a hundred megabytes of garbage are allowed, or a third of a large heap", () => {
  for (const cacheBytes of [0, 16 * MEGABYTE]) {
    assert.equal(growthPercent(20 * MEGABYTE, cacheBytes), 100);
    assert.equal(growthPercent(100 * MEGABYTE, cacheBytes), 100);
    assert.equal(growthPercent(200 * MEGABYTE, cacheBytes), 50);
    assert.equal(growthPercent(340 * MEGABYTE, cacheBytes), 30);
    assert.equal(growthPercent(4000 * MEGABYTE, cacheBytes), 30);
  }
});

test("a small heap beside a large cache may have as much garbage as the cache has room", () => {
  assert.equal(growthPercent(20 * MEGABYTE, 128 * MEGABYTE), 300);
  assert.equal(growthPercent(48 * MEGABYTE, 128 * MEGABYTE), 200);
  assert.equal(growthPercent(96 * MEGABYTE, 128 * MEGABYTE), 100);
  assert.equal(growthPercent(50 * MEGABYTE, 1000 * MEGABYTE), 200);
  assert.equal(growthPercent(4000 * MEGABYTE, 1000 * MEGABYTE), 30);
});

test("a small space may grow to the bound at once, one at the bound or above by nothing", () => {
  assert.equal(youngGrowth(2 * MEGABYTE), 4);
  assert.equal(youngGrowth(4 * MEGABYTE), 2);
  assert.equal(youngGrowth(BOTH_HALVES), 1);
  assert.equal(youngGrowth(4 * BOTH_HALVES), 1);
});

test("V8 keeps to it", () => {
  boundYoung();
  assert.equal(youngSpaceBytes(), BOTH_HALVES);
  let living: string[] = [];
  for (let index = 0; index < 3_000_000; index++) {
    living.push(`${index}`);
    if (living.length > 300_000) living = [];
  }
  assert.equal(youngSpaceBytes(), BOTH_HALVES);
});
