// What the expirer does inside collections: fields of hashes die by themselves.

import { HASH } from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import * as hashExpiry from "./hash-expiry.ts";

/** Removes what has died, `itemsMax` at most; true if there is more. Throws COLD. */
export function collectInside(view: View, record: Record, itemsMax: number): boolean {
  return record.kind === HASH && hashExpiry.collect(view, record, itemsMax);
}
