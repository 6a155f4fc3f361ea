// Who waits for which keys: the sessions whose command gave a Wait, in order of arrival, and how their
// waiting ends.
//
// The problem. A blocked command may only learn of what is committed (law 5); it must be served in the
// order in which it came, although running it again may wait for the disk (COLD), for room, or for
// the end of a pause; and what it then takes may be refused with the batch that takes it.
//
// The way. When a batch is committed, each key it changed that somebody waits for has its turn: the waiters
// of the key are run again, one after the other, each as a unit of its own that joins the open batch.
// Who finds nothing keeps his place. A unit that waits for the disk holds up the turn of its key, and
// that of any other key at which the same waiter is met, and no others. What was served is from then on an
// ordinary write: it is held for its batch, and told the refusal if that is refused.
//
// A refused batch may have taken back what emptied a key, so everybody looks again. So does everybody in a
// database that a committed batch flushed or swapped.

import type { Bytes } from "../base/bytes.ts";
import type { Timer } from "../base/clock.ts";
import { keysToLoad } from "../commands/key-positions.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args, ViewCommand } from "../commands/table.ts";
import { Wait } from "../commands/wait.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import type { HeldReply } from "../commit/reply-queue.ts";
import { plainError, type Failure } from "../commit/settle.ts";
import type { Unit } from "../commit/unit.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import type { ClosedBatch, Database } from "../keyspace/keyspace.ts";
import type { View } from "../keyspace/view.ts";
import type { Encoded } from "../resp/long-reply.ts";
import { ErrorReply, type Reply } from "../resp/reply.ts";
import type { ClientPause } from "./pause.ts";
import type { Session } from "./session.ts";
import { heldReply } from "./single-unit.ts";

/** Node's timers take no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const UNBLOCKED = new ErrorReply("UNBLOCKED client unblocked via CLIENT UNBLOCK");

/** A command that has given a Wait. */
export interface BlockedCall {
  readonly command: Command;
  readonly row: ViewCommand;
  readonly args: Args;
  readonly wait: Wait;
  /** When its first run began. */
  readonly startUs: number;
}

interface WaitedKey {
  readonly place: Place;
  readonly key: Bytes;
  /** In order of arrival. */
  readonly waiters: Set<Waiter>;
  /** How many of them are also run when the key goes. */
  removalWaiters: number;
  /** Whose turn is next; null when nobody is being served. */
  turn: IterableIterator<Waiter> | null;
  /** It has changed since its turn began. */
  isReadyAgain: boolean;
  /** It will have a turn when the pause is over. */
  isPaused: boolean;
  /** Whether the last waiter that was tried found no such key. */
  isAbsent: boolean;
  /** Newcomers that let those in line go first. */
  afterTurn: (() => void)[];
}

/** The waited keys of one database. */
interface Place {
  readonly database: Database;
  readonly keys: Map<Bytes, WaitedKey>;
  /** The flush or swap that everybody has looked at. */
  lookedAtBatch: number;
}

export class BlockedClients {
  readonly #pipeline: Pipeline;
  readonly #pause: ClientPause;
  readonly #places = new Map<Database, Place>();
  /** Sessions that go on with what they have sent, once all turns are taken. */
  readonly #resuming: (() => void)[] = [];
  /** How deep in turns of keys we are. */
  #serving = 0;
  /** How many sessions wait. */
  count = 0;

