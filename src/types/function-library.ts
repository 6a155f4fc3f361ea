// The libraries of functions (FUNCTION LOAD): data of the server as a whole, in one record of the system
// database, so that a change to them is committed, refused and undone like any other write.
//
// Layout, version 1 (docs/encoding.md, "Libraries of functions"): a string under the key "functions"
//
//   offset  size  field
//   0       1     version, 0x01
//   1       n     the code of each library, sized; in the order in which they were loaded

import type { Bytes } from "../base/bytes.ts";
import { BadDump } from "../encoding/rdb-string.ts";
import { decodeFunctions, encodeFunctions } from "../encoding/rdb-functions.ts";
import { CorruptRecord, STRING } from "../encoding/record.ts";
import { PayloadReader, sizedSize, writeSized } from "../encoding/varint.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";

/** No ONCE token has such a key: theirs hold a zero. */
const KEY = "functions";
const VERSION = "\x01";
const LIBRARY_NAME = /^[A-Za-z0-9_]+$/;
const BAD_DUMP = new CommandError("ERR DUMP payload version or checksum are wrong");
const BAD_LIBRARY = new CommandError("ERR failed loading the given functions payload");

/** The record's bytes as last decoded: the same string is the same libraries. */
let decodedFrom: Bytes | null = null;
let decoded: readonly Bytes[] = [];

/** The code of every library. The same array as before while nothing has changed. Throws COLD, CorruptRecord. */
export function read(view: View): readonly Bytes[] {
  const record = view.inSystem(() => view.peek(KEY));
  const value = record?.value ?? "";
  if (typeof value !== "string") throw new CorruptRecord("the libraries are no string");
  if (value !== decodedFrom) {
    decoded = value === "" ? [] : decode(value);
    decodedFrom = value;
  }
  return decoded;
}

export function write(view: View, codes: readonly Bytes[]): void {
  view.inSystem(() => {
    if (codes.length === 0) view.remove(KEY);
    else view.set(KEY, { kind: STRING, value: encode(codes), expiryMs: 0 });
  });
}

export function encode(codes: readonly Bytes[]): Bytes {
  let size = 0;
  for (const code of codes) size += sizedSize(code);
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for (const code of codes) at = writeSized(target, at, code);
  return VERSION + target.latin1Slice();
}

/** Throws CorruptRecord. */
export function decode(value: Bytes): readonly Bytes[] {
  if (!value.startsWith(VERSION)) {
    throw new CorruptRecord(`libraries of version ${value.charCodeAt(0)}`);
  }
  const reader = new PayloadReader(
    value,
    1,
    () => new CorruptRecord("the libraries do not decode"),
  );
  const codes: Bytes[] = [];
  while (reader.at < value.length) codes.push(reader.sized());
  return codes;
}

/** As FUNCTION DUMP answers. Throws COLD. */
export function dump(view: View): Bytes {
  return encodeFunctions(read(view));
}

/** The code of each library of a dump. Throws CommandError. */
export function undump(payload: Bytes): readonly Bytes[] {
  try {
    return decodeFunctions(payload);
  } catch (error) {
    if (!(error instanceof BadDump)) throw error;
    throw error.reason === "footer" ? BAD_DUMP : BAD_LIBRARY;
  }
}

/** The name that a library's first line gives it. Throws CommandError. */
export function nameOf(source: Bytes): Bytes {
  if (!source.startsWith("#!")) throw new CommandError("ERR Missing library metadata");
  const end = source.indexOf("\n");
  const words = source
    .slice(0, end === -1 ? source.length : end)
    .trimEnd()
    .split(" ")
    .filter((word) => word !== "");
  const [engine = "", ...options] = words;
  if (end === -1) throw new CommandError("ERR Invalid library metadata");
  if (engine.slice(2).toLowerCase() !== "lua") {
    throw new CommandError(`ERR Engine '${engine.slice(2)}' not found`);
  }
  let name: Bytes | null = null;
  for (const option of options) {
    if (!/^name=/i.test(option))
      throw new CommandError(`ERR Invalid metadata value given: ${option}`);
    if (name !== null) {
      throw new CommandError("ERR Invalid metadata value, name argument was given multiple times");
    }
    name = unquoted(option.slice("name=".length));
  }
  if (name === null) throw new CommandError("ERR Library name was not given");
  if (!LIBRARY_NAME.test(name)) {
    throw new CommandError(
      "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    );
  }
  return name;
}

/** Redis splits the line as it splits what is typed into redis-cli: a word may stand in quotes. */
function unquoted(word: Bytes): Bytes {
  const [quote] = word;
  const isQuoted = word.length > 1 && (quote === '"' || quote === "'") && word.endsWith(quote);
  return isQuoted ? word.slice(1, -1) : word;
}
