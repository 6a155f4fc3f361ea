// Sets: SADD, SPOP and their family, as handlers; what takes several sets is in set-algebra.ts. Their
// rows are in set-rows.ts, what a set is in types/set.ts.

import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, SetReply, type Reply } from "../resp/reply.ts";
import { INT64_MAX, INT64_MIN, parseInteger, toIndex } from "../types/number.ts";
import * as set from "../types/set.ts";
import { cursorOf, scanOptions } from "./scan-options.ts";
import { at, type Args } from "./table.ts";

const MUST_BE_POSITIVE = new CommandError("ERR value is out of range, must be positive");
const COUNT_HAS_NO_OPPOSITE = new CommandError(
  `ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`,
);
const EMPTY_SET = new SetReply([]);

// Reading

export function scard(view: View, args: Args): Reply {
  const record = set.find(view, at(args, 1));
  return record === null ? 0 : set.size(view, record);
}

export function sismember(view: View, args: Args): Reply {
  const record = set.find(view, at(args, 1));
  return record !== null && set.has(view, record, at(args, 2)) ? 1 : 0;
}

export function smismember(view: View, args: Args): Reply {
  const record = set.find(view, at(args, 1));
  const members = args.slice(2);
  if (record === null) return members.map(() => 0);
  set.want(view, record, members);
  return members.map((member) => (set.has(view, record, member) ? 1 : 0));
}

export function smembers(view: View, args: Args): Reply {
  const record = set.find(view, at(args, 1));
  return record === null ? EMPTY_SET : new SetReply(set.members(view, record));
}

export function sscan(view: View, args: Args): Reply {
  const cursor = cursorOf(at(args, 2));
  const record = set.find(view, at(args, 1));
  if (record === null) return ["0", EMPTY_ARRAY];
  const { pattern, countMin } = scanOptions(args, { from: 3, words: [] });
  const step = set.scan(view, record, { cursor, countMin });
  const members =
    pattern === null ? step.members : step.members.filter((member) => matches(pattern, member));
  return [String(step.cursor), members];
}

export function srandmember(view: View, args: Args): Reply {
  if (args.length > 3) throw SYNTAX_ERROR;
  const times = args.length === 3 ? signedCount(at(args, 2)) : null;
  const record = set.find(view, at(args, 1));
  if (times === null) {
    if (record === null) return null;
    const [drawn] = set.drawWithRepeats(view, record, 1);
    return drawn ?? null;
  }
  if (record === null || times === 0) return EMPTY_ARRAY;
  if (times < 0) return set.drawWithRepeats(view, record, -times);
  return set.drawDistinct(view, record, times);
}

/** A count whose sign tells something: the smallest number of 64 bits has no opposite. */
function signedCount(text: Bytes): number {
  const count = parseInteger(text);
  if (count === null) throw NOT_AN_INTEGER;
  if (count === INT64_MIN) throw COUNT_HAS_NO_OPPOSITE;
  return toIndex(count);
}

// Changing

export function sadd(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = set.open(view, key);
  const count = args.length - 2;
  if (count > 1) set.want(view, record, args.slice(2));
  let added = 0;
  for (let index = 2; index < args.length; index++) {
    if (set.add(view, record, at(args, index), count)) added++;
  }
  if (added > 0) view.notify("set", "sadd", key);
  return added;
}

export function srem(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = set.find(view, key);
  if (record === null) return 0;
  if (args.length > 3) set.want(view, record, args.slice(2));
  let removed = 0;
  for (let index = 2; index < args.length; index++) {
    if (set.remove(view, record, at(args, index))) removed++;
    if (set.size(view, record) === 0) break;
  }
  if (removed === 0) return 0;
  view.notify("set", "srem", key);
  set.removeIfEmpty(view, record);
  return removed;
}

export function smove(view: View, args: Args): Reply {
  const from = at(args, 1);
  const to = at(args, 2);
  const member = at(args, 3);
  const source = set.find(view, from);
  if (source === null) return 0;
  const target = set.find(view, to);
  if (source === target) return set.has(view, source, member) ? 1 : 0;
  if (!set.remove(view, source, member)) return 0;
  view.notify("set", "srem", from);
  set.removeIfEmpty(view, source);
  if (set.add(view, target ?? set.open(view, to), member, 1)) view.notify("set", "sadd", to);
  return 1;
}

export function spop(view: View, args: Args): Reply {
  if (args.length > 3) throw SYNTAX_ERROR;
  const times = args.length === 3 ? positiveCount(at(args, 2)) : null;
  const key = at(args, 1);
  const record = set.find(view, key);
  if (times === 0 || record === null) return times === null ? null : EMPTY_SET;
  const size = set.size(view, record);
  let popped: readonly Bytes[];
  if (size <= (times ?? 1)) {
    popped = set.members(view, record);
    set.removeAll(view, record);
    view.notify("set", "spop", key);
    view.notify("generic", "del", key);
  } else {
    popped = set.pop(view, record, times ?? 1);
    view.notify("set", "spop", key);
  }
  return times === null ? (popped[0] ?? null) : new SetReply(popped);
}

function positiveCount(text: Bytes): number {
  const count = parseInteger(text);
  if (count === null || count < 0) throw MUST_BE_POSITIVE;
  return toIndex(count);
}
