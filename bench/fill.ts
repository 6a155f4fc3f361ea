// Fills a server with keys that are all different, over one pipelined connection, and reads them back
// in a random order; redis-benchmark's random keys would leave a third of them out.

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

import type { Target } from "./server-process.ts";

const COMMANDS_PER_WRITE = 500;
const NEWLINE = 0x0a;
const KEY_PREFIX_LENGTH = 4;

export function keyAt(index: number): string {
  return `key:${String(index).padStart(12, "0")}`;
}

/** SET of every key from 0 to `count` with `valueBytes` bytes. */
export async function fill(target: Target, count: number, valueBytes: number): Promise<void> {
  const value = "x".repeat(valueBytes);
  await send(target, { count, linesPerReply: 1 }, (index) => {
    return `*3\r\n$3\r\nSET\r\n$16\r\n${keyAt(index)}\r\n$${valueBytes}\r\n${value}\r\n`;
  });
}

const POOL_BYTES = 1024 * 1024;

/**
 * The same with keys that begin with `prefix` and values by chance, which do not compress, or with numbers
 * for values: what has been counted.
 */
export async function fillByChance(
  target: Target,
  count: number,
  { prefix, valueBytes }: { readonly prefix: string; readonly valueBytes: number | "number" },
): Promise<void> {
  const pool = randomBytes(POOL_BYTES).toString("latin1");
  await send(target, { count, linesPerReply: 1 }, (index) => {
    const key = prefix + keyAt(index).slice(KEY_PREFIX_LENGTH);
    if (valueBytes === "number") return words("SET", key, String(index % 100));
    const at = Math.floor(Math.random() * (POOL_BYTES - valueBytes));
    return words("SET", key, pool.slice(at, at + valueBytes));
  });
}

function words(...args: readonly string[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
  return text;
}

/** GET of `count` keys, drawn evenly at random. */
export async function readBack(target: Target, count: number): Promise<void> {
  await send(target, { count, linesPerReply: 2 }, () => {
    return `*2\r\n$3\r\nGET\r\n$16\r\n${keyAt(Math.floor(Math.random() * count))}\r\n`;
  });
}

async function send(
  target: Target,
  amount: { readonly count: number; readonly linesPerReply: number },
  command: (index: number) => string,
): Promise<void> {
  const socket = connect(target.port, target.host);
  try {
    const lines = new Lines(socket);
    for (let sent = 0; sent < amount.count;) {
      const until = Math.min(amount.count, sent + COMMANDS_PER_WRITE);
      let text = "";
      for (; sent < until; sent++) text += command(sent);
      socket.write(text, "latin1");
      // oxlint-disable-next-line no-await-in-loop -- one burst after the other bounds what waits
      await lines.reach(sent * amount.linesPerReply);
    }
  } finally {
    socket.destroy();
  }
}

/** Counts the lines of the answers. */
class Lines {
  #count = 0;
  #wanted = Infinity;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      if (chunk[0] === 0x2d) this.#reject(new Error(`the server says ${chunk.toString("latin1")}`));
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) {
        this.#count++;
      }
      if (this.#count >= this.#wanted) this.#resolve();
    });
    socket.on("error", (error) => this.#reject(error));
    socket.on("close", () => this.#reject(new Error("the server has closed the connection")));
  }

  reach(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wanted = count;
      this.#resolve = resolve;
      this.#reject = reject;
      if (this.#count >= count) resolve();
    });
  }
}
