// The keyspace: every database's keys as the running commands see them, that is, what is committed
// plus what the open batch and the batches on their way have changed.
//
// The problem. Commands run one after the other, at once, over state of which the newest part is not
// on disk yet and may still be refused; one command, a script, a whole batch must be able to vanish
// without trace; and a key changed a hundred times within a batch should be written once.
//
// The way. Decoded records live in a cache; a record that has uncommitted changes is never dropped.
// So point reads look here first and never need to look into a batch. Each change pushes its inverse on
// the undo log of the open batch: a failing command rolls back to its mark, a refused batch reverts
// its whole log, newest batch first. The bytes of a batch are made when it closes, each dirty record
// once, and only if its last change is still standing.
//
// Invariants
//   - record.batch > committedBatch  <=>  the record has uncommitted changes
//   - the records changed by an unsettled batch are in that batch's list, whatever the cache drops
//   - keyCount = keys on disk + effect of the unsettled batches
//   - element.batch <= record.batch of its collection, so a record speaks for its elements
//
// Collections are changed in place: the type that does so hands over the inverse (`mutate`). Elements of
// exploded ones are listed, written and undone like records (home.ts).
//
// Rejected: RocksDB's indexed batch as the place of uncommitted state. It costs a native call and an
// index insert per change, cannot hold decoded objects, and needs each change encoded.
//
// The cache is two generations of tables: what is used moves to the young one; when that is full it
// becomes the old one and the former old one is dropped whole. No list to maintain per access.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { KeyTable } from "../base/key-table.ts";
import { hashOfKey, KEY_HEADER_SIZE, slotOfKey } from "../encoding/key.ts";
import * as meta from "../encoding/meta.ts";
import { ABSENT, readRecord, recordSize, STRING } from "../encoding/record.ts";
import type { Kind } from "../encoding/record.ts";
import type { Engine } from "../engine/engine.ts";
import type { WriteOps } from "../engine/write-ops.ts";
import {
  earliestOf,
  revertDownTo,
  storedState,
  undoClosed,
  type ClosedBatch,
  type Effect,
  type StoredState,
} from "./closed-batch.ts";
import { COLD, throwCold } from "./cold.ts";
import {
  applyKind,
  countAs,
  elementSize,
  countElement,
  countRecord,
  ElementMutationUndo,
  ElementUndo,
  MutationUndo,
  RecordUndo,
} from "./changes.ts";
import { newDatabase, type Database } from "./database.ts";
import { encodeCounts, encodeElement, encodeRecord, encodeSlots } from "./encode.ts";
import {
  Home,
  type Element,
  type ElementContent,
  type ElementObject,
  type Elements,
  type ElementSource,
  type SubkeySpan,
} from "./home.ts";
import { Housekeeping, type Sweep } from "./housekeeping.ts";
import { Incarnation } from "./incarnation.ts";
import { NearRecords } from "./near.ts";
import { RecentWrites } from "./recent-writes.ts";
import { Record, RECORD_OVERHEAD_BYTES } from "./record.ts";
import { RestingOn } from "./resting.ts";
import type { RowKey } from "./row-cache.ts";
import { StoredRecords, type Part } from "./stored.ts";
import { TOUCHED_AT_ONCE, touchElements, touchRecords, touchWhole } from "./touch.ts";
import type { Undo } from "./undo.ts";
import { homeOf, memoryOf, type Value } from "./value.ts";
import type { Watches } from "./watches.ts";
import { WrittenStrings } from "./written-strings.ts";

export type { ClosedBatch, Effect } from "./closed-batch.ts";
export type { Database } from "./database.ts";

/** Where a unit of work began, to roll back to. */
export interface Mark {
  readonly undoLength: number;
  readonly effectCount: number;
  readonly bytes: number;
}

/** What a sweep is taken to add to a batch. */
const SWEEP_BYTES = 64;

/** What was read of a key; null when there is none. */
export interface LoadedBytes {
  readonly bytes: Bytes | null;
  /** The batch that was the last committed one when the reading began. */
  readonly asOf: number;
}

export interface KeyspaceOptions {
  readonly databaseCount: number;
  /** Bytes that cached records may take, by the estimate of RECORD_OVERHEAD_BYTES. */
  readonly cacheBytesMax: number;
  /** Bytes that rows may take beside them (row-cache.ts); 0 for none. */
  readonly rowBytesMax?: number;
}

