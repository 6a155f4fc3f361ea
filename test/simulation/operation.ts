// What a client of the simulation asks: an operation is one request, or several that belong together
// (WATCH, MULTI, commands, EXEC), and is one unit of work either way.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Reply } from "../../src/resp/reply.ts";
import type { Run } from "./probe.ts";

/** A request on the wire. */
export interface Request {
  readonly operation: Operation;
  readonly args: readonly Bytes[];
  /** How many replies are due. */
  readonly replyCount: number;
  readonly replies: Reply[];
  /** The last run of its unit; null when it has none, or has not run. */
  run: Run | null;
  wasExecuted: boolean;
  /** Which request of its connection it is, and of whom; once it is sent, and once it has begun. */
  place: number;
  sessionId: number | null;
}

/** One step of an operation on the logs: something is added, or all of it is read. */
export interface LogStep {
  readonly key: Bytes;
  /** What is added; null for a read. */
  readonly value: Bytes | null;
}

export interface Operation {
  readonly id: number;
  /** Logs that it adds to and reads (logs.ts); none for other operations. */
  readonly steps: readonly LogStep[];
  /** A message that goes out with it. */
  readonly message: Bytes | null;
  /** The token of ONCE: operations with the same one are one. */
  readonly token: Bytes | null;
  readonly requests: Request[];
  /** Moments of the run, for the order in real time; Infinity until it is so. */
  invoked: number;
  answered: number;
  /** It is in a MULTI that ends with this many elements. */
  readonly queuedCount: number;
  /** Waits for others: a key, the end of a pause. */
  readonly mayBlock: boolean;
  /** It changes keys of which copies are kept (copies.ts). */
  readonly isChange: boolean;
}

export interface Sentence {
  readonly args: readonly Bytes[];
  readonly replyCount?: number;
}

export function operationOf(
  id: number,
  sentences: readonly Sentence[],
  more: Partial<Operation> = {},
): Operation {
  const operation: Operation = {
    id,
    steps: [],
    message: null,
    token: null,
    requests: [],
    invoked: Infinity,
    answered: Infinity,
    queuedCount: 0,
    mayBlock: false,
    isChange: false,
    ...more,
  };
  for (const { args, replyCount = 1 } of sentences) {
    operation.requests.push({
      operation,
      args,
      replyCount,
      replies: [],
      run: null,
      wasExecuted: false,
      place: 0,
      sessionId: null,
    });
  }
  return operation;
}

/** The request that tells how it went: the last, which is the EXEC of a transaction. */
export function lastOf(operation: Operation): Request {
  const last = operation.requests.at(-1);
  if (last === undefined) throw new Error("an operation without requests");
  return last;
}

export function wireOf(args: readonly Bytes[]): Bytes {
  let wire = `*${args.length}\r\n`;
  for (const word of args) wire += `$${word.length}\r\n${word}\r\n`;
  return wire;
}
