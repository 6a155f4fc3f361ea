// When what is committed is also safe from the death of the machine: `appendfsync`.
//
//   always    every batch is fsynced before it counts as committed (the pipeline does it)
//   everysec  the log is fsynced once a second, on a thread
//   no        the operating system writes the log when it likes; WAITAOF still asks for an fsync
//
// An fsync that fails is not swallowed: writes are refused until one succeeds (law 8), because what
// was acknowledged may be lost with the machine.

import type { Clock, Timer } from "../base/clock.ts";
import { StorageError } from "../engine/engine.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Failure } from "./settle.ts";

export type SyncMode = "always" | "everysec" | "no";

const ROUND_MS = 1000;

interface Waiter {
  readonly batch: number;
  readonly resolve: () => void;
}

export class Durability {
  mode: SyncMode;
  /** Why the last fsync failed; null when it did not. */
  failure: Failure | null = null;
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #onBug: (error: unknown) => void;
  #synced = 0;
  #syncing = false;
  #waiters: Waiter[] = [];
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: {
    pipeline: Pipeline;
    clock: Clock;
    mode: SyncMode;
    onBug: (error: unknown) => void;
  }) {
    this.#pipeline = parts.pipeline;
    this.#clock = parts.clock;
    this.#onBug = parts.onBug;
    this.mode = parts.mode;
    parts.pipeline.onCommit((closed, isSynced) => {
      if (isSynced) this.#reached(closed.number);
      else if (this.#waiters.length > 0) this.#syncSoon();
    });
    parts.pipeline.onRefusal(() => {
      // What is left of what they wrote is what was committed before.
      if (this.#waiters.length > 0) this.#syncSoon();
    });
  }

  /** The newest batch that is safe from the death of the machine. */
  get syncedBatch(): number {
    return this.#synced;
  }

  start(): void {
    this.#timer = this.#clock.after(ROUND_MS, () => {
      // Who waits for a batch that was refused hears of no commit: what is there then is enough.
      const isAsked = this.failure !== null || this.#waiters.length > 0;
      if (this.mode === "everysec" || isAsked) this.#syncSoon();
      if (!this.#stopped) this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Resolves once `batch` is committed and fsynced; asks for the fsync by itself. */
  async waitSynced(batch: number): Promise<void> {
    if (batch <= this.#synced) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push({ batch, resolve });
      this.#syncSoon();
    });
  }

  #syncSoon(): void {
    if (this.#syncing) return;
    const upTo = this.#pipeline.keyspace.committedBatch;
    if (upTo <= this.#synced && this.failure === null) return;
    this.#syncing = true;
    void this.#sync(upTo).catch(this.#onBug);
  }

  async #sync(upTo: number): Promise<void> {
    try {
      await this.#pipeline.keyspace.engine.sync();
      this.failure = null;
      this.#reached(upTo);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // Who still waits has no server any more; asking again would never end.
      if (error.kind === "closed") this.#waiters = [];
      else this.#failed(error);
    } finally {
      this.#syncing = false;
    }
    const { committedBatch } = this.#pipeline.keyspace;
    const wanted = this.#waiters.some(({ batch }) => batch <= committedBatch);
    if (wanted && this.failure === null) this.#syncSoon();
  }

  #failed(error: StorageError): void {
    this.failure = {
      kind: error.kind,
      words: `fsync of the log failed: ${error.message}`,
      retryMs: ROUND_MS,
      fromBatch: this.#pipeline.keyspace.openBatch,
    };
  }

  #reached(batch: number): void {
    if (batch <= this.#synced) return;
    this.#synced = batch;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (waiter.batch <= batch) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}
