// The commit pipeline: the one write path.
//
// The problem. Handlers run at once, over state that is not on disk yet; replies must not leave before
// the batch they rest on is committed; the disk may take long, refuse, or fail to say; and readers must
// not wait for writers.
//
// The way. Units run one after the other into the open batch. At the end of an event-loop turn the open
// batch is closed and appended to the commit log: on the loop when it is small and needs no fsync, else
// on a thread while the next batch fills. One batch is on its way at a time; what was built on it commits
// after it or is undone with it.
//
// Each reply is tagged with the newest batch it rests on: the open one if the unit wrote, else the newest
// uncommitted one it looked at, else none, and then it leaves at once (laws 1, 5, 6, 7).
//
// How an append may end
//   committed   replies tagged with the batch are released in order, then its effects happen
//   stalled     policy "wait": tried again, without blocking, until the oldest write in it has waited long
//               enough; policy "fail": as refused
//   refused     the batch and all that was built on it are undone; each waiting reply is settled by laws 4-6
//   unknown     law 9: new writes are refused, replies stay held, the log is asked again and again how the
//               append ended; after `unknownTimeoutMs` the waiting connections are closed unanswered
//
// Invariant: at most one batch is closed and unsettled; its bytes stay in #ops until it is settled.

import { assert } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { WriteOps } from "../engine/write-ops.ts";
import type { ClosedBatch, Database, Effect, Keyspace, Mark } from "../keyspace/keyspace.ts";
import type { View } from "../keyspace/view.ts";
import type { Stats } from "../observe/stats.ts";
import type { Encoded } from "../resp/long-reply.ts";
import { coldWork, loadCold, type ColdHistory, type ColdWork } from "./cold-loader.ts";
import { ColdRead } from "../keyspace/cold.ts";
import { GATHER_US_MAX, Gathering } from "./gathering.ts";
import type { Doubt, InFlight, RoomWaiter } from "./in-flight.ts";
import { LogError, type Lease, type Seq } from "./log.ts";
import { LongReads } from "./long-reads.ts";
import type { ReplyQueue } from "./reply-queue.ts";
import { readFailure, type Failure } from "./settle.ts";
import { internalUnit, isStop, LongRun, type Client, type Stop, type Unit } from "./unit.ts";

/** Settings that may change while the server runs. */
export interface PipelineSettings {
  /** fsync before a batch counts as committed: `appendfsync always` or `write_options.sync`. */
  sync: boolean;
  /** `write-stall-policy`: how long writers wait for a stall to pass; 0 to fail at once. */
  stallWaitMs: number;
  /** Batches of at least this many bytes leave the event loop. */
  backgroundBytes: number;
  /** The open batch takes no further writers beyond this while another is on its way. */
  groupBytesMax: number;
  /** How long replies are held when nobody knows whether their batch is in the log. */
  unknownTimeoutMs: number;
}

export interface PipelineParts {
  readonly keyspace: Keyspace;
  readonly view: View;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly stats: Stats;
  readonly settings: PipelineSettings;
  /** Where the log ends at the start. */
  readonly lastSeq: Seq;
  /** An assertion of ours failed, or something threw what it must not: the server stops. */
  readonly onBug: (error: unknown) => void;
}

/** What becomes of a unit at `run`: done, or waiting for a cold read. */
export type RunState = "done" | "waiting";

const RETRY_MS_MIN = 1;
const RETRY_MS_MAX = 20;
const RESOLVE_MS = 50;
/** What TRYAGAIN tells clients: about a flush of one memtable. */
const RETRY_HINT_MS = 100;
/** Writing out a batch of so many bytes takes the loop milliseconds: it gets a turn without the commands in it. */
const LARGE_BATCH_BYTES = 256 * 1024;
/** After so many rounds of loading, a unit that still finds something cold is told to come again. */
const COLD_ROUNDS_MAX = 64;
const CACHE_TOO_SMALL: Failure = {
  kind: "stall",
  words: "the caches are too small for what this command reads",
  retryMs: RETRY_HINT_MS,
  fromBatch: 0,
};

