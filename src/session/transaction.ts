// MULTI, EXEC, DISCARD, WATCH, UNWATCH and ONCE of one connection.
//
// EXEC is one unit of work: its commands run one after the other, each with its own savepoint (law 4),
// into the same batch (law 3), and its reply waits for that batch. When the batch is refused, each
// element is told the truth about itself (law 5): what wrote, or saw what was undone, becomes an
// EXECABORT error; what saw committed data only keeps its value.
//
// WATCH remembers the version of a key's record. Versions change with every change and change back
// when a change is undone, so a refused write does not break a WATCH.

import type { User } from "../acl/user.ts";
import { assert, AssertionFailed, unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { keysToLoad } from "../commands/key-positions.ts";
import type { Command } from "../commands/lookup.ts";
import { NO_REPLY, type Args } from "../commands/table.ts";
import * as once from "../commit/once.ts";
import type { HeldReply } from "../commit/reply-queue.ts";
import { execError, plainError, type Failure } from "../commit/settle.ts";
import type { LoadCold, Unit } from "../commit/unit.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import type { Database, Mark } from "../keyspace/keyspace.ts";
import type { Resting } from "../keyspace/resting.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, transactionDiscarded } from "../resp/errors.ts";
import { ErrorReply, NULL_ARRAY, OK, type Reply } from "../resp/reply.ts";
import { isHeldByWritePause } from "./declared-flags.ts";
import { loading } from "./long-steps.ts";
import type { ExecuteState, Session } from "./session.ts";
import { keysRead, type TrackingState } from "./tracking.ts";

interface Queued {
  readonly command: Command;
  readonly args: Args;
}

interface Watch {
  readonly database: Database;
  readonly key: Bytes;
  readonly incarnation: Incarnation;
  readonly watched: { readonly version: number };
  readonly version: number;
  /** Whether the key was there at WATCH; one that had expired counts as not there. */
  readonly existed: boolean;
  /** Set when what it saw was not committed: undone, the key is not the one it saw. */
  readonly rests: Resting | null;
}

const AT_ONCE = new Set(["exec", "discard", "multi", "watch", "quit", "reset"]);
/** What one queued argument costs beside its bytes. */
const ARGUMENT_OVERHEAD_BYTES = 32;
/** What one watched key costs beside its bytes: it stands here and in the keyspace. */
const WATCH_OVERHEAD_BYTES = 256;

const EXEC_WITHOUT_MULTI = new ErrorReply("ERR EXEC without MULTI");
const PREVIOUS_ERRORS = new ErrorReply(
  "EXECABORT Transaction discarded because of previous errors.",
);
const ASYNCHRONOUS = new ErrorReply("ERR Command not allowed inside a transaction");

export class Transaction {
  readonly #session: Session;
  isOpen = false;
  #spoiled = false;
  #queue: Queued[] = [];
  #queueBytes = 0;
  #watches: Watch[] = [];
  #watchBytes = 0;
  /** The keys of `#watches`: there may be very many. */
  readonly #watchedKeys = new Map<Database, Set<Bytes>>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Whether a command runs even inside MULTI, instead of being queued. */
  static runsAtOnce(command: Command): boolean {
    return AT_ONCE.has(command.name);
  }

  get queuedCount(): number {
    return this.#queue.length;
  }

  get queuedBytes(): number {
    return this.#queueBytes;
  }

  get watchedBytes(): number {
    return this.#watchBytes;
  }

  get watchCount(): number {
    return this.#watches.length;
  }

  /** Whether a queued command may write or publish. */
  get wantsRoom(): boolean {
    return this.#queue.some(
      ({ command }) => command.isWrite || command.publishes || command.runsOthers,
    );
  }

  /** The same, or has something to say to replicas. */
  get mayWrite(): boolean {
    const { scripting } = this.#session.host;
    return this.#queue.some(({ command, args }) => isHeldByWritePause(scripting, command, args));
  }

  /** MULTI. Throws CommandError when nested. */
  begin(): Reply {
    if (this.isOpen) throw new CommandError("ERR MULTI calls can not be nested");
    this.isOpen = true;
    return OK;
  }

  /** A command was refused while queueing: EXEC will abort. */
  spoil(): void {
    if (this.isOpen) this.#spoiled = true;
  }

  /** Throws CommandError when the queue may not grow further; the transaction is then lost. */
  enqueue(command: Command, args: Args): void {
    if (command.name === "once") this.#checkOnce(args);
    let bytes = 0;
    for (const argument of args) bytes += argument.length + ARGUMENT_OVERHEAD_BYTES;
    if (this.#queueBytes + bytes > this.#session.host.settings.transactionBytesMax) {
      this.#queue = [];
      throw new CommandError("ERR transaction queue exceeds client-query-buffer-limit");
    }
    // Nothing of a spoiled transaction will run: its commands need no memory.
    if (this.#spoiled) return;
    this.#queueBytes += bytes;
    this.#queue.push({ command, args });
  }

  #checkOnce(args: Args): void {
    if (this.#queue.length > 0) {
      throw new CommandError("ERR ONCE must be the first command after MULTI");
    }
    const length = args[1]?.length ?? 0;
    if (length === 0 || length > once.TOKEN_BYTES_MAX) {
      throw new CommandError(`ERR ONCE token must be 1 to ${once.TOKEN_BYTES_MAX} bytes`);
    }
  }

  /** ONCE outside MULTI: there is nothing to be done once. */
  once(): Reply {
    throw new CommandError("ERR ONCE must be the first command after MULTI");
  }

  discard(): Reply {
    if (!this.isOpen) throw new CommandError("ERR DISCARD without MULTI");
    this.abandon();
    return OK;
  }

  /** Forgets the queue and the watches. */
  abandon(): void {
    this.#clearQueue();
    this.unwatch();
  }

  #clearQueue(): void {
    this.isOpen = false;
    this.#spoiled = false;
    this.#queue = [];
    this.#queueBytes = 0;
  }

  // WATCH

  watch(keys: readonly Bytes[]): Promise<Reply> {
    if (this.isOpen) throw new CommandError("ERR WATCH inside MULTI is not allowed");
    const { pipeline, settings } = this.#session.host;
    if (this.#watchBytes + this.#newBytes(keys) > settings.transactionBytesMax) {
      throw new CommandError("ERR watched keys exceed client-query-buffer-limit");
    }
    return new Promise((resolve) => {
      const unit = new WatchUnit(this.#session, keys, (view) => this.#addWatches(view, keys));
      const finish = (): void => resolve(unit.refusal ?? OK);
      if (pipeline.run(unit, finish) === "done") finish();
    });
  }

  /** Memory that watching these keys would take beyond what is watched. */
  #newBytes(keys: readonly Bytes[]): number {
    const known = this.#watchedKeys.get(this.#session.database);
    let bytes = 0;
    for (const key of keys) {
      if (known?.has(key) !== true) bytes += key.length + WATCH_OVERHEAD_BYTES;
    }
    return bytes;
  }

  #addWatches(view: View, keys: readonly Bytes[]): void {
    // It may have gone while its keys were loaded.
    if (this.#session.isClosed) return;
    const { database } = this.#session;
    const { keyspace } = view;
    const seen = keys.map((key) => {
      view.saw = 0;
      const existed = view.peek(key) !== null;
      return { existed, batch: view.saw > keyspace.committedBatch ? view.saw : 0 };
    });
    const { incarnation } = database;
    const known = this.#watchedKeys.get(database) ?? new Set();
    this.#watchedKeys.set(database, known);
    for (const [index, key] of keys.entries()) {
      if (known.has(key)) continue;
      known.add(key);
      this.#watchBytes += key.length + WATCH_OVERHEAD_BYTES;
      const watched = database.watches.add(key);
      const { version } = watched;
      const { existed, batch } = seen[index] ?? { existed: false, batch: 0 };
      const rests = batch === 0 ? null : keyspace.resting.add(batch);
      this.#watches.push({ database, key, incarnation, watched, version, existed, rests });
    }
  }

  unwatch(): void {
    if (this.#watches.length === 0) return;
    for (const { database, key } of this.#watches) database.watches.remove(key);
    this.#watches = [];
    this.#watchBytes = 0;
    this.#watchedKeys.clear();
  }

  /** Whether a watched key has changed, died of age, or gone with its database. Throws COLD. */
  #isWatchBroken(view: View): boolean {
    return this.#watches.some((watch) => {
      if (watch.watched.version !== watch.version || watch.rests?.isUndone === true) {
        this.#noteSeen(view, watch);
        return true;
      }
      const exists = peekIn(view, watch.database, watch.key);
      if (watch.database.incarnation !== watch.incarnation) return watch.existed || exists;
      return watch.existed && !exists;
    });
  }

  /** A null reply rests on the write that broke the watch as a read would. */
  #noteSeen(view: View, watch: Watch): void {
    peekIn(view, watch.database, watch.key);
  }

  // EXEC

  exec(command: Command, args: Args, resume: () => void): ExecuteState {
    const session = this.#session;
    const startUs = session.host.clock.monotonicUs();
    const refusal = this.#execRefusal();
    if (refusal !== null) {
      if (this.isOpen) this.abandon();
      session.countCall(command, args, { reply: refusal, startUs });
      session.sendReply(refusal);
      return "done";
    }
    const unit = new TransactionUnit(session, {
      queue: this.#queue,
      isWatchBroken: (view) => this.#isWatchBroken(view),
      done: () => {
        session.countCall(command, args, { reply: null, startUs });
        this.abandon();
      },
    });
    // While it waits for the disk the session executes nothing else; MULTI is over all the same.
    const queue = this.#queue;
    this.#clearQueue();
    assert(queue === unit.queue);
    return session.host.pipeline.run(unit, resume);
  }

  #execRefusal(): ErrorReply | null {
    if (!this.isOpen) return EXEC_WITHOUT_MULTI;
    if (this.#spoiled) return PREVIOUS_ERRORS;
    for (const { command } of this.#queue) {
      const refused = this.#session.host.admission(command, false);
      if (refused === null) continue;
      return discarded(refused.reply);
    }
    return null;
  }
}

