import assert from "node:assert/strict";
import { test } from "node:test";

import { EXPIRY_MS_MAX } from "../encoding/record.ts";
import { expiryMsOf } from "./expiry.ts";
import { INT64_MAX, INT64_MIN } from "./number.ts";

const NOW = 1_800_000_000_000;

test("seconds and milliseconds count from now or from the epoch", () => {
  assert.equal(expiryMsOf({ amount: 10, unit: "s", from: "now" }, NOW), NOW + 10_000);
  assert.equal(expiryMsOf({ amount: 10, unit: "ms", from: "now" }, NOW), NOW + 10);
  assert.equal(expiryMsOf({ amount: 10, unit: "s", from: "epoch" }, NOW), 10_000);
  assert.equal(expiryMsOf({ amount: 10, unit: "ms", from: "epoch" }, NOW), 10);
  assert.equal(expiryMsOf({ amount: -10, unit: "s", from: "now" }, NOW), NOW - 10_000);
});

test("what overflows 64 bits is refused, and just below it stands at the last time there is", () => {
  assert.equal(expiryMsOf({ amount: INT64_MAX, unit: "ms", from: "epoch" }, NOW), EXPIRY_MS_MAX);
  assert.equal(expiryMsOf({ amount: INT64_MAX, unit: "ms", from: "now" }, NOW), null);
  assert.equal(expiryMsOf({ amount: INT64_MAX, unit: "s", from: "epoch" }, NOW), null);
  assert.equal(expiryMsOf({ amount: INT64_MIN, unit: "s", from: "now" }, NOW), null);
  const last = INT64_MAX / 1000n;
  assert.equal(expiryMsOf({ amount: last, unit: "s", from: "epoch" }, NOW), EXPIRY_MS_MAX);
  assert.equal(expiryMsOf({ amount: last + 1n, unit: "s", from: "epoch" }, NOW), null);
  assert.equal(expiryMsOf({ amount: 2 ** 48, unit: "ms", from: "epoch" }, NOW), EXPIRY_MS_MAX);
});

test("a time before all others is in the past, not refused", () => {
  const ms = expiryMsOf({ amount: -(2n ** 60n), unit: "ms", from: "now" }, NOW);
  assert.ok(ms !== null && ms < 0);
});
