import assert from "node:assert/strict";
import { test } from "node:test";

import { Histogram } from "./histogram.ts";

test("a bucket takes what is above the bound before it, up to its own", () => {
  const histogram = new Histogram();
  for (const value of [0, 0.4, 1, 1.5, 2, 2.5, 4, 5, 1000]) histogram.add(value);
  assert.deepEqual(histogram.cumulative(), [
    { bound: 1, count: 3 },
    { bound: 2, count: 5 },
    { bound: 4, count: 7 },
    { bound: 8, count: 8 },
    { bound: 1024, count: 9 },
  ]);
  assert.equal(histogram.percentile(50), 2);
  assert.equal(histogram.percentile(100), 1024);
});

test("what takes hours is counted, what never happened is 0", () => {
  const histogram = new Histogram();
  assert.equal(histogram.percentile(99), 0);
  histogram.add(1e13);
  assert.deepEqual(histogram.cumulative(), [{ bound: 2 ** 32, count: 1 }]);
  histogram.clear();
  assert.deepEqual(histogram.cumulative(), []);
});
