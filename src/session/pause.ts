// CLIENT PAUSE: until it ends, sessions wait with the commands it holds back; nothing is refused.

import type { Clock, Timer } from "../base/clock.ts";

export type PauseKind = "write" | "all";

export class ClientPause {
  /** What is held back now. */
  kind: PauseKind | "none" = "none";
  readonly #clock: Clock;
  #endMs = 0;
  #timer: Timer | null = null;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Pauses until `endMs`. Never shortens or loosens the pause there is. */
  begin(kind: PauseKind, endMs: number): void {
    if (this.kind !== "all") this.kind = kind;
    if (endMs <= this.#endMs) return;
    this.#endMs = endMs;
    this.#timer?.cancel();
    this.#wakeAtEnd();
  }

  #wakeAtEnd(): void {
    const leftMs = Math.max(0, this.#endMs - this.#clock.nowMs());
    this.#timer = this.#clock.after(Math.min(leftMs, TIMER_MS_MAX), () => {
      if (this.#clock.nowMs() < this.#endMs) this.#wakeAtEnd();
      else this.end();
    });
  }

  end(): void {
    this.kind = "none";
    this.#endMs = 0;
    this.#timer?.cancel();
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    // At the end of the turn: who ends the pause is itself in the middle of a command.
    this.#clock.turnEnd(() => {
      for (const resume of waiting) resume();
    });
  }

  /** Runs `resume` when the pause is over. */
  wait(resume: () => void): void {
    this.#waiting.push(resume);
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }
}

/** Node's timers take no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;
