// XDELEX and XACKDEL of Redis 8.2: entries are deleted by a policy about the groups that refer to them, and
// of each ID is told what became of it.

import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import { findGroup, type OpenGroup } from "../types/stream-group.ts";
import { idOf, type StreamId } from "../types/stream-id.ts";
import type { StreamParts } from "../types/stream-parts.ts";
import { removeByPolicy, type Outcome, type RefPolicy } from "../types/stream-references.ts";
import * as stream from "../types/stream.ts";
import { at, type Args } from "./table.ts";

const BAD_COUNT = new CommandError("ERR Number of IDs must be a positive integer");
const OTHER_COUNT = new CommandError(
  "ERR The `numids` parameter must match the number of arguments",
);
const NO_IDS = new CommandError("ERR IDS option is required");
const NOT_THERE = -1;

interface Deletion {
  readonly policy: RefPolicy;
  readonly ids: readonly StreamId[];
}

/** The policy and the IDs, from position `from` on. Throws CommandError. */
function deletionOf(args: Args, from: number): Deletion {
  let policy: RefPolicy | null = null;
  let ids: Args | null = null;
  for (let index = from; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    if (word === "KEEPREF" || word === "DELREF" || word === "ACKED") {
      if (policy !== null) throw SYNTAX_ERROR;
      policy = word;
    } else if (word === "IDS" && index + 1 < args.length) {
      ids = countedIds(args, index + 1);
      index += 1 + ids.length;
    } else {
      throw SYNTAX_ERROR;
    }
  }
  if (ids === null) throw NO_IDS;
  return { policy: policy ?? "KEEPREF", ids: ids.map(idOf) };
}

function countedIds(args: Args, countAt: number): Args {
  const count = parseInteger(at(args, countAt));
  if (count === null || count < 1) throw BAD_COUNT;
  const end = countAt + 1 + toIndex(count);
  if (end > args.length) throw OTHER_COUNT;
  return args.slice(countAt + 1, end);
}

export function xdelex(view: View, args: Args): Reply {
  const key = at(args, 1);
  const { policy, ids } = deletionOf(args, 2);
  const record = stream.find(view, key);
  if (record === null) return ids.map(() => NOT_THERE);
  const outcomes = removeByPolicy(stream.partsOf(view, record), ids, policy);
  if (outcomes.includes(1)) view.notify("stream", "xdel", key);
  return outcomes;
}

/** Only what is pending in the group is acknowledged, and only that is deleted. */
export function xackdel(view: View, args: Args): Reply {
  const key = at(args, 1);
  const { policy, ids } = deletionOf(args, 3);
  const record = stream.find(view, key);
  const parts = record === null ? null : stream.partsOf(view, record);
  const group = parts === null ? null : findGroup(parts, at(args, 2));
  if (parts === null || group === null) return ids.map(() => NOT_THERE);
  const outcomes = acknowledged(view, group, ids).map((id) => removed(parts, id, policy));
  if (outcomes.includes(1)) view.notify("stream", "xdel", key);
  return outcomes;
}

/** Null in the place of each ID that is not pending in the group. */
function acknowledged(
  view: View,
  group: OpenGroup,
  ids: readonly StreamId[],
): readonly (StreamId | null)[] {
  if (ids.length > 1) group.wantPending(ids);
  const found = ids.map((id) => {
    const pending = group.pending(id);
    if (pending === null) return null;
    group.removePending(id, pending);
    view.stats.changes++;
    return id;
  });
  group.flush();
  return found;
}

function removed(parts: StreamParts, id: StreamId | null, policy: RefPolicy): Outcome {
  return id === null ? NOT_THERE : (removeByPolicy(parts, [id], policy)[0] ?? NOT_THERE);
}
