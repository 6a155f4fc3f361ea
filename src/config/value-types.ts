// The plain kinds of values a setting can have: how each is read from words, what it refuses (in
// Redis's words, which clients and tests know), and how it is written back. Kinds that only one
// setting has are in special-types.ts.

import { bytesOfText, textOfBytes, type Bytes } from "../base/bytes.ts";

/** A value that a setting does not take; the message is what the operator or client reads. */
export class BadValue extends Error {
  override readonly name = "BadValue";
}

export interface ValueType<T> {
  /** What it takes, for the documentation. */
  readonly takes: string;
  /** Whether a directive has several words after its name; CONFIG SET then splits its argument. */
  readonly takesMany: boolean;
  /** Whether a line of the file may hold the name alone. */
  readonly takesNone?: boolean;
  /**
   * Where CONFIG SET and the first line of a file start from, for a setting of which every line adds
   * something; absent when a line starts from the value before it.
   */
  readonly startsFrom?: T;
  /** Throws BadValue. */
  parse(words: readonly Bytes[], before: T): T;
  /** As CONFIG GET answers. */
  format(value: T): Bytes;
  /** As in a file: the words after the name, a list for each line; none for "say nothing". */
  lines(value: T): readonly (readonly Bytes[])[];
}

/** A type whose directive has exactly one word. */
export function single<T>(
  takes: string,
  parse: (word: Bytes) => T,
  format: (value: T) => Bytes,
  formatInFile: (value: T) => Bytes = format,
): ValueType<T> {
  return {
    takes,
    takesMany: false,
    parse(words) {
      const [word] = words;
      if (word === undefined || words.length > 1) throw new BadValue("wrong number of arguments");
      return parse(word);
    },
    format,
    lines: (value) => [[formatInFile(value)]],
  };
}

export const flag: ValueType<boolean> = single(
  "yes or no",
  (word) => {
    const lower = word.toLowerCase();
    if (lower !== "yes" && lower !== "no") throw new BadValue("argument must be 'yes' or 'no'");
    return lower === "yes";
  },
  (value) => (value ? "yes" : "no"),
);

/** Any bytes. */
export const text: ValueType<Bytes> = single(
  "text",
  (word) => word,
  (value) => value,
);

/** A path, as the text Node's fs takes; it has to be UTF-8. */
export const path: ValueType<string> = single(
  "a path",
  (word) => {
    const decoded = textOfBytes(word);
    if (bytesOfText(decoded) !== word) throw new BadValue("the path must be valid UTF-8");
    if (decoded.includes("\0")) throw new BadValue("the path must not hold a NUL byte");
    return decoded;
  },
  bytesOfText,
);

/** A path without a folder in it. */
export const fileName: ValueType<string> = {
  ...path,
  takes: "a file name",
  parse(words, before) {
    const name = path.parse(words, before);
    if (name.includes("/")) throw new BadValue("it can't be a path, just a filename");
    return name;
  },
};

/** Bounds beyond what a double holds exactly are not offered: no setting needs them. */
export const MOST = Number.MAX_SAFE_INTEGER;
export const INT_MAX = 2_147_483_647;

export function integer(min: number, max: number): ValueType<number> {
  const upTo = max >= INT_MAX ? "" : ` to ${max}`;
  return single(
    upTo === "" ? `a whole number from ${min}` : `${min}${upTo}`,
    (word) => {
      if (!/^(?:0|-?[1-9][0-9]*)$/.test(word)) {
        throw new BadValue("argument couldn't be parsed into an integer");
      }
      return within(Number(word), min, max);
    },
    String,
  );
}

/** A whole number that is brought into its bounds instead of refused, as Redis does with `hz`. */
export function clamped(min: number, max: number): ValueType<number> {
  const any = integer(0, INT_MAX);
  return {
    ...any,
    takes: `${min} to ${max}`,
    parse: (words, before) => Math.max(min, Math.min(max, any.parse(words, before))),
  };
}