function discarded(reason: ErrorReply): ErrorReply {
  return transactionDiscarded(reason.text, null);
}

function peekIn(view: View, database: Database, key: Bytes): boolean {
  const before = view.database;
  view.database = database;
  try {
    return view.peek(key) !== null;
  } finally {
    view.database = before;
  }
}

class WatchUnit implements Unit {
  readonly client: Session;
  readonly countLookups = false;
  /** Why the keys could not be looked at; the promise of `watch` tells it. */
  refusal: ErrorReply | null = null;
  readonly #keys: readonly Bytes[];
  readonly #add: (view: View) => void;

  constructor(session: Session, keys: readonly Bytes[], add: (view: View) => void) {
    this.client = session;
    this.#keys = keys;
    this.#add = add;
  }

  run(view: View): null {
    this.#add(view);
    return null;
  }

  hold(): HeldReply {
    throw new AssertionFailed("WATCH has no reply of its own");
  }

  failed(failure: Failure): null {
    this.refusal = plainError(failure);
    return null;
  }

  keysWanted(): { database: Database; key: Bytes }[] {
    const { database } = this.client;
    return this.#keys.map((key) => ({ database, key }));
  }
}

interface TransactionParts {
  readonly queue: readonly Queued[];
  readonly isWatchBroken: (view: View) => boolean;
  /** Called when the unit has run to its end. */
  readonly done: () => void;
}

