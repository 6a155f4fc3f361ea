// How often something took how long, in powers of two: cheap enough to be kept for every command.

const BUCKET_COUNT = 33;
/** The last bucket takes what is above it as well. */
const LAST_BOUND = 2 ** 32;

export class Histogram {
  /** The bucket at `index` counts what took more than 2 ** (index - 1) and at most 2 ** index. */
  // Made for the first value: most commands are never called.
  #counts: Float64Array | null = null;

  add(value: number): void {
    let index = 0;
    if (value > LAST_BOUND) index = BUCKET_COUNT - 1;
    else if (value > 1) index = 32 - Math.clz32(Math.ceil(value) - 1);
    const counts = (this.#counts ??= new Float64Array(BUCKET_COUNT));
    counts[index] = (counts[index] ?? 0) + 1;
  }

  /** Upper bounds and how many values were within, from the first that is not empty to the last. */
  cumulative(): { readonly bound: number; readonly count: number }[] {
    const found: { bound: number; count: number }[] = [];
    let total = 0;
    for (const [index, count] of this.#counts?.entries() ?? []) {
      if (count === 0) continue;
      total += count;
      found.push({ bound: 2 ** index, count: total });
    }
    return found;
  }

  /** The bound within which `percent` of all values are; 0 when there are none. */
  percentile(percent: number): number {
    const steps = this.cumulative();
    const total = steps.at(-1)?.count ?? 0;
    for (const { bound, count } of steps) {
      if (count >= (total * percent) / 100) return bound;
    }
    return 0;
  }

  clear(): void {
    this.#counts?.fill(0);
  }
}
