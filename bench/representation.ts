// docs/decisions/0001: binary strings or Buffers for keys, arguments and values? The path of a small
// value without the server around it: cut from a chunk, Map look-up, store, into a batch, reply,
// into the bytes of a socket. Then what a million cached values take.
//
//   node build/bench/representation.js

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { compare, print } from "./measure.ts";

const COMMANDS = 500;
const KEY_BYTES = 16;
const KEYS = 100_000;
const ROUNDS = 31;
const MEMORY_KEYS = 1_000_000;
const MB = 1024 * 1024;

let sink = 0;

/** COMMANDS times a key and its value, as they lie in what a socket has brought. */
function chunkOf(valueBytes: number): Buffer {
  let text = "";
  for (let index = 0; index < COMMANDS; index++) {
    const number = Math.floor(Math.random() * KEYS);
    text += `key:${String(number).padStart(KEY_BYTES - 4, "0")}${"x".repeat(valueBytes)}`;
  }
  return Buffer.from(text, "latin1");
}

/** SET with strings: cut, store, encode into the batch, answer. */
function setStrings(valueBytes: number): () => void {
  const chunk = chunkOf(valueBytes);
  const store = new Map<string, string>();
  const batch = Buffer.alloc(COMMANDS * (KEY_BYTES + valueBytes));
  const socket = Buffer.alloc(COMMANDS * 5);
  return () => {
    let out = "";
    let to = 0;
    for (let at = 0; at < chunk.length;) {
      const key = chunk.latin1Slice(at, at + KEY_BYTES);
      const value = chunk.latin1Slice(at + KEY_BYTES, at + KEY_BYTES + valueBytes);
      at += KEY_BYTES + valueBytes;
      sink += store.get(key)?.length ?? 0;
      store.set(key, value);
      to += batch.latin1Write(key, to, KEY_BYTES);
      to += batch.latin1Write(value, to, valueBytes);
      out += "+OK\r\n";
    }
    sink += socket.latin1Write(out);
  };
}

/** SET with Buffers; the Map still needs a string, the value a copy: the chunk does not last. */
function setBuffers(valueBytes: number): () => void {
  const chunk = chunkOf(valueBytes);
  const store = new Map<string, Buffer>();
  const batch = Buffer.alloc(COMMANDS * (KEY_BYTES + valueBytes));
  const socket = Buffer.alloc(COMMANDS * 5);
  const ok = Buffer.from("+OK\r\n");
  return () => {
    const out: Buffer[] = [];
    let to = 0;
    for (let at = 0; at < chunk.length;) {
      const key = chunk.subarray(at, at + KEY_BYTES);
      const value = Buffer.from(chunk.subarray(at + KEY_BYTES, at + KEY_BYTES + valueBytes));
      at += KEY_BYTES + valueBytes;
      const name = key.latin1Slice();
      sink += store.get(name)?.length ?? 0;
      store.set(name, value);
      batch.set(key, to);
      batch.set(value, to + KEY_BYTES);
      to += KEY_BYTES + valueBytes;
      out.push(ok);
    }
    sink += gather(out, socket);
  };
}

function getStrings(valueBytes: number): () => void {
  const chunk = chunkOf(valueBytes);
  const store = new Map<string, string>();
  const socket = Buffer.alloc(COMMANDS * (valueBytes + 16));
  const size = KEY_BYTES + valueBytes;
  for (let at = 0; at < chunk.length; at += size) {
    const value = chunk.latin1Slice(at + KEY_BYTES, at + size);
    store.set(chunk.latin1Slice(at, at + KEY_BYTES), value);
  }
  const header = `$${valueBytes}\r\n`;
  return () => {
    let out = "";
    for (let at = 0; at < chunk.length; at += size) {
      out += header + (store.get(chunk.latin1Slice(at, at + KEY_BYTES)) ?? "") + "\r\n";
    }
    sink += socket.latin1Write(out);
  };
}

