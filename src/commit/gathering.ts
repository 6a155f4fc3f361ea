// When an fsync is worth waiting for: the same one can serve all who are about to write.
//
// Clients that write one command at a time fall into two halves: while one's batch is on its way to the
// disk, the other's answers go out and its next commands come in, so each fsync serves half of them.
// Holding the batch back until those who have just been answered have spoken again lets one fsync serve
// all. PostgreSQL's `commit_delay` does so for a fixed time; here the wait ends with the last of those
// expected, so it costs nothing where it works, and where it does not it is not tried again for a while.

import type { Clock } from "../base/clock.ts";

/** No batch is held back for longer, in microseconds. */
export const GATHER_US_MAX = 2000;
/** A wait pays as long as it is not much longer than what it saves. */
const FSYNCS_WORTH = 4;
/** After a wait that was in vain, so many commits go without; twice as many after the next. */
const REST_MIN = 16;
const REST_MAX = 4096;

export class Gathering {
  readonly #clock: Clock;
  #expected = 0;
  #sinceUs = 0;
  #limitUs = 0;
  #rest = 0;
  #restNext = REST_MIN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A batch has been fsynced, which took `tookUs`; `waiting` connections wait for it or a later one. */
  committed(waiting: number, tookUs: number): void {
    if (this.#rest > 0) this.#rest--;
    // One in sixteen may be gone, or think.
    this.#expected = waiting - (waiting >> 4);
    const worthUs = Math.min(tookUs * FSYNCS_WORTH, GATHER_US_MAX);
    // Over a few commits: one slow fsync says little.
    this.#limitUs += (worthUs - this.#limitUs) / 8;
    this.#sinceUs = 0;
  }

  /** Whether the open batch, for which `waiting` connections wait, should be held back for more. */
  waits(waiting: number): boolean {
    if (this.#rest > 0 || this.#expected < 2) return false;
    if (waiting >= this.#expected) {
      if (this.#sinceUs > 0) this.#restNext = REST_MIN;
      return false;
    }
    const nowUs = this.#clock.monotonicUs();
    if (this.#sinceUs === 0) this.#sinceUs = nowUs;
    if (nowUs - this.#sinceUs < this.#limitUs) return true;
    this.#rest = this.#restNext;
    this.#restNext = Math.min(REST_MAX, this.#restNext * 2);
    return false;
  }
}
