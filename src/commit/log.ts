// The commit log: where a batch becomes a fact. Today the local RocksDB WAL (local-log.ts), later a
// quorum log; the pipeline must not assume that the log is local, fast, or able to tell at once how
// an append ended. Both implementations pass one suite (test/engine/suite-commit-log.ts).

import type { StorageErrorKind } from "../engine/engine.ts";
import type { WriteOps } from "../engine/write-ops.ts";

/** Position in the log: strictly growing, one entry may take several positions. */
export type Seq = number;

export interface Entry {
  /** Position of the entry's first write. */
  readonly seq: Seq;
  /** WriteBatch representation, as WriteOps makes it. */
  readonly representation: Uint8Array;
}

/**
 * The closed set of ways an append or a read of the log fails.
 *   fenced       another owner holds a newer epoch; certainly not written
 *   conflict     the log does not end where the writer thought; certainly not written
 *   unknown      may or may not be written: nobody may be told either (law 9)
 *   too-large    the entry exceeds what the log takes; certainly not written
 *   trimmed      the wanted position is gone; `first` is the oldest one left
 *   unavailable  certainly not written; `storage` says why
 */
export type LogErrorKind =
  | "fenced"
  | "conflict"
  | "unknown"
  | "too-large"
  | "trimmed"
  | "unavailable";

export class LogError extends Error {
  override readonly name = "LogError";
  readonly kind: LogErrorKind;
  /** What the engine beneath said, for the client's error code. */
  readonly storage: StorageErrorKind;
  /** With "conflict": where the log ends; with "trimmed": its first position. */
  readonly position: Seq | null;
  /** Not to be tried again, also when the policy is to wait for the end of a stall. */
  readonly isFinal: boolean;

  constructor(
    kind: LogErrorKind,
    words: string,
    detail: { storage: StorageErrorKind; position?: Seq; isFinal?: boolean },
  ) {
    super(words);
    this.kind = kind;
    this.storage = detail.storage;
    this.position = detail.position ?? null;
    this.isFinal = detail.isFinal ?? false;
  }
}

export interface AppendRequest {
  /** Where the log ends as the writer knows it. */
  readonly expectedSeq: Seq;
  /** Whether the entry must survive the death of the machine before it counts as committed. */
  readonly sync: boolean;
  /** Whether to leave the event loop for it. */
  readonly background: boolean;
}

/** How an append that ended "unknown" turned out. */
export interface Resolution {
  readonly outcome: "applied" | "absent";
  readonly lastSeq: Seq;
}

export interface Lease {
  /** Strictly grows from owner to owner. */
  readonly epoch: number;
  /**
   * Commits one batch and applies it; returns the position after it, at once when the log can do so
   * on the event loop. Throws or rejects with LogError. `batch` may be reused after settlement only.
   */
  append(batch: WriteOps, request: AppendRequest): Seq | Promise<Seq>;
  /**
   * Finds out how the last unknown append ended, and makes the log usable again. Rejects with
   * LogError "unavailable" while neither can be done.
   */
  resolve(): Promise<Resolution>;
  renew(): Promise<void>;
  release(): Promise<void>;
}

export interface LogBounds {
  readonly first: Seq;
  readonly last: Seq;
}

export interface CommitLog {
  /** Rejects with "fenced" while another owner's lease lives. */
  acquire(shard: number, owner: string, ttlMs: number): Promise<Lease>;
  /** The committed prefix from `fromSeq` on, dense; ends at the present end. Rejects with "trimmed". */
  subscribe(fromSeq: Seq): AsyncIterable<Entry>;
  /** Allows the log to forget what stands before `uptoSeq`; rejects with "fenced" for an old epoch. */
  trim(uptoSeq: Seq, epoch: number): Promise<void>;
  bounds(): Promise<LogBounds>;
}
