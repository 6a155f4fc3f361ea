// What a script on the event loop is asked from time to time: whether it has had its share. Past that it is
// undone and run again on the thread for long scripts, where it holds up nobody who could stop it.

import type { Clock } from "../base/clock.ts";
import { LongRun } from "../commit/unit.ts";
import { ScriptAborted, type Watch } from "../scripting/interpreter.ts";

/** What the event loop can spare: beyond it, starting over costs little in comparison. */
const LOOP_US_MAX = 5000;
const LIBRARY_US_MAX = 500_000;

export class LoopWatch implements Watch {
  readonly #clock: Clock;
  #untilUs = 0;
  #isLibrary = false;
  /** Whether there is a thread. */
  canMove = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(what: "script" | "library"): void {
    this.#isLibrary = what === "library";
    this.#untilUs = this.#clock.monotonicUs() + (this.#isLibrary ? LIBRARY_US_MAX : LOOP_US_MAX);
  }

  tick(): void {
    if (this.#clock.monotonicUs() < this.#untilUs) return;
    if (this.#isLibrary) throw new ScriptAborted("ERR FUNCTION LOAD timeout");
    if (this.canMove) throw new LongRun();
  }

  heavy(): void {
    if (this.#isLibrary) throw new ScriptAborted("ERR FUNCTION LOAD timeout");
    if (this.canMove) throw new LongRun();
  }
}