/** What one queued command came to. */
interface Element {
  readonly reply: Reply;
  /** The newest uncommitted batch it wrote to or looked at; 0 for none. */
  readonly batch: number;
  readonly wrote: boolean;
  /** Whether it sent a message, which leaves with the writes of the transaction if there are any. */
  readonly published: boolean;
  /** The newest batch it looked at, committed or not. */
  readonly saw: number;
  readonly database: Database;
  readonly microseconds: number;
}

/** A queued command on its way. */
interface Step {
  readonly queued: Queued;
  readonly database: Database;
  readonly mark: Mark;
  readonly startUs: number;
}

class TransactionUnit implements Unit {
  readonly client: Session;
  readonly countLookups = false;
  readonly queue: readonly Queued[];
  readonly #parts: TransactionParts;
  readonly #startDatabase: Database;
  readonly #startAccount: User;
  readonly #startAuthenticated: boolean;
  readonly #startTracking: TrackingState | null;
  /** What its client may keep copies of, if it is tracked. */
  #keysRead: Bytes[] = [];
  /** What commands about the server answered: they must not run twice when a cold read stops the run. */
  readonly #answers = new Map<Queued, Reply>();
  #elements: Element[] | null = null;

  constructor(session: Session, parts: TransactionParts) {
    this.client = session;
    this.queue = parts.queue;
    this.#parts = parts;
    this.#startDatabase = session.database;
    this.#startAccount = session.account;
    this.#startAuthenticated = session.isAuthenticated;
    this.#startTracking = session.tracking;
  }

