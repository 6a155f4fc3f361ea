// A reply too long to be made into bytes in one go: the event loop would stand still for it, and what is
// one string to the client would be three in memory (joined, copied for the socket, copied again). It is
// kept as the value it is, and cut into pieces as they leave.
//
// Reply values do not change once a handler has given them back: EXEC, ONCE and the undoing of a batch look at
// them long after the command, too. // Law 2.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Reply } from "./reply.ts";
import { bulkHeader, encodeItem, headOf, type Protocol } from "./writer.ts";

/** From about so many bytes on a reply is long. */
export const LONG_BYTES = 64 * 1024;
/** A piece is about so long. */
const PIECE_BYTES = 64 * 1024;
/** So many items are looked at together. */
const RUN_ITEMS = 512;
/** What an item takes beside the bytes of its string: header and line ends, or all of a number. */
const ITEM_BYTES = 16;
const LINE_END = "\r\n";

/** Bytes that leave piece by piece. */
export interface LongBytes {
  /** About: enough for limits and sums. */
  readonly length: number;
  /** All of it, from the beginning. */
  pieces(): Generator<Bytes>;
}

/** Bytes to be sent: short ones as they are. */
export type Encoded = Bytes | LongBytes;

export class LongReply implements LongBytes {
  /** Bytes, to within what headers and numbers take: enough for limits and sums. */
  readonly length: number;
  readonly #reply: Reply;
  readonly #protocol: Protocol;

  constructor(reply: Reply, protocol: Protocol) {
    this.#reply = reply;
    this.#protocol = protocol;
    this.length = -sizeLeft(reply, 0, -Infinity);
  }

  /** All of it, from the beginning. */
  pieces(): Generator<Bytes> {
    return gathered(piecesOf(this.#reply, this.#protocol, 0));
  }
}

export function isLong(reply: Reply): boolean {
  if (typeof reply === "string") return reply.length > LONG_BYTES;
  return typeof reply === "object" && reply !== null && sizeLeft(reply, LONG_BYTES, 0) < 0;
}

/** What is left of `left` bytes behind the reply; not looked at to its end once that is below `least`. */
function sizeLeft(reply: Reply, left: number, least: number): number {
  if (typeof reply === "string") return left - reply.length - ITEM_BYTES;
  if (typeof reply !== "object" || reply === null) return left - ITEM_BYTES;
  if (!("length" in reply)) {
    const text = "text" in reply ? reply.text.length : 0;
    const held = contentOf(reply);
    return held === null ? left - text - ITEM_BYTES : sizeLeft(held, left, least);
  }
  let rest = left - ITEM_BYTES;
  for (const item of reply) {
    rest = typeof item === "string" ? rest - item.length - ITEM_BYTES : sizeLeft(item, rest, least);
    if (rest < least) break;
  }
  return rest;
}

type Aggregate = Extract<Reply, { readonly kind: string }>;

function contentOf(reply: Aggregate): Reply | null {
  switch (reply.kind) {
    case "map":
    case "pairs":
    case "keyed":
      return reply.flat;
    case "set":
    case "push":
      return reply.items;
    case "attributed":
      return reply.reply;
    case "status":
    case "error":
    case "null-array":
    case "double":
    case "big-number":
    case "verbatim":
      return null;
    default:
      return unreachable(reply);
  }
}

function* piecesOf(reply: Reply, protocol: Protocol, depth: number): Generator<Bytes> {
  if (typeof reply === "string" && reply.length > PIECE_BYTES) {
    yield bulkHeader(reply.length);
    yield* cut(reply);
    yield LINE_END;
    return;
  }
  const head = headOf(reply, protocol, depth);
  if (head === null) {
    yield encodeItem(reply, protocol, depth);
    return;
  }
  yield head.header;
  for (let from = 0; from < head.count; from += RUN_ITEMS) {
    const run = head.items(from, Math.min(head.count, from + RUN_ITEMS));
    if (isLong(run)) for (const item of run) yield* piecesOf(item, protocol, depth + 1);
    else yield head.encode(run);
  }
}

/** A string in pieces; what it shares with them is not copied. */
export function* cut(bytes: Bytes): Generator<Bytes> {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    yield bytes.slice(from, from + PIECE_BYTES);
  }
}

/** Small pieces put together. */
function* gathered(pieces: Iterable<Bytes>): Generator<Bytes> {
  let text = "";
  for (const piece of pieces) {
    if (piece.length > PIECE_BYTES) {
      if (text !== "") yield text;
      text = "";
      yield* cut(piece);
      continue;
    }
    if (text.length + piece.length > PIECE_BYTES && text !== "") {
      yield text;
      text = "";
    }
    text += piece;
  }
  if (text !== "") yield text;
}
