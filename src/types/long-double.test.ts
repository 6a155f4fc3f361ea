// The sums written out here are those of Redis 7.0 on x86-64.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { add, format, parse, type LongDouble } from "./long-double.ts";

function read(text: string): LongDouble {
  const value = parse(text);
  assert.ok(value !== null, text);
  return value;
}

function sum(left: string, right: string): string | null {
  const value = add(read(left), read(right));
  return value === null ? null : format(value);
}

test("sums are shown as Redis shows them", () => {
  assert.equal(sum("3.0", "1.1"), "4.1");
  assert.equal(sum("0.1", "0.2"), "0.3");
  assert.equal(sum("5.0e3", "2.0e2"), "5200");
  assert.equal(sum("123456789.123456789", "0.000000001"), "123456789.12345678999554366");
  assert.equal(sum("0.00000000000000001", "1e30"), "1000000000000000000024696061952");
  assert.equal(sum("9223372036854775807", "1"), "9223372036854775808");
  assert.equal(sum("-0.5", "0.5"), "0");
  assert.equal(sum("-0.000000000000000001", "0"), "0");
});

test("a whole number of 64 bits is exact, and so is a small power of two", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 64n) + 1n, max: 2n ** 64n - 1n }), (value) => {
      assert.equal(format(read(String(value))), String(value));
    }),
  );
  assert.equal(format(read("0x1p-17")), "0.00000762939453125");
});

test("what is shown is read back as the same, up to 17 places", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 8 }), (digits, places) => {
      const shown = format(read(`${digits}e-${places}`));
      assert.equal(format(read(shown)), shown);
      assert.equal(Number(shown), Number(`${digits}e-${places}`));
    }),
  );
});

test("sums of numbers that fit are those of exact arithmetic", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (left, right) => {
      assert.equal(sum(String(left), String(right)), String(BigInt(left) + BigInt(right)));
    }),
  );
});

test("rounding is to nearest, ties to even, at 64 bits", () => {
  const top = 2n ** 64n;
  assert.equal(format(read(String(top + 1n))), String(top));
  assert.equal(format(read(String(top + 2n))), String(top + 2n));
  assert.equal(format(read(String(top + 3n))), String(top + 4n));
  assert.equal(sum(String(top), "1.5"), String(top + 2n));
  assert.equal(sum(String(top), "1"), String(top));
});

test("infinity can be read but not counted with", () => {
  assert.equal(sum("inf", "1"), null);
  assert.equal(sum("1", "-infinity"), null);
  assert.equal(sum("1e4932", "1e4932"), null);
});

test("what overflows, vanishes or is no number is not read", () => {
  const texts = [
    "",
    ".",
    "1e",
    "nan",
    " 1",
    "1 ",
    "1\0",
    "one",
    "0x",
    "1e5000",
    "-1e5000",
    "1e-5000",
  ];
  const far = ["1e999999999", "1e-999999999", "0x1p99999", "0x1p-99999", "0x1p999999999"];
  for (const text of [...texts, ...far]) assert.equal(parse(text), null, text);
  assert.equal(format(read("0e999999999")), "0");
  assert.equal(format(read("1e-4950")), "0");
});
