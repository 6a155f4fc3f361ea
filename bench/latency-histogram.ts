// How often what took how long, finely enough for the far end: each power of two of microseconds has 32
// buckets of its own, so a value is known to within 3 %. (src/base/histogram.ts, which servers keep for
// every command, has one.)

const STEPS_LOG2 = 5;
const STEPS = 2 ** STEPS_LOG2;
/** Beyond about an hour everything is in the last bucket. */
const POWERS = 32;
const BUCKETS = STEPS * (POWERS - STEPS_LOG2 + 1);

export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #max = 0;

  add(microseconds: number): void {
    const value = Math.max(0, Math.floor(microseconds));
    const bucket = Math.min(BUCKETS - 1, bucketOf(value));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    if (microseconds > this.#max) this.#max = microseconds;
  }

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return this.#max;
  }

  /** Microseconds that `percent` of all took at most, the bucket's upper end; 0 of nothing. */
  percentile(percent: number): number {
    const wanted = (this.#count * percent) / 100;
    let met = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      met += count;
      if (met >= wanted && met > 0) return Math.min(this.#max, lastOf(bucket));
    }
    return this.#max;
  }

  /** How many took longer than so many microseconds, to within the width of a bucket. */
  above(microseconds: number): number {
    const from = bucketOf(Math.floor(microseconds)) + 1;
    return this.#counts.subarray(from).reduce((sum, count) => sum + count, 0);
  }

  summary(): Summary {
    return {
      count: this.#count,
      p50: this.percentile(50),
      p99: this.percentile(99),
      p999: this.percentile(99.9),
      max: this.#max,
    };
  }
}

/** Whole microseconds below 2 * STEPS have a bucket each; from there on buckets double in width. */
function bucketOf(value: number): number {
  if (value < STEPS) return value;
  const power = Math.floor(Math.log2(value)) - STEPS_LOG2;
  return STEPS * power + Math.floor(value / 2 ** power);
}

/** The largest value of a bucket, its upper end. */
function lastOf(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket + 1;
  const power = Math.floor(bucket / STEPS) - 1;
  return (bucket - STEPS * power + 1) * 2 ** power;
}
