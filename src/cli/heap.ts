// How far V8's heap grows before it is collected.
//
// V8 lets a heap that churns grow to several times what lives in it. The record cache churns by design, so a
// large heap is bound tighter: a third more than lives in it is enough, and a million small keys then take
// 460 MB of resident memory in place of 690, at the same speed. A third of a small heap is soon full,
// though, and each collection goes through all that lives: up to GARBAGE_BYTES are allowed in any case, as far as
// that is no more than the heap itself (MSET at P=16: a tenth more requests, 25 MB more memory at 100,000 keys), or
// than three quarters of the cache, which the memory is planned by (another twentieth of the processor time).
//
// Young objects are collected while the event loop stands still: 4 MB of them take 4 ms, 16 MB, to which
// V8 would let them grow, 10 ms and up to 36 where most of them live on (SET and MSET of 100,000 keys). There
// is a flag for the most, but it is read before any of our code runs; how much their space grows by is
// read each time. So it is let grow to YOUNG_BYTES, and from then on by nothing.

import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from "node:v8";

const MEGABYTE = 1024 * 1024;
const GARBAGE_BYTES = 100 * MEGABYTE;
const PERCENT_MIN = 30;
const PERCENT_MAX = 100;
/** Of the cache. */
const GARBAGE_SHARE = 3 / 4;
const PERCENT_MAX_OF_CACHE = 300;
const LOOK_MS = 1000;

/** V8 has two halves of this size. */
const YOUNG_BYTES = 4 * MEGABYTE;
/** Objects that live long enough to make the space of the young grow. */
const LIVING_COUNT = 10_000;
const GROW_ROUNDS_MAX = 50;

/** How many times as large the space of young objects may become, given what it has of both halves. */
export function youngGrowth(spaceBytes: number): number {
  return Math.max(1, Math.floor((2 * YOUNG_BYTES) / Math.max(1, spaceBytes)));
}

export function youngSpaceBytes(): number {
  const spaces = getHeapSpaceStatistics();
  return spaces.find(({ space_name: name }) => name === "new_space")?.space_size ?? 0;
}

/** From now on. */
export function boundYoung(): void {
  let growth = 0;
  /** True once it has grown to its bound. */
  const look = (): boolean => {
    const now = youngGrowth(youngSpaceBytes());
    if (now !== growth) setFlagsFromString(`--semi-space-growth-factor=${now}`);
    growth = now;
    return growth === 1;
  };
  let living: unknown[] = [];
  for (let round = 0; round < GROW_ROUNDS_MAX && !look(); round++) {
    living = living.concat(Array.from({ length: LIVING_COUNT }, (_, index) => ({ index })));
  }
  // V8 takes some of it back from a process that is idle.
  setInterval(look, LOOK_MS).unref();
}

/** By how much a heap of so many bytes may grow, in percent, given `object-cache-size`. */
export function growthPercent(heapBytes: number, cacheBytes: number): number {
  const percentOf = (bytes: number): number => Math.floor((bytes * 100) / heapBytes);
  const small = Math.min(GARBAGE_BYTES, cacheBytes * GARBAGE_SHARE);
  return Math.max(
    PERCENT_MIN,
    Math.min(PERCENT_MAX, percentOf(GARBAGE_BYTES)),
    Math.min(PERCENT_MAX_OF_CACHE, percentOf(small)),
  );
}

/** From now on. V8 reads the flag at the end of each collection of the whole heap. */
export function boundHeap(cacheBytes: number): void {
  let percent = 0;
  const look = (): void => {
    const now = growthPercent(getHeapStatistics().used_heap_size, cacheBytes);
    if (now === percent) return;
    percent = now;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  };
  look();
  setInterval(look, LOOK_MS).unref();
}
