// Watches the event loop: each turn natively (packages/rocksdb/src/napi/loop_calls.cc), collections of
// garbage by Node's own account of them, commands by what they report. Looked at ten times a second
// and by INFO; between the looks it costs two readings of a clock a turn.

import { constants, PerformanceObserver, type PerformanceEntry } from "node:perf_hooks";

import { watchLoop, type LoopWatch } from "../engine/rocksdb.ts";
import { LONG_TURN_US, LoopTurns } from "../observe/loop-turns.ts";

/** Shorter ones do not make a turn long. */
const GARBAGE_MS_MIN = 1;

const GARBAGE_KINDS: ReadonlyMap<unknown, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, "gc:minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "gc:major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "gc:incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "gc:weak"],
]);

/** Since the start or the last reset. */
export interface LoopTotals {
  readonly turnCount: number;
  readonly busyUs: number;
}

const NOTHING: LoopTotals = { turnCount: 0, busyUs: 0 };

export class LoopMonitor {
  readonly turns = new LoopTurns();
  /** A turn was longer than LONG_TURN_US; in words. */
  onLong: (words: string) => void = () => {};
  #watch: LoopWatch | null = null;
  #garbage: PerformanceObserver | null = null;
  /** The clock of the watch at 0 of `performance.now`. */
  #originUs = 0;
  #totals = NOTHING;
  #totalsAtReset = NOTHING;
  /** The first take after a start or a reset belongs to what was before. */
  #isFresh = true;

  readonly #isOn: boolean;

  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  start(): void {
    if (!this.#isOn) return;
    this.#watch = watchLoop(LONG_TURN_US / 1000);
    this.#originUs = Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000;
    this.#garbage = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.duration >= GARBAGE_MS_MIN) this.#noteGarbage(entry);
      }
    });
    this.#garbage.observe({ entryTypes: ["gc"] });
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = null;
    this.#garbage?.disconnect();
  }

  #noteGarbage(entry: PerformanceEntry): void {
    const detail: unknown = Reflect.get(entry, "detail");
    const kind = typeof detail === "object" && detail !== null ? Reflect.get(detail, "kind") : null;
    const { startTime, duration } = entry;
    const endUs = (startTime + duration) * 1000;
    this.turns.note(GARBAGE_KINDS.get(kind) ?? "gc", endUs, duration * 1000);
  }

  /** A command has just ended that took so long. */
  noteCommand(name: string, tookUs: number): void {
    this.turns.note(`command:${name}`, performance.now() * 1000, tookUs);
  }

  /** Takes what the watch has; called often enough that no long turn is missed. */
  look(nowSeconds: number): LoopTotals {
    if (this.#watch === null) return NOTHING;
    const { turnCount, busyUs, longestUs, long } = this.#watch.take();
    this.#totals = { turnCount, busyUs };
    if (this.#isFresh) {
      this.#isFresh = false;
      this.#totalsAtReset = this.#totals;
      return NOTHING;
    }
    this.turns.longest(longestUs, nowSeconds);
    for (const { endUs, turnUs, processorUs } of long) {
      this.onLong(this.turns.long({ endUs: endUs - this.#originUs, turnUs, processorUs }));
    }
    return this.#sinceReset();
  }

  #sinceReset(): LoopTotals {
    const { turnCount, busyUs } = this.#totalsAtReset;
    return {
      turnCount: this.#totals.turnCount - turnCount,
      busyUs: this.#totals.busyUs - busyUs,
    };
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.turns.reset();
    this.#isFresh = true;
    this.look(0);
  }
}
