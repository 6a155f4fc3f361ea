// How long a test waits: a limit on the time in which this process ran. A machine that stood still (a
// process stopped, a laptop asleep) has used up nobody's patience, and the server that is waited for
// stood still as well. Nor has the time that a process waited for a processor which others had:
// `waitsForProcessorMs` tells it from a process that hangs.
//
//   const patience = new Patience(30_000);
//   while (!isDone()) { if (patience.isOver()) fail(); await somethingOr(patience.stepMs); }

import { readdirSync, readFileSync } from "node:fs";

/** Wait no longer than this at once; what took much longer was not all ours. */
const STEP_MS = 250;
const COUNTED_MS_MAX = 500;

/** How long the threads of a process have been ready to run and did not; 0 where nobody knows. */
export function waitsForProcessorMs(processId: number): number {
  let sum = 0;
  try {
    const folder = `/proc/${processId}/task`;
    for (const thread of readdirSync(folder)) {
      const text = readFileSync(`${folder}/${thread}/schedstat`, "latin1");
      sum += Number(text.split(" ")[1] ?? 0) / 1_000_000;
    }
  } catch {
    // A thread, or all of it, has ended meanwhile.
  }
  return sum;
}

export class Patience {
  readonly #limitMs: number;
  readonly #processId: number | null;
  #waitedMs = 0;
  #spentMs = 0;
  #lastMs = performance.now();

  /** `processId`: of the process that is waited for. */
  constructor(limitMs: number, processId: number | null = null) {
    this.#limitMs = limitMs;
    this.#processId = processId;
  }

  isOver(): boolean {
    const nowMs = performance.now();
    const waitedMs = this.#processId === null ? 0 : waitsForProcessorMs(this.#processId);
    const elapsedMs = Math.min(nowMs - this.#lastMs, COUNTED_MS_MAX);
    this.#spentMs += Math.max(0, elapsedMs - Math.max(0, waitedMs - this.#waitedMs));
    this.#lastMs = nowMs;
    this.#waitedMs = waitedMs;
    return this.#spentMs >= this.#limitMs;
  }

  /** How long to wait before asking again. */
  get stepMs(): number {
    return Math.max(1, Math.min(STEP_MS, this.#limitMs - this.#spentMs));
  }
}
