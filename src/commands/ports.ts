// What commands may ask of the connection they came in on, and of the server. Implemented upstairs,
// in session/ and server/; extended when a command needs more, never with a way around the rooms.

import type { Bytes } from "../base/bytes.ts";
import type { Reply } from "../resp/reply.ts";

export interface SessionPort {
  /** Unique for the life of the server, from 1. */
  readonly id: number;
  name: Bytes;
  databaseIndex: number;
  protocol: 2 | 3;
  readonly inTransaction: boolean;

  // Transactions: all rules are in session/transaction.ts.
  multi(): Reply;
  discard(): Reply;
  watch(keys: readonly Bytes[]): Promise<Reply>;
  unwatch(): Reply;
  once(): Reply;

  /** Forgets everything but the connection itself: RESET. */
  reset(): void;
  /** Closes after the replies so far are sent. */
  closeAfterReply(): void;
}

export interface ServerPort {
  readonly version: string;
}
