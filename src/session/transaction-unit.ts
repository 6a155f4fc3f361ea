// The unit of one EXEC: its queued commands run one after the other, each with its own savepoint (law 4), into
// the same batch (law 3), and what its reply is while it waits for that batch.

import type { User } from "../acl/user.ts";
import { assert, unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { keysToLoad } from "../commands/key-positions.ts";
import type { Command } from "../commands/lookup.ts";
import { NO_REPLY, type Args } from "../commands/table.ts";
import * as once from "../commit/once.ts";
import type { HeldReply } from "../commit/reply-queue.ts";
import { execError, type Failure } from "../commit/settle.ts";
import type { LoadCold, Unit } from "../commit/unit.ts";
import type { Database, Mark } from "../keyspace/keyspace.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, transactionDiscarded } from "../resp/errors.ts";
import type { Encoded } from "../resp/long-reply.ts";
import { ErrorReply, NULL_ARRAY, OK, type Reply } from "../resp/reply.ts";
import { loading } from "./long-steps.ts";
import type { Session } from "./session.ts";
import { keysRead, type TrackingState } from "./tracking.ts";

const ASYNCHRONOUS = new ErrorReply("ERR Command not allowed inside a transaction");

export interface Queued {
  readonly command: Command;
  readonly args: Args;
}

/** EXEC as it was called. */
interface TransactionCall {
  readonly queue: readonly Queued[];
  readonly command: Command;
  readonly args: Args;
  readonly startUs: number;
}

/** What becomes of the reply of a queued command if its batch is refused. */
interface Standing {
  /** The newest uncommitted batch it wrote to or looked at; 0 for none. */
  readonly batch: number;
  readonly wrote: boolean;
  /** Whether it sent a message, which leaves with the writes of the transaction if there are any. */
  readonly published: boolean;
  readonly database: Database;
}

/** What the queued commands came to, so far. */
class Outcome {
  readonly replies: Reply[] = [];
  /** For each reply; neighbours share one where they can, so that a transaction in flight takes little. */
  readonly standings: Standing[] = [];
  /** The newest batch they looked at, committed or not. */
  saw = 0;
  /** Whether any of them wrote. */
  wrote = false;

  add(reply: Reply, standing: Standing): void {
    this.replies.push(reply);
    if (standing.wrote) this.wrote = true;
    const last = this.standings.at(-1);
    this.standings.push(last !== undefined && isSame(last, standing) ? last : standing);
  }
}

function isSame(left: Standing, right: Standing): boolean {
  if (left.batch !== right.batch || left.wrote !== right.wrote) return false;
  return left.published === right.published && left.database === right.database;
}

/** How long each command of the transaction took that runs now: told of when all have run. */
const microsecondsTaken: number[] = [];
/** What one long queue needed is not kept. */
const QUEUE_USUAL = 1024;
const NO_QUEUE: readonly Queued[] = [];
const NO_KEYS: Bytes[] = [];

export class TransactionUnit implements Unit {
  readonly client: Session;
  readonly countLookups = false;
  readonly mayLeave = false;
  readonly #call: TransactionCall;
  readonly #startDatabase: Database;
  readonly #startAccount: User;
  readonly #startAuthenticated: boolean;
  readonly #startTracking: TrackingState | null;
  /** What its client may keep copies of, if it is tracked. */
  #keysRead = NO_KEYS;
  /** What commands about the server answered: they must not run twice when a cold read stops the run. */
  #answers: Map<Queued, Reply> | null = null;
  #outcome: Outcome | null = null;

  constructor(session: Session, call: TransactionCall) {
    this.client = session;
    this.#call = call;
    this.#startDatabase = session.database;
    this.#startAccount = session.account;
    this.#startAuthenticated = session.isAuthenticated;
    this.#startTracking = session.tracking;
  }

  run(view: View): Encoded | null {
    const session = this.client;
    // Its watches have gone with the connection: what they guard must not run without them.
    if (session.isClosed) return null;
    this.#outcome = null;
    this.#keysRead = NO_KEYS;
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
  #hasEnded(reply: Reply): Encoded | null {
    const session = this.client;
    this.#noteRun();
    session.listening.keep();
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
    this.client.listening.revert();
    this.client.denials.revert();
  }

  /** The same with scripts that take long: each step by itself, nobody in between. */
  async runLong(view: View, load: LoadCold): Promise<Encoded | null> {
    const session = this.client;
    if (session.isClosed) return null;
    this.#outcome = null;
    this.#keysRead = NO_KEYS;
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
    const { keyspace } = view;
    const before = keyspace.mark();
    const outcome = new Outcome();
    const microseconds: number[] = [];
    for (const queued of this.#call.queue) {
      const startUs = this.client.host.clock.monotonicUs();
      const mark = keyspace.mark();
      const { database } = this.client;
      this.#pointViewAt(view, queued);
      const { row } = queued.command;
      const { args } = queued;
      const reply =
        row.kind === "script"
          ? await this.client.scripts.runLong({ row, args }, view, load)
          : await loading(view, load, () => this.#runOne(view, queued));
      this.#note(view, outcome, { queued, reply, mark, database });
      microseconds.push(this.client.host.clock.monotonicUs() - startUs);
    }
    this.#endAll(view, outcome, microseconds);
    return loading(view, load, () => this.#lastReply(view, before, outcome));
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
    return this.client.transaction.isWatchBroken(view) ? NULL_ARRAY : undefined;
  }

  /** Throws COLD. */
  #lastReply(view: View, mark: Mark, outcome: Outcome): Reply {
    const request = this.#onceRequest();
    const { replies } = outcome;
    if (request !== null) {
      const refusal = this.#remember(view, request, replies);
      if (refusal !== null) {
        view.keyspace.rollbackTo(mark);
        this.#revertSession();
        return refusal;
      }
    }
    this.#outcome = outcome;
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
      return transactionDiscarded(error.reply.text, null);
    }
  }

  #onceRequest(): once.OnceRequest | null {
    const { queue } = this.#call;
    const [first] = queue;
    if (first === undefined || first.command.name !== "once") return null;
    const token = first.args[1] ?? "";
    const commands = queue.map(({ args }) => args);
    return { user: this.client.user, token, commands };
  }

  #runAll(view: View): Outcome {
    const { keyspace } = view;
    const { clock } = this.client.host;
    const outcome = new Outcome();
    let taken = 0;
    let startUs = clock.monotonicUs();
    for (const queued of this.#call.queue) {
      const mark = keyspace.mark();
      const { database } = this.client;
      this.#pointViewAt(view, queued);
      const reply = this.#runOne(view, queued);
      this.#note(view, outcome, { queued, reply, mark, database });
      // The end of one is the start of the next.
      const endUs = clock.monotonicUs();
      microsecondsTaken[taken++] = endUs - startUs;
      startUs = endUs;
    }
    this.#endAll(view, outcome, microsecondsTaken);
    if (microsecondsTaken.length > QUEUE_USUAL) microsecondsTaken.length = 0;
    return outcome;
  }

  #pointViewAt(view: View, { command }: Queued): void {
    view.database = this.client.database;
    view.saw = 0;
    view.countLookups = command.isReadonly;
  }

  /** A queued command has run, from `mark` on. */
  #note(
    view: View,
    outcome: Outcome,
    ran: {
      readonly queued: Queued;
      readonly reply: Reply;
      readonly mark: Mark;
      readonly database: Database;
    },
  ): void {
    const { keyspace } = view;
    const { reply, mark, database } = ran;
    const { command } = ran.queued;
    if (reply instanceof ErrorReply && !reply.isCounted) this.client.host.onErrorReply(reply.text);
    // ONCE itself writes when the last command has run.
    const wrote = keyspace.changedSince(mark) || command.name === "once";
    const saw = view.restsOn;
    if (saw > outcome.saw) outcome.saw = saw;
    const seen = saw > keyspace.committedBatch ? saw : 0;
    const batch = wrote ? keyspace.openBatch : seen;
    const mayPublish = command.publishes || command.runsOthers;
    const published = mayPublish && keyspace.hasEffectsSince(mark);
    outcome.add(reply, { batch, wrote, published, database });
  }

  /**
   * Commands are counted only now: had a cold read stopped the transaction, all of it would run again. `microseconds`
   * has at least one for each.
   */
  #endAll(view: View, { replies, saw }: Outcome, microseconds: readonly number[]): void {
    view.saw = saw;
    view.database = this.client.database;
    const { queue } = this.#call;
    for (let index = 0; index < queue.length; index++) {
      const queued = queue[index];
      assert(queued !== undefined);
      const isError = replies[index] instanceof ErrorReply;
      const call = { isError, microseconds: microseconds[index] ?? 0, hasWaited: false };
      this.client.noteCall(queued.command, queued.args, call);
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
        this.#keysRead = [...this.#keysRead, ...keysRead(command, args)];
      }
      return reply;
    }
    const known = this.#answers?.get(queued);
    if (known !== undefined) return known;
    const answer = session.callOutside(command, args);
    if (answer instanceof Promise) return ASYNCHRONOUS;
    const reply = answer === NO_REPLY ? null : answer;
    if (row.kind === "server") {
      this.#answers ??= new Map();
      this.#answers.set(queued, reply);
    }
    return reply;
  }

  hold(batch: number, bytes: Encoded, wrote: boolean): HeldReply {
    return new HeldTransaction(this.client, {
      batch,
      bytes,
      wrote,
      // Only a transaction that has not written is run again.
      queue: this.#outcome?.wrote === true ? NO_QUEUE : this.#call.queue,
      outcome: this.#outcome,
      startDatabase: this.#startDatabase,
      keysRead: this.#keysRead,
    });
  }

  /** Nothing of it has run: the whole is discarded. */
  failed(failure: Failure): Encoded {
    this.#noteRun();
    return this.client.encodeReply(execError(failure));
  }

  #noteRun(): void {
    const { command, args, startUs } = this.#call;
    this.client.transaction.hasRun(command, args, startUs);
  }

  *keysWanted(): Generator<{ database: Database; key: Bytes }> {
    const database = this.#startDatabase;
    for (const { command, args } of this.#call.queue) {
      for (const key of keysToLoad(command.row, args)) yield { database, key };
    }
  }
}

