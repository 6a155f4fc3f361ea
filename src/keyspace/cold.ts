// A read that would wait for the disk. Whoever meets one throws COLD; the runner rolls the unit of
// work back, has the wanted part loaded on the thread pool, and runs the unit again (law 7).

import type { Bytes } from "../base/bytes.ts";
import type { Incarnation } from "./incarnation.ts";

/** A key, or everything in a slot from a hash on. */
export type ColdRequest = { readonly incarnation: Incarnation; readonly key: Bytes } | ColdSlot;

export interface ColdSlot {
  readonly incarnation: Incarnation;
  readonly slot: number;
  /** What stands before it has been read already. */
  readonly fromHash: number;
  /** How many slots, this one included, the walk is likely to want. */
  readonly slotCount: number;
}

/** One shared instance: it carries only what to load, and is consumed before the next is thrown. */
export class ColdRead extends Error {
  override readonly name = "ColdRead";
  request: ColdRequest | null = null;
}

export const COLD = new ColdRead("a read that would wait for the disk");
