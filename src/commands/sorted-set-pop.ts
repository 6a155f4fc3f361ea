// Taking the first or the last members out of a sorted set: ZPOPMIN, ZMPOP, and BZPOPMIN and BZMPOP, which
// wait until there is one.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { Double, EMPTY_ARRAY, NULL_ARRAY, PairsReply, type Reply } from "../resp/reply.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import * as range from "../types/sorted-set-range.ts";
import * as sortedSet from "../types/sorted-set.ts";
import { flatEntries } from "./sorted-set.ts";
import { at, type Args } from "./table.ts";
import { parseTimeout, Wait } from "./wait.ts";

const NOT_POSITIVE = new CommandError("ERR value is out of range, must be positive");
const TOO_FEW_KEYS = new CommandError("ERR numkeys should be greater than 0");
const TOO_FEW_WANTED = new CommandError("ERR count should be greater than 0");

type Side = "MIN" | "MAX";

export function zpopmin(view: View, args: Args): Reply {
  return popped(view, args, "MIN");
}

export function zpopmax(view: View, args: Args): Reply {
  return popped(view, args, "MAX");
}

function popped(view: View, args: Args, side: Side): Reply {
  if (args.length > 3) throw SYNTAX_ERROR;
  const isCounted = args.length === 3;
  const count = isCounted ? wholeNumber(at(args, 2), 0, NOT_POSITIVE) : 1;
  const record = sortedSet.find(view, at(args, 1));
  if (record === null || count === 0) return EMPTY_ARRAY;
  const entries = takeFrom(view, record, side, count);
  return isCounted ? new PairsReply(flatEntries(entries)) : flatEntries(entries);
}

function takeFrom(view: View, record: Record, side: Side, count: number): sortedSet.Entry[] {
  const reverse = side === "MAX";
  const entries = range.removeRange(view, record, {
    range: { kind: "position", from: 0, to: sortedSet.size(view, record) },
    selection: { reverse, offset: 0, limit: count },
  });
  view.notify("sortedSet", reverse ? "zpopmax" : "zpopmin", record.key);
  sortedSet.removeIfEmpty(view, record);
  return entries;
}

function wholeNumber(text: Bytes, min: number, refusal: CommandError): number {
  const value = parseInteger(text);
  if (value === null || value < min) throw refusal;
  return toIndex(value);
}

/** The first of the keys that holds a sorted set. Throws WRONG_TYPE, COLD. */
function firstOf(view: View, keys: readonly Bytes[]): Record | null {
  for (const key of keys) {
    const record = sortedSet.find(view, key);
    if (record !== null) return record;
  }
  return null;
}

interface ManyPop {
  readonly keys: readonly Bytes[];
  readonly side: Side;
  readonly count: number;
}

export function zmpop(view: View, args: Args): Reply {
  return popFirst(view, manyPop(args, 1));
}

/** Number of keys, keys, MIN or MAX, COUNT, from `from` on. */
function manyPop(args: Args, from: number): ManyPop {
  const keyCount = wholeNumber(at(args, from), 1, TOO_FEW_KEYS);
  const sideAt = from + 1 + keyCount;
  const side = args[sideAt]?.toUpperCase();
  if (side !== "MIN" && side !== "MAX") throw SYNTAX_ERROR;
  let count = 1;
  if (args.length > sideAt + 1) {
    const isCount = args.length === sideAt + 3 && at(args, sideAt + 1).toUpperCase() === "COUNT";
    if (!isCount) throw SYNTAX_ERROR;
    count = wholeNumber(at(args, sideAt + 2), 1, TOO_FEW_WANTED);
  }
  return { keys: args.slice(from + 1, sideAt), side, count };
}

function popFirst(view: View, what: ManyPop): Reply {
  const record = firstOf(view, what.keys);
  if (record === null) return NULL_ARRAY;
  const entries = takeFrom(view, record, what.side, what.count);
  const pairs = entries.map(({ member, score }) => [member, new Double(score)]);
  return [record.key, pairs];
}

// Waiting

export function bzpopmin(view: View, args: Args): Reply | Wait {
  return poppedLater(view, args, "MIN");
}

export function bzpopmax(view: View, args: Args): Reply | Wait {
  return poppedLater(view, args, "MAX");
}

/** Keys, then the timeout. */
function poppedLater(view: View, args: Args, side: Side): Reply | Wait {
  const timeoutMs = parseTimeout(at(args, args.length - 1));
  const keys = args.slice(1, -1);
  const record = firstOf(view, keys);
  if (record === null) return waitFor(args, keys, timeoutMs);
  const { key } = record;
  return [key, ...flatEntries(takeFrom(view, record, side, 1))];
}

export function bzmpop(view: View, args: Args): Reply | Wait {
  const what = manyPop(args, 2);
  const timeoutMs = parseTimeout(at(args, 1));
  const popFrom = popFirst(view, what);
  return popFrom === NULL_ARRAY ? waitFor(args, what.keys, timeoutMs) : popFrom;
}

function waitFor(args: Args, keys: readonly Bytes[], timeoutMs: number): Wait {
  return new Wait({
    keys,
    kind: sortedSet.KIND,
    timeoutMs,
    timedOut: NULL_ARRAY,
    again: args,
    wakesOnRemoval: false,
  });
}
