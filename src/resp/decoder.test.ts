// The decoder: what is a command, what is skipped, what is refused and in which words. Random input
// in random pieces is in test/fuzz/decoder.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../base/bytes.ts";
import { Decoder, LINE_BYTES_MAX, type Gathering } from "./decoder.ts";
import { ProtocolError } from "./errors.ts";

const MEGABYTE = 1024 * 1024;
const LIMITS = { bulkBytesMax: 512 * MEGABYTE };

function bytes(text: Bytes): Buffer {
  return Buffer.from(text, "latin1");
}

function drain(decoder: Decoder): Bytes[][] {
  const frames: Bytes[][] = [];
  for (let args = decoder.next(); args !== null; args = decoder.next()) frames.push(args);
  return frames;
}

function decode(text: Bytes): Bytes[][] {
  const decoder = new Decoder(LIMITS);
  decoder.push(bytes(text));
  const frames = drain(decoder);
  assert.equal(decoder.bufferedBytes, 0);
  return frames;
}

function refusal(text: Bytes, restricted = false): string {
  const decoder = new Decoder(LIMITS);
  decoder.restricted = restricted;
  decoder.push(bytes(text));
  try {
    drain(decoder);
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    assert.equal(decoder.next(), null);
    decoder.push(bytes("PING\r\n"));
    assert.equal(decoder.next(), null, "nothing is read after a refusal");
    assert.equal(decoder.bufferedBytes, 0);
    return error.reply.text;
  }
  return assert.fail("expected a refusal");
}

test("an array of bulk strings is a command", () => {
  assert.deepEqual(decode("*1\r\n$4\r\nPING\r\n"), [["PING"]]);
  assert.deepEqual(decode("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n"), [["SET", "a", ""]]);
  assert.deepEqual(decode("*1\r\n$0\r\n\r\n"), [[""]]);
});

test("every byte goes through as it is", () => {
  let all = "";
  for (let byte = 0; byte < 256; byte++) all += String.fromCharCode(byte);
  assert.deepEqual(decode(`*2\r\n$4\r\nECHO\r\n$256\r\n${all}\r\n`), [["ECHO", all]]);
});

test("lengths of one to six digits are read", () => {
  for (const length of [1, 9, 10, 99, 100, 999, 1000, 70_000, 123_456]) {
    const value = "v".repeat(length);
    const frames = decode(`*2\r\n$3\r\nGET\r\n$${length}\r\n${value}\r\n`);
    assert.deepEqual(frames, [["GET", value]]);
  }
  const many = Array.from({ length: 1234 }, (_, index) => String(index));
  const text = many.map((word) => `$${word.length}\r\n${word}\r\n`).join("");
  assert.deepEqual(decode(`*1234\r\n${text}`), [many]);
});

test("names are told apart by case and by every byte", () => {
  const names = ["GET", "get", "GEt", "SET", "G\xe9T", "x".repeat(24), "x".repeat(25), "GET"];
  const text = names.map((name) => `*1\r\n$${name.length}\r\n${name}\r\n`).join("");
  assert.deepEqual(
    decode(text),
    names.map((name) => [name]),
  );
});

test("empty arrays, null arrays and blank lines are skipped without a word", () => {
  assert.deepEqual(decode("*0\r\n*-1\r\n*-10\r\n\r\n\n  \t \r\nPING\r\n"), [["PING"]]);
});

test("the two bytes after a number and after an argument may be anything, as in Redis", () => {
  assert.deepEqual(decode("*1\rx$4\rxPINGxx"), [["PING"]]);
});

test("an inline command is split at blanks and quotes", () => {
  assert.deepEqual(decode("PING\r\n"), [["PING"]]);
  assert.deepEqual(decode("set  a\tb\n"), [["set", "a", "b"]]);
  assert.deepEqual(decode("set \"a b\" 'c d'\r\n"), [["set", "a b", "c d"]]);
  assert.deepEqual(decode('x "\\x00\\xfF\\n\\r\\t\\b\\a\\q\\"\\\\"\r\n'), [
    ["x", '\x00\xff\n\r\t\b\x07q"\\'],
  ]);
  assert.deepEqual(decode('x "\\xg0\\x1"\r\n'), [["x", "xg0x1"]]);
  assert.deepEqual(decode("x 'a\\'b\\n' '' \"\"\r\n"), [["x", "a'b\\n", "", ""]]);
  assert.deepEqual(decode('ab"c d"\r\n'), [["abc d"]]);
  assert.deepEqual(decode("a\vb \v c\r\n"), [["a\vb", "c"]]);
  assert.deepEqual(decode("a \x00b\r\n"), [["a", "\x00b"]]);
});

test("a quote that is left open, or closed inside a word, is refused", () => {
  const text = "ERR Protocol error: unbalanced quotes in request";
  for (const line of ['"', "'", 'a "b', "a 'b", '"a"b', "'a'b", '"\\', '"a\\"', "'a\\'", '"\\x4']) {
    assert.equal(refusal(`${line}\r\n`), text, line);
  }
});

