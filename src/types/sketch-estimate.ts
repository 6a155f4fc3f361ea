// How many different elements made the registers of a HyperLogLog: the improved raw estimator of Otmar
// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6. It reads
// only how many registers have each value, and needs no table of corrections.

import { REGISTER_COUNT, VALUE_MAX } from "./sketch.ts";

/** 1 / (2 ln 2). */
const ALPHA_INFINITE = 0.7213475204444817;

/** `counts[v]`: how many registers are v. */
export function estimate(counts: ArrayLike<number>): number {
  const m = REGISTER_COUNT;
  let z = m * tau((m - (counts[VALUE_MAX] ?? 0)) / m);
  for (let value = VALUE_MAX - 1; value >= 1; value--) {
    z += counts[value] ?? 0;
    z *= 0.5;
  }
  z += m * sigma((counts[0] ?? 0) / m);
  return Math.round((ALPHA_INFINITE * m * m) / z);
}

/** x + x^2 * 1 + x^4 * 2 + x^8 * 4 ... until it no longer grows. */
function sigma(start: number): number {
  if (start === 1) return Infinity;
  let x = start;
  let y = 1;
  let z = x;
  for (;;) {
    x *= x;
    const before = z;
    z += x * y;
    y += y;
    if (z === before) return z;
  }
}

/** (1 - x - (1 - x^(1/2))^2 / 2 - (1 - x^(1/4))^2 / 4 ...) / 3, until it no longer shrinks. */
function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let x = start;
  let y = 1;
  let z = 1 - x;
  for (;;) {
    x = Math.sqrt(x);
    const before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
    if (z === before) return z / 3;
  }
}
