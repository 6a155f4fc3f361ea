// cjson.decode: JSON text to Lua values, pushed as they are read. Errors in lua-cjson's words: what was
// expected, what was found, and the character (from 1) where.

import type { Bytes } from "../base/bytes.ts";
import { LuaError, type LuaMachine } from "./machine.ts";

const SLOTS = 8;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
};
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;
const INVALID_NUMBER = /[+-]?(?:nan|inf(?:inity)?)/iy;
const WORDS: readonly (readonly [string, "true" | "false" | "null"])[] = [
  ["true", "true"],
  ["false", "false"],
  ["null", "null"],
];

interface JsonLimits {
  readonly depthMax: number;
  /** Whether NaN, Infinity and hexadecimal numbers are taken. */
  readonly invalidNumbers: boolean;
}

export class JsonReader {
  readonly #lua: LuaMachine;
  readonly #text: Bytes;
  readonly #limits: JsonLimits;
  #at = 0;
  #depth = 0;

  constructor(lua: LuaMachine, text: Bytes, limits: JsonLimits) {
    this.#lua = lua;
    this.#text = text;
    this.#limits = limits;
  }

  /** Pushes the value that the whole text is. Throws LuaError. */
  readAll(): void {
    const { length } = this.#text;
    if (length >= 2 && (this.#text[0] === "\0" || this.#text[1] === "\0")) {
      throw new LuaError("JSON parser does not support UTF-16 or UTF-32");
    }
    this.#value();
    this.#space();
    if (this.#at < length) throw this.#expected("the end");
  }

  #space(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return;
    }
  }

  #value(): void {
    this.#space();
    const character = this.#text.charAt(this.#at);
    switch (character) {
      case "{":
        this.#object();
        return;
      case "[":
        this.#array();
        return;
      case '"':
        this.#lua.pushString(this.#string());
        return;
      default:
        if (!this.#word() && !this.#number()) throw this.#expected("value");
    }
  }

