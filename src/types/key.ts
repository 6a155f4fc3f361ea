// What every key has, whatever it holds: the name of its type, Redis's name for its encoding, and
// moving its content to another key.

import type { Bytes } from "../base/bytes.ts";
import {
  ABSENT,
  HASH,
  LIST,
  SET,
  SORTED_SET,
  STREAM,
  STRING,
  type Kind,
} from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import * as hash from "./hash.ts";
import * as list from "./list.ts";
import { parseInteger } from "./number.ts";
import * as sortedSet from "./sorted-set.ts";
import * as set from "./set.ts";

/** Longer strings are "raw" in Redis: header, string and the closing zero fill 64 bytes. */
const EMBEDDED_BYTES_MAX = 44;
/** Redis keeps one object for each of these numbers, and says so by this reference count. */
const SHARED_INTEGER_COUNT = 10_000;
const SHARED_REFERENCES = 2 ** 31 - 1;

const TYPE_NAMES: { readonly [kind in Kind]: string } = {
  [ABSENT]: "none",
  [STRING]: "string",
  [LIST]: "list",
  [SET]: "set",
  [SORTED_SET]: "zset",
  [HASH]: "hash",
  [STREAM]: "stream",
};

/** The names of TYPE and of SCAN's TYPE option. */
export function typeName(kind: Kind): string {
  return TYPE_NAMES[kind];
}

/** The encoding that Redis would give to a value just set. */
export function encodingName(record: Record, view: View): string {
  if (record.kind === STREAM) return "stream";
  if (record.kind === HASH) return hash.encodingName(view, record);
  if (record.kind === SET) return set.encodingName(view, record);
  if (record.kind === LIST) return list.encodingName(view, record);
  if (record.kind === SORTED_SET) return sortedSet.encodingName(view, record);
  const { value } = record;
  if (typeof value !== "string" || record.isRaw) return "raw";
  if (parseInteger(value) !== null) return "int";
  return value.length <= EMBEDDED_BYTES_MAX ? "embstr" : "raw";
}

export function referenceCount(record: Record): number {
  const number = typeof record.value === "string" ? parseInteger(record.value) : null;
  const isShared = number !== null && number >= 0 && number < SHARED_INTEGER_COUNT;
  return isShared ? SHARED_REFERENCES : 1;
}

/** Gives the content of `source`, expiry included, to `key` of the database in view. Throws COLD. */
export function putCopy(view: View, source: Record, key: Bytes): Record {
  // Removed first: what comes is a new key, not a new value of the old one.
  view.remove(key);
  const { isRaw } = source;
  const copy = view.copy(source, key);
  if (isRaw) copy.changedInPlace = copy.value;
  return copy;
}

/** As `putCopy`, and empties `source`: what is known of its use goes with its content. */
export function putMoved(view: View, source: Record, key: Bytes): void {
  const { kind, value, expiryMs, accessedAtSeconds, frequency, isRaw } = source;
  view.remove(key);
  const record = view.canAdopt(source)
    ? view.set(key, { kind, value, expiryMs })
    : view.copy(source, key);
  record.accessedAtSeconds = accessedAtSeconds;
  record.frequency = frequency;
  if (isRaw) record.changedInPlace = value;
  if (record.value === value) view.leave(source);
  else view.discard(source);
}
