// A batch whose long values are written slice by slice is the batch that it would be in one go.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DATA } from "./engine.ts";
import { LONG_VALUE_BYTES, readWriteOps, WriteOps } from "./write-ops.ts";

const VALUES = [
  "short",
  "a".repeat(LONG_VALUE_BYTES),
  "b".repeat(3 * LONG_VALUE_BYTES + 1),
  "behind",
  "c".repeat(2 * LONG_VALUE_BYTES),
];

function written(how: "now" | "later" | "between"): Buffer {
  const ops = new WriteOps();
  for (const [index, value] of VALUES.entries()) {
    if (value.length < LONG_VALUE_BYTES || how === "now") {
      ops.put(DATA, `key${index}`, value);
      continue;
    }
    ops.startPut(DATA, 4, value.length);
    ops.buffer.latin1Write(`key${index}`, ops.keyAt);
    ops.putOff(ops.valueAt, value);
    // What is begun has moved when the buffer grows for the next.
    if (how === "between") ops.writeSlice();
  }
  return Buffer.from(ops.finish());
}

test("put off or not, the bytes are the same", () => {
  const now = written("now");
  assert.deepEqual(
    [...readWriteOps(now)].map(({ value }) => value.length),
    VALUES.map(({ length }) => length),
  );
  assert.ok(written("later").equals(now));
  assert.ok(written("between").equals(now));
});

test("slices come to an end, and clearing forgets what is left", () => {
  const ops = new WriteOps();
  ops.startPut(DATA, 1, LONG_VALUE_BYTES);
  ops.putOff(ops.valueAt, "x".repeat(LONG_VALUE_BYTES));
  let slices = 0;
  for (; ops.isUnwritten; slices++) ops.writeSlice();
  assert.ok(slices > 1);
  ops.clear();
  ops.startPut(DATA, 1, LONG_VALUE_BYTES);
  ops.putOff(ops.valueAt, "x".repeat(LONG_VALUE_BYTES));
  ops.clear();
  assert.ok(!ops.isUnwritten);
  assert.equal(ops.finish().length, 12);
});
