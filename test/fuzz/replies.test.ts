// Random replies of every kind: what is written is well-formed and reads back as it was, what is
// stored comes back as it was, and damage is refused. Method: fast-check, which prints its seed.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type { Bytes } from "../../src/base/bytes.ts";
import { MalformedReply, ReplyReader } from "../../src/resp/reader.ts";
import {
  KeyedReply,
  MapReply,
  NULL_ARRAY,
  Push,
  SetReply,
  type Reply,
} from "../../src/resp/reply.ts";
import { CorruptReply, freeze, thaw } from "../../src/resp/stored.ts";
import { encode, encodeParts } from "../../src/resp/writer.ts";
import { anyBytes, anyReply } from "./any-reply.ts";

const RUNS = { numRuns: 1000 };

/** What is left of a reply when RESP3 has carried it: one null, and small bigints as numbers. */
function asCarried(reply: Reply): Reply {
  if (reply === NULL_ARRAY) return null;
  if (typeof reply === "bigint" && Number.isSafeInteger(Number(reply))) return Number(reply);
  if (typeof reply !== "object" || reply === null) return reply;
  if (reply instanceof MapReply || reply instanceof KeyedReply) {
    return new MapReply(reply.flat.map(asCarried));
  }
  if (reply instanceof SetReply) return new SetReply(reply.items.map(asCarried));
  if (reply instanceof Push) return new Push(reply.items.map(asCarried));
  return "kind" in reply ? reply : reply.map(asCarried);
}

function readAll(pieces: readonly Bytes[]): Reply[] {
  const reader = new ReplyReader();
  const replies: Reply[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let reply = reader.next(); reply !== undefined; reply = reader.next()) replies.push(reply);
  }
  assert.ok(reader.isBetweenReplies, "bytes are left over");
  return replies;
}

test("what is written in RESP3 reads back as it was, in any pieces", () => {
  const replies = fc.array(withoutPush(anyReply()), { maxLength: 4 });
  fc.assert(
    fc.property(replies, fc.integer({ min: 1, max: 20 }), (sent, size) => {
      const text = sent.map((reply) => encode(reply, 3)).join("");
      const pieces: Bytes[] = [];
      for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
      assert.deepStrictEqual(readAll(pieces).map(asCarried), sent.map(asCarried));
    }),
    RUNS,
  );
});

test("what is written in RESP2 is one well-formed reply, and its parts are the same bytes", () => {
  fc.assert(
    fc.property(anyReply(), (reply) => {
      const text = encode(reply, 2);
      assert.equal(readAll([text]).length, 1);
      assert.equal(encodeParts(reply, 2).join(""), text);
      assert.equal(encodeParts(reply, 3).join(""), encode(reply, 3));
    }),
    RUNS,
  );
});

test("a stored reply comes back as it was, and is written as it was", () => {
  fc.assert(
    fc.property(anyReply(), (reply) => {
      const back = thaw(freeze(reply));
      assert.deepStrictEqual(back, reply);
      assert.equal(encode(back, 2), encode(reply, 2));
      assert.equal(encode(back, 3), encode(reply, 3));
    }),
    RUNS,
  );
});

test("a damaged stored reply is thawed to some reply or refused", () => {
  fc.assert(
    fc.property(anyReply().map(freeze), fc.nat(), anyBytes(4), (bytes, place, patch) => {
      const at = place % bytes.length;
      try {
        thaw(bytes.slice(0, at) + patch + bytes.slice(at + patch.length));
      } catch (error) {
        assert.ok(error instanceof CorruptReply);
      }
    }),
    RUNS,
  );
});

test("a damaged reply is read as some replies or refused", () => {
  const written = anyReply().map((reply) => encode(reply, 3));
  fc.assert(
    fc.property(written, fc.nat(), anyBytes(4), (text, place, patch) => {
      const at = place % text.length;
      const reader = new ReplyReader();
      reader.push(text.slice(0, at) + patch + text.slice(at + patch.length));
      try {
        while (reader.next() !== undefined);
      } catch (error) {
        assert.ok(error instanceof MalformedReply);
      }
    }),
    RUNS,
  );
});

/** A push stands by itself; the reader refuses one inside a reply. */
function withoutPush(replies: fc.Arbitrary<Reply>): fc.Arbitrary<Reply> {
  return replies.filter((reply) => !encode(reply, 3).slice(1).includes("\r\n>"));
}
