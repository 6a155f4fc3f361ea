import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { addInt64, INT64_MAX, INT64_MIN, negateInt64, normal, parseDouble } from "./number.ts";
import { parseInteger, toIndex } from "./number.ts";

const int64 = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.bigInt({ min: -10n, max: 10n }),
  fc.integer({ min: -3, max: 3 }).map((by) => 2n ** 53n + BigInt(by)),
  fc.integer({ min: -3, max: 3 }).map((by) => -(2n ** 53n) + BigInt(by)),
  fc.integer({ min: 0, max: 3 }).map((by) => INT64_MAX - BigInt(by)),
  fc.integer({ min: 0, max: 3 }).map((by) => INT64_MIN + BigInt(by)),
);

test("every whole number of 64 bits is read exactly", () => {
  fc.assert(
    fc.property(int64, (value) => {
      const read = parseInteger(String(value));
      assert.equal(read, normal(value));
      assert.equal(String(read), String(value));
    }),
  );
});

test("a number is a bigint only where a number is not exact", () => {
  assert.equal(parseInteger("9007199254740991"), 9007199254740991);
  assert.equal(parseInteger("9007199254740992"), 9007199254740992n);
  assert.equal(parseInteger("-9007199254740991"), -9007199254740991);
  assert.equal(parseInteger("-9007199254740993"), -9007199254740993n);
  assert.equal(parseInteger("-1"), -1);
  assert.equal(parseInteger("0"), 0);
});

test("any other spelling of a whole number is refused", () => {
  const others = [
    "",
    "-",
    "+1",
    "-0",
    "00",
    "01",
    "-01",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x1",
    "a",
    "1\0",
  ];
  const beyond = [
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
    "9".repeat(40),
  ];
  for (const text of [...others, ...beyond]) assert.equal(parseInteger(text), null, text);
});

test("sums are exact, and null beyond 64 bits", () => {
  fc.assert(
    fc.property(int64, int64, (left, right) => {
      const sum = left + right;
      const fits = sum <= INT64_MAX && sum >= INT64_MIN;
      assert.equal(addInt64(normal(left), normal(right)), fits ? normal(sum) : null);
    }),
  );
});

test("the opposite is exact; the lowest number has none", () => {
  fc.assert(
    fc.property(int64, (value) => {
      const wanted = value === INT64_MIN ? null : normal(-value);
      assert.equal(negateInt64(normal(value)), wanted);
    }),
  );
  assert.ok(Object.is(negateInt64(0), 0));
});

test("an index beyond what is exact is cut to the nearest end", () => {
  assert.equal(toIndex(INT64_MAX), Number.MAX_SAFE_INTEGER);
  assert.equal(toIndex(INT64_MIN), Number.MIN_SAFE_INTEGER);
  assert.equal(toIndex(-5), -5);
});

test("every double is read back from its shortest spelling", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(parseDouble(String(value)), value + 0);
    }),
  );
});

test("doubles are read as strtod reads them", () => {
  const read: readonly [string, number][] = [
    ["1", 1],
    ["+1", 1],
    [".5", 0.5],
    ["5.", 5],
    ["-1.5e3", -1500],
    ["1E-2", 0.01],
    ["0x1p-3", 0.125],
    ["0XaP1", 20],
    ["0x.8", 0.5],
    ["-0x1.8", -1.5],
    ["0x1.fffffffffffff8p0", 2],
    ["0x1p-1074", 5e-324],
    ["0x0", 0],
    ["0e-999", 0],
    ["inf", Infinity],
    ["-INF", -Infinity],
    ["+Infinity", Infinity],
    ["18446744073709551616", 2 ** 64],
  ];
  for (const [text, value] of read) assert.equal(parseDouble(text), value, text);
});

test("what strtod would not take whole, and what overflows or vanishes, is no double", () => {
  const refused = [
    "",
    ".",
    "e1",
    "1e",
    "1e+",
    " 1",
    "1 ",
    "1\0",
    "nan",
    "-nan",
    "infinit",
    "0x",
    "1,5",
  ];
  const unheld = ["1e999", "-1e999", "1e-999", "0x1p99999", "0x1p-99999", "1".repeat(6000)];
  for (const text of [...refused, ...unheld]) assert.equal(parseDouble(text), null, text);
});

test("hexadecimal doubles are rounded once, to nearest, ties to even", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 2n ** 80n }),
      fc.integer({ min: -300, max: 300 }),
      (m, e) => {
        // Number() of a bigint rounds to nearest, ties to even; a power of two does not round.
        const wanted = Number(m) * 2 ** e;
        assert.equal(parseDouble(`0x${m.toString(16)}p${e}`), wanted);
      },
    ),
  );
});
