// Fields of a hash by chance: HRANDFIELD. Dead fields are never drawn.

import * as encoding from "../encoding/hash.ts";
import type { FoundElement } from "../keyspace/element-random.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { forEach, hashOf, isDead, mayHoldDead, type Entry } from "./hash.ts";
import * as hashed from "./hashed.ts";
import { ExplodedHash, InlineHash } from "./hash-value.ts";

/** `times` fields, each drawn from all of them; none when all are dead. Throws COLD. */
export function drawWithRepeats(view: View, record: Record, times: number): Entry[] {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) return drawFrom(view, living(view, record), times);
  const drawn = view.randomElements(hash.home.elements, hash.count, times);
  if (!mayHoldDead(view, hash)) return drawn.map(entryOf);
  const entries = drawn.filter((found) => isAlive(view, found)).map(entryOf);
  if (entries.length === times) return entries;
  // Between their time and the expirer's round some are dead: draw from the others.
  return drawFrom(view, living(view, record), times);
}

function drawFrom(view: View, entries: readonly Entry[], times: number): Entry[] {
  return entries.length === 0 ? [] : hashed.drawWithRepeats(view, entries, times);
}

/** `times` different fields by chance, or all when there are not more. Throws COLD. */
export function drawDistinct(view: View, record: Record, times: number): Entry[] {
  const hash = hashOf(view, record);
  if (hash instanceof ExplodedHash && times * 3 < hash.count && !mayHoldDead(view, hash)) {
    return view.randomDistinctElements(hash.home.elements, hash.count, times).map(entryOf);
  }
  return hashed.drawDistinct(view, living(view, record), times);
}

function living(view: View, record: Record): Entry[] {
  const entries: Entry[] = [];
  forEach(view, record, (field, value) => entries.push({ field, value }));
  return entries;
}

function isAlive(view: View, { value }: FoundElement): boolean {
  return !isDead(view, encoding.elementExpiryMs(value));
}

function entryOf({ subkey, value }: FoundElement): Entry {
  return { field: encoding.fieldOf(subkey), value: encoding.elementValue(value) };
}
