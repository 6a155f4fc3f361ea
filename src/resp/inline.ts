// An inline command: one line, split into words as Redis does.
//
// Words are parted by blanks. A quote opens anywhere in a word and must be followed by a blank or
// the end when it closes. Inside "..." a backslash escapes: \xHH a byte, \n \r \t \b \a the usual,
// anything else itself. Inside '...' only \' is an escape. A zero byte is a byte like any other
// here; Redis, whose line is a C string, would not see what follows it.

import type { Bytes } from "../base/bytes.ts";

const BACKSLASH = 92;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const LETTER_X = 120;

/** The words of `line` (without its line end), or null when a quote is left open. */
export function splitInline(line: Buffer): Bytes[] | null {
  const words: Bytes[] = [];
  const word = Buffer.allocUnsafe(line.length);
  let position = 0;
  for (;;) {
    while (position < line.length && isSpace(line[position])) position++;
    if (position === line.length) return words;
    let length = 0;
    let quote = 0;
    for (;;) {
      const byte = line[position];
      if (byte === undefined) {
        if (quote !== 0) return null;
        break;
      }
      if (quote === 0) {
        if (endsWord(byte)) break;
        if (isQuote(byte)) quote = byte;
        else word[length++] = byte;
        position++;
      } else if (byte === quote) {
        position++;
        if (position < line.length && !isSpace(line[position])) return null;
        break;
      } else {
        const taken = escapeLength(line, position, quote);
        word[length++] = taken === 1 ? byte : unescape(line, position, taken);
        position += taken;
      }
    }
    words.push(word.latin1Slice(0, length));
  }
}

function isQuote(byte: number): boolean {
  return byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE;
}

/** How many bytes at `position`, inside quotes, stand for one. */
function escapeLength(line: Buffer, position: number, quote: number): number {
  if (line[position] !== BACKSLASH) return 1;
  const next = line[position + 1];
  if (quote === SINGLE_QUOTE) return next === SINGLE_QUOTE ? 2 : 1;
  if (next === undefined) return 1;
  if (next !== LETTER_X) return 2;
  return hexDigit(line[position + 2]) >= 0 && hexDigit(line[position + 3]) >= 0 ? 4 : 2;
}

function unescape(line: Buffer, position: number, length: number): number {
  if (length === 4) return hexDigit(line[position + 2]) * 16 + hexDigit(line[position + 3]);
  const letter = line[position + 1] ?? 0;
  switch (letter) {
    case 110: // n
      return 10;
    case 114: // r
      return 13;
    case 116: // t
      return 9;
    case 98: // b
      return 8;
    case 97: // a
      return 7;
    default:
      return letter;
  }
}

/** The value of a hexadecimal digit, or -1. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13);
}

/** Fewer bytes than isSpace: a vertical tab or form feed parts words, but not inside one. */
function endsWord(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13;
}
