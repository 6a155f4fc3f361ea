// A read that would wait for the disk. Whoever meets one throws COLD; the runner rolls the unit of
// work back, has the wanted part loaded on the thread pool, and runs the unit again (law 7).

import type { Bytes } from "../base/bytes.ts";
import type { CursorRange, StoreId } from "../engine/engine.ts";
import type { Elements } from "./home.ts";
import type { Incarnation } from "./incarnation.ts";

/** A key, everything in a slot from a hash on, elements of a collection, or a range of them. */
export type ColdRequest = ColdKey | ColdSlot | ColdElements | ColdRange;

export interface ColdKey {
  readonly incarnation: Incarnation;
  readonly key: Bytes;
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

/** What a walk over elements has not read yet. */
export interface ColdRange {
  readonly store: StoreId;
  readonly range: CursorRange;
  /** How many entries the walk is likely to want. */
  readonly entriesMax: number;
}

/** One shared instance: it carries only what to load, and is consumed before the next is thrown. */
export class ColdRead extends Error {
  override readonly name = "ColdRead";
  request: ColdRequest | null = null;
}

export const COLD = new ColdRead("a read that would wait for the disk");
