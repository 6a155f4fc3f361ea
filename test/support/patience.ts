// How long a test waits: a limit on the time in which this process ran. A machine that stood still (a
// process stopped, a laptop asleep, a batch job that got no processor) has used up nobody's patience,
// and the server that is waited for stood still as well.
//
//   const patience = new Patience(30_000);
//   while (!isDone()) { if (patience.isOver()) fail(); await somethingOr(patience.stepMs); }

/** Wait no longer than this at once; what took much longer was not all ours. */
const STEP_MS = 250;
const COUNTED_MS_MAX = 500;

export class Patience {
  readonly #limitMs: number;
  #spentMs = 0;
  #lastMs = performance.now();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  isOver(): boolean {
    const nowMs = performance.now();
    this.#spentMs += Math.min(nowMs - this.#lastMs, COUNTED_MS_MAX);
    this.#lastMs = nowMs;
    return this.#spentMs >= this.#limitMs;
  }

  /** How long to wait before asking again. */
  get stepMs(): number {
    return Math.max(1, Math.min(STEP_MS, this.#limitMs - this.#spentMs));
  }
}
