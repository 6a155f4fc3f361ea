// One user key in memory: decoded, perhaps changed, perhaps not yet committed.
//
// A record is shared by everything that speaks of its key, so identity matters: there is at most one
// per key and incarnation. Only Keyspace changes the bookkeeping fields.

import type { Bytes } from "../base/bytes.ts";
import { ABSENT, STRING, type Kind } from "../encoding/record.ts";
import type { Home } from "./home.ts";
import type { Incarnation } from "./incarnation.ts";
import { dueIn, earlier, homeOf, type Value } from "./value.ts";

/** What an object costs beside its bytes, measured on V8 in docs/decisions/0001: map entry and fields. */
export const RECORD_OVERHEAD_BYTES = 200;

export class Record {
  readonly key: Bytes;
  readonly incarnation: Incarnation;
  readonly slot: number;
  readonly hash: number;

  kind: Kind = ABSENT;
  #value: Value = null;
  /**
   * Where its string is: above 0 among WrittenStrings, below 0 among those that are lent; 0 when `#value` is what
   * counts.
   */
  #elsewhere = 0;
  /**
   * The string, if it was last changed in place: Redis calls such a one "raw" whatever its length, until it is
   * loaded again. Speaks of `value` only while it is that.
   */
  changedInPlace: Value = null;
  /** What the cache counts for the value. */
  memory = 0;
  /** When the key dies, milliseconds since the epoch; 0 means never. */
  expiryMs = 0;

  /**
   * The batch that last changed this record or an element of its collection; committed once the
   * keyspace has committed that far.
   */
  batch = 0;
  /** The batch that last changed what the disk holds for the key itself; at most `batch`. */
  writtenIn = 0;
  /** The batch whose list of dirty records holds this one. */
  listedIn = 0;
  /** The moment that the index on disk (or in a batch on its way) holds for this key; 0 for none. */
  indexedDueMs = 0;
  /** Whether the disk (or a batch on its way) holds a record for this key. */
  stored = false;

  /** Time of the last access, whole seconds since the keyspace was opened, for OBJECT IDLETIME. */
  accessedAtSeconds = 0;
  /** Logarithmic access counter, 0 to 255, for OBJECT FREQ. */
  frequency = 5;
  /** There may be a row of the key (row-cache.ts), which is stale once this is changed and committed. */
  hasRow = false;
  /** Nobody had asked for the key lately: what is written to it and committed is not kept as an object. */
  isPassing = false;
  /** How often its string was read since it was set, as far as RecentWrites counts. */
  reads = 1;
  /** Where it is in RecentWrites, if it was left there. */
  recentAt = 0;
  recentLap = 0;

  constructor(key: Bytes, incarnation: Incarnation, slot: number, hash: number) {
    this.key = key;
    this.incarnation = incarnation;
    this.slot = slot;
    this.hash = hash;
  }

  /** Null also for a string that is no object now (`isAway`). */
  get value(): Value {
    const at = this.#elsewhere;
    if (at === 0) return this.#value;
    const { written } = this.incarnation;
    return at > 0 ? written.at(this.writtenIn, at) : written.lentAt(-at);
  }

  /** The same without what is only lent. */
  get ownValue(): Value {
    return this.#elsewhere < 0 ? null : this.value;
  }

  set value(value: Value) {
    this.#value = value;
    this.#elsewhere = 0;
  }

  /** As setting `value`, in the open batch, which `writtenIn` names: until it is settled, the string stands there. */
  write(text: Bytes): void {
    this.#value = null;
    this.#elsewhere = this.incarnation.written.add(text);
  }

  /** The batch that wrote it last is committed: the string, if it is to stay, gets a place of its own. */
  keep(): void {
    if (this.#elsewhere === 0) return;
    const { value } = this;
    this.value = value;
  }

  /** It is away and gets its string for the unit that runs. */
  lend(text: Bytes): void {
    this.#elsewhere = -this.incarnation.written.lend(this, text);
  }

  /** That unit has ended. Does nothing to one that was written since. */
  takeBack(): void {
    if (this.#elsewhere < 0) this.#elsewhere = 0;
  }

  /**
   * Whether its string is no object now: it was written, committed and read by nobody. It is among RecentWrites or, when
   * they have passed over it, on disk only.
   */
  get isAway(): boolean {
    return this.kind === STRING && this.#elsewhere === 0 && this.#value === null;
  }

  /** Whether the value is a string that was made by changing another in place. */
  get isRaw(): boolean {
    return this.changedInPlace !== null && this.changedInPlace === this.value;
  }

  /** Where the elements of an exploded collection live. */
  get home(): Home | null {
    // Not by a look at the value: the memory of a string that is to go would have to be waited for.
    return this.kind === STRING ? null : homeOf(this.value);
  }

  /** When the expirer has something to do here, for the key or for something in it; 0 for never. */
  get dueMs(): number {
    return this.kind === STRING ? this.expiryMs : earlier(this.expiryMs, dueIn(this.value));
  }
}
