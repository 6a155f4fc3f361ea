// The view: all that a command handler can see and do. Committed data plus what earlier commands of
// the open batch have written; every change is noted for undo, for attribution and for the outside.
//
// One View serves one unit of work at a time; the pipeline points it at the unit.
// `saw` and `wrote` are how laws 5 and 6 know whom a refused batch concerns.

import type { Bytes } from "../base/bytes.ts";
import { TOUCHED_MAX } from "../base/key-table.ts";
import type { Random } from "../base/random.ts";
import { ABSENT, recordSize, type Kind } from "../encoding/record.ts";
import { KEY_HEADER_SIZE } from "../encoding/key.ts";
import type { Stats } from "../observe/stats.ts";
import { batchTooLarge, CommandError, INVALID_DB_INDEX } from "../resp/errors.ts";
import { NOBODY, type Audience, type Space } from "./audience.ts";
import { COLD, type ColdElements } from "./cold.ts";
import { copyOf } from "./copy.ts";
import { elementSize } from "./changes.ts";
import {
  outermostElements,
  type Companions,
  type FrontRange,
  type Outermost,
} from "./element-front.ts";
import { drawFromPool, mayJoinPools } from "./element-pool.ts";
import { randomDistinctElements, randomElements, type FoundElement } from "./element-random.ts";
import { walkElements, wantRanges, type Visit, type WalkOptions } from "./element-walk.ts";
import { EVENT_CLASSES, type EventClass, type KeyEvent } from "./event.ts";
import type { Database, Effect, Keyspace } from "./keyspace.ts";
import type { Element, ElementContent, ElementObject, Elements, Home, SubkeySpan } from "./home.ts";
import type { CollectionLimits } from "./limits.ts";
import { LONG_READ } from "./long-read.ts";
import type { Record } from "./record.ts";
import type { Undo } from "./undo.ts";
import { homeOf, type Value } from "./value.ts";
import * as walk from "./walk.ts";

/** Settings that handlers obey; filled from the configuration, changed by CONFIG SET. */
export interface Limits {
  /** `proto-max-bulk-len`: the largest string, in bytes. */
  stringBytesMax: number;
  /** `rocksdb.write_options.write_batch_max_bytes`: per command or transaction; 0 for none. */
  unitBytesMax: number;
  /** `notify-keyspace-events` as a mask of EVENT_CLASSES plus NOTIFY_KEYSPACE and NOTIFY_KEYEVENT. */
  notifyMask: number;
  /** Whether OBJECT FREQ is kept: `maxmemory-policy` is one of the lfu policies. */
  countFrequency: boolean;
  lfuLogFactor: number;
  /** Up to which a collection is kept as one value, and what OBJECT ENCODING calls it. */
  readonly collections: CollectionLimits;
}

type CollectInside = (view: View, record: Record, itemsMax: number) => boolean;

/** What a message that waits for a commit costs beside its text. */
const MESSAGE_OVERHEAD_BYTES = 128;
/** So many dead keys are remembered for one unit; the expirer finds the others. */
const MET_DEAD_MAX = 1000;

export class View {
  readonly keyspace: Keyspace;
  readonly stats: Stats;
  readonly limits: Limits;
  readonly random: Random;
  /** Where keyspace events go once committed; set by the server. */
  onKeyEvent: (event: KeyEvent) => void = () => {};
  /** Where flushes are told that found nothing to flush; set by the server. */
  onEmptyFlush: () => void = () => {};
  /** Who listens to published messages; set by the server. */
  audience: Audience = NOBODY;
  /** Slots are shared out among processes: there is one database, and keys of others are out of reach. */
  isClustered = false;
  /** Removes what has died inside a collection, so much at most; true if more is left. Set by the server. */
  collectInside: CollectInside = () => false;

  /** Milliseconds since the epoch, one moment for the whole unit. */
  nowMs = 0;
  /** Whole seconds since the start of the server, for access times. */
  nowSeconds = 0;
  database: Database;
  /** Set for commands with the flag "readonly": their look-ups count as hits and misses. */
  countLookups = false;
  /** A script asks: it must not go by an order that a set happens to have. */
  isInScript = false;
  /** Set by CLIENT NO-TOUCH: look-ups leave access times alone. */
  touch = true;

