// The reply reader: RESP2 or RESP3 in, Reply values out. For clients, tools and tests; it is strict,
// so a test that reads a raw socket with it knows that what came was well-formed.
//
// Either protocol is read without being told which: $-1 and _ are null, *-1 is NULL_ARRAY. What
// RESP2 has no type for comes as it was written: a double as a string, a map as a flat array.
// Attributes (|) are read over. Streamed aggregates and strings ($?, *?) are refused: no server
// sends them.

import type { Bytes } from "../base/bytes.ts";
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

const DEPTH_MAX = 128;
const COUNT_MAX = 0x7fff_ffff;
const LINE_LENGTH_MAX = 1024 * 1024;
const WHOLE = /^(?:0|[1-9]\d{0,18})$/;
const INTEGER = /^[+-]?\d{1,19}$/;
const DOUBLE = /^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$/;
const BIG_NUMBER = /^[+-]?\d+$/;
const FORMAT_LENGTH = 4;
const INT64_LIMIT = 2n ** 63n;

/** What came is not a reply. */
export class MalformedReply extends Error {
  override readonly name = "MalformedReply";
}

/** An aggregate whose items are still coming. */
interface Open {
  readonly tag: string;
  readonly count: number;
  readonly items: Reply[];
}

/** Feed it with `push`, then call `next` until it answers undefined. */
export class ReplyReader {
  #text: Bytes = "";
  #position = 0;
  #open: Open[] = [];
  /** The header of the string being read, when all of it has not come. */
  #string: { readonly tag: string; readonly length: number } | null = null;

  /** Whether what came ended with a complete reply. */
  get isBetweenReplies(): boolean {
    const nothingBegun = this.#open.length === 0 && this.#string === null;
    return nothingBegun && this.#position === this.#text.length;
  }

  push(chunk: Buffer | Bytes): void {
    // A concatenation costs nothing until it is searched, which waits for the whole of a string.
    const rest = this.#position === 0 ? this.#text : this.#text.slice(this.#position);
    this.#text = rest + (typeof chunk === "string" ? chunk : chunk.latin1Slice());
    this.#position = 0;
  }

  /** The next reply, or undefined when more bytes are needed (null is a reply). Throws MalformedReply. */
  next(): Reply | undefined {
    for (;;) {
      const value = this.#string === null ? this.#readLine() : this.#readString();
      if (value === UNFINISHED) return undefined;
      if (value !== CONTINUES && this.#place(value)) return value;
      const whole = this.#closeFull();
      if (whole !== undefined) return whole;
    }
  }

  /** True when nothing is open, so that `value` is a reply by itself. */
  #place(value: Reply): boolean {
    const innermost = this.#open.at(-1);
    if (innermost === undefined) return true;
    innermost.items.push(value);
    return false;
  }

  /** Closes the aggregates that have all their items; the outermost is the answer. */
  #closeFull(): Reply | undefined {
    for (;;) {
      const innermost = this.#open.at(-1);
      if (innermost === undefined || innermost.items.length < innermost.count) return undefined;
      this.#open.pop();
      if (innermost.tag === "|") return undefined; // an attribute stands before a value, not for one
      const aggregate = aggregateOf(innermost);
      if (this.#place(aggregate)) return aggregate;
    }
  }

  #readLine(): Reply | typeof UNFINISHED | typeof CONTINUES {
    const end = this.#text.indexOf("\r", this.#position);
    if (end < 0 || end + 2 > this.#text.length) {
      const length = this.#text.length - this.#position;
      if (length > LINE_LENGTH_MAX) throw new MalformedReply("a line does not end");
      return UNFINISHED;
    }
    if (this.#text[end + 1] !== "\n") throw new MalformedReply("a line ends without a line feed");
    const tag = this.#text.slice(this.#position, this.#position + 1);
    const line = this.#text.slice(this.#position + 1, end);
    this.#position = end + 2;
    switch (tag) {
      case "$":
      case "=":
      case "!":
        if (tag === "$" && line === "-1") return null;
        this.#string = { tag, length: countOf(tag, line) };
        return CONTINUES;
      case "*":
      case "%":
      case "~":
      case ">":
      case "|":
        if (tag === "*" && line === "-1") return NULL_ARRAY;
        this.#openAggregate(tag, countOf(tag, line));
        return CONTINUES;
      default:
        return lineReply(tag, line);
    }
  }