function getBuffers(valueBytes: number): () => void {
  const chunk = chunkOf(valueBytes);
  const store = new Map<string, Buffer>();
  const socket = Buffer.alloc(COMMANDS * (valueBytes + 16));
  const size = KEY_BYTES + valueBytes;
  for (let at = 0; at < chunk.length; at += size) {
    const value = Buffer.from(chunk.subarray(at + KEY_BYTES, at + size));
    store.set(chunk.latin1Slice(at, at + KEY_BYTES), value);
  }
  const header = Buffer.from(`$${valueBytes}\r\n`);
  const lineEnd = Buffer.from("\r\n");
  return () => {
    const out: Buffer[] = [];
    for (let at = 0; at < chunk.length; at += size) {
      const key = chunk.subarray(at, at + KEY_BYTES);
      out.push(header, store.get(key.latin1Slice()) ?? lineEnd, lineEnd);
    }
    sink += gather(out, socket);
  };
}

/** As a vectored write does it, or Buffer.concat; returns how much it is. */
function gather(pieces: readonly Buffer[], target: Buffer): number {
  let to = 0;
  for (const piece of pieces) {
    target.set(piece, to);
    to += piece.length;
  }
  return to;
}

/** SETBIT on a value of `valueBytes`: a string has to be made anew, a Buffer changes in place. */
async function benchInPlace(valueBytes: number): Promise<void> {
  const buffer = Buffer.alloc(valueBytes, 1);
  let text = buffer.latin1Slice();
  const operations = 64;
  const change = (run: (at: number) => void) => () => {
    for (let index = 0; index < operations; index++) run((index * 7919) % valueBytes);
  };
  await compare(`one byte changed in a value of ${valueBytes} bytes`, ROUNDS, [
    {
      name: "Buffer, in place",
      operations,
      round: change((at) => {
        buffer[at] = 7;
      }),
    },
    {
      name: "string, cut and joined, then read (which flattens it)",
      operations,
      round: change((at) => {
        text = `${text.slice(0, at)}\x07${text.slice(at + 1)}`;
        sink += text.charCodeAt(at);
      }),
    },
  ]);
}

type Kept = "nothing" | "string" | "Buffer" | "Uint8Array";

/** In a process of its own: what a million values of 64 bytes take, with their keys and the Map. */
function measureMemory(kind: Kept): void {
  const { gc } = globalThis;
  const source = Buffer.alloc(64, 120);
  const store = new Map<string, unknown>();
  const count = kind === "nothing" ? 0 : MEMORY_KEYS;
  for (let index = 0; index < count; index++) {
    const name = Buffer.from(`key:${String(index).padStart(12, "0")}`);
    store.set(name.latin1Slice(), valueOf(kind, source));
  }
  gc?.();
  gc?.();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const [r, h, e, a] = [rss, heapUsed, external, arrayBuffers].map((n) => (n / MB).toFixed(0));
  print(`  ${kind.padEnd(12)} rss ${r} MB, heap ${h}, external ${e}, array buffers ${a}`);
  sink += store.size;
}

function valueOf(kind: Kept, source: Buffer): unknown {
  if (kind === "string") return source.latin1Slice();
  return kind === "Buffer" ? Buffer.from(source) : Uint8Array.from(source);
}

async function main(): Promise<void> {
  for (const valueBytes of [64, 1024, 16_384]) {
    const operations = COMMANDS;
    await compare(`SET, values of ${valueBytes} bytes`, ROUNDS, [
      { name: "binary strings", operations, round: setStrings(valueBytes) },
      { name: "Buffers (string key for the Map)", operations, round: setBuffers(valueBytes) },
    ]);
    await compare(`GET, values of ${valueBytes} bytes`, ROUNDS, [
      { name: "binary strings", operations, round: getStrings(valueBytes) },
      { name: "Buffers (string key for the Map)", operations, round: getBuffers(valueBytes) },
    ]);
  }
  for (const valueBytes of [64, 4096, 1024 * 1024]) await benchInPlace(valueBytes);
  print(`\n${MEMORY_KEYS} values of 64 bytes in a Map, keys of ${KEY_BYTES} bytes`);
  const self = fileURLToPath(import.meta.url);
  for (const kind of ["nothing", "string", "Buffer", "Uint8Array"]) {
    const args = ["--expose-gc", "--max-old-space-size=4096", self, kind];
    process.stdout.write(execFileSync(process.execPath, args));
  }
  print(`(${sink > 0 ? "done" : "nothing done"})`);
}

const [asked] = process.argv.slice(2);
if (asked === undefined) await main();
else if (asked === "string" || asked === "Buffer" || asked === "Uint8Array") measureMemory(asked);
else measureMemory("nothing");
