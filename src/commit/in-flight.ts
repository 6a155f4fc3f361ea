// The batch on its way: what the pipeline knows of it until it is settled, and who waits for that.

import type { Timer } from "../base/clock.ts";
import type { ClosedBatch } from "../keyspace/keyspace.ts";
import type { Failure } from "./settle.ts";

export interface InFlight {
  readonly closed: ClosedBatch;
  /** When it was closed; 0 if nothing waits for its fsync. */
  readonly sinceUs: number;
  /** When the oldest write in it came in, by the clock that never jumps. */
  readonly oldestMs: number;
  attempts: number;
  /** Whether it will have been fsynced when it is committed. */
  isSynced: boolean;
  retry: Timer | null;
  /** Set while nobody knows how the append ended. */
  doubt: Doubt | null;
}

export interface Doubt {
  readonly failure: Failure;
  timeout: Timer | null;
}

/** A writer who waits for room in the open batch. */
export interface RoomWaiter {
  readonly sinceMs: number;
  readonly resume: () => void;
}