  /** The newest batch any record looked at belongs to; uncommitted ones hold the reply (law 6). */
  saw = 0;
  /** The server's own housekeeping, which must not fail for its size. */
  #isUnbound = false;
  /** Bytes the running unit has written, by estimate; kept up only where there is a limit. */
  unitBytes = 0;
  /**
   * What the unit has counted whole: a collection that it changes again counts by its growth. Not a matter
   * of the open batch, or a unit would be too large or not by what others have just written.
   */
  readonly #counted = new Set<Record | Element>();
  /** How often the unit has waited for a range to be loaded; walks give up when it does not end. */
  loads = 0;
  /** So many elements and keys may still be looked at here; Infinity for a unit that cannot be read elsewhere. */
  readsLeft = Infinity;
  /** Keys that were looked at after their time: the pipeline buries them behind the unit. */
  metDead: { readonly database: Database; readonly key: Bytes }[] = [];

  constructor(parts: { keyspace: Keyspace; stats: Stats; limits: Limits; random: Random }) {
    this.keyspace = parts.keyspace;
    this.stats = parts.stats;
    this.limits = parts.limits;
    this.random = parts.random;
    const [first] = parts.keyspace.databases;
    this.database = first ?? parts.keyspace.system;
  }

  /** What the unit saw may have been its own, and be undone: there is no such batch to wait for. */
  get restsOn(): number {
    return Math.min(this.saw, this.keyspace.lastUncommittedBatch());
  }

  // Reading

  /** The key's record if it exists and has not expired. Throws COLD. */
  find(key: Bytes): Record | null {
    const record = this.peek(key);
    if (record !== null && this.touch) this.#noteAccess(record);
    return record;
  }

  /**
   * As `find`, for who looks at the value and lets the record go: nobody else may ever see it, and what is
   * changed in it would be lost.
   */
  read(key: Bytes): Record | null {
    const found = this.keyspace.recordToRead(this.database.incarnation, key);
    const record = this.#countLookup(key, this.#alive(key, this.#noteSeen(found)));
    if (record !== null && this.touch) this.#noteAccess(record);
    return record;
  }

  /** As `find`, but leaves the access time alone: for TYPE, TTL, EXISTS. */
  peek(key: Bytes): Record | null {
    return this.#countLookup(key, this.inspect(key));
  }

