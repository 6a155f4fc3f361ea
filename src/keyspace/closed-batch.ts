// A batch whose bytes are made and of which nobody knows yet how it ends: what it has to be told by when it is
// committed, and how it is taken back when it is not.

import { assert } from "../base/assert.ts";
import type { Element } from "./home.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Record } from "./record.ts";
import type { CacheSize, Undo } from "./undo.ts";

/** What is to happen outside the store when a batch commits. */
export interface Effect {
  /** True for what does not speak of the batch's writes, as a PUBLISH that was queued behind them. */
  readonly survivesRefusal: boolean;
  /** What it keeps in memory until then, beside what a write has counted already. */
  readonly bytes: number;
  happen(): void;
}

/** A batch whose bytes are made; the keyspace needs it back to commit or to undo. */
export interface ClosedBatch {
  readonly number: number;
  readonly undoLog: readonly Undo[];
  readonly effects: readonly Effect[];
  readonly records: readonly Record[];
  /** For each of `records`: what `stored` and `indexedDueMs` were, to be put back. */
  readonly before: readonly StoredState[];
  /** For each of `records`: where in the batch the length of what was put for it begins, if it was. */
  readonly sizesAt: readonly number[];
  readonly elements: readonly Element[];
  /** For each of `elements`: what `stored` was. */
  readonly elementsStored: readonly boolean[];
  /** The earliest expiry of `records`, Infinity when none has one. */
  readonly earliestDueMs: number;
  readonly chunks: readonly { readonly incarnation: Incarnation; readonly index: number }[];
  readonly countsOf: readonly Incarnation[];
}

export interface StoredState {
  readonly stored: boolean;
  readonly indexedDueMs: number;
}

const NOT_STORED: StoredState = { stored: false, indexedDueMs: 0 };
const STORED: StoredState = { stored: true, indexedDueMs: 0 };

/** When the first of them has something that dies, Infinity for never. */
export function earliestOf(records: readonly Record[]): number {
  let earliest = Infinity;
  for (const { dueMs } of records) if (dueMs !== 0 && dueMs < earliest) earliest = dueMs;
  return earliest;
}

export function revertDownTo(cache: CacheSize, undoLog: Undo[], length: number): void {
  while (undoLog.length > length) undoLog.pop()?.revert(cache);
}

export function storedState(record: Record): StoredState {
  const { stored, indexedDueMs } = record;
  if (indexedDueMs !== 0) return { stored, indexedDueMs };
  return stored ? STORED : NOT_STORED;
}

export function undoClosed(cache: CacheSize, closed: ClosedBatch): void {
  const { undoLog } = closed;
  for (let index = undoLog.length - 1; index >= 0; index--) undoLog[index]?.revert(cache);
  for (let index = closed.records.length - 1; index >= 0; index--) {
    const record = closed.records[index];
    const before = closed.before[index];
    assert(record !== undefined && before !== undefined);
    record.stored = before.stored;
    record.indexedDueMs = before.indexedDueMs;
  }
  for (const [index, element] of closed.elements.entries()) {
    element.stored = closed.elementsStored[index] ?? false;
  }
  for (const { incarnation, index } of closed.chunks) incarnation.dirtyChunks.add(index);
  for (const incarnation of closed.countsOf) {
    incarnation.storedKeyCount = Number.NaN;
    incarnation.storedExpiringCount = Number.NaN;
  }
}
