// Reply values: what a handler answers, before it is bytes. One writer (writer.ts) makes RESP2 or
// RESP3 of them, so a length written is always the length of the array (law 2), and a held reply,
// a stored ONCE outcome and a script all see the same thing.
//
//   null            null bulk string in RESP2 ($-1), null in RESP3 (_)
//   string          bulk string (a binary string, see base/bytes.ts)
//   number, bigint  integer; must be whole and within 64 bits signed
//   boolean         :1 / :0 in RESP2, #t / #f in RESP3
//   Reply[]         array

import type { Bytes } from "../base/bytes.ts";

export type Reply =
  | null
  | Bytes
  | number
  | bigint
  | boolean
  | Status
  | ErrorReply
  | NullArray
  | Double
  | BigNumber
  | MapReply
  | PairsReply
  | KeyedReply
  | SetReply
  | Push
  | Verbatim
  | Attributed
  | readonly Reply[];

/** A simple string, as in +OK. */
export class Status {
  readonly kind = "status";
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An error: code word, space, message, as in "ERR syntax error"; without the leading minus. */
export class ErrorReply {
  readonly kind = "error";
  readonly text: Bytes;
  /** INFO errorstats has it already: a script hands on what a command of its own was answered. */
  readonly isCounted: boolean;
  constructor(text: Bytes, isCounted = false) {
    this.text = text;
    this.isCounted = isCounted;
  }
}

/** *-1 in RESP2, _ in RESP3. */
export class NullArray {
  readonly kind = "null-array";
}

/** A bulk string holding the shortest decimal in RESP2, a double (,) in RESP3. */
export class Double {
  readonly kind = "double";
  readonly value: number;
  /** Where a command has a spelling of its own for the same number; else null. */
  readonly digits: string | null;
  constructor(value: number, digits: string | null = null) {
    this.value = value;
    this.digits = digits;
  }
}

/** Decimal digits: a bulk string in RESP2, a big number in RESP3. */
export class BigNumber {
  readonly kind = "big-number";
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
}

/** Keys and values in turn: a flat array in RESP2, a map in RESP3. */
export class MapReply {
  readonly kind = "map";
  readonly flat: readonly Reply[];
  constructor(flat: readonly Reply[]) {
    this.flat = flat;
  }
}

/** Things in twos, one after the other: a flat array in RESP2, an array of arrays of two in RESP3. */
export class PairsReply {
  readonly kind = "pairs";
  readonly flat: readonly Reply[];
  constructor(flat: readonly Reply[]) {
    this.flat = flat;
  }

  /** As RESP3 has it. */
  nested(): readonly Reply[] {
    return inTwos(this.flat);
  }
}

/** Keys and what belongs to each, in turn: an array of arrays of two in RESP2, a map in RESP3. */
export class KeyedReply {
  readonly kind = "keyed";
  readonly flat: readonly Reply[];
  constructor(flat: readonly Reply[]) {
    this.flat = flat;
  }

  /** As RESP2 has it. */
  nested(): readonly Reply[] {
    return inTwos(this.flat);
  }
}

/** Arrays of two, of what stands in turn. */
export function inTwos(flat: readonly Reply[]): readonly Reply[] {
  const pairs: Reply[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    pairs.push([flat[index] ?? null, flat[index + 1] ?? null]);
  }
  return pairs;
}

/** An array in RESP2, a set in RESP3. */
export class SetReply {
  readonly kind = "set";
  readonly items: readonly Reply[];
  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** An array in RESP2, a push in RESP3: messages, invalidations. */
export class Push {
  readonly kind = "push";
  readonly items: readonly Reply[];
  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** A bulk string in RESP2, a verbatim string in RESP3; `format` is three letters, "txt" or "mkd". */
export class Verbatim {
  readonly kind = "verbatim";
  readonly format: "txt" | "mkd";
  readonly text: Bytes;
  constructor(format: "txt" | "mkd", text: Bytes) {
    this.format = format;
    this.text = text;
  }
}

/** A reply with something said about it: in RESP2 the reply alone, in RESP3 behind an attribute. */
export class Attributed {
  readonly kind = "attributed";
  /** Keys and values in turn. */
  readonly attributes: readonly Reply[];
  readonly reply: Reply;
  constructor(attributes: readonly Reply[], reply: Reply) {
    this.attributes = attributes;
    this.reply = reply;
  }
}

export const OK = new Status("OK");
export const PONG = new Status("PONG");
export const QUEUED = new Status("QUEUED");
export const NULL_ARRAY = new NullArray();
export const EMPTY_ARRAY: readonly Reply[] = [];
