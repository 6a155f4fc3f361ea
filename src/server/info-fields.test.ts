import assert from "node:assert/strict";
import { test } from "node:test";

import { human, percent, zeros } from "./info-fields.ts";

test("bytes are told as Redis tells them", () => {
  const told: readonly (readonly [number, string])[] = [
    [0, "0B"],
    [1023, "1023B"],
    [1024, "1.00K"],
    [1536, "1.50K"],
    [1024 ** 2, "1.00M"],
    [3.5 * 1024 ** 3, "3.50G"],
    [1024 ** 5, "1.00P"],
    [2048 * 1024 ** 5, "2048.00P"],
  ];
  for (const [bytes, text] of told) assert.equal(human(bytes), text);
});

test("a share of nothing is nothing", () => {
  assert.equal(percent(1, 4), "25.00%");
  assert.equal(percent(1, 0), "0.00%");
  assert.equal(percent(1, -5), "0.00%");
});

test("fields without a meaning are 0", () => {
  assert.deepEqual(zeros("a", "b"), [
    ["a", 0],
    ["b", 0],
  ]);
});
