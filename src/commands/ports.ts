// What commands may ask of the connection they came in on, and of the server. Implemented upstairs,
// in session/ and server/; extended when a command needs more, never with a way around the rooms.
//
// One interface a subject; the two ports at the end are their sums.

import type { Bytes } from "../base/bytes.ts";
import type { Reply } from "../resp/reply.ts";
import type { CommandTable } from "./lookup.ts";

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

export type ReplyMode = "on" | "off" | "skip";

/** What CLIENT changes about its own connection. */
export interface BehaviourPort {
  /** CLIENT SETINFO: what the client library says of itself. */
  libraryName: Bytes;
  libraryVersion: Bytes;
  /** CLIENT NO-TOUCH clears it: look-ups then do not count as accesses. */
  touch: boolean;
  /** CLIENT NO-EVICT: not closed to save memory. */
  noEvict: boolean;
  /** "skip": the next command is not answered. */
  setReplyMode(mode: ReplyMode): void;
  /** Set while an EXEC of this connection runs: what would wait or push must not. */
  readonly isInExec: boolean;
  readonly isMonitor: boolean;
  /** MONITOR: from now on every command is shown to this connection. */
  startMonitoring(): void;
}

export interface SessionPort
  extends IdentityPort, TransactionPort, SubscriptionPort, BehaviourPort {
  /** Forgets everything but the connection itself: RESET. */
  reset(): void;
  /** Closes after the replies so far are sent. */
  closeAfterReply(): void;
}

// What the server offers

export type ClientType = "normal" | "master" | "replica" | "pubsub";

/** All that is given must hold. */
export interface ClientFilter {
  readonly ids?: ReadonlySet<number>;
  readonly type?: ClientType;
  readonly address?: Bytes;
  readonly localAddress?: Bytes;
  readonly user?: Bytes;
}

/** The other connections: CLIENT LIST and its neighbours. */
export interface ClientsPort {
  /** One line for each connection, by age, each ended by a line feed. */
  list(filter: ClientFilter): Bytes;
  /** Closes those that fit, but for `skippedId` (0 for none); answers how many. */
  kill(filter: ClientFilter, options: { callerId: number; skippedId: number }): number;
  /** Ends the wait of a blocked connection as its timeout would, or with an error. */
  unblock(id: number, how: "timeout" | "error"): boolean;
  userExists(name: Bytes): boolean;
}

export interface PausePort {
  begin(kind: "write" | "all", endMs: number): void;
  end(): void;
}

export interface SlowlogPort {
  readonly length: number;
  newest(count: number): readonly {
    readonly id: number;
    readonly atSeconds: number;
    readonly microseconds: number;
    readonly args: readonly Bytes[];
    readonly address: Bytes;
    readonly clientName: Bytes;
  }[];
  clear(): void;
}

interface LatencyEventFacts {
  readonly name: string;
  readonly samples: readonly { readonly atSeconds: number; readonly milliseconds: number }[];
  readonly worstMs: number;
}

export interface LatencyPort {
  /** Milliseconds from which something is noted; 0 when nothing is. */
  readonly thresholdMs: number;
  readonly events: readonly LatencyEventFacts[];
  event(name: string): LatencyEventFacts | null;
  reset(names: readonly string[]): number;
}

export interface ServerPort {
  /** Kept's own version. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  nowMs(): number;
  readonly commands: CommandTable;
  readonly clients: ClientsPort;
  readonly pause: PausePort;
  readonly slowlog: SlowlogPort;
  readonly latency: LatencyPort;
}
