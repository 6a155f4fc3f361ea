// Walking the elements of an exploded collection in the order of their subkeys: the disk's entries, with
// the uncommitted ones laid over them. The uncommitted are sorted once a walk; the disk is read in steps.
//
// A walk that meets a cold block throws COLD with the rest of its range and is run again from its start
// after the load, so what its visitor does must be undone or not matter (a unit's changes are undone).

import type { Bytes } from "../base/bytes.ts";
import { afterPrefix } from "../encoding/collection.ts";
import type { CursorRange, Engine } from "../engine/engine.ts";
import { CommandError } from "../resp/errors.ts";
import { COLD, type ColdRange } from "./cold.ts";
import type { Element, Elements } from "./home.ts";

export interface SubkeyRange {
  /** First subkey; "" for the first there is. */
  readonly lower: Bytes;
  /** First subkey after the range; null for the end. */
  readonly upper: Bytes | null;
  readonly reverse: boolean;
}

export interface WalkOptions extends SubkeyRange {
  /** How many elements are likely wanted: so many are read or loaded at once, within bounds. */
  readonly expected: number;
}

/** Told each element in order; false ends the walk. */
export type Visit = (subkey: Bytes, value: Bytes) => boolean;

export const WHOLE: WalkOptions = { lower: "", upper: null, reverse: false, expected: Infinity };

const ENTRIES_PER_READ = 256;
/** So many bytes take about as long as an element. */
const BYTES_PER_READ = 512;
/** What one load brings in; a larger collection takes several rounds. */
const ENTRIES_PER_LOAD_MAX = 100_000;
/** Below the runner's limit. A walk that needs more loads drives out of the cache what it loads. */
const LOADS_MAX = 48;
const DOES_NOT_FIT = new CommandError(
  "ERR the elements do not fit in the block cache at once: read them in parts, or raise " +
    "rocksdb.block_cache_size",
);

export interface WalkPlace {
  readonly engine: Engine;
  readonly elements: Elements;
  readonly loads: number;
  /** Told how much was read, if that is for a walk to say. Throws LONG_READ when it is too much. */
  readonly meter?: { reads(count: number): void };
}

/** Throws COLD and LONG_READ, or DOES_NOT_FIT when `loads` says that loading leads nowhere. */
export function walkElements(place: WalkPlace, options: WalkOptions, visit: Visit): void {
  const changed = changedIn(place.elements, options);
  if (place.elements.isAllUncommitted) {
    for (const { subkey, value } of changed) if (value !== null && !visit(subkey, value)) return;
    return;
  }
  walkStored(place, options, new Overlay(changed, options.reverse, visit));
}

function changedIn(elements: Elements, range: SubkeyRange): Element[] {
  const changed = elements
    .uncommitted()
    .filter(
      ({ subkey }) => subkey >= range.lower && (range.upper === null || subkey < range.upper),
    );
  const sign = range.reverse ? -1 : 1;
  return changed.sort((a, b) => (a.subkey < b.subkey ? -sign : sign));
}

/** The visitor, told of the uncommitted elements at their places and in place of the disk's. */
class Overlay {
  readonly #changed: readonly Element[];
  readonly #reverse: boolean;
  readonly #visit: Visit;
  #next = 0;

  constructor(changed: readonly Element[], reverse: boolean, visit: Visit) {
    this.#changed = changed;
    this.#reverse = reverse;
    this.#visit = visit;
  }

  /** False when the visitor has had enough. */
  stored(subkey: Bytes, value: Bytes): boolean {
    for (;;) {
      const element = this.#changed[this.#next];
      if (element === undefined) return this.#visit(subkey, value);
      if (element.subkey === subkey) {
        this.#next++;
        const { value: changed } = element;
        return changed === null || this.#visit(subkey, changed);
      }
      if (element.subkey > subkey !== this.#reverse) return this.#visit(subkey, value);
      this.#next++;
      const { value: added } = element;
      if (added !== null && !this.#visit(element.subkey, added)) return false;
    }
  }

  /** The disk has no more. */
  end(): void {
    for (; this.#next < this.#changed.length; this.#next++) {
      const element = this.#changed[this.#next];
      const value = element?.value ?? null;
      if (element !== undefined && value !== null && !this.#visit(element.subkey, value)) return;
    }
  }
}

function walkStored(place: WalkPlace, options: WalkOptions, overlay: Overlay): void {
  const { engine, elements } = place;
  const { prefix, store } = elements;
  const range = rangeOf(elements, options);
  const perRead = Math.max(1, Math.min(ENTRIES_PER_READ, options.expected));
  let last: Bytes | null = null;
  const cursor = engine.cursor(store, range);
  try {
    for (;;) {
      const flat = cursor.next(perRead);
      if (flat === undefined) {
        if (place.loads >= LOADS_MAX) throw DOES_NOT_FIT;
        // One more: the rest begins with the last one read.
        const wanted = Math.max(perRead, options.expected) + 1;
        const entriesMax = Math.min(ENTRIES_PER_LOAD_MAX, wanted);
        COLD.request = { store, range: restOf(range, last), entriesMax };
        throw COLD;
      }
      if (flat.length === 0) break;
      let bytes = 0;
      for (let index = 0; index + 1 < flat.length; index += 2) {
        last = flat[index] ?? "";
        bytes += flat[index + 1]?.length ?? 0;
        if (!overlay.stored(last.slice(prefix.length), flat[index + 1] ?? "")) return;
      }
      place.meter?.reads(flat.length / 2 + bytes / BYTES_PER_READ);
    }
  } finally {
    cursor.close();
  }
  overlay.end();
}

function rangeOf({ prefix }: Elements, options: WalkOptions): CursorRange {
  return {
    lower: prefix + options.lower,
    upper: options.upper === null ? afterPrefix(prefix) : prefix + options.upper,
    reverse: options.reverse,
    valueBytesMax: Infinity,
    patience: "loop",
  };
}

/** What a walk would ask for if all of it were cold. */
export function coldRange(elements: Elements, options: WalkOptions): ColdRange {
  const range = restOf(rangeOf(elements, options), null);
  return { store: elements.store, range, entriesMax: options.expected + 1 };
}

/** Before several ranges are walked: throws COLD once for all of them if one would wait. */
export function wantRanges(
  place: { readonly engine: Engine; readonly elements: Elements; readonly loads: number },
  ranges: readonly WalkOptions[],
): void {
  const { engine, elements, loads } = place;
  // The walks themselves give up some day.
  if (elements.isAllUncommitted || loads >= LOADS_MAX) return;
  for (const [at, range] of ranges.entries()) {
    if (isWarm(engine, elements, range)) continue;
    COLD.request = { ranges: ranges.slice(at).map((each) => coldRange(elements, each)) };
    throw COLD;
  }
}

/** Whether as many elements as are expected can be read without a wait. */
function isWarm(engine: Engine, elements: Elements, options: WalkOptions): boolean {
  const cursor = engine.cursor(elements.store, { ...rangeOf(elements, options), valueBytesMax: 0 });
  try {
    for (let left = options.expected; left > 0; left -= ENTRIES_PER_READ) {
      const flat = cursor.next(Math.min(left, ENTRIES_PER_READ));
      if (flat === undefined) return false;
      if (flat.length === 0) return true;
    }
    return true;
  } finally {
    cursor.close();
  }
}

/** What follows the entry `last`, to be loaded on a thread. */
function restOf(range: CursorRange, last: Bytes | null): CursorRange {
  const rest = { ...range, valueBytesMax: 0, patience: "wait" } as const;
  if (last === null) return rest;
  return range.reverse ? { ...rest, upper: last } : { ...rest, lower: last };
}
