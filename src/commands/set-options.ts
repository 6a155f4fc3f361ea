// The options of SET and GETEX: condition, GET, and when the key is to die. Redis reads them in any
// order and any case; which exclude which is in EXCLUDES.

import type { Bytes } from "../base/bytes.ts";
import { expiryMsOf, type TimeUnit } from "../types/expiry.ts";
import { parseInteger } from "../types/number.ts";
import { invalidExpireTime, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { at, type Args } from "./table.ts";

/** What an expiry option says, not read yet: GETEX looks at it only when there is a key. */
export interface ExpiryWords {
  readonly amount: Bytes;
  readonly unit: TimeUnit;
  readonly from: "now" | "epoch";
}

type Word = "NX" | "XX" | "GET" | "KEEPTTL" | "PERSIST" | "EX" | "PX" | "EXAT" | "PXAT";

export interface SetOptions {
  readonly words: ReadonlySet<Word>;
  readonly expiry: ExpiryWords | null;
}

const EXPIRY_WORDS = {
  EX: { unit: "s", from: "now" },
  PX: { unit: "ms", from: "now" },
  EXAT: { unit: "s", from: "epoch" },
  PXAT: { unit: "ms", from: "epoch" },
} as const;

const ENDS: readonly Word[] = ["KEEPTTL", "PERSIST", "EX", "PX", "EXAT", "PXAT"];
const SET_WORDS: readonly Word[] = ["NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT"];
const GETEX_WORDS: readonly Word[] = ["PERSIST", "EX", "PX", "EXAT", "PXAT"];
/** A word may stand twice, the last one counts; but not beside one of these. */
const EXCLUDES: Readonly<Record<Word, readonly Word[]>> = {
  NX: ["XX"],
  XX: ["NX"],
  GET: [],
  KEEPTTL: without("KEEPTTL"),
  PERSIST: without("PERSIST"),
  EX: without("EX"),
  PX: without("PX"),
  EXAT: without("EXAT"),
  PXAT: without("PXAT"),
};

function without(word: Word): readonly Word[] {
  return ENDS.filter((other) => other !== word);
}

/** Throws SYNTAX_ERROR. */
export function readSetOptions(args: Args): SetOptions {
  return readOptions(args, 3, SET_WORDS);
}

/** Throws SYNTAX_ERROR. */
export function readGetexOptions(args: Args): SetOptions {
  return readOptions(args, 2, GETEX_WORDS);
}

function readOptions(args: Args, from: number, allowed: readonly Word[]): SetOptions {
  const words = new Set<Word>();
  let expiry: ExpiryWords | null = null;
  for (let index = from; index < args.length; index++) {
    const upper = at(args, index).toUpperCase();
    const word = allowed.find((one) => one === upper);
    if (word === undefined) throw SYNTAX_ERROR;
    for (const other of EXCLUDES[word]) if (words.has(other)) throw SYNTAX_ERROR;
    words.add(word);
    if (word === "EX" || word === "PX" || word === "EXAT" || word === "PXAT") {
      const amount = args[++index];
      if (amount === undefined) throw SYNTAX_ERROR;
      expiry = { amount, unit: EXPIRY_WORDS[word].unit, from: EXPIRY_WORDS[word].from };
    }
  }
  return { words, expiry };
}

/** Milliseconds since the epoch. Throws NOT_AN_INTEGER and the error for invalid expire times. */
export function expiryOf(words: ExpiryWords, nowMs: number, commandName: string): number {
  const amount = parseInteger(words.amount);
  if (amount === null) throw NOT_AN_INTEGER;
  if (amount <= 0) throw invalidExpireTime(commandName);
  const expiryMs = expiryMsOf({ amount, unit: words.unit, from: words.from }, nowMs);
  if (expiryMs === null) throw invalidExpireTime(commandName);
  return expiryMs;
}
