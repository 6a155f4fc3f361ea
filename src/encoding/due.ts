// What dies by itself inside a value, whatever its kind: fields of hashes, today.

import type { Bytes } from "../base/bytes.ts";
import { hashDueMs } from "./hash.ts";
import { HASH, type Kind } from "./record.ts";

/** When the first of it dies, as the payload says; 0 for never. Throws CorruptRecord. */
export function dueInPayload(kind: Kind, payload: Bytes): number {
  return kind === HASH ? hashDueMs(payload) : 0;
}
