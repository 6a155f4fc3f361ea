import assert from "node:assert/strict";
import { test } from "node:test";

import { LatencyMonitor } from "./latency.ts";

test("only what reaches the threshold is kept, and nothing while it is 0", () => {
  const monitor = new LatencyMonitor();
  monitor.add("command", 1000, 1);
  assert.deepEqual(monitor.events, []);
  monitor.thresholdMs = 10;
  monitor.add("command", 9, 1);
  monitor.add("command", 10, 1);
  assert.deepEqual(monitor.event("command")?.samples, [{ atSeconds: 1, milliseconds: 10 }]);
});

test("one sample a second, the worst; the worst of all is remembered", () => {
  const monitor = new LatencyMonitor();
  monitor.thresholdMs = 1;
  monitor.add("command", 5, 1);
  monitor.add("command", 9, 1);
  monitor.add("command", 7, 1);
  for (let second = 2; second < 300; second++) monitor.add("command", 2, second);
  const event = monitor.event("command");
  assert.equal(event?.worstMs, 9);
  assert.equal(event.samples.length, 160);
  assert.equal(event.samples.at(-1)?.atSeconds, 299);
});

test("a reset forgets what is named, or all, and counts it", () => {
  const monitor = new LatencyMonitor();
  monitor.thresholdMs = 1;
  for (const name of ["a", "b", "c"]) monitor.add(name, 5, 1);
  assert.equal(monitor.reset(["a", "nosuch"]), 1);
  assert.equal(monitor.event("a"), null);
  assert.equal(monitor.reset([]), 2);
});
