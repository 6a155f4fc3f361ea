// Elements of an exploded collection by chance, for types whose subkeys begin with a 32-bit hash: a few come
// from a sample that is kept in memory (element-sample.ts), many from places of their own, as follows.
//
// The ring of hashes is cut into cells that hold about CELL_SIZE elements, rather less than more. A cell
// is drawn, read whole, and taken with a chance that grows with what it holds; then one of its elements is
// drawn. So each element has the same chance, whatever the gaps around it, as long as no cell holds more
// than CELL_SIZE_MAX (with hashes that is as good as never; the elements of a fuller one are drawn less).
// Finding a cell costs more than reading it, so cells are large enough that every second is taken.
//
// As many draws as there are cells come to nearly all of them: those are read in one walk, which costs a third of
// finding each.
//
// A draw that finds a cold block is run again after the load and must come to the same cell: the seed
// is kept until the choice is made.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { SeededRandom, type Random } from "../base/random.ts";
import { readU32, u32 } from "../encoding/key.ts";
import type { Engine } from "../engine/engine.ts";
import { CommandError } from "../resp/errors.ts";
import { drawFromSample, prepareSample, SAMPLE_TIMES_MAX } from "./element-sample.ts";
import { walkElements } from "./element-walk.ts";
import type { Element, Elements } from "./home.ts";

export interface FoundElement {
  readonly subkey: Bytes;
  readonly value: Bytes;
}

/**
 * More are refused: such a reply is held in memory as a whole, and one command must not stop the
 * server for minutes or fill its heap.
 */
export const DRAWS_MAX = 1 << 20;
const TOO_MANY_DRAWS = new CommandError(
  `ERR at most ${DRAWS_MAX} random elements can be asked for at a time`,
);

const CELL_SIZE = 32;
const CELL_SIZE_MAX = 64;
const HASH_RANGE = 2 ** 32;

export interface RandomPlace {
  readonly engine: Engine;
  readonly elements: Elements;
  readonly loads: number;
  /** How many elements there are: at least one. */
  readonly count: number;
}

export function checkDraws(times: number): void {
  if (times > DRAWS_MAX) throw TOO_MANY_DRAWS;
}

/** `times` elements, each drawn from all of them. Throws COLD, CommandError for too many. */
export function randomElements(place: RandomPlace, random: Random, times: number): FoundElement[] {
  checkDraws(times);
  const chosen: FoundElement[] = [];
  if (times <= SAMPLE_TIMES_MAX) {
    prepareSample(place, random, times);
    while (chosen.length < times) chosen.push(foundIn(drawFromSample(place, random)));
    return chosen;
  }
  drawUntil(place, { random, times }, (found) => chosen.push(found) >= times);
  return chosen;
}

/** `times` different elements, fewer than there are; with many of them it draws in vain often. */
export function randomDistinctElements(
  place: RandomPlace,
  random: Random,
  times: number,
): FoundElement[] {
  const chosen = new Map<Bytes, FoundElement>();
  if (times <= SAMPLE_TIMES_MAX) {
    prepareSample(place, random, times);
    while (chosen.size < times) {
      const found = foundIn(drawFromSample(place, random));
      chosen.set(found.subkey, found);
    }
    return [...chosen.values()];
  }
  const isEnough = (found: FoundElement): boolean => chosen.set(found.subkey, found).size >= times;
  drawUntil(place, { random, times }, isEnough);
  return [...chosen.values()];
}

function foundIn({ subkey, value }: Element): FoundElement {
  return { subkey, value: value ?? "" };
}

function drawUntil(
  place: RandomPlace,
  { random, times }: { readonly random: Random; readonly times: number },
  isEnough: (found: FoundElement) => boolean,
): void {
  const { elements } = place;
  elements.pendingSeed ??= random.below(HASH_RANGE);
  const seeded = new SeededRandom(elements.pendingSeed);
  const cells = times >= cellsOf(place) ? readAllCells(place) : new Map<number, FoundElement[]>();
  while (!isEnough(draw(place, seeded, cells)));
  elements.pendingSeed = null;
}

function cellsOf({ count }: RandomPlace): number {
  return count <= CELL_SIZE_MAX ? 1 : Math.ceil(count / CELL_SIZE);
}

function readAllCells(place: RandomPlace): Map<number, FoundElement[]> {
  const cellCount = cellsOf(place);
  const cells = Array.from({ length: cellCount }, (): FoundElement[] => []);
  const whole = { lower: "", upper: null, reverse: false, expected: place.count };
  walkElements(place, whole, (subkey, value) => {
    // The cell in whose bounds, as `readCell` has them, the hash lies.
    cells[Math.floor((readU32(subkey, 0) * cellCount) / HASH_RANGE)]?.push({ subkey, value });
    return true;
  });
  return new Map(cells.entries());
}

function draw(
  place: RandomPlace,
  random: Random,
  cells: Map<number, FoundElement[]>,
): FoundElement {
  assert(place.count > 0, "there is something to draw from");
  const cellCount = cellsOf(place);
  for (;;) {
    const index = random.below(cellCount);
    let cell = cells.get(index);
    if (cell === undefined) {
      cell = readCell(place, index, cellCount);
      cells.set(index, cell);
    }
    // One cell is all there is: no need to weigh it against others.
    const bound = cellCount === 1 ? cell.length : Math.max(CELL_SIZE_MAX, cell.length);
    const found = cell[random.below(bound)];
    if (found !== undefined) return found;
  }
}

function readCell(place: RandomPlace, index: number, cellCount: number): FoundElement[] {
  const cell: FoundElement[] = [];
  const end = Math.ceil(((index + 1) * HASH_RANGE) / cellCount);
  walkElements(
    place,
    {
      lower: u32(Math.ceil((index * HASH_RANGE) / cellCount)),
      upper: end >= HASH_RANGE ? null : u32(end),
      reverse: false,
      expected: CELL_SIZE_MAX,
    },
    (subkey, value) => {
      cell.push({ subkey, value });
      return true;
    },
  );
  return cell;
}
