// RocksDB's Status as a JavaScript error.

/** RocksDB's own names for the outcome of an operation. */
export type StatusCode =
  | "Ok"
  | "NotFound"
  | "Corruption"
  | "NotSupported"
  | "InvalidArgument"
  | "IOError"
  | "MergeInProgress"
  | "Incomplete"
  | "ShutdownInProgress"
  | "TimedOut"
  | "Aborted"
  | "Busy"
  | "Expired"
  | "TryAgain"
  | "CompactionTooLarge"
  | "ColumnFamilyDropped"
  | "Unknown";

/** RocksDB's own names for how bad a background error is. */
export type Severity =
  | "NoError"
  | "SoftError"
  | "HardError"
  | "FatalError"
  | "UnrecoverableError"
  | "Unknown";

/** The parts of a Status, as the native side hands them over. */
export interface StatusParts {
  readonly code: StatusCode;
  readonly subcode: string;
  readonly severity: Severity;
  readonly message: string;
  readonly retryable: boolean;
  readonly dataLoss: boolean;
}

/**
 * What RocksDB answered when it did not answer OK. Misuse of this package (a wrong type, a bad length,
 * something closed) is not one of these but a TypeError, a RangeError, or an Error whose `code` is
 * `ERR_ROCKSDB_CLOSED`, `ERR_ROCKSDB_BUSY`, `ERR_ROCKSDB_STALE` or `ERR_ROCKSDB_LIMIT`.
 */
export class RocksDBError extends Error {
  /** RocksDB's code by its own name: "Incomplete", "IOError", "Corruption"... */
  readonly code: StatusCode;
  /** RocksDB's subcode by its own name: "NoSpace", "IOFenced", "MemoryLimit"...; "None" without one. */
  readonly subcode: string;
  /** How bad a background error is; "NoError" for errors of a single operation. */
  readonly severity: Severity;
  /** The file system says that the same operation may succeed when tried again. */
  readonly retryable: boolean;
  /** The file system says that data may have been lost. */
  readonly dataLoss: boolean;

  constructor(parts: StatusParts) {
    super(parts.message);
    this.name = "RocksDBError";
    this.code = parts.code;
    this.subcode = parts.subcode;
    this.severity = parts.severity;
    this.retryable = parts.retryable;
    this.dataLoss = parts.dataLoss;
  }
}