  constructor(pipeline: Pipeline, pause: ClientPause) {
    this.#pipeline = pipeline;
    this.#pause = pause;
    pipeline.onCommit((closed) => this.#committed(closed));
    pipeline.onRefusal(() => this.#lookAgain());
  }

  /** INFO's total_blocking_keys. */
  get keyCount(): number {
    let count = 0;
    for (const { keys } of this.#places.values()) count += keys.size;
    return count;
  }

  /** Those of them at which somebody is told that the key goes. */
  get removalKeyCount(): number {
    let count = 0;
    for (const { keys } of this.#places.values()) {
      for (const waited of keys.values()) if (waited.removalWaiters > 0) count++;
    }
    return count;
  }

  add(waiter: Waiter): void {
    const place = this.#placeOf(waiter.client.database);
    this.count++;
    for (const key of waiter.wait.keys) {
      const waited = place.keys.get(key) ?? newWaitedKey(place, key);
      place.keys.set(key, waited);
      if (waited.waiters.has(waiter)) continue;
      waited.waiters.add(waiter);
      waiter.waited.push(waited);
      if (waiter.wait.wakesOnRemoval) waited.removalWaiters++;
    }
  }

  remove(waiter: Waiter): void {
    this.count--;
    for (const waited of waiter.waited) {
      waited.waiters.delete(waiter);
      if (waiter.wait.wakesOnRemoval) waited.removalWaiters--;
      if (waited.waiters.size > 0) continue;
      const { place } = waited;
      place.keys.delete(waited.key);
      if (place.keys.size === 0) this.#places.delete(place.database);
    }
  }

  #placeOf(database: Database): Place {
    const known = this.#places.get(database);
    if (known !== undefined) return known;
    const place = { database, keys: new Map(), lookedAtBatch: database.replacedIn };
    this.#places.set(database, place);
    return place;
  }

  /**
   * A newcomer must not overtake those in line at a key whose turn waits for the disk: if one of
   * `keys` has such a turn, `resume` is called when it is over, and the answer is true.
   */
  letGoFirst(database: Database, keys: readonly Bytes[], resume: () => void): boolean {
    const place = this.#places.get(database);
    if (place === undefined) return false;
    for (const key of keys) {
      const waited = place.keys.get(key);
      if (waited === undefined || waited.turn === null) continue;
      waited.afterTurn.push(resume);
      return true;
    }
    return false;
  }

  // Waking

  #committed(closed: ClosedBatch): void {
    if (this.count === 0) return;
    const ready: WaitedKey[] = [];
    const byIncarnation = new Map<Incarnation, Place>();
    for (const place of this.#places.values()) {
      byIncarnation.set(place.database.incarnation, place);
      const { replacedIn } = place.database;
      if (replacedIn === place.lookedAtBatch || replacedIn > closed.number) continue;
      place.lookedAtBatch = replacedIn;
      ready.push(...place.keys.values());
    }
    for (const { incarnation, key } of closed.records) {
      const waited = byIncarnation.get(incarnation)?.keys.get(key);
      if (waited !== undefined) ready.push(waited);
    }
    this.#wake(ready);
  }

  #lookAgain(): void {
    const ready: WaitedKey[] = [];
    for (const { keys } of this.#places.values()) ready.push(...keys.values());
    this.#wake(ready);
  }

  #wake(ready: readonly WaitedKey[]): void {
    this.#serving++;
    for (const waited of ready) {
      if (waited.turn !== null) waited.isReadyAgain = true;
      else {
        waited.turn = waited.waiters.values();
        this.#serve(waited, null);
      }
    }
    this.#served();
  }

  /** Goes on with the turn of a key: with `first`, if he still waits, and then with the rest. */
  #serve(waited: WaitedKey, first: Waiter | null): void {
    let waiter = first ?? nextOf(waited);
    while (waiter !== null) {
      if (!waiter.isOver && this.#run(waiter, waited) === "waiting") return;
      if (waited.isAbsent && waited.removalWaiters === 0) break;
      waiter = nextOf(waited);
    }
    waited.turn = null;
    if (waited.isReadyAgain) {
      waited.isReadyAgain = false;
      waited.turn = waited.waiters.values();
      this.#serve(waited, null);
      return;
    }
    this.#resuming.push(...waited.afterTurn);
    waited.afterTurn = [];
  }

  #run(waiter: Waiter, waited: WaitedKey): "done" | "waiting" {
    waited.isAbsent = false;
    if (waiter.isRunning) {
      waiter.whenFree.push(() => this.#goOn(waited, waiter));
      return "waiting";
    }
    if (this.#isHeldByPause(waiter.call.command)) {
      this.#wakeAfterPause(waited);
      return "done";
    }
    if (this.#pipeline.isFull && waiter.call.command.isWrite) {
      this.#pipeline.waitForRoom(() => this.#goOn(waited, waiter));
      return "waiting";
    }
    waiter.isRunning = true;
    const state = this.#pipeline.run(waiter.at(waited), () => {
      this.#hasRun(waiter);
      this.#goOn(waited, null);
    });
    if (state === "done") this.#hasRun(waiter);
    return state;
  }

  /** The turn of a key had to wait for something. */
  #goOn(waited: WaitedKey, first: Waiter | null): void {
    this.#serving++;
    this.#serve(waited, first);
    this.#served();
  }

  #hasRun(waiter: Waiter): void {
    waiter.isRunning = false;
    if (waiter.isServed) this.#resuming.push(() => waiter.client.goOn());
    const { whenFree } = waiter;
    waiter.whenFree = [];
    for (const goOn of whenFree) goOn();
  }

  #isHeldByPause(command: Command): boolean {
    const { kind } = this.#pause;
    return kind === "all" || (kind === "write" && command.isHeldByWritePause);
  }

  #wakeAfterPause(waited: WaitedKey): void {
    if (waited.isPaused) return;
    waited.isPaused = true;
    this.#pause.wait(() => {
      waited.isPaused = false;
      this.#wake([waited]);
    });
  }

  /** Who was served goes on when all turns are taken: what he has sent may want the same keys. */
  #served(): void {
    if (this.#serving === 1) {
      for (let next = this.#resuming.shift(); next !== undefined; next = this.#resuming.shift()) {
        next();
      }
    }
    this.#serving--;
  }
}

function newWaitedKey(place: Place, key: Bytes): WaitedKey {
  return {
    place,
    key,
    waiters: new Set(),
    removalWaiters: 0,
    turn: null,
    isReadyAgain: false,
    isPaused: false,
    isAbsent: false,
    afterTurn: [],
  };
}

