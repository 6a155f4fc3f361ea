// A key's value as a text that another server understands, and back: DUMP and RESTORE.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { BadDump, decodeDump, encodeDump, type DumpedValue } from "../encoding/rdb.ts";
import { EXPIRY_MS_MAX, HASH, LIST, SET, SORTED_SET, STREAM, STRING } from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import * as hash from "./hash.ts";
import * as list from "./list.ts";
import * as set from "./set.ts";
import * as sortedSet from "./sorted-set.ts";
import * as stream from "./stream-dump.ts";

const BAD_FOOTER = new CommandError("ERR DUMP payload version or checksum are wrong");
const BAD_FORMAT = new CommandError("ERR Bad data format");

/** Throws COLD. */
export function dump(view: View, record: Record): Bytes {
  if (record.kind === HASH) return encodeDump(hash.dumped(view, record));
  if (record.kind === LIST) return encodeDump(list.dumped(view, record));
  if (record.kind === SET) return encodeDump(set.dumped(view, record));
  if (record.kind === SORTED_SET) return encodeDump(sortedSet.dumped(view, record));
  if (record.kind === STREAM) return encodeDump(stream.dumped(view, record));
  assert(typeof record.value === "string", "a record that was found");
  return encodeDump({ kind: STRING, value: record.value });
}

/** Throws the two errors of RESTORE. */
export function read(payload: Bytes): DumpedValue {
  try {
    return decodeDump(payload);
  } catch (error) {
    if (!(error instanceof BadDump)) throw error;
    throw error.reason === "footer" ? BAD_FOOTER : BAD_FORMAT;
  }
}

/** Makes a key of what `read` gave; `expiryMs` 0 for no expiry. The key is not there. */
export function restore(view: View, key: Bytes, dumped: DumpedValue, expiryMs: number): Record {
  const expiry = Math.min(expiryMs, EXPIRY_MS_MAX);
  if (dumped.kind === HASH) return hash.restore(view, key, dumped, expiry);
  if (dumped.kind === LIST) return list.restore(view, key, dumped.texts, expiry);
  if (dumped.kind === SET) return set.restore(view, key, dumped, expiry);
  if (dumped.kind === SORTED_SET) return sortedSet.restore(view, key, dumped, expiry);
  if (dumped.kind === STREAM) return stream.restore(view, key, dumped, expiry);
  return view.set(key, { kind: dumped.kind, value: dumped.value, expiryMs: expiry });
}