  #openAggregate(tag: string, count: number): void {
    if (this.#open.length === DEPTH_MAX) throw new MalformedReply("nests too deep");
    if (tag === ">" && this.#open.length > 0) throw new MalformedReply("a push within a reply");
    this.#open.push({ tag, count: tag === "%" || tag === "|" ? count * 2 : count, items: [] });
  }

  #readString(): Reply | typeof UNFINISHED {
    const string = this.#string;
    if (string === null) throw new MalformedReply("no string is being read");
    const end = this.#position + string.length;
    if (this.#text.length < end + 2) return UNFINISHED;
    const text = this.#text.slice(this.#position, end);
    if (this.#text.slice(end, end + 2) !== "\r\n") {
      throw new MalformedReply("a string is not followed by a line end");
    }
    this.#position = end + 2;
    this.#string = null;
    if (string.tag === "$") return text;
    return string.tag === "!" ? new ErrorReply(text) : verbatimOf(text);
  }
}

const UNFINISHED = Symbol("unfinished");
const CONTINUES = Symbol("continues");

function countOf(tag: string, digits: string): number {
  const count = Number(digits);
  if (!WHOLE.test(digits) || count > COUNT_MAX) {
    throw new MalformedReply(`bad length after ${tag}: ${JSON.stringify(digits)}`);
  }
  return count;
}

function lineReply(tag: string, line: Bytes): Reply {
  switch (tag) {
    case "+":
    case "-":
      if (line.includes("\n")) throw new MalformedReply("a line feed within a line");
      return tag === "+" ? new Status(line) : new ErrorReply(line);
    case ":":
      return integerOf(line);
    case "_":
      if (line !== "") throw new MalformedReply("a null with a value");
      return null;
    case "#":
      if (line !== "t" && line !== "f") throw new MalformedReply("a boolean is t or f");
      return line === "t";
    case ",":
      return new Double(doubleOf(line));
    case "(":
      if (!BIG_NUMBER.test(line)) throw new MalformedReply("not a big number");
      return new BigNumber(line);
    default:
      throw new MalformedReply(`no such type: ${JSON.stringify(tag)}`);
  }
}

/** A number when it is exact as one, else a bigint. */
function integerOf(digits: string): number | bigint {
  const exact = INTEGER.test(digits) ? BigInt(digits) : INT64_LIMIT;
  if (exact >= INT64_LIMIT || exact < -INT64_LIMIT) {
    throw new MalformedReply(`not an integer: ${JSON.stringify(digits)}`);
  }
  const value = Number(exact);
  return Number.isSafeInteger(value) ? value : exact;
}

function doubleOf(text: string): number {
  if (text === "inf") return Infinity;
  if (text === "-inf") return -Infinity;
  if (text === "nan") return Number.NaN;
  if (!DOUBLE.test(text)) throw new MalformedReply(`not a double: ${JSON.stringify(text)}`);
  return Number(text);
}

function verbatimOf(text: Bytes): Verbatim {
  const format = text.slice(0, FORMAT_LENGTH);
  if (format !== "txt:" && format !== "mkd:") throw new MalformedReply("no such verbatim format");
  return new Verbatim(format === "txt:" ? "txt" : "mkd", text.slice(FORMAT_LENGTH));
}

function aggregateOf({ tag, items }: Open): Reply {
  switch (tag) {
    case "%":
      return new MapReply(items);
    case "~":
      return new SetReply(items);
    case ">":
      return new Push(items);
    default:
      return items;
  }
}
