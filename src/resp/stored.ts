// Replies as they are kept on disk, for ONCE: every kind of Reply comes back exactly as it was, so
// that a retry in either protocol gets the bytes that the first run got.
//
// RESP3 itself would not do: it writes null and NullArray alike, number and bigint alike, and an
// error's line breaks not at all.
//
// Layout, version 1 (docs/encoding.md, "Stored replies"). Numbers are big-endian.
//
//   offset  size  field
//   0       1     version, 0x01
//   1       n     one value
//
//   A value is a tag of one byte and what the tag asks for:
//
//   n N t f       nothing: null, null array, true, false
//   i d           8 bytes, IEEE 754: integer (a JavaScript number), double
//   s + - b (     4 bytes length, then so many bytes: bulk string, status, error, bigint's decimal
//                 digits, big number's digits
//   T M           the same: verbatim string, format txt, mkd
//   * % ~ > = {   4 bytes count, then so many values: array, map (keys and values in turn), set, push,
//                 pairs and keys with what belongs to them (as a map)

import { assert, AssertionFailed, unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import {
  BigNumber,
  Double,
  ErrorReply,
  KeyedReply,
  MapReply,
  NULL_ARRAY,
  PairsReply,
  Push,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "./reply.ts";
import { DEPTH_MAX } from "./writer.ts";

const VERSION = "\x01";
const UINT32_SIZE = 4;
const FLOAT64_SIZE = 8;

/** The bytes are not a stored reply of a version we know. */
export class CorruptReply extends Error {
  override readonly name = "CorruptReply";
}

export function freeze(reply: Reply): Bytes {
  return VERSION + freezeAt(reply, 0);
}

/** What `freeze` was given. Throws CorruptReply. */
export function thaw(bytes: Bytes): Reply {
  if (!bytes.startsWith(VERSION)) {
    throw new CorruptReply(`version ${bytes === "" ? "missing" : bytes.charCodeAt(0)}`);
  }
  const source = new Source(bytes, VERSION.length);
  const reply = thawAt(source, 0);
  source.mustBeAtEnd();
  return reply;
}

function freezeAt(reply: Reply, depth: number): Bytes {
  assert(depth <= DEPTH_MAX, "reply nests too deep");
  if (reply === null) return "n";
  if (typeof reply === "string") return sized("s", reply);
  if (typeof reply === "number") return `i${float64Bytes(reply)}`;
  if (typeof reply === "boolean") return reply ? "t" : "f";
  if (typeof reply === "bigint") return sized("b", reply.toString());
  if (isArray(reply)) return freezeAll("*", reply, depth);
  switch (reply.kind) {
    case "status":
      return sized("+", reply.text);
    case "error":
      return sized("-", reply.text);
    case "null-array":
      return "N";
    case "double":
      if (reply.digits !== null) return sized("D", reply.digits);
      return `d${float64Bytes(reply.value)}`;
    case "big-number":
      return sized("(", reply.digits);
    case "verbatim":
      return sized(reply.format === "txt" ? "T" : "M", reply.text);
    case "map":
      return freezeAll("%", reply.flat, depth);
    case "pairs":
      return freezeAll("=", reply.flat, depth);
    case "keyed":
      return freezeAll("{", reply.flat, depth);
    case "set":
      return freezeAll("~", reply.items, depth);
    case "attributed":
      return freezeAt(reply.reply, depth);
    case "push":
      return freezeAll(">", reply.items, depth);
    default:
      return unreachable(reply);
  }
}

/** Array.isArray does not narrow a readonly array out of a union. */
function isArray(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}

function freezeAll(tag: string, items: readonly Reply[], depth: number): Bytes {
  let bytes = tag + uint32Bytes(items.length);
  for (const item of items) bytes += freezeAt(item, depth + 1);
  return bytes;
}

function sized(tag: string, text: Bytes): Bytes {
  return tag + uint32Bytes(text.length) + text;
}

const scratch = Buffer.alloc(FLOAT64_SIZE);

function uint32Bytes(value: number): Bytes {
  scratch.writeUInt32BE(value);
  return scratch.latin1Slice(0, UINT32_SIZE);
}

function float64Bytes(value: number): Bytes {
  scratch.writeDoubleBE(value);
  return scratch.latin1Slice(0, FLOAT64_SIZE);
}

/** Bytes being read, front to back; every read is checked against the end. */
class Source {
  readonly #bytes: Bytes;
  #position: number;

  constructor(bytes: Bytes, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  take(count: number): Bytes {
    const end = this.#position + count;
    if (end > this.#bytes.length) throw new CorruptReply(`ends within ${count} bytes`);
    const taken = this.#bytes.slice(this.#position, end);
    this.#position = end;
    return taken;
  }

  uint32(): number {
    scratch.latin1Write(this.take(UINT32_SIZE));
    return scratch.readUInt32BE();
  }

  float64(): number {
    scratch.latin1Write(this.take(FLOAT64_SIZE));
    return scratch.readDoubleBE();
  }

  text(): Bytes {
    return this.take(this.uint32());
  }

  /** How many values follow; each takes a byte at least, so a false count costs nothing. */
  count(): number {
    const count = this.uint32();
    if (count > this.#bytes.length - this.#position) throw new CorruptReply(`count ${count}`);
    return count;
  }

  mustBeAtEnd(): void {
    const left = this.#bytes.length - this.#position;
    if (left > 0) throw new CorruptReply(`${left} bytes too many`);
  }
}

function thawAt(source: Source, depth: number): Reply {
  if (depth > DEPTH_MAX) throw new CorruptReply("nests too deep");
  const tag = source.take(1);
  switch (tag) {
    case "n":
      return null;
    case "N":
      return NULL_ARRAY;
    case "t":
      return true;
    case "f":
      return false;
    case "i":
      return source.float64();
    case "d":
      return new Double(source.float64());
    case "*":
    case "%":
    case "~":
    case ">":
    case "=":
    case "{":
      return thawAll(source, tag, depth);
    default:
      return thawText(source, tag);
  }
}

function thawText(source: Source, tag: string): Reply {
  switch (tag) {
    case "s":
      return source.text();
    case "+":
      return new Status(source.text());
    case "-":
      return new ErrorReply(source.text());
    case "D":
      return spelledDouble(source.text());
    case "b":
      return bigint(source.text());
    case "(":
      return new BigNumber(source.text());
    case "T":
      return new Verbatim("txt", source.text());
    case "M":
      return new Verbatim("mkd", source.text());
    default:
      throw new CorruptReply(`tag ${tag.charCodeAt(0)}`);
  }
}

function spelledDouble(digits: Bytes): Double {
  const value = Number(digits);
  if (digits === "" || !Number.isFinite(value)) throw new CorruptReply("a double");
  return new Double(value, digits);
}

function bigint(digits: string): bigint {
  if (!/^-?\d{1,20}$/.test(digits)) throw new CorruptReply("not a whole number");
  return BigInt(digits);
}

function thawAll(source: Source, tag: "*" | "%" | "~" | ">" | "=" | "{", depth: number): Reply {
  const items: Reply[] = [];
  for (let left = source.count(); left > 0; left--) items.push(thawAt(source, depth + 1));
  switch (tag) {
    case "*":
      return items;
    case "%":
      if (items.length % 2 !== 0) throw new CorruptReply("a map lacks a value");
      return new MapReply(items);
    case "=":
      if (items.length % 2 !== 0) throw new CorruptReply("pairs lack a value");
      return new PairsReply(items);
    case "{":
      if (items.length % 2 !== 0) throw new CorruptReply("a key lacks what belongs to it");
      return new KeyedReply(items);
    case "~":
      return new SetReply(items);
    case ">":
      return new Push(items);
    default:
      throw new AssertionFailed("no such tag");
  }
}
