// How far V8's heap grows before it is collected.
//
// V8 lets a heap that churns grow to several times what lives in it. The record cache churns by design, so a
// large heap is bound tighter: a third more than lives in it is enough, and a million small keys then take
// 460 MB of resident memory in place of 690, at the same speed. A third of a small heap is soon full,
// though, and each collection goes through all that lives: up to GARBAGE_BYTES are allowed in any case
// (MSET at P=16: a tenth more requests, 25 MB more memory at 100,000 keys).

import { getHeapStatistics, setFlagsFromString } from "node:v8";

const MEGABYTE = 1024 * 1024;
const GARBAGE_BYTES = 100 * MEGABYTE;
const PERCENT_MIN = 30;
const PERCENT_MAX = 100;
const LOOK_MS = 1000;

/** By how much a heap of so many bytes may grow, in percent. */
export function growthPercent(heapBytes: number): number {
  const percent = Math.floor((GARBAGE_BYTES * 100) / heapBytes);
  return Math.min(PERCENT_MAX, Math.max(PERCENT_MIN, percent));
}

/** From now on. V8 reads the flag at the end of each collection of the whole heap. */
export function boundHeap(): void {
  let percent = 0;
  const look = (): void => {
    const now = growthPercent(getHeapStatistics().used_heap_size);
    if (now === percent) return;
    percent = now;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  };
  look();
  setInterval(look, LOOK_MS).unref();
}