/** `isSynced`: the batch, and with it all before it, is safe from the death of the machine. */
type CommitListener = (closed: ClosedBatch, isSynced: boolean) => void;

export class Pipeline {
  readonly keyspace: Keyspace;
  readonly view: View;
  readonly settings: PipelineSettings;
  /** Whether keys that have died may be removed now: not while CLIENT PAUSE keeps the data as it is. */
  mayBury: () => boolean = () => true;
  /** The engine's health may have changed; set by who watches it. */
  onHealthChange: () => void = () => {};
  /** Whom the unit works for that runs or has run last. */
  running: Client | null = null;
  readonly longReads = new LongReads(this);
  readonly #lease: Lease;
  readonly #clock: Clock;
  readonly #stats: Stats;
  readonly #onBug: (error: unknown) => void;
  readonly #ops = new WriteOps();
  readonly #coldWork: ColdWork;
  readonly #startMs: number;
  #lastSeq: Seq;
  #inFlight: InFlight | null = null;
  #turnEndAsked = false;
  /** The open batch has been left to the next turn once. */
  #isPostponed = false;
  readonly #gathering: Gathering;
  #gatherTimer: Timer | null = null;
  #oldestMs = 0;
  /** Queues in which something waits for a batch. */
  #holding: ReplyQueue[] = [];
  #roomWaiters: RoomWaiter[] = [];
  #idleWaiters: (() => void)[] = [];
  #commitListeners: CommitListener[] = [];
  #refusalListeners: (() => void)[] = [];
  #closing = false;
  /** A long unit runs or waits for its turn, which is the next; then, that it runs. */
  #isExclusive = false;
  #isAlone = false;
  #turnWaiters: (() => void)[] = [];

  constructor(parts: PipelineParts) {
    this.keyspace = parts.keyspace;
    this.view = parts.view;
    this.settings = parts.settings;
    this.#lease = parts.lease;
    this.#clock = parts.clock;
    this.#coldWork = coldWork(parts.keyspace, (send) => parts.clock.soon(send));
    this.#gathering = new Gathering(parts.clock);
    this.#stats = parts.stats;
    this.#onBug = parts.onBug;
    this.#lastSeq = parts.lastSeq;
    this.#startMs = parts.clock.nowMs();
  }

  /** Called with each batch after its replies are released: what changed is now true for everybody. */
  onCommit(listener: CommitListener): void {
    this.#commitListeners.push(listener);
  }

  /** Called when batches have been undone: nobody waits for them any longer. */
  onRefusal(listener: () => void): void {
    this.#refusalListeners.push(listener);
  }

  /** Whether writers and publishers should wait at `waitForRoom` before they run. */
  get isFull(): boolean {
    return this.#inFlight !== null && this.keyspace.openBytes >= this.settings.groupBytesMax;
  }

  /** Why writes are refused before they are tried; null when they are taken. */
  get refusal(): Failure | null {
    const doubt = this.#inFlight?.doubt ?? null;
    if (doubt !== null) return doubt.failure;
    const { error } = this.keyspace.engine.health();
    if (error === null) return null;
    return { ...error, retryMs: RETRY_HINT_MS, fromBatch: this.keyspace.openBatch };
  }

  /** The engine's health may have changed: what waits for the end of a stall need not wait longer. */
  healthChanged(): void {
    this.onHealthChange();
    const inFlight = this.#inFlight;
    if (inFlight?.retry === undefined || inFlight.retry === null) return;
    if (this.keyspace.engine.health().stall === "stopped") return;
    inFlight.retry.cancel();
    this.#settle(() => this.#attempt());
  }

  /**
   * Reads again what rested on a batch that has just been undone. Null when that would wait for the
   * disk or fails: the caller then tells of the refusal instead (law 6 allows either).
   */
  readAgain(database: Database, read: (view: View) => Encoded): Encoded | null {
    const { keyspace, view } = this;
    view.nowMs = this.#clock.nowMs();
    view.database = database;
    view.countLookups = false;
    view.saw = 0;
    view.readsLeft = Infinity;
    view.startCounting();
    const mark = keyspace.mark();
    try {
      return read(view);
    } catch (error) {
      if (error instanceof ColdRead) return null;
      throw error;
    } finally {
      keyspace.rollbackTo(mark);
    }
  }

