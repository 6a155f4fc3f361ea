// MULTI, EXEC, DISCARD, WATCH, UNWATCH and ONCE of one connection.
//
// EXEC is one unit of work: its commands run one after the other, each with its own savepoint (law 4),
// into the same batch (law 3), and its reply waits for that batch. When the batch is refused, each
// element is told the truth about itself (law 5): what wrote, or saw what was undone, becomes an
// EXECABORT error; what saw committed data only keeps its value.
//
// WATCH remembers the version of a key's record. Versions change with every change and change back
// when a change is undone, so a refused write does not break a WATCH.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { CROSS_SLOT } from "../cluster/slot-map.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args } from "../commands/table.ts";
import { TOKEN_BYTES_MAX } from "../commit/once.ts";
import type { HeldReply } from "../commit/reply-queue.ts";
import { plainError, type Failure } from "../commit/settle.ts";
import type { Unit } from "../commit/unit.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import type { Database } from "../keyspace/keyspace.ts";
import type { Resting } from "../keyspace/resting.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, transactionDiscarded } from "../resp/errors.ts";
import { ErrorReply, OK, type Reply } from "../resp/reply.ts";
import { isHeldByWritePause } from "./declared-flags.ts";
import { both, MANY_SLOTS, NO_SLOT, slotOfCall } from "./slots.ts";
import type { ExecuteState, Session } from "./session.ts";
import { TransactionUnit, type Queued } from "./transaction-unit.ts";

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

/** What one queued argument costs beside its bytes. */
const ARGUMENT_OVERHEAD_BYTES = 32;
/** What one watched key costs beside its bytes: it stands here and in the keyspace. */
const WATCH_OVERHEAD_BYTES = 256;

const EXEC_WITHOUT_MULTI = new ErrorReply("ERR EXEC without MULTI");
const PREVIOUS_ERRORS = new ErrorReply(
  "EXECABORT Transaction discarded because of previous errors.",
);

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
    return command.runsAtOnceInMulti;
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
    if (length === 0 || length > TOKEN_BYTES_MAX) {
      throw new CommandError(`ERR ONCE token must be 1 to ${TOKEN_BYTES_MAX} bytes`);
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
  isWatchBroken(view: View): boolean {
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
    const unit = new TransactionUnit(session, { queue: this.#queue, command, args, startUs });
    // While it waits for the disk the session executes nothing else; MULTI is over all the same.
    this.#clearQueue();
    return session.host.pipeline.run(unit, resume);
  }

  /** For TransactionUnit: it has run to its end. */
  hasRun(command: Command, args: Args, startUs: number): void {
    // Its commands are counted by themselves.
    this.#session.countCall(command, args, { reply: null, startUs, hasWaited: true });
    this.abandon();
  }

  /** Each of its commands is about a slot of ours, but they are not about the same. */
  get #isOfManySlots(): boolean {
    const { cluster } = this.#session.host;
    if (cluster === null) return false;
    let slot = NO_SLOT;
    for (const { command, args } of this.#queue) {
      slot = both(slot, slotOfCall(cluster, command.row, args));
    }
    return slot === MANY_SLOTS;
  }

  #execRefusal(): ErrorReply | null {
    if (!this.isOpen) return EXEC_WITHOUT_MULTI;
    if (this.#isOfManySlots) return CROSS_SLOT.reply;
    if (this.#spoiled) return PREVIOUS_ERRORS;
    for (const { command } of this.#queue) {
      const refused = this.#session.host.admission(command, false);
      if (refused === null) continue;
      return transactionDiscarded(refused.reply.text, null);
    }
    return null;
  }
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
  readonly mayLeave = false;
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
