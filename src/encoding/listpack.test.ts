// The vector was given by Redis 7.0.15: DUMP of a hash, unpacked.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { decodeListpack, encodeListpack } from "./listpack.ts";

const TEXTS = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw).latin1Slice()),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
  fc.integer({ min: -70_000, max: 70_000 }).map(String),
  fc.constantFrom("-0", "01", "127", "128", "-1", "4095", "4096", "-4096", "-4097", "-"),
  fc.constantFrom("8388607", "8388608", "-8388608", "-8388609", "9223372036854775808"),
  fc.constantFrom(63, 64, 4095, 4096, 20_000).map((size) => "x".repeat(size)),
);

test("what is packed is unpacked", () => {
  fc.assert(
    fc.property(fc.array(TEXTS), (texts) => {
      assert.deepEqual(decodeListpack(encodeListpack(texts)), texts);
    }),
  );
});

test("it is packed as Redis packs it", () => {
  const long = "x".repeat(64);
  const texts = ["a", "1", "b", "-5", "c", "300", long, "01", "e", "-70000", "f", "12345678901"];
  const packed = encodeListpack(texts);
  const redis =
    `740000000c008161020101816202dffb02816302c12c02e040${"78".repeat(64)}` +
    "4282303103816502f290eefe04816602f4351cdcdf0200000009ff";
  assert.equal(Buffer.from(packed, "latin1").toString("hex"), redis);
});

test("what is cut or altered is refused and never read past its end", () => {
  const packed = encodeListpack(["a", "300", "-70000", "12345678901", "some text"]);
  for (let size = 0; size < packed.length; size++) {
    assert.equal(decodeListpack(packed.slice(0, size)), null);
  }
  fc.assert(
    fc.property(fc.nat(packed.length - 1), fc.nat(255), (at, byte) => {
      const altered = packed.slice(0, at) + String.fromCharCode(byte) + packed.slice(at + 1);
      const texts = decodeListpack(altered);
      if (texts === null) return;
      for (const text of texts) assert.ok(text.length <= packed.length);
    }),
  );
});
