// Doubles in replies, by Redis 7.2's rules.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { formatDouble } from "./double.ts";

test("doubles are spelled as Redis spells them", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [-17, "-17"],
    [3.1, "3.1"],
    [-3.1, "-3.1"],
    [0.1, "0.1"],
    [0.1 + 0.2, "0.30000000000000004"],
    [3.0000000000000004, "3.0000000000000004"],
    [1_234_567.8, "1234567.8"],
    [123_456.789012, "123456.789012"],
    [123_456.7890123, "1.234567890123e+5"],
    [1234.5678901234, "1234.5678901234"],
    [0.000001, "0.000001"],
    [0.0000001, "1e-7"],
    [0.0001234567, "1.234567e-4"],
    [0.001234567, "0.001234567"],
    [2 ** 53, "9007199254740992"],
    [1e18, "1000000000000000000"],
    [2 ** 62, "4611686018427387904"],
    [5e18, "5e+18"],
    [12_345_678_901_234_567_000, "12345678901234567000"],
    [1e20, "1e+20"],
    [1e21, "1e+21"],
    [1.5e300, "1.5e+300"],
    [5e-324, "5e-324"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [Infinity, "inf"],
    [-Infinity, "-inf"],
    [Number.NaN, "nan"],
  ];
  for (const [value, text] of cases) assert.equal(formatDouble(value), text);
});

test("what is spelled reads back as the same number", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.ok(Object.is(Number(formatDouble(value)), value));
    }),
  );
});
