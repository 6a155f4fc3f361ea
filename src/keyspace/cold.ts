// A read that would wait for the disk. Whoever meets one throws COLD; the runner rolls the unit of
// work back, has the wanted part loaded on the thread pool, and runs the unit again (law 7).

import type { Bytes } from "../base/bytes.ts";
import type { CursorRange, StoreId } from "../engine/engine.ts";
import type { Elements } from "./home.ts";
import type { Incarnation } from "./incarnation.ts";

/** A key, many, everything in a slot from a hash on, elements of collections, or ranges of them. */
export type ColdRequest =
  | ColdKey
  | ColdKeys
  | ColdSlot
  | ColdElements
  | ColdSeveral
  | ColdRange
  | ColdRanges;

export interface ColdKey {
  readonly incarnation: Incarnation;
  readonly key: Bytes;
}

/** Keys that the unit did not name: SORT's BY and GET. */
export interface ColdKeys {
  readonly incarnation: Incarnation;
  readonly keys: readonly Bytes[];
}

export interface ColdSlot {
  readonly incarnation: Incarnation;
  readonly slot: number;
  /** What stands before it has been read already. */
  readonly fromHash: number;
  /** How many slots, this one included, the walk is likely to want. */
  readonly slotCount: number;
}

export interface ColdElements {
  readonly elements: Elements;
  readonly subkeys: readonly Bytes[];
}

/** Elements of several collections. */
export interface ColdSeveral {
  readonly several: readonly ColdElements[];
}

/** What a walk over elements has not read yet. */
export interface ColdRange {
  readonly store: StoreId;
  readonly range: CursorRange;
  /** How many entries the walk is likely to want. */
  readonly entriesMax: number;
}

/** Places of a collection that were chosen at once (element-cells.ts). */
export interface ColdRanges {
  readonly ranges: readonly ColdRange[];
}

/** One shared instance: it carries only what to load, and is consumed before the next is thrown. */
export class ColdRead extends Error {
  override readonly name = "ColdRead";
  request: ColdRequest | null = null;
}

export const COLD = new ColdRead("a read that would wait for the disk");

/** Asks for a key. */
export function throwCold(incarnation: Incarnation, key: Bytes): never {
  COLD.request = { incarnation, key };
  throw COLD;
}