export class Keyspace implements ElementSource {
  readonly engine: Engine;
  readonly databases: readonly Database[];
  /** Kept for the server itself: ONCE tokens and what else must not be seen by SELECT. */
  readonly system: Database;
  cacheBytesMax: number;
  /** Turned over this often; a load that began two turns ago may be stale. */
  rotations = 0;
  cacheBytes = 0;

  openBatch = 1;
  committedBatch = 0;
  /** Estimate of the bytes that the open batch will write. */
  openBytes = 0;
  /**
   * The earliest expiry that came to be found in the index since the expirer last asked, by a commit
   * or because its removal was undone; Infinity for none.
   */
  earliestDueMs = Infinity;
  #undoLog: Undo[] = [];
  #effects: Effect[] = [];
  #dirty: Record[] = [];
  #dirtyElements: Element[] = [];
  /** Closed and neither committed nor undone, oldest first. */
  readonly #unsettled: ClosedBatch[] = [];
  #touchedIncarnations = new Set<Incarnation>();
  readonly #housekeeping: Housekeeping;
  /** Databases that are configured away keep their incarnations, for when they come back. */
  readonly #beyond: readonly number[];
  /** Told of every change, also of those that are undone later; null while nobody wants to know. */
  onChange: ((record: Record) => void) | null = null;
  /** Set while changes are made that no WATCH is lost by. */
  isUnwatched = false;
  /** How often batches were undone: whether what was written since some moment still stands. */
  undoCount = 0;
  readonly resting = new RestingOn();
  readonly #near = new NearRecords();
  readonly stored: StoredRecords;
  readonly #recent = new RecentWrites();
  readonly #written = new WrittenStrings(this.openBatch);
  /** Says nothing (touch.ts). */
  touched = 0;

