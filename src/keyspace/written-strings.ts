// The strings that unsettled batches have written to records, batch by batch.
//
// The problem. A string is a new object and its record an old one. To V8 each pointer from old to young is work: a
// barrier marks the place, and the next collection of young objects looks at all places marked, one wait for memory
// each, of which nearly all hold nothing by then, because with its commit the string has left (recent-writes.ts).
//
// The way. Until the batch is settled the string stands in a list of the batch, which is as young as itself, and the record
// has its place there, a number. A list is found by the batch that wrote the record last: the open one, or one of the few that
// are closed and not settled.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Record } from "./record.ts";

const LENT_KEPT = 64;

interface ClosedStrings {
  readonly batch: number;
  readonly strings: readonly Bytes[];
}

export class WrittenStrings {
  #batch: number;
  #open: Bytes[] = [];
  #closed: ClosedStrings[] = [];
  /** Strings and to whom, before `#lentCount`; the lists are kept, so that they need not grow anew for each unit. */
  #lent: Bytes[] = [];
  #lentTo: Record[] = [];
  #lentCount = 0;

  /** `batch`: the one that is open. */
  constructor(batch: number) {
    this.#batch = batch;
  }

  /** A place for a string in the open batch; never 0. */
  add(text: Bytes): number {
    return this.#open.push(text);
  }

  at(batch: number, place: number): Bytes {
    const text = this.#of(batch)[place - 1];
    if (text === undefined) throw new AssertionFailed("a written string stands in its batch");
    return text;
  }

  /** A place for a string of `record` that one unit reads; never 0. */
  lend(record: Record, text: Bytes): number {
    this.#lent[this.#lentCount] = text;
    this.#lentTo[this.#lentCount++] = record;
    return this.#lentCount;
  }

  lentAt(place: number): Bytes {
    const text = this.#lent[place - 1];
    if (text === undefined) throw new AssertionFailed("a lent string is there for its unit");
    return text;
  }

  /** Between units: nobody holds the records that were lent their strings. */
  takeBack(): void {
    const count = this.#lentCount;
    for (let index = 0; index < count; index++) {
      this.#lentTo[index]?.takeBack();
      this.#lent[index] = "";
    }
    if (count > LENT_KEPT) {
      this.#lent = [];
      this.#lentTo = [];
    }
    this.#lentCount = 0;
  }

  #of(batch: number): readonly Bytes[] {
    if (batch === this.#batch) return this.#open;
    for (const closed of this.#closed) if (closed.batch === batch) return closed.strings;
    throw new AssertionFailed("a batch with written strings is not settled");
  }

  /** The open batch is closed, and `next` is open. */
  close(next: number): void {
    if (this.#open.length > 0) this.#closed.push({ batch: this.#batch, strings: this.#open });
    this.#open = [];
    this.#batch = next;
  }

  /** The oldest closed batch is committed, and no record has a place in it any more. */
  settled(batch: number): void {
    if (this.#closed[0]?.batch === batch) this.#closed.shift();
  }

  /** All are undone, and `next` is open. */
  undone(next: number): void {
    this.#closed = [];
    this.#open = [];
    this.#batch = next;
  }
}
