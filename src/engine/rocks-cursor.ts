// A cursor of the port over the binding's iterator, and the choice of how far an iterator may look.

import type { Bytes } from "../base/bytes.ts";
import {
  DATA,
  DATA_PREFIX_SIZE,
  type Cold,
  type Cursor,
  type CursorRange,
  type StoreId,
} from "./engine.ts";

/** What a cursor needs of the binding's RocksIterator. */
export interface Steps {
  readonly state: "more" | "end" | "incomplete";
  seek(key: Bytes): boolean;
  seekForPrev(key: Bytes): boolean;
  seekToLast(): boolean;
  nextBinary(maxEntries: number, maxBytes: number, flags: number): Bytes[];
  close(): void;
}

/** The binding's flags of a step. */
export interface StepFlags {
  readonly reverse: number;
  readonly keysOnly: number;
}

/** A step over large values ends early. */
const STEP_BYTES_MAX = 1024 * 1024;

export class RocksCursor implements Cursor {
  readonly #steps: Steps;
  readonly #range: CursorRange;
  readonly #flags: number;
  #isSought = false;
  #isCold = false;

  readonly #translate: (error: unknown) => unknown;

  /** `translate` makes the port's errors of the binding's. */
  constructor(
    steps: Steps,
    range: CursorRange,
    { flags, translate }: { flags: StepFlags; translate: (error: unknown) => unknown },
  ) {
    this.#steps = steps;
    this.#range = range;
    this.#translate = translate;
    this.#flags =
      (range.reverse ? flags.reverse : 0) | (range.valueBytesMax === 0 ? flags.keysOnly : 0);
  }

  next(entriesMax: number): Bytes[] | Cold {
    if (this.#isCold) return undefined;
    try {
      return this.#step(entriesMax);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #step(entriesMax: number): Bytes[] | Cold {
    if (!this.#isSought) this.#seek();
    const flat = this.#steps.state === "more" ? this.#take(entriesMax) : [];
    if (this.#steps.state !== "incomplete") return flat;
    this.#isCold = true;
    return flat.length === 0 ? undefined : flat;
  }

  close(): void {
    this.#steps.close();
  }

  #seek(): void {
    const { lower, upper, reverse } = this.#range;
    this.#isSought = true;
    if (!reverse) this.#steps.seek(lower);
    else if (upper === null) this.#steps.seekToLast();
    // The upper bound keeps `upper` itself out.
    else this.#steps.seekForPrev(upper);
  }

  #take(entriesMax: number): Bytes[] {
    const { valueBytesMax } = this.#range;
    const flat = this.#steps.nextBinary(entriesMax, STEP_BYTES_MAX, this.#flags);
    return valueBytesMax === 0 ? flat.flatMap((key) => [key, ""]) : flat;
  }
}

/** Where there is no database for the moment: everything is cold. */
export const COLD_CURSOR: Cursor = {
  next: () => undefined,
  close: () => {},
};

/** What of the binding's options a range decides. */
export interface RangeOptions {
  readonly lowerBound: Bytes;
  readonly upperBound?: Bytes;
  readonly totalOrderSeek: boolean;
  readonly prefixSameAsStart: boolean;
  readonly valueBytesMax?: number;
}

export function iteratorOptions(store: StoreId, range: CursorRange): RangeOptions {
  const isPrefixed = staysInPrefix(store, range);
  return {
    lowerBound: range.lower,
    ...(range.upper === null ? {} : { upperBound: range.upper }),
    totalOrderSeek: !isPrefixed,
    prefixSameAsStart: isPrefixed,
    ...(range.valueBytesMax === Infinity ? {} : { valueBytesMax: range.valueBytesMax }),
  };
}

/**
 * Whether a walk sees keys of one prefix of `data` alone. Backwards it may not begin at the end of
 * the prefix: a hashed memtable has no way to its last key.
 */
export function staysInPrefix(store: StoreId, { lower, upper, reverse }: CursorRange): boolean {
  if (store !== DATA || reverse || upper === null || lower.length < DATA_PREFIX_SIZE) return false;
  const end = successor(lower.slice(0, DATA_PREFIX_SIZE));
  return end !== null && upper <= end;
}

/**
 * The prefix after this one; null when there is none. As long as this one: walks end at it, and a
 * shorter spelling of the same place ("\x01" for "\x01\0") would be below their end.
 */
function successor(prefix: Bytes): Bytes | null {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--;
  if (end === 0) return null;
  const raised = prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
  return raised.padEnd(prefix.length, "\0");
}