  constructor(engine: Engine, stored: meta.Catalog, options: KeyspaceOptions) {
    this.engine = engine;
    this.stored = new StoredRecords(engine, this, options.rowBytesMax ?? 0);
    this.cacheBytesMax = options.cacheBytesMax;
    this.#housekeeping = new Housekeeping(stored.nextIncarnationId);
    this.system = newDatabase(-1, new Incarnation(meta.SYSTEM_INCARNATION_ID, this.#written));
    const databases: Database[] = [];
    for (let index = 0; index < options.databaseCount; index++) {
      databases.push(newDatabase(index, this.#incarnationFor(stored, index)));
    }
    this.databases = databases;
    this.#beyond = stored.incarnationIds.slice(options.databaseCount);
  }

  #incarnationFor(stored: meta.Catalog, index: number): Incarnation {
    const id = stored.incarnationIds[index];
    if (id !== undefined) return new Incarnation(id, this.#written);
    this.#housekeeping.catalogChanged = true;
    return this.#newIncarnation();
  }

  #newIncarnation(): Incarnation {
    return new Incarnation(this.#housekeeping.nextIncarnationId++, this.#written);
  }

  /** At the start: no collection on disk has an id from `next` on. */
  continueCollectionIds(next: number): void {
    this.#housekeeping.continueCollectionIds(next);
  }

  // Looking up

  /** The record of a key, from the cache or from disk; throws COLD when that would wait. */
  record(incarnation: Incarnation, key: Bytes): Record {
    const cached = this.#cached(incarnation, key);
    if (cached !== undefined) return this.#whole(cached);
    return this.#fromStore(incarnation, key, "whole") ?? throwCold(incarnation, key);
  }

  #whole(record: Record): Record {
    const { isAway, incarnation, key } = record;
    if (isAway && !this.#bringBack(record)) return throwCold(incarnation, key);
    if (record.reads === 0) record.reads = 1;
    return record;
  }

  /** As `record`, for who will not look at its value: the string may be away. */
  recordToReplace(incarnation: Incarnation, key: Bytes): Record {
    const cached = this.#cached(incarnation, key);
    return cached ?? this.#fromStore(incarnation, key, "head") ?? throwCold(incarnation, key);
  }

  /** As `record`, for who looks at it and lets it go: it may be one that nobody else will find. */
  recordToRead(incarnation: Incarnation, key: Bytes): Record {
    const cached = this.#cached(incarnation, key);
    if (cached !== undefined) return this.#recent.lend(cached) ? cached : this.#whole(cached);
    const record = this.stored.find(incarnation, key, "whole") ?? throwCold(incarnation, key);
    const passes = this.rotations > 0 && record.kind <= STRING && !this.stored.wasAsked(record);
    return passes ? record : this.#install(record);
  }

  #cached(incarnation: Incarnation, key: Bytes): Record | undefined {
    const young = this.#near.take(incarnation, key) ?? incarnation.young.get(key);
    if (young !== undefined) {
      if (young.isPassing) young.isPassing = false;
      return young;
    }
    const old = incarnation.old.get(key);
    if (old === undefined) return undefined;
    old.isPassing = false;
    incarnation.young.set(old);
    this.cacheBytes += recordCost(old);
    return old;
  }

  /**
   * Brings the records of `keys` near, as far as they are in memory: who looks them up next, one by
   * one, does not wait for the memory of each. No more than TOUCHED_MAX of them. `withValues`: also the strings in them.
   */
  bringNear(incarnation: Incarnation, keys: readonly Bytes[], withValues: boolean): void {
    this.#near.bring(incarnation, keys, this.stored.rows);
    if (withValues) this.#near.bringValues(this.#recent);
  }

  /** Whether `key` and those that were announced with it have been brought near and are next. */
  isNear(incarnation: Incarnation, key: Bytes): boolean {
    return this.#near.isNext(incarnation, key);
  }

  /** Null when that would wait. */
  #fromStore(incarnation: Incarnation, key: Bytes, part: Part): Record | null {
    const record = this.stored.find(incarnation, key, part);
    if (record === null) return null;
    // As long as the cache has not been full, all are worth keeping.
    if (this.rotations > 0) record.isPassing = !this.stored.wasAsked(record);
    return this.#install(record);
  }

  /** Before many keys are looked at one by one: throws COLD once for all of them that would wait. */
  want(incarnation: Incarnation, keys: readonly Bytes[]): void {
    const cold = keys.filter((key) => !this.#isHere(incarnation, key));
    if (cold.length === 0) return;
    COLD.request = { incarnation, keys: cold };
    throw COLD;
  }

  #isHere(incarnation: Incarnation, key: Bytes): boolean {
    const cached = cachedIn(incarnation, key);
    if (cached === undefined) return this.#fromStore(incarnation, key, "whole") !== null;
    return !cached.isAway || this.#bringBack(cached);
  }

  isCached(incarnation: Incarnation, key: Bytes): boolean {
    const cached = cachedIn(incarnation, key);
    return cached !== undefined && !cached.isAway;
  }

  /** Takes in what `load` brought, unless the key has meanwhile been loaded or changed. */
  installLoaded(incarnation: Incarnation, key: Bytes, loaded: LoadedBytes): void {
    const { bytes, asOf } = loaded;
    const cached = cachedIn(incarnation, key);
    if (cached === undefined) {
      const record = new Record(key, incarnation, slotOfKey(key), hashOfKey(key));
      this.stored.take(record, bytes);
      this.#install(record);
    } else if (cached.isAway && cached.writtenIn <= asOf) {
      this.#putBack(cached, bytes);
    }
  }

  /** Keeps the bytes of a key that have just been read; a record, if there is one, may know better. */
  keepRow(row: RowKey & { readonly incarnation: Incarnation }, bytes: Bytes): void {
    if (cachedIn(row.incarnation, row.key) === undefined) this.stored.rows.add(row, bytes);
  }

  /** False when that would wait. */
  #bringBack(record: Record): boolean {
    const recent = this.#recent.read(record);
    if (recent !== null) {
      this.unpack(record, recent);
      return true;
    }
    const bytes = this.stored.bytesOf(record);
    if (bytes === undefined) return false;
    this.#putBack(record, bytes);
    return true;
  }

  #putBack(record: Record, bytes: Bytes | null): void {
    assert(bytes !== null, "a string that is away is on disk");
    const { kind, value } = readRecord(bytes);
    assert(kind === STRING, "a string that is away is still one");
    record.value = value;
    countRecord(this, record);
  }

