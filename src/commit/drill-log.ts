// The commit log under a fault drill (engine/drill.ts): commits are refused, left in doubt or made to
// wait, as the drill says; all others go to the log beneath.
//
// A commit in doubt is held here. What the drill chose is done when the doubt ends: the batch is
// appended after all, or never was.

import { assert } from "../base/assert.ts";
import { FAULT_WORDS, type Drill, type Fault } from "../engine/drill.ts";
import type { UnknownOutcome } from "../engine/engine.ts";
import type { WriteOps } from "../engine/write-ops.ts";
import {
  LogError,
  type AppendRequest,
  type CommitLog,
  type Entry,
  type Lease,
  type LogBounds,
  type Resolution,
  type Seq,
} from "./log.ts";

export class DrillLog implements CommitLog {
  readonly #inner: CommitLog;
  readonly #drill: Drill;

  constructor(inner: CommitLog, drill: Drill) {
    this.#inner = inner;
    this.#drill = drill;
  }

  async acquire(shard: number, owner: string, ttlMs: number): Promise<Lease> {
    return new DrillLease(await this.#inner.acquire(shard, owner, ttlMs), this.#drill);
  }

  subscribe(fromSeq: Seq): AsyncIterable<Entry> {
    return this.#inner.subscribe(fromSeq);
  }

  trim(uptoSeq: Seq, epoch: number): Promise<void> {
    return this.#inner.trim(uptoSeq, epoch);
  }

  bounds(): Promise<LogBounds> {
    return this.#inner.bounds();
  }
}

interface Doubt {
  /** The pipeline leaves it alone until the doubt is over. */
  readonly batch: WriteOps;
  readonly request: AppendRequest;
  readonly fault: Fault;
  readonly outcome: UnknownOutcome;
  /** On the clock that never jumps, microseconds. */
  readonly untilUs: number;
}

class DrillLease implements Lease {
  readonly #inner: Lease;
  readonly #drill: Drill;
  #doubt: Doubt | null = null;

  constructor(inner: Lease, drill: Drill) {
    this.#inner = inner;
    this.#drill = drill;
  }

  get epoch(): number {
    return this.#inner.epoch;
  }

  append(batch: WriteOps, request: AppendRequest): Seq | Promise<Seq> {
    const fault = this.#drill.hitCommit();
    if (fault === null) return this.#inner.append(batch, request);
    if (fault.kind === "slow") return this.#appendLater(batch, request, fault.milliseconds);
    if (fault.kind === "unknown-commit") throw this.#beginDoubt(batch, request, fault);
    throw refusal(fault);
  }

  #beginDoubt(batch: WriteOps, request: AppendRequest, fault: Fault): LogError {
    const outcome = this.#drill.outcomeOf(fault);
    const untilUs = this.#drill.clock.monotonicUs() + fault.milliseconds * 1000;
    this.#doubt = { batch, request, fault, outcome, untilUs };
    this.#drill.isInDoubt = true;
    this.#drill.onChange();
    return new LogError("unknown", FAULT_WORDS.io, { storage: "io" });
  }

  async #appendLater(batch: WriteOps, request: AppendRequest, ms: number): Promise<Seq> {
    await new Promise<void>((resolve) => {
      this.#drill.clock.after(ms, resolve);
    });
    return this.#inner.append(batch, request);
  }

  async resolve(): Promise<Resolution> {
    const doubt = this.#doubt;
    if (doubt === null) return this.#inner.resolve();
    const { clock, fault } = this.#drill;
    // Whoever ends the drill, or changes it, wants to see what comes then.
    const isOver = clock.monotonicUs() >= doubt.untilUs || fault !== doubt.fault;
    if (!isOver) throw new LogError("unavailable", FAULT_WORDS.io, { storage: "io" });
    const resolution = await this.#settle(doubt);
    this.#endDoubt();
    return resolution;
  }

  async #settle({ batch, request, outcome }: Doubt): Promise<Resolution> {
    if (outcome === "absent") return this.#inner.resolve();
    try {
      const lastSeq = await this.#inner.append(batch, { ...request, background: true });
      return { outcome, lastSeq };
    } catch (error) {
      // A real doubt takes the place of ours.
      if (error instanceof LogError && error.kind === "unknown") this.#endDoubt();
      throw error;
    }
  }

  #endDoubt(): void {
    this.#doubt = null;
    this.#drill.isInDoubt = false;
    this.#drill.onChange();
  }

  renew(): Promise<void> {
    return this.#inner.renew();
  }

  release(): Promise<void> {
    return this.#inner.release();
  }
}

const REASONS = { stall: "stall", "no-space": "no-space", "io-error": "io" } as const;

function refusal(fault: Fault): LogError {
  const { kind } = fault;
  // At once, whatever the policy for stalls: to see what a refusal looks like, nobody wants to wait.
  const isFinal = kind === "refuse-commit";
  assert(kind !== "slow" && kind !== "unknown-commit");
  const storage = kind === "refuse-commit" ? fault.as : REASONS[kind];
  const logKind = storage === "too-large" ? "too-large" : "unavailable";
  return new LogError(logKind, FAULT_WORDS[storage], { storage, isFinal });
}
