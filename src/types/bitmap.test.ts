// Against the plainest model there is: a string of "0" and "1".

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type { Bytes } from "../base/bytes.ts";
import * as bitmap from "./bitmap.ts";

const bitmaps = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 255)), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));
const range = fc.tuple(fc.nat({ max: 330 }), fc.nat({ max: 330 }));

function bitsOf(bytes: Bytes): string {
  let bits = "";
  for (const char of bytes) bits += char.charCodeAt(0).toString(2).padStart(8, "0");
  return bits;
}

test("a bit is where the bits say, and zero after the end", () => {
  fc.assert(
    fc.property(bitmaps, fc.nat({ max: 400 }), (bytes, offset) => {
      assert.equal(bitmap.getBit(bytes, offset), Number(bitsOf(bytes)[offset] ?? "0"));
    }),
  );
});

test("setting a bit changes that bit of the byte and no other", () => {
  fc.assert(
    fc.property(
      bitmaps,
      fc.nat({ max: 400 }),
      fc.constantFrom<0 | 1>(0, 1),
      (bytes, offset, bit) => {
        const start = Math.floor(offset / 8) * 8;
        const bits = bitsOf(bytes)
          .slice(start, start + 8)
          .padEnd(8, "0");
        const wanted = bits.slice(0, offset % 8) + String(bit) + bits.slice((offset % 8) + 1);
        assert.equal(bitsOf(bitmap.byteWith(bytes, offset, bit)), wanted);
      },
    ),
  );
});

test("ones are counted in any range", () => {
  fc.assert(
    fc.property(bitmaps, range, (bytes, [first, last]) => {
      const bits = bitsOf(bytes);
      if (last >= bits.length) return;
      const inside = bits.slice(first, last + 1).replaceAll("0", "");
      assert.equal(bitmap.countBits(bytes, first, last), inside.length);
    }),
  );
});

test("the first one and the first zero are found in any range", () => {
  fc.assert(
    fc.property(bitmaps, range, fc.constantFrom<0 | 1>(0, 1), (bytes, [first, last], bit) => {
      const bits = bitsOf(bytes);
      if (first > last || last >= bits.length) return;
      const at = bits.slice(0, last + 1).indexOf(String(bit), first);
      assert.equal(bitmap.findBit(bytes, bit, { first, last }), at);
    }),
  );
});

test("bitmaps of any lengths are combined bit by bit, the shorter padded with zeros", () => {
  const bitwise = { AND: (a: number, b: number) => a & b, OR: (a: number, b: number) => a | b };
  const operations = { ...bitwise, XOR: (a: number, b: number) => a ^ b };
  fc.assert(
    fc.property(
      fc.constantFrom<"AND" | "OR" | "XOR">("AND", "OR", "XOR"),
      fc.array(bitmaps, { minLength: 1, maxLength: 4 }),
      (name, sources) => {
        const length = Math.max(...sources.map((source) => source.length));
        let wanted = "";
        for (let at = 0; at < length; at++) {
          const codes = sources.map((source) => (at < source.length ? source.charCodeAt(at) : 0));
          wanted += String.fromCharCode(codes.reduce((a, b) => operations[name](a, b)));
        }
        assert.equal(bitmap.combine(name, sources), wanted);
      },
    ),
  );
});

test("NOT turns every bit, and twice is as before", () => {
  fc.assert(
    fc.property(bitmaps, (bytes) => {
      const turned = bitmap.combine("NOT", [bytes]);
      assert.equal(bitmap.combine("XOR", [bytes, turned]), "\xff".repeat(bytes.length));
      assert.equal(bitmap.combine("NOT", [turned]), bytes);
    }),
  );
});