  run(view: View): Bytes | null {
    const session = this.client;
    // Its watches have gone with the connection: what they guard must not run without them.
    if (session.isClosed) return null;
    this.#elements = null;
    this.#keysRead = [];
    session.isInExec = true;
    try {
      return this.#hasEnded(this.#reply(view));
    } catch (error) {
      this.#revertSession();
      throw error;
    } finally {
      session.isInExec = false;
    }
  }

  /** It has run to its end, and will not run again: what it did to the session stays. */
  #hasEnded(reply: Reply): Bytes | null {
    const session = this.client;
    this.#parts.done();
    session.keepSubscriptions();
    session.denials.keep();
    if (this.#keysRead.length > 0) session.host.tracking.note(session, this.#keysRead);
    const bytes = session.encodeReply(reply);
    return bytes === "" ? null : bytes;
  }

  /** The session as it was before: a cold read may have stopped the run behind a SELECT. */
  #revertSession(): void {
    this.client.database = this.#startDatabase;
    if (this.client.tracking !== this.#startTracking) {
      this.client.host.tracking.set(this.client, this.#startTracking);
    }
    this.client.account = this.#startAccount;
    this.client.isAuthenticated = this.#startAuthenticated;
    this.client.revertSubscriptions();
    this.client.denials.revert();
  }

  /** The same with scripts that take long: each step by itself, nobody in between. */
  async runLong(view: View, load: LoadCold): Promise<Bytes | null> {
    const session = this.client;
    if (session.isClosed) return null;
    this.#elements = null;
    this.#keysRead = [];
    session.isInExec = true;
    try {
      const first = await loading(view, load, () => this.#firstReply(view));
      return this.#hasEnded(first === undefined ? await this.#replyLong(view, load) : first);
    } catch (error) {
      this.#revertSession();
      throw error;
    } finally {
      session.isInExec = false;
    }
  }

  async #replyLong(view: View, load: LoadCold): Promise<Reply> {
    const mark = view.keyspace.mark();
    const elements: Element[] = [];
    for (const queued of this.queue) {
      const step = this.#startStep(view, queued);
      const { row } = queued.command;
      const { args } = queued;
      const reply =
        row.kind === "script"
          ? await this.client.scripts.runLong({ row, args }, view, load)
          : await loading(view, load, () => this.#runOne(view, queued));
      elements.push(this.#endStep(view, step, reply));
    }
    this.#endAll(view, elements);
    return loading(view, load, () => this.#lastReply(view, mark, elements));
  }

  #reply(view: View): Reply {
    const first = this.#firstReply(view);
    if (first !== undefined) return first;
    const mark = view.keyspace.mark();
    return this.#lastReply(view, mark, this.#runAll(view));
  }

  /** What is answered without running anything; undefined when all is to be run. Throws COLD. */
  #firstReply(view: View): Reply | undefined {
    const request = this.#onceRequest();
    try {
      const first = request === null ? null : once.recall(view, request);
      if (first !== null) {
        this.client.host.stats.onceReplayed++;
        return first;
      }
    } catch (error) {
      if (error instanceof CommandError) return error.reply;
      throw error;
    }
    return this.#parts.isWatchBroken(view) ? NULL_ARRAY : undefined;
  }

  /** Throws COLD. */
  #lastReply(view: View, mark: Mark, elements: Element[]): Reply {
    const request = this.#onceRequest();
    const replies = elements.map((element) => element.reply);
    if (request !== null) {
      const refusal = this.#remember(view, request, replies);
      if (refusal !== null) {
        view.keyspace.rollbackTo(mark);
        this.#revertSession();
        return refusal;
      }
    }
    this.#elements = elements;
    return replies;
  }