test("a malformed count of arguments is refused", () => {
  const text = "ERR Protocol error: invalid multibulk length";
  const counts = ["", "-", "+1", " 1", "1 ", "01", "00", "-0", "-01", "1x", "2147483648"];
  counts.push("9223372036854775808", "-9223372036854775809", "1".repeat(30), "\x00");
  for (const count of counts) assert.equal(refusal(`*${count}\r\n`), text, count);
  assert.deepEqual(decode("*-9223372036854775808\r\nPING\r\n"), [["PING"]]);
});

test("a malformed length of an argument is refused", () => {
  const text = "ERR Protocol error: invalid bulk length";
  const lengths = ["", "-1", "-0", "+1", "01", "1x", "x", "536870913", "9223372036854775808"];
  for (const length of lengths) assert.equal(refusal(`*1\r\n$${length}\r\n`), text, length);
});

test("an argument that does not start with a dollar is refused", () => {
  const refused = (got: string) => `ERR Protocol error: expected '$', got '${got}'`;
  assert.equal(refusal("*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n"), refused("f"));
  assert.equal(refusal("*1\r\n\r\n"), refused(" "));
  assert.equal(refusal("*1\r\n:5\r\n"), refused(":"));
});

test("a line that does not end is refused after 64 KB", () => {
  const long = "1".repeat(LINE_BYTES_MAX);
  assert.equal(refusal(`a${long}`), "ERR Protocol error: too big inline request");
  assert.equal(refusal(`*${long}`), "ERR Protocol error: too big mbulk count string");
  assert.equal(refusal(`*1\r\n$${long}`), "ERR Protocol error: too big bulk count string");
  assert.deepEqual(decode(`${long}\n`), [[long]]);
  assert.equal(refusal(`${long}a\n`), "ERR Protocol error: too big inline request");
  assert.equal(refusal(`*${long}\r\n`), "ERR Protocol error: too big mbulk count string");
});

test("a client that has yet to authenticate is kept small", () => {
  const count = "ERR Protocol error: unauthenticated multibulk length";
  const length = "ERR Protocol error: unauthenticated bulk length";
  assert.equal(refusal("*11\r\n", true), count);
  assert.equal(refusal("*1\r\n$16385\r\n", true), length);
  const decoder = new Decoder(LIMITS);
  decoder.restricted = true;
  decoder.push(bytes(`*10\r\n$16384\r\n${"x".repeat(16_384)}\r\n`));
  assert.equal(decoder.next(), null);
  decoder.restricted = false;
  decoder.push(bytes("$1\r\ny\r\n".repeat(9)));
  assert.equal(decoder.next()?.length, 10);
});

test("a new proto-max-bulk-len holds for the next argument", () => {
  const limits = { bulkBytesMax: 5 };
  const decoder = new Decoder(limits);
  decoder.push(bytes("*3\r\n$5\r\nhello\r\n"));
  assert.equal(decoder.next(), null);
  limits.bulkBytesMax = 12;
  decoder.push(bytes(`$12\r\n${"x".repeat(12)}\r\n$13\r\n`));
  assert.throws(() => decoder.next(), /invalid bulk length/);
});

test("a chunk may be used again once next has answered null", () => {
  const decoder = new Decoder(LIMITS);
  const chunk = Buffer.alloc(7);
  const input = bytes("*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n".repeat(50));
  const frames: Bytes[][] = [];
  for (let at = 0; at < input.length; at += chunk.length) {
    const size = input.copy(chunk, 0, at, at + chunk.length);
    decoder.push(chunk.subarray(0, size));
    frames.push(...drain(decoder));
    chunk.fill(0);
  }
  assert.equal(frames.length, 50);
  assert.ok(frames.every((args) => args.join() === "GET,0123456789"));
});

test("a reader that stops early loses nothing, and may keep a chunk that is used again", () => {
  const decoder = new Decoder(LIMITS);
  const chunk = bytes("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*1\r\n$1");
  decoder.push(chunk);
  assert.deepEqual(decoder.next(), ["a"]);
  decoder.keep();
  chunk.fill(0);
  const second = bytes("\r\nc\r\nd\r\n*1\r\n");
  decoder.push(second);
  decoder.keep();
  second.fill(0);
  decoder.push(bytes("$1\r\ne\r\n"));
  assert.equal(decoder.bufferedBytes, 11 + 6 + 12 + 7);
  assert.deepEqual(drain(decoder), [["b"], ["c"], ["d"], ["e"]]);
  assert.equal(decoder.bufferedBytes, 0);
});

test("lengths announced cost nothing, on however many connections", () => {
  const before = process.memoryUsage();
  const decoders = Array.from({ length: 2000 }, () => {
    const decoder = new Decoder(LIMITS);
    decoder.push(bytes("*1000000\r\n$3\r\nSET\r\n$536870000\r\nx"));
    assert.equal(decoder.next(), null);
    return decoder;
  });
  const after = process.memoryUsage();
  const perConnection = (after.rss - before.rss) / decoders.length;
  assert.ok(perConnection < 16_384, `${perConnection} bytes each`);
});

