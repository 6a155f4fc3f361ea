// How replies and commands are written in transcripts, and read from them. One line a reply:
//
//   OK                      status
//   -ERR syntax error       error
//   "bytes\x00\n"           bulk string, escaped as redis-cli does
//   12                      integer
//   nil, nil-array          null, null array of RESP2
//   [ "a", 1, nil ]         array; [ ] when empty
//   { "k": 1 }              map            ~[ "a" ]   set            >[ "a" ]   push
//   ,1.5                    double         (123       big number     #t, #f     booleans
//   txt"bytes"              verbatim string
//
// A status or an error inside an array ends at ", ", at " ]" or at " }": texts with those in them
// cannot be written there.

import { unreachable } from "../../src/base/assert.ts";
import { bytesOfText, isBytes, type Bytes } from "../../src/base/bytes.ts";
import { formatDouble } from "../../src/resp/double.ts";
import {
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  Push,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "../../src/resp/reply.ts";

export class NotationError extends Error {
  override readonly name = "NotationError";
}

export function quoted(bytes: Bytes): string {
  let text = '"';
  for (const char of bytes) text += ESCAPES[char] ?? (isPlain(char) ? char : hexEscape(char));
  return `${text}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\x07": "\\a",
  "\b": "\\b",
};

function isPlain(char: string): boolean {
  return char >= " " && char <= "~";
}

function hexEscape(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

export function format(reply: Reply): string {
  if (reply === null) return "nil";
  if (typeof reply === "string") return quoted(reply);
  if (typeof reply === "boolean") return reply ? "#t" : "#f";
  if (typeof reply === "number" || typeof reply === "bigint") return String(reply);
  return "kind" in reply ? formatObject(reply) : list("[", reply);
}

function formatObject(reply: Exclude<Reply & object, readonly Reply[]>): string {
  switch (reply.kind) {
    case "status":
      return reply.text;
    case "error":
      return `-${reply.text}`;
    case "null-array":
      return "nil-array";
    case "double":
      return `,${reply.value}`;
    case "big-number":
      return `(${reply.digits}`;
    case "map":
      return formatMap(reply.flat);
    case "pairs":
      return list("[", reply.nested());
    case "keyed":
      return list("[", reply.nested());
    case "set":
      return list("~[", reply.items);
    case "push":
      return list(">[", reply.items);
    case "attributed":
      return format(reply.reply);
    case "verbatim":
      return reply.format + quoted(reply.text);
    default:
      return unreachable(reply);
  }
}

function list(open: string, items: readonly Reply[]): string {
  return items.length === 0 ? `${open} ]` : `${open} ${items.map(format).join(", ")} ]`;
}

function formatMap(flat: readonly Reply[]): string {
  const entries: string[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    entries.push(`${format(flat[index] ?? null)}: ${format(flat[index + 1] ?? null)}`);
  }
  return entries.length === 0 ? "{ }" : `{ ${entries.join(", ")} }`;
}

/** What a RESP2 client sees of a reply. */
export function asResp2(reply: Reply): Reply {
  if (reply === null || typeof reply === "string" || typeof reply === "number") return reply;
  if (typeof reply === "bigint") return reply;
  if (typeof reply === "boolean") return reply ? 1 : 0;
  if (!("kind" in reply)) return reply.map(asResp2);
  switch (reply.kind) {
    case "map":
    case "pairs":
      return reply.flat.map(asResp2);
    case "keyed":
      return reply.nested().map(asResp2);
    case "set":
    case "push":
      return reply.items.map(asResp2);
    case "double":
      return reply.digits ?? formatDouble(reply.value);
    case "big-number":
      return reply.digits;
    case "attributed":
      return asResp2(reply.reply);
    case "verbatim":
      return reply.text;
    case "status":
    case "error":
    case "null-array":
      return reply;
    default:
      return unreachable(reply);
  }
}

/** Reads what `format` writes. Throws NotationError. */
export function parse(text: string): Reply {
  const reader = new Reader(text);
  const reply = reader.reply(true);
  reader.end();
  return reply;
}

/** A command as typed: words, with single or double quotes where needed. Throws NotationError. */
export function parseCommand(text: string): Bytes[] {
  const reader = new Reader(text);
  const args: Bytes[] = [];
  for (;;) {
    reader.skipSpace();
    if (reader.isAtEnd) return args;
    args.push(reader.word());
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  end(): void {
    if (!this.isAtEnd) this.#fail("more than one reply");
  }

  skipSpace(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }

  word(): Bytes {
    const quote = this.#text[this.#at];
    if (quote === '"') return this.#quoted();
    if (quote === "'") {
      const close = this.#text.indexOf("'", this.#at + 1);
      if (close < 0) this.#fail("an open quote");
      const inside = this.#text.slice(this.#at + 1, close);
      this.#at = close + 1;
      return bytesOfText(inside);
    }
    const space = this.#text.indexOf(" ", this.#at);
    const until = space < 0 ? this.#text.length : space;
    const plain = this.#text.slice(this.#at, until);
    this.#at = until;
    return bytesOfText(plain);
  }

  /** `isWhole`: nothing follows, so that a status or an error may hold any text. */
  reply(isWhole: boolean): Reply {
    const rest = this.#text.slice(this.#at);
    if (rest.startsWith('"')) return this.#quoted();
    if (this.#take("[")) return this.#items(" ]");
    if (this.#take("~[")) return new SetReply(this.#items(" ]"));
    if (this.#take(">[")) return new Push(this.#items(" ]"));
    if (this.#take("{")) return new MapReply(this.#entries());
    for (const name of ["txt", "mkd"] as const) {
      if (rest.startsWith(`${name}"`)) {
        this.#at += name.length;
        return new Verbatim(name, this.#quoted());
      }
    }
    return bare(this.#bare(isWhole));
  }

  #items(close: string): Reply[] {
    const items: Reply[] = [];
    while (!this.#take(close)) {
      if (items.length > 0 && !this.#take(",")) this.#fail("a comma or an end");
      if (!this.#take(" ")) this.#fail("a space");
      items.push(this.reply(false));
    }
    return items;
  }

  #entries(): Reply[] {
    const flat: Reply[] = [];
    while (!this.#take(" }")) {
      if (flat.length > 0 && !this.#take(",")) this.#fail("a comma or an end");
      if (!this.#take(" ")) this.#fail("a space");
      flat.push(this.reply(false));
      if (!this.#take(": ")) this.#fail("a colon");
      flat.push(this.reply(false));
    }
    return flat;
  }

  #bare(isWhole: boolean): string {
    const rest = this.#text.slice(this.#at);
    const isText = /^-?[A-Za-z]/.test(rest);
    const ends = isText ? /, | \]| \}/ : /, | \]| \}|: /;
    const length = isWhole ? rest.length : rest.search(ends);
    if (length <= 0) this.#fail("a reply");
    this.#at += length;
    return rest.slice(0, length);
  }

  #quoted(): Bytes {
    const pattern = /"((?:[^"\\]|\\x[\da-fA-F]{2}|\\.)*)"/y;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) this.#fail("a closing quote");
    this.#at = pattern.lastIndex;
    const [, inside = ""] = match;
    return unescaped(inside);
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #fail(wanted: string): never {
    throw new NotationError(`wanted ${wanted} at ${this.#at} of: ${this.#text}`);
  }
}

function unescaped(text: string): Bytes {
  const bytes = text.replace(/\\x([\da-fA-F]{2})|\\(.)/g, (_, hex?: string, letter = "") => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return UNESCAPES[letter] ?? letter;
  });
  if (!isBytes(bytes)) throw new NotationError(`write bytes as \\x..: ${text}`);
  return bytes;
}

const UNESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
};

function bare(text: string): Reply {
  if (text === "nil") return null;
  if (text === "nil-array") return NULL_ARRAY;
  if (text === "#t" || text === "#f") return text === "#t";
  if (/^-?\d+$/.test(text)) {
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : BigInt(text);
  }
  if (text.startsWith("-")) return new ErrorReply(text.slice(1));
  if (text.startsWith(",")) return new Double(Number(text.slice(1)));
  if (text.startsWith("(")) return new BigNumber(text.slice(1));
  return new Status(text);
}
