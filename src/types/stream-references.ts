// What becomes of an entry that is deleted while groups still refer to it: Redis 8.2's policies.
//
//   KEEPREF   the entry goes, what is pending of it stays (as ever)
//   DELREF    the entry goes, and it is pending nowhere any more
//   ACKED     the entry goes only if every group has got it and nobody has it pending

import { compareIds, type StreamId } from "../encoding/stream-id.ts";
import { groups, type OpenGroup } from "./stream-group.ts";
import * as stream from "./stream.ts";
import type { StreamParts } from "./stream-parts.ts";

export type RefPolicy = "KEEPREF" | "DELREF" | "ACKED";

/** -1 there is no such entry; 1 it was deleted; 2 it was not, since a group still refers to it. */
export type Outcome = -1 | 1 | 2;

/** Deletes entries by a policy, one by one; tells what became of each. Throws COLD. */
export function removeByPolicy(
  parts: StreamParts,
  ids: readonly StreamId[],
  policy: RefPolicy,
): Outcome[] {
  const open = policy === "KEEPREF" ? [] : groups(parts);
  const outcomes = ids.map((id): Outcome => {
    if (policy === "ACKED" && isReferenced(open, id)) {
      return stream.get(parts, id) === null ? -1 : 2;
    }
    if (policy === "DELREF") dropReferences(open, id);
    return stream.remove(parts, [id]) === 0 ? -1 : 1;
  });
  for (const group of open) group.flush();
  return outcomes;
}

function isReferenced(open: readonly OpenGroup[], id: StreamId): boolean {
  return open.some((one) => compareIds(one.group.last, id) < 0 || one.pending(id) !== null);
}

function dropReferences(open: readonly OpenGroup[], id: StreamId): void {
  for (const one of open) {
    const pending = one.pending(id);
    if (pending !== null) one.removePending(id, pending);
  }
}

/** As `stream.trim`, for the policies that look at groups. Throws COLD. */
export function trimByPolicy(parts: StreamParts, trim: stream.Trim, policy: RefPolicy): number {
  const ids = stream.trimmable(parts, trim);
  return removeByPolicy(parts, ids, policy).filter((outcome) => outcome === 1).length;
}