test("arguments of an unfinished command count as buffered", () => {
  const decoder = new Decoder(LIMITS);
  decoder.push(bytes(`*1000\r\n${"$1\r\nx\r\n".repeat(999)}`));
  assert.equal(decoder.next(), null);
  assert.ok(decoder.bufferedBytes >= 999 * 7);
  decoder.push(bytes("$1\r\nx\r\n"));
  assert.equal(decoder.next()?.length, 1000);
  assert.equal(decoder.bufferedBytes, 0);
});

test("a big argument in small pieces takes time in proportion to its length", () => {
  const size = 16 * MEGABYTE;
  const piece = Buffer.alloc(1024, "x");
  const decoder = new Decoder(LIMITS);
  const started = performance.now();
  decoder.push(bytes(`*2\r\n$4\r\nECHO\r\n$${size}\r\n`));
  for (let sent = 0; sent < size; sent += piece.length) {
    decoder.push(piece);
    assert.equal(decoder.next(), null);
  }
  decoder.push(bytes("\r\n"));
  assert.equal(decoder.next()?.[1]?.length, size);
  // Copying the whole for every piece would move 128 GB.
  assert.ok(performance.now() - started < 5000);
});

test("what was gathered of a long argument is given back when the rest cannot come any more", () => {
  const told: string[] = [];
  const gather = (): Gathering => ({
    append: (_, from, to) => told.push(`append ${to - from}`),
    take: () => "taken",
    drop: () => told.push("drop"),
  });
  const begun = (): Decoder => {
    const decoder = new Decoder(LIMITS, gather);
    decoder.push(bytes(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${2 * MEGABYTE}\r\nxyz`));
    assert.equal(decoder.next(), null);
    return decoder;
  };
  const closed = begun();
  assert.ok(closed.bufferedBytes > 0);
  closed.close();
  closed.close();
  assert.deepEqual(told.splice(0), ["append 3", "drop"]);
  assert.ok(closed.bufferedBytes < 100);

  const whole = begun();
  whole.push(bytes(`${"x".repeat(2 * MEGABYTE - 3)}\r\n`));
  assert.deepEqual(whole.next(), ["SET", "k", "taken"]);
  whole.close();
  assert.ok(!told.includes("drop"));
});

test("a reader that lags behind a full buffer does not have it moved for every piece", () => {
  const command = bytes(`*1\r\n$8\r\n${"x".repeat(8)}\r\n`);
  const decoder = new Decoder(LIMITS);
  const backlog = Buffer.alloc(command.length * 200_000, command);
  decoder.push(backlog);
  decoder.keep();
  const started = performance.now();
  for (let turn = 0; turn < 200_000; turn++) {
    assert.equal(decoder.next()?.length, 1);
    decoder.push(command);
  }
  assert.equal(decoder.bufferedBytes, backlog.length);
  // Moving 3.6 MB for every piece would move 720 GB.
  assert.ok(performance.now() - started < 10_000);
});

test("what is decoded ahead counts as held until it is asked for, and its refusal comes in its turn", () => {
  const decoder = new Decoder(LIMITS);
  const input = "*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n*1\r\nx\r\n";
  decoder.push(bytes(input));
  assert.deepEqual(decoder.readAhead(2), [["a"], ["b"]]);
  assert.equal(decoder.mayReadAhead, false);
  assert.equal(decoder.bufferedBytes, input.length);
  assert.deepEqual(decoder.next(), ["a"]);
  assert.deepEqual(decoder.next(), ["b"]);
  assert.equal(decoder.mayReadAhead, true);
  assert.deepEqual(decoder.readAhead(9), [["c"]]);
  assert.deepEqual(decoder.next(), ["c"]);
  assert.throws(() => decoder.next(), { message: /expected '\$', got 'x'/ });
  assert.equal(decoder.next(), null);
  assert.equal(decoder.bufferedBytes, 0);
});

test("what comes next can be seen before it is asked for, and is answered all the same", () => {
  const decoder = new Decoder({ bulkBytesMax: 1024 });
  decoder.push(Buffer.from("GET a\r\nGET b\r\nGET c\r\nGET d\r\nGET"));
  assert.deepEqual(decoder.next(), ["GET", "a"]);
  assert.deepEqual(decoder.upcoming(2), [
    ["GET", "b"],
    ["GET", "c"],
  ]);
  assert.deepEqual(decoder.next(), ["GET", "b"]);
  assert.deepEqual(decoder.upcoming(2), [["GET", "c"]]);
  assert.deepEqual(decoder.next(), ["GET", "c"]);
  assert.deepEqual(decoder.upcoming(9), [["GET", "d"]]);
  assert.deepEqual(decoder.next(), ["GET", "d"]);
  assert.deepEqual(decoder.upcoming(9), []);
  assert.equal(decoder.next(), null);
});
