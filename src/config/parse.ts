// Configuration files: redis.conf's syntax, into directives with the place they stand at. The disk
// is not touched here: reading comes in as a function. A file that cannot be read to its end is an
// error, never half a configuration.

import { textOfBytes, type Bytes } from "../base/bytes.ts";
import { splitLine } from "./words.ts";

/** Where a directive stands. */
export interface Place {
  /** As in "the configuration file kept.conf". */
  readonly source: string;
  /** From 1. */
  readonly line: number;
  /** The line itself, trimmed. */
  readonly text: Bytes;
}

export interface Directive {
  readonly place: Place;
  /** In lower case. */
  readonly name: string;
  readonly words: readonly Bytes[];
}

/** What a file holds, or why it cannot be read, in the system's words. */
export type ReadFile = (path: string) => { readonly content: Bytes } | { readonly problem: string };

/** Why the server must not start: the message tells the place, the directive and the reason. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly place: Place | null;

  constructor(reason: string, place: Place | null) {
    super(reason);
    this.place = place;
  }

  /** For standard error, in the form redis-server uses, which tools look for. */
  report(version: string): string {
    const lines = ["", `*** FATAL CONFIG FILE ERROR (Kept ${version}) ***`];
    if (this.place !== null) {
      lines.push(`Reading ${this.place.source}, at line ${this.place.line}`);
      lines.push(`>>> '${textOfBytes(this.place.text)}'`);
    }
    lines.push(this.message, "");
    return lines.join("\n");
  }
}

const INCLUDES_MAX = 16;

/** The directives of a file, includes in their places. Throws ConfigError. */
export function readFile(path: string, read: ReadFile): Directive[] {
  return new Reader(read).file(path, null);
}

/** The directives of a text; `source` names it in errors. Throws ConfigError. */
export function readText(content: Bytes, source: string, read: ReadFile): Directive[] {
  return new Reader(read).text(content, source);
}

class Reader {
  readonly #read: ReadFile;
  /** The files being read, outermost first. */
  readonly #open: string[] = [];

  constructor(read: ReadFile) {
    this.#read = read;
  }

  file(path: string, includedAt: Place | null): Directive[] {
    if (this.#open.includes(path)) {
      throw new ConfigError(
        `${path} includes itself: ${this.#open.join(", ")}, ${path}`,
        includedAt,
      );
    }
    if (this.#open.length === INCLUDES_MAX) {
      throw new ConfigError(`more than ${INCLUDES_MAX} files include each other`, includedAt);
    }
    const got = this.#read(path);
    if ("problem" in got) {
      throw new ConfigError(`can't open config file '${path}': ${got.problem}`, includedAt);
    }
    this.#open.push(path);
    const directives = this.text(got.content, `the configuration file ${path}`);
    this.#open.pop();
    return directives;
  }

  text(content: Bytes, source: string): Directive[] {
    const directives: Directive[] = [];
    for (const [index, line] of content.split("\n").entries()) {
      const place: Place = { source, line: index + 1, text: trimLine(line) };
      const directive = readLine(place);
      if (directive === null) continue;
      if (directive.name === "include") directives.push(...this.#include(directive));
      else directives.push(directive);
    }
    return directives;
  }

  #include({ words, place }: Directive): Directive[] {
    const [path] = words;
    if (path === undefined || path === "" || words.length > 1) {
      throw new ConfigError("wrong number of arguments", place);
    }
    return this.file(textOfBytes(path), place);
  }
}

/** Null for a comment or an empty line. */
function readLine(place: Place): Directive | null {
  if (place.text === "" || place.text.startsWith("#")) return null;
  if (place.text.includes("\0")) {
    const visible = { ...place, text: place.text.replaceAll("\0", "\\x00") };
    throw new ConfigError("the line holds a NUL byte: not a configuration file?", visible);
  }
  const words = splitLine(place.text);
  if (words === null) throw new ConfigError("Unbalanced quotes in configuration line", place);
  const [name = "", ...rest] = words;
  return { place, name: name.toLowerCase(), words: rest };
}

export function trimLine(line: Bytes): Bytes {
  return line.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
}
