// The counted directory: in what order the nodes of a large collection stand and how many elements each
// has, so that the node at a position, and the position of a node, are found in a few steps. Lists have
// nodes of many elements, sorted sets buckets; what a node is else is their business.
//
// The problem. A collection of ten million elements has tens of thousands of nodes. A change of one
// node's count must not rewrite the counts of all others, and must be undone with its command.
//
// The way. A tree of pages, as a B-tree is: a page lists up to PAGE_MAX nodes, or pages of the level
// below, each with its first key and its count of elements. The root is part of the collection's
// header; the other pages are elements of its home, decoded when used, changed in place and encoded once
// a group. A change of a count goes through one page a level.
//
// Invariants
//   - counts are at least one; the count of an entry is the sum of the counts in its page
//   - in a page, no node under an entry but the first has a key before the entry's; the first entry takes
//     all that comes before the second, and its own key may be any of these
//   - no page but the root is empty; a root of one page is replaced by that page when it fits
//
// Structural changes put new arrays in the place of the old ones, and their inverse puts the old ones
// back; counts change in place. Inverses run in reverse order, so each finds the arrays it left.
//
// Rejected: counts kept in the nodes (a walk over all of them for a position); a skip list of element
// keys (a pointer's change is an element's, and there are several a level); one long list in the
// record (rewritten whole with every change).

