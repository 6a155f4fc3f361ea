// The slow log: the newest commands that took long, arguments cut short so that the log stays small.

import type { Bytes } from "../base/bytes.ts";

export interface SlowEntry {
  readonly id: number;
  /** Seconds since the epoch. */
  readonly atSeconds: number;
  readonly microseconds: number;
  readonly args: readonly Bytes[];
  readonly address: Bytes;
  readonly clientName: Bytes;
}

export type SlowCall = Omit<SlowEntry, "id">;

const ARGUMENT_COUNT_MAX = 32;
const ARGUMENT_BYTES_MAX = 128;

export class Slowlog {
  /** `slowlog-max-len`. */
  lengthMax: number;
  /** Newest last, so that adding is cheap. */
  #entries: SlowEntry[] = [];
  #nextId = 0;

  constructor(lengthMax: number) {
    this.lengthMax = lengthMax;
  }

  get length(): number {
    return Math.min(this.#entries.length, this.lengthMax);
  }

  add(call: SlowCall): void {
    this.#entries.push({ ...call, id: this.#nextId++, args: shortened(call.args) });
    // Cut in strides: dropping the first of many at each call would move them all each time.
    if (this.#entries.length > 2 * this.lengthMax) {
      this.#entries = this.#entries.slice(this.#entries.length - this.lengthMax);
    }
  }

  /** At most `count` entries, newest first. */
  newest(count: number): SlowEntry[] {
    const shown = Math.min(count, this.length);
    return this.#entries.slice(this.#entries.length - shown).reverse();
  }

  clear(): void {
    this.#entries = [];
  }
}

function shortened(args: readonly Bytes[]): Bytes[] {
  const shown = args.length > ARGUMENT_COUNT_MAX ? ARGUMENT_COUNT_MAX - 1 : args.length;
  const short: Bytes[] = [];
  for (const arg of args.slice(0, shown)) {
    const over = arg.length - ARGUMENT_BYTES_MAX;
    if (over <= 0) short.push(arg);
    else short.push(`${arg.slice(0, ARGUMENT_BYTES_MAX)}... (${over} more bytes)`);
  }
  if (shown < args.length) short.push(`... (${args.length - shown} more arguments)`);
  return short;
}
