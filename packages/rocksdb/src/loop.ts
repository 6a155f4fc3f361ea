// How long the turns of this thread's event loop take, measured natively: from the moment in which it
// has events to the next wait for some, whatever runs in between, collections of garbage included.

import { abandoned, KIND_LOOP, native, type Handle } from "./native.ts";

/** All times in microseconds, on the clock of `process.hrtime`. */
export interface LoopFigures {
  readonly nowUs: number;
  /** Since the watch began. */
  readonly turnCount: number;
  /** Time in all of them. */
  readonly busyUs: number;
  /** The longest since the figures were last taken. */
  readonly longestUs: number;
  /** How many were long, since the watch began. */
  readonly longCount: number;
  /** The last of them since the figures were last taken, oldest first; at most 16. */
  readonly long: readonly LongTurn[];
}

export interface LongTurn {
  readonly endUs: number;
  readonly turnUs: number;
  /** What of it the thread had a processor for, and up to a millisecond more. */
  readonly processorUs: number;
}

const FIELDS_OF_TURN = 3;

export class LoopWatch {
  readonly #handle: Handle;

  /** Turns that take longer than `longTurnMs` are kept one by one. Does not keep the loop alive. */
  constructor(longTurnMs: number) {
    this.#handle = native.loopWatch(longTurnMs);
    abandoned.register(this, { handle: this.#handle, kind: KIND_LOOP }, this);
  }

  /** Takes what there is; throws when the watch has been stopped. */
  take(): LoopFigures {
    const [nowUs = 0, turnCount = 0, busyUs = 0, longestUs = 0, longCount = 0, ...rest] =
      native.loopTurns(this.#handle);
    const long: LongTurn[] = [];
    for (let at = 0; at < rest.length; at += FIELDS_OF_TURN) {
      const [endUs = 0, turnUs = 0, processorUs = 0] = rest.slice(at);
      long.push({ endUs, turnUs, processorUs });
    }
    return { nowUs, turnCount, busyUs, longestUs, longCount, long };
  }

  /** Does nothing the second time. */
  stop(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_LOOP);
  }
}
