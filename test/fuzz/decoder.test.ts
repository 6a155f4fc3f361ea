// The decoder against random input. Goal: any split of the same bytes gives the same commands and
// the same refusal; garbage gives commands or one refusal, never anything else; memory stays within
// a bound of the bytes received; and Debian's redis-server, where it is installed, understands the
// same bytes the same way. Method: fast-check makes commands, near-misses and damage, and prints
// its seed.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";

import * as fc from "fast-check";

import type { Bytes } from "../../src/base/bytes.ts";
import { Decoder, LINE_BYTES_MAX } from "../../src/resp/decoder.ts";
import { ProtocolError } from "../../src/resp/errors.ts";
import { ReplyReader } from "../../src/resp/reader.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { anyBytes } from "./any-reply.ts";

const LIMITS = { bulkBytesMax: 512 * 1024 * 1024 };
const RUNS = { numRuns: 2000 };

interface Outcome {
  readonly commands: Bytes[][];
  readonly refusal: Bytes | null;
}

/**
 * Feeds the pieces as a socket does that uses one buffer for all it reads; up to `ahead` commands are decoded
 * before they are asked for.
 */
function decode(pieces: readonly Bytes[], ahead = 0): Outcome {
  const decoder = new Decoder(LIMITS);
  const commands: Bytes[][] = [];
  let received = 0;
  let consumed = 0;
  for (const piece of pieces) {
    const chunk = Buffer.from(piece, "latin1");
    decoder.push(chunk);
    received += chunk.length;
    try {
      for (;;) {
        if (ahead > 0 && decoder.mayReadAhead) decoder.readAhead(ahead);
        const args = decoder.next();
        if (args === null) break;
        commands.push(args);
        for (const argument of args) consumed += argument.length;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      assert.equal(decoder.next(), null);
      assert.equal(decoder.bufferedBytes, 0);
      return { commands, refusal: error.reply.text };
    }
    chunk.fill(0xaa);
    assert.ok(consumed <= received);
    assert.ok(decoder.bufferedBytes <= received * 4, "what is held is in proportion");
  }
  return { commands, refusal: null };
}

function cut(text: Bytes, sizes: readonly number[]): Bytes[] {
  const pieces: Bytes[] = [];
  let at = 0;
  for (let index = 0; at < text.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

function arrayOf(args: readonly Bytes[]): Bytes {
  return `*${args.length}\r\n${args.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

/** An inline command that spells `args`, every one in double quotes. */
function inlineOf(args: readonly Bytes[]): Bytes {
  const quoted = args.map((word) => {
    let text = "";
    for (const byte of Buffer.from(word, "latin1")) {
      text += `\\x${byte.toString(16).padStart(2, "0")}`;
    }
    return `"${text}"`;
  });
  return `${quoted.join(" ")}\r\n`;
}

const words = fc.oneof(
  anyBytes(20),
  anyBytes(400),
  fc.constantFrom("GET", "set", "k", "", "\r\n", "*1\r\n", "$"),
);
const commands = fc.array(fc.array(words, { minLength: 1, maxLength: 14 }), { maxLength: 6 });
const sizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })), {
  minLength: 1,
  maxLength: 8,
});

/** Bytes that look like the protocol more often than chance would have it. */
const nearMisses = fc
  .array(
    fc.oneof(
      fc.constantFrom("*", "$", "\r\n", "\r", "\n", "-", "+", "0", " ", '"', "'", "\\x4", "\x00"),
      fc.constantFrom("*1\r\n", "*3\r\n", "*0\r\n", "*-1\r\n", "$3\r\nGET\r\n", "$0\r\n\r\n"),
      fc.constantFrom("$-1\r\n", "*01\r\n", "$536870912\r\n", "*2147483647\r\n", "*2147483648\r\n"),
      fc.constantFrom("PING\r\n", "PING\n", 'ECHO "a b"\r\n', "x".repeat(70_000), "$99999\r\n"),
      fc.integer({ min: 0, max: 12 }).map((count) => `$${count}\r\n${"v".repeat(count)}\r\n`),
      anyBytes(12),
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(""));

const damaged = fc
  .tuple(commands, fc.nat(), fc.nat(6), anyBytes(3))
  .map(([sent, place, dropped, patch]) => {
    const text = sent.map(arrayOf).join("");
    const at = text.length === 0 ? 0 : place % text.length;
    return text.slice(0, at) + patch + text.slice(at + dropped);
  });

test("commands sent in any form and in any pieces are the commands that come out", () => {
  fc.assert(
    fc.property(
      commands,
      fc.array(fc.boolean(), { minLength: 1 }),
      sizes,
      (sent, forms, lengths) => {
        const text = sent
          .map((args, index) =>
            forms[index % forms.length] === true ? inlineOf(args) : arrayOf(args),
          )
          .join("");
        assert.deepEqual(decode(cut(text, lengths)), { commands: sent, refusal: null });
        assert.deepEqual(decode(cut(text, lengths), 3), { commands: sent, refusal: null });
      },
    ),
    RUNS,
  );
});

test("any split of any bytes gives the same commands and the same refusal", () => {
  fc.assert(
    fc.property(fc.oneof(nearMisses, damaged, anyBytes(200)), sizes, (text, lengths) => {
      const whole = decode([text]);
      assert.deepEqual(decode(cut(text, lengths)), whole);
      assert.deepEqual(decode(cut(text, lengths), 2), whole);
      if (text.length < 5000) assert.deepEqual(decode(cut(text, [1])), whole);
    }),
    RUNS,
  );
});

test("a reader that stops and goes on as it likes reads the same", () => {
  const steps = fc.array(fc.nat(4), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(commands, sizes, steps, fc.nat(5), (sent, lengths, reads, ahead) => {
      const decoder = new Decoder(LIMITS);
      const seen: Bytes[][] = [];
      let turn = 0;
      for (const piece of cut(sent.map(arrayOf).join(""), lengths)) {
        const chunk = Buffer.from(piece, "latin1");
        decoder.push(chunk);
        let drained = false;
        for (let left = reads[turn++ % reads.length] ?? 0; left > 0 && !drained; left--) {
          if (ahead > 0 && decoder.mayReadAhead) decoder.readAhead(ahead);
          const args = decoder.next();
          if (args === null) drained = true;
          else seen.push(args);
        }
        if (!drained) decoder.keep();
        chunk.fill(0xaa);
      }
      for (let args = decoder.next(); args !== null; args = decoder.next()) seen.push(args);
      assert.deepEqual(seen, sent);
      assert.equal(decoder.bufferedBytes, 0);
    }),
    RUNS,
  );
});

test("a thousand announcements of 512 MB cost what was sent", () => {
  const before = process.memoryUsage();
  const held: Decoder[] = [];
  for (let index = 0; index < 1000; index++) {
    const decoder = new Decoder(LIMITS);
    decoder.push(Buffer.from("*2147483647\r\n$3\r\nSET\r\n$536870000\r\n", "latin1"));
    assert.equal(decoder.next(), null);
    decoder.push(Buffer.alloc(1000, "x"));
    assert.equal(decoder.next(), null);
    held.push(decoder);
  }
  const after = process.memoryUsage();
  assert.equal(held.length, 1000);
  assert.ok(after.rss - before.rss < 64 * 1024 * 1024, `${after.rss - before.rss} bytes`);
});

test("arguments that are drops of a flood are counted for what they cost", () => {
  const decoder = new Decoder(LIMITS);
  decoder.push(Buffer.from("*2147483647\r\n", "latin1"));
  const drops = Buffer.from("$0\r\n\r\n".repeat(10_000), "latin1");
  for (let index = 0; index < 20; index++) {
    decoder.push(drops);
    assert.equal(decoder.next(), null);
  }
  // Eight bytes of pointer and a share of spare room each: the limit sees more than that.
  assert.ok(decoder.bufferedBytes >= 20 * 10_000 * 16);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

/** All that the server answers to `text`, after which our end is closed, until it closes too. */
function converse(port: number, text: Bytes): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const reader = new ReplyReader();
    socket.on("data", (chunk) => {
      reader.push(chunk);
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const replies: Reply[] = [];
      for (let reply = reader.next(); reply !== undefined; reply = reader.next()) {
        replies.push(reply);
      }
      resolve(replies);
    });
    socket.end(Buffer.from(text, "latin1"));
  });
}

async function listening(port: number): Promise<void> {
  for (const started = performance.now(); performance.now() - started < 10_000;) {
    try {
      await converse(port, "PING\r\n");
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ECONNREFUSED"))
        throw error;
    }
  }
  assert.fail("redis-server does not listen");
}

/** What a server does with the input that we decode so: one reply each, then the refusal. */
function expected({ commands: sent, refusal }: Outcome): string[] {
  const replies = sent.map((args) => args.slice(1).join(""));
  return refusal === null ? replies : [...replies, refusal];
}

// A server that closes while bytes are unread resets the connection, and the refusal may be lost
// with it: these are too long by one byte, so that all is read.
const TOO_LONG = LINE_BYTES_MAX + 1;
// prettier-ignore
const REFUSED = [
  "*x\r\n", "*01\r\n", "*+1\r\n", "*\r\n", "*-0\r\n", "*2147483648\r\n", '"a\r\n', "'a'b\r\n",
  "*1\r\n$-1\r\n", "*1\r\n$01\r\n", "*1\r\n$536870913\r\n", "*1\r\n:1\r\n", "*1\r\n\r\n",
  "*1\r\n$\r\n", "*1\r\n$ 1\r\n", "*9223372036854775808\r\n", "*-9223372036854775809\r\n",
  "*".padEnd(TOO_LONG, "1"), "x".repeat(TOO_LONG), `*1\r\n${"$".padEnd(TOO_LONG, "1")}`,
];

test("redis-server reads the same bytes the same way", async () => {
  const port = await freePort();
  const flags = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const redis = spawn("redis-server", flags, { stdio: "ignore" });
  try {
    await listening(port);
    // Only ECHO answers with what it was given; a zero byte in an inline command is left out, for
    // Redis waits for the rest of a line that it takes to end there.
    const echoes = fc.oneof(
      anyBytes(30).map((word) => arrayOf(["ECHO", word])),
      anyBytes(30).map((word) => inlineOf(["ECHO", word])),
      fc.constantFrom("\r\n", "\n", "*0\r\n", "*-1\r\n", "*-5\r\n", "  \r\n"),
      fc.constantFrom("ECHO 'a\\'b'\r\n", 'ECHO "\\x4\\q\\n"\n', "*2\rx$4\rxECHOxx$1\rxyxx"),
    );
    const refusals = fc.constantFrom(...REFUSED);
    const input = fc
      .tuple(fc.array(echoes, { maxLength: 8 }), fc.option(refusals, { nil: "" }))
      .map(([parts, refusal]) => parts.join("") + refusal);
    await fc.assert(
      fc.asyncProperty(input, async (text) => {
        const replies = await converse(port, text);
        const got = replies.map((reply) => (reply instanceof ErrorReply ? reply.text : reply));
        assert.deepEqual(got, expected(decode([text])));
      }),
      { numRuns: 300 },
    );
  } finally {
    redis.kill("SIGTERM");
    await once(redis, "exit");
  }
});
