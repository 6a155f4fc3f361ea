// What the types have in common whose elements are ordered by a hash of their name (hashedSubkey):
// steps of a scan, and choices by chance of what is in memory.

import { AssertionFailed } from "../base/assert.ts";
import { readU32, u32 } from "../encoding/key.ts";
import { WHOLE, type Visit } from "../keyspace/element-walk.ts";
import { checkDraws } from "../keyspace/element-random.ts";
import type { Elements } from "../keyspace/home.ts";
import type { View } from "../keyspace/view.ts";

const HASH_RANGE = 2 ** 32;

export interface ScanFrom {
  readonly cursor: number;
  readonly countMin: number;
}

/**
 * One step of HSCAN or SSCAN; returns where to go on, 0 at the end. A cursor is the hash of the first
 * name not told yet: places never move, so what is there during the whole walk is told. Throws COLD.
 */
export function scanElements(
  view: View,
  elements: Elements,
  step: ScanFrom,
  visit: (...found: Parameters<Visit>) => void,
): number {
  if (step.cursor >= HASH_RANGE) return 0;
  let cursor = 0;
  let told = 0;
  let lastHash = -1;
  const from = { ...WHOLE, lower: u32(step.cursor), expected: step.countMin + 1 };
  view.walk(elements, from, (subkey, value) => {
    const hash = readU32(subkey, 0);
    if (told >= step.countMin && hash !== lastHash) {
      cursor = hash;
      return false;
    }
    lastHash = hash;
    told++;
    visit(subkey, value);
    return true;
  });
  return cursor;
}

/** `times` of `all`, which is not empty, each drawn from the whole. Throws CommandError for too many. */
export function drawWithRepeats<T>(view: View, all: readonly T[], times: number): T[] {
  checkDraws(times);
  const drawn: T[] = [];
  while (drawn.length < times) {
    const one = all[view.random.below(all.length)];
    if (one === undefined) throw new AssertionFailed("within the list");
    drawn.push(one);
  }
  return drawn;
}

/** `times` different ones of `all`, or all when there are not more. Shuffles `all`. */
export function drawDistinct<T>(view: View, all: T[], times: number): T[] {
  if (times >= all.length) return all;
  // The first `times` places of a shuffle.
  for (let index = 0; index < times; index++) {
    const other = index + view.random.below(all.length - index);
    const here = all[index];
    const there = all[other];
    if (here === undefined || there === undefined) throw new AssertionFailed("within the list");
    all[index] = there;
    all[other] = here;
  }
  return all.slice(0, times);
}
