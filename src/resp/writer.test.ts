// Every kind of reply in both protocols, byte for byte.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { AssertionFailed } from "../base/assert.ts";
import {
  BigNumber,
  Double,
  EMPTY_ARRAY,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  OK,
  PONG,
  Push,
  QUEUED,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "./reply.ts";
import { DEPTH_MAX, encode, encodeParts } from "./writer.ts";

test("every reply is written as its protocol wants it", () => {
  const cases: readonly (readonly [Reply, string, string])[] = [
    [null, "$-1\r\n", "_\r\n"],
    [NULL_ARRAY, "*-1\r\n", "_\r\n"],
    ["", "$0\r\n\r\n", "$0\r\n\r\n"],
    ["a\xff\r\n", "$4\r\na\xff\r\n\r\n", "$4\r\na\xff\r\n\r\n"],
    [0, ":0\r\n", ":0\r\n"],
    [-0, ":0\r\n", ":0\r\n"],
    [-1, ":-1\r\n", ":-1\r\n"],
    [1023, ":1023\r\n", ":1023\r\n"],
    [1024, ":1024\r\n", ":1024\r\n"],
    [2 ** 62, ":4611686018427387904\r\n", ":4611686018427387904\r\n"],
    [2n ** 63n - 1n, ":9223372036854775807\r\n", ":9223372036854775807\r\n"],
    [-(2n ** 63n), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"],
    [true, ":1\r\n", "#t\r\n"],
    [false, ":0\r\n", "#f\r\n"],
    [OK, "+OK\r\n", "+OK\r\n"],
    [PONG, "+PONG\r\n", "+PONG\r\n"],
    [QUEUED, "+QUEUED\r\n", "+QUEUED\r\n"],
    [new Status("x y"), "+x y\r\n", "+x y\r\n"],
    [new ErrorReply("ERR no"), "-ERR no\r\n", "-ERR no\r\n"],
    [new Double(3.1), "$3\r\n3.1\r\n", ",3.1\r\n"],
    [new Double(0.1, "0.10"), "$4\r\n0.10\r\n", ",0.10\r\n"],
    [new Double(-Infinity), "$4\r\n-inf\r\n", ",-inf\r\n"],
    [new BigNumber("-123"), "$4\r\n-123\r\n", "(-123\r\n"],
    [new Verbatim("txt", "hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"],
    [EMPTY_ARRAY, "*0\r\n", "*0\r\n"],
    [
      [1, ["a"], null],
      "*3\r\n:1\r\n*1\r\n$1\r\na\r\n$-1\r\n",
      "*3\r\n:1\r\n*1\r\n$1\r\na\r\n_\r\n",
    ],
    [new MapReply(["a", 1]), "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n:1\r\n"],
    [new SetReply(["a"]), "*1\r\n$1\r\na\r\n", "~1\r\n$1\r\na\r\n"],
    [new Push(["a"]), "*1\r\n$1\r\na\r\n", ">1\r\n$1\r\na\r\n"],
  ];
  for (const [reply, resp2, resp3] of cases) {
    assert.equal(encode(reply, 2), resp2);
    assert.equal(encode(reply, 3), resp3);
    assert.equal(encodeParts(reply, 2).join(""), resp2);
    assert.equal(encodeParts(reply, 3).join(""), resp3);
  }
});

test("bulk strings of every length have the length announced", () => {
  for (const length of [1, 9, 10, 1023, 1024, 100_000]) {
    assert.equal(encode("x".repeat(length), 2), `$${length}\r\n${"x".repeat(length)}\r\n`);
  }
});

test("a line break cannot get out of a status or an error", () => {
  assert.equal(encode(new ErrorReply("ERR a\r\n+OK\r\nb\n"), 2), "-ERR a  +OK  b\r\n");
  assert.equal(encode(new ErrorReply("\r\n"), 3), "-\r\n");
  assert.equal(encode(new Status("a\nb"), 3), "+a b\r\n");
});

test("a reply that cannot be written is our bug", () => {
  const broken: readonly Reply[] = [
    1.5,
    Number.NaN,
    Infinity,
    2 ** 63,
    2n ** 63n,
    new MapReply(["a"]),
  ];
  for (const reply of broken) assert.throws(() => encode(reply, 2), AssertionFailed);
  let deep: Reply = 1;
  for (let depth = 0; depth < DEPTH_MAX; depth++) deep = [deep];
  assert.ok(encode(deep, 2).endsWith(":1\r\n"));
  deep = [deep];
  assert.throws(() => encode(deep, 2), AssertionFailed);
  assert.throws(() => encodeParts(deep, 2), AssertionFailed);
});

test("an array of a million elements is written", () => {
  const items = Array.from({ length: 1_000_000 }, () => "ab");
  assert.equal(Buffer.from(encode(items, 2), "latin1").length, 10 + 8_000_000);
});

test("a reply longer than a string can be is written in parts", () => {
  const half = "x".repeat(300 * 1024 * 1024);
  assert.throws(() => encode([half, half], 2), RangeError);
  const parts = encodeParts([half, half], 2);
  let total = 0;
  for (const part of parts) total += part.length;
  assert.equal(total, 4 + 2 * (12 + half.length + 2));
});

test("arrays of strings, written in one go, are what they are piece by piece", () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map((raw) => Buffer.from(raw).latin1Slice()),
    fc.nat(120).map((size) => "x".repeat(size)),
    fc.constantFrom("y".repeat(1023), "z".repeat(1024), "w".repeat(70_000)),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 200 }), (items) => {
      for (const reply of [items, [items, 1, items], new SetReply(items)]) {
        assert.equal(encode(reply, 3), encodeParts(reply, 3).join(""));
      }
    }),
  );
  const many = Array.from({ length: 30_000 }, () => "abc");
  assert.equal(encode(many, 2), encodeParts(many, 2).join(""));
});