interface TransactionHeld {
  readonly batch: number;
  readonly bytes: Encoded;
  /** Whether anything was written: its messages are then lost with the batch. */
  readonly wrote: boolean;
  readonly queue: readonly Queued[];
  /** Null when nothing ran: a lost WATCH, or the replies of an earlier run under the token. */
  readonly outcome: Outcome | null;
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

  committed(): Encoded {
    this.#noteKeys();
    return this.#held.bytes;
  }

  #noteKeys(): void {
    const { keysRead: keys } = this.#held;
    if (keys.length > 0) this.#session.host.tracking.note(this.#session, keys);
  }

  refused(failure: Failure): Encoded {
    this.#noteKeys();
    return this.#session.encodeRefused(this.#settle(failure), this.#protocol);
  }

  #settle(failure: Failure): Reply {
    const { outcome } = this.#held;
    const error = execError(failure);
    if (outcome === null) return error;
    const { replies } = outcome;
    if (!outcome.wrote) {
      return replies.map((reply, index) => this.#reread(reply, index, failure));
    }
    const { execFailureReply } = this.#session.host.settings;
    if (execFailureReply !== "attributed") this.#revertSelect();
    switch (execFailureReply) {
      case "abort":
        return error;
      case "every":
        return replies.map(() => error);
      case "attributed":
        return replies.map((reply, index) => (this.#isLost(index, failure) ? error : reply));
      default:
        return unreachable(execFailureReply);
    }
  }

  /** The client is told that nothing has happened: nor has a SELECT, unless one has followed. */
  #revertSelect(): void {
    const session = this.#session;
    if (session.selections === this.#selections) session.database = this.#held.startDatabase;
  }

  #standingAt(index: number): Standing {
    const standing = this.#held.outcome?.standings[index];
    assert(standing !== undefined);
    return standing;
  }

  #isLost(index: number, failure: Failure): boolean {
    const { batch, published } = this.#standingAt(index);
    return batch >= failure.fromBatch || (published && this.#held.wrote);
  }

  /** A transaction that only read rests on others' undone writes: read what concerns them again. */
  #reread(before: Reply, index: number, failure: Failure): Reply {
    if (!this.#isLost(index, failure)) return before;
    const queued = this.#held.queue[index];
    assert(queued !== undefined);
    const { row } = queued.command;
    if ((row.kind !== "data" && row.kind !== "script") || !queued.command.isReadonly)
      return execError(failure);
    let reply: Reply = execError(failure);
    this.#session.host.pipeline.readAgain(this.#standingAt(index).database, (view) => {
      reply = this.#session.callData(row, queued.args, view);
      return "";
    });
    return reply;
  }
}
