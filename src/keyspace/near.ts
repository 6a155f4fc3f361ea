// The records of keys that are known to be asked for next, of a pipeline or of MSET: looked up side by side, so
// that the memory of one comes while the next is begun, and handed out in that order without another look.

import type { Bytes } from "../base/bytes.ts";
import { TOUCHED_MAX } from "../base/key-table.ts";
import { hashOfKey } from "../encoding/key.ts";
import type { Incarnation } from "./incarnation.ts";
import type { RecentWrites } from "./recent-writes.ts";
import type { Record } from "./record.ts";
import type { RowCache } from "./row-cache.ts";
import { touchRecords } from "./touch.ts";

const NO_KEYS: readonly Bytes[] = [];
const rowHashes = new Int32Array(TOUCHED_MAX);

export class NearRecords {
  #incarnation: Incarnation | null = null;
  #keys = NO_KEYS;
  /** Those before `#count`; never made shorter, which costs more than a look-up. */
  readonly #records: (Record | undefined)[] = [];
  #count = 0;
  /** What is before it has been handed out. */
  #next = 0;
  /** Says nothing: it is kept so that looking is not left out. */
  sum = 0;

  /** No more than TOUCHED_MAX keys, in the order in which they will be asked for. */
  bring(incarnation: Incarnation, keys: readonly Bytes[], rows: RowCache): void {
    const records = this.#records;
    const count = Math.min(keys.length, TOUCHED_MAX);
    let sum = incarnation.young.getAll(keys, records);
    sum ^= touchRecords(records, 0, count);
    this.#count = count;
    if (!rows.isOff) sum ^= this.#bringRows(incarnation.id, keys, rows);
    this.sum = sum;
    this.#incarnation = incarnation;
    this.#keys = keys;
    this.#next = 0;
  }

  /** Of those just brought, the strings: they will be looked at. */
  bringValues(recent: RecentWrites): void {
    let sum = 0;
    for (let index = 0; index < this.#count; index++) {
      const record = this.#records[index];
      if (record === undefined) continue;
      const { value } = record;
      if (typeof value === "string") sum ^= value.length;
      else if (value === null) sum ^= recent.near(record);
    }
    this.sum ^= sum;
  }

  /** What has no record may have a row: first where it lies, then itself. */
  #bringRows(incarnationId: number, keys: readonly Bytes[], rows: RowCache): number {
    const records = this.#records;
    let sum = 0;
    let count = 0;
    for (let index = 0; index < this.#count; index++) {
      if (records[index] !== undefined) continue;
      const hash = hashOfKey(keys[index] ?? "");
      rowHashes[count++] = hash;
      sum ^= rows.near(incarnationId, hash);
    }
    for (let index = 0; index < count; index++) {
      sum ^= rows.nearer(incarnationId, rowHashes[index] ?? 0);
    }
    return sum;
  }

  /** The record of a key if it is the next; undefined when it is not, or was not in memory. */
  take(incarnation: Incarnation, key: Bytes): Record | undefined {
    const records = this.#records;
    if (this.#count === 0) return undefined;
    if (this.#incarnation !== incarnation) {
      this.forget();
      return undefined;
    }
    const keys = this.#keys;
    let next = this.#next;
    // A command may look twice.
    if (next > 0 && keys[next - 1] === key) return records[next - 1];
    // Or not at all at what was taken for its key.
    while (next < this.#count && keys[next] !== key) next++;
    if (next >= this.#count) {
      this.forget();
      return undefined;
    }
    this.#next = next + 1;
    return records[next];
  }

  /** Whether `key` is the next to be handed out: those behind it need not be brought again. */
  isNext(incarnation: Incarnation, key: Bytes): boolean {
    const next = this.#next;
    if (next >= this.#count || this.#incarnation !== incarnation) return false;
    return this.#keys[next] === key;
  }

  /** Other keys are asked for, or records have left the memory. */
  forget(): void {
    this.#incarnation = null;
    this.#keys = NO_KEYS;
    this.#count = 0;
    this.#next = 0;
  }
}