import { AssertionFailed, assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/directory.ts";
import { CorruptRecord } from "../encoding/record.ts";
import type { Element, ElementObject, Elements } from "../keyspace/home.ts";
import type { Record } from "../keyspace/record.ts";
import type { Undo } from "../keyspace/undo.ts";
import type { View } from "../keyspace/view.ts";

/** The root is written with every change of the header, so it is smaller. */
export interface DirectorySizes {
  readonly rootMax: number;
  readonly pageMax: number;
}

export const USUAL_SIZES: DirectorySizes = { rootMax: 32, pageMax: 64 };

/** A node as it stands now. */
export interface Place {
  readonly key: Bytes;
  /** Elements in the nodes before it. */
  readonly before: number;
  readonly count: number;
}

/** A node that would get more elements than it should have. */
export interface Crowded {
  readonly key: Bytes;
  /** The next node, if it stands in the same page. */
  readonly next: Bytes | null;
  readonly count: number;
}

/** Where the pages of a directory are. */
export interface DirectoryHome {
  readonly elements: Elements;
  /** In front of the subkeys of pages: nothing else in `elements` begins so. */
  readonly prefix: Bytes;
  readonly sizes: DirectorySizes;
}

const KEY_OVERHEAD_BYTES = 40;

class Page implements ElementObject {
  level: number;
  keys: Bytes[];
  counts: number[];
  pages: number[];

  constructor(parts: encoding.DecodedPage) {
    this.level = parts.level;
    this.keys = parts.keys;
    this.counts = parts.counts;
    this.pages = parts.pages;
  }

  get payloadSize(): number {
    return encoding.pageSize(this);
  }

  get memoryBytes(): number {
    // By the first key: it is asked for with every change.
    const { keys } = this;
    return 200 + keys.length * (KEY_OVERHEAD_BYTES + (keys[0]?.length ?? 0));
  }

  get total(): number {
    let total = 0;
    for (const count of this.counts) total += count;
    return total;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writePage(target, at, this);
  }

  /** The last entry whose key is not after `key`; -1 when there is none. */
  indexOf(key: Bytes): number {
    const { keys } = this;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keys[middle] ?? "") <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** As `indexOf`, for a key that is likely to be that of the first or the last entry, or near it. */
  indexNearEnds(key: Bytes): number {
    const { keys } = this;
    const last = keys.length - 1;
    if (last < 1) return this.indexOf(key);
    if (key < (keys[1] ?? "")) return (keys[0] ?? "") <= key ? 0 : -1;
    return (keys[last] ?? "") <= key ? last : this.indexOf(key);
  }

  /** Elements in the entries before `index`. */
  before(index: number): number {
    const { counts } = this;
    let before = 0;
    for (let at = 0; at < index; at++) before += counts[at] ?? 0;
    return before;
  }

  /** Its entries from `from` to `to`, as arrays of their own. */
  part(from: number, to: number): encoding.DecodedPage {
    return {
      level: this.level,
      keys: this.keys.slice(from, to),
      counts: this.counts.slice(from, to),
      pages: this.pages.slice(from, to),
    };
  }
}

class CountUndo implements Undo {
  readonly #page: Page;
  readonly #index: number;
  readonly #count: number;

  constructor(page: Page, index: number) {
    this.#page = page;
    this.#index = index;
    this.#count = page.counts[index] ?? 0;
  }

  revert(): void {
    this.#page.counts[this.#index] = this.#count;
  }
}

class EntriesUndo implements Undo {
  readonly #page: Page;
  readonly #parts: encoding.DecodedPage;

  constructor(page: Page) {
    const { level, keys, counts, pages } = page;
    this.#page = page;
    this.#parts = { level, keys, counts, pages };
  }

  revert(): void {
    setParts(this.#page, this.#parts);
  }
}

function setParts(page: Page, parts: encoding.DecodedPage): void {
  page.level = parts.level;
  page.keys = parts.keys;
  page.counts = parts.counts;
  page.pages = parts.pages;
}

/** One page on the way to a node, and which of its entries the way takes; the root has no element. */
interface Step {
  readonly page: Page;
  readonly element: Element | null;
  index: number;
}

interface Sought {
  readonly page: Page;
  readonly keys: readonly Bytes[];
}

export class Directory {
  readonly #home: DirectoryHome;
  readonly #root: Page;
  #nextPage: number;

  constructor(home: DirectoryHome, parts: encoding.RootParts) {
    this.#home = home;
    this.#root = new Page(parts.root);
    this.#nextPage = parts.nextPage;
  }

  static empty(home: DirectoryHome): Directory {
    return new Directory(home, {
      nextPage: 0,
      root: { level: 0, keys: [], counts: [], pages: [] },
    });
  }

  // For the header of the collection

  get payloadSize(): number {
    return encoding.rootSize(this.#nextPage, this.#root);
  }

  get memoryBytes(): number {
    return this.#root.memoryBytes;
  }

  /** Writes `payloadSize` bytes and returns the offset after them. */
  write(target: Buffer, at: number): number {
    return encoding.writeRoot(target, at, this.#nextPage, this.#root);
  }

  // Reading

  get isEmpty(): boolean {
    return this.#root.keys.length === 0;
  }

  /** Elements of all nodes together. */
  get total(): number {
    return this.#root.total;
  }

  /** The node that holds the element at `position`; null at or after the end. Throws COLD. */
  atPosition(view: View, position: number): Place | null {
    if (position < 0 || position >= this.total) return null;
    let page = this.#root;
    let before = 0;
    for (;;) {
      const index = indexAt(page, position - before);
      before += page.before(index);
      if (page.level === 0) {
        return { key: page.keys[index] ?? "", before, count: page.counts[index] ?? 0 };
      }
      page = this.#child(view, page, index).page;
    }
  }

  /** The last node whose key is not after `key`; null when there is none. Throws COLD. */
  atKey(view: View, key: Bytes): Place | null {
    let page = this.#root;
    let before = 0;
    for (;;) {
      const index = page.indexOf(key);
      if (page.level === 0) {
        // The nodes of this page are all after it: the one looked for is the last before them.
        if (index < 0) return this.atPosition(view, before - 1);
        before += page.before(index);
        return { key: page.keys[index] ?? "", before, count: page.counts[index] ?? 0 };
      }
      const child = Math.max(0, index);
      before += page.before(child);
      page = this.#child(view, page, child).page;
    }
  }

  /**
   * Before nodes are looked for by many keys: throws COLD for all pages of a level at once that would wait. Returns the
   * nodes that had more than `countMax` elements if each key were one more.
   */
  want(view: View, keys: readonly Bytes[], countMax: number): Crowded[] {
    let level: Sought[] = [{ page: this.#root, keys }];
    for (let left = this.#root.level; left > 0; left--) {
      const below = level.flatMap(({ page, keys: those }) =>
        [...childrenOf(page, those)].map(([index, sought]) => ({ page, index, keys: sought })),
      );
      const { elements, prefix } = this.#home;
      elements.want(
        below.map(({ page, index }) => encoding.pageSubkey(prefix, page.pages[index] ?? 0)),
      );
      level = below.map(({ page, index, keys: sought }) => ({
        page: this.#child(view, page, index).page,
        keys: sought,
      }));
    }
    return level.flatMap(({ page, keys: sought }) => crowdedIn(page, sought, countMax));
  }

  /** Throws COLD. */
  first(view: View): Place | null {
    return this.atPosition(view, 0);
  }

  /** Throws COLD. */
  last(view: View): Place | null {
    return this.atPosition(view, this.total - 1);
  }

  /** Throws COLD. */
  next(view: View, place: Place): Place | null {
    return this.atPosition(view, place.before + place.count);
  }

  /** Throws COLD. */
  previous(view: View, place: Place): Place | null {
    return this.atPosition(view, place.before - 1);
  }

  // Changing; `record` is the one whose collection this belongs to

  /** Adds a node where there is none of that key; `count` is at least one. Throws COLD. */
  insert(view: View, record: Record, key: Bytes, count: number): void {
    assert(count > 0, "a node has elements");
    const path = this.#path(view, key);
    const leaf = path.at(-1);
    if (leaf === undefined) throw new AssertionFailed("there is a root");
    assert(leaf.page.keys[leaf.index] !== key, "no two nodes have one key");
    this.#addAbove(view, record, path, count);
    const index = leaf.index + 1;
    const parts = leaf.page.part(0, leaf.page.keys.length);
    parts.keys.splice(index, 0, key);
    parts.counts.splice(index, 0, count);
    this.#setEntries(view, record, leaf, parts);
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const step = path[depth];
      if (step === undefined || !this.#isOverfull(step)) return;
      const above = path[depth - 1];
      if (above === undefined) this.#splitRoot(view, record, step.index + 1);
      else this.#split(view, record, step, above);
    }
  }

  /** Changes the count of a node that is there; it stays at least one. Throws COLD. */
  add(view: View, record: Record, key: Bytes, by: number): void {
    const path = this.#path(view, key);
    const leaf = path.at(-1);
    assert(leaf !== undefined && leaf.page.keys[leaf.index] === key, "the node is there");
    assert((leaf.page.counts[leaf.index] ?? 0) + by > 0, "a node has elements");
    this.#addAbove(view, record, path, by);
    this.#addTo(view, record, leaf, by);
  }

  /**
   * Changes the count of the last node whose key is not after `key`, which is there; it stays at least
   * one. Returns the node as it is then. Throws COLD.
   */
  addAt(view: View, record: Record, key: Bytes, by: number): Place {
    const path = this.#path(view, key);
    const leaf = path.at(-1);
    if (leaf === undefined) throw new AssertionFailed("there is a root");
    if (leaf.index < 0) {
      const place = this.atKey(view, key);
      if (place === null) throw new AssertionFailed("there is such a node");
      return this.addAt(view, record, place.key, by);
    }
    let before = 0;
    for (const { page, index } of path) before += page.before(index);
    this.#addAbove(view, record, path, by);
    this.#addTo(view, record, leaf, by);
    const count = leaf.page.counts[leaf.index] ?? 0;
    assert(count > 0, "a node has elements");
    return { key: leaf.page.keys[leaf.index] ?? "", before, count };
  }

  /**
   * Takes one element out of the last node whose key is not after `key`, which is there. False, and
   * nothing is changed, when it has only `few` elements, half of that, a quarter...: then the caller
   * may want to put it together with another. Throws COLD.
   */
  takeAt(view: View, record: Record, key: Bytes, few: number): boolean {
    // Most are taken from an end, by ZPOPMIN and its like.
    const path = this.#path(view, key, "ends");
    const leaf = path.at(-1);
    // Before all nodes of its page: those of the page before have to be looked at.
    if (leaf === undefined || leaf.index < 0) return false;
    const count = leaf.page.counts[leaf.index] ?? 0;
    for (let step = few; step >= count; step >>>= 1) if (step === count) return false;
    if (count <= 1) return false;
    this.#addAbove(view, record, path, -1);
    this.#addTo(view, record, leaf, -1);
    return true;
  }

  /** Whether the last node whose key is not after one of these is that of the other. Throws COLD. */
  isOneNode(view: View, left: Bytes, right: Bytes): boolean {
    let page = this.#root;
    for (;;) {
      const index = page.indexOf(left);
      // Before all of a page, or in two of them: whatever is between has to be looked at.
      if (index < 0 || index !== page.indexOf(right)) return false;
      if (page.level === 0) return true;
      page = this.#child(view, page, index).page;
    }
  }

  /** Removes a node that is there. Throws COLD. */
  remove(view: View, record: Record, key: Bytes): void {
    const path = this.#path(view, key);
    const leaf = path.at(-1);
    assert(leaf !== undefined && leaf.page.keys[leaf.index] === key, "the node is there");
    this.#addAbove(view, record, path, -(leaf.page.counts[leaf.index] ?? 0));
    this.#removeEntry(view, record, leaf);
    for (let depth = path.length - 1; depth > 0; depth--) {
      const step = path[depth];
      const above = path[depth - 1];
      if (step === undefined || above === undefined) throw new AssertionFailed("within the path");
      if (step.page.keys.length === 0) {
        if (step.element !== null) view.setElement(record, step.element, null);
        this.#removeEntry(view, record, above);
      } else if (!this.#merge(view, record, step, above)) {
        break;
      }
    }
    this.#lowerRoot(view, record);
  }

  // Pages

  #child(view: View, page: Page, index: number): { page: Page; element: Element } {
    const { elements, prefix } = this.#home;
    const element = elements.find(encoding.pageSubkey(prefix, page.pages[index] ?? 0));
    const { content } = element;
    if (content instanceof Page) return { page: content, element };
    if (typeof content !== "string") throw new CorruptRecord("a page of a directory is missing");
    const child = new Page(encoding.readPage(content));
    if (child.level !== page.level - 1 || child.total !== page.counts[index]) {
      throw new CorruptRecord("a page of a directory is not what the one above says");
    }
    view.unpackElement(element, child);
    return { page: child, element };
  }

  /** The way to the last node whose key is not after `key`, or to where such a node would go. */
  #path(view: View, key: Bytes, near: "ends" | "any" = "any"): Step[] {
    const path: Step[] = [];
    const indexIn = (page: Page): number =>
      near === "ends" ? page.indexNearEnds(key) : page.indexOf(key);
    let step: Step = { page: this.#root, element: null, index: indexIn(this.#root) };
    for (;;) {
      path.push(step);
      const { page } = step;
      if (page.level === 0) return path;
      // What is before all keys goes into the first page.
      step.index = Math.max(0, step.index);
      // Field by field: a copy of the object costs a microsecond.
      const { page: below, element } = this.#child(view, page, step.index);
      step = { page: below, element, index: indexIn(below) };
    }
  }

  #addAbove(view: View, record: Record, path: readonly Step[], by: number): void {
    for (let depth = 0; depth < path.length - 1; depth++) {
      const step = path[depth];
      if (step !== undefined) this.#addTo(view, record, step, by);
    }
  }

  #addTo(view: View, record: Record, step: Step, by: number): void {
    const { page, element, index } = step;
    const undo = new CountUndo(page, index);
    page.counts[index] = (page.counts[index] ?? 0) + by;
    if (element === null) view.mutate(record, undo, 0);
    else view.mutateElement(record, element, { undo, growth: 0 });
  }

  #setEntries(view: View, record: Record, step: Step, parts: encoding.DecodedPage): void {
    const { page, element } = step;
    const undo = new EntriesUndo(page);
    const sizeBefore = page.payloadSize;
    setParts(page, parts);
    const growth = page.payloadSize - sizeBefore;
    if (element === null) view.mutate(record, undo, growth);
    else view.mutateElement(record, element, { undo, growth });
  }

  #removeEntry(view: View, record: Record, step: Step): void {
    const parts = step.page.part(0, step.page.keys.length);
    parts.keys.splice(step.index, 1);
    parts.counts.splice(step.index, 1);
    parts.pages.splice(step.index, 1);
    this.#setEntries(view, record, step, parts);
  }

  #isOverfull({ page, element }: Step): boolean {
    const { rootMax, pageMax } = this.#home.sizes;
    return page.keys.length > (element === null ? rootMax : pageMax);
  }

  /** Makes a page of its own of some entries; returns its number. */
  #newPage(view: View, record: Record, parts: encoding.DecodedPage): number {
    const { elements, prefix } = this.#home;
    const page = this.#nextPage++;
    view.mutate(record, { revert: () => this.#nextPage-- }, 0);
    const element = elements.known(encoding.pageSubkey(prefix, page), null);
    view.setElement(record, element, new Page(parts));
    return page;
  }

  #split(view: View, record: Record, step: Step, above: Step): void {
    const { page } = step;
    const at = splitAt(page, step.index + 1);
    const right = page.part(at, page.keys.length);
    const number = this.#newPage(view, record, right);
    this.#setEntries(view, record, step, page.part(0, at));
    const parts = above.page.part(0, above.page.keys.length);
    const index = above.index + 1;
    if (above.index === 0) parts.keys[0] = page.keys[0] ?? "";
    parts.keys.splice(index, 0, right.keys[0] ?? "");
    parts.counts[above.index] = page.total;
    parts.counts.splice(index, 0, sum(right.counts));
    parts.pages.splice(index, 0, number);
    this.#setEntries(view, record, above, parts);
  }

  /** Puts the root's entries into two pages of their own, below a root of two. */
  #splitRoot(view: View, record: Record, insertedAt: number): void {
    const root = this.#root;
    const at = splitAt(root, insertedAt);
    const left = root.part(0, at);
    const right = root.part(at, root.keys.length);
    const pages = [this.#newPage(view, record, left), this.#newPage(view, record, right)];
    this.#setEntries(
      view,
      record,
      { page: root, element: null, index: 0 },
      {
        level: root.level + 1,
        keys: [left.keys[0] ?? "", right.keys[0] ?? ""],
        counts: [sum(left.counts), sum(right.counts)],
        pages,
      },
    );
  }

  /** Puts a page that has become small together with one beside it; false when that is not worth it. */
  #merge(view: View, record: Record, step: Step, above: Step): boolean {
    const { pageMax } = this.#home.sizes;
    if (step.page.keys.length > pageMax / 4 || above.page.keys.length < 2) return false;
    const leftIndex = above.index === 0 ? 0 : above.index - 1;
    const left = { ...this.#child(view, above.page, leftIndex), index: 0 };
    const right = { ...this.#child(view, above.page, leftIndex + 1), index: 0 };
    if (left.page.keys.length + right.page.keys.length > (pageMax * 3) / 4) return false;
    const joined = left.page.part(0, left.page.keys.length);
    const middle = joined.keys.length;
    joined.keys.push(...right.page.keys);
    // What was the first entry of its page took all before the second, and now stands between others.
    if (right.page.level > 0) joined.keys[middle] = above.page.keys[leftIndex + 1] ?? "";
    joined.counts.push(...right.page.counts);
    joined.pages.push(...right.page.pages);
    view.setElement(record, right.element, null);
    this.#setEntries(view, record, left, joined);
    const parts = above.page.part(0, above.page.keys.length);
    parts.keys.splice(leftIndex + 1, 1);
    parts.counts.splice(leftIndex, 2, sum(joined.counts));
    parts.pages.splice(leftIndex + 1, 1);
    this.#setEntries(view, record, above, parts);
    return true;
  }

  /** While the root has but one page below it that fits: the root becomes that page. */
  #lowerRoot(view: View, record: Record): void {
    const root = this.#root;
    const step = { page: root, element: null, index: 0 };
    if (root.keys.length === 0 && root.level > 0) {
      this.#setEntries(view, record, step, { level: 0, keys: [], counts: [], pages: [] });
    }
    while (root.level > 0 && root.keys.length === 1) {
      const { page, element } = this.#child(view, root, 0);
      if (page.keys.length > this.#home.sizes.rootMax) return;
      this.#setEntries(view, record, step, page.part(0, page.keys.length));
      view.setElement(record, element, null);
    }
  }
}