  /** Keeps the outcome under its token; null, or why that cannot be done. Throws COLD. */
  #remember(view: View, request: once.OnceRequest, replies: readonly Reply[]): ErrorReply | null {
    const { onceRetentionMs } = this.client.host.settings;
    try {
      once.remember(view, request, { replies, retentionMs: onceRetentionMs });
      return null;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return discarded(error.reply);
    }
  }

  #onceRequest(): once.OnceRequest | null {
    const [first] = this.queue;
    if (first === undefined || first.command.name !== "once") return null;
    const token = first.args[1] ?? "";
    const commands = this.queue.map(({ args }) => args);
    return { user: this.client.user, token, commands };
  }

  #runAll(view: View): Element[] {
    const elements: Element[] = [];
    for (const queued of this.queue) {
      const step = this.#startStep(view, queued);
      elements.push(this.#endStep(view, step, this.#runOne(view, queued)));
    }
    this.#endAll(view, elements);
    return elements;
  }

  #startStep(view: View, queued: Queued): Step {
    const { database } = this.client;
    const mark = view.keyspace.mark();
    view.database = database;
    view.saw = 0;
    view.countLookups = queued.command.isReadonly;
    return { queued, database, mark, startUs: this.client.host.clock.monotonicUs() };
  }

  #endStep(view: View, step: Step, reply: Reply): Element {
    const { keyspace } = view;
    const { command } = step.queued;
    const microseconds = this.client.host.clock.monotonicUs() - step.startUs;
    if (reply instanceof ErrorReply && !reply.isCounted) this.client.host.onErrorReply(reply.text);
    // ONCE itself writes when the last command has run.
    const wrote = keyspace.changedSince(step.mark) || command.name === "once";
    const saw = view.restsOn;
    const seen = saw > keyspace.committedBatch ? saw : 0;
    const batch = wrote ? keyspace.openBatch : seen;
    const mayPublish = command.publishes || command.runsOthers;
    const published = mayPublish && keyspace.hasEffectsSince(step.mark);
    const { database } = step;
    return { reply, batch, wrote, published, saw, database, microseconds };
  }

  #endAll(view: View, elements: readonly Element[]): void {
    view.saw = elements.reduce((newest, { saw }) => Math.max(newest, saw), 0);
    view.database = this.client.database;
    this.#noteCalls(elements);
  }

  /** Only now: had a cold read stopped the transaction, all of it would run again. */
  #noteCalls(elements: readonly Element[]): void {
    for (const [index, { command, args }] of this.queue.entries()) {
      const element = elements[index];
      assert(element !== undefined);
      const isError = element.reply instanceof ErrorReply;
      this.client.noteCall(command, args, { isError, microseconds: element.microseconds });
      this.client.host.stats.commandsUs -= element.microseconds;
    }
  }

  #runOne(view: View, queued: Queued): Reply {
    const { command, args } = queued;
    const session = this.client;
    const { row } = command;
    const denied = session.denials.refusalInExec(command, args);
    if (denied !== null) return denied.reply;
    if (command.name === "once") return OK;
    if (row.kind === "data" || row.kind === "script") {
      const reply = session.callData(row, args, view);
      if (session.tracking !== null && session.host.tracking.wantsToKnow(session, command)) {
        this.#keysRead.push(...keysRead(command, args));
      }
      return reply;
    }
    const known = this.#answers.get(queued);
    if (known !== undefined) return known;
    const answer = session.callOutside(command, args);
    if (answer instanceof Promise) return ASYNCHRONOUS;
    const reply = answer === NO_REPLY ? null : answer;
    if (row.kind === "server") this.#answers.set(queued, reply);
    return reply;
  }

  hold(batch: number, bytes: Bytes, wrote: boolean): HeldReply {
    return new HeldTransaction(this.client, {
      batch,
      bytes,
      wrote,
      queue: this.queue,
      elements: this.#elements,
      startDatabase: this.#startDatabase,
      keysRead: this.#keysRead,
    });
  }

  /** Nothing of it has run: the whole is discarded. */
  failed(failure: Failure): Bytes {
    this.#parts.done();
    return this.client.encodeReply(execError(failure));
  }

  *keysWanted(): Generator<{ database: Database; key: Bytes }> {
    const database = this.#startDatabase;
    for (const { command, args } of this.queue) {
      for (const key of keysToLoad(command.row, args)) yield { database, key };
    }
  }
}

