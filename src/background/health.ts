// Watches the engine's health: tells the log when writes stop and when they are taken again, and tries
// to leave a background error behind (law 8: nothing is swallowed, and the server says when it is
// healthy again). An append of unknown outcome is the pipeline's own to resolve.

import type { Clock, Timer } from "../base/clock.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { StorageError, type EngineHealth } from "../engine/engine.ts";
import type { Log } from "../observe/log.ts";

const ROUND_MS = 250;
const FAILURES = "rocksdb.background-errors";
const RESUME_MS_MIN = 250;
const RESUME_MS_MAX = 5000;

export class HealthWatcher {
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onBug: (error: unknown) => void;
  #timer: Timer | null = null;
  #stopped = false;
  #lastStall: EngineHealth["stall"] = "none";
  #lastError: string | null = null;
  #failuresTold = 0;
  #resumeMs = RESUME_MS_MIN;
  /** On the monotonic clock, microseconds. */
  #nextResumeUs = 0;

  constructor(parts: {
    pipeline: Pipeline;
    clock: Clock;
    log: Log;
    onBug: (error: unknown) => void;
  }) {
    this.#pipeline = parts.pipeline;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#onBug = parts.onBug;
    parts.pipeline.onHealthChange = () => this.#look();
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(ROUND_MS, () => {
      void this.round().then(
        () => this.start(),
        (error: unknown) => this.#onBug(error),
      );
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async round(): Promise<void> {
    const health = this.#pipeline.keyspace.engine.health();
    this.#tell(health.stall, health.error?.words ?? null);
    this.#tellFailures();
    const isOurs = health.error !== null && !this.#pipeline.isInDoubt;
    if (isOurs && this.#clock.monotonicUs() >= this.#nextResumeUs) await this.#resume();
    // The end of a stall has no event of its own in every version of RocksDB.
    this.#pipeline.healthChanged();
  }

  #tell(stall: EngineHealth["stall"], error: string | null): void {
    if (stall !== this.#lastStall) {
      if (stall === "none") this.#log.notice("Writes are taken at full speed again.");
      else this.#log.warning(`Compaction is behind: writes are ${stall}.`);
      this.#lastStall = stall;
    }
    if (error === this.#lastError) return;
    if (error === null)
      this.#log.notice("The storage engine has recovered: writes are taken again.");
    else this.#log.warning(`The storage engine refuses writes: ${error}`);
    this.#lastError = error;
  }

  /** A merge that fails is tried again and stops nobody; nor is it to go unnoticed. */
  #tellFailures(): void {
    const failures = Number(this.#pipeline.keyspace.engine.property(FAILURES) ?? 0);
    if (failures <= this.#failuresTold) return;
    this.#failuresTold = failures;
    this.#log.warning(`The storage engine's background work has failed ${failures} times so far.`);
  }

  async #resume(): Promise<void> {
    try {
      await this.#pipeline.keyspace.engine.resume();
      this.#resumeMs = RESUME_MS_MIN;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#log.verbose(`The storage engine cannot resume yet: ${error.message}`);
      this.#resumeMs = Math.min(RESUME_MS_MAX, this.#resumeMs * 2);
    }
    this.#nextResumeUs = this.#clock.monotonicUs() + this.#resumeMs * 1000;
    this.#look();
  }

  /** An error that comes and goes between two rounds is told too. */
  #look(): void {
    const { error } = this.#pipeline.keyspace.engine.health();
    this.#tell(this.#lastStall, error?.words ?? null);
  }
}
