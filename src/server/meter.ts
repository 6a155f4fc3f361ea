// What has to be looked at again and again to be known: memory, rates, the turns of the event loop. Ten
// times a second, never per command.

import type { Clock, Timer } from "../base/clock.ts";
import type { MemoryFacts } from "../commands/ports.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { StorageError } from "../engine/engine.ts";
import type { Stats } from "../observe/stats.ts";
import type { LoopMonitor, LoopTotals } from "./loop-monitor.ts";

const ROUND_MS = 100;
/** Rates are averages over so many rounds, as Redis has them. */
const SAMPLE_COUNT = 16;

interface Totals {
  readonly atMs: number;
  readonly commands: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly turns: number;
  readonly turnsUs: number;
}

export interface Rates {
  readonly commands: number;
  readonly inputKilobytes: number;
  readonly outputKilobytes: number;
  /** Turns of the event loop. */
  readonly turns: number;
  /** Microseconds of one of them. */
  readonly turnUs: number;
}

interface MeterParts {
  readonly pipeline: Pipeline;
  readonly stats: Stats;
  readonly clock: Clock;
  /** Bytes that connections hold. */
  readonly clientBytes: () => number;
  readonly memoryUsage: () => NodeJS.MemoryUsage;
  readonly loop: LoopMonitor;
}

export class Meter {
  /** Called with each new look at memory. */
  onSample: (facts: MemoryFacts) => void = () => {};
  readonly #parts: MeterParts;
  readonly loop: LoopMonitor;
  readonly #startup: number;
  #peak = 0;
  #lastMemory: NodeJS.MemoryUsage | null = null;
  #samples: Totals[] = [];
  #timer: Timer | null = null;

  constructor(parts: MeterParts) {
    this.#parts = parts;
    this.loop = parts.loop;
    this.#startup = this.memory().used;
  }

  start(): void {
    this.loop.start();
    this.#round();
  }

  stop(): void {
    this.loop.stop();
    this.#timer?.cancel();
  }

  #round(): void {
    this.#samples.push(this.#totals());
    if (this.#samples.length > SAMPLE_COUNT + 1) this.#samples.shift();
    this.onSample(this.memory());
    this.#timer = this.#parts.clock.after(ROUND_MS, () => this.#round());
  }

  #totals(): Totals {
    const { clock, stats } = this.#parts;
    const loop = this.loopTotals();
    return {
      atMs: clock.monotonicUs() / 1000,
      commands: stats.totalCommandsProcessed,
      inputBytes: stats.totalNetInputBytes,
      outputBytes: stats.totalNetOutputBytes,
      turns: loop.turnCount,
      turnsUs: loop.busyUs,
    };
  }

  /** Per second, over the last moments. */
  rates(): Rates {
    const first = this.#samples.at(0);
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) {
      return { commands: 0, inputKilobytes: 0, outputKilobytes: 0, turns: 0, turnUs: 0 };
    }
    const perSecond = (from: number, to: number): number =>
      Math.max(0, ((to - from) * 1000) / (last.atMs - first.atMs));
    return {
      commands: Math.round(perSecond(first.commands, last.commands)),
      inputKilobytes: perSecond(first.inputBytes, last.inputBytes) / 1024,
      outputKilobytes: perSecond(first.outputBytes, last.outputBytes) / 1024,
      turns: Math.round(perSecond(first.turns, last.turns)),
      turnUs: Math.round((last.turnsUs - first.turnsUs) / Math.max(1, last.turns - first.turns)),
    };
  }

  /** Turns of the event loop and the time in them, up to now. */
  loopTotals(): LoopTotals {
    return this.loop.look(this.#nowSeconds);
  }

  get loopLastMinuteUs(): number {
    return this.loop.turns.lastMinuteUs(this.#nowSeconds);
  }

  get #nowSeconds(): number {
    return Math.floor(this.#parts.clock.monotonicUs() / 1e6);
  }

  /** CONFIG RESETSTAT: what was before does not count any more. */
  reset(): void {
    this.loop.reset();
    this.#samples = [];
    this.#peak = 0;
  }

  /** Node opens a file to see what is resident; where none may be opened, the last answer stands. */
  #processMemory(): NodeJS.MemoryUsage {
    try {
      this.#lastMemory = this.#parts.memoryUsage();
    } catch (error) {
      if (this.#lastMemory === null) throw error;
    }
    return this.#lastMemory;
  }

  memory(): MemoryFacts {
    const { heapUsed, heapTotal, external, rss } = this.#processMemory();
    const { keyspace } = this.#parts.pipeline;
    const blockCache = this.#property("rocksdb.block-cache-usage");
    const memtables = this.#property("rocksdb.cur-size-all-mem-tables", "all");
    const tableReaders = this.#property("rocksdb.estimate-table-readers-mem", "all");
    const used = heapUsed + external + blockCache + memtables + tableReaders;
    this.#peak = Math.max(this.#peak, used);
    let keyCount = 0;
    for (const { incarnation } of keyspace.databases) keyCount += incarnation.keyCount;
    return {
      used,
      peak: this.#peak,
      startup: this.#startup,
      resident: rss,
      heapUsed,
      heapTotal,
      outsideHeap: external,
      objectCache: keyspace.cacheBytes,
      blockCache,
      memtables,
      tableReaders,
      clients: this.#parts.clientBytes(),
      keyCount,
    };
  }

  #property(name: string, of?: "all"): number {
    const { engine } = this.#parts.pipeline.keyspace;
    try {
      return Number((of === undefined ? engine.property(name) : engine.property(name, of)) ?? 0);
    } catch (error) {
      // While it stops, the engine answers nothing any more.
      if (error instanceof StorageError) return 0;
      throw error;
    }
  }
}
