// The vectors were given by Redis 7.0.15: DUMP of a set.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { decodeIntset, encodeIntset } from "./intset.ts";
import { BadDump, decodeDump, encodeDump } from "./rdb.ts";
import { SET } from "./record.ts";
import { INTSET, TABLE, type SetForm } from "./set.ts";

const FROM_REDIS: readonly [SetForm, readonly string[], string][] = [
  [
    INTSET,
    ["-300", "1", "70000"],
    "0b140400000003000000d4feffff01000000701101000a003fcd05d535f65fed",
  ],
  [INTSET, ["9223372036854775807"], "0b100800000001000000ffffffffffffff7f0a001e5841c33ef21c8a"],
  [INTSET, ["1", "2", "3"], "0b0e02000000030000000100020003000a00a5025ce26d6e4d1b"],
  [TABLE, ["bc", "a"], "020202626301610a003f8abef5ef35cab5"],
];
const FOOTER_DIGITS = 20;

test("sets are dumped as Redis dumps them, and read from its dumps", () => {
  for (const [form, members, dump] of FROM_REDIS) {
    const set = { kind: SET, members, form } as const;
    const ours = Buffer.from(encodeDump(set), "latin1").toString("hex");
    assert.equal(ours.slice(0, -FOOTER_DIGITS), dump.slice(0, -FOOTER_DIGITS));
    assert.deepEqual(decodeDump(Buffer.from(dump, "hex").latin1Slice()), set);
  }
});

test("whole numbers of any size come back from an intset", () => {
  const numbers = fc.uniqueArray(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(numbers, fc.constantFrom(1n, 2n ** 32n, 2n ** 50n), (drawn, divisor) => {
      const sorted = [...new Set(drawn.map((number) => number / divisor))].sort((a, b) =>
        a < b ? -1 : 1,
      );
      const texts = sorted.map(String);
      assert.deepEqual(decodeIntset(encodeIntset(texts)), texts);
    }),
  );
});

test("what is no intset, or no set, is not taken", () => {
  const whole = encodeIntset(["1", "2", "3"]);
  for (let size = 0; size < whole.length; size++)
    assert.equal(decodeIntset(whole.slice(0, size)), null);
  assert.equal(decodeIntset(`${whole}x`), null);
  assert.equal(decodeIntset(encodeIntset(["2", "1"])), null);
  assert.equal(decodeIntset(encodeIntset(["1", "1"])), null);
  assert.equal(decodeIntset("\x03\0\0\0\x01\0\0\0abc"), null);
  for (const members of [[], ["a", "a"]]) {
    assert.throws(() => decodeDump(encodeDump({ kind: SET, members, form: TABLE })), BadDump);
  }
});
