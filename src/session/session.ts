// A connection without its socket: what it has said so far (database, name, protocol, MULTI, WATCH)
// and the rules by which its commands run, in the order Redis checks them.
//
// One command at a time. `execute` answers "waiting" when the command waits for something (a cold read,
// room in the pipeline, a promise); the connection then stops reading until `onResume` is called, so
// replies keep their order and a slow command holds up nobody else.

import type { User } from "../acl/user.ts";
import { WRONG_PASS } from "../acl/users.ts";
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { TOUCHED_MAX } from "../base/key-table.ts";
import type { Command } from "../commands/lookup.ts";
import { keysToLoad } from "../commands/key-positions.ts";
import type {
  Credentials,
  ReplyMode,
  SessionPort,
  SubscriptionKind,
  TrackingFacts,
  TrackingOptions,
} from "../commands/ports.ts";
import { NO_REPLY, type Args, type NoReply, type ViewCommand } from "../commands/table.ts";
import { answerAtOnce, type Wait } from "../commands/wait.ts";
import { ReplyQueue, type Output } from "../commit/reply-queue.ts";
import type { Client } from "../commit/unit.ts";
import type { Database } from "../keyspace/keyspace.ts";
import type { View } from "../keyspace/view.ts";
import type { Subscriber } from "../pubsub/hub.ts";
import { CommandError, INVALID_DB_INDEX } from "../resp/errors.ts";
import type { Encoded } from "../resp/long-reply.ts";
import { ErrorReply, OK, QUEUED, type Reply } from "../resp/reply.ts";
import { encode } from "../resp/writer.ts";
import { encodeBounded, refusalOf } from "./answers.ts";
import { isHeldByWritePause } from "./declared-flags.ts";
import { Denials } from "./denials.ts";
import type { SessionHost } from "./host.ts";
import { Listening } from "./listening.ts";
import type { Reading } from "./long-reader.ts";
import { refusalNow } from "./refusals.ts";
import { SingleUnit } from "./single-unit.ts";
import { SessionScripts } from "./scripts.ts";
import { SELECT_REFUSED } from "./slots.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import { looksAtValues, pushLikelyKeys } from "./likely-keys.ts";
import { factsOf, prefixBytes, type TrackingState } from "./tracking.ts";
import { Transaction } from "./transaction.ts";
import { Waits } from "./waits.ts";

export type ExecuteState = "done" | "waiting";

interface CountedCall {
  readonly reply: Reply | NoReply;
  readonly startUs: number;
  /** Part of the time it waited, or others are counted for it: the event loop was not held so long. */
  readonly hasWaited?: boolean;
}

interface NotedCall {
  readonly isError: boolean;
  readonly microseconds: number;
  readonly hasWaited: boolean;
}

export class Session implements SessionPort, Client, Subscriber {
  readonly id: number;
  readonly host: SessionHost;
  readonly replies: ReplyQueue;
  readonly transaction: Transaction;
  readonly denials: Denials;
  readonly waits: Waits;
  readonly listening: Listening;
  /** Where it comes from and where it came to, as "ip:port"; "" without a socket. */
  address: Bytes = "";
  localAddress: Bytes = "";
  /** It came by TLS. */
  isEncrypted = false;
  name: Bytes = "";
  libraryName: Bytes = "";
  libraryVersion: Bytes = "";
  protocol: 2 | 3 = 2;
  database: Database;
  /** How often a database was chosen: whether one was since some moment. */
  selections = 0;
  touch = true;
  noEvict = false;
  /** Whom this connection speaks as: the default user before it has said who it is. */
  account: User;
  /** It has said who it is, or need not. */
  isAuthenticated: boolean;
  /** CLIENT TRACKING; null while it is off. */
  tracking: TrackingState | null = null;
  /** CLIENT CACHING was said, and what it is about has not ended yet. */
  isCachingGiven = false;
  /** Channels, patterns and shard channels: with any, RESP2 knows only the pub/sub commands. */
  subscriptionCount = 0;
  /** Set while an EXEC of this connection runs. */
  isInExec = false;
  lastCommand: Command | null = null;
  /** CLIENT REPLY: replies are counted but not sent. "skip-next" becomes "skip" with the next command. */
  replyMode: ReplyMode | "skip-next" = "on";
  /** Called when a command that waited is done. */
  onResume: () => void = () => {};
  /** What the client has sent behind the command that runs, as far as it is here. */
  commandsAhead: () => readonly Args[] = () => [];
  /** Made for the first script: most connections run none. */
  #scripts: SessionScripts | null = null;
  readonly #output: Output & { closeAfterFlush(): void };
  readonly #single: SingleUnit;
  /** What runs elsewhere for the command that waits (long-reader.ts). */
  reading: Reading | null = null;
  /** The connection is gone; what still waits on its behalf must leave nothing behind. */
  isClosed = false;

