// What a run of the simulation knows from inside: which unit ran when, in which batch, and what became
// of each batch, as the engine has it. It only looks; laws are judged elsewhere.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Unit } from "../../src/commit/unit.ts";
import { StorageError } from "../../src/engine/engine.ts";
import type { MemoryEngine } from "../../src/engine/memory.ts";
import type { Core } from "../../src/server/core.ts";
import { whole } from "../support/whole.ts";

export type Fate = "open" | "doubt" | "committed" | "refused" | "lost";

export interface Batch {
  readonly number: number;
  fate: Fate;
  /** Where the log ended behind it. */
  seq: number;
  /** It was fsynced when it was said to be committed. */
  isSynced: boolean;
  wasInDoubt: boolean;
}

/** A unit that has run to its end. */
export interface Run {
  readonly order: number;
  readonly sessionId: number;
  readonly nowMs: number;
  readonly databaseIndex: number;
  readonly protocol: 2 | 3;
  readonly wrote: boolean;
  /** The batch that was open, and the one before it, which may not have been settled. */
  readonly batch: Batch;
  readonly before: Batch;
  /** The reply as it will be when its batch is committed; null when there is none. */
  readonly bytes: Bytes | null;
  /** The newest uncommitted batch that it looked at; what is committed stands for none. */
  readonly saw: Batch;
  /** It looked at nothing that was not committed at that moment. */
  readonly sawCommittedOnly: boolean;
}

export class Probe {
  readonly #core: Core;
  readonly #batches = new Map<number, Batch>();
  readonly #onRun: (run: Run) => void;
  readonly #seen = new WeakSet<Unit>();
  #current: Batch | null = null;
  /** Of this life. */
  runCount = 0;
  /** Where the log ended when this life began. */
  readonly #startSeq: number;

  constructor(core: Core, engine: MemoryEngine, onRun: (run: Run) => void) {
    this.#core = core;
    this.#onRun = onRun;
    this.#startSeq = engine.sequence();
    this.#watchUnits();
    this.#watchBatches();
    this.#watchEngine(engine);
  }

  /** Batch 0 is what was there before, and committed. */
  batch(number: number): Batch {
    const known = this.#batches.get(number);
    if (known !== undefined) return known;
    const batch: Batch = {
      number,
      fate: number === 0 ? "committed" : "open",
      seq: 0,
      isSynced: false,
      wasInDoubt: false,
    };
    this.#batches.set(number, batch);
    return batch;
  }

  /** A new process found the log ending here: which batches are in it. */
  died(endSeq: number): void {
    let last = this.#startSeq;
    for (const { fate, seq } of this.#batches.values()) {
      if (fate === "committed") last = Math.max(last, seq);
    }
    for (const batch of this.#batches.values()) {
      if (batch.fate === "committed" && batch.seq > endSeq) batch.fate = "lost";
      if (batch.fate !== "open" && batch.fate !== "doubt") continue;
      batch.fate = batch === this.#current && endSeq > last ? "committed" : "refused";
    }
  }

  #watchUnits(): void {
    const { pipeline } = this.#core;
    const run = pipeline.run.bind(pipeline);
    pipeline.run = (unit, resume) => {
      if (!this.#seen.has(unit)) this.#watchUnit(unit);
      return run(unit, resume);
    };
  }

  #watchUnit(unit: Unit): void {
    this.#seen.add(unit);
    const { keyspace, view } = this.#core.pipeline;
    const run = unit.run.bind(unit);
    unit.run = (at) => {
      const mark = keyspace.mark();
      const databaseIndex = unit.client.database.index;
      const session = this.#core.host.tracking.sessions.get(unit.client.id);
      const protocol = session?.protocol ?? 2;
      const bytes = run(at);
      const saw = Math.min(view.saw, keyspace.lastUncommittedBatch());
      const sawCommittedOnly = saw <= keyspace.committedBatch;
      this.#onRun({
        order: ++this.runCount,
        sessionId: unit.client.id,
        nowMs: view.nowMs,
        databaseIndex,
        protocol,
        wrote: keyspace.changedSince(mark),
        batch: this.batch(keyspace.openBatch),
        before: this.batch(keyspace.openBatch - 1),
        bytes: bytes === null ? null : whole(bytes),
        saw: this.batch(sawCommittedOnly ? 0 : saw),
        sawCommittedOnly,
      });
      return bytes;
    };
  }

  #watchBatches(): void {
    const { pipeline } = this.#core;
    const { keyspace } = pipeline;
    const close = keyspace.close.bind(keyspace);
    keyspace.close = (ops) => {
      const closed = close(ops);
      this.#current = this.batch(closed.number);
      if (ops.count === 0) this.#committed(keyspace.engine.sequence(), true);
      return closed;
    };
    pipeline.onRefusal(() => {
      for (const batch of this.#batches.values()) {
        if (batch.fate === "open" && batch.number < keyspace.openBatch) batch.fate = "refused";
      }
    });
  }

  #committed(seq: number, isSynced: boolean): void {
    if (this.#current === null) return;
    this.#current.fate = "committed";
    this.#current.seq = seq;
    this.#current.isSynced = isSynced;
    this.#current = null;
  }

  #failed(error: unknown): void {
    if (this.#current === null || !(error instanceof StorageError)) return;
    if (error.fate !== "unknown") return;
    this.#current.fate = "doubt";
    this.#current.wasInDoubt = true;
  }

  #watchEngine(engine: MemoryEngine): void {
    const write = engine.write.bind(engine);
    const writeAsync = engine.writeAsync.bind(engine);
    const settleUnknown = engine.settleUnknown.bind(engine);
    engine.write = (ops) => {
      try {
        write(ops);
      } catch (error) {
        this.#failed(error);
        throw error;
      }
      this.#committed(engine.sequence(), false);
    };
    engine.writeAsync = async (ops, options) => {
      try {
        await writeAsync(ops, options);
      } catch (error) {
        this.#failed(error);
        throw error;
      }
      this.#committed(engine.sequence(), options.sync);
    };
    engine.settleUnknown = async () => {
      const outcome = await settleUnknown();
      if (outcome === "applied") this.#committed(engine.sequence(), true);
      else if (this.#current !== null) this.#current.fate = "refused";
      return outcome;
    };
  }
}
