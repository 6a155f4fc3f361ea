// Taking elements out of an exploded collection by chance, one or a few a command, for types whose
// subkeys begin with a 32-bit hash.
//
// The problem. A draw of its own (element-random.ts) reads several cells of the ring of hashes, each by
// an iterator, and uses one element of them. What is taken is not drawn again, so what was read beside
// it can serve the next draws.
//
// The way. What some cells hold (element-cells.ts) is a pool, from which elements are drawn until it is
// empty. Each element has the same chance to be in the pool, and the same within it. What is added
// meanwhile comes into the pool by the chance that it would have been in it.
//
// A pool is only a list of who may be drawn. Who has been removed since is passed over; who was taken
// and put back, because a command failed or a batch was refused, is drawn from a later pool. So nothing of
// it is ever undone. It lives no longer than the cache keeps its elements (Elements.pool).

import type { Random } from "../base/random.ts";
import { readCells } from "./element-cells.ts";
import type { RandomPlace } from "./element-random.ts";
import type { Element } from "./home.ts";

/** More elements than that are drawn from more places than a pool mixes. */
export const POOL_TIMES_MAX = 16;

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
      const found = readCells(place, pool, random);
      pool.candidates.push(...found);
      continue;
    }
    const last = candidates.pop();
    if (last !== undefined && last !== drawn) candidates[index] = last;
    if (drawn.content !== null) return drawn;
  }
}

/** An element has been added, and there are `count` with it: it comes into the pools as others did. */
export function mayJoinPools(element: Element, count: number, random: Random): void {
  const { elements } = element;
  for (const { candidates } of [elements.pool(), elements.sample()]) {
    const { length } = candidates;
    if (length === 0 || random.below(count) >= length) continue;
    // One that was removed and has come back is there already.
    if (!candidates.includes(element)) candidates.push(element);
  }
}
