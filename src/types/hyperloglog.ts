// What a HyperLogLog is to the commands: a string in Redis's format (sketch.ts) that elements are added
// to, counted and merged. A count is remembered in the string; that is no change of the key, so PFCOUNT
// reads also while nothing can be written, and what it remembers reaches the disk with the next change.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import { estimate } from "./sketch-estimate.ts";
import {
  cachedCardinality,
  CorruptSketch,
  isSketch,
  REGISTER_COUNT,
  Sketch,
  VALUE_MAX,
  withCardinality,
} from "./sketch.ts";
import * as string from "./string.ts";

const NOT_A_SKETCH = new CommandError("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPT = new CommandError("INVALIDOBJ Corrupted HLL object detected");

/** The record of a key that holds a HyperLogLog; null when there is none. Throws COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = string.find(view, key);
  if (record !== null && !isSketch(string.bytesOf(record))) throw NOT_A_SKETCH;
  return record;
}

export function sketchOf(view: View, record: Record | null): Sketch {
  const { sparseSketchBytesMax } = view.limits.collections;
  if (record === null) return Sketch.empty(sparseSketchBytesMax);
  return Sketch.of(string.bytesOf(record), sparseSketchBytesMax);
}

/** Runs what reads registers; says what Redis says when they do not decode. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CorruptSketch) throw CORRUPT;
    throw error;
  }
}

/** Adds elements, from position `from` of the list on; true when that has changed anything. */
export function add(view: View, key: Bytes, elements: readonly Bytes[], from: number): boolean {
  const record = find(view, key);
  const sketch = sketchOf(view, record);
  let changes = record === null ? 1 : 0;
  reading(() => {
    for (let index = from; index < elements.length; index++) {
      if (sketch.add(elements[index] ?? "")) changes++;
    }
  });
  if (changes === 0) return false;
  sketch.markOutOfDate();
  store(view, key, { record, sketch, changes });
  return true;
}

/** Writes a changed one; Redis counts `changes` changes. */
export function store(
  view: View,
  key: Bytes,
  what: { readonly record: Record | null; readonly sketch: Sketch; readonly changes: number },
): void {
  const { changes } = view.stats;
  string.storeRaw(view, key, what.record, what.sketch.toBytes());
  view.stats.changes = changes + what.changes;
}

/** How many different elements were added, by estimate; it is remembered. */
export function count(view: View, record: Record): number {
  const value = string.bytesOf(record);
  const known = cachedCardinality(value);
  if (known !== null) return known;
  const counts = new Uint32Array(64);
  reading(() => {
    sketchOf(view, record).forEachRun((register, length) => {
      counts[register] = (counts[register] ?? 0) + length;
    });
  });
  const cardinality = estimate(counts);
  view.unpack(record, withCardinality(value, cardinality));
  record.changedInPlace = record.value;
  return cardinality;
}

/** The greatest value of each register among several HyperLogLogs. */
export class Union {
  readonly registers = new Uint8Array(REGISTER_COUNT);

  /** Throws INVALIDOBJ. */
  take(sketch: Sketch): void {
    const { registers } = this;
    let index = 0;
    reading(() => {
      sketch.forEachRun((value, length) => {
        for (const end = index + length; index < end; index++) {
          if (value > (registers[index] ?? 0)) registers[index] = value;
        }
      });
    });
  }

  count(): number {
    const counts = new Uint32Array(64);
    for (const value of this.registers) counts[value] = (counts[value] ?? 0) + 1;
    return estimate(counts);
  }

  /** Lifts the registers of `sketch` to those seen. Throws INVALIDOBJ. */
  raise(sketch: Sketch): void {
    reading(() => {
      for (const [index, value] of this.registers.entries()) {
        if (value !== 0) sketch.raise(index, value);
      }
    });
  }
}

/** An estimate of how many different elements are told to it, with no more memory than registers. */
export class Estimator {
  readonly #sketch: Sketch;

  constructor() {
    this.#sketch = Sketch.empty(0);
    this.#sketch.makeDense();
  }

  /** True when that may have changed the count. */
  add(element: Bytes): boolean {
    return this.#sketch.add(element);
  }

  count(): number {
    const counts = new Uint32Array(VALUE_MAX + 1);
    this.#sketch.forEachRun((value, length) => {
      counts[value] = (counts[value] ?? 0) + length;
    });
    return estimate(counts);
  }
}
