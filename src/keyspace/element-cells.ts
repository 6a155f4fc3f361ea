// Some elements of an exploded collection, read at once, from which others then draw by chance
// (element-pool.ts, element-sample.ts); for types whose subkeys begin with a 32-bit hash.
//
// The ring of hashes is cut into cells that hold about CELL_SIZE elements. Some of them are chosen by chance and
// read whole. All cells are as large in hashes, so each element has the same chance to be among what is
// read. A collection that is drawn from again has twice as many cells read, so that more places are mixed and
// fewer iterators made. Those that are cold are loaded side by side.

import { assert } from "../base/assert.ts";
import { SeededRandom, type Random } from "../base/random.ts";
import { u32 } from "../encoding/key.ts";
import { COLD } from "./cold.ts";
import type { RandomPlace } from "./element-random.ts";
import { coldRange, walkElements, type WalkOptions } from "./element-walk.ts";
import type { Element, ElementPool } from "./home.ts";

const CELL_SIZE = 64;
const CELLS_FIRST = 2;
const CELLS_MAX = 8;
const HASH_RANGE = 2 ** 32;

/** Reads cells, more than the last time, until something is found. Throws COLD. */
export function readCells(place: RandomPlace, pool: ElementPool, random: Random): Element[] {
  const { elements, count } = place;
  assert(count > 0, "there is something to draw from");
  const cells = Math.min(CELLS_MAX, Math.max(CELLS_FIRST, pool.cells * 2));
  // Who meets a cold block is run again after the load, and must come to the same cells.
  elements.pendingSeed ??= random.below(HASH_RANGE);
  const seeded = new SeededRandom(elements.pendingSeed);
  const cellCount = Math.max(1, Math.ceil(count / CELL_SIZE));
  const found: Element[] = [];
  const read = new Set<number>();
  while (read.size < cellCount && found.length === 0) {
    const chosen = choose(seeded, { cells, cellCount, read });
    readAll(place, chosen, found);
  }
  assert(found.length > 0, "as many elements as were counted");
  pool.cells = cells;
  elements.pendingSeed = null;
  return found;
}

/** The ranges of so many more cells, or of all that are left. */
function choose(
  random: Random,
  from: { readonly cells: number; readonly cellCount: number; readonly read: Set<number> },
): WalkOptions[] {
  const { cells, cellCount, read } = from;
  const chosen: WalkOptions[] = [];
  while (chosen.length < cells && read.size < cellCount) {
    const index = random.below(cellCount);
    if (read.has(index)) continue;
    read.add(index);
    const end = Math.ceil(((index + 1) * HASH_RANGE) / cellCount);
    chosen.push({
      lower: u32(Math.ceil((index * HASH_RANGE) / cellCount)),
      upper: end >= HASH_RANGE ? null : u32(end),
      reverse: false,
      expected: CELL_SIZE * 2,
    });
  }
  return chosen;
}

function readAll(place: RandomPlace, ranges: readonly WalkOptions[], found: Element[]): void {
  const { elements } = place;
  for (const [at, range] of ranges.entries()) {
    try {
      walkElements(place, range, (subkey, value) => {
        found.push(elements.known(subkey, value));
        return true;
      });
    } catch (error) {
      const { request } = COLD;
      // What is left of this one: the disk may hold many more than live, whose removal is not committed.
      if (error === COLD && request !== null && "range" in request) {
        const others = ranges.slice(at + 1).map((each) => coldRange(elements, each));
        COLD.request = { ranges: [request, ...others] };
      }
      throw error;
    }
  }
}