  #word(): boolean {
    for (const [word, meaning] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      if (meaning === "null") this.#lua.pushNullPointer();
      else this.#lua.pushBoolean(meaning === "true");
      return true;
    }
    return false;
  }

  #number(): boolean {
    const text = this.#matched(NUMBER);
    if (text !== null) {
      const isHex = /x/i.test(text);
      const isOdd = isHex || /^[+-]?0\d/.test(text) || text.startsWith("+");
      if (isOdd && !this.#limits.invalidNumbers) {
        throw this.#problem("invalid number");
      }
      this.#at += text.length;
      this.#lua.pushNumber(isHex ? hexOf(text) : Number(text));
      return true;
    }
    const word = this.#matched(INVALID_NUMBER);
    if (word === null) {
      if (/[+-]/.test(this.#text.charAt(this.#at))) throw this.#problem("invalid number");
      return false;
    }
    if (!this.#limits.invalidNumbers) throw this.#problem("invalid number");
    this.#at += word.length;
    const isNan = /nan/i.test(word);
    this.#lua.pushNumber(isNan ? NaN : word.startsWith("-") ? -Infinity : Infinity);
    return true;
  }

  #matched(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? null;
  }

  #string(expected = "value"): Bytes {
    const begin = this.#at + 1;
    let from = begin;
    let out = "";
    for (let at = begin; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (Number.isNaN(code) || code === 0) {
        this.#at = at;
        throw this.#problem("unexpected end of string", expected);
      }
      if (code === 0x22) {
        this.#at = at + 1;
        return out + this.#text.slice(from, at);
      }
      if (code !== 0x5c) continue;
      out += this.#text.slice(from, at);
      this.#at = at;
      const { bytes, next } = this.#escape(at + 1, expected);
      out += bytes;
      from = next;
      at = next - 1;
    }
  }

  #escape(at: number, expected: string): { bytes: Bytes; next: number } {
    const letter = this.#text.charAt(at);
    const plain = ESCAPES[letter];
    if (plain !== undefined) return { bytes: plain, next: at + 1 };
    if (letter !== "u") throw this.#problem("invalid escape code", expected);
    const unit = this.#hex4(at + 1);
    if (unit === null) throw this.#problem("invalid unicode escape code", expected);
    if (unit < 0xd800 || unit > 0xdfff) return { bytes: utf8(unit), next: at + 5 };
    const low = this.#text.startsWith("\\u", at + 5) ? this.#hex4(at + 7) : null;
    if (unit > 0xdbff || low === null || low < 0xdc00 || low > 0xdfff) {
      throw this.#problem("invalid unicode escape code", expected);
    }
    const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    return { bytes: utf8(point), next: at + 11 };
  }

  #hex4(at: number): number | null {
    const digits = this.#text.slice(at, at + 4);
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : null;
  }

  #descend(): void {
    this.#depth++;
    if (this.#depth > this.#limits.depthMax) {
      throw new LuaError(
        `Found too many nested data structures (${this.#depth}) at character ${this.#at + 1}`,
      );
    }
    this.#lua.reserve(SLOTS);
  }

  #array(): void {
    this.#descend();
    this.#at++;
    this.#lua.newTable(0, 0);
    this.#space();
    if (this.#text[this.#at] !== "]") {
      for (let index = 1; ; index++) {
        this.#value();
        this.#lua.rawSetAt(-2, index);
        this.#space();
        const character = this.#text[this.#at];
        if (character === "]") break;
        if (character !== ",") throw this.#expected("comma or array end");
        this.#at++;
      }
    }
    this.#at++;
    this.#depth--;
  }

  #object(): void {
    this.#descend();
    this.#at++;
    this.#lua.newTable(0, 0);
    this.#space();
    if (this.#text[this.#at] !== "}") {
      for (;;) {
        this.#space();
        if (this.#text[this.#at] !== '"') throw this.#expected("object key string");
        this.#lua.pushString(this.#string("object key string"));
        this.#space();
        if (this.#text[this.#at] !== ":") throw this.#expected("colon");
        this.#at++;
        this.#value();
        this.#lua.rawSet(-3);
        this.#space();
        const character = this.#text[this.#at];
        if (character === "}") break;
        if (character !== ",") throw this.#expected("comma or object end");
        this.#at++;
      }
    }
    this.#at++;
    this.#depth--;
  }

  /** Throws LuaError itself when what stands there is no token: a string that is wrong inside. */
  #expected(what: string): LuaError {
    const begin = this.#at;
    if (this.#text[begin] === '"') this.#string(what);
    this.#at = begin;
    return new LuaError(`Expected ${what} but found ${this.#found()} at character ${this.#at + 1}`);
  }

  #problem(found: string, expected = "value"): LuaError {
    return new LuaError(`Expected ${expected} but found ${found} at character ${this.#at + 1}`);
  }

  /** The token that stands there, by lua-cjson's names. */
  #found(): string {
    const character = this.#text.charAt(this.#at);
    switch (character) {
      case "":
        return "T_END";
      case "{":
        return "T_OBJ_BEGIN";
      case "}":
        return "T_OBJ_END";
      case "[":
        return "T_ARR_BEGIN";
      case "]":
        return "T_ARR_END";
      case ",":
        return "T_COMMA";
      case ":":
        return "T_COLON";
      case '"':
        return "T_STRING";
      default:
        if (this.#matched(NUMBER) !== null || this.#matched(INVALID_NUMBER) !== null) {
          return "T_NUMBER";
        }
        if (/^(?:true|false)/.test(this.#text.slice(this.#at, this.#at + 5))) return "T_BOOLEAN";
        return this.#text.startsWith("null", this.#at) ? "T_NULL" : "invalid token";
    }
  }
}

function hexOf(text: string): number {
  const isNegative = text.startsWith("-");
  const value = Number(text.replace(/^[+-]/, ""));
  return isNegative ? -value : value;
}

function utf8(point: number): Bytes {
  return Buffer.from(String.fromCodePoint(point), "utf8").latin1Slice();
}
