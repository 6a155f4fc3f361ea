// The outermost elements of an exploded collection that is ordered by subkey, kept in memory for who
// takes from its ends again and again (a queue by score): what a walk over the disk and what is not
// committed would find, without an iterator for each.
//
// A front is a run of elements in order, from one end inwards. It has everything from that end to its last
// element, that one included: who has been removed stays in it without content and is passed over, who
// appears there, added or put back by an undo, is told (`Fronts.appeared`) and takes his place. What is
// further in is not in it. Who is in it stays in memory (`Element.isPassing`), or his removal would not
// show. It lives no longer than the cache keeps its elements (Elements.fronts).
//
// Who is taken is soon looked up a second time, by his name and not by his place: his companion. Those of
// the next AHEAD are looked up side by side, so that the memory of one comes while the next is begun.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { TOUCHED_MAX } from "../base/key-table.ts";
import type { Engine } from "../engine/engine.ts";
import { walkElements } from "./element-walk.ts";
import type { Element, Elements } from "./home.ts";

/** More elements at a time are walked to. */
export const FRONT_TIMES_MAX = 64;

const SIZE_FIRST = 16;
const SIZE_MAX = 512;
/** Companions looked up at once: as many as a table does. */
const AHEAD = TOUCHED_MAX;

export interface FrontRange {
  /** Nothing that is sought is before it. */
  readonly lower: Bytes;
  /** Nothing that is sought is at or behind it now. */
  readonly upper: Bytes;
  /** Where the ordered elements end for good: what is behind is something else. */
  readonly limit: Bytes;
  readonly reverse: boolean;
}

/** The elements that those of a front are known as elsewhere; they are there whenever those are. */
export interface Companions {
  readonly elements: Elements;
  subkeyOf(element: Element): Bytes;
  valueOf(element: Element): Bytes;
}

export interface Outermost {
  readonly element: Element;
  readonly companion: Element;
}

/** One end of a collection. */
class Front {
  readonly #reverse: boolean;
  #elements: Element[] = [];
  /** For each of `#elements`, as far as it has been looked up. */
  #companions: (Element | undefined)[] = [];
  /** What is before it has been removed. */
  #next = 0;
  #limit = "";
  /** How many were read last. */
  #size = 0;

  constructor(reverse: boolean) {
    this.#reverse = reverse;
  }

  /** The first `times` that are there; fewer when the front has not so many. */
  take(times: number, companions: Companions): Outermost[] {
    const elements = this.#elements;
    this.#passRemoved();
    const taken: Outermost[] = [];
    for (let index = this.#next; taken.length < times && index < elements.length; index++) {
      const element = elements[index];
      if (element === undefined || element.content === null) continue;
      const companion = this.#companions[index] ?? this.#lookUpFrom(index, companions);
      taken.push({ element, companion });
    }
    return taken;
  }

  /** The companion of the element at `first`, which is there, and with it those behind it. */
  #lookUpFrom(first: number, companions: Companions): Element {
    const elements = this.#elements;
    const places: number[] = [];
    const subkeys: Bytes[] = [];
    for (let index = first; places.length < AHEAD && index < elements.length; index++) {
      const element = elements[index];
      if (element === undefined || element.content === null) continue;
      places.push(index);
      subkeys.push(companions.subkeyOf(element));
    }
    const known = companions.elements.knownAll(subkeys, (index) => {
      const element = elements[places[index] ?? -1];
      return element === undefined ? "" : companions.valueOf(element);
    });
    for (const [index, place] of places.entries()) this.#companions[place] = known[index];
    const [own] = known;
    if (own === undefined) throw new AssertionFailed("the first was asked for");
    return own;
  }

  /** Nobody will ask for those again: the memory may let go of them once they are committed. */
  #passRemoved(): void {
    const elements = this.#elements;
    for (; this.#next < elements.length; this.#next++) {
      const element = elements[this.#next];
      if (element === undefined || element.content !== null) return;
      element.isPassing = true;
    }
  }

  /** How many to read for `times`. */
  sizeFor(times: number): number {
    return Math.max(times, Math.min(SIZE_MAX, Math.max(SIZE_FIRST, this.#size * 2)));
  }

  restart(elements: Element[], limit: Bytes): void {
    this.#elements = elements;
    this.#companions = elements.map(() => undefined);
    // Found again by their subkeys, so that whoever changes one changes what is here.
    for (const element of elements) element.isPassing = false;
    this.#next = 0;
    this.#limit = limit;
    this.#size = elements.length;
  }

  appeared(element: Element): void {
    const elements = this.#elements;
    const last = elements.at(-1);
    if (last === undefined || element.subkey >= this.#limit) return;
    if (this.#isBefore(last.subkey, element.subkey)) return;
    const index = this.#placeOf(element.subkey);
    this.#next = Math.min(this.#next, index);
    element.isPassing = false;
    if (elements[index] === element) return;
    elements.splice(index, 0, element);
    this.#companions.splice(index, 0, undefined);
    // The end may go: then what was there is further in.
    if (elements.length <= 2 * SIZE_MAX) return;
    elements.length = SIZE_MAX;
    this.#companions.length = SIZE_MAX;
  }

  #isBefore(left: Bytes, right: Bytes): boolean {
    return this.#reverse ? left > right : left < right;
  }

  /** How many stand before a subkey. */
  #placeOf(subkey: Bytes): number {
    const elements = this.#elements;
    let low = 0;
    let high = elements.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(elements[middle]?.subkey ?? "", subkey)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Both ends of a collection. */
export class Fronts {
  readonly first = new Front(false);
  readonly last = new Front(true);

  /** The element had no content and has one now. */
  appeared(element: Element): void {
    this.first.appeared(element);
    this.last.appeared(element);
  }
}

/** The `times` outermost elements on one side, fewer when there are not so many. Throws COLD. */
export function outermostElements(
  place: {
    readonly engine: Engine;
    readonly elements: Elements;
    readonly companions: Companions;
    readonly loads: number;
  },
  range: FrontRange,
  times: number,
): Outermost[] {
  const { elements, companions } = place;
  const { lower, upper, limit, reverse } = range;
  const fronts = elements.fronts();
  const front = reverse ? fronts.last : fronts.first;
  const taken = front.take(times, companions);
  if (taken.length === times) return taken;
  const size = front.sizeFor(times);
  const found: Element[] = [];
  walkElements(place, { lower, upper, reverse, expected: size }, (subkey, value) => {
    found.push(elements.known(subkey, value));
    return found.length < size;
  });
  front.restart(found, limit);
  return front.take(times, companions);
}
