import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { encodeListpack } from "./listpack.ts";
import { integerEntrySize, LISTPACK_FRAME_SIZE, textEntrySize } from "./listpack-size.ts";
import { CorruptRecord } from "./record.ts";
import * as stream from "./stream.ts";
import { Consumer, Group, NEVER, pendingValue, readPending, UNKNOWN } from "./stream-group.ts";
import {
  compareIds,
  ID_MAX,
  idAfter,
  idBefore,
  idBytes,
  partOf,
  readId,
  U64_MAX,
  type StreamId,
} from "./stream-id.ts";
import { StreamNode } from "./stream-node.ts";

const text = fc
  .oneof(
    fc.uint8Array({ maxLength: 100 }).map((raw) => Buffer.from(raw).latin1Slice()),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
    fc.integer({ min: -40_000, max: 40_000 }).map(String),
    fc.constantFrom("", "-", "0", "-0", "01", "127", "128", "9223372036854775808"),
  )
  .map((bytes) => bytes);
const part = fc
  .oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: U64_MAX }))
  .map(partOf);
const anyId: fc.Arbitrary<StreamId> = fc.tuple(part, part).map(([ms, seq]) => ({ ms, seq }));

interface Writable {
  readonly payloadSize: number;
  writePayload(target: Buffer, at: number): void;
}

function written({ payloadSize }: Writable, write: (target: Buffer) => void): Buffer {
  const target = Buffer.alloc(payloadSize + 1, 0xee);
  write(target);
  assert.equal(target[payloadSize], 0xee, "no more is written than was announced");
  return target.subarray(0, payloadSize);
}

function bytesOf(payload: Writable): Buffer {
  return written(payload, (target) => payload.writePayload(target, 0));
}

test("IDs have the order of their bytes, and one before and after", () => {
  fc.assert(
    fc.property(anyId, anyId, (a, b) => {
      const [left, right] = [idBytes(a), idBytes(b)];
      const inBytes = left === right ? 0 : left < right ? -1 : 1;
      assert.equal(compareIds(a, b), inBytes);
      assert.deepEqual(readId(left, 0), a);
      const next = idAfter(a);
      if (next === null) assert.deepEqual(a, ID_MAX);
      else assert.deepEqual([idBefore(next), compareIds(a, next)], [a, -1]);
    }),
  );
});

test("the size of a listpack is known without making one", () => {
  fc.assert(
    fc.property(fc.array(text), (texts) => {
      const sizes = texts.map(textEntrySize);
      const size = sizes.reduce((sum, one) => sum + one, LISTPACK_FRAME_SIZE);
      assert.equal(size, encodeListpack(texts).length);
    }),
  );
  for (const length of [63, 64, 4095, 4096, 20_000, 3_000_000]) {
    const long = "x".repeat(length);
    assert.equal(textEntrySize(long) + LISTPACK_FRAME_SIZE, encodeListpack([long]).length);
  }
  for (const value of [0, 127, 128, -1, 4096, -4097, 2 ** 15, 2 ** 23, 2 ** 31, 2n ** 62n]) {
    assert.equal(integerEntrySize(value), textEntrySize(String(value)));
  }
});

/** Entries in order, some deleted, some taken back again. */
const contents = fc.record({
  ids: fc.uniqueArray(anyId, { selector: idBytes, minLength: 1, maxLength: 12 }),
  pairs: fc.array(fc.array(fc.tuple(fc.constantFrom("f", "g", "7"), text), { minLength: 1 }), {
    minLength: 12,
    maxLength: 12,
  }),
  deleted: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
});

test("a node is read back, also from a listpack, and knows how large that is", () => {
  fc.assert(
    fc.property(contents, ({ ids, pairs, deleted }) => {
      const sorted = [...ids].sort(compareIds);
      const [first] = sorted;
      assert.ok(first);
      const textsAt = (index: number): string[] => (pairs[index] ?? []).flat();
      const node = StreamNode.startedWith(first, { texts: textsAt(0), from: 0 });
      for (const [index, id] of sorted.entries()) {
        const { end } = node;
        node.append(id, { texts: ["lost", "x"], from: 0 });
        node.cutTo(end);
        node.append(id, { texts: textsAt(index), from: 0 });
        if (deleted[index] === true) node.mark(end.size, true);
      }
      const packed = encodeListpack(node.listpackTexts());
      assert.equal(node.listpackBytes, packed.length);
      const payload = bytesOf(node).latin1Slice();
      const copies = [
        StreamNode.read(first, payload),
        StreamNode.fromListpack(first, node.listpackTexts()),
      ];
      for (const copy of copies) {
        assert.ok(copy !== null);
        assert.equal(bytesOf(copy).latin1Slice(), payload);
        const entry = copy.entries();
        for (const [index, id] of sorted.entries()) {
          assert.ok(entry.next());
          assert.deepEqual([entry.id, entry.pairs()], [id, textsAt(index)]);
          assert.equal(entry.isDeleted, deleted[index]);
        }
        assert.ok(!entry.next());
      }
    }),
  );
});

