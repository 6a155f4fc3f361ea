// Taking elements out of an exploded collection by chance, one or a few a command, for types whose
// subkeys begin with a 32-bit hash.
//
// The problem. A draw of its own (element-random.ts) reads several cells of the ring of hashes, each by
// an iterator, and uses one element of them. What is taken is not drawn again, so what was read beside
// it can serve the next draws.
//
// The way. Some cells are chosen by chance and read whole: a pool, from which elements are drawn until
// it is empty. All cells are as large in hashes, so each element has the same chance to be in the pool,
// and the same within it. A collection that is drawn from again gets a pool twice as large, so that
// more cells are mixed and fewer iterators made. What is added meanwhile comes into the pool by the
// chance that it would have been in it.
//
// A pool is only a list of who may be drawn. Who has been removed since is passed over; who was taken
// and put back, because a command failed or a batch was refused, is drawn from a later pool. So nothing of
// it is ever undone. It lives no longer than the cache keeps its elements (Elements.pool).

import { assert } from "../base/assert.ts";
import { SeededRandom, type Random } from "../base/random.ts";
import { u32 } from "../encoding/key.ts";
import type { RandomPlace } from "./element-random.ts";
import { walkElements } from "./element-walk.ts";
import type { Element } from "./home.ts";

/** More elements than that are drawn from more places than a pool mixes. */
export const POOL_TIMES_MAX = 16;

const CELL_SIZE = 64;
const CELLS_FIRST = 2;
const CELLS_MAX = 8;
const HASH_RANGE = 2 ** 32;

/**
 * The next element by chance that is there. The caller removes it before he asks again, and `count` is
 * of before the first. Throws COLD.
 */
export function drawFromPool(place: RandomPlace, random: Random): Element {
  const { elements } = place;
  for (;;) {
    const pool = elements.pool();
    const { candidates } = pool;
    const index = random.below(candidates.length);
    const drawn = candidates[index];
    if (drawn === undefined) {
      fill(place, random);
      continue;
    }
    const last = candidates.pop();
    if (last !== undefined && last !== drawn) candidates[index] = last;
    if (drawn.content !== null) return drawn;
  }
}

/** An element has been added, and there are `count` with it: it comes into the pool as others did. */
export function mayJoinPool(element: Element, count: number, random: Random): void {
  const { candidates } = element.elements.pool();
  const { length } = candidates;
  if (length > 0 && random.below(count) < length) candidates.push(element);
}

/** Reads cells into the pool until something is in it. */
function fill(place: RandomPlace, random: Random): void {
  const { elements, count } = place;
  assert(count > 0, "there is something to draw from");
  const pool = elements.pool();
  pool.cells = Math.min(CELLS_MAX, Math.max(CELLS_FIRST, pool.cells * 2));
  // A fill that meets a cold block is run again after the load, and must come to the same cells.
  elements.pendingSeed ??= random.below(HASH_RANGE);
  const seeded = new SeededRandom(elements.pendingSeed);
  const cellCount = Math.max(1, Math.ceil(count / CELL_SIZE));
  const found: Element[] = [];
  const read = new Set<number>();
  while (read.size < cellCount && (found.length === 0 || read.size < pool.cells)) {
    const index = seeded.below(cellCount);
    if (read.has(index)) continue;
    read.add(index);
    readCell(place, { index, cellCount }, found);
  }
  assert(found.length > 0, "as many elements as were counted");
  pool.candidates.push(...found);
  elements.pendingSeed = null;
}

function readCell(
  place: RandomPlace,
  cell: { readonly index: number; readonly cellCount: number },
  found: Element[],
): void {
  const { elements } = place;
  const { index, cellCount } = cell;
  const end = Math.ceil(((index + 1) * HASH_RANGE) / cellCount);
  const range = {
    lower: u32(Math.ceil((index * HASH_RANGE) / cellCount)),
    upper: end >= HASH_RANGE ? null : u32(end),
    reverse: false,
    expected: CELL_SIZE * 2,
  };
  walkElements(place, range, (subkey, value) => {
    found.push(elements.known(subkey, value));
    return true;
  });
}