  #install(record: Record): Record {
    record.memory = memoryOf(record.value);
    record.incarnation.young.set(record);
    this.cacheBytes += recordCost(record);
    return record;
  }

  /** Puts the same content in another form: what `record.value` held, decoded. Not a change. */
  unpack(record: Record, value: Value): void {
    record.value = value;
    countRecord(this, record);
  }

  // Changing

  /** Gives a record new content; the elements of a collection that goes are deleted with it. */
  change(record: Record, kind: Kind, value: Value, expiryMs: number): void {
    const homeBefore = record.home;
    if (homeBefore !== null && homeBefore !== homeOf(value)) this.#deleteElements(homeBefore);
    this.#apply(record, kind, value, expiryMs);
    this.#noteChange(record);
  }

  /** Removes what has died of age: for who watches the key nothing changes, it was gone before. */
  collect(record: Record): void {
    const { home } = record;
    if (home !== null) this.#deleteElements(home);
    this.#apply(record, ABSENT, null, 0);
  }

  /** Empties a record whose content another record has got. */
  leave(record: Record): void {
    this.#apply(record, ABSENT, null, 0);
    this.#noteChange(record);
  }

  #noteChange(record: Record): void {
    const { incarnation } = record;
    if (incarnation.watches.keys !== null && !this.isUnwatched) {
      this.touchWatched(incarnation.watches, record.key);
    }
    if (this.onChange !== null) this.onChange(record);
  }

  #apply(record: Record, kind: Kind, value: Value, expiryMs: number): void {
    this.#undoLog.push(new RecordUndo(record));
    applyKind(record, kind, expiryMs);
    record.batch = this.openBatch;
    record.writtenIn = this.openBatch;
    if (kind === STRING && typeof value === "string") record.write(value);
    else record.value = value;
    countAs(this, record, memoryOf(value));
    this.#list(record);
    this.#touchedIncarnations.add(record.incarnation);
    this.openBytes += KEY_HEADER_SIZE + record.key.length + recordSize(value, expiryMs);
  }

  /**
   * The collection in `record` has just been changed in place; `undo` puts it back exactly. The
   * payload has grown by `growth` bytes.
   */
  mutate(record: Record, undo: Undo, growth: number): void {
    this.#undoLog.push(new MutationUndo(record, undo));
    countRecord(this, record);
    let bytes = Math.max(growth, 0);
    if (record.writtenIn !== this.openBatch) {
      bytes += KEY_HEADER_SIZE + record.key.length + recordSize(record.value, record.expiryMs);
    }
    record.batch = this.openBatch;
    record.writtenIn = this.openBatch;
    this.#list(record);
    this.#noteChange(record);
    this.openBytes += bytes;
  }

  /** Gives an element of the collection in `record` new content, null for none. Returns as `sweepElements`. */
  changeElement(record: Record, element: Element, content: ElementContent): number {
    this.#undoLog.push(new ElementUndo(record, element));
    const isNew = element.content === null && content !== null;
    element.content = content;
    if (isNew) element.elements.appeared(element);
    countElement(this, element);
    this.#noteElement(record, element);
    const bytes = elementSize(element);
    this.openBytes += bytes;
    return bytes;
  }

  /**
   * The object in `element` has just been changed in place; `undo` puts it back exactly. Its payload
   * has grown by `growth` bytes.
   */
  mutateElement(
    record: Record,
    element: Element,
    change: { readonly undo: Undo; readonly growth: number },
  ): void {
    const { undo, growth } = change;
    this.#undoLog.push(new ElementMutationUndo(record, element, undo));
    countElement(this, element);
    let bytes = Math.max(growth, 0);
    if (element.batch !== this.openBatch) {
      bytes += elementSize(element);
    }
    this.#noteElement(record, element);
    this.openBytes += bytes;
  }

  #noteElement(record: Record, element: Element): void {
    element.batch = this.openBatch;
    if (element.listedIn !== this.openBatch) {
      element.listedIn = this.openBatch;
      this.#dirtyElements.push(element);
    }
    element.elements.noteDirty(element);
    record.batch = this.openBatch;
    this.#list(record);
    this.#noteChange(record);
  }

  /** Puts the same content in another form: the bytes that `element` held, decoded. Not a change. */
  unpackElement(element: Element, object: ElementObject): void {
    element.content = object;
    countElement(this, element);
  }

  /** The record has changed, itself or an element of it. */
  #list(record: Record): void {
    if (record.listedIn !== this.openBatch) {
      record.listedIn = this.openBatch;
      this.#dirty.push(record);
    }
  }

  /** A place for the elements of a collection that explodes; `record` will hold it. */
  newHome(record: Record): Home {
    const id = this.#housekeeping.takeCollectionId();
    const { incarnation, slot } = record;
    return new Home(this, { incarnationId: incarnation.id, slot, id }, this.openBatch);
  }

  #deleteElements(home: Home): void {
    this.#undoLog.push(this.#housekeeping.deleteElements(home));
    this.openBytes += SWEEP_BYTES;
  }

  /** Whoever watches the key is to lose by it. */
  touchWatched(watches: Watches, key: Bytes): void {
    const undo = watches.touch(key);
    if (undo !== null) this.#undoLog.push(undo);
  }

  /** Gives a database a fresh incarnation; the old one's keys are collected later. */
  flush(database: Database): void {
    if (database.incarnation.keyCount === 0) return;
    const undo = this.#housekeeping.drop(database.incarnation);
    this.#undoLog.push({
      revert: (cache) => {
        undo.revert(cache);
        // The expirer took its keys for the collector's, and may have passed any of them.
        this.earliestDueMs = 0;
      },
    });
    this.#replaceIncarnation(database, this.#newIncarnation());
  }

  swap(first: Database, second: Database): void {
    const { incarnation } = first;
    this.#replaceIncarnation(first, second.incarnation);
    this.#replaceIncarnation(second, incarnation);
  }

  #replaceIncarnation(database: Database, next: Incarnation): void {
    const before = database.incarnation;
    const replacedInBefore = database.replacedIn;
    const catalogChangedBefore = this.#housekeeping.catalogChanged;
    this.#undoLog.push({
      revert: () => {
        before.watches = database.watches;
        database.incarnation = before;
        database.replacedIn = replacedInBefore;
        // The batch that carried the catalog may be gone: say it again.
        this.#housekeeping.catalogChanged = catalogChangedBefore || this.#unsettled.length > 0;
      },
    });
    next.watches = database.watches;
    database.incarnation = next;
    database.replacedIn = this.openBatch;
    this.#housekeeping.catalogChanged = true;
    this.openBytes += 64;
  }

  /** Deletes a range of the store itself (or one key, `to` null) that holds no live record. */
  sweep(sweep: Sweep): void {
    this.#undoLog.push(this.#housekeeping.sweep(sweep));
    this.openBytes += SWEEP_BYTES;
  }

  /**
   * Deletes a range of the elements of the collection in `record`, without a look at them. Until the
   * commit the disk still has them: for ranges in which nobody looks any more. Returns the bytes that
   * this adds to the batch, by estimate.
   */
  sweepElements(record: Record, elements: Elements, range: SubkeySpan): number {
    for (const element of elements.cachedWithin(range)) this.changeElement(record, element, null);
    const { prefix, store } = elements;
    const sweep = { store, from: prefix + range.lower, to: prefix + range.upper };
    const undo = this.#housekeeping.sweepElements(sweep);
    const { batch } = record;
    this.#undoLog.push({
      revert(cache) {
        undo.revert(cache);
        record.batch = batch;
      },
    });
    record.batch = this.openBatch;
    this.#list(record);
    this.#noteChange(record);
    this.openBytes += SWEEP_BYTES;
    return SWEEP_BYTES;
  }

  /** Something outside to be done when the open batch commits. */
  addEffect(effect: Effect): void {
    this.openBytes += effect.bytes;
    this.#effects.push(effect);
  }

  // Units of work

  mark(): Mark {
    return {
      undoLength: this.#undoLog.length,
      effectCount: this.#effects.length,
      bytes: this.openBytes,
    };
  }

  /** Whether anything was changed since `mark`. */
  changedSince(mark: Mark): boolean {
    return this.#undoLog.length > mark.undoLength;
  }

  /** Whether an effect was added since `mark`. */
  hasEffectsSince(mark: Mark): boolean {
    return this.#effects.length > mark.effectCount;
  }

  rollbackTo(mark: Mark): void {
    revertDownTo(this, this.#undoLog, mark.undoLength);
    this.#effects.length = mark.effectCount;
    this.openBytes = mark.bytes;
  }

  /** Takes the effects added since `mark` out again, for a unit that turned out not to write. */
  takeEffectsSince(mark: Mark): Effect[] {
    this.openBytes = mark.bytes;
    return this.#effects.splice(mark.effectCount);
  }

  // Batches

  get openIsEmpty(): boolean {
    return this.#undoLog.length === 0 && this.#effects.length === 0;
  }

  /** The newest batch with changes that is not committed; 0 when everything is. */
  lastUncommittedBatch(): number {
    if (this.#undoLog.length > 0) return this.openBatch;
    return this.#unsettled.at(-1)?.number ?? 0;
  }

  isUncommitted(record: Record): boolean {
    return record.batch > this.committedBatch;
  }

  /** Every record with uncommitted changes, for walks that merge them with the disk. */
  *uncommittedRecords(): Generator<Record> {
    const seen = new Set<Record>();
    for (const list of [...this.#unsettled.map((closed) => closed.records), this.#dirty]) {
      for (const record of list) {
        if (!this.isUncommitted(record) || seen.has(record)) continue;
        seen.add(record);
        yield record;
      }
    }
  }

  /** Makes the bytes of the open batch, closes it and opens the next. */
  close(ops: WriteOps): ClosedBatch {
    const number = this.openBatch;
    const recordFacts = this.#encodeRecords(ops);
    const elements = this.#encodeElements(ops);
    const chunks: { incarnation: Incarnation; index: number }[] = [];
    const countsOf: Incarnation[] = [];
    for (const incarnation of this.#touchedIncarnations) {
      for (const index of incarnation.dirtyChunks) chunks.push({ incarnation, index });
      encodeSlots(ops, incarnation);
      if (encodeCounts(ops, incarnation)) countsOf.push(incarnation);
    }
    this.#housekeeping.encode(ops, number, () => this.#catalog());
    const { undoLog, effects } = { undoLog: this.#undoLog, effects: this.#effects };
    const facts = { ...recordFacts, ...elements, chunks, countsOf };
    const closed = { number, undoLog, effects, ...facts };
    this.#unsettled.push(closed);
    this.#beginNext();
    return closed;
  }

  #encodeRecords(
    ops: WriteOps,
  ): Pick<ClosedBatch, "records" | "before" | "sizesAt" | "earliestDueMs"> {
    const number = this.openBatch;
    const dirty = this.#dirty;
    const records: Record[] = [];
    const before: StoredState[] = [];
    const sizesAt: number[] = [];
    let earliestDueMs = Infinity;
    for (let index = 0; index < dirty.length; index++) {
      if (index % TOUCHED_AT_ONCE === 0) this.touched ^= touchWhole(dirty, index);
      const record = dirty[index];
      if (record?.batch !== number) continue;
      records.push(record);
      before.push(storedState(record));
      sizesAt.push(record.writtenIn === number ? encodeRecord(ops, record) : 0);
      const { dueMs } = record;
      if (dueMs !== 0 && dueMs < earliestDueMs) earliestDueMs = dueMs;
    }
    return { records, before, sizesAt, earliestDueMs };
  }

  #encodeElements(ops: WriteOps): Pick<ClosedBatch, "elements" | "elementsStored"> {
    const elements: Element[] = [];
    const elementsStored: boolean[] = [];
    this.#housekeeping.encodeElementSweeps(ops);
    const dirty = this.#dirtyElements;
    for (let index = 0; index < dirty.length; index++) {
      if (index % TOUCHED_AT_ONCE === 0) this.touched ^= touchElements(dirty, index);
      const element = dirty[index];
      if (element?.batch !== this.openBatch || element.elements.home.isGone) continue;
      elements.push(element);
      elementsStored.push(element.stored);
      encodeElement(ops, element);
    }
    return { elements, elementsStored };
  }

  #beginNext(): void {
    this.#undoLog = [];
    this.#effects = [];
    this.#dirty = [];
    this.#dirtyElements = [];
    this.#touchedIncarnations = new Set();
    this.#housekeeping.beginNext();
    this.openBytes = 0;
    this.openBatch++;
    this.#written.close(this.openBatch);
  }

  #catalog(): meta.Catalog {
    return {
      nextIncarnationId: this.#housekeeping.nextIncarnationId,
      incarnationIds: [
        ...this.databases.map((database) => database.incarnation.id),
        ...this.#beyond,
      ],
    };
  }

  /** The oldest unsettled batch, whose bytes are `ops`, is on disk. */
  committed(closed: ClosedBatch, ops: WriteOps): void {
    assert(this.#unsettled[0] === closed, "batches commit in order");
    this.#unsettled.shift();
    this.committedBatch = closed.number;
    const { number, records, sizesAt } = closed;
    this.#recent.begin(ops, this.cacheBytesMax);
    for (let index = 0; index < records.length; index++) {
      if (index % TOUCHED_AT_ONCE === 0) this.touched ^= touchRecords(records, index);
      const record = records[index];
      if (record === undefined) continue;
      // What a later batch has changed may be put back to this one's.
      if (record.batch !== number) this.stored.forget(record);
      else this.#settled(record);
      if (record.writtenIn !== number) continue;
      if (!this.#recent.takes(record, sizesAt[index] ?? 0)) record.keep();
      else countAs(this, record, 0);
    }
    this.#written.settled(number);
    this.resting.committed(closed.number);
    this.earliestDueMs = Math.min(this.earliestDueMs, closed.earliestDueMs);
  }

  /** All that a record says is committed. Between units nobody holds it who would change it. */
  #settled(record: Record): void {
    const { isPassing } = record;
    if (isPassing || record.hasRow) this.stored.write(record);
    if (!isPassing) return;
    record.isPassing = false;
    if (record.kind > STRING || this.stored.readers > 0) return;
    if (!record.incarnation.young.deleteItem(record)) return;
    this.cacheBytes = Math.max(0, this.cacheBytes - recordCost(record));
    this.#near.forget();
  }

  /**
   * Takes back the open batch and every unsettled one, newest first. Returns the effects that do not
   * speak of the undone writes, in order: they still have to happen.
   */
  undoAll(): Effect[] {
    this.undoCount++;
    this.resting.undone();
    const effects = [...this.#unsettled.flatMap((closed) => closed.effects), ...this.#effects];
    revertDownTo(this, this.#undoLog, 0);
    for (let index = this.#unsettled.length - 1; index >= 0; index--) {
      const closed = this.#unsettled[index];
      assert(closed !== undefined);
      undoClosed(this, closed);
      this.#noteExpiries(closed.records);
    }
    this.#noteExpiries(this.#dirty);
    const housekeeping = this.#housekeeping;
    const catalogMayDiffer = this.#unsettled.length > 0 || housekeeping.catalogChanged;
    this.#unsettled.length = 0;
    // Numbers are not used twice: what was tagged with an undone batch must not look committed later.
    this.committedBatch = this.openBatch;
    this.#beginNext();
    this.#written.undone(this.openBatch);
    housekeeping.catalogChanged = catalogMayDiffer;
    housekeeping.undone();
    return effects.filter((effect) => effect.survivesRefusal);
  }

  /** The expirer may have passed what it took for removed. */
  #noteExpiries(records: readonly Record[]): void {
    this.earliestDueMs = Math.min(this.earliestDueMs, earliestOf(records));
  }

  /**
   * Drops the older generation of records once the young one is full. Only between units: a unit
   * may hold records, and a second one of the same key would then lose what is written to the first.
   */
  trimCache(): void {
    this.#written.takeBack();
    const bytesMax = this.cacheBytesMax - this.#recent.capacityOf(this.cacheBytesMax);
    if (this.cacheBytes > bytesMax / 2) this.#rotate();
  }

  /** Forgets every record without uncommitted changes. Only between units. */
  dropCache(): void {
    this.stored.rows.clear();
    this.#rotate();
    this.#rotate();
  }

  #rotate(): void {
    this.#near.forget();
    const pinned = [...this.uncommittedRecords()];
    for (const { incarnation } of [...this.databases, this.system]) {
      incarnation.old = incarnation.young;
      incarnation.young = new KeyTable();
    }
    for (const record of pinned) record.incarnation.young.set(record);
    this.rotations++;
    // Uncommitted records are not counted: while many wait for a stall to end, each unit would rotate.
    this.cacheBytes = 0;
  }
}

function cachedIn({ young, old }: Incarnation, key: Bytes): Record | undefined {
  return young.get(key) ?? old.get(key);
}

function recordCost(record: Record): number {
  return RECORD_OVERHEAD_BYTES + record.key.length + record.memory;
}
