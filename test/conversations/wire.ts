// The client's side of RESP, for tests: commands out, replies in, RESP2 and RESP3. Deliberately not
// made of src/resp: what writes a protocol should not also judge it.

import type { Socket } from "node:net";

import { unreachable } from "../../src/base/assert.ts";
import type { Bytes } from "../../src/base/bytes.ts";
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
} from "../../src/resp/reply.ts";
import type { Target } from "./transcript.ts";

export function encodeCommand(args: readonly Bytes[]): Bytes {
  let bytes = `*${args.length}\r\n`;
  for (const arg of args) bytes += `$${arg.length}\r\n${arg}\r\n`;
  return bytes;
}

/** A reply and where it ends; null when `input` ends first. Throws Error on what is no RESP. */
export function decodeReply(
  input: Bytes,
  from: number,
): { readonly reply: Reply; readonly end: number } | null {
  const lineEnd = input.indexOf("\r\n", from);
  if (lineEnd < 0) return null;
  const line = input.slice(from + 1, lineEnd);
  const end = lineEnd + 2;
  const tag = input.charAt(from);
  switch (tag) {
    case "+":
      return { reply: new Status(line), end };
    case "-":
      return { reply: new ErrorReply(line), end };
    case ":":
      return { reply: integer(line), end };
    case "_":
      return { reply: null, end };
    case "#":
      return { reply: line === "t", end };
    case ",":
      return { reply: new Double(double(line)), end };
    case "(":
      return { reply: new BigNumber(line), end };
    case "$":
    case "=":
      return decodeBulk(input, { size: Number(line), from: end, isVerbatim: tag === "=" });
    case "*":
    case "%":
    case "~":
    case ">":
      return decodeItems(input, { tag, count: Number(line), from: end });
    default:
      throw new Error(`no RESP: ${JSON.stringify(input.slice(from, from + 40))}`);
  }
}

function integer(line: string): Reply {
  if (!/^-?\d+$/.test(line)) throw new Error(`no integer: ${line}`);
  const value = Number(line);
  return Number.isSafeInteger(value) ? value : BigInt(line);
}

function double(line: string): number {
  if (line === "inf") return Infinity;
  return line === "-inf" ? -Infinity : Number(line);
}

function decodeBulk(
  input: Bytes,
  bulk: { size: number; from: number; isVerbatim: boolean },
): { readonly reply: Reply; readonly end: number } | null {
  if (bulk.size === -1) return { reply: null, end: bulk.from };
  const end = bulk.from + bulk.size;
  if (input.length < end + 2) return null;
  if (input.slice(end, end + 2) !== "\r\n") throw new Error("a bulk string is longer than it says");
  const bytes = input.slice(bulk.from, end);
  if (!bulk.isVerbatim) return { reply: bytes, end: end + 2 };
  const format = bytes.startsWith("mkd:") ? "mkd" : "txt";
  return { reply: new Verbatim(format, bytes.slice(4)), end: end + 2 };
}

function decodeItems(
  input: Bytes,
  items: { tag: "*" | "%" | "~" | ">"; count: number; from: number },
): { readonly reply: Reply; readonly end: number } | null {
  if (items.count === -1) return { reply: NULL_ARRAY, end: items.from };
  const found: Reply[] = [];
  let end = items.from;
  const count = items.tag === "%" ? items.count * 2 : items.count;
  while (found.length < count) {
    const one = decodeReply(input, end);
    if (one === null) return null;
    found.push(one.reply);
    end = one.end;
  }
  switch (items.tag) {
    case "*":
      return { reply: found, end };
    case "%":
      return { reply: new MapReply(found), end };
    case "~":
      return { reply: new SetReply(found), end };
    case ">":
      return { reply: new Push(found), end };
    default:
      return unreachable(items.tag);
  }
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** A connection that answers in order; commands may be sent without waiting. */
export class WireTarget implements Target {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #input: Bytes = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk.latin1Slice()));
    socket.on("error", (error) => this.#failAll(error));
    socket.on("close", () => this.#failAll(new Error("the server closed the connection")));
  }

  send(args: readonly Bytes[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeCommand(args), "latin1");
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Bytes): void {
    this.#input += bytes;
    let at = 0;
    for (;;) {
      const next = decodeReply(this.#input, at);
      if (next === null) break;
      at = next.end;
      this.#waiting.shift()?.resolve(next.reply);
    }
    this.#input = this.#input.slice(at);
  }

  #failAll(error: Error): void {
    for (const one of this.#waiting.splice(0)) one.reject(error);
  }
}
