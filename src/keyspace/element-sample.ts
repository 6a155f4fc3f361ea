// Elements of an exploded collection by chance, one or a few a command, that stay where they are
// (SRANDMEMBER, HRANDFIELD, ZRANDMEMBER); for types whose subkeys begin with a 32-bit hash.
//
// The problem is that of element-pool.ts; but whoever draws and puts back may get the same element again, and must not
// get it more often than from the whole.
//
// The way. What some cells hold (element-cells.ts) is a sample, which serves as many draws as an eighth of what it holds,
// and is then read anew from other cells. Within it each draw is either one of those drawn before, with the chance
// that it would be one of them if all were drawn from, or one that was not drawn yet. So
//
//   - an element is drawn again as often as by draws that know nothing of each other;
//   - over many samples each element is drawn equally often: a sample that happens to hold more serves more draws;
//   - where the cells of a sample are all that there are, draws are independent, exactly;
//   - otherwise the draws from one sample come from a few cells. Cells are cut by a hash, which has nothing to do with
//     what the elements are: any count over draws varies by one part in eight more than over independent ones.
//
// As a pool, a sample is a list of who may be drawn, and nothing of it is ever undone.

import { assert } from "../base/assert.ts";
import type { Random } from "../base/random.ts";
import { readCells } from "./element-cells.ts";
import type { RandomPlace } from "./element-random.ts";
import type { Element, ElementSample } from "./home.ts";

/** More at a time are drawn from more places than a sample mixes. */
export const SAMPLE_TIMES_MAX = 16;
/** A sample serves as many draws as a part of what it holds. */
const PART = 8;

/** Draws from one that holds everything: they are as good as any, but what is added should come in as others did. */
const DRAWS_WHOLE = 64;

/** Before `times` elements are drawn: throws COLD where they are not in memory. */
export function prepareSample(place: RandomPlace, random: Random, times: number): void {
  const sample = place.elements.sample();
  if (sample.drawsLeft >= times) return;
  const found = readCells(place, sample, random);
  // The remainder by chance, so that the draws are a part of the size, exactly, in the long run.
  const draws = Math.floor(found.length / PART + random.next());
  sample.candidates = found;
  sample.drawn = 0;
  sample.drawsLeft = Math.max(times, found.length >= place.count ? DRAWS_WHOLE : draws);
}

/** One that is there, by chance out of `place.count`. Throws COLD, seldom after `prepareSample`. */
export function drawFromSample(place: RandomPlace, random: Random): Element {
  for (;;) {
    const sample = place.elements.sample();
    const { candidates, drawn } = sample;
    const isAgain = random.next() * place.count < drawn;
    const index = isAgain ? random.below(drawn) : drawn + random.below(candidates.length - drawn);
    const element = candidates[index];
    if (element === undefined) {
      // All that it held were drawn, or have gone.
      sample.drawsLeft = 0;
      prepareSample(place, random, 1);
    } else if (element.content === null) {
      drop(sample, index);
    } else {
      if (!isAgain) markDrawn(sample, index);
      sample.drawsLeft--;
      return element;
    }
  }
}

/** Those that were drawn stand first. */
function markDrawn(sample: ElementSample, index: number): void {
  const { candidates, drawn } = sample;
  const [here, first] = [candidates[index], candidates[drawn]];
  assert(here !== undefined && first !== undefined, "it stands behind those that were drawn");
  candidates[index] = first;
  candidates[drawn] = here;
  sample.drawn++;
}

function drop(sample: ElementSample, index: number): void {
  const { candidates } = sample;
  let hole = index;
  if (index < sample.drawn) {
    sample.drawn--;
    hole = sample.drawn;
    const lastDrawn = candidates[hole];
    if (lastDrawn !== undefined) candidates[index] = lastDrawn;
  }
  const last = candidates.pop();
  if (last !== undefined && hole < candidates.length) candidates[hole] = last;
}
