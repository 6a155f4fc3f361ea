// Fault drills: a running server misbehaves on purpose, so that people can test their retries (DEBUG
// STORAGE-FAULT; docs/operating/fault-drills.md). Here is what is asked for and whether it strikes;
// who strikes are `DrillEngine` below, for reads and upkeep, and commit/drill-log.ts, for commits.
// Everything above them meets the same errors as with a real fault, and answers the same.
//
// Nothing of this is in the way of a server whose enable-debug-command is "no".

import type { Bytes } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import {
  StorageError,
  type Cold,
  type Cursor,
  type CursorRange,
  type Engine,
  type EngineHealth,
  type EngineUpdate,
  type Loan,
  type StorageErrorKind,
  type StoreId,
  type UnknownOutcome,
  type WriteOptions,
} from "./engine.ts";
import type { WriteOps } from "./write-ops.ts";

export type FaultKind =
  | "stall"
  | "refuse-commit"
  | "unknown-commit"
  | "no-space"
  | "io-error"
  | "slow";

/** Why a commit that is refused by itself is refused. */
export type RefusalKind = Exclude<StorageErrorKind, "closed" | "corruption">;

export interface Fault {
  readonly kind: FaultKind;
  /** Of each commit or read to be hit, 0 to 1. */
  readonly probability: number;
  /** So many hits and it is over; Infinity for no end. */
  readonly hitsMax: number;
  /** How long it lasts; Infinity for no end. */
  readonly seconds: number;
  /** slow: how much slower; unknown-commit: how long nobody knows. */
  readonly milliseconds: number;
  /** io-error and slow: what is hit. */
  readonly on: "writes" | "reads" | "all";
  /** refuse-commit: the reason. */
  readonly as: RefusalKind;
  /** unknown-commit: what is found out in the end. */
  readonly outcome: UnknownOutcome | "random";
}

/** RocksDB's words for each, as it says them of a real one. */
export const FAULT_WORDS: Readonly<Record<RefusalKind, string>> = {
  stall: "Write stall",
  "too-large": "Batch size exceeds the limit",
  "read-only": "Not supported operation in read only mode.",
  "no-space": "No space left on device",
  io: "While appending to file: Input/output error",
};
const READ_WORDS = "While pread from file: Input/output error";
const CHANCES = 1_000_000;

export class Drill {
  readonly clock: Clock;
  readonly #random: Random;
  #fault: Fault | null = null;
  #end: Timer | null = null;
  hits = 0;
  /** A commit hangs in a doubt of our making. */
  isInDoubt = false;
  /** The engine's health may look different now. */
  onChange: () => void = () => {};
  /** The fault has ended by itself. */
  onOver: (fault: Fault) => void = () => {};

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.#random = random;
  }

  get fault(): Fault | null {
    return this.#fault;
  }

  /** Puts a fault in the place of the one before; null ends it. */
  set(fault: Fault | null): void {
    this.#end?.cancel();
    this.#end = null;
    this.#fault = fault;
    if (fault !== null) this.hits = 0;
    if (fault !== null && fault.seconds !== Infinity) {
      this.#end = this.clock.after(fault.seconds * 1000, () => this.#over(fault));
    }
    this.onChange();
  }

  #over(fault: Fault): void {
    this.set(null);
    this.onOver(fault);
  }

  stop(): void {
    this.#end?.cancel();
  }

  /** The fault that hits this commit; null when it is spared. */
  hitCommit(): Fault | null {
    const fault = this.#fault;
    return fault === null || fault.on === "reads" ? null : this.#hit(fault);
  }

  /** The fault of reads that hits this one. */
  hitRead(kind: "io-error" | "slow"): Fault | null {
    const fault = this.#fault;
    if (fault === null || fault.kind !== kind || fault.on === "writes") return null;
    return this.#hit(fault);
  }

  #hit(fault: Fault): Fault | null {
    if (fault.probability < 1 && this.#random.below(CHANCES) >= fault.probability * CHANCES) {
      return null;
    }
    if (this.hits >= fault.hitsMax) return null;
    this.hits++;
    // Not before whoever asked has been hit.
    if (this.hits === fault.hitsMax) this.clock.turnEnd(() => this.#overIfStill(fault));
    return fault;
  }

  #overIfStill(fault: Fault): void {
    if (this.#fault === fault) this.#over(fault);
  }

  outcomeOf(fault: Fault): UnknownOutcome {
    if (fault.outcome !== "random") return fault.outcome;
    return this.#random.below(2) === 0 ? "applied" : "absent";
  }

  /** What stops all writes: a fault that is no matter of chance or number. */
  get lasting(): Fault | null {
    const fault = this.#fault;
    if (fault === null || fault.on === "reads") return null;
    return fault.probability === 1 && fault.hitsMax === Infinity ? fault : null;
  }

  /** The background error that RocksDB would report. */
  get error(): EngineHealth["error"] {
    if (this.isInDoubt) return { kind: "io", words: FAULT_WORDS.io };
    const kind = this.lasting?.kind;
    if (kind === "no-space") return { kind: "no-space", words: FAULT_WORDS["no-space"] };
    return kind === "io-error" ? { kind: "io", words: FAULT_WORDS.io } : null;
  }
}

