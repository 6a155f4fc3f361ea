import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { findRuns, tableBytes } from "./lcs.ts";

const texts = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 12 });

/** The length by the definition, without a table. */
function lengthByDefinition(first: string, second: string): number {
  if (first === "" || second === "") return 0;
  const [a, b] = [first.slice(1), second.slice(1)];
  if (first[0] === second[0]) return 1 + lengthByDefinition(a, b);
  return Math.max(lengthByDefinition(a, second), lengthByDefinition(first, b));
}

test("the runs are equal in both strings, the last first, and as long as can be", () => {
  fc.assert(
    fc.property(texts, texts, (first, second) => {
      let [firstEnd, secondEnd, total] = [first.length, second.length, 0];
      for (const run of findRuns(first, second)) {
        assert.ok(run.length > 0);
        assert.ok(run.first + run.length <= firstEnd && run.second + run.length <= secondEnd);
        const piece = first.slice(run.first, run.first + run.length);
        assert.equal(second.slice(run.second, run.second + run.length), piece);
        [firstEnd, secondEnd, total] = [run.first, run.second, total + run.length];
      }
      assert.equal(total, lengthByDefinition(first, second));
    }),
    { numRuns: 200 },
  );
});

test("of several subsequences the one that Redis finds is found", () => {
  assert.deepEqual(findRuns("ohmytext", "mynewtext"), [
    { first: 4, second: 5, length: 4 },
    { first: 2, second: 0, length: 2 },
  ]);
});

test("the table's size is known before it is made", () => {
  assert.equal(tableBytes(0, 0), 4);
  assert.equal(tableBytes(20_000, 20_000), 20_001 * 20_001 * 4);
});