  constructor(host: SessionHost, id: number, output: Output & { closeAfterFlush(): void }) {
    this.host = host;
    this.id = id;
    this.#output = output;
    this.replies = new ReplyQueue(output);
    const [first] = host.pipeline.keyspace.databases;
    assert(first !== undefined);
    this.database = first;
    this.account = host.users.default;
    this.isAuthenticated = host.users.isOpen;
    this.transaction = new Transaction(this);
    this.denials = new Denials(this);
    this.waits = new Waits(this);
    this.listening = new Listening(this);
    this.#single = new SingleUnit(this);
    host.tracking.sessions.set(id, this);
  }

  get scripts(): SessionScripts {
    this.#scripts ??= new SessionScripts(this);
    return this.#scripts;
  }

  get databaseIndex(): number {
    return this.database.index;
  }

  /** SELECT. Throws INVALID_DB_INDEX. */
  set databaseIndex(index: number) {
    const database = this.host.pipeline.keyspace.databases[index];
    if (index !== 0 && this.isClustered) throw SELECT_REFUSED;
    if (database === undefined) throw INVALID_DB_INDEX;
    this.database = database;
    this.selections++;
  }

  get isClustered(): boolean {
    return this.host.cluster !== null;
  }

  get localHost(): Bytes {
    const end = this.localAddress.lastIndexOf(":");
    return this.localAddress.slice(0, Math.max(0, end)).replace(/^\[(.*)\]$/, "$1");
  }

  get mustAuthenticate(): boolean {
    return !this.isAuthenticated && !this.host.users.isOpen;
  }

  get user(): Bytes {
    return this.account.name;
  }

  authenticate(credentials: Credentials): void {
    const { user, password } = credentials;
    try {
      this.account = this.host.users.authenticate(user, password);
      this.isAuthenticated = true;
    } catch (error) {
      if (error === WRONG_PASS) this.denials.noteAuth(credentials);
      throw error;
    }
  }

  /** Its user is gone: whatever it still says, it says as nobody. */
  disown(): void {
    this.account = this.host.users.default;
    this.isAuthenticated = false;
  }

  get inTransaction(): boolean {
    return this.transaction.isOpen;
  }

  /** These commands come next: what seem to be their keys is brought near. */
  expect(commands: readonly Args[]): void {
    if (commands.length < 2) return;
    const keys: Bytes[] = [];
    for (const args of commands) {
      pushLikelyKeys(args, keys);
      if (keys.length >= TOUCHED_MAX) break;
    }
    this.bringNear(keys, commands[0] ?? []);
  }

  get looksIn(): Incarnation {
    return this.database.incarnation;
  }

  /** Keys that will be asked for next, in this order, by this session and those that run behind it. */
  bringNear(keys: readonly Bytes[], first: Args): void {
    if (keys.length > 1) {
      const { keyspace } = this.host.pipeline;
      keyspace.bringNear(this.database.incarnation, keys, looksAtValues(first));
    }
  }

  /** Runs one request; "waiting" means that `onResume` follows and nothing may be executed before. */
  execute(args: Args): ExecuteState {
    this.host.stats.totalCommandsProcessed++;
    if (this.replyMode === "skip-next") this.replyMode = "skip";
    else if (this.replyMode === "skip") this.replyMode = "on";
    if (this.isCachingGiven) this.#endCaching();
    let command: Command | null = null;
    try {
      command = this.host.commands.find(args);
      const refusal = this.refusal(command, args);
      if (refusal === null) return this.#admitted(command, args);
      command.stats.rejectedCalls++;
      this.#reject(refusal);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (command !== null) command.stats.rejectedCalls++;
      this.#reject(error);
    }
    return "done";
  }

