// The histogram knows each value to within 3 %, and loses none.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LatencyHistogram } from "./latency-histogram.ts";

test("each value is known to within 3 %, from a microsecond to an hour", () => {
  for (let value = 1; value < 3.6e9; value = Math.ceil(value * 1.01)) {
    const histogram = new LatencyHistogram();
    histogram.add(value);
    // Larger than any: the bucket's own end is told, not the maximum.
    histogram.add(1e10);
    const told = histogram.percentile(50);
    assert.ok(
      told > value && told <= Math.max(value + 1, value * 1.04),
      `${value} is told as ${told}`,
    );
  }
});

test("percentiles are those of what was added", () => {
  const histogram = new LatencyHistogram();
  for (let value = 1; value <= 1000; value++) histogram.add(value * 10);
  const { count, p50, p99, p999, max } = histogram.summary();
  assert.equal(count, 1000);
  assert.equal(max, 10_000);
  for (const [told, true_] of [
    [p50, 5000],
    [p99, 9900],
    [p999, 9990],
  ] as const) {
    assert.ok(told >= true_ && told <= true_ * 1.04, `${true_} is told as ${told}`);
  }
  assert.equal(histogram.percentile(100), 10_000);
});

test("what took longer than a limit is counted", () => {
  const histogram = new LatencyHistogram();
  for (const value of [5, 1900, 9000, 11_000, 50_000_000_000]) histogram.add(value);
  assert.equal(histogram.above(10_000), 2);
  assert.equal(histogram.above(1), 5);
});

test("of nothing there is nothing to tell", () => {
  const histogram = new LatencyHistogram();
  assert.deepEqual(histogram.summary(), { count: 0, p50: 0, p99: 0, p999: 0, max: 0 });
});

test("no time is lost, nor one that is less than nothing", () => {
  const histogram = new LatencyHistogram();
  histogram.add(-3);
  histogram.add(0.4);
  assert.equal(histogram.count, 2);
  assert.equal(histogram.percentile(99), 0.4);
});
