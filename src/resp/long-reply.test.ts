// A long reply is cut into the very bytes that it would be in one.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { isLong, LONG_BYTES, LongReply } from "./long-reply.ts";
import {
  Attributed,
  Double,
  KeyedReply,
  MapReply,
  NULL_ARRAY,
  OK,
  PairsReply,
  Push,
  SetReply,
  Verbatim,
  type Reply,
} from "./reply.ts";
import { encode } from "./writer.ts";

const PIECE_BYTES_MAX = 64 * 1024;

function checkCut(reply: Reply, protocol: 2 | 3): void {
  const pieces = [...new LongReply(reply, protocol).pieces()];
  assert.equal(pieces.join(""), encode(reply, protocol));
  for (const piece of pieces) assert.ok(piece.length <= PIECE_BYTES_MAX && piece !== "");
}

const text = fc.oneof(
  { arbitrary: fc.string({ unit: "binary-ascii", maxLength: 20 }), weight: 8 },
  fc.constantFrom("a".repeat(1024), "b".repeat(PIECE_BYTES_MAX), "c".repeat(LONG_BYTES + 1)),
);

const leaf: fc.Arbitrary<Reply> = fc.oneof(
  { arbitrary: text, weight: 4 },
  fc.integer(),
  fc.boolean(),
  fc.constantFrom<Reply>(null, NULL_ARRAY, OK, new Double(0.1), new Double(1, "1.0")),
  text.map((some) => new Verbatim("txt", some)),
);

const { reply: anyReply } = fc.letrec<{ reply: Reply; items: Reply[] }>((tie) => ({
  items: fc.array(tie("reply"), { maxLength: 6 }),
  reply: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    tie("items"),
    tie("items").map((items) => new SetReply(items)),
    tie("items").map((items) => new Push(items)),
    tie("items").map((items) => new MapReply([...items, ...items])),
    tie("items").map((items) => new PairsReply([...items, ...items])),
    tie("items").map((items) => new KeyedReply([...items, ...items])),
    tie("items").map((items) => new Attributed(["key", 1], items)),
  ),
}));

test("pieces together are what the writer makes of the whole", () => {
  fc.assert(
    fc.property(anyReply, fc.constantFrom(2 as const, 3 as const), (reply, protocol) => {
      checkCut(reply, protocol);
    }),
    { numRuns: 500 },
  );
});

test("so they are for many items of every kind", () => {
  const items = Array.from({ length: 5001 }, (_, index) => `element ${index}`);
  const scores = items.flatMap((item, index) => [item, new Double(index / 7)]);
  const nested = items.map((item) => [item, [item, item]]);
  const many: readonly Reply[] = [
    items,
    new SetReply(items),
    new MapReply(scores),
    new PairsReply(scores),
    new KeyedReply(scores),
    nested,
    [items, OK, nested, null],
  ];
  for (const reply of many) for (const protocol of [2, 3] as const) checkCut(reply, protocol);
});

test("what is long is known without a look at all of it", () => {
  assert.ok(!isLong("x".repeat(LONG_BYTES)));
  assert.ok(isLong("x".repeat(LONG_BYTES + 1)));
  assert.ok(!isLong(Array.from({ length: 600 }, () => "abc")));
  assert.ok(isLong(Array.from({ length: 100_000 }, () => 1)));
  assert.ok(isLong([["x".repeat(LONG_BYTES)], 1]));
  let looks = 0;
  const watched: Reply[] = Array.from({ length: 1000 }, () => "x".repeat(1024));
  const counting = new Proxy(watched, {
    get(target, name): unknown {
      if (typeof name === "string" && /^\d+$/.test(name)) looks++;
      return Reflect.get(target, name);
    },
  });
  assert.ok(isLong(counting));
  assert.ok(looks < 300);
});

test("its length is near enough for limits", () => {
  const items = Array.from({ length: 100_000 }, (_, index) => `e${index}`);
  const { length } = new LongReply(items, 2);
  const exact = encode(items, 2).length;
  assert.ok(length >= exact && length < exact * 2, `${length} for ${exact}`);
});