const WIDE = { ms: 2n ** 63n, seq: U64_MAX };
const KEY = stream.nodeSubkey({ ms: 5, seq: 1 });
const PENDING = { consumerId: 1, deliveredMs: 1_700_000_000_000, deliveries: 200 };
const PENDING_HEX = "00000001018bcfe56800c801";
const NODE_HEX = joined(
  "00000002 00000001 0000003d 8000000000000000ffffffffffffffff 01 0166",
  "03 04 0001 0161",
  "00 0b e80700 02 0167 00 0168 0162",
  "06 12 8000000000000000ffffffffffffffff 0163",
);
const HEADER_HEX = joined(
  "00 02 01 ac02 01 02 8000000000000000ffffffffffffffff",
  "00000000000003ed0000000000000000 00000000000000050000000000000001",
);
const HEADER = {
  length: 2,
  nodeCount: 1,
  added: 300,
  groupCount: 1,
  nextGroupId: 2,
  last: WIDE,
  first: { ms: 1005, seq: 0 },
  maxDeleted: { ms: 5, seq: 1 },
  head: KEY,
  tail: KEY,
};

function joined(...lines: string[]): string {
  return lines.join("").replaceAll(" ", "");
}

function frozenNode(): StreamNode {
  const node = StreamNode.startedWith({ ms: 5, seq: 1 }, { texts: ["f", "a"], from: 0 });
  node.append({ ms: 5, seq: 1 }, { texts: ["f", "a"], from: 0 });
  node.append({ ms: 1005, seq: 0 }, { texts: ["g", "", "h", "b"], from: 0 });
  node.append(WIDE, { texts: ["f", "c"], from: 0 });
  node.mark(0, true);
  return node;
}

test("version 1 of a node is frozen", () => {
  assert.equal(bytesOf(frozenNode()).toString("hex"), NODE_HEX);
});

test("version 1 of what groups keep is frozen", () => {
  const group = new Group({
    id: 1,
    last: { ms: 5, seq: 1 },
    pendingMax: { ms: 5, seq: 0 },
    entriesRead: UNKNOWN,
    pendingCount: 300,
    consumerCount: 1,
    nextConsumerId: 2,
  });
  const groupHex = joined(
    "00000001 00000000000000050000000000000001 00000000000000050000000000000000",
    "00 ac02 01 02",
  );
  assert.equal(bytesOf(group).toString("hex"), groupHex);
  assert.deepEqual(Group.read(bytesOf(group).latin1Slice()), group);

  const seenMs = 1_700_000_000_000;
  const parts = { id: 1, name: "alice", seenMs, activeMs: NEVER, pendingCount: 2 };
  const consumer = new Consumer(parts);
  assert.equal(bytesOf(consumer).toString("hex"), "018bcfe5680000000000000002616c696365");
  assert.deepEqual(Consumer.read(1, bytesOf(consumer).latin1Slice()), consumer);

  assert.equal(Buffer.from(pendingValue(PENDING), "latin1").toString("hex"), PENDING_HEX);
  assert.deepEqual(readPending(pendingValue(PENDING)), PENDING);
});

test("version 1 of a stream is frozen: streams written today open tomorrow", () => {
  const home = { incarnationId: 16, slot: 0x1234, id: 0x010203040506 };
  const exploded = written(
    { payloadSize: stream.explodedSize(HEADER), writePayload: () => {} },
    (target) => stream.writeExplodedStream(target, 0, { home, header: HEADER }),
  );
  const ends = "00000000000000050000000000000001".repeat(2);
  assert.equal(exploded.toString("hex"), `011234010203040506${HEADER_HEX}${ends}`);
  assert.deepEqual(stream.readExplodedStream(exploded.latin1Slice()), HEADER);

  const parts = [
    { subkey: KEY, content: frozenNode() },
    { subkey: stream.pendingSubkey(1, { ms: 5, seq: 0 }), content: pendingValue(PENDING) },
  ];
  const partBytes = parts.reduce((sum, { subkey, content }) => {
    return sum + stream.partSize(subkey, stream.contentSize(content));
  }, 0);
  const inline = written(
    { payloadSize: stream.inlineSize(HEADER, 2, partBytes), writePayload: () => {} },
    (target) => stream.writeInlineStream(target, 0, { header: HEADER, parts }),
  );
  const partsHex = joined(
    `02 11 00 00000000000000050000000000000001 ${(NODE_HEX.length / 2).toString(16)} ${NODE_HEX}`,
    `15 03 00000001 00000000000000050000000000000000 0c ${PENDING_HEX}`,
  );
  assert.equal(inline.toString("hex"), `00${HEADER_HEX}${partsHex}`);
  const read = stream.readInlineStream(inline.latin1Slice());
  assert.deepEqual(read.header, HEADER);
  assert.deepEqual(
    read.parts.map(({ subkey }) => subkey),
    parts.map(({ subkey }) => subkey),
  );
});

test("what is cut short, or has something behind it, is damage", () => {
  const first = { ms: 5, seq: 1 };
  const node = StreamNode.startedWith(first, { texts: ["f", "a"], from: 0 });
  node.append(first, { texts: ["f", "a"], from: 0 });
  const whole = bytesOf(node).latin1Slice();
  const damaged: (() => unknown)[] = [];
  for (let size = 0; size < whole.length; size++) {
    damaged.push(() => StreamNode.read(first, whole.slice(0, size)));
  }
  damaged.push(() => StreamNode.read(first, `${whole}\0`));
  damaged.push(() => StreamNode.read(first, whole.replace("\x02\x04", "\x0a\x04")));
  damaged.push(() => Group.read("\0\0\0\x01"));
  damaged.push(() => Consumer.read(1, "short"));
  damaged.push(() => readPending("\0\0\0\x01\0\0\0\0\0\0"));
  damaged.push(() => stream.readInlineStream("\0"));
  damaged.push(() => stream.readExplodedStream("\x01\0\0\0\0\0\0\0\0"));
  for (const decode of damaged) assert.throws(decode, CorruptRecord);
});
