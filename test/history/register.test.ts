// The checker of registers is itself checked: histories that are right, one for each way to be wrong,
// and small random ones against all orders there are, tried one by one.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { applied, checkRegisters, type RegisterOperation, type RegisterStep } from "./register.ts";

type Short = readonly [
  step: RegisterStep,
  result: string | null | undefined,
  beganUs: number,
  endedUs: number,
];

const write = (value: string): RegisterStep => ({ kind: "write", value });
const exchange = (value: string): RegisterStep => ({ kind: "exchange", value });
const swap = (from: string, to: string): RegisterStep => ({ kind: "swap", from, to });
const read: RegisterStep = { kind: "read" };
const remove: RegisterStep = { kind: "delete" };
const extend: RegisterStep = { kind: "extend" };

function historyOf(all: readonly Short[], key = "x"): RegisterOperation[] {
  return all.map(([step, result, beganUs, endedUs]) => ({ key, step, result, beganUs, endedUs }));
}

const RIGHT: Readonly<Record<string, readonly Short[]>> = {
  "nothing at all": [],
  "one after the other": [
    [write("a"), "OK", 0, 1],
    [read, "a", 2, 3],
    [swap("a", "b"), "1", 4, 5],
    [swap("a", "c"), "0", 6, 7],
    [exchange("d"), "b", 8, 9],
    [remove, "1", 10, 11],
    [extend, "1", 12, 13],
    [read, "+", 14, 15],
  ],
  "overlapping writes, in the order that the reads show": [
    [write("a"), "OK", 0, 9],
    [write("b"), "OK", 0, 9],
    [read, "b", 0, 5],
    [read, "a", 6, 9],
  ],
  "an unknown write that comes late": [
    [write("a"), undefined, 0, 1],
    [read, null, 2, 3],
    [read, "a", 4, 5],
  ],
  "an unknown write that never comes": [
    [write("a"), undefined, 0, 1],
    [read, null, 2, 3],
  ],
  "an unknown read": [[read, undefined, 0, 1]],
};

const WRONG: Readonly<Record<string, readonly Short[]>> = {
  "a stale read": [
    [write("a"), "OK", 0, 1],
    [write("b"), "OK", 2, 3],
    [read, "a", 4, 5],
  ],
  "a lost write": [
    [write("a"), "OK", 0, 1],
    [read, null, 2, 3],
  ],
  "a value nobody wrote": [[read, "a", 0, 1]],
  "a read of the future": [
    [read, "a", 0, 1],
    [write("a"), "OK", 2, 3],
  ],
  "two reads that see two writes in different orders": [
    [write("a"), "OK", 0, 9],
    [write("b"), "OK", 0, 9],
    [read, "a", 1, 2],
    [read, "b", 3, 4],
    [read, "a", 5, 6],
  ],
  "two swaps that both took the same value": [
    [write("a"), "OK", 0, 1],
    [swap("a", "b"), "1", 2, 9],
    [swap("a", "c"), "1", 2, 9],
  ],
  "two exchanges that both got the same value": [
    [write("a"), "OK", 0, 1],
    [exchange("b"), "a", 2, 9],
    [exchange("c"), "a", 2, 9],
  ],
  "a deleted key that is there again": [
    [write("a"), "OK", 0, 1],
    [remove, "1", 2, 3],
    [read, "a", 4, 5],
  ],
  "an unknown write that is taken back": [
    [write("a"), undefined, 0, 1],
    [read, "a", 2, 3],
    [read, null, 4, 5],
  ],
  "an extension that was applied twice": [
    [extend, "1", 0, 1],
    [read, "++", 2, 3],
  ],
};

for (const [name, history] of Object.entries(RIGHT)) {
  test(`accepted: ${name}`, () => {
    assert.deepEqual(checkRegisters(historyOf(history)), []);
  });
}

for (const [name, history] of Object.entries(WRONG)) {
  test(`rejected: ${name}`, () => {
    const other = historyOf([[write("b"), "OK", 0, 1]], "other");
    const complaints = checkRegisters([...historyOf(history), ...other]);
    assert.equal(complaints.length, 1);
    assert.match(complaints[0] ?? "", /^x: /);
  });
}

const words = fc.constantFrom("a", "b");
const steps: fc.Arbitrary<readonly [RegisterStep, string | null]> = fc.oneof(
  words.map((value) => [write(value), "OK"] as const),
  fc.tuple(words, fc.option(words)).map(([value, was]) => [exchange(value), was] as const),
  fc.option(words).map((was) => [read, was] as const),
  fc.constantFrom("0", "1").map((count) => [remove, count] as const),
  fc
    .tuple(words, words, fc.constantFrom("0", "1"))
    .map(([from, to, hit]) => [swap(from, to), hit] as const),
  fc.constantFrom("1", "2").map((length) => [extend, length] as const),
);
const operations = fc
  .tuple(steps, fc.nat(12), fc.nat(6), fc.nat(4))
  .map(([[step, result], beganUs, length, chance]): Short => {
    return [step, chance === 0 ? undefined : result, beganUs, beganUs + length];
  });

test("the search finds an order exactly when there is one", () => {
  const verdicts = { right: 0, wrong: 0 };
  fc.assert(
    fc.property(fc.array(operations, { maxLength: 5 }), (history) => {
      const all = historyOf(history);
      const hasOrder = someOrder(all, null);
      assert.equal(checkRegisters(all).length === 0, hasOrder);
      verdicts[hasOrder ? "right" : "wrong"]++;
    }),
    { numRuns: 5000 },
  );
  assert.ok(verdicts.right > 100 && verdicts.wrong > 100, JSON.stringify(verdicts));
});

/** Tries every order. Those of unknown outcome may be left out at the end. */
function someOrder(rest: readonly RegisterOperation[], state: string | null): boolean {
  if (rest.every(({ result }) => result === undefined)) return true;
  return rest.some((operation) => {
    const isFirst = rest.every(
      ({ endedUs, result }) => result === undefined || endedUs >= operation.beganUs,
    );
    if (!isFirst) return false;
    const next = applied(state, operation);
    return (
      next !== undefined &&
      someOrder(
        rest.filter((one) => one !== operation),
        next,
      )
    );
  });
}

test("many unknown writes do not make the search endless", () => {
  const unknown = Array.from({ length: 40 }, (_, at): Short => [
    write(`u${at}`),
    undefined,
    at,
    at,
  ]);
  const known = Array.from({ length: 100 }, (_, at): Short[] => [
    [write(`k${at}`), "OK", 100 + at * 4, 101 + at * 4],
    [read, `k${at}`, 102 + at * 4, 103 + at * 4],
  ]).flat();
  assert.deepEqual(checkRegisters(historyOf([...unknown, ...known])), []);
});
