// The commit log of a single machine: the WAL of the local RocksDB. Appending and applying are one
// write; the sequence numbers are RocksDB's.

import { StorageError, type Engine } from "../engine/engine.ts";
import type { WriteOps } from "../engine/write-ops.ts";
import { LogError, type AppendRequest, type CommitLog, type Entry } from "./log.ts";
import type { Lease, LogBounds, Resolution, Seq } from "./log.ts";

/**
 * Epochs count the owners within this process; against other processes the engine's lock on its
 * directory is the fence. An owner lives as long as the process, so a lease does not run out.
 */
export class LocalLog implements CommitLog {
  readonly #engine: Engine;
  #epoch = 0;
  /** Who holds the lease; null when nobody does. */
  #owner: string | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  acquire(_shard: number, owner: string): Promise<Lease> {
    if (this.#owner !== null && this.#owner !== owner) {
      const words = `the log is held by '${this.#owner}'`;
      return Promise.reject(new LogError("fenced", words, { storage: "read-only" }));
    }
    this.#owner = owner;
    this.#epoch++;
    const epoch = this.#epoch;
    const lease = new LocalLease(this.#engine, {
      epoch,
      isCurrent: () => this.#epoch === epoch && this.#owner !== null,
      release: () => {
        if (this.#epoch === epoch) this.#owner = null;
      },
    });
    return Promise.resolve(lease);
  }

  async *subscribe(fromSeq: Seq): AsyncIterable<Entry> {
    const first = await this.#engine.firstUpdate();
    if (fromSeq < first) {
      const words = `the log begins at ${first}, not at ${fromSeq}`;
      throw new LogError("trimmed", words, { storage: "io", position: first });
    }
    for await (const entry of this.#engine.updatesSince(fromSeq)) yield entry;
  }

  /** RocksDB forgets its WAL by itself once memtables are flushed. */
  trim(_uptoSeq: Seq, epoch: number): Promise<void> {
    if (epoch === this.#epoch) return Promise.resolve();
    return Promise.reject(fenced(epoch));
  }

  async bounds(): Promise<LogBounds> {
    const first = await this.#engine.firstUpdate();
    return { first, last: this.#engine.sequence() };
  }
}

interface LeaseParts {
  readonly epoch: number;
  readonly isCurrent: () => boolean;
  readonly release: () => void;
}

class LocalLease implements Lease {
  readonly epoch: number;
  readonly #engine: Engine;
  readonly #isCurrent: () => boolean;
  readonly #release: () => void;

  constructor(engine: Engine, parts: LeaseParts) {
    this.#engine = engine;
    this.epoch = parts.epoch;
    this.#isCurrent = parts.isCurrent;
    this.#release = parts.release;
  }

  append(batch: WriteOps, request: AppendRequest): Seq | Promise<Seq> {
    if (!this.#isCurrent()) throw fenced(this.epoch);
    const last = this.#end();
    if (last !== request.expectedSeq) {
      const words = `the log ends at ${last}, not at ${request.expectedSeq}`;
      throw new LogError("conflict", words, { storage: "io", position: last });
    }
    if (request.background || request.sync) return this.#appendInBackground(batch, request.sync);
    try {
      this.#engine.write(batch);
    } catch (error) {
      throw logError(error);
    }
    return this.#engine.sequence();
  }

  #end(): Seq {
    try {
      return this.#engine.sequence();
    } catch (error) {
      throw logError(error);
    }
  }

  async #appendInBackground(batch: WriteOps, sync: boolean): Promise<Seq> {
    try {
      await this.#engine.writeAsync(batch, { sync });
    } catch (error) {
      throw logError(error);
    }
    return this.#engine.sequence();
  }

  async resolve(): Promise<Resolution> {
    try {
      const outcome = await this.#engine.settleUnknown();
      return { outcome, lastSeq: this.#engine.sequence() };
    } catch (error) {
      throw logError(error);
    }
  }

  renew(): Promise<void> {
    return this.#isCurrent() ? Promise.resolve() : Promise.reject(fenced(this.epoch));
  }

  release(): Promise<void> {
    this.#release();
    return Promise.resolve();
  }
}

function fenced(epoch: number): LogError {
  return new LogError("fenced", `epoch ${epoch} is over`, { storage: "read-only" });
}

/** Translates what the engine said; anything else is our own bug and passes through. */
function logError(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  const storage = error.kind;
  if (error.fate === "unknown") return new LogError("unknown", error.message, { storage });
  if (storage === "too-large") return new LogError("too-large", error.message, { storage });
  return new LogError("unavailable", error.message, { storage });
}
