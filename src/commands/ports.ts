// What commands may ask of the connection they came in on, and of the server. Implemented upstairs,
// in session/ and server/; extended when a command needs more, never with a way around the rooms.
//
// One interface a subject; the two ports at the end are their sums.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import type { Reply } from "../resp/reply.ts";
import type { Command, CommandTable } from "./lookup.ts";
import type { Args } from "./table.ts";

// What sessions offer

export interface IdentityPort {
  /** Unique for the life of the server, from 1. */
  readonly id: number;
  name: Bytes;
  /** Whom the connection speaks as: the default user before it has said who it is. */
  readonly user: Bytes;
  /** Setting it throws CommandError where there is no such database. */
  databaseIndex: number;
  /** Slots are shared out among processes, and this is one of them. */
  readonly isClustered: boolean;
  /** The address by which the client came; "" without a socket. */
  readonly localHost: Bytes;
  /** It came by TLS. */
  readonly isEncrypted: boolean;
  protocol: 2 | 3;
  readonly mustAuthenticate: boolean;
  /** AUTH and HELLO. Throws CommandError (WRONGPASS). */
  authenticate(credentials: Credentials): void;
}

export interface Credentials {
  /** Null when the password alone was given. */
  readonly user: Bytes | null;
  readonly password: Bytes;
  /** The command they came with, as it was spelt: ACL LOG shows it. */
  readonly command: Bytes;
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

/** For commands that wait for something that is not another client's doing. */
export interface WaitPort {
  /** The newest batch this connection has written in; 0 for none. */
  readonly lastWriteBatch: number;
  /** Whether the client is on this machine. */
  readonly isLocal: boolean;
  /**
   * Resolves when `done` does, after `timeoutMs` (0 for no limit), at CLIENT UNBLOCK, or when the client
   * is gone, which is all the same to who waits: he looks again at what he waited for.
   */
  waitFor(done: Promise<void>, timeoutMs: number): Promise<"done" | "timeout" | "unblocked">;
}

/** CLIENT TRACKING: who is told of which keys. */
export interface TrackingOptions {
  /** The connection that gets the invalidations; 0 for this one itself. */
  readonly redirect: number;
  /** BCAST: of every key with one of the prefixes, read or not. */
  readonly isBroadcast: boolean;
  readonly optIn: boolean;
  readonly optOut: boolean;
  /** Not of what the connection itself changes. */
  readonly noLoop: boolean;
  /** With BCAST; "" is every key. */
  readonly prefixes: readonly Bytes[];
}

export interface TrackingFacts extends TrackingOptions {
  readonly isBroken: boolean;
  readonly isCachingGiven: boolean;
}

export interface TrackingPort {
  /** Null while the connection is not tracked. */
  readonly trackingFacts: TrackingFacts | null;
  isConnected(id: number): boolean;
  startTracking(options: TrackingOptions): void;
  stopTracking(): void;
  /** CLIENT CACHING: the next command, or MULTI up to its EXEC, is the exception. */
  giveCaching(): void;
}

export interface SessionPort
  extends IdentityPort, TransactionPort, SubscriptionPort, BehaviourPort, WaitPort, TrackingPort {
  /** Forgets everything but the connection itself: RESET. */
  reset(): void;
  /** Closes after the replies so far are sent. */
  closeAfterReply(): void;
}

/** What a script is called with, and whether it may write. */
export interface ScriptCall {
  /** The whole call, as MONITOR shows it. */
  readonly args: readonly Bytes[];
  readonly keys: readonly Bytes[];
  readonly argv: readonly Bytes[];
  /** EVAL_RO, FCALL_RO: commands that write are refused. */
  readonly isReadonly: boolean;
}

/** A function that a library registers. */
export interface LibraryFunction {
  readonly name: Bytes;
  readonly description: Bytes | null;
  readonly flags: readonly Bytes[];
}

export interface FoundFunction extends LibraryFunction {
  /** The library that has it. */
  readonly code: Bytes;
}

/** Scripts and functions, on behalf of the session that asks. */
export interface ScriptPort {
  /** EVAL: remembers the script too. Throws CommandError for a bad first line. */
  runScript(view: View, source: Bytes, call: ScriptCall): Reply;
  /** EVALSHA. Throws CommandError (NOSCRIPT). */
  runRemembered(view: View, sha: Bytes, call: ScriptCall): Reply;
  /** SCRIPT LOAD: the SHA-1 of the script. Throws CommandError when it does not compile. */
  remember(source: Bytes): string;
  isRemembered(sha: Bytes): boolean;
  forgetScripts(): void;
  /** FCALL: `code` is the library that has the function. */
  runFunction(
    view: View,
    target: { readonly code: Bytes; readonly name: Bytes },
    call: ScriptCall,
  ): Reply;
  /** The function of these libraries that has the name, in whatever case; null when none has. */
  functionNamed(codes: readonly Bytes[], name: Bytes): FoundFunction | null;
  /** These are the libraries from now on, for who counts them. */
  noteLibraries(codes: readonly Bytes[]): void;
  /** What a library registers when it is run. Throws CommandError in Redis's words. */
  functionsOf(code: Bytes): readonly LibraryFunction[];
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
  /** Connected for at least so long. */
  readonly minAgeSeconds?: number;
}

/** The other connections: CLIENT LIST and its neighbours. */
export interface ClientsPort {
  /**
   * One line for each connection, by age, each ended by a line feed. `asking` is the command that asks, which its
   * own connection still holds.
   */
  list(filter: ClientFilter, asking?: { readonly id: number; readonly args: Args }): Bytes;
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

/** Whether something asked for is done at once (the text of its refusal, or null) or takes a while. */
export type Outcome = Bytes | null;

export interface ConfigPort {
  /** Name and value in turn of all settings that match one of the patterns. */
  matching(patterns: readonly Bytes[]): Bytes[];
  /** Whether a change has to be asked of the engine, so that `set` cannot answer at once. */
  takesTime(assignments: readonly (readonly [Bytes, Bytes])[]): boolean;
  /** All of the assignments (name and value) or none; null, or the text of the error reply. */
  set(
    assignments: readonly (readonly [Bytes, Bytes])[],
    asker: { readonly isLocal: boolean },
  ): Outcome | Promise<Outcome>;
  /** CONFIG REWRITE; `isWhole`: what is as it is by itself is written, too. Null, or the text of the error reply. */
  rewrite(isWhole: boolean): Outcome;
  resetStatistics(): void;
}

export interface InfoPort {
  /** INFO's text, of the sections asked for, in their order; null for what is shown unasked. */
  text(sections: readonly string[] | null): Bytes;
}

/** The store as a whole. */
export interface StoragePort {
  /** Seconds since the epoch at which everything in memory last went to files. */
  readonly lastSaveSeconds: number;
  readonly isSaving: boolean;
  readonly isCompacting: boolean;
  /** Writes memtables to files. Throws CommandError in the engine's words. */
  save(): Promise<void>;
  compact(): Promise<void>;
  /** Forgets decoded records without uncommitted changes, so that they are read again. */
  dropCache(): void;
}

/** Other servers, asked as a client asks. */
export interface PeersPort {
  /** Sends all requests, and answers with all replies. Rejects with CommandError (IOERR). */
  ask(
    target: { readonly host: Bytes; readonly port: number; readonly timeoutMs: number },
    requests: readonly (readonly Bytes[])[],
  ): Promise<readonly Reply[]>;
}

export interface LifePort {
  /** Begins to stop; false when the server stops already. */
  shutdown(options: { readonly saves: boolean }): boolean;
}

export interface DurabilityPort {
  /** Whether `batch` is committed and fsynced. */
  isSynced(batch: number): boolean;
  /** Resolves when it is; asks for the fsync by itself. */
  waitSynced(batch: number): Promise<void>;
}

/** What a user may do with one of his selectors, as ACL GETUSER shows it. */
export interface SelectorFacts {
  readonly commandRules: Bytes;
  readonly keyRules: Bytes;
  readonly channelRules: Bytes;
}

export interface UserFacts {
  readonly flags: readonly Bytes[];
  readonly passwords: readonly Bytes[];
  /** His own first. */
  readonly selectors: readonly SelectorFacts[];
}

interface AclLogFacts {
  readonly id: number;
  readonly count: number;
  readonly reason: string;
  readonly context: string;
  readonly object: Bytes;
  readonly userName: Bytes;
  readonly client: Bytes;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** Users and what they may do. Whoever loses his user, or a channel he listens to, is cut off. */
export interface AclPort {
  /** Lines as in an ACL file, by name. */
  lines(): readonly Bytes[];
  names(): readonly Bytes[];
  user(name: Bytes): UserFacts | null;
  /** All of the rules or none. Throws CommandError. */
  set(name: Bytes, rules: readonly Bytes[], callerId: number): void;
  /** How many there were. */
  delete(names: readonly Bytes[], callerId: number): number;
  /** Null when the user may run the call; else why not. */
  denial(name: Bytes, command: Command, call: readonly Bytes[]): Bytes | null;
  log(count: number): readonly AclLogFacts[];
  clearLog(): void;
  /** The text of the error reply, or null. */
  load(callerId: number): Outcome;
  save(): Outcome;
  /** A password of so many hexadecimal digits, not to be guessed. */
  password(digits: number): Bytes;
}

/** What is known of memory, in bytes. */
export interface MemoryFacts {
  readonly used: number;
  readonly peak: number;
  readonly startup: number;
  readonly resident: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly outsideHeap: number;
  readonly objectCache: number;
  readonly blockCache: number;
  readonly memtables: number;
  readonly tableReaders: number;
  readonly clients: number;
  readonly keyCount: number;
}

export interface MemoryPort {
  facts(): MemoryFacts;
  /** Gives back what can be given back. */
  purge(): void;
}

/** What DEBUG may do to a server, for test suites. */
/** A fault that DEBUG STORAGE-FAULT asks for; engine/drill.ts says what each part means. */
export interface StorageFault {
  readonly kind: "stall" | "refuse-commit" | "unknown-commit" | "no-space" | "io-error" | "slow";
  readonly probability: number;
  readonly hitsMax: number;
  readonly seconds: number;
  readonly milliseconds: number;
  readonly on: "writes" | "reads" | "all";
  readonly as: "stall" | "too-large" | "read-only" | "no-space" | "io";
  readonly outcome: "applied" | "absent" | "random";
}

export interface StorageFaultFacts {
  /** Null when none is on. */
  readonly fault: StorageFault | null;
  /** Commits and reads that the fault has hit, also when it is over. */
  readonly hits: number;
}

export interface DebugPort {
  readonly storageFault: StorageFaultFacts;
  /** Puts a fault in the place of the one before; null ends it. */
  setStorageFault(fault: StorageFault | null): void;
  setActiveExpire(enabled: boolean): void;
  /** Scripts may call what is refused to scripts. */
  setScriptsMayCallAll(enabled: boolean): void;
  /** Writes a line to the server's log. */
  log(text: Bytes): void;
  changeReplicationId(): void;
  /** Holds the event loop, and so everybody. */
  sleep(seconds: number): void;
  readonly databaseCount: number;
  /**
   * Runs `action` on the keys of a database, `keys` loaded before if need be, and resolves with its result
   * once all that it saw or wrote is settled. Rejects with what it throws.
   */
  look<T>(databaseIndex: number, keys: readonly Bytes[], action: (view: View) => T): Promise<T>;
}

/** One of the processes that share out the slots, as the asking client reaches it. */
export interface ClusterNodeFacts {
  readonly id: string;
  readonly host: Bytes;
  /** Of the kind that the client came by. */
  readonly port: number;
  /** Both as they are, 0 for none. */
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly firstSlot: number;
  readonly lastSlot: number;
  readonly isMyself: boolean;
  readonly isUp: boolean;
}

/** A connection between processes, by which messages are passed on. */
export interface ClusterLinkFacts {
  readonly direction: "to" | "from";
  readonly nodeId: string;
  readonly createdMs: number;
  readonly unsentBytes: number;
}

export interface ClusterPort {
  nodes(way: ClusterWay): readonly ClusterNodeFacts[];
  links(): readonly ClusterLinkFacts[];
  readonly messagesSent: number;
  readonly messagesReceived: number;
  slotOf(key: Bytes): number;
}

export type ClusterWay = Pick<IdentityPort, "localHost" | "isEncrypted">;

/** The script that runs at this moment, and what there is of scripts and functions. */
export interface ScriptsPort {
  /** SCRIPT KILL, FUNCTION KILL. */
  kill(what: "script" | "function"): Reply;
  /** FUNCTION STATS. */
  stats(): Reply | Promise<Reply>;
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
  readonly config: ConfigPort;
  readonly info: InfoPort;
  readonly storage: StoragePort;
  readonly life: LifePort;
  readonly peers: PeersPort;
  readonly durability: DurabilityPort;
  readonly memory: MemoryPort;
  readonly debug: DebugPort;
  readonly acl: AclPort;
  readonly scripts: ScriptsPort;
  /** Null on a server of one process. */
  readonly cluster: ClusterPort | null;
}
