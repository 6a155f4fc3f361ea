// Where the elements of an exploded collection live: the disk, and in front of it those that have been
// used lately or are not committed yet. There is one Home a collection, held by the value of its record;
// a record with uncommitted changes is never dropped, and each change of an element marks the record.
//
// The cache follows the keyspace's: two generations, turned when it has turned (`rotations`), noticed at
// the next access. Uncommitted elements stay, so a point read that finds nothing here may ask the disk,
// and a walk lays `uncommitted()` over the disk's entries (element-walk.ts).
//
// An element holds bytes or, for types that change parts of large elements (the nodes of lists and
// streams), an object that is changed in place and encoded once a group (`ElementObject`).

import type { Bytes } from "../base/bytes.ts";
import { KeyTable } from "../base/key-table.ts";
import { elementPrefix, type HomeAddress } from "../encoding/collection.ts";
import { ELEMENTS, ORDER, type Engine } from "../engine/engine.ts";
import { payloadBytes, type Payload } from "../encoding/record.ts";
import { COLD } from "./cold.ts";
import { Fronts } from "./element-front.ts";

/** What the homes need of the keyspace. */
export interface ElementSource {
  readonly engine: Engine;
  readonly rotations: number;
  readonly committedBatch: number;
  cacheBytes: number;
}

/**
 * What an element holds, decoded: a node of a list or of a stream, or whatever is too large to be made
 * anew with each change. Its type puts it in the place of the bytes it was read from
 * (`View.unpackElement`), changes it in place (`View.mutateElement`, with the exact inverse), and may
 * set a new one (`View.setElement`). It is written when the batch closes; nobody else may hold it.
 */
export interface ElementObject extends Payload {
  /** Bytes in memory, by estimate. */
  readonly memoryBytes: number;
}

export type ElementContent = Bytes | ElementObject | null;

/** One element in memory. Only Keyspace changes it. */
export class Element {
  readonly elements: Elements;
  readonly subkey: Bytes;
  /** Null when there is no such element. */
  content: ElementContent;
  /** What the cache counts for the content. */
  memory: number;
  /** The batch that changed it last. */
  batch = 0;
  /** The batch whose list of dirty elements holds it. */
  listedIn = 0;
  /** Whether it is in the list of its Elements. */
  isNoted = false;
  /** Kept only while it has uncommitted changes: nobody asks for it by its subkey (`Elements.passing`). */
  isPassing = false;
  /** Whether the disk (or a batch on its way) has it. */
  stored: boolean;

  constructor(elements: Elements, subkey: Bytes, value: Bytes | null) {
    this.elements = elements;
    this.subkey = subkey;
    this.content = value;
    this.memory = contentMemory(value);
    this.stored = value !== null;
  }

  /** For the table that it stands in. */
  get key(): Bytes {
    return this.subkey;
  }

  /** The content as bytes, null when there is no such element. An object is encoded for it. */
  get value(): Bytes | null {
    const { content } = this;
    if (content === null || typeof content === "string") return content;
    return payloadBytes(content);
  }
}

export function contentMemory(content: ElementContent): number {
  if (content === null) return 0;
  return typeof content === "string" ? content.length : content.memoryBytes;
}

/** What an element costs in memory beside its bytes: object, map entry, two strings. */
export const ELEMENT_OVERHEAD_BYTES = 160;
const PRUNE_AT_MIN = 64;

/** From `lower` on and before `upper`. */
export interface SubkeySpan {
  readonly lower: Bytes;
  readonly upper: Bytes;
}

/** Who may be drawn by chance next: elements in memory, some perhaps gone. */
export interface ElementPool {
  candidates: Element[];
  /** How many cells were read into it last. */
  cells: number;
}

/** One whose candidates stay (element-sample.ts). */
export interface ElementSample extends ElementPool {
  /** So many of the candidates, the first, were drawn. */
  drawn: number;
  drawsLeft: number;
}

function newPool(): ElementPool {
  return { candidates: [], cells: 0 };
}

function newSample(): ElementSample {
  return { ...newPool(), drawn: 0, drawsLeft: 0 };
}

