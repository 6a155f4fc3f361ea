// Bringing near what a loop is about to go through: records and elements that were changed one by one lie all over the memory,
// and a loop that does much with each waits for each. Looked at before in a loop that does nothing else, several come at
// the same time. What is returned says nothing; a look whose outcome nobody takes would be left out.

import type { Element } from "./home.ts";
import type { Record } from "./record.ts";

/** So many at a time: what is near must still be so when its turn comes. */
export const TOUCHED_AT_ONCE = 32;

/** Records from `from` on, with their keys and strings: for who writes them out. */
export function touchWhole(records: readonly Record[], from: number): number {
  const end = Math.min(records.length, from + TOUCHED_AT_ONCE);
  let sum = touchRecords(records, from);
  for (let index = from; index < end; index++) {
    const record = records[index];
    if (record === undefined) continue;
    const { key, value } = record;
    sum ^= key.length;
    if (typeof value === "string") sum ^= value.length;
  }
  return sum;
}

/** Records from `from` on, themselves; up to `end`, if that is said. */
export function touchRecords(
  records: readonly (Record | undefined)[],
  from: number,
  end = Math.min(records.length, from + TOUCHED_AT_ONCE),
): number {
  let sum = 0;
  for (let index = from; index < end; index++) {
    const record = records[index];
    // Fields at either end and between: a record takes several lines of the processor's caches.
    if (record !== undefined) sum ^= record.slot ^ record.batch ^ record.frequency;
  }
  return sum;
}

/** Elements from `from` on, with their subkeys and contents. */
export function touchElements(elements: readonly Element[], from: number): number {
  const end = Math.min(elements.length, from + TOUCHED_AT_ONCE);
  let sum = 0;
  for (let index = from; index < end; index++) sum ^= elements[index]?.batch ?? 0;
  for (let index = from; index < end; index++) {
    const element = elements[index];
    if (element === undefined) continue;
    const { subkey, content } = element;
    sum ^= subkey.length;
    if (typeof content === "string") sum ^= content.length;
  }
  return sum;
}
