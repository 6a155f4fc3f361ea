// Fields against exact arithmetic in bigints on a string of "0" and "1".

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { FieldBytes, readField, sumFor, valueFor, type FieldType } from "./bitfield.ts";
import { INT64_MAX, INT64_MIN, normal } from "./number.ts";

const types: fc.Arbitrary<FieldType> = fc
  .tuple(fc.boolean(), fc.integer({ min: 1, max: 64 }))
  .map(([isSigned, width]) => ({ isSigned, width: isSigned ? width : Math.min(width, 63) }));
const int64 = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.integer({ min: 0, max: 62 }).map((power) => 2n ** BigInt(power)),
  fc.integer({ min: 0, max: 62 }).map((power) => -(2n ** BigInt(power)) - 1n),
);
const overflows = fc.constantFrom<"WRAP" | "SAT" | "FAIL">("WRAP", "SAT", "FAIL");
const bytes = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 })
  .map((codes) => String.fromCharCode(...codes));

function limits({ isSigned, width }: FieldType): { min: bigint; max: bigint } {
  const max = 2n ** BigInt(isSigned ? width - 1 : width) - 1n;
  return { min: isSigned ? -max - 1n : 0n, max };
}

function inField(type: FieldType, value: bigint): bigint {
  return type.isSigned ? BigInt.asIntN(type.width, value) : BigInt.asUintN(type.width, value);
}

test("a field that was written is read back, and its neighbours are as before", () => {
  fc.assert(
    fc.property(bytes, types, int64, fc.nat({ max: 100 }), (before, type, any, offset) => {
      const value = normal(inField(type, any));
      const size = Math.ceil((offset + type.width) / 8);
      const fields = new FieldBytes(before, size);
      fields.write(type, offset, value);
      assert.equal(fields.read(type, offset), value);
      const after = fields.toBytes();
      assert.equal(readField(after, type, offset), value);
      assert.equal(after.length, Math.max(before.length, size));
      const one = { isSigned: false, width: 1 };
      for (let at = 0; at < after.length * 8; at++) {
        if (at >= offset && at < offset + type.width) continue;
        assert.equal(readField(after, one, at), readField(before, one, at));
      }
    }),
  );
});

test("after the end of the string all is zero", () => {
  assert.equal(readField("", { isSigned: true, width: 64 }, 1000), 0);
  assert.equal(readField("\xff", { isSigned: false, width: 16 }, 0), 0xff00);
  assert.equal(new FieldBytes("\xff", 0).read({ isSigned: false, width: 8 }, 4000), 0);
});

test("a sum wraps, stands at the end, or fails, exactly", () => {
  fc.assert(
    fc.property(types, int64, int64, overflows, (type, any, by, overflow) => {
      const before = inField(type, any);
      const sum = before + by;
      const { min, max } = limits(type);
      const fits = sum >= min && sum <= max;
      const atEnd = sum > max ? max : min;
      const unfit = { WRAP: normal(inField(type, sum)), SAT: normal(atEnd), FAIL: null };
      const wanted = fits ? normal(sum) : unfit[overflow];
      assert.equal(sumFor(type, normal(before), normal(by), overflow), wanted);
    }),
  );
});

test("a value is stored by the same rules; unsigned fields read a negative one as large", () => {
  fc.assert(
    fc.property(types, int64, overflows, (type, value, overflow) => {
      const { min, max } = limits(type);
      const fits = value >= min && value <= max;
      // Redis 7.0.15 answers so: the distance from far below to the largest does not fit into 64 bits.
      const isTooFarDown = type.width < 64 && value < max - (2n ** 63n - 1n);
      const atEnd = value > max || !type.isSigned || isTooFarDown ? max : min;
      const unfit = { WRAP: normal(inField(type, value)), SAT: normal(atEnd), FAIL: null };
      assert.equal(valueFor(type, normal(value), overflow), fits ? normal(value) : unfit[overflow]);
    }),
  );
});