/** The elements of one collection in one store. */
export class Elements {
  readonly home: Home;
  readonly store: typeof ELEMENTS | typeof ORDER;
  readonly prefix: Bytes;
  readonly #source: ElementSource;
  #young = new KeyTable<Element>();
  #old = new KeyTable<Element>();
  #rotation: number;
  /** At least those with uncommitted changes, each once. */
  #dirty: Element[] = [];
  #pruneAt = PRUNE_AT_MIN;
  /** All that the disk has is in memory: so it is with a new collection until the cache drops some. */
  #isComplete: boolean;
  /** What a random choice is drawn from, while it waits for the disk (element-random.ts). */
  pendingSeed: number | null = null;
  #pool = newPool();
  #sample = newSample();
  #fronts: Fronts | null = null;

  constructor(source: ElementSource, home: Home, store: typeof ELEMENTS | typeof ORDER) {
    this.#source = source;
    this.home = home;
    this.store = store;
    this.prefix = elementPrefix(home);
    this.#rotation = source.rotations;
    this.#isComplete = home.createdIn > 0;
  }

  /** The element of a subkey, there or not. Throws COLD. */
  find(subkey: Bytes): Element {
    const cached = this.cached(subkey);
    if (cached !== null) return cached;
    if (this.#holdsAll()) return this.#install(new Element(this, subkey, null));
    const value = this.#source.engine.get(this.store, this.prefix + subkey);
    if (value === undefined) {
      COLD.request = { elements: this, subkeys: [subkey] };
      throw COLD;
    }
    return this.#install(new Element(this, subkey, value));
  }

  /** For who knows already what the element holds, as what he has just met in a walk. */
  known(subkey: Bytes, value: Bytes | null): Element {
    return this.cached(subkey) ?? this.#install(new Element(this, subkey, value));
  }

  /** The same for many, TOUCHED_MAX at most, side by side; `valueAt` tells what the one at an index holds. */
  knownAll(subkeys: readonly Bytes[], valueAt: (index: number) => Bytes): Element[] {
    this.#turnIfDue();
    const found: (Element | undefined)[] = [];
    this.#young.getAll(subkeys, found);
    return subkeys.map((subkey, index) => found[index] ?? this.known(subkey, valueAt(index)));
  }

  /**
   * As `known`, for elements that are only written and walked over, never looked for by their subkey:
   * it leaves the memory once it is committed.
   */
  passing(subkey: Bytes, value: Bytes | null): Element {
    const cached = this.cached(subkey);
    if (cached !== null) return cached;
    const element = this.#install(new Element(this, subkey, value));
    element.isPassing = true;
    return element;
  }

  /** Before many are read one by one: throws COLD once for all of them that would wait. */
  want(subkeys: readonly Bytes[]): void {
    const cold = this.coldAmong(subkeys);
    if (cold.length === 0) return;
    COLD.request = { elements: this, subkeys: cold };
    throw COLD;
  }

  /** Those of these subkeys that would wait for the disk. */
  coldAmong(subkeys: readonly Bytes[]): readonly Bytes[] {
    this.#turnIfDue();
    if (this.#holdsAll()) return [];
    const cold: Bytes[] = [];
    for (const subkey of subkeys) {
      if (this.cached(subkey) !== null) continue;
      const value = this.#source.engine.get(this.store, this.prefix + subkey);
      if (value === undefined) cold.push(subkey);
      else this.#install(new Element(this, subkey, value));
    }
    return cold;
  }

  cached(subkey: Bytes): Element | null {
    this.#turnIfDue();
    const young = this.#young.get(subkey);
    if (young !== undefined) return young;
    const old = this.#old.get(subkey);
    return old === undefined ? null : this.#install(old);
  }

  /** Those in memory that hold something. */
  cachedWithin({ lower, upper }: SubkeySpan): Element[] {
    const found = new Set<Element>();
    for (const table of [this.#young, this.#old]) {
      for (const element of table) {
        const { subkey } = element;
        if (subkey >= lower && subkey < upper && element.content !== null) found.add(element);
      }
    }
    return [...found];
  }

  /** Takes in what was loaded, unless it has been loaded or changed meanwhile. */
  installLoaded(subkey: Bytes, value: Bytes | null): void {
    if (this.cached(subkey) === null) this.#install(new Element(this, subkey, value));
  }

  /** For element-pool.ts. */
  pool(): ElementPool {
    this.#turnIfDue();
    return this.#pool;
  }

  /** For element-sample.ts. */
  sample(): ElementSample {
    this.#turnIfDue();
    return this.#sample;
  }

  /** For element-front.ts. */
  fronts(): Fronts {
    this.#turnIfDue();
    this.#fronts ??= new Fronts();
    return this.#fronts;
  }

  /** For Keyspace: an element that had no content has one now, by a change or by its undo. */
  appeared(element: Element): void {
    if (this.#fronts !== null) this.#fronts.appeared(element);
  }

  #install(element: Element): Element {
    this.#young.set(element);
    const { subkey, memory } = element;
    this.#source.cacheBytes += ELEMENT_OVERHEAD_BYTES + subkey.length + memory;
    return element;
  }

  /** What is not in memory is not there. */
  #holdsAll(): boolean {
    return this.#isComplete || this.isAllUncommitted;
  }

  /** Nothing of the collection is on disk yet: what is not in memory is not there. */
  get isAllUncommitted(): boolean {
    return this.home.createdIn > this.#source.committedBatch;
  }

  /** For Keyspace: the element has got a change. */
  noteDirty(element: Element): void {
    if (element.isNoted) return;
    element.isNoted = true;
    this.#dirty.push(element);
    if (this.#dirty.length < this.#pruneAt) return;
    this.#prune();
    this.#pruneAt = Math.max(PRUNE_AT_MIN, this.#dirty.length * 2);
  }

  #prune(): void {
    const { committedBatch } = this.#source;
    const dirty: Element[] = [];
    for (const element of this.#dirty) {
      element.isNoted = element.batch > committedBatch;
      if (element.isNoted) dirty.push(element);
      else if (element.isPassing) this.#forget(element);
    }
    this.#dirty = dirty;
  }

  #forget(element: Element): void {
    const { subkey, memory } = element;
    // One that was made for its subkey meanwhile stays.
    if (!this.#young.deleteItem(element)) return;
    this.#source.cacheBytes -= ELEMENT_OVERHEAD_BYTES + subkey.length + memory;
  }

  /** Those with uncommitted changes, each once, in no order. */
  uncommitted(): readonly Element[] {
    if (this.#dirty.length > 0) this.#prune();
    return this.#dirty;
  }

  #turnIfDue(): void {
    if (this.#rotation !== this.#source.rotations) this.#rotate();
  }

  #rotate(): void {
    const { rotations } = this.#source;
    if (rotations - this.#rotation > 1 || this.#old.size > 0) this.#isComplete = false;
    this.#old = rotations - this.#rotation === 1 ? this.#young : new KeyTable();
    this.#young = new KeyTable();
    this.#rotation = rotations;
    this.#pool = newPool();
    this.#sample = newSample();
    this.#fronts = null;
    this.#prune();
    for (const element of this.#dirty) {
      // What is taken over is not counted, so it must not be counted out either.
      element.isPassing = false;
      this.#young.set(element);
    }
  }
}

/** Where one exploded collection lives. */
export class Home implements HomeAddress {
  readonly incarnationId: number;
  readonly slot: number;
  readonly id: number;
  /** The batch that made it; 0 for one that was found on disk. */
  readonly createdIn: number;
  /** Whether its collection is deleted: what was changed in it need not be written. */
  isGone = false;
  readonly elements: Elements;
  readonly #source: ElementSource;
  #order: Elements | null = null;

  constructor(source: ElementSource, address: HomeAddress, createdIn: number) {
    this.incarnationId = address.incarnationId;
    this.slot = address.slot;
    this.id = address.id;
    this.createdIn = createdIn;
    this.#source = source;
    this.elements = new Elements(source, this, ELEMENTS);
  }

  /** The second order, for the types that have one. */
  get order(): Elements {
    this.#order ??= new Elements(this.#source, this, ORDER);
    return this.#order;
  }
}
