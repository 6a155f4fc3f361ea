// CLIENT TRACKING: connections that keep copies of what they read are told when it changes.
//
// The laws. An invalidation is a side effect: it is sent when the batch that changed the key is committed,
// and never for one that is refused (law 5). And nobody may be left with a stale copy. Why nobody is:
//
//   1. A read is noted when it runs, before its reply leaves. A key that it saw uncommitted holds the
//      reply (law 6), so a reply that leaves at once shows committed state, and every change after that
//      state is in a batch that is committed later, when the note is there.
//   2. A held reply leaves when its batch is committed, before the invalidations of that batch. On the
//      same connection they follow it: the client drops what it has just got, for nothing if the read
//      came last, but never keeps what is old. A change later in that batch than the read is told so, too.
//   3. While a reply is held, the commit of an earlier batch may take the note away. On the same connection
//      the invalidation waits in the queue behind the reply. On another one (REDIRECT) it does not: so
//      the read is noted once more when its reply is released, and what is committed after that is told.
//   4. A reply that is made anew because its batch was refused is noted anew at that moment.
//
// So a client may be told of a key that is still as it has it, and is never not told. NOLOOP leaves out
// the keys that only the connection itself has changed in a batch; if another one did as well, or if
// that is not known, it is told. What is not committed but already noted of NOLOOP is dropped with the batch.

import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { keysToLoad } from "../commands/key-positions.ts";
import type { Command } from "../commands/lookup.ts";
import type { TrackingFacts, TrackingOptions } from "../commands/ports.ts";
import type { Args } from "../commands/table.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import type { ClosedBatch, Database } from "../keyspace/keyspace.ts";
import type { Record } from "../keyspace/record.ts";
import { Push } from "../resp/reply.ts";
import type { Session } from "./session.ts";
import { TrackingTable } from "./tracking-table.ts";

/** The channel on which a RESP2 connection hears of invalidations. */
const CHANNEL: Bytes = "__redis__:invalidate";
/** What one prefix costs beside its bytes. */
const PREFIX_OVERHEAD_BYTES = 256;
/** Several connections have changed the key. */
const SEVERAL = -1;

/** How one connection is tracked; never changed, so that an EXEC that begins anew can put it back. */
export interface TrackingState extends TrackingOptions {
  /** The connection that gets the invalidations has gone; noticed when there was one to send. */
  readonly isBroken: boolean;
}

export class Tracking {
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #table = new TrackingTable();
  /** All connections, by id: where invalidations go. */
  readonly sessions = new Map<number, Session>();
  readonly #tracked = new Set<Session>();
  /** In BCAST mode, by prefix. */
  readonly #byPrefix = new Map<Bytes, Set<Session>>();
  #noLoopCount = 0;
  /** By batch: who alone has changed which record, or SEVERAL. */
  readonly #writers = new Map<number, Map<Record, number>>();
  /** The flush or swap of each database that everybody knows of. */
  readonly #flushedIn = new Map<Database, number>();
  /** `tracking-table-max-keys`; 0 for no limit. */
  keysMax = 0;
  #trimAsked = false;

