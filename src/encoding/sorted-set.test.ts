import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { CorruptRecord, readRecord, recordSize, SORTED_SET, writeRecord } from "./record.ts";
import * as sortedSet from "./sorted-set.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw).latin1Slice());
const scores = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.constantFrom(0, -0, Infinity, -Infinity, Number.MIN_VALUE, -Number.MIN_VALUE),
);

function written(size: number, write: (target: Buffer) => void): Buffer {
  const target = Buffer.alloc(size + 1, 0xee);
  write(target);
  assert.equal(target[size], 0xee, "no more is written than was announced");
  return target.subarray(0, size);
}

function inline(parts: sortedSet.InlineParts): Buffer {
  let entryBytes = 0;
  for (const member of parts.members) entryBytes += sortedSet.entrySize(member);
  const size = sortedSet.inlineSize(entryBytes, parts.members.length);
  return written(size, (target) => sortedSet.writeInline(target, 0, parts));
}

function hex(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

test("the bytes of scores are read back, and in the order of the numbers", () => {
  fc.assert(
    fc.property(scores, scores, (a, b) => {
      assert.ok(Object.is(sortedSet.readScore(sortedSet.scoreBytes(a), 0), a));
      if (a < b) assert.ok(sortedSet.scoreBytes(a) < sortedSet.scoreBytes(b));
    }),
  );
});

test("in `order` members stand by score, then by their bytes, and the two zeros are one", () => {
  fc.assert(
    fc.property(scores, bytes, scores, bytes, (a, left, b, right) => {
      const first = sortedSet.orderSubkey(a, left);
      const second = sortedSet.orderSubkey(b, right);
      const isBefore = a < b || (a === b && left < right);
      assert.equal(first < second, isBefore);
      assert.ok(first < sortedSet.PAGE_PREFIX);
      assert.equal(sortedSet.memberOf(first), left);
      assert.ok(Object.is(sortedSet.scoreOf(first, sortedSet.orderValue(a)), a));
      assert.equal(first >= sortedSet.afterScore(b), a > b);
    }),
  );
});

test("a separator is after the one and not after the other, and no longer than it must be", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      fc.pre(a !== b);
      const [before, after] = a < b ? [a, b] : [b, a];
      const between = sortedSet.separator(before, after);
      assert.ok(before < between && between <= after);
      assert.ok(between.slice(0, -1) <= before);
    }),
  );
});

test("an inline sorted set is read back, in order", () => {
  const entries = fc.uniqueArray(fc.tuple(bytes, scores), { selector: ([member]) => member });
  fc.assert(
    fc.property(entries, fc.boolean(), (list, isTable) => {
      list.sort(([left, a], [right, b]) => (a === b ? (left < right ? -1 : 1) : a < b ? -1 : 1));
      const members = list.map(([member]) => member);
      const parts = { members, scores: list.map(([, score]) => score), isTable };
      const payload = inline(parts).latin1Slice();
      const { entryBytes, ...read } = sortedSet.readInline(payload);
      assert.deepEqual(read, parts);
      assert.equal(sortedSet.inlineSize(entryBytes, members.length), payload.length);
    }),
  );
});

const HOME = { incarnationId: 16, slot: 0x1234, id: 0x010203040506 };

function exploded(start: string, end: string): Buffer {
  const header = { home: HOME, isTable: true, start, end };
  const size = sortedSet.headerSize(header);
  const root = Buffer.from("05000100e807", "hex");
  const front = written(size, (target) => sortedSet.writeHeader(target, 0, header));
  return Buffer.concat([front, root]);
}

test("version 1 is frozen: sorted sets written today open tomorrow", () => {
  const small = { members: ["a", "\xff"], scores: [-1.5, 2], isTable: false };
  assert.equal(inline(small).toString("hex"), "0000024007ffffffffffff0161c00000000000000001ff");
  const payload = exploded("ab", "");
  assert.equal(payload.toString("hex"), "011234010203040506010261620005000100e807");
  assert.deepEqual(sortedSet.readExploded(payload.latin1Slice()), {
    isTable: true,
    start: "ab",
    end: "",
    root: { nextPage: 5, root: { level: 0, keys: [""], counts: [1000], pages: [] } },
  });
  assert.equal(hex(sortedSet.scoreBytes(0)), "8000000000000000");
  assert.equal(hex(sortedSet.scoreBytes(-0)), "7fffffffffffffff");
  assert.equal(hex(sortedSet.scoreBytes(Infinity)), "fff0000000000000");
  assert.equal(hex(sortedSet.scoreBytes(-Infinity)), "000fffffffffffff");
  assert.equal(hex(sortedSet.orderSubkey(-0, "m")), "80000000000000006d");
  assert.equal(hex(sortedSet.orderValue(-0)), "2d");
  assert.equal(sortedSet.orderValue(0), "");
});

test("the record around a sorted set is frozen too", () => {
  const payload = inline({ members: ["a"], scores: [1], isTable: true }).latin1Slice();
  const size = recordSize(payload, 0);
  const record = written(size, (target) =>
    writeRecord(target, 0, { kind: SORTED_SET, value: payload, expiryMs: 0 }),
  );
  assert.equal(record.toString("hex"), "1400000101bff00000000000000161");
  assert.deepEqual(readRecord(record.latin1Slice()), {
    kind: SORTED_SET,
    value: payload,
    expiryMs: 0,
  });
});

test("what is cut, disordered or no number is corruption", () => {
  const small = inline({ members: ["a", "b"], scores: [1, 1], isTable: false }).latin1Slice();
  for (let length = 1; length < small.length; length++) {
    assert.throws(() => sortedSet.readInline(small.slice(0, length)), CorruptRecord);
  }
  const large = exploded("a", "b").latin1Slice();
  for (let length = 9; length < large.length; length++) {
    assert.throws(() => sortedSet.readExploded(large.slice(0, length)), CorruptRecord);
  }
  for (const parts of [
    { members: ["b", "a"], scores: [1, 1], isTable: false },
    { members: ["a", "a"], scores: [1, 1], isTable: false },
    { members: ["a", "b"], scores: [2, 1], isTable: false },
    { members: ["a"], scores: [Number.NaN], isTable: false },
  ]) {
    assert.throws(() => sortedSet.readInline(inline(parts).latin1Slice()), CorruptRecord);
  }
  assert.throws(() => sortedSet.readInline(`${small}\0`), CorruptRecord);
  assert.throws(() => sortedSet.readInline("\0\x02\0"), CorruptRecord);
  assert.throws(() => sortedSet.readScore("\xff\xf8\0\0\0\0\0\0", 0), CorruptRecord);
});
