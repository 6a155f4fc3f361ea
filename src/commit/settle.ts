// What clients are told when a commit is refused: the one place where a storage failure gets its code.

import { unreachable } from "../base/assert.ts";
import { CorruptRecord } from "../encoding/record.ts";
import { StorageError, type StorageErrorKind } from "../engine/engine.ts";
import {
  batchTooLarge,
  misconfigured,
  readOnly,
  transactionDiscarded,
  tryAgain,
} from "../resp/errors.ts";
import type { ErrorReply } from "../resp/reply.ts";
import { CorruptReply } from "../resp/stored.ts";

/** A refusal, ready to be told. */
export interface Failure {
  readonly kind: StorageErrorKind;
  /** The engine's own words. */
  readonly words: string;
  /** For transient failures: when to try again. */
  readonly retryMs: number;
  /** The oldest batch that is undone: what rests on older ones stands. */
  readonly fromBatch: number;
}

export type ExecFailureReply = "attributed" | "every" | "abort";

/**
 * What a read could not be given: a block that does not check, a disk error, a record that does not
 * decode. Null for anything else, which is our own bug. It concerns who reads and nobody else.
 */
export function readFailure(error: unknown): Failure | null {
  if (error instanceof StorageError) return failureOf(error.kind, error.message);
  const isDamage = error instanceof CorruptRecord || error instanceof CorruptReply;
  return isDamage ? failureOf("corruption", `stored data does not decode: ${error.message}`) : null;
}

function failureOf(kind: StorageErrorKind, words: string): Failure {
  return { kind, words, retryMs: 0, fromBatch: 0 };
}

/** To a plain command whose write was refused, or whose answer rested on one that was. */
export function plainError(failure: Failure): ErrorReply {
  switch (failure.kind) {
    case "stall":
      return tryAgain(failure.words, failure.retryMs);
    case "too-large":
      return batchTooLarge(failure.words);
    case "read-only":
      return readOnly(failure.words);
    case "no-space":
    case "io":
    case "corruption":
    case "closed":
      return misconfigured(failure.words, operatorAdvice(failure.kind));
    default:
      return unreachable(failure.kind);
  }
}

function operatorAdvice(kind: "no-space" | "io" | "corruption" | "closed"): string {
  switch (kind) {
    case "no-space":
      return "the disk is full: free space, writes resume by themselves";
    case "io":
      return "the disk reports errors: look at the server log, writes resume when it works again";
    case "corruption":
      return "data on disk is damaged: stop the server and run 'kept check'";
    case "closed":
      return "the server is shutting down";
    default:
      return unreachable(kind);
  }
}

/** To an element of a transaction, or to the whole, that the refusal concerns: Redis's EXECABORT. */
export function execError(failure: Failure): ErrorReply {
  return transactionDiscarded(failure.words, failure.kind === "stall" ? failure.retryMs : null);
}
