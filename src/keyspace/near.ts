// The records of keys that are known to be asked for next, of a pipeline or of MSET: looked up side by side, so
// that the memory of one comes while the next is begun, and handed out in that order without another look.

import type { Bytes } from "../base/bytes.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Record } from "./record.ts";

const NO_KEYS: readonly Bytes[] = [];

export class NearRecords {
  #incarnation: Incarnation | null = null;
  #keys = NO_KEYS;
  readonly #records: (Record | undefined)[] = [];
  /** What is before it has been handed out. */
  #next = 0;
  /** Says nothing: it is kept so that looking is not left out. */
  sum = 0;

  /** No more than TOUCHED_MAX keys, in the order in which they will be asked for. */
  bring(incarnation: Incarnation, keys: readonly Bytes[]): void {
    const records = this.#records;
    let sum = incarnation.young.getAll(keys, records);
    // The fields at either end; what stands between comes with them.
    for (const record of records) if (record !== undefined) sum ^= record.batch ^ record.frequency;
    this.sum = sum;
    this.#incarnation = incarnation;
    this.#keys = keys;
    this.#next = 0;
  }

  /** The record of a key if it is the next; undefined when it is not, or was not in memory. */
  take(incarnation: Incarnation, key: Bytes): Record | undefined {
    const next = this.#next;
    if (next >= this.#records.length) return undefined;
    if (this.#keys[next] !== key || this.#incarnation !== incarnation) {
      this.forget();
      return undefined;
    }
    this.#next = next + 1;
    return this.#records[next];
  }

  /** Other keys are asked for, or records have left the memory. */
  forget(): void {
    this.#incarnation = null;
    this.#keys = NO_KEYS;
    this.#records.length = 0;
    this.#next = 0;
  }
}
