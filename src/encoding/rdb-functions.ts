// Libraries of functions as FUNCTION DUMP carries them between servers: Redis's format of a dump, with an entry
// for each library in place of a value:
//
//   (0xf5 code:string)... rdb version:u16 crc64:u64
//
// Strings and the end as in rdb.ts.

import type { Bytes } from "../base/bytes.ts";
import { RDB_VERSION, sealed, unsealed } from "./rdb.ts";
import { BadDump, decodeString, DumpReader, encodeString } from "./rdb-string.ts";

const LIBRARY = "\xf5";

export function encodeFunctions(codes: readonly Bytes[]): Bytes {
  return sealed(codes.map((code) => LIBRARY + encodeString(code)).join(""), RDB_VERSION);
}

/** The code of each library. Throws BadDump. */
export function decodeFunctions(dump: Bytes): readonly Bytes[] {
  const end = unsealed(dump);
  const reader = new DumpReader(dump, 0, end);
  const codes: Bytes[] = [];
  while (!reader.isAtEnd) {
    if (reader.byte() !== LIBRARY.charCodeAt(0)) throw new BadDump("format");
    codes.push(decodeString(reader));
  }
  return codes;
}
