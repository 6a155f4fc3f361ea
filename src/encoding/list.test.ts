import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import * as list from "./list.ts";
import { CorruptRecord } from "./record.ts";

const text = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw).latin1Slice());
const HOME = { incarnationId: 16, slot: 0x1234, id: 0x010203040506 };

function written(size: number, write: (target: Buffer) => number | void): Buffer {
  const target = Buffer.alloc(size + 1, 0xee);
  const end = write(target);
  assert.ok(end === undefined || end === size);
  assert.equal(target[size], 0xee, "no more is written than was announced");
  return target.subarray(0, size);
}

function rowOf(texts: readonly string[]): list.TextRow {
  return { length: texts.length, at: (index) => texts[index] ?? "" };
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, one) => sum + list.textSize(one), 0);
}

function inline(texts: readonly string[], isQuicklist: boolean): Buffer {
  const size = list.inlineSize(texts.length, bytesOf(texts));
  return written(size, (target) =>
    list.writeInlineList(target, 0, { texts: rowOf(texts), isQuicklist }),
  );
}

function node(texts: readonly string[]): Buffer {
  const size = list.nodeSize(texts.length, bytesOf(texts));
  return written(size, (target) => list.writeNode(target, 0, rowOf(texts)));
}

function exploded(parts: list.ExplodedListParts): Buffer {
  return written(list.explodedSize(parts), (target) =>
    list.writeExplodedList(target, 0, { ...parts, home: HOME }),
  );
}

test("texts are read back in their order, from a small list and from a node", () => {
  fc.assert(
    fc.property(fc.array(text), fc.boolean(), (texts, isQuicklist) => {
      const read = list.readInlineList(inline(texts, isQuicklist).latin1Slice());
      assert.deepEqual(read, { texts, textBytes: bytesOf(texts), isQuicklist });
      if (texts.length === 0) return;
      const fromNode = list.readNode(node(texts).latin1Slice());
      assert.deepEqual(fromNode, { texts, textBytes: bytesOf(texts) });
    }),
  );
});

test("version 1 is frozen: lists written today open tomorrow", () => {
  assert.equal(inline(["one", "", "\xff"], false).toString("hex"), "000003036f6e650001ff");
  assert.equal(inline(["x".repeat(200)], true).toString("hex"), `000101c801${"78".repeat(200)}`);
  assert.equal(node(["a", "bc"]).toString("hex"), "00020161026263");
  const parts = {
    isQuicklist: true,
    count: 10_000_000,
    packedBytes: 123_456_789,
    head: { key: "\x80\0\0\0\0\0", count: 3 },
    tail: { key: "\x80\0\0\0\0\x05\x80", count: 200 },
  };
  const header = exploded(parts);
  assert.equal(
    header.toString("hex"),
    "011234010203040506" +
      "01000000989680" +
      "0000075bcd15" +
      "0680000000000003" +
      "0780000000000580c801",
  );
  const read = list.readExplodedList(header.latin1Slice());
  assert.deepEqual(read, { ...parts, directoryAt: header.length });
});

test("what is cut short, too long, or says what cannot be is corruption", () => {
  const whole = inline(["text", "another"], false).latin1Slice();
  for (let size = 1; size < whole.length; size++) {
    assert.throws(() => list.readInlineList(whole.slice(0, size)), CorruptRecord);
    assert.throws(() => list.readNode(`\0${whole.slice(2, size)}`), CorruptRecord);
  }
  assert.throws(() => list.readInlineList(`${whole}x`), CorruptRecord);
  assert.throws(() => list.readInlineList("\0\x02\0"), CorruptRecord);
  assert.throws(() => list.readNode("\x01\x01\0"), CorruptRecord);
  assert.throws(() => list.readNode("\0\0"), CorruptRecord);
  assert.throws(() => list.readNode(""), CorruptRecord);
});

test("a header whose ends and counts contradict each other is corruption", () => {
  const head = { key: "\x80\0\0\0\0\0", count: 3 };
  const tail = { key: "\x80\0\0\0\0\x01", count: 2 };
  const good = { isQuicklist: false, count: 5, packedBytes: 9, head, tail };
  const read = (parts: list.ExplodedListParts): number =>
    list.readExplodedList(exploded(parts).latin1Slice()).count;
  assert.equal(read(good), 5);
  assert.equal(read({ ...good, tail: head, count: 3 }), 3);
  assert.throws(() => read({ ...good, count: 4 }), CorruptRecord);
  assert.throws(() => read({ ...good, head: tail, tail: head }), CorruptRecord);
  assert.throws(() => read({ ...good, head: { ...head, count: 0 } }), CorruptRecord);
  assert.throws(() => read({ ...good, tail: { ...tail, count: 0 } }), CorruptRecord);
  assert.throws(() => read({ ...good, tail: { ...head, count: 2 }, count: 3 }), CorruptRecord);
  const whole = exploded(good).latin1Slice();
  for (let size = 0; size < whole.length; size++) {
    assert.throws(() => list.readExplodedList(whole.slice(0, size)), CorruptRecord);
  }
});
