// What decoding a request and writing a reply cost, without a socket: chunks of 64 KB full of
// `SET key:000000012345 <64 bytes>`, the shape redis-benchmark sends. Baselines beside it, in the
// same run: one latin1Slice for each argument and nothing else (what making the strings costs), and
// one slice of the chunk with substrings (cheaper, but every argument keeps 64 KB alive).
//
//   node build/bench/resp.js

import { Decoder } from "../src/resp/decoder.ts";
import { NULL_ARRAY, OK, type Reply } from "../src/resp/reply.ts";
import { encode } from "../src/resp/writer.ts";

const CHUNK_BYTES = 65_536;
const ROUNDS = 1500;
const REPEATS = 5;

function setCommand(index: number): string {
  const key = `key:${String(index).padStart(12, "0")}`;
  return `*3\r\n$3\r\nSET\r\n$16\r\n${key}\r\n$64\r\n${"x".repeat(64)}\r\n`;
}

function fill(make: (index: number) => string): { chunk: Buffer; count: number } {
  let text = "";
  let count = 0;
  while (text.length < CHUNK_BYTES) text += make(12_345 + count++);
  return { chunk: Buffer.from(text, "latin1"), count };
}

/** Nanoseconds per command or reply, the best of a few repeats. */
function measure(countPerRound: number, round: () => void): number {
  let best = Infinity;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const started = process.hrtime.bigint();
    for (let index = 0; index < ROUNDS; index++) round();
    const elapsed = Number(process.hrtime.bigint() - started);
    best = Math.min(best, elapsed / ROUNDS / countPerRound);
  }
  return best;
}

function report(name: string, nanoseconds: number): void {
  process.stdout.write(`${name.padEnd(44)} ${nanoseconds.toFixed(0).padStart(6)} ns\n`);
}

let sink = 0;

function benchDecoder(name: string, make: (index: number) => string): void {
  const { chunk, count } = fill(make);
  const decoder = new Decoder({ bulkBytesMax: 512 * 1024 * 1024 });
  const nanoseconds = measure(count, () => {
    decoder.push(chunk);
    for (let args = decoder.next(); args !== null; args = decoder.next()) sink += args.length;
  });
  report(`decode ${name}`, nanoseconds);
}

/** The same bytes in chunks of exactly 64 KB, so that nearly every chunk cuts a command in two. */
function benchCut(): void {
  const { chunk, count } = fill(setCommand);
  const decoder = new Decoder({ bulkBytesMax: 512 * 1024 * 1024 });
  const stream = Buffer.concat([chunk, chunk]);
  let at = 0;
  const nanoseconds = measure((count * CHUNK_BYTES) / chunk.length, () => {
    decoder.push(stream.subarray(at, at + CHUNK_BYTES));
    at = (at + CHUNK_BYTES) % chunk.length;
    for (let args = decoder.next(); args !== null; args = decoder.next()) sink += args.length;
  });
  report("decode SET, commands cut by chunks", nanoseconds);
}

function benchBaselines(): void {
  const { chunk, count } = fill(setCommand);
  const size = chunk.length / count;
  const slices = measure(count, () => {
    for (let at = 0; at < chunk.length; at += size) {
      const args = [
        chunk.latin1Slice(at + 8, at + 11),
        chunk.latin1Slice(at + 18, at + 34),
        chunk.latin1Slice(at + 41, at + 105),
      ];
      sink += args.length;
    }
  });
  report("baseline: three latin1Slice", slices);
  const substrings = measure(count, () => {
    const text = chunk.latin1Slice();
    for (let at = 0; at < text.length; at += size) {
      const args = [
        text.substring(at + 8, at + 11),
        text.substring(at + 18, at + 34),
        text.substring(at + 41, at + 105),
      ];
      sink += args.length;
    }
  });
  report("baseline: substrings that keep the chunk", substrings);
}

function benchWriter(name: string, reply: Reply): void {
  const count = 500;
  const target = Buffer.alloc(1024 * 1024);
  const nanoseconds = measure(count, () => {
    let text = "";
    for (let index = 0; index < count; index++) text += encode(reply, 2);
    sink += target.latin1Write(text);
  });
  report(`write ${name}`, nanoseconds);
}

benchDecoder("SET key <64 bytes>", setCommand);
benchDecoder("GET key", (index) => {
  return `*2\r\n$3\r\nGET\r\n$16\r\nkey:${String(index).padStart(12, "0")}\r\n`;
});
benchDecoder("PING", () => "*1\r\n$4\r\nPING\r\n");
benchDecoder("PING, inline", () => "PING\r\n");
benchDecoder("SET key <1 KB>", (index) => {
  return `*3\r\n$3\r\nSET\r\n$10\r\n${String(index).padStart(10, "k")}\r\n$1024\r\n${"v".repeat(1024)}\r\n`;
});
benchCut();
benchBaselines();
benchWriter("+OK", OK);
benchWriter("64 bytes", "x".repeat(64));
benchWriter("integer", 12_345);
benchWriter("array of three", ["a", 1, NULL_ARRAY]);
process.stdout.write(`(${sink > 0 ? "done" : "nothing read"})\n`);
