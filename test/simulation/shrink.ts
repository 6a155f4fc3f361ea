// Fewer steps of a failing run that break the same law: leaves out ever smaller runs of steps, within a
// bounded number of tries.

import type { Law, LawBroken } from "./law.ts";

const TRIES_MAX = 150;

export async function shrink(
  steps: number,
  law: Law,
  failureOf: (only: ReadonlySet<number>) => Promise<LawBroken | null>,
): Promise<ReadonlySet<number>> {
  let kept = Array.from({ length: steps }, (_, index) => index);
  let tries = 0;
  for (let size = steps >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < kept.length && tries < TRIES_MAX; tries++) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)];
      const failure = await failureOf(new Set(fewer));
      if (failure?.law === law) kept = fewer;
      else at += size;
    }
  }
  return new Set(kept);
}