/** An engine that fails as the drill says; commits fail one floor higher, in the log. */
export class DrillEngine implements Engine {
  readonly #inner: Engine;
  readonly #drill: Drill;

  constructor(inner: Engine, drill: Drill) {
    this.#inner = inner;
    this.#drill = drill;
  }

  get(store: StoreId, key: Bytes): Bytes | null | Cold {
    this.#failRead();
    return this.#inner.get(store, key);
  }

  loadMicros(): number {
    return this.#inner.loadMicros();
  }

  async load(store: StoreId, keys: readonly Bytes[]): Promise<(Bytes | null)[]> {
    this.#failRead();
    await this.#slowDown();
    return this.#inner.load(store, keys);
  }

  cursor(store: StoreId, range: CursorRange): Cursor {
    this.#failRead();
    return this.#inner.cursor(store, range);
  }

  lend(): Loan | null {
    return this.#inner.lend();
  }

  async warm(store: StoreId, range: CursorRange, entriesMax: number): Promise<void> {
    this.#failRead();
    await this.#slowDown();
    await this.#inner.warm(store, range, entriesMax);
  }

  #failRead(): void {
    if (this.#drill.hitRead("io-error") === null) return;
    throw new StorageError("io", "refused", READ_WORDS);
  }

  async #slowDown(): Promise<void> {
    const fault = this.#drill.hitRead("slow");
    if (fault === null) return;
    await new Promise<void>((resolve) => {
      this.#drill.clock.after(fault.milliseconds, resolve);
    });
  }

  write(ops: WriteOps): void {
    this.#inner.write(ops);
  }

  writeAsync(ops: WriteOps, options: WriteOptions): Promise<void> {
    return this.#inner.writeAsync(ops, options);
  }

  async sync(): Promise<void> {
    this.#failUpkeep();
    await this.#inner.sync();
  }

  settleUnknown(): Promise<UnknownOutcome> {
    return this.#inner.settleUnknown();
  }

  sequence(): number {
    return this.#inner.sequence();
  }

  updatesSince(sequence: number): AsyncIterable<EngineUpdate> {
    return this.#inner.updatesSince(sequence);
  }

  firstUpdate(): Promise<number> {
    return this.#inner.firstUpdate();
  }

  health(): EngineHealth {
    const { stall, error } = this.#inner.health();
    const isStalled = this.#drill.lasting?.kind === "stall";
    return { stall: isStalled ? "stopped" : stall, error: error ?? this.#drill.error };
  }

  onHealth(listener: () => void): void {
    this.#inner.onHealth(listener);
    this.#drill.onChange = listener;
  }

  async resume(): Promise<void> {
    this.#failUpkeep();
    await this.#inner.resume();
  }

  #failUpkeep(): void {
    const { error } = this.#drill;
    if (error !== null) throw new StorageError(error.kind, "refused", error.words);
  }

  property(name: string, of?: StoreId | "all"): string | null {
    return this.#inner.property(name, of);
  }

  async flush(): Promise<void> {
    this.#failUpkeep();
    await this.#inner.flush();
  }

  async compact(): Promise<void> {
    this.#failUpkeep();
    await this.#inner.compact();
  }

  async checkpoint(path: string): Promise<void> {
    this.#failUpkeep();
    await this.#inner.checkpoint(path);
  }

  configure(name: string, value: string): Promise<void> {
    return this.#inner.configure(name, value);
  }

  async close(): Promise<void> {
    this.#drill.stop();
    await this.#inner.close();
  }
}
