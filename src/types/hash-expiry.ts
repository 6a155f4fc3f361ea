// When fields of a hash die: asking, setting, and the expirer's part, which removes the dead.
//
// An inline hash is looked through, it is small. An exploded one keeps its fields in the order in which they
// die (the store `order`), so that nobody walks it. `nextExpiryMs` of the hash is never later than the
// first death and may be earlier: commands lower it, only `collect` raises it.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/hash.ts";
import { WHOLE } from "../keyspace/element-walk.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { expiryOf, get, hashOf, isDead, remove, removeIfEmpty, setExpiry } from "./hash.ts";
import { InlineHash, type ExplodedHash } from "./hash-value.ts";

/** When a field dies, 0 for never; null when there is no such field alive. Throws COLD. */
export function expiry(view: View, record: Record, field: Bytes): number | null {
  return get(view, record, field) === null ? null : expiryOf(view, record, field);
}

export type Condition = "NX" | "XX" | "GT" | "LT";
/** What HEXPIRE answers for a field. */
export const NO_FIELD = -2;
export const NOT_MET = 0;
export const IS_SET = 1;
export const IS_DELETED = 2;

/** Sets when a field dies; at once if that time has come. Throws COLD. */
export function expireAt(
  view: View,
  record: Record,
  field: Bytes,
  when: { readonly expiryMs: number; readonly condition: Condition | null },
): typeof NO_FIELD | typeof NOT_MET | typeof IS_SET | typeof IS_DELETED {
  const before = expiry(view, record, field);
  if (before === null) return NO_FIELD;
  if (!isMet(when.condition, before, when.expiryMs)) return NOT_MET;
  if (when.expiryMs <= view.nowMs) {
    remove(view, record, field);
    return IS_DELETED;
  }
  setExpiry(view, record, field, when.expiryMs);
  view.stats.changes++;
  return IS_SET;
}

/** No expiry is later than any. */
function isMet(condition: Condition | null, before: number, after: number): boolean {
  switch (condition) {
    case null:
      return true;
    case "NX":
      return before === 0;
    case "XX":
      return before !== 0;
    case "GT":
      return before !== 0 && after > before;
    case "LT":
      return before === 0 || after < before;
    default:
      return unreachable(condition);
  }
}

/** Takes a field's expiry away: 1, or -1 when it has none, -2 when there is no such field. Throws COLD. */
export function persist(view: View, record: Record, field: Bytes): 1 | -1 | -2 {
  const before = expiry(view, record, field);
  if (before === null) return -2;
  if (before === 0) return -1;
  setExpiry(view, record, field, 0);
  return 1;
}

/** The expirer: removes what has died, `fieldsMax` at most; true if there is more. Throws COLD. */
export function collect(view: View, record: Record, fieldsMax: number): boolean {
  const hash = hashOf(view, record);
  const { fields, next } =
    hash instanceof InlineHash
      ? deadInline(view, hash, fieldsMax)
      : deadExploded(view, hash, fieldsMax);
  for (const field of fields) remove(view, record, field);
  view.stats.expiredFields += fields.length;
  if (fields.length > 0) view.notify("hash", "hexpired", record.key);
  if (removeIfEmpty(view, record)) return false;
  if (hash instanceof InlineHash) view.mutate(record, hash.settleNext(), 0);
  else view.mutate(record, hash.setNext(next), 0);
  return isDead(view, next);
}

interface Dead {
  readonly fields: readonly Bytes[];
  /** When the next one dies, 0 for never. */
  readonly next: number;
}

function deadInline(view: View, hash: InlineHash, fieldsMax: number): Dead {
  const fields: Bytes[] = [];
  let isMore = false;
  for (const [field, expiryMs] of hash.expiries ?? []) {
    if (!isDead(view, expiryMs)) continue;
    if (fields.length < fieldsMax) fields.push(field);
    else isMore = true;
  }
  return { fields, next: isMore ? hash.nextExpiryMs : 0 };
}

function deadExploded(view: View, hash: ExplodedHash, fieldsMax: number): Dead {
  const dead: Bytes[] = [];
  let next = 0;
  view.walk(hash.home.order, { ...WHOLE, expected: fieldsMax + 1 }, (subkey) => {
    const expiryMs = encoding.expiryOfOrder(subkey);
    if (dead.length >= fieldsMax || !isDead(view, expiryMs)) {
      next = expiryMs;
      return false;
    }
    dead.push(encoding.fieldKeyOfOrder(subkey));
    return true;
  });
  hash.home.elements.want(dead);
  return { fields: dead.map((fieldKey) => encoding.fieldOf(fieldKey)), next };
}
