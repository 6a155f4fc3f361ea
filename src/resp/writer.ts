// The reply writer: Reply values in, RESP2 or RESP3 out, as a binary string to be written to the
// socket as latin1. Nothing else in the server makes protocol bytes, and a length written here is
// always the length of what follows it. // Law 2.
//
// Strings are concatenated, not buffers filled: V8 joins them lazily and the socket copies the
// joined string once. Most replies are short and known, so they stand ready. Many short strings in a
// row are the exception: joining costs more than writing them byte for byte (LRANGE of 600 elements of
// three bytes: 23 us against 6).

import { assert, AssertionFailed, unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { formatDouble } from "./double.ts";
import { inTwos, OK, PONG, QUEUED } from "./reply.ts";
import type { Attributed, Reply } from "./reply.ts";

export type Protocol = 2 | 3;

/** Replies nest by our own doing only: EXEC, scripts, COMMAND DOCS. None goes deeper by far. */
export const DEPTH_MAX = 64;

const READY_COUNT = 1024;
const INT64_LIMIT = 2n ** 63n;
/** encodeParts joins pieces up to this size. */
const PART_BYTES = 1024 * 1024;

/** Where arrays of short strings are written; longer ones are joined. */
const scratch = Buffer.allocUnsafe(64 * 1024);
/** Up to this length on average: beyond, V8 keeps slices, which are slow to read byte by byte. */
const SHORT_BYTES_MEAN = 12;
/** A native write costs more than so many bytes written one by one. */
const BY_HAND_MAX = 24;
/** $, a length, and two line ends. */
const BULK_OVERHEAD_MAX = 16;
const DIGIT_0 = 0x30;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;

const NULL_BULK = "$-1\r\n";
const NULL_ARRAY_RESP2 = "*-1\r\n";
const NULL_RESP3 = "_\r\n";
const INTEGERS = Array.from({ length: READY_COUNT }, (_, number) => `:${number}\r\n`);
const BULK_HEADERS = Array.from({ length: READY_COUNT }, (_, length) => `$${length}\r\n`);
/** The header of a bulk string behind another one, with the line end of that. */
const BULK_MIDDLES = BULK_HEADERS.map((header) => `\r\n${header}`);

/**
 * The bytes of `reply`. Throws RangeError when they would be longer than a string can be (512 MB):
 * `encodeParts` has no such limit.
 */
export function encode(reply: Reply, protocol: Protocol): Bytes {
  if (typeof reply === "string") return bulk(reply);
  return encodeAt(reply, protocol, 0);
}

/** The same bytes in pieces, for replies that may be longer than a string can be. */
export function encodeParts(reply: Reply, protocol: Protocol): Bytes[] {
  const parts: Bytes[] = [];
  let part = "";
  visit(reply, protocol, 0, (piece) => {
    if (part.length + piece.length > PART_BYTES && part !== "") {
      parts.push(part);
      part = "";
    }
    part += piece;
  });
  parts.push(part);
  return parts;
}

function bulk(text: Bytes): Bytes {
  return bulkHeader(text.length) + text + "\r\n";
}

export function bulkHeader(length: number): Bytes {
  return BULK_HEADERS[length] ?? `$${length}\r\n`;
}

/** An aggregate to be written in runs of its items (long-reply.ts). */
export interface Head {
  readonly header: Bytes;
  readonly count: number;
  /** Those from one index up to another. */
  items(from: number, to: number): readonly Reply[];
  encode(items: readonly Reply[]): Bytes;
}

/** Null for a reply that holds no others; `depth`: how many it is inside of. */
export function headOf(reply: Reply, protocol: Protocol, depth: number): Head | null {
  if (typeof reply !== "object" || reply === null) return null;
  const twos = twosOf(reply, protocol);
  const items = twos ?? itemsOf(reply, protocol);
  if (items === null) return null;
  assert(depth < DEPTH_MAX, "reply nests too deep");
  const count = twos === null ? items.length : items.length / 2;
  return {
    header: aggregateHeader(reply, count, protocol),
    count,
    items: (from, to) =>
      twos === null ? items.slice(from, to) : inTwos(twos.slice(from * 2, to * 2)),
    encode: (run) => encodeAll(run, protocol, depth),
  };
}

/** What is written in arrays of two, flat: those are made only as they are needed. */
function twosOf(reply: Composite, protocol: Protocol): readonly Reply[] | null {
  if (isArray(reply)) return null;
  const isNested = reply.kind === (protocol === 2 ? "keyed" : "pairs");
  return isNested && "flat" in reply ? reply.flat : null;
}

/** A reply inside of `depth` others. */
export function encodeItem(reply: Reply, protocol: Protocol, depth: number): Bytes {
  return encodeAt(reply, protocol, depth);
}

function encodeAt(reply: Reply, protocol: Protocol, depth: number): Bytes {
  if (typeof reply !== "object" || reply === null) return scalar(reply, protocol);
  const items = itemsOf(reply, protocol);
  if (items === null) return leaf(reply, protocol);
  assert(depth < DEPTH_MAX, "reply nests too deep");
  return aggregateHeader(reply, items.length, protocol) + encodeAll(items, protocol, depth);
}

/** The items of an aggregate that is inside of `depth` others. */
function encodeAll(items: readonly Reply[], protocol: Protocol, depth: number): Bytes {
  if (areStrings(items)) return bulks(items);
  let text = "";
  for (const item of items) text += encodeAt(item, protocol, depth + 1);
  return text;
}

function areStrings(items: readonly Reply[]): items is readonly Bytes[] {
  for (const item of items) if (typeof item !== "string") return false;
  return true;
}

/** Bulk strings, one behind the other. */
function bulks(items: readonly Bytes[]): Bytes {
  const { length } = items;
  let bytes = 0;
  for (const item of items) bytes += item.length;
  const areShort = bytes <= length * SHORT_BYTES_MEAN;
  if (areShort && bytes + length * BULK_OVERHEAD_MAX <= scratch.length) return shortBulks(items);
  let text = "";
  for (const item of items) {
    const size = item.length;
    // Each but the first brings the line end of the one before it.
    if (text === "") text = bulkHeader(size) + item;
    else text += (BULK_MIDDLES[size] ?? `\r\n$${size}\r\n`) + item;
  }
  return text === "" ? "" : `${text}\r\n`;
}

function shortBulks(items: readonly Bytes[]): Bytes {
  let at = 0;
  for (const item of items) {
    const { length } = item;
    scratch[at++] = DOLLAR;
    if (length < 10) {
      scratch[at++] = DIGIT_0 + length;
    } else if (length < 100) {
      const tens = Math.floor(length / 10);
      scratch[at++] = DIGIT_0 + tens;
      scratch[at++] = DIGIT_0 + length - tens * 10;
    } else {
      at += scratch.latin1Write(String(length), at);
    }
    scratch[at++] = CR;
    scratch[at++] = LF;
    if (length > BY_HAND_MAX) {
      at += scratch.latin1Write(item, at);
    } else {
      for (let index = 0; index < length; index++) scratch[at++] = item.charCodeAt(index);
    }
    scratch[at++] = CR;
    scratch[at++] = LF;
  }
  return scratch.latin1Slice(0, at);
}

function visit(
  reply: Reply,
  protocol: Protocol,
  depth: number,
  take: (piece: Bytes) => void,
): void {
  if (typeof reply === "string") {
    take(bulkHeader(reply.length));
    take(reply);
    take("\r\n");
    return;
  }
  const items = typeof reply === "object" && reply !== null ? itemsOf(reply, protocol) : null;
  if (items === null) {
    take(encodeAt(reply, protocol, depth));
    return;
  }
  assert(depth < DEPTH_MAX, "reply nests too deep");
  take(aggregateHeader(reply, items.length, protocol));
  for (const item of items) visit(item, protocol, depth + 1, take);
}

type Scalar = null | Bytes | number | bigint | boolean;
type Composite = Exclude<Reply, Scalar>;

function scalar(reply: Scalar, protocol: Protocol): Bytes {
  if (typeof reply === "string") return bulk(reply);
  if (typeof reply === "number") return INTEGERS[reply] ?? integer(reply);
  if (reply === null) return protocol === 2 ? NULL_BULK : NULL_RESP3;
  if (typeof reply === "boolean") {
    if (protocol === 2) return reply ? ":1\r\n" : ":0\r\n";
    return reply ? "#t\r\n" : "#f\r\n";
  }
  assert(reply >= -INT64_LIMIT && reply < INT64_LIMIT, "integer reply beyond 64 bits");
  return `:${reply}\r\n`;
}

function integer(value: number): Bytes {
  assert(Number.isInteger(value), "number reply is not an integer");
  if (Number.isSafeInteger(value)) return `:${value}\r\n`;
  return scalar(BigInt(value), 2);
}

/** What an aggregate holds; null for a reply that holds no others. */
function itemsOf(reply: Composite, protocol: Protocol): readonly Reply[] | null {
  if (isArray(reply)) return reply;
  switch (reply.kind) {
    case "map":
      return reply.flat;
    case "pairs":
      return protocol === 2 ? reply.flat : reply.nested();
    case "keyed":
      return protocol === 2 ? reply.nested() : reply.flat;
    case "set":
    case "push":
      return reply.items;
    case "status":
    case "error":
    case "null-array":
    case "double":
    case "big-number":
    case "verbatim":
    case "attributed":
      return null;
    default:
      return unreachable(reply);
  }
}

/** Array.isArray does not narrow a readonly array out of a union. */
function isArray(reply: Composite): reply is readonly Reply[] {
  return Array.isArray(reply);
}

function aggregateHeader(reply: Reply, count: number, protocol: Protocol): Bytes {
  if (typeof reply !== "object" || reply === null || isArray(reply)) return `*${count}\r\n`;
  if (reply.kind === "map" || (reply.kind === "keyed" && protocol === 3))
    assert(count % 2 === 0, "a map reply lacks a value");
  if (protocol === 2 || reply.kind === "pairs") return `*${count}\r\n`;
  if (reply.kind === "map" || reply.kind === "keyed") return `%${count / 2}\r\n`;
  return reply.kind === "set" ? `~${count}\r\n` : `>${count}\r\n`;
}

function leaf(reply: Composite, protocol: Protocol): Bytes {
  if (reply === OK) return "+OK\r\n";
  if (reply === QUEUED) return "+QUEUED\r\n";
  if (reply === PONG) return "+PONG\r\n";
  assert(!isArray(reply), "an array is not a leaf");
  switch (reply.kind) {
    case "status":
      return `+${oneLine(reply.text)}\r\n`;
    case "error":
      return `-${oneLine(reply.text)}\r\n`;
    case "null-array":
      return protocol === 2 ? NULL_ARRAY_RESP2 : NULL_RESP3;
    case "double": {
      const digits = reply.digits ?? formatDouble(reply.value);
      return protocol === 2 ? bulk(digits) : `,${digits}\r\n`;
    }
    case "big-number":
      return protocol === 2 ? bulk(reply.digits) : `(${reply.digits}\r\n`;
    case "verbatim":
      if (protocol === 2) return bulk(reply.text);
      return `=${reply.text.length + 4}\r\n${reply.format}:${reply.text}\r\n`;
    case "attributed":
      return attributed(reply, protocol);
    case "map":
    case "pairs":
    case "keyed":
    case "set":
    case "push":
      throw new AssertionFailed("an aggregate is not a leaf");
    default:
      return unreachable(reply);
  }
}

function attributed({ attributes, reply }: Attributed, protocol: Protocol): Bytes {
  if (protocol === 2) return encode(reply, 2);
  let text = `|${attributes.length / 2}\r\n`;
  for (const item of attributes) text += encode(item, 3);
  return text + encode(reply, 3);
}

/** A line ends at its first line break, so those that end it are dropped, the others are spaces. */
function oneLine(text: Bytes): Bytes {
  if (!text.includes("\n") && !text.includes("\r")) return text;
  let end = text.length;
  while (end > 0 && isLineBreak(text, end - 1)) end--;
  let start = 0;
  while (start < end && isLineBreak(text, start)) start++;
  return text.slice(start, end).replaceAll("\r", " ").replaceAll("\n", " ");
}

function isLineBreak(text: Bytes, index: number): boolean {
  const char = text[index];
  return char === "\r" || char === "\n";
}