interface TransactionHeld {
  readonly batch: number;
  readonly bytes: Bytes;
  /** Whether anything was written: its messages are then lost with the batch. */
  readonly wrote: boolean;
  readonly queue: readonly Queued[];
  /** Null when nothing ran: a lost WATCH, or the replies of an earlier run under the token. */
  readonly elements: readonly Element[] | null;
  readonly startDatabase: Database;
  /** What the client may keep copies of, if it is tracked. */
  readonly keysRead: readonly Bytes[];
}

class HeldTransaction implements HeldReply {
  readonly batch: number;
  readonly #session: Session;
  readonly #protocol: 2 | 3;
  readonly #held: TransactionHeld;
  readonly #selections: number;

  constructor(session: Session, held: TransactionHeld) {
    this.#session = session;
    this.#protocol = session.protocol;
    this.#selections = session.selections;
    this.batch = held.batch;
    this.#held = held;
  }

  committed(): Bytes {
    this.#noteKeys();
    return this.#held.bytes;
  }

  #noteKeys(): void {
    const { keysRead: keys } = this.#held;
    if (keys.length > 0) this.#session.host.tracking.note(this.#session, keys);
  }

  refused(failure: Failure): Bytes {
    this.#noteKeys();
    return this.#session.encodeRefused(this.#settle(failure), this.#protocol);
  }

  #settle(failure: Failure): Reply {
    const { elements } = this.#held;
    const error = execError(failure);
    if (elements === null) return error;
    if (!elements.some((element) => element.wrote)) {
      return elements.map((element, index) => this.#reread(element, index, failure));
    }
    const { execFailureReply } = this.#session.host.settings;
    if (execFailureReply !== "attributed") this.#revertSelect();
    switch (execFailureReply) {
      case "abort":
        return error;
      case "every":
        return elements.map(() => error);
      case "attributed":
        return elements.map((element) => (this.#isLost(element, failure) ? error : element.reply));
      default:
        return unreachable(execFailureReply);
    }
  }

  /** The client is told that nothing has happened: nor has a SELECT, unless one has followed. */
  #revertSelect(): void {
    const session = this.#session;
    if (session.selections === this.#selections) session.database = this.#held.startDatabase;
  }

  #isLost({ batch, published }: Element, failure: Failure): boolean {
    return batch >= failure.fromBatch || (published && this.#held.wrote);
  }

  /** A transaction that only read rests on others' undone writes: read what concerns them again. */
  #reread(element: Element, index: number, failure: Failure): Reply {
    if (!this.#isLost(element, failure)) return element.reply;
    const queued = this.#held.queue[index];
    assert(queued !== undefined);
    const { row } = queued.command;
    if ((row.kind !== "data" && row.kind !== "script") || !queued.command.isReadonly)
      return execError(failure);
    let reply: Reply = execError(failure);
    this.#session.host.pipeline.readAgain(element.database, (view) => {
      reply = this.#session.callData(row, queued.args, view);
      return "";
    });
    return reply;
  }
}