  /** Whether nobody knows how the last append ended. */
  get isInDoubt(): boolean {
    return this.#inFlight !== null && this.#inFlight.doubt !== null;
  }

  get isAppending(): boolean {
    return this.#inFlight !== null && !this.isStalled && !this.isInDoubt;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Whether a batch is being tried again because the engine stalls writes. */
  get isStalled(): boolean {
    return this.#inFlight !== null && this.#inFlight.retry !== null;
  }

  /** Runs `resume` when the open batch takes writers again; bounded by the stall policy. */
  waitForRoom(resume: () => void): void {
    this.#roomWaiters.push({ sinceMs: this.#patienceMs(), resume });
  }

  /**
   * Runs a unit. Its reply goes to the client's queue, now or when its batch is settled; "waiting" means
   * that it waits for a cold read and `resume` will be called when it has run.
   */
  run(unit: Unit, resume: () => void): RunState {
    if (this.#isExclusive) {
      this.#turnWaiters.push(() => {
        if (this.run(unit, resume) === "done") resume();
      });
      return "waiting";
    }
    const stop = this.#tryRun(unit);
    if (stop === null) return "done";
    void this.#runOn(unit, stop).then(resume, this.#onBug);
    return "waiting";
  }

  /** Runs a unit that answers nobody; resolves when it has run, not when it is committed. */
  async perform(unit: Unit): Promise<void> {
    if (this.#isExclusive) await this.#turn();
    const stop = this.#tryRun(unit);
    if (stop !== null) await this.#runOn(unit, stop);
  }

  // Long runs: a script that takes longer than the event loop can be held.

  /** A long unit runs, or is about to: nobody else does. */
  get isExclusive(): boolean {
    return this.#isExclusive;
  }

  /** Calls `resume` when units run again, or when `wakeTurnWaiters` says that this may take a while. */
  waitForTurn(resume: () => void): void {
    this.#turnWaiters.push(resume);
  }

  /** Who waits looks again, and may wait again. */
  wakeTurnWaiters(): void {
    const waiters = this.#turnWaiters;
    this.#turnWaiters = [];
    for (const waiter of waiters) waiter();
  }

  /** Until no long unit runs. */
  async #turn(): Promise<void> {
    while (this.#isExclusive) {
      await new Promise<void>((resolve) => {
        this.#turnWaiters.push(resolve);
      });
    }
  }

  async #runOn(unit: Unit, stop: Stop): Promise<void> {
    if (stop instanceof ColdRead) await this.#runCold(unit, stop);
    else if (stop instanceof LongRun) await this.#runLong(unit);
    else if (!(await this.longReads.run(unit))) await this.#runHere(unit);
  }

  /** However long it reads. */
  async #runHere(unit: Unit): Promise<void> {
    if (this.#isExclusive) await this.#turn();
    const stop = this.#tryRun(unit, 0, true);
    if (stop !== null) await this.#runCold(unit, stop, true);
  }

  async #runLong(unit: Unit): Promise<void> {
    if (this.#isExclusive) await this.#turn();
    this.#isExclusive = true;
    try {
      // What others have written leaves first: they must not wait for a script.
      await this.whenIdle();
      await this.#runAlone(unit);
    } finally {
      this.#isExclusive = false;
      this.#isAlone = false;
    }
    this.#settle(() => {
      this.wakeTurnWaiters();
      if (!this.keyspace.openIsEmpty) this.#askForTurnEnd();
    });
  }

  async #runAlone(unit: Unit): Promise<void> {
    const { keyspace, view } = this;
    this.#isAlone = true;
    this.#pointViewAt(unit, 0, true);
    const mark = keyspace.mark();
    assert(unit.runLong !== undefined, "only who can run long asks for it");
    try {
      const bytes = await unit.runLong(view, (cold) => this.#loadFor(unit, cold));
      this.#isAlone = false;
      this.#hasRun(unit, mark, bytes);
    } catch (error) {
      keyspace.rollbackTo(mark);
      this.#failedToRead(unit, error);
    }
  }

  async #loadFor(unit: Unit, { request }: ColdRead): Promise<void> {
    assert(request !== null);
    this.#stats.coldReads++;
    await loadCold(this.#coldWork, request, {
      history: { elements: [] },
      unit,
    });
    this.keyspace.trimCache();
  }

  async #runCold(unit: Unit, first: Stop, stays = false): Promise<void> {
    let cold: Stop | null = first;
    const history: ColdHistory = { elements: [] };
    const wanted = { history, unit };
    // Elements do not count: each round brings some that stay, so they end by themselves.
    let loads = 0;
    while (cold !== null) {
      if (!(cold instanceof ColdRead)) {
        await this.#runOn(unit, cold);
        return;
      }
      if (loads === COLD_ROUNDS_MAX) {
        this.#fail(unit, CACHE_TOO_SMALL);
        return;
      }
      this.#stats.coldReads++;
      const { request } = cold;
      assert(request !== null);
      if (!("subkeys" in request || "several" in request)) loads++;
      try {
        await loadCold(this.#coldWork, request, wanted);
      } catch (error) {
        this.#failedToRead(unit, error);
        return;
      }
      if (this.#isExclusive) await this.#turn();
      cold = this.#tryRun(unit, loads, stays);
    }
  }

  /** What a unit needs cannot be read: it is told so, and has done nothing. */
  #failedToRead(unit: Unit, error: unknown): void {
    const failure = readFailure(error);
    if (failure === null) throw error;
    this.#fail(unit, failure);
  }

  #fail(unit: Unit, failure: Failure): void {
    const bytes = unit.failed(failure);
    if (bytes !== null) unit.client.replies.send(bytes);
  }

  #pointViewAt(unit: Unit, loads: number, stays: boolean): void {
    const { keyspace, view } = this;
    const { client } = unit;
    this.running = client;
    const nowMs = this.#clock.nowMs();
    view.nowMs = nowMs;
    view.nowSeconds = Math.floor((nowMs - this.#startMs) / 1000);
    view.database = client.database;
    view.countLookups = unit.countLookups;
    view.touch = client.touch;
    view.saw = 0;
    view.startCounting();
    view.loads = loads;
    view.readsLeft = unit.mayLeave && !stays ? this.longReads.bound : Infinity;
    // Of a run that has been undone.
    if (view.metDead.length > 0) view.metDead = [];
    keyspace.trimCache();
  }

  /** Runs a unit to its end; gives back what stopped it, if something did. */
  #tryRun(unit: Unit, loads = 0, stays = false): Stop | null {
    const { keyspace, view } = this;
    this.#pointViewAt(unit, loads, stays);
    const mark = keyspace.mark();
    let bytes: Encoded | null;
    try {
      bytes = unit.run(view);
    } catch (error) {
      keyspace.rollbackTo(mark);
      if (isStop(error)) return error;
      this.#failedToRead(unit, error);
      return null;
    }
    this.#hasRun(unit, mark, bytes);
    return null;
  }

  #hasRun(unit: Unit, mark: Mark, bytes: Encoded | null): void {
    const { keyspace } = this;
    const { client } = unit;
    const wrote = keyspace.changedSince(mark);
    if (wrote) this.#noteWrite(client.replies);
    if (bytes !== null) this.#deliver(unit, bytes, wrote);
    // Behind the reply: who publishes to himself reads his answer first.
    if (!wrote && keyspace.hasEffectsSince(mark)) {
      this.#placeEffects(keyspace.takeEffectsSince(mark));
    }
    if (this.view.metDead.length > 0) this.#bury();
  }

  /**
   * Removes what the unit has met dead, as Redis does on a look-up. In a unit of its own, so that a read stays a
   * read: it needs no commit and is not refused with one (laws 5, 7). What cannot be written now waits
   * for the expirer.
   */
  #bury(): void {
    const { keyspace, view } = this;
    const dead = view.metDead;
    view.metDead = [];
    const isCalm = this.refusal === null && keyspace.engine.health().stall === "none";
    if (!isCalm || this.isStalled || this.isFull || !this.mayBury()) return;
    const bury = (): void => {
      for (const { database, key } of dead) {
        view.database = database;
        view.bury(key);
      }
    };
    this.#tryRun(internalUnit(keyspace.system, bury, () => []));
  }

  /** What patience is measured by: the wall clock may jump. */
  #patienceMs(): number {
    return this.#clock.monotonicUs() / 1000;
  }

  #noteWrite(replies: ReplyQueue): void {
    const { keyspace } = this;
    replies.lastWriteBatch = keyspace.openBatch;
    if (this.#oldestMs === 0) this.#oldestMs = this.#patienceMs();
    if (this.#inFlight === null && keyspace.openBytes >= this.settings.groupBytesMax) {
      // After the reply is queued: the unit's own outcome is not delivered yet.
      queueMicrotask(() => this.#settle(() => this.commitOpen()));
    }
    this.#askForTurnEnd();
  }

  /** Effects of a unit that wrote nothing wait only for what was uncommitted before them. */
  #placeEffects(effects: Effect[]): void {
    if (this.keyspace.lastUncommittedBatch() === 0 && this.keyspace.openIsEmpty) {
      for (const effect of effects) effect.happen();
      return;
    }
    for (const effect of effects) {
      const { bytes } = effect;
      this.keyspace.addEffect({ survivesRefusal: true, bytes, happen: () => effect.happen() });
    }
    this.#askForTurnEnd();
  }

  #deliver(unit: Unit, bytes: Encoded, wrote: boolean): void {
    const { keyspace } = this;
    const { replies } = unit.client;
    const batch = wrote ? keyspace.openBatch : this.view.restsOn;
    if (batch <= keyspace.committedBatch) {
      replies.send(bytes);
      return;
    }
    replies.hold(unit.hold(batch, bytes, wrote), bytes.length);
    if (replies.listed) return;
    replies.listed = true;
    this.#holding.push(replies);
  }

  // Committing

  #askForTurnEnd(): void {
    if (this.#turnEndAsked) return;
    this.#turnEndAsked = true;
    this.#clock.turnEnd(() => {
      this.#turnEndAsked = false;
      if (this.#isForNextTurn()) this.#askForTurnEnd();
      else if (!this.#gathers()) this.#settle(() => this.commitOpen());
    });
  }

  /** Whether what is in the open batch has held the loop long enough for this turn. */
  #isForNextTurn(): boolean {
    if (this.#isPostponed || this.#closing) return false;
    this.#isPostponed = this.keyspace.openBytes >= LARGE_BATCH_BYTES;
    return this.#isPostponed;
  }

  /** Whether the open batch is held back: others will want the same fsync. */
  #gathers(): boolean {
    if (!this.settings.sync || this.#inFlight !== null || this.#closing) return false;
    if (this.keyspace.openBytes >= this.settings.groupBytesMax) return false;
    if (this.#idleWaiters.length > 0 || !this.#gathering.waits(this.#holding.length)) return false;
    this.#gatherTimer ??= this.#clock.after(GATHER_US_MAX / 1000 + 1, () => {
      this.#gatherTimer = null;
      this.#settle(() => this.commitOpen());
    });
    return true;
  }

  /** Closes the open batch and appends it, unless one is on its way already. */
  commitOpen(): void {
    if (this.#inFlight !== null || this.#isAlone || this.keyspace.openIsEmpty) return;
    this.#gatherTimer?.cancel();
    this.#gatherTimer = null;
    this.#isPostponed = false;
    const closed = this.keyspace.close(this.#ops);
    this.#inFlight = {
      closed,
      sinceUs: this.settings.sync ? this.#clock.monotonicUs() : 0,
      oldestMs: this.#oldestMs,
      attempts: 0,
      isSynced: false,
      retry: null,
      doubt: null,
    };
    this.#oldestMs = 0;
    if (this.#ops.count === 0) this.#committed(this.#lastSeq);
    else this.#writeOut();
  }

  /** Long values are written into the batch a slice a turn; it is on its way meanwhile. */
  #writeOut(): void {
    if (!this.#ops.isUnwritten) {
      this.#attempt();
      return;
    }
    this.#ops.writeSlice();
    this.#clock.turnEnd(() => this.#settle(() => this.#writeOut()));
  }

  #attempt(): void {
    const inFlight = this.#inFlight;
    assert(inFlight !== null);
    inFlight.attempts++;
    inFlight.retry = null;
    const { sync, backgroundBytes } = this.settings;
    const background = sync || this.#ops.length >= backgroundBytes;
    inFlight.isSynced = sync;
    if (background) this.#stats.commitsInBackground++;
    try {
      const seq = this.#lease.append(this.#ops, { expectedSeq: this.#lastSeq, sync, background });
      if (typeof seq === "number") this.#committed(seq);
      else
        void seq.then(
          (at) => this.#settle(() => this.#committed(at)),
          (error: unknown) => this.#settle(() => this.#failed(error)),
        );
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What happens in a promise's callback must not vanish when it is our own bug. */
  #settle(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#onBug(error);
    }
  }

  #committed(seq: Seq): void {
    const inFlight = this.#inFlight;
    assert(inFlight !== null);
    inFlight.doubt?.timeout?.cancel();
    this.#inFlight = null;
    this.#lastSeq = seq;
    this.#stats.commits++;
    const { closed } = inFlight;
    this.keyspace.committed(closed, this.#ops);
    this.#ops.clear();
    if (inFlight.isSynced) {
      const tookUs = this.#clock.monotonicUs() - inFlight.sinceUs;
      this.#gathering.committed(this.#holding.length, tookUs);
    }
    this.#releaseReplies();
    this.longReads.goOn();
    for (const effect of closed.effects) effect.happen();
    for (const listener of this.#commitListeners) listener(closed, inFlight.isSynced);
    this.#goOn();
  }

  #releaseReplies(): void {
    const { committedBatch } = this.keyspace;
    const holding = this.#holding;
    this.#holding = [];
    for (const queue of holding) {
      if (queue.release(committedBatch)) queue.listed = false;
      else this.#holding.push(queue);
    }
  }

  /** After a batch is settled: room for waiting writers, and the next batch. */
  #goOn(): void {
    this.#resumeWaiters();
    if (this.#inFlight === null && !this.keyspace.openIsEmpty) this.#askForTurnEnd();
    if (this.#inFlight !== null || !this.keyspace.openIsEmpty) return;
    this.#wakeIdleWaiters();
  }

  #wakeIdleWaiters(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const waiter of waiters) waiter();
  }

  #resumeWaiters(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const waiter of waiters) {
      if (this.isFull) this.#roomWaiters.push(waiter);
      else {
        // Its waiting counts against the patience of the batch it will be in.
        if (this.#oldestMs === 0 || waiter.sinceMs < this.#oldestMs)
          this.#oldestMs = waiter.sinceMs;
        waiter.resume();
      }
    }
    if (this.keyspace.openIsEmpty) this.#oldestMs = 0;
  }

  // Refusals

  #failed(error: unknown): void {
    if (!(error instanceof LogError)) throw error;
    assert(this.#inFlight !== null);
    const failure: Failure = {
      kind: error.storage,
      words: error.message,
      retryMs: RETRY_HINT_MS,
      fromBatch: this.#inFlight.closed.number,
    };
    if (error.kind === "unknown") {
      this.#beginDoubt(failure);
      return;
    }
    // The local log moves without us when the engine mends itself, never by somebody's data. A log
    // that others write to will have to apply what came between before this.
    if (error.kind === "conflict" && error.position !== null) this.#lastSeq = error.position;
    if (error.storage === "stall" && !error.isFinal && this.#retryLater()) return;
    this.#refused(failure);
  }

  /** Policy "wait": tries the same batch again soon, while its oldest write has patience left. */
  #retryLater(): boolean {
    const inFlight = this.#inFlight;
    assert(inFlight !== null);
    const leftMs = inFlight.oldestMs + this.settings.stallWaitMs - this.#patienceMs();
    if (leftMs <= 0 || this.#closing) return false;
    this.#stats.stallRetries++;
    const backoffMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(inFlight.attempts, 10));
    inFlight.retry = this.#clock.after(Math.min(backoffMs, leftMs), () => {
      this.#settle(() => this.#attempt());
    });
    this.longReads.goOn();
    return true;
  }

  /** Undoes the batch on its way and all that was built on it, and tells everybody concerned. */
  #refused(failure: Failure): void {
    const inFlight = this.#inFlight;
    assert(inFlight !== null);
    inFlight.doubt?.timeout?.cancel();
    this.#inFlight = null;
    this.#ops.clear();
    this.#oldestMs = 0;
    this.#stats.commitsRefused++;
    const surviving = this.keyspace.undoAll();
    const holding = this.#holding;
    this.#holding = [];
    for (const queue of holding) {
      queue.listed = false;
      queue.refuse(failure);
    }
    this.longReads.goOn();
    for (const effect of surviving) effect.happen();
    for (const listener of this.#refusalListeners) listener();
    this.#goOn();
  }

  // Law 9

  #beginDoubt(failure: Failure): void {
    const inFlight = this.#inFlight;
    assert(inFlight !== null);
    this.#stats.commitsUnknown++;
    inFlight.doubt = { failure, timeout: null };
    if (this.#closing) {
      this.#endInDoubt();
      return;
    }
    this.longReads.goOn();
    this.#abandonLater(inFlight.doubt);
    this.#resumeAllWaiters();
    void this.#resolve(failure).catch(this.#onBug);
  }

  /** Again and again: readers that look at the doubtful writes may join those who wait. */
  #abandonLater(doubt: Doubt): void {
    doubt.timeout = this.#clock.after(this.settings.unknownTimeoutMs, () => {
      this.#abandonHolding();
      this.#abandonLater(doubt);
    });
  }

  /** Closes the connections that wait, and forgets them: more may come before the doubt ends. */
  #abandonHolding(): void {
    const holding = this.#holding;
    this.#holding = [];
    for (const queue of holding) {
      queue.listed = false;
      queue.abandon();
    }
  }

  /** Writers that wait for room run now, and are refused: nobody knows how long this takes. */
  #resumeAllWaiters(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const waiter of waiters) waiter.resume();
  }

  async #resolve(failure: Failure): Promise<void> {
    while (!this.#closing) {
      try {
        const { outcome, lastSeq } = await this.#lease.resolve();
        if (outcome === "applied") this.#committed(lastSeq);
        else {
          this.#lastSeq = lastSeq;
          this.#refused(failure);
        }
        return;
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
      }
      await new Promise<void>((resolve) => {
        this.#clock.after(RESOLVE_MS, resolve);
      });
    }
  }

  // Stopping

  /** Resolves when everything written so far is settled. */
  whenIdle(): Promise<void> {
    if (this.#inFlight === null && this.keyspace.openIsEmpty) return Promise.resolve();
    this.#askForTurnEnd();
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
    });
  }

  /**
   * No more patience: with stalls, what cannot be written now is refused; with a commit of unknown
   * outcome, who waits for it is left unanswered, and the next start finds out (law 9).
   */
  close(): Promise<void> {
    this.#closing = true;
    if (this.isInDoubt) {
      this.#endInDoubt();
      return Promise.resolve();
    }
    if (this.#inFlight?.retry !== null && this.#inFlight !== null) {
      this.#inFlight.retry?.cancel();
      this.#attempt();
    }
    return this.whenIdle();
  }

  #endInDoubt(): void {
    this.#inFlight?.doubt?.timeout?.cancel();
    this.#abandonHolding();
    this.#wakeIdleWaiters();
  }
}
