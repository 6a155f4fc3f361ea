// What commands may ask of the connection they came in on, and of the server. Implemented upstairs,
// in session/ and server/; extended when a command needs more, never with a way around the rooms.
//
// One interface a subject; the two ports at the end are their sums.

import type { Bytes } from "../base/bytes.ts";
import type { Reply } from "../resp/reply.ts";

// What sessions offer

export interface IdentityPort {
  /** Unique for the life of the server, from 1. */
  readonly id: number;
  name: Bytes;
  /** Whom the connection speaks as; null before it has said who it is. */
  readonly user: Bytes | null;
  databaseIndex: number;
  protocol: 2 | 3;
  readonly mustAuthenticate: boolean;
  /** AUTH: a null `user` means the password alone was given. Throws CommandError (WRONGPASS). */
  authenticate(user: Bytes | null, password: Bytes): void;
}

/** All rules of transactions are in session/transaction.ts. */
export interface TransactionPort {
  readonly inTransaction: boolean;
  multi(): Reply;
  discard(): Reply;
  watch(keys: readonly Bytes[]): Promise<Reply>;
  unwatch(): Reply;
  once(): Reply;
}

export type SubscriptionKind = "channel" | "pattern" | "shard";

export interface SubscriptionPort {
  /** Channels, patterns and shard channels together. */
  readonly subscriptionCount: number;
  /** Null when the confirmations, one for each name, are pushed; in EXEC they are the reply. */
  subscribe(kind: SubscriptionKind, names: readonly Bytes[]): Reply | null;
  /** The same; without names, from all of the kind. */
  unsubscribe(kind: SubscriptionKind, names: readonly Bytes[]): Reply | null;
}

export interface SessionPort extends IdentityPort, TransactionPort, SubscriptionPort {
  /** Forgets everything but the connection itself: RESET. */
  reset(): void;
  /** Closes after the replies so far are sent. */
  closeAfterReply(): void;
}

// What the server offers

export interface ServerPort {
  /** Kept's own version. */
  readonly version: string;
}
