// The layout of stored replies, byte for byte; bytes that are none are refused. Random ones are in
// test/fuzz/replies.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";

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
import { CorruptReply, freeze, thaw } from "./stored.ts";

test("the bytes of version 1 stay what they are", () => {
  const reply: Reply = [
    null,
    NULL_ARRAY,
    true,
    false,
    1,
    -2n,
    "a\xff",
    new Status("OK"),
    new ErrorReply("ERR no"),
    new Double(0.5),
    new BigNumber("12"),
    new Verbatim("txt", "x"),
    new Verbatim("mkd", "y"),
    new MapReply(["k", "v"]),
    new SetReply([]),
    new Push([]),
    new Double(0.1, "0.10"),
  ];
  const bytes =
    "\x01*\0\0\0\x11nNtfi\x3f\xf0\0\0\0\0\0\0b\0\0\0\x02-2s\0\0\0\x02a\xff+\0\0\0\x02OK" +
    "-\0\0\0\x06ERR nod\x3f\xe0\0\0\0\0\0\0(\0\0\0\x0212T\0\0\0\x01xM\0\0\0\x01y" +
    "%\0\0\0\x02s\0\0\0\x01ks\0\0\0\x01v~\0\0\0\0>\0\0\0\0D\0\0\0\x040.10";
  assert.equal(freeze(reply), bytes);
  assert.deepStrictEqual(thaw(bytes), reply);
});

test("corrupt bytes are refused, never misread beyond their end", () => {
  const sized = "\0\0\0\x02";
  const corrupt = ["", "\x02n", "\x01", "\x01nn", "\x01?", "\x01s\0\0\0\x02a", "\x01i\0"];
  corrupt.push(
    `\x01*${sized}n`,
    "\x01*\xff\xff\xff\xff",
    "\x01%\0\0\0\x01n",
    `\x01b${sized}xx`,
    `\x01D${sized}xx`,
  );
  corrupt.push(`\x01${"*\0\0\0\x01".repeat(1000)}n`);
  for (const bytes of corrupt) assert.throws(() => thaw(bytes), CorruptReply);
});