export const octal: ValueType<number> = single(
  "permissions in octal",
  (word) => {
    if (!/^[0-7]+$/.test(word)) {
      throw new BadValue("argument couldn't be parsed as an octal number");
    }
    const value = Number.parseInt(word, 8);
    if (value > 0o777) throw new BadValue("argument must be between 0 and 777 inclusive");
    return value;
  },
  (value) => value.toString(8),
);

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** Bytes from "100", "64kb", "1gb" ...: k, m, g are powers of 1000; kb, mb, gb of 1024. */
export function parseMemory(word: Bytes): number | null {
  const match = /^([0-9]+)([a-z]*)$/i.exec(word);
  if (match === null) return null;
  const unit = UNITS[(match[2] ?? "").toLowerCase()];
  if (unit === undefined) return null;
  const size = Number(match[1]) * unit;
  return size <= MOST ? size : null;
}

/** The shortest spelling with a unit that means exactly as many bytes. */
export function formatMemory(size: number): string {
  if (size > 0 && size % 1024 ** 3 === 0) return `${size / 1024 ** 3}gb`;
  if (size > 0 && size % 1024 ** 2 === 0) return `${size / 1024 ** 2}mb`;
  if (size > 0 && size % 1024 === 0) return `${size / 1024}kb`;
  return String(size);
}

export function memory(min: number, max: number): ValueType<number> {
  const parse = (word: Bytes): number => {
    const size = parseMemory(word);
    if (size === null) throw new BadValue("argument must be a memory value");
    return within(size, min, max);
  };
  const from = min > 0 ? ` from ${formatMemory(min)}` : "";
  const upTo = max < MOST ? ` up to ${formatMemory(max)}` : "";
  return single(`memory${from}${upTo}`, parse, String, formatMemory);
}

/** Memory, or a share of `maxmemory`: a value below zero is a percentage, as Redis keeps it. */
export function memoryOrPercent(): ValueType<number> {
  const parse = (word: Bytes): number => {
    const match = /^([0-9]+)%$/.exec(word);
    if (match === null) {
      const size = parseMemory(word);
      if (size === null) throw new BadValue("argument must be a memory or percent value");
      return size;
    }
    const percent = Number(match[1]);
    if (percent > 100) throw new BadValue("percentage argument must be less or equal to 100");
    return percent === 0 ? 0 : -percent;
  };
  const format = (value: number): string => (value < 0 ? `${-value}%` : String(value));
  const inFile = (value: number): string => (value < 0 ? `${-value}%` : formatMemory(value));
  return single("memory, or a percentage of maxmemory", parse, format, inFile);
}

export function choice<const Option extends string>(...options: Option[]): ValueType<Option> {
  return single(
    options.join(", "),
    (word) => {
      const lower = word.toLowerCase();
      const found = options.find((option) => option === lower);
      if (found === undefined) throw notOneOf(options);
      return found;
    },
    (value) => value,
  );
}

/** Several of the options at once. */
export function choices<const Option extends string>(
  ...options: Option[]
): ValueType<readonly Option[]> {
  return {
    takes: `one or more of ${options.join(", ")}`,
    takesMany: true,
    parse(words) {
      const found = words.map((word) => options.find((option) => option === word.toLowerCase()));
      if (found.length === 0) throw new BadValue("wrong number of arguments");
      const known = options.filter((option) => found.includes(option));
      if (found.includes(undefined)) throw notOneOf(options);
      return known;
    },
    format: (value) => value.join(" "),
    lines: (value) => [value],
  };
}

/** Words that mean nothing to the table; an empty one stands for none. */
export const words: ValueType<readonly Bytes[]> = {
  takes: "words",
  takesMany: true,
  parse: (given) => given.filter((word) => word !== ""),
  format: (value) => value.join(" "),
  lines: (value) => [value.length === 0 ? [""] : value],
};

/** Refuses, with a reason, all but one value: for what Kept cannot do and must not pretend to. */
export function only<T>(type: ValueType<T>, value: T, reason: string): ValueType<T> {
  const allowed = type.format(value);
  return {
    ...type,
    takes: allowed === "" ? "nothing" : `${allowed} only`,
    parse(given, before) {
      const parsed = type.parse(given, before);
      if (type.format(parsed) !== allowed) throw new BadValue(reason);
      return parsed;
    },
  };
}

function within(value: number, min: number, max: number): number {
  if (value < min || value > max) {
    throw new BadValue(`argument must be between ${min} and ${max} inclusive`);
  }
  return value;
}

function notOneOf(options: readonly string[]): BadValue {
  return new BadValue(`argument(s) must be one of the following: ${options.join(", ")}`);
}
