// What a listener is told. Events come on the event loop, in order, some time after they happened.

import type { RocksDBError } from "./errors.ts";

/** How RocksDB treats writers: as usual, slowed down, or made to wait until it has caught up. */
export type StallCondition = "normal" | "delayed" | "stopped";

interface AnyEvent {
  /** How many events before this one were left out because the listener did not keep up. */
  readonly dropped: number;
}

export interface StallEvent extends AnyEvent {
  readonly type: "stall";
  readonly family: string;
  readonly from: StallCondition;
  readonly to: StallCondition;
}

/** RocksDB could not do something in the background and has stopped taking writes, or will soon. */
export interface BackgroundErrorEvent extends AnyEvent {
  readonly type: "background-error";
  /** What it was doing: "flush", "compaction", "write-callback", "memtable", "manifest-write"... */
  readonly reason: string;
  readonly error: RocksDBError;
}

export interface RecoveryBeginEvent extends AnyEvent {
  readonly type: "recovery-begin";
  readonly reason: string;
  readonly error: RocksDBError;
  /** RocksDB tries by itself; otherwise it waits for `resume()`. */
  readonly automatic: boolean;
}

export interface RecoveryEndEvent extends AnyEvent {
  readonly type: "recovery-end";
  /** What still is wrong; null when the database is whole again. */
  readonly error: RocksDBError | null;
}

export interface FlushEvent extends AnyEvent {
  readonly type: "flush";
  readonly family: string;
  readonly entries: number;
  /** Bytes of data in the new file, before compression. */
  readonly bytes: number;
  /** The new file made RocksDB slow writers down. */
  readonly slowdown: boolean;
  /** The new file made RocksDB stop writers. */
  readonly stop: boolean;
}

export interface CompactionEvent extends AnyEvent {
  readonly type: "compaction";
  readonly family: string;
  readonly error: RocksDBError | null;
  readonly inputLevel: number;
  readonly outputLevel: number;
  readonly inputFiles: number;
  readonly outputFiles: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly entries: number;
  readonly elapsedMicros: number;
}

export type DatabaseEvent =
  | StallEvent
  | BackgroundErrorEvent
  | RecoveryBeginEvent
  | RecoveryEndEvent
  | FlushEvent
  | CompactionEvent;
