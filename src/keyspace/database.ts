// A logical database: the number that SELECT takes, and the incarnation it shows now.

import type { Incarnation } from "./incarnation.ts";
import type { Watches } from "./watches.ts";

export interface Database {
  readonly index: number;
  incarnation: Incarnation;
  /** Stay with the database when it is flushed or swapped. */
  readonly watches: Watches;
  /** The batch that flushed or swapped it last: until it commits, all that is seen may be undone. */
  replacedIn: number;
}

export function newDatabase(index: number, incarnation: Incarnation): Database {
  return { index, incarnation, watches: incarnation.watches, replacedIn: 0 };
}
