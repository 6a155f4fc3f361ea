// The options of SET and GETEX: condition, GET, and when the key is to die. Redis reads them in any
// order and any case; which exclude which is in EXCLUDES.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { xxh3Hex } from "../base/xxh3.ts";
import { expiryMsOf, type TimeUnit } from "../types/expiry.ts";
import { parseInteger } from "../types/number.ts";
import { CommandError, invalidExpireTime, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { at, type Args } from "./table.ts";

/** What an expiry option says, not read yet: GETEX looks at it only when there is a key. */
export interface ExpiryWords {
  readonly amount: Bytes;
  readonly unit: TimeUnit;
  readonly from: "now" | "epoch";
}

type Compared = "IFEQ" | "IFNE" | "IFDEQ" | "IFDNE";
type Timed = "EX" | "PX" | "EXAT" | "PXAT";
type Word = "NX" | "XX" | Compared | "GET" | "KEEPTTL" | "PERSIST" | Timed;

/** What the value that is there must, or must not, be: it or its digest. */
export interface Comparison {
  readonly word: Compared;
  readonly text: Bytes;
}

export interface SetOptions {
  readonly words: ReadonlySet<Word>;
  readonly expiry: ExpiryWords | null;
  readonly comparison: Comparison | null;
}

const EXPIRY_WORDS = {
  EX: { unit: "s", from: "now" },
  PX: { unit: "ms", from: "now" },
  EXAT: { unit: "s", from: "epoch" },
  PXAT: { unit: "ms", from: "epoch" },
} as const;

const ENDS: readonly Word[] = ["KEEPTTL", "PERSIST", "EX", "PX", "EXAT", "PXAT"];
const CONDITIONS: readonly Word[] = ["NX", "XX", "IFEQ", "IFNE", "IFDEQ", "IFDNE"];
const SET_WORDS: readonly Word[] = [...CONDITIONS, "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT"];
const MSETEX_WORDS: readonly Word[] = ["NX", "XX", "KEEPTTL", "EX", "PX", "EXAT", "PXAT"];
const GETEX_WORDS: readonly Word[] = ["PERSIST", "EX", "PX", "EXAT", "PXAT"];
/** A word may stand twice, the last one counts; but not beside one of these. */
const EXCLUDES: Readonly<Record<Word, readonly Word[]>> = {
  NX: otherConditions("NX"),
  XX: otherConditions("XX"),
  IFEQ: otherConditions("IFEQ"),
  IFNE: otherConditions("IFNE"),
  IFDEQ: otherConditions("IFDEQ"),
  IFDNE: otherConditions("IFDNE"),
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

function otherConditions(word: Word): readonly Word[] {
  return CONDITIONS.filter((other) => other !== word);
}

/** Throws SYNTAX_ERROR. */
export function readSetOptions(args: Args): SetOptions {
  return readOptions(args, 3, SET_WORDS);
}

/** Throws SYNTAX_ERROR. */
export function readGetexOptions(args: Args): SetOptions {
  return readOptions(args, 2, GETEX_WORDS);
}

/** The options of MSETEX, from `from` on. Throws SYNTAX_ERROR. */
export function readMsetexOptions(args: Args, from: number): SetOptions {
  return readOptions(args, from, MSETEX_WORDS);
}

function readOptions(args: Args, from: number, allowed: readonly Word[]): SetOptions {
  const words = new Set<Word>();
  let expiry: ExpiryWords | null = null;
  let comparison: Comparison | null = null;
  for (let index = from; index < args.length; index++) {
    const upper = at(args, index).toUpperCase();
    const word = allowed.find((one) => one === upper);
    if (word === undefined) throw SYNTAX_ERROR;
    for (const other of EXCLUDES[word]) if (words.has(other)) throw SYNTAX_ERROR;
    words.add(word);
    if (!isTimed(word) && !isCompared(word)) continue;
    const text = args[++index];
    if (text === undefined) throw SYNTAX_ERROR;
    if (isCompared(word)) comparison = { word, text };
    else expiry = expiryWordsOf(word, text);
  }
  return { words, expiry, comparison };
}

/** Null when `word` is none of EX, PX, EXAT, PXAT. */
export function expiryWordsOf(word: string, amount: Bytes): ExpiryWords | null {
  return isTimed(word) ? { amount, ...EXPIRY_WORDS[word] } : null;
}

function isTimed(word: string): word is Timed {
  return word === "EX" || word === "PX" || word === "EXAT" || word === "PXAT";
}

export function isCompared(word: string): word is Compared {
  return word === "IFEQ" || word === "IFNE" || word === "IFDEQ" || word === "IFDNE";
}

const BAD_DIGEST = new CommandError("ERR must be exactly 16 hexadecimal characters");
const DIGEST_LENGTH = 16;

/** Whether a string that is there is what is asked for. */
export function isMet(comparison: Comparison, value: Bytes): boolean {
  const { word, text } = comparison;
  switch (word) {
    case "IFEQ":
      return value === text;
    case "IFNE":
      return value !== text;
    case "IFDEQ":
      return xxh3Hex(value) === digestIn(text);
    case "IFDNE":
      return xxh3Hex(value) !== digestIn(text);
    default:
      return unreachable(word);
  }
}

/** Throws CommandError for what is no digest by its length. */
function digestIn(text: Bytes): Bytes {
  if (text.length !== DIGEST_LENGTH) throw BAD_DIGEST;
  return text.toLowerCase();
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