function nextOf({ turn }: WaitedKey): Waiter | null {
  const next = turn?.next();
  return next === undefined || next.done === true ? null : next.value;
}

/** One session that waits, and the unit by which it is run again. */
export class Waiter implements Unit {
  readonly client: Session;
  readonly call: BlockedCall;
  readonly countLookups: boolean;
  readonly mayLeave = false;
  /** Where it stands in line. */
  readonly waited: WaitedKey[] = [];
  /** It has been answered, or its connection has gone. */
  isOver = false;
  /** Its own run has answered it. */
  isServed = false;
  isRunning = false;
  /** Turns of other keys that wait for the end of its run. */
  whenFree: (() => void)[] = [];
  readonly #registry: BlockedClients;
  readonly #deadlineMs: number;
  #timer: Timer | null = null;
  #microseconds: number;
  #key: WaitedKey | null = null;

  constructor(registry: BlockedClients, client: Session, call: BlockedCall) {
    this.#registry = registry;
    this.client = client;
    this.call = call;
    this.countLookups = call.command.isReadonly;
    const nowUs = client.host.clock.monotonicUs();
    this.#microseconds = nowUs - call.startUs;
    const { timeoutMs } = call.wait;
    this.#deadlineMs = timeoutMs === 0 ? Infinity : nowUs / 1000 + timeoutMs;
    registry.add(this);
    this.#startTimer();
  }

  get wait(): Wait {
    return this.call.wait;
  }

  #startTimer(): void {
    if (this.#deadlineMs === Infinity) return;
    const { clock } = this.client.host;
    const leftMs = this.#deadlineMs - clock.monotonicUs() / 1000;
    const delayMs = Math.ceil(Math.min(leftMs, TIMER_MS_MAX));
    this.#timer = clock.after(delayMs, () => {
      if (clock.monotonicUs() / 1000 < this.#deadlineMs) this.#startTimer();
      else this.unblock(this.wait.timedOut);
    });
  }

  /** Ends the wait with an answer that no write has given. */
  unblock(reply: Reply): void {
    const { client } = this;
    this.#finish(reply);
    client.sendReply(reply);
    // At the end of the turn: who unblocks another one is himself in the middle of a command.
    client.host.clock.turnEnd(() => client.goOn());
  }

  unblockWithError(): void {
    this.unblock(UNBLOCKED);
  }

  /** The connection has gone: nothing is counted, nobody is answered. */
  leave(): void {
    this.isOver = true;
    this.#timer?.cancel();
    this.#registry.remove(this);
    this.client.waits.hasWaited();
  }

  #finish(reply: Reply): void {
    this.leave();
    const { command, args } = this.call;
    const isError = reply instanceof ErrorReply;
    this.client.noteDone(command, args, {
      isError,
      microseconds: this.#microseconds,
      hasWaited: true,
    });
  }

  // The unit

  at(key: WaitedKey): this {
    this.#key = key;
    return this;
  }

  run(view: View): Encoded | null {
    if (this.isOver || !this.#isConcerned(view)) return null;
    const { client, call } = this;
    const startUs = client.host.clock.monotonicUs();
    // What was allowed when it began to wait may not be now.
    const refusal = client.refusal(call.command, call.args);
    if (refusal !== null) {
      call.command.stats.rejectedCalls++;
      this.leave();
      return this.#answer(refusal.reply);
    }
    const reply = client.tryData(call.row, this.wait.again, view);
    this.#microseconds += client.host.clock.monotonicUs() - startUs;
    if (reply instanceof Wait) return null;
    this.#finish(reply);
    if (client.tracking !== null) client.host.tracking.remember(client, call.command, call.args);
    return this.#answer(reply);
  }

  #answer(reply: Reply): Encoded | null {
    this.isServed = true;
    const bytes = this.client.encodeReply(reply);
    return bytes === "" ? null : bytes;
  }

  /** Whether the key is now what it waits for. Throws COLD. */
  #isConcerned(view: View): boolean {
    const waited = this.#key;
    if (waited === null) return false;
    const record = view.inspect(waited.key);
    waited.isAbsent = record === null;
    return this.wait.wakesOnRemoval || record?.kind === this.wait.kind;
  }

  hold(batch: number, bytes: Encoded, wrote: boolean): HeldReply {
    const { command, row } = this.call;
    const call = { command, row, args: this.wait.again };
    return heldReply(this.client, call, { batch, bytes, wrote });
  }

  /** What it needs cannot be read: it is told so, and does not wait for more of it. */
  failed(failure: Failure): Encoded | null {
    if (this.isOver) return null;
    const reply = plainError(failure);
    this.#finish(reply);
    return this.#answer(reply);
  }

  keysWanted(): { database: Database; key: Bytes }[] {
    const { database } = this.client;
    return keysToLoad(this.call.row, this.wait.again).map((key) => ({ database, key }));
  }
}