function crowdedIn(page: Page, keys: readonly Bytes[], countMax: number): Crowded[] {
  const crowded: Crowded[] = [];
  for (const [index, { length }] of childrenOf(page, keys)) {
    const count = page.counts[index] ?? 0;
    if (count === 0 || count + length <= countMax) continue;
    crowded.push({ key: page.keys[index] ?? "", next: page.keys[index + 1] ?? null, count });
  }
  return crowded;
}

/** Which of these keys are to be looked for through which entry of a page. */
function childrenOf(page: Page, keys: readonly Bytes[]): Map<number, Bytes[]> {
  const children = new Map<number, Bytes[]>();
  for (const key of keys) {
    const index = Math.max(0, page.indexOf(key));
    const those = children.get(index);
    if (those === undefined) children.set(index, [key]);
    else those.push(key);
  }
  return children;
}

function indexAt(page: Page, position: number): number {
  const { counts } = page;
  let rest = position;
  for (let index = 0; index < counts.length; index++) {
    rest -= counts[index] ?? 0;
    if (rest < 0) return index;
  }
  throw new AssertionFailed("the counts of a page are those of the one above");
}

/** What grows at an end leaves full pages behind. */
function splitAt(page: Page, insertedAt: number): number {
  const { length } = page.keys;
  if (insertedAt >= length - 1) return length - Math.max(1, length >>> 3);
  if (insertedAt === 0) return Math.max(1, length >>> 3);
  return length >>> 1;
}

function sum(counts: readonly number[]): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
