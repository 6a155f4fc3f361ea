// What is in memory, by its key: the map behind every point read. V8's Map costs a third more where its
// entries are no longer in the processor's caches, holds 16 million at most, and grows by making all of
// itself anew, which stops the event loop.
//
// Open addressing with linear probing. Beside each item stands the hash of its key, so that a search
// looks at a key only where that agrees; 0 stands for a free place. A removal moves those behind it
// forward, so that no place is kept for what is gone. Past PART_MAX items the table is cut into PARTS by
// the highest bits of the hash, each of which grows for itself.
//
// The hash begins with a number that the server draws at its start: who knows it could choose keys that
// all have one hash, and a search would go through them one by one.

import { AssertionFailed } from "./assert.ts";
import type { Bytes } from "./bytes.ts";

export interface Keyed {
  readonly key: Bytes;
}

const PART_MAX = 1 << 14;
const PARTS = 256;
const CAPACITY_MIN = 8;
/** So many keys are looked up at once: what they bring near stays in the first cache until it is used. */
export const TOUCHED_MAX = 64;
const hashesSought = new Int32Array(TOUCHED_MAX);

let seed = 0x811c9dc5;

/** Before the first table is filled. */
export function seedKeyTables(drawn: number): void {
  seed = drawn | 0;
}

/** FNV-1a with a final mix; never 0. */
function hashOf(key: Bytes): number {
  let hash = seed;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash === 0 ? 1 : hash;
}

class Part<T> {
  /** As many as a power of two. */
  hashes: Int32Array;
  items: (T | undefined)[];
  size = 0;

  constructor(capacity: number) {
    this.hashes = new Int32Array(capacity);
    this.items = Array.from<T | undefined>({ length: capacity });
  }

  hasRoom(): boolean {
    return (this.size + 1) * 3 <= this.hashes.length * 2;
  }

  /** Where there is none with this key, and there is room. */
  add(hash: number, item: T): void {
    const { hashes } = this;
    const mask = hashes.length - 1;
    let at = hash & mask;
    while (hashes[at] !== 0) at = (at + 1) & mask;
    hashes[at] = hash;
    this.items[at] = item;
    this.size++;
  }

  /** Frees a place and moves those that had to pass it forward. */
  free(place: number): void {
    const { hashes, items } = this;
    const mask = hashes.length - 1;
    let gap = place;
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const hash = hashes[at] ?? 0;
      if (hash === 0) break;
      // Its search begins behind the gap: it may stay.
      if (((at - hash) & mask) < ((at - gap) & mask)) continue;
      hashes[gap] = hash;
      items[gap] = items[at];
      gap = at;
    }
    hashes[gap] = 0;
    items[gap] = undefined;
    this.size--;
  }
}

export class KeyTable<T extends Keyed> {
  /** A single one with no places at first: many tables stay empty. */
  #parts: Part<T>[] = [new Part<T>(1)];
  /** One less than there are parts. */
  #partMask = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: Bytes): T | undefined {
    if (this.#size === 0) return undefined;
    const hash = hashOf(key);
    const { hashes, items } = this.#partOf(hash);
    const mask = hashes.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const found = hashes[at];
      if (found === 0) return undefined;
      if (found !== hash) continue;
      const item = items[at];
      if (item !== undefined && item.key === key) return item;
    }
  }

  /**
   * Looks up many keys, TOUCHED_MAX at most, into the beginning of `found`: the memory that one look-up waits for comes
   * while the next is begun, where one after the other would wait for each. What it returns says nothing; a
   * look whose outcome nobody takes would be left out.
   */
  getAll(keys: readonly Bytes[], found: (T | undefined)[]): number {
    const count = Math.min(keys.length, TOUCHED_MAX);
    let near = 0;
    for (let index = 0; index < count; index++) {
      const hash = hashOf(keys[index] ?? "");
      hashesSought[index] = hash;
      const { hashes } = this.#partOf(hash);
      near ^= hashes[hash & (hashes.length - 1)] ?? 0;
    }
    for (let index = 0; index < count; index++) {
      const hash = hashesSought[index] ?? 0;
      const { hashes, items } = this.#partOf(hash);
      const mask = hashes.length - 1;
      let at = hash & mask;
      while (hashes[at] !== hash && hashes[at] !== 0) at = (at + 1) & mask;
      found[index] = items[at];
    }
    for (let index = 0; index < count; index++) near ^= found[index]?.key.length ?? 0;
    for (let index = 0; index < count; index++) {
      const key = keys[index] ?? "";
      const item = found[index];
      if (item === undefined || item.key !== key) found[index] = this.get(key);
    }
    return near;
  }

  has(key: Bytes): boolean {
    return this.get(key) !== undefined;
  }

  /** Takes the place of the item that has the same key. */
  set(item: T): void {
    const { key } = item;
    const hash = hashOf(key);
    const part = this.#partOf(hash);
    const at = placeOf(part, hash, key);
    if (at >= 0) {
      part.items[at] = item;
      return;
    }
    this.#add(hash, item);
    this.#size++;
  }

  /** Whether there was such an item. */
  delete(key: Bytes): boolean {
    const hash = hashOf(key);
    const part = this.#partOf(hash);
    return this.#freeAt(part, placeOf(part, hash, key));
  }

  /** Takes `item` out if it is the one that stands under its key. */
  deleteItem(item: T): boolean {
    const { key } = item;
    const hash = hashOf(key);
    const part = this.#partOf(hash);
    const at = placeOf(part, hash, key);
    return at >= 0 && part.items[at] === item && this.#freeAt(part, at);
  }

  #freeAt(part: Part<T>, at: number): boolean {
    if (at < 0) return false;
    part.free(at);
    this.#size--;
    return true;
  }

  /** In no order; whoever changes the table meanwhile may miss some or meet them twice. */
  *[Symbol.iterator](): Generator<T> {
    for (const { items } of this.#parts) {
      for (const item of items) if (item !== undefined) yield item;
    }
  }

  #partOf(hash: number): Part<T> {
    const part = this.#parts[(hash >>> 24) & this.#partMask];
    if (part === undefined) throw new AssertionFailed("a table has all its parts");
    return part;
  }

  #add(hash: number, item: T): void {
    const part = this.#partOf(hash);
    if (part.hasRoom()) {
      part.add(hash, item);
      return;
    }
    const { hashes, items, size } = part;
    if (this.#partMask === 0 && size >= PART_MAX) this.#cut(hashes.length);
    else this.#grow(part);
    for (let at = 0; at < hashes.length; at++) {
      const moved = items[at];
      if (moved !== undefined) this.#add(hashes[at] ?? 0, moved);
    }
    this.#add(hash, item);
  }

  #cut(capacity: number): void {
    const parts: Part<T>[] = [];
    while (parts.length < PARTS) parts.push(new Part<T>((capacity * 2) / PARTS));
    this.#parts = parts;
    this.#partMask = PARTS - 1;
  }

  #grow(part: Part<T>): void {
    const capacity = Math.max(CAPACITY_MIN, part.hashes.length * 2);
    part.hashes = new Int32Array(capacity);
    part.items = Array.from<T | undefined>({ length: capacity });
    part.size = 0;
  }
}

/** -1 when there is none with this key. */
function placeOf<T extends Keyed>(part: Part<T>, hash: number, key: Bytes): number {
  const { hashes, items } = part;
  const mask = hashes.length - 1;
  for (let at = hash & mask; hashes[at] !== 0; at = (at + 1) & mask) {
    if (hashes[at] === hash && items[at]?.key === key) return at;
  }
  return -1;
}
