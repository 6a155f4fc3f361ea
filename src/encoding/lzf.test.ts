import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { compress, decompress } from "./lzf.ts";

/** Texts with repetitions near and far: few letters, and pieces said again. */
const texts = fc
  .array(
    fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 400 }),
      fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw).latin1Slice()),
      fc.constantFrom("0123456789".repeat(100), "\0".repeat(3000)),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(""));

test("what is compressed comes back", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const compressed = compress(text, Infinity);
      assert.ok(compressed !== null);
      assert.equal(decompress(compressed, text.length), text);
    }),
  );
});

test("repetitions over the longest distance and the longest match come back", () => {
  for (const gap of [8190, 8191, 8192, 8193]) {
    const filler = Array.from({ length: gap }, (_, index) => String.fromCharCode(index & 0xff));
    const text = `needle${filler.join("")}needle${"r".repeat(600)}`;
    const compressed = compress(text, text.length);
    assert.ok(compressed !== null);
    assert.ok(compressed.length < text.length / 2);
    assert.equal(decompress(compressed, text.length), text);
  }
});

test("what does not become small enough is not compressed", () => {
  const text = "abcdefghijklmnopqrstuvwxyz";
  assert.equal(compress(text, text.length - 4), null);
  assert.notEqual(compress(text, text.length + 2), null);
});

test("malformed rows are refused, whatever they are", () => {
  assert.equal(decompress("\x05abc", 6), null, "literals past the end");
  assert.equal(decompress("\x00a\x20\x05", 4), null, "a copy from before the beginning");
  assert.equal(decompress("\x00a\x20", 4), null, "a copy without its distance");
  assert.equal(decompress("\x00a\xe0", 4), null, "a long copy without its length");
  assert.equal(decompress("\x00a", 2), null, "less than was promised");
  assert.equal(decompress("\x02abc", 2), null, "more than was promised");
  assert.equal(decompress("\x00a", 1_000_000_000), null, "a size that these bytes cannot tell");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(4000), (raw, size) => {
      const told = decompress(Buffer.from(raw).latin1Slice(), size);
      assert.ok(told === null || told.length === size);
    }),
  );
});
