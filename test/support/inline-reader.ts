// Where reading commands go that take long, without a thread: each runs over what the memory engine lent, when the
// clock comes to it, or when the test says so. The work is that of the thread (server/read-job.ts).

import type { Clock } from "../../src/base/clock.ts";
import type { MemoryEngine } from "../../src/engine/memory.ts";
import { runReadJob } from "../../src/server/read-job.ts";
import type { LongReader, ReadEnd, ReadJob, Reading } from "../../src/session/long-reader.ts";

const STOPPED: ReadEnd = { kind: "ended", why: "ERR the command was stopped" };

interface Started {
  readonly job: ReadJob;
  readonly finish: (end: ReadEnd) => void;
  hasEnded: boolean;
}

export class InlineReader implements LongReader {
  /** From now on they run only by `runAll`. */
  isHolding = false;
  /** Since the start: what was run. */
  readonly jobs: ReadJob[] = [];
  readonly #engine: MemoryEngine;
  readonly #clock: Clock;
  #started: Started[] = [];

  constructor(engine: MemoryEngine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Those that have not run. */
  get startedCount(): number {
    return this.#started.length;
  }

  start(job: ReadJob): Reading {
    let started: Started | null = null;
    const end = new Promise<ReadEnd>((resolve) => {
      started = { job, finish: resolve, hasEnded: false };
      this.#started.push(started);
    });
    if (!this.isHolding) this.#clock.turnEnd(() => this.runAll());
    return {
      end,
      stop: () => {
        if (started !== null) this.#end(started, STOPPED);
      },
    };
  }

  /** Ends all that were started without running them. */
  lie(end: ReadEnd): void {
    for (const started of this.#started) this.#end(started, end);
  }

  runAll(): void {
    for (const started of this.#started) void this.#run(started);
  }

  async #run(started: Started): Promise<void> {
    const { job } = started;
    this.jobs.push(job);
    const borrow = this.#engine.borrow.bind(this.#engine);
    const end = await runReadJob(job, borrow, this.#clock);
    this.#end(started, end);
  }

  #end(started: Started, end: ReadEnd): void {
    if (started.hasEnded) return;
    started.hasEnded = true;
    this.#started = this.#started.filter((other) => other !== started);
    started.finish(end);
  }

  close(): void {
    for (const started of this.#started) this.#end(started, STOPPED);
  }
}
