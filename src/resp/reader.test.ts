// The reply reader takes what servers send, in any pieces, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../base/bytes.ts";
import { MalformedReply, ReplyReader } from "./reader.ts";
import {
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  Push,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "./reply.ts";

function read(text: Bytes): Reply[] {
  const reader = new ReplyReader();
  reader.push(text);
  const replies: Reply[] = [];
  for (let reply = reader.next(); reply !== undefined; reply = reader.next()) replies.push(reply);
  assert.ok(reader.isBetweenReplies, "bytes are left over");
  return replies;
}

test("every type of RESP2 and RESP3 is read", () => {
  assert.deepStrictEqual(read("+OK\r\n-ERR no\r\n:-5\r\n$2\r\n\r\n\r\n$-1\r\n*-1\r\n_\r\n"), [
    new Status("OK"),
    new ErrorReply("ERR no"),
    -5,
    "\r\n",
    null,
    NULL_ARRAY,
    null,
  ]);
  assert.deepStrictEqual(read("#t\r\n#f\r\n,1.5\r\n,-inf\r\n,1e+21\r\n(-12\r\n=5\r\ntxt:a\r\n"), [
    true,
    false,
    new Double(1.5),
    new Double(-Infinity),
    new Double(1e21),
    new BigNumber("-12"),
    new Verbatim("txt", "a"),
  ]);
  assert.deepStrictEqual(read("%1\r\n+a\r\n:1\r\n~1\r\n:2\r\n>2\r\n+b\r\n*0\r\n!5\r\nERR x\r\n"), [
    new MapReply([new Status("a"), 1]),
    new SetReply([2]),
    new Push([new Status("b"), []]),
    new ErrorReply("ERR x"),
  ]);
  assert.deepStrictEqual(read("*3\r\n*1\r\n*0\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n"), [
    [[[]], "a", [1, 2]],
  ]);
  assert.deepStrictEqual(read(":9223372036854775807\r\n:9007199254740991\r\n"), [
    9_223_372_036_854_775_807n,
    9_007_199_254_740_991,
  ]);
});

test("attributes are read over", () => {
  assert.deepStrictEqual(read("|1\r\n+ttl\r\n:3600\r\n*2\r\n|0\r\n:1\r\n:2\r\n"), [[1, 2]]);
});

test("an unfinished reply is waited for", () => {
  const reader = new ReplyReader();
  for (const piece of ["*2", "\r", "\n$3\r\nab", "c", "\r\n", ":"]) {
    reader.push(piece);
    assert.equal(reader.next(), undefined);
    assert.ok(!reader.isBetweenReplies);
  }
  reader.push(Buffer.from("7\r\n+O"));
  assert.deepStrictEqual(reader.next(), ["abc", 7]);
  assert.equal(reader.next(), undefined);
  assert.ok(!reader.isBetweenReplies);
});

test("a big string in small pieces is read in time", () => {
  const reader = new ReplyReader();
  const size = 8 * 1024 * 1024;
  const piece = "x".repeat(1024);
  reader.push(`$${size}\r\n`);
  for (let sent = 0; sent < size; sent += piece.length) {
    assert.equal(reader.next(), undefined);
    reader.push(piece);
  }
  reader.push("\r\n");
  assert.equal(reader.next(), piece.repeat(size / piece.length));
});

test("anything else is refused", () => {
  const malformed = [
    "x\r\n",
    "OK\r\n",
    "\r\n",
    "+a\rb\n",
    "+a\nb\r\n",
    ":\r\n",
    ":1.5\r\n",
    ":+\r\n",
  ];
  malformed.push(":9223372036854775808\r\n", "$-2\r\n", "$+1\r\n", "$01\r\n", "$x\r\n", "$?\r\n");
  malformed.push("$1\r\nab\r\n", "$1\r\na\n\r", "*-2\r\n", "*x\r\n", "*99999999999\r\n", "%-1\r\n");
  malformed.push("_x\r\n", "#x\r\n", ",x\r\n", ",\r\n", ",1e\r\n", "(1.5\r\n", "=3\r\nabc\r\n");
  malformed.push("=4\r\nabc:\r\n", "*1\r\n>0\r\n", "*1\r\n".repeat(200));
  for (const text of malformed) {
    const reader = new ReplyReader();
    reader.push(text);
    assert.throws(() => reader.next(), MalformedReply, JSON.stringify(text));
  }
});
