// The vectors were given by Redis 7.0.15: DUMP of a key with that value.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { crc64 } from "./crc64.ts";
import type { DumpedSortedSet } from "./rdb-sorted-set.ts";
import { BadDump, decodeDump, encodeDump } from "./rdb.ts";
import { SORTED_SET } from "./record.ts";

/** Nothing that could be compressed. */
const LONG = String.fromCharCode(...Array.from({ length: 70 }, (_, index) => 48 + index));
const FROM_REDIS: [string, DumpedSortedSet][] = [
  [
    "111c1c0000000600816102010181620283322e350481630283696e6604ff0a006b1ddedce8e2c399",
    {
      kind: SORTED_SET,
      entries: [
        { member: "a", score: 1 },
        { member: "b", score: 2.5 },
        { member: "c", score: Infinity },
      ],
      isPacked: true,
    },
  ],
  [
    "05034046303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475ea8ca039593e29460178000000000000f8bf056669727374000000000000f0ff0a006fbb6658ba99055a",
    {
      kind: SORTED_SET,
      entries: [
        { member: LONG, score: 1e30 },
        { member: "x", score: -1.5 },
        { member: "first", score: -Infinity },
      ],
      isPacked: false,
    },
  ],
];

function bytes(hex: string): string {
  return Buffer.from(hex, "hex").latin1Slice();
}

function framed(body: string): string {
  const whole = `${body}\x0a\0`;
  return whole + crc64(whole, whole.length);
}

const member = fc.uint8Array({ maxLength: 80 }).map((raw) => Buffer.from(raw).latin1Slice());
const score = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom(Infinity, 0.1));
const entries = fc
  .uniqueArray(fc.record({ member, score }, { noNullPrototype: true }), {
    minLength: 1,
    selector: (entry) => entry.member,
  })
  .map((all) => all.map(({ member: name, score: value }) => ({ member: name, score: value + 0 })));

test("what Redis dumped is read, and dumped as Redis dumps it", () => {
  for (const [hex, dumped] of FROM_REDIS) {
    assert.deepEqual(decodeDump(bytes(hex)), dumped);
    assert.equal(Buffer.from(encodeDump(sorted(dumped)), "latin1").toString("hex"), hex);
  }
});

/** A skiplist is dumped with its last member first. */
function sorted(dumped: DumpedSortedSet): DumpedSortedSet {
  if (dumped.isPacked) return dumped;
  return { ...dumped, entries: [...dumped.entries].reverse() };
}

test("what is dumped is read back", () => {
  fc.assert(
    fc.property(entries, fc.boolean(), (all, isPacked) => {
      const dumped: DumpedSortedSet = { kind: SORTED_SET, entries: all, isPacked };
      assert.deepEqual(decodeDump(encodeDump(dumped)), sorted(dumped));
    }),
  );
});

test("what servers before Redis 5 dumped is read", () => {
  const body = "\x03\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x04-1e2";
  assert.deepEqual(decodeDump(framed(body)), {
    kind: SORTED_SET,
    entries: [
      { member: "a", score: 1.5 },
      { member: "b", score: Infinity },
      { member: "c", score: -Infinity },
      { member: "d", score: -100 },
    ],
    isPacked: false,
  });
});

test("members twice, scores that are no numbers and what is cut are bad dumps", () => {
  const packed = encodeDump({
    kind: SORTED_SET,
    entries: [{ member: "a", score: 1 }],
    isPacked: true,
  }).slice(0, -10);
  const nan = "\0\0\0\0\0\0\xf8\x7f";
  const one = "\0\0\0\0\0\0\xf0\x3f";
  for (const body of [
    "\x05\0",
    `\x05\x01\x01a${nan}`,
    `\x05\x02\x01a${one}\x01a${one}`,
    `\x05\x02\x01a${one}`,
    `\x05\x01\x01a${one.slice(1)}`,
    "\x03\x01\x01a\xfd",
    "\x03\x01\x01a\x03abc",
    packed.slice(0, -1),
  ]) {
    assert.throws(() => decodeDump(framed(body)), BadDump);
  }
});
