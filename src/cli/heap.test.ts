// How far the heap may grow: tight when it is large, never so tight that a small one is collected all the time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { growthPercent } from "./heap.ts";

const MEGABYTE = 1024 * 1024;

test("a hundred megabytes of garbage are allowed, or a third of a large heap", () => {
  assert.equal(growthPercent(20 * MEGABYTE), 100);
  assert.equal(growthPercent(100 * MEGABYTE), 100);
  assert.equal(growthPercent(200 * MEGABYTE), 50);
  assert.equal(growthPercent(340 * MEGABYTE), 30);
  assert.equal(growthPercent(4000 * MEGABYTE), 30);
});