  constructor(pipeline: Pipeline, clock: Clock) {
    this.#pipeline = pipeline;
    this.#clock = clock;
    pipeline.onCommit((closed) => this.#committed(closed));
    pipeline.onRefusal(() => this.#refused());
    pipeline.view.onEmptyFlush = () => this.#tellAll();
  }

  get clientCount(): number {
    return this.#tracked.size;
  }

  get keyCount(): number {
    return this.#table.keyCount;
  }

  get itemCount(): number {
    return this.#table.itemCount;
  }

  get prefixCount(): number {
    return this.#byPrefix.size;
  }

  // Who is tracked

  /** Null stops it. */
  set(session: Session, state: TrackingState | null): void {
    this.#leave(session);
    session.tracking = state;
    if (state === null) {
      session.isCachingGiven = false;
      return;
    }
    if (this.#tracked.size === 0) this.#noteFlushes();
    this.#tracked.add(session);
    for (const prefix of state.prefixes) {
      const sessions = this.#byPrefix.get(prefix) ?? new Set();
      this.#byPrefix.set(prefix, sessions.add(session));
    }
    if (state.noLoop) this.#countNoLoop(1);
  }

  #leave(session: Session): void {
    const state = session.tracking;
    if (state === null) return;
    this.#tracked.delete(session);
    for (const prefix of state.prefixes) {
      const sessions = this.#byPrefix.get(prefix);
      sessions?.delete(session);
      if (sessions?.size === 0) this.#byPrefix.delete(prefix);
    }
    if (state.noLoop) this.#countNoLoop(-1);
    if (this.#tracked.size === 0) this.#table.clear();
  }

  #countNoLoop(by: number): void {
    const { keyspace } = this.#pipeline;
    this.#noLoopCount += by;
    keyspace.onChange = this.#noLoopCount === 0 ? null : (record) => this.#noteWriter(record);
    if (this.#noLoopCount === 0) this.#writers.clear();
  }

  #noteWriter(record: Record): void {
    const { keyspace, running } = this.#pipeline;
    const id = running?.id ?? SEVERAL;
    let writers = this.#writers.get(keyspace.openBatch);
    if (writers === undefined) {
      writers = new Map();
      this.#writers.set(keyspace.openBatch, writers);
    }
    const known = writers.get(record);
    if (known !== id) writers.set(record, known === undefined ? id : SEVERAL);
  }

  #noteFlushes(): void {
    for (const database of this.#pipeline.keyspace.databases) {
      this.#flushedIn.set(database, database.replacedIn);
    }
  }

  // Reads

  /** A connection that is tracked has read: what it may keep a copy of. */
  remember(session: Session, command: Command, args: Args): void {
    if (this.wantsToKnow(session, command)) this.note(session, keysRead(command, args));
  }

  /** Whether what the command reads is tracked for this connection. */
  wantsToKnow(session: Session, command: Command): boolean {
    const state = session.tracking;
    if (state === null || state.isBroadcast || !command.isReadonly) return false;
    // What a script reads is noted call by call.
    if (command.row.kind === "script") return false;
    if (state.optIn && !session.isCachingGiven) return false;
    if (state.optOut && session.isCachingGiven) return false;
    return !command.row.flags.includes("pubsub");
  }

  note(session: Session, keys: readonly Bytes[]): void {
    if (session.tracking === null || session.tracking.isBroadcast) return;
    for (const key of keys) this.#table.add(key, session.id);
    if (this.keysMax === 0 || this.#table.keyCount <= this.keysMax || this.#trimAsked) return;
    this.#trimAsked = true;
    // Not at once: the reply that these keys belong to has not left yet.
    this.#clock.turnEnd(() => this.trim());
  }

  /** Forgets the keys noted first while there are too many; who has copies is told to drop them. */
  trim(): void {
    this.#trimAsked = false;
    while (this.keysMax > 0 && this.#table.keyCount > this.keysMax) {
      const key = this.#table.oldest();
      if (key === null) return;
      this.#invalidate(key, null);
    }
  }

  // Changes

  #committed(closed: ClosedBatch): void {
    const writers = this.#writers.get(closed.number);
    this.#writers.delete(closed.number);
    if (this.#tracked.size === 0) return;
    this.#tellOfFlushes(closed.number);
    if (this.#table.keyCount > 0) {
      for (const record of closed.records) this.#invalidate(record.key, writers?.get(record));
    }
    for (const [prefix, sessions] of this.#byPrefix) {
      const changed = closed.records.filter(({ key }) => key.startsWith(prefix));
      if (changed.length > 0) this.#broadcast(sessions, changed, writers);
    }
  }

  /** A refused flush puts back what is seen; so may a refusal the older of two flushes. */
  #refused(): void {
    this.#writers.clear();
    if (this.#tracked.size > 0) this.#tellOfFlushes(this.#pipeline.keyspace.committedBatch);
  }

  /** `writer`: who alone has changed the key, if that is known. */
  #invalidate(key: Bytes, writer: number | null | undefined): void {
    for (const id of this.#table.take(key)) {
      const session = this.sessions.get(id);
      const state = session?.tracking;
      // Tracked otherwise by now, or no more.
      if (session === undefined || state === undefined || state === null || state.isBroadcast)
        continue;
      if (state.noLoop && writer === id) continue;
      this.#tell(session, [key]);
    }
  }

  #broadcast(
    sessions: ReadonlySet<Session>,
    changed: readonly Record[],
    writers: ReadonlyMap<Record, number> | undefined,
  ): void {
    const all = keysInOrder(changed);
    for (const session of sessions) {
      const isOwn = (record: Record): boolean => writers?.get(record) === session.id;
      const keys =
        session.tracking?.noLoop === true && changed.some(isOwn)
          ? keysInOrder(changed.filter((record) => !isOwn(record)))
          : all;
      if (keys.length > 0) this.#tell(session, keys);
    }
  }

  /**
   * A database has been emptied or swapped by batch `committed` or one before it, and not told yet. One
   * that a later batch has replaced once more is told of twice, rather than never.
   */
  #tellOfFlushes(committed: number): void {
    let flushed = false;
    for (const database of this.#pipeline.keyspace.databases) {
      const { replacedIn } = database;
      if (replacedIn === this.#flushedIn.get(database)) continue;
      flushed = true;
      if (replacedIn <= committed) this.#flushedIn.set(database, replacedIn);
    }
    if (flushed) this.#tellAll();
  }

  #tellAll(): void {
    this.#table.clear();
    for (const session of this.#tracked) this.#tell(session, null);
  }

  /** Sends an invalidation; null keys mean all. */
  #tell(session: Session, keys: readonly Bytes[] | null): void {
    const state = session.tracking;
    if (state === null) return;
    if (state.redirect === 0) {
      if (session.protocol === 3) session.push(new Push(["invalidate", keys]));
      return;
    }
    const target = this.sessions.get(state.redirect);
    if (target === undefined) this.#tellBroken(session, state);
    else if (target.protocol === 3) target.push(new Push(["invalidate", keys]));
    else if (target.subscriptionCount > 0) target.push(new Push(["message", CHANNEL, keys]));
  }

  #tellBroken(session: Session, state: TrackingState): void {
    if (!state.isBroken) session.tracking = { ...state, isBroken: true };
    if (session.protocol !== 3) return;
    session.push(new Push(["tracking-redir-broken", state.redirect]));
  }
}

/** What the prefixes of one connection cost: each stands there and in the table by prefix. */
export function prefixBytes(prefixes: readonly Bytes[]): number {
  let bytes = 0;
  for (const prefix of prefixes) bytes += prefix.length + PREFIX_OVERHEAD_BYTES;
  return bytes;
}

function keysInOrder(records: readonly Record[]): Bytes[] {
  return [...new Set(records.map(({ key }) => key))].sort();
}

/** A call whose keys cannot be told has read none. */
export function keysRead(command: Command, args: Args): readonly Bytes[] {
  return keysToLoad(command.row, args);
}

/** As CLIENT TRACKINGINFO and GETREDIR show it. */
export function factsOf(session: Session): TrackingFacts | null {
  const { tracking, isCachingGiven } = session;
  return tracking === null ? null : { ...tracking, isCachingGiven };
}
