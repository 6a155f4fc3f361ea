// What RocksDB's answers mean to the rooms above: the kind of a failure, and whether a write that
// failed is certainly not applied (law 9). Pure, so that every row can be tested without a disk.

import { StorageError, type StorageErrorKind } from "./engine.ts";

/** The parts of a RocksDB Status that decide. */
export interface EngineFailure {
  readonly code: string;
  readonly subcode: string;
  readonly severity: string;
  readonly message: string;
}

/** Codes RocksDB answers before it has touched the log. */
const REFUSED_CODES: ReadonlySet<string> = new Set([
  "Incomplete",
  "InvalidArgument",
  "NotSupported",
  "ShutdownInProgress",
  "TimedOut",
  "Busy",
  "TryAgain",
  "ColumnFamilyDropped",
]);

export function kindOf(failure: EngineFailure): StorageErrorKind {
  switch (failure.code) {
    case "Incomplete":
    case "TimedOut":
    case "Busy":
    case "TryAgain":
      return "stall";
    case "NotSupported":
      return "read-only";
    case "InvalidArgument":
      return "too-large";
    case "ShutdownInProgress":
      return "closed";
    case "Corruption":
      return "corruption";
    default:
      if (failure.subcode === "MemoryLimit") return "too-large";
      if (failure.subcode === "NoSpace" || failure.subcode === "SpaceLimit") return "no-space";
      return "io";
  }
}

/**
 * The error of a write. `wasBroken`: the engine had a background error before the attempt, so it
 * refused without touching the log. RocksDB hands out its background error with a severity, and a
 * failure of the attempt itself without one.
 */
export function writeError(failure: EngineFailure, wasBroken: boolean): StorageError {
  const isRefused = wasBroken || REFUSED_CODES.has(failure.code) || isBackgroundError(failure);
  return new StorageError(kindOf(failure), isRefused ? "refused" : "unknown", failure.message);
}

/** The error of a read, or of anything else that writes no batch. */
export function plainError(failure: EngineFailure): StorageError {
  return new StorageError(kindOf(failure), "refused", failure.message);
}

export function isBackgroundError(failure: EngineFailure): boolean {
  return failure.severity !== "NoError" && failure.severity !== "Unknown";
}

/** RocksDB tries by itself to leave the others behind. */
export function isFinal(failure: EngineFailure): boolean {
  return failure.severity === "FatalError" || failure.severity === "UnrecoverableError";
}

export const CLOSED_WORDS = "the engine is closed";

/** The binding's own refusals after a close; anything else is our bug and passes. */
export function closedOr(error: unknown): unknown {
  const isClosed = error instanceof Error && "code" in error && error.code === "ERR_ROCKSDB_CLOSED";
  return isClosed ? new StorageError("closed", "refused", CLOSED_WORDS) : error;
}
