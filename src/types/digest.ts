// A hash of what a key holds, for DEBUG DIGEST: the same for the same content, whatever form it is kept
// in, and in whatever order sets and hashes came to have it.

import { createHash } from "node:crypto";

import type { Bytes } from "../base/bytes.ts";
import { ABSENT, HASH, LIST, SET, SORTED_SET, STREAM, STRING } from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { dump } from "./dump.ts";
import * as hash from "./hash.ts";
import { typeName } from "./key.ts";
import * as list from "./list.ts";
import * as set from "./set.ts";
import * as sortedSet from "./sorted-set.ts";

export const DIGEST_BYTES = 20;

/** The digest of a record's value and type. Throws COLD. */
export function digestOf(view: View, record: Record): Buffer {
  const sum = Buffer.alloc(DIGEST_BYTES);
  switch (record.kind) {
    case LIST:
      return hashOf(["list", ...list.range(view, record, 0, list.length(view, record))]);
    case SET:
      for (const member of set.members(view, record)) mix(sum, hashOf([member]));
      break;
    case HASH:
      hash.forEach(view, record, (field, value) => mix(sum, hashOf([field, value])));
      break;
    case SORTED_SET:
      sortedSet.forEach(view, record, (member, score) => mix(sum, hashOf([member, String(score)])));
      break;
    case ABSENT:
    case STRING:
    case STREAM:
      return hashOf([typeName(record.kind), dump(view, record)]);
  }
  return hashOf([typeName(record.kind), sum.latin1Slice()]);
}

/** Each part with its length, so that no two lists of parts are the same text. */
export function hashOf(parts: readonly Bytes[]): Buffer {
  const sha1 = createHash("sha1");
  for (const part of parts) sha1.update(`${part.length}:${part}`, "latin1");
  return sha1.digest();
}

/** Adds a digest to a sum in which the order does not matter. */
export function mix(sum: Buffer, digest: Buffer): void {
  for (const [index, byte] of digest.entries()) sum[index] = (sum[index] ?? 0) ^ byte;
}
