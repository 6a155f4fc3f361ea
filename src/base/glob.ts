// Glob patterns over binary strings, as KEYS, SCAN, PSUBSCRIBE and CONFIG GET know them:
//
//   *      any bytes, none included      [abc]  one of these      [^abc]  one that is none of these
//   ?      any one byte                  [a-z]  one of a range    \x      x itself
//
// Redis's corner cases are kept, since clients have come to rely on them: a class that is not closed
// reaches to the end of the pattern, a range takes whatever follows the dash as its end ("[a-]" is a
// range up to "]"), and a lone backslash at the end is itself.
//
// Every element but a star takes exactly one byte, so when a match fails only the last star needs
// another try: an earlier one could only move the later ones further right. That bounds the work by
// pattern times text, where trying every star anew would be exponential.

import type { Bytes } from "./bytes.ts";

const STAR = 0x2a;
const DASH = 0x2d;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;
const CARET = 0x5e;

const NO_MATCH = -1;

export function matches(pattern: Bytes, text: Bytes): boolean {
  return match(pattern, text, false);
}

/** The same, with A to Z equal to a to z. */
export function matchesIgnoringCase(pattern: Bytes, text: Bytes): boolean {
  return match(pattern, text, true);
}

/** Whether the pattern can match more than one text: if not, it may be looked up instead. */
export function hasWildcard(pattern: Bytes): boolean {
  for (let index = 0; index < pattern.length; index++) {
    const code = pattern.charCodeAt(index);
    if (code === STAR || code === QUESTION || code === OPEN || code === BACKSLASH) return true;
  }
  return false;
}

function match(pattern: Bytes, text: Bytes, folds: boolean): boolean {
  let at = 0;
  let textAt = 0;
  let afterStar = NO_MATCH;
  let starTextAt = 0;
  while (textAt < text.length) {
    if (at < pattern.length) {
      if (pattern.charCodeAt(at) === STAR) {
        at++;
        if (at === pattern.length) return true;
        afterStar = at;
        starTextAt = textAt;
        continue;
      }
      const next = matchOne(pattern, at, text.charCodeAt(textAt), folds);
      if (next !== NO_MATCH) {
        at = next;
        textAt++;
        continue;
      }
    }
    if (afterStar === NO_MATCH) return false;
    at = afterStar;
    textAt = ++starTextAt;
  }
  while (at < pattern.length && pattern.charCodeAt(at) === STAR) at++;
  return at === pattern.length;
}

/** Where the pattern goes on after the element at `at` has taken `code`; NO_MATCH if it does not. */
function matchOne(pattern: Bytes, at: number, code: number, folds: boolean): number {
  const element = pattern.charCodeAt(at);
  if (element === QUESTION) return at + 1;
  if (element === OPEN) return matchClass(pattern, at + 1, code, folds);
  const literalAt = element === BACKSLASH && at + 1 < pattern.length ? at + 1 : at;
  const literal = pattern.charCodeAt(literalAt);
  const isSame = literal === code || (folds && lower(literal) === lower(code));
  return isSame ? literalAt + 1 : NO_MATCH;
}

function matchClass(pattern: Bytes, start: number, code: number, folds: boolean): number {
  const isNegated = pattern.charCodeAt(start) === CARET;
  const wanted = folds ? lower(code) : code;
  let at = isNegated ? start + 1 : start;
  let isIn = false;
  while (at < pattern.length) {
    const first = pattern.charCodeAt(at);
    const left = pattern.length - at;
    if (first === BACKSLASH && left >= 2) {
      // Redis compares an escaped byte exactly, even where case does not count.
      if (pattern.charCodeAt(at + 1) === code) isIn = true;
      at += 2;
    } else if (first === CLOSE) {
      break;
    } else if (left >= 3 && pattern.charCodeAt(at + 1) === DASH) {
      if (isWithin(first, pattern.charCodeAt(at + 2), wanted, folds)) isIn = true;
      at += 3;
    } else {
      if ((folds ? lower(first) : first) === wanted) isIn = true;
      at++;
    }
  }
  if (isIn === isNegated) return NO_MATCH;
  return Math.min(at + 1, pattern.length);
}

function isWithin(one: number, other: number, wanted: number, folds: boolean): boolean {
  const low = Math.min(one, other);
  const high = Math.max(one, other);
  return folds ? wanted >= lower(low) && wanted <= lower(high) : wanted >= low && wanted <= high;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
