// A line of a configuration file, as words and back. The rules of quoting are Redis's: "..." knows
// \xHH, \n, \r, \t, \b and \a, '...' knows only \', and a closing quote ends its word.

import type { Bytes } from "../base/bytes.ts";

const BLANK = /[ \t\n\v\f\r]/;
const PLAIN_WORD = /^[!#-&(-[\]-~]+$/;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };
const ESCAPES_BACK = new Map(Object.entries(ESCAPES).map(([letter, byte]) => [byte, letter]));

/** The words of a line, or null when its quotes do not fit. */
export function splitLine(line: Bytes): Bytes[] | null {
  const words: Bytes[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && BLANK.test(line.charAt(at))) at++;
    if (at === line.length) return words;
    const word = takeWord(line, at);
    if (word === null) return null;
    words.push(word.text);
    at = word.end;
  }
}

/** A word as it has to stand in a file to be read back as it is. */
export function quoteWord(word: Bytes): Bytes {
  if (PLAIN_WORD.test(word)) return word;
  return `"${word.replaceAll(/[^ !#-[\]-~]/g, escape)}"`;
}

export function joinWords(words: readonly Bytes[]): Bytes {
  return words.map(quoteWord).join(" ");
}

function takeWord(line: Bytes, start: number): { text: Bytes; end: number } | null {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const char = line.charAt(at);
    if (BLANK.test(char)) return { text, end: at };
    if (char === '"' || char === "'") {
      const quoted = char === '"' ? takeDoubleQuoted(line, at + 1) : takeSingleQuoted(line, at + 1);
      if (quoted === null) return null;
      const { end } = quoted;
      if (end < line.length && !BLANK.test(line.charAt(end))) return null;
      return { text: text + quoted.text, end };
    }
    text += char;
  }
  return { text, end: line.length };
}

function takeDoubleQuoted(line: Bytes, start: number): { text: Bytes; end: number } | null {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === '"') return { text, end: at + 1 };
    if (char !== "\\" || at + 1 === line.length) {
      text += char;
      continue;
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4));
    const letter = line.charAt(at + 1);
    text += hex === null ? (ESCAPES[letter] ?? letter) : byteOf(hex[1] ?? "");
    at += hex === null ? 1 : 3;
  }
  return null;
}

function takeSingleQuoted(line: Bytes, start: number): { text: Bytes; end: number } | null {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === "'") return { text, end: at + 1 };
    const isEscaped = char === "\\" && line.charAt(at + 1) === "'";
    if (isEscaped) at++;
    text += line.charAt(at);
  }
  return null;
}

function byteOf(hex: string): Bytes {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function escape(char: string): string {
  const letter = ESCAPES_BACK.get(char);
  if (letter !== undefined) return `\\${letter}`;
  if (char === '"' || char === "\\") return `\\${char}`;
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