  #countLookup(key: Bytes, record: Record | null): Record | null {
    if (!this.countLookups) return record;
    if (record === null) {
      this.stats.keyspaceMisses++;
      this.notify("keyMiss", "keymiss", key);
    } else {
      this.stats.keyspaceHits++;
    }
    return record;
  }

  /** As `find`, but is no look-up that anybody counts: for OBJECT. */
  inspect(key: Bytes): Record | null {
    return this.#alive(key, this.#lookUp(key));
  }

  #alive(key: Bytes, record: Record): Record | null {
    if (record.kind === ABSENT) return null;
    if (!this.#isExpired(record)) return record;
    if (this.metDead.length < MET_DEAD_MAX) this.metDead.push({ database: this.database, key });
    return null;
  }

  /** The key's record as it is kept, dead or alive: for DEBUG. Throws COLD. */
  exhume(key: Bytes): Record | null {
    const record = this.#lookUp(key);
    return record.kind === ABSENT ? null : record;
  }

  /** Says that so many elements or keys were looked at. Throws LONG_READ. */
  reads(count: number): void {
    this.readsLeft -= count;
    if (this.readsLeft < 0) throw LONG_READ;
  }

  /** Says that so many will be, for who knows it before: it is not counted. Throws LONG_READ. */
  willRead(count: number): void {
    if (count > this.readsLeft) throw LONG_READ;
  }

  /** Before many keys are looked at: throws COLD once for all of them that would wait. */
  want(keys: readonly Bytes[]): void {
    this.keyspace.want(this.database.incarnation, keys);
  }

  /**
   * Before the keys at `from`, `from + step`, ... of `args` are looked at one by one: brings them near.
   * No more than TOUCHED_MAX.
   */
  bringNear(args: readonly Bytes[], from: number, step: number): void {
    const { incarnation } = this.database;
    const end = Math.min(args.length, from + step * TOUCHED_MAX);
    this.reads((end - from) / step);
    if (this.keyspace.isNear(incarnation, args[from] ?? "")) return;
    const keys: Bytes[] = [];
    for (let index = from; index < end; index += step) keys.push(args[index] ?? "");
    if (keys.length > 1) this.keyspace.bringNear(incarnation, keys, step === 1);
  }

  /** As `want`, for elements of several collections. */
  wantElements(wanted: readonly ColdElements[]): void {
    const several: ColdElements[] = [];
    for (const { elements, subkeys } of wanted) {
      const cold = elements.coldAmong(subkeys);
      if (cold.length > 0) several.push({ elements, subkeys: cold });
    }
    if (several.length === 0) return;
    COLD.request = { several };
    throw COLD;
  }

  #lookUp(key: Bytes): Record {
    return this.#noteSeen(this.keyspace.record(this.database.incarnation, key));
  }

  /** For who will not look at the value. */
  #lookUpToReplace(key: Bytes): Record {
    return this.#noteSeen(this.keyspace.recordToReplace(this.database.incarnation, key));
  }

  /** Notes what the reply will rest on: the key's last change, or a flush or swap under way. */
  #noteSeen(record: Record): Record {
    const { database } = this;
    if (record.batch > this.saw) this.saw = record.batch;
    if (database.replacedIn > this.saw) this.saw = database.replacedIn;
    return record;
  }

  #isExpired(record: Record): boolean {
    return record.expiryMs !== 0 && record.expiryMs <= this.nowMs;
  }

  #noteAccess(record: Record): void {
    record.accessedAtSeconds = this.nowSeconds;
    if (!this.limits.countFrequency || record.frequency === 255) return;
    const above = Math.max(0, record.frequency - 5);
    if (this.random.next() < 1 / (above * this.limits.lfuLogFactor + 1)) record.frequency++;
  }

  /** Runs `action` on another database, as MOVE and COPY do. Throws INVALID_DB_INDEX. */
  inDatabase<T>(index: number, action: () => T): T {
    const before = this.database;
    const database = this.keyspace.databases[index];
    if (database === undefined) throw INVALID_DB_INDEX;
    this.database = database;
    try {
      return action();
    } finally {
      this.database = before;
    }
  }

  /** Runs `action` on the server's own keys, which no SELECT shows. */
  inSystem<T>(action: () => T): T {
    const before = this.database;
    this.database = this.keyspace.system;
    try {
      return action();
    } finally {
      this.database = before;
    }
  }

  // Writing

  /** Gives a key new content, whatever it held; `expiryMs` 0 means no expiry. */
  set(key: Bytes, content: { kind: Kind; value: Value; expiryMs: number }): Record {
    const record = this.#lookUpToReplace(key);
    const isNew = this.#noteExpiredBefore(record) || record.kind === ABSENT;
    this.#change(record, content.kind, content.value, content.expiryMs);
    record.changedInPlace = null;
    record.reads = 0;
    record.accessedAtSeconds = this.nowSeconds;
    if (isNew) this.notify("newKey", "new", key);
    return record;
  }

  /** Replaces the value of a record that `find` returned; kind and expiry stay. */
  replace(record: Record, value: Value): void {
    this.#change(record, record.kind, value, record.expiryMs);
    record.changedInPlace = null;
  }

  /** Sets when the key dies; 0 for never. The caller has looked that it is in the future. */
  setExpiry(record: Record, expiryMs: number): void {
    this.#change(record, record.kind, record.value, expiryMs);
  }

  /** Removes a key; false when there was none (or only an expired one, which is removed as such). */
  remove(key: Bytes): boolean {
    const record = this.#lookUpToReplace(key);
    if (record.kind === ABSENT) return false;
    if (this.#isExpired(record)) {
      this.#collect(record);
      return false;
    }
    this.#change(record, ABSENT, null, 0);
    return true;
  }

  /**
   * Removes a key whose time has come, or what has died inside it, at most `itemsMax`: the expirer's
   * only tool. True if more of it is left.
   */
  removeExpired(key: Bytes, itemsMax: number): boolean {
    const record = this.#lookUpToReplace(key);
    const { dueMs } = record;
    if (record.kind === ABSENT || dueMs === 0 || dueMs > this.nowMs) return false;
    if (this.#isExpired(record)) {
      this.#collect(record);
      return false;
    }
    this.#isUnbound = true;
    try {
      return this.collectInside(this, record, itemsMax);
    } finally {
      this.#isUnbound = false;
    }
  }

  /** Removes a key if its time has come: whoever reads it, finds it gone already. */
  bury(key: Bytes): void {
    const record = this.#lookUpToReplace(key);
    if (record.kind !== ABSENT && this.#isExpired(record)) this.#collect(record);
  }

  /** Not bound by `unitBytesMax`: it is nobody's command, and must not fail. */
  #collect(record: Record): void {
    this.#noteExpiredBefore(record);
    this.keyspace.collect(record);
    this.stats.changes++;
  }

  /** Overwriting a key that has expired but was not collected yet: it dies of old age first. */
  #noteExpiredBefore(record: Record): boolean {
    if (record.kind === ABSENT || !this.#isExpired(record)) return false;
    this.stats.expiredKeys++;
    this.notify("expired", "expired", record.key);
    return true;
  }

  #change(record: Record, kind: Kind, value: Value, expiryMs: number): void {
    if (this.#isCounting()) {
      this.#counted.add(record);
      this.#countBytes(KEY_HEADER_SIZE + record.key.length + recordSize(value, expiryMs));
    }
    this.keyspace.change(record, kind, value, expiryMs);
    this.stats.changes++;
  }

  /** A unit begins, or begins again. */
  startCounting(): void {
    this.unitBytes = 0;
    if (this.#counted.size > 0) this.#counted.clear();
  }

  #isCounting(): boolean {
    return this.limits.unitBytesMax !== 0;
  }

  /** Something was changed in place: whole the first time, by its growth from then on. */
  #countGrowth(changed: Record | Element, growth: number, wholeBytes: () => number): void {
    const isKnown = this.#counted.has(changed);
    this.#counted.add(changed);
    this.#countBytes(isKnown ? Math.max(growth, 0) : wholeBytes());
  }

  #countBytes(bytes: number): void {
    this.unitBytes += bytes;
    if (this.limits.unitBytesMax === 0 || this.unitBytes <= this.limits.unitBytesMax) return;
    if (this.#isUnbound) return;
    throw unitTooLarge(this.limits.unitBytesMax);
  }

  /** Runs `action`; what it changes loses nobody his WATCH. Throws what it throws. */
  unwatched<T>(action: () => T): T {
    this.keyspace.isUnwatched = true;
    try {
      return action();
    } finally {
      this.keyspace.isUnwatched = false;
    }
  }

  // Collections. What of it counts as a change (`stats.changes`), the types say.

  /** Keeps a collection that was read as bytes in the form that its type works on. Not a change. */
  unpack(record: Record, value: Value): void {
    this.keyspace.unpack(record, value);
  }

  /**
   * Says that the collection in `record` has just been changed in place: `undo` puts it back exactly,
   * order included; `growth` is by how much its payload has grown, in bytes.
   */
  mutate(record: Record, undo: Undo, growth: number): void {
    this.keyspace.mutate(record, undo, growth);
    if (!this.#isCounting()) return;
    this.#countGrowth(record, growth, () => {
      return KEY_HEADER_SIZE + record.key.length + recordSize(record.value, record.expiryMs);
    });
  }

  /** A place for the elements of a collection that explodes; put them there, then `replace`. */
  newHome(record: Record): Home {
    return this.keyspace.newHome(record);
  }

  /** Sets an element of the collection in `record`; null removes it. */
  setElement(record: Record, element: Element, content: ElementContent): void {
    const bytes = this.keyspace.changeElement(record, element, content);
    if (!this.#isCounting()) return;
    this.#counted.add(element);
    this.#countBytes(bytes);
  }

  /** Keeps an element that was read as bytes in the form that its type works on. Not a change. */
  unpackElement(element: Element, object: ElementObject): void {
    this.keyspace.unpackElement(element, object);
  }

  /**
   * Says that the object in an element of `record` has just been changed in place: `undo` puts it back
   * exactly; `growth` is by how much its payload has grown, in bytes.
   */
  mutateElement(
    record: Record,
    element: Element,
    change: { readonly undo: Undo; readonly growth: number },
  ): void {
    this.keyspace.mutateElement(record, element, change);
    if (!this.#isCounting()) return;
    this.#countGrowth(element, change.growth, () => elementSize(element));
  }

  /**
   * Deletes a range of the elements of the collection in `record`, without a look at them. Until the
   * commit a walk may still meet them: for ranges in which nobody looks any more.
   */
  sweepElements(record: Record, elements: Elements, range: SubkeySpan): void {
    this.#countBytes(this.keyspace.sweepElements(record, elements, range));
  }

  /** Tells `visit` of elements in order of subkey. Throws COLD. */
  walk(elements: Elements, options: WalkOptions, visit: Visit): void {
    const { engine } = this.keyspace;
    walkElements({ engine, elements, loads: this.loads, meter: this }, options, visit);
  }

  /** Before several ranges are walked: throws COLD once for all of them if one would wait. */
  wantRanges(elements: Elements, ranges: readonly WalkOptions[]): void {
    const { engine } = this.keyspace;
    wantRanges({ engine, elements, loads: this.loads }, ranges);
  }

  /**
   * `times` elements of the `count` that there are (at least one), each drawn from all of them; for
   * subkeys that begin with a 32-bit hash. Throws COLD.
   */
  randomElements(elements: Elements, count: number, times: number): FoundElement[] {
    this.reads(times);
    const place = { engine: this.keyspace.engine, elements, loads: this.loads, count };
    return randomElements(place, this.random, times);
  }

  /** As `randomElements`, but different ones; `times` is below `count`, better far below. Throws COLD. */
  randomDistinctElements(elements: Elements, count: number, times: number): FoundElement[] {
    this.reads(times);
    const place = { engine: this.keyspace.engine, elements, loads: this.loads, count };
    return randomDistinctElements(place, this.random, times);
  }

  /**
   * The `times` outermost elements of a range on one side, fewer when there are not so many; better
   * FRONT_TIMES_MAX at most. Throws COLD.
   */
  outermostElements(
    of: { readonly elements: Elements; readonly companions: Companions },
    range: FrontRange,
    times: number,
  ): Outermost[] {
    const { elements, companions } = of;
    const place = { engine: this.keyspace.engine, elements, companions, loads: this.loads };
    return outermostElements(place, range, times);
  }

  /**
   * One of the elements by chance, for who removes it before he asks for the next; `count` is how many
   * there were before the first. For subkeys that begin with a 32-bit hash. Throws COLD.
   */
  drawElement(elements: Elements, count: number): Element {
    const place = { engine: this.keyspace.engine, elements, loads: this.loads, count };
    return drawFromPool(place, this.random);
  }

  /** Says that an element was added that may be drawn; `count` is how many there are now. */
  noteDrawable(element: Element, count: number): void {
    mayJoinPools(element, count, this.random);
  }

  /** Copies the content of `source`, expiry included, to a key of the database in view. Throws COLD. */
  copy(source: Record, key: Bytes): Record {
    const { kind, expiryMs } = source;
    return this.set(key, { kind, value: copyOf(this, source, this.#lookUp(key)), expiryMs });
  }

  /** Whether the content of `source` can go to the database in view as it is: its elements stay. */
  canAdopt(source: Record): boolean {
    const home = homeOf(source.value);
    return home === null || home.incarnationId === this.database.incarnation.id;
  }

  /** Removes a record that was found, as `remove` does. */
  discard(record: Record): void {
    this.#change(record, ABSENT, null, 0);
  }

  /** Empties a key whose content has been given to another one by `set`. */
  leave(record: Record): void {
    this.#countBytes(KEY_HEADER_SIZE + record.key.length + recordSize(null, 0));
    this.keyspace.leave(record);
    this.stats.changes++;
  }

  /** Notes a keyspace event, told after the commit if `notify-keyspace-events` asks for it. */
  notify(eventClass: EventClass, name: string, key: Bytes): void {
    const { notifyMask } = this.limits;
    // Looking up the class by its name is what is left of a call that nobody wants.
    if (notifyMask === 0 || (notifyMask & EVENT_CLASSES[eventClass]) === 0) return;
    const event = { eventClass, name, databaseIndex: this.database.index, key };
    this.afterCommit({ survivesRefusal: false, bytes: 0, happen: () => this.onKeyEvent(event) });
  }

  /** Sends a message once what was written before it is settled; returns how many listen now. */
  publish(space: Space, channel: Bytes, payload: Bytes): number {
    const { audience } = this;
    const receivers = audience.receiverCount(space, channel);
    if (receivers === 0 && !(audience.isRelayed && space === "channel")) return 0;
    this.afterCommit({
      survivesRefusal: false,
      bytes: MESSAGE_OVERHEAD_BYTES + channel.length + payload.length,
      happen: () => audience.announce(space, channel, payload),
    });
    return receivers;
  }

  /** Puts off an effect on the outside until the commit (law 5). */
  afterCommit(effect: Effect): void {
    this.keyspace.addEffect(effect);
  }

  // The whole database

  keyCount(): number {
    this.#sawEverything();
    return this.database.incarnation.keyCount;
  }

  flush(databaseIndexes: readonly number[]): void {
    this.#sawEverything();
    let wasEmpty = true;
    for (const index of databaseIndexes) {
      const database = this.keyspace.databases[index];
      if (database === undefined) continue;
      if (database.incarnation.keyCount > 0) wasEmpty = false;
      this.keyspace.flush(database);
    }
    this.stats.changes++;
    if (!wasEmpty) return;
    // Nothing is written, and yet who keeps copies of what is not there is to forget them.
    this.afterCommit({ survivesRefusal: false, bytes: 0, happen: () => this.onEmptyFlush() });
  }

  /** Throws INVALID_DB_INDEX and COLD. */
  swapDatabases(firstIndex: number, secondIndex: number): void {
    const first = this.keyspace.databases[firstIndex];
    const second = this.keyspace.databases[secondIndex];
    if (first === undefined || second === undefined) throw INVALID_DB_INDEX;
    if (first !== second) {
      const lost = [this.#watchedIn(first, second), this.#watchedIn(second, first)];
      this.keyspace.swap(first, second);
      for (const [at, { watches }] of [first, second].entries()) {
        for (const key of lost[at] ?? []) this.keyspace.touchWatched(watches, key);
      }
    }
    this.stats.changes++;
  }

  /** The keys watched in `database` that are there, or in the other one. Throws COLD. */
  #watchedIn(database: Database, other: Database): Bytes[] {
    const watched = [...(database.watches.keys?.keys() ?? [])];
    return [database, other].flatMap(({ index }) =>
      this.inDatabase(index, () => {
        this.want(watched);
        return watched.filter((key) => this.inspect(key) !== null);
      }),
    );
  }

  /** One step of SCAN; see walk.ts for the guarantee. Throws COLD. */
  scan(cursor: number, countMin: number): walk.ScanStep {
    this.willRead(Math.min(countMin, this.database.incarnation.keyCount));
    this.#sawEverything();
    return walk.scan(this.keyspace, this.#place(), { cursor, countMin });
  }

  /** Every live key. Throws COLD. */
  keys(): Bytes[] {
    this.willRead(this.database.incarnation.keyCount);
    this.#sawEverything();
    return walk.allKeys(this.keyspace, this.#place());
  }

  /** A live key, about evenly at random; null when there is none. Throws COLD. */
  randomKey(): Bytes | null {
    this.#sawEverything();
    return walk.randomKey(this.keyspace, this.#place(), this.random);
  }

  /** Keys of one slot, so many at most. Throws COLD. */
  keysOfSlot(slot: number, countMax: number): Bytes[] {
    this.#sawEverything();
    return walk.keysOfSlot(this.keyspace, this.#place(), { slot, countMax });
  }

  #place(): walk.Place {
    return { incarnation: this.database.incarnation, nowMs: this.nowMs, loads: this.loads };
  }

  #sawEverything(): void {
    this.saw = Math.max(this.saw, this.keyspace.lastUncommittedBatch());
  }
}

function unitTooLarge(bytesMax: number): CommandError {
  const words = `rocksdb.write_options.write_batch_max_bytes is ${bytesMax}`;
  return new CommandError(batchTooLarge(words).text);
}
