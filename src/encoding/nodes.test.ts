import assert from "node:assert/strict";
import { test } from "node:test";

import { CorruptNodes, decodeNodes, encodeNodes, evenShares } from "./nodes.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const TWO = `kept-nodes 1\n${A} 0-8191\n${B} 8192-16383\n`;

test("version 1 is frozen: a file written today is read tomorrow", () => {
  const nodes = [
    { id: A, firstSlot: 0, lastSlot: 8191 },
    { id: B, firstSlot: 8192, lastSlot: 16_383 },
  ];
  assert.equal(encodeNodes(nodes), TWO);
  assert.deepEqual(decodeNodes(TWO), nodes);
});

test("every number of processes shares out all slots, and is read back", () => {
  for (const count of [1, 2, 3, 7, 16, 64, 100, 128]) {
    const nodes = evenShares(count, () => A);
    assert.equal(nodes.length, count);
    assert.deepEqual(decodeNodes(encodeNodes(nodes)), nodes);
    const sizes = nodes.map(({ firstSlot, lastSlot }) => lastSlot - firstSlot);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
  }
});

test("what is not whole, not in order or of another version is refused", () => {
  const bad = [
    "",
    "kept-nodes 2\n",
    TWO.slice(0, -1),
    TWO.replace("8192-", "8193-"),
    TWO.replace("8192-", "8191-"),
    TWO.replace("16383", "16382"),
    TWO.replace("16383", "16384"),
    TWO.replace(A, "A".repeat(40)),
    TWO.replace("0-8191", "0-"),
    `${TWO}${A} 16384-16384\n`,
  ];
  for (const text of bad) assert.throws(() => decodeNodes(text), CorruptNodes, text);
});