  /** It holds for one command, or up to EXEC; CLIENT commands in between do not count. */
  #endCaching(): void {
    if (this.transaction.isOpen || this.lastCommand?.parent?.name === "client") return;
    this.isCachingGiven = false;
  }

  /** Refused before it ran: inside MULTI the whole transaction is then lost. */
  #reject(error: CommandError): void {
    this.transaction.spoil();
    this.sendReply(error.reply);
  }

  /** Why the command may not run now; null when it may. */
  refusal(command: Command, args: Args): CommandError | null {
    return refusalNow(this, command, args);
  }

  #admitted(command: Command, args: Args): ExecuteState {
    const { pipeline, pause } = this.host;
    if (pause.kind !== "none" && (pause.kind === "all" || this.#mayWrite(command, args))) {
      this.waits.isHeldBack = true;
      pause.wait(() => this.#afterPause(command, args));
      return "waiting";
    }
    if (this.transaction.isOpen && !Transaction.runsAtOnce(command)) {
      this.transaction.enqueue(command, args);
      this.sendReply(QUEUED);
      return "done";
    }
    if (pipeline.isExclusive && !command.isAllowedWhenBusy) {
      pipeline.waitForTurn(() => this.#afterPause(command, args));
      return "waiting";
    }
    this.lastCommand = command;
    if (pipeline.isFull && this.#wantsRoom(command)) {
      pipeline.waitForRoom(() => this.#runWaiting(command, args));
      return "waiting";
    }
    return this.#run(command, args);
  }

  #mayWrite(command: Command, args: Args): boolean {
    if (isExec(command)) return this.transaction.mayWrite;
    return isHeldByWritePause(this.host.scripting, command, args);
  }

  /** As if the command came in now: everything may have changed, a new pause may have begun. */
  #afterPause(command: Command, args: Args): void {
    this.waits.isHeldBack = false;
    if (this.isClosed) return;
    try {
      const refusal = this.refusal(command, args);
      if (refusal !== null) {
        command.stats.rejectedCalls++;
        this.#reject(refusal);
      } else if (this.#admitted(command, args) === "waiting") return;
    } catch (error) {
      if (!(error instanceof CommandError)) {
        this.host.onBug(error);
        return;
      }
      this.#reject(error);
    }
    this.onResume();
  }

  /** Whether it adds to the open batch: writes, and messages that wait for it. */
  #wantsRoom(command: Command): boolean {
    if (isExec(command)) return this.transaction.wantsRoom;
    return command.isWrite || command.publishes || command.runsOthers;
  }

  #runWaiting(command: Command, args: Args): void {
    // Nobody is there any more who could be told how it ended.
    if (this.isClosed) return;
    try {
      // What was allowed before the wait may not be now.
      const refusal = this.host.admission(command, false);
      if (refusal !== null) this.#reject(refusal);
      else if (this.#run(command, args) === "waiting") return;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.sendReply(error.reply);
    }
    this.onResume();
  }

  #run(command: Command, args: Args): ExecuteState {
    const { row } = command;
    if (row.kind === "data" || row.kind === "script") return this.#runData(command, row, args);
    if (isExec(command)) return this.transaction.exec(command, args, this.#resume);
    const startUs = this.host.clock.monotonicUs();
    const reply = this.callOutside(command, args);
    if (reply instanceof Promise) {
      void reply.then(
        (settled) => this.#finishWaiting(command, args, { settled, startUs }),
        (error: unknown) => this.host.onBug(error),
      );
      return "waiting";
    }
    this.countCall(command, args, { reply, startUs });
    if (reply !== NO_REPLY) this.sendReply(reply);
    return "done";
  }

  #runData(command: Command, row: ViewCommand, args: Args): ExecuteState {
    const { blocked, pipeline } = this.host;
    if (command.isBlocking && blocked.count > 0) {
      const runLater = (): void => this.#runWaiting(command, args);
      if (blocked.letGoFirst(this.database, keysToLoad(row, args), runLater)) return "waiting";
    }
    const state = pipeline.run(this.#single.prepare(command, row, args), this.#resume);
    return !this.waits.isForKey ? state : "waiting";
  }

  #finishWaiting(
    command: Command,
    args: Args,
    call: { settled: Reply | NoReply; startUs: number },
  ): void {
    this.countCall(command, args, { reply: call.settled, startUs: call.startUs, hasWaited: true });
    if (call.settled !== NO_REPLY) this.sendReply(call.settled);
    this.onResume();
  }

  readonly #resume = (): void => {
    if (!this.waits.isForKey) this.onResume();
  };

  /** Runs a command that is not about data; what it refuses becomes its reply. */
  callOutside(command: Command, args: Args): Reply | NoReply | Promise<Reply | NoReply> {
    const { row } = command;
    assert(row.kind === "session" || row.kind === "server");
    try {
      const reply =
        row.kind === "session" ? row.run(this, args) : row.run(this.host.server, args, this);
      if (!(reply instanceof Promise)) return reply;
      return reply.catch((error: unknown) => {
        if (error instanceof CommandError) return error.reply;
        throw error;
      });
    } catch (error) {
      if (error instanceof CommandError) return error.reply;
      throw error;
    }
  }

  /** Runs a data command where nobody can wait for a key: in EXEC and in scripts. Throws COLD. */
  callData(row: ViewCommand, args: Args, view: View): Reply {
    return answerAtOnce(this.tryData(row, args, view));
  }

  /** Runs a data command on the view with its own savepoint: law 4. Throws COLD. */
  tryData(row: ViewCommand, args: Args, view: View): Reply | Wait {
    const { keyspace } = this.host.pipeline;
    const mark = keyspace.mark();
    const { unitBytes } = view;
    try {
      if (row.kind === "script") return row.run(this.scripts, view, args);
      return row.run(view, args);
    } catch (error) {
      const reply = refusalOf(error);
      if (reply === null) throw error;
      keyspace.rollbackTo(mark);
      view.unitBytes = unitBytes;
      return reply;
    }
  }

  countCall(command: Command, args: Args, call: CountedCall): void {
    const { hasWaited = false } = call;
    const microseconds = this.host.clock.monotonicUs() - call.startUs;
    const isError = call.reply instanceof ErrorReply;
    this.noteCall(command, args, { isError, microseconds, hasWaited });
  }

  /** A command has run to its end: statistics, slow log, monitors. */
  noteCall(command: Command, args: Args, call: NotedCall): void {
    this.noteDone(command, args, call);
    const { monitors } = this.host;
    if (!monitors.isEmpty) monitors.feed(this, command, args);
  }

  /** The same for a command that monitors have been shown already. */
  noteDone(command: Command, args: Args, call: NotedCall): void {
    const { microseconds } = call;
    const { host } = this;
    const { stats } = command;
    stats.calls++;
    stats.microseconds += microseconds;
    if (!call.hasWaited) host.stats.commandsUs += microseconds;
    stats.histogram.add(microseconds);
    if (call.isError) stats.failedCalls++;
    if (microseconds >= host.settings.slowUs) host.onSlow(this, command, args, microseconds);
  }

  /** Bytes of a reply, and the count of errors; "" while CLIENT REPLY keeps the client from hearing it. */
  encodeReply(reply: Reply): Encoded {
    if (reply instanceof ErrorReply && !reply.isCounted) this.host.onErrorReply(reply.text);
    return this.replyMode === "on" ? encodeBounded(reply, this.protocol) : "";
  }

  /**
   * What takes the place of a held reply. In the protocol of its time, and spoken whatever CLIENT
   * REPLY says by now: the client is waiting for it.
   */
  encodeRefused(reply: Reply, protocol: 2 | 3): Encoded {
    if (reply instanceof ErrorReply) this.host.onErrorReply(reply.text);
    return encodeBounded(reply, protocol);
  }

  /** What a read answers that is made again, in the protocol of its time. */
  encodeAgain(reply: Reply, protocol: 2 | 3): Encoded {
    return encodeBounded(reply, protocol);
  }

  /** Answers with something that rests on no uncommitted write. */
  sendReply(reply: Reply): void {
    const bytes = this.encodeReply(reply);
    if (bytes !== "") this.replies.send(bytes);
  }

  /** Out of band: messages and invalidations, not silenced by CLIENT REPLY. */
  push(message: Reply): void {
    this.replies.send(encode(message, this.protocol));
  }

  // SessionPort: behaviour

  setReplyMode(mode: ReplyMode): void {
    // While replies are off there is nothing to skip.
    if (mode === "skip" && this.replyMode === "off") return;
    this.replyMode = mode === "skip" ? "skip-next" : mode;
  }

  get isMonitor(): boolean {
    const { monitors } = this.host;
    return !monitors.isEmpty && monitors.has(this);
  }

  startMonitoring(): void {
    this.host.monitors.add(this);
  }

  // SessionPort: tracking

  get trackingFacts(): TrackingFacts | null {
    return factsOf(this);
  }

  isConnected(id: number): boolean {
    return this.host.tracking.sessions.has(id);
  }

  startTracking(options: TrackingOptions): void {
    if (prefixBytes(options.prefixes) > this.host.settings.transactionBytesMax) {
      throw new CommandError("ERR tracking prefixes exceed client-query-buffer-limit");
    }
    this.host.tracking.set(this, { ...options, isBroken: false });
  }

  stopTracking(): void {
    this.host.tracking.set(this, null);
  }

  giveCaching(): void {
    this.isCachingGiven = true;
  }

  // SessionPort: subscriptions

  subscribe(kind: SubscriptionKind, names: readonly Bytes[]): Reply | null {
    return this.listening.subscribe(kind, names);
  }

  unsubscribe(kind: SubscriptionKind, names: readonly Bytes[]): Reply | null {
    return this.listening.unsubscribe(kind, names);
  }

  /** What is kept for the connection beside input and output: a queue, watches, subscriptions, prefixes. */
  get memoryBytes(): number {
    const { queuedBytes, watchedBytes } = this.transaction;
    const prefixes = this.tracking === null ? 0 : prefixBytes(this.tracking.prefixes);
    return queuedBytes + watchedBytes + this.listening.bytes + prefixes;
  }

  /** A message from the hub, encoded for `protocol`; not silenced by CLIENT REPLY. */
  tell(bytes: Bytes): void {
    this.replies.send(bytes);
  }

  // SessionPort: transactions

  multi(): Reply {
    return this.transaction.begin();
  }

  discard(): Reply {
    return this.transaction.discard();
  }

  watch(keys: readonly Bytes[]): Promise<Reply> {
    return this.transaction.watch(keys);
  }

  unwatch(): Reply {
    this.transaction.unwatch();
    return OK;
  }

  once(): Reply {
    return this.transaction.once();
  }

  reset(): void {
    this.transaction.abandon();
    this.listening.clear();
    this.stopTracking();
    this.databaseIndex = 0;
    this.name = "";
    this.account = this.host.users.default;
    this.isAuthenticated = this.host.users.isOpen;
    this.protocol = 2;
    this.touch = true;
    this.noEvict = false;
    this.replyMode = "on";
    this.host.monitors.remove(this);
  }

  // SessionPort: waiting

  get lastWriteBatch(): number {
    return this.replies.lastWriteBatch;
  }

  get isLocal(): boolean {
    const { address } = this;
    return address.startsWith("127.") || address.startsWith("[::1]:") || address.startsWith("/");
  }

  waitFor(done: Promise<void>, timeoutMs: number): Promise<"done" | "timeout" | "unblocked"> {
    return this.waits.waitFor(done, timeoutMs);
  }

  /** What waited has been answered: goes on with what the client has sent since. */
  goOn(): void {
    if (!this.isClosed) this.onResume();
  }

  /** CLIENT UNBLOCK; false when nothing waits for a key. */
  unblock(how: "timeout" | "error"): boolean {
    return this.waits.unblock(how);
  }

  closeAfterReply(): void {
    this.#output.closeAfterFlush();
  }

  /** The connection is gone. */
  closed(): void {
    this.isClosed = true;
    this.reading?.stop();
    this.waits.stop();
    this.waits.unblock("timeout");
    this.transaction.abandon();
    this.hasEnded();
    this.replies.drop();
  }

  /** It is sent nothing more: who redirected his invalidations to it is told so. */
  hasEnded(): void {
    this.listening.clear();
    this.host.monitors.remove(this);
    this.stopTracking();
    this.host.tracking.sessions.delete(this.id);
  }
}

function isExec(command: Command): boolean {
  return command.name === "exec";
}
