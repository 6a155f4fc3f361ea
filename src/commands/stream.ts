// Streams: XADD, XRANGE and what else concerns the entries, as handlers. Groups are in stream-group.ts,
// reading across streams in stream-read.ts, XINFO in stream-info.ts; the rows in stream-rows.ts.

import { type EntryCursor } from "../types/stream.ts";
import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NO_SUCH_KEY, SYNTAX_ERROR, wrongArity } from "../resp/errors.ts";
import { EMPTY_ARRAY, NULL_ARRAY, OK, type Reply } from "../resp/reply.ts";
import * as stream from "../types/stream.ts";
import { compareIds, idOf, idText, isZero, type StreamId } from "../types/stream-id.ts";
import type { StreamParts } from "../types/stream-parts.ts";
import { trimByPolicy } from "../types/stream-references.ts";
import {
  addArguments,
  countOf,
  endOf,
  isGiven,
  startOf,
  trimArguments,
  type TrimArguments,
} from "./stream-arguments.ts";
import { at, type Args } from "./table.ts";

const ZERO_ID = new CommandError("ERR The ID specified in XADD must be greater than 0-0");
const SMALLER_THAN_GIVEN_DELETED = new CommandError(
  "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
);
const SMALLER_THAN_DELETED = new CommandError(
  "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
);
const SMALLER_THAN_TOP = new CommandError(
  "ERR The ID specified in XSETID is smaller than the target stream top item",
);
const FEWER_THAN_LENGTH = new CommandError(
  "ERR The entries_added specified in XSETID is smaller than the target stream length",
);
const ADDED_NEGATIVE = new CommandError("ERR entries_added must be positive");

/** An entry as clients get it. */
export function entryReply(entry: EntryCursor): Reply {
  return [idText(entry), entry.pairs()];
}

/** As many entries as asked for, 0 for all. Throws COLD. */
export function entriesIn(
  parts: StreamParts,
  range: { readonly start: StreamId; readonly end: StreamId; readonly reverse: boolean },
  countMax: number,
): Reply[] {
  const entries: Reply[] = [];
  const expected = countMax === 0 ? Infinity : countMax;
  stream.forEach(parts, { ...range, expected }, (entry) => {
    entries.push(entryReply(entry));
    return entries.length !== countMax;
  });
  return entries;
}

export function xadd(view: View, args: Args): Reply {
  const options = addArguments(view, args);
  const { id: wanted, fieldsAt } = options;
  const fieldCount = args.length - fieldsAt;
  if (fieldCount < 2 || fieldCount % 2 === 1) throw wrongArity("xadd");
  if (isGiven(wanted) && wanted.ms === 0 && wanted.seq === 0) throw ZERO_ID;
  const key = at(args, 1);
  const found = stream.find(view, key);
  if (found === null && !options.makesStream) return null;
  const parts = stream.partsOf(view, found ?? stream.create(view, key));
  const id = stream.resolveId(parts, wanted);
  stream.add(parts, id, { texts: args, from: fieldsAt });
  view.notify("stream", "xadd", key);
  if (options.trim !== null) trimOf(parts, options, options.trim);
  parts.settle();
  return idText(id);
}

function trimOf(parts: StreamParts, { references }: TrimArguments, trim: stream.Trim): number {
  const removed =
    references === "KEEPREF" ? stream.trim(parts, trim) : trimByPolicy(parts, trim, references);
  if (removed > 0) parts.view.notify("stream", "xtrim", parts.record.key);
  return removed;
}

export function xtrim(view: View, args: Args): Reply {
  const options = trimArguments(view, args);
  const record = stream.find(view, at(args, 1));
  if (record === null) return 0;
  const parts = stream.partsOf(view, record);
  const removed = trimOf(parts, options, options.trim);
  view.stats.changes += removed;
  return removed;
}

export function xlen(view: View, args: Args): Reply {
  const record = stream.find(view, at(args, 1));
  return record === null ? 0 : stream.partsOf(view, record).header.length;
}

export function xrange(view: View, args: Args): Reply {
  return listed(view, args, { start: at(args, 2), end: at(args, 3), reverse: false });
}

export function xrevrange(view: View, args: Args): Reply {
  return listed(view, args, { start: at(args, 3), end: at(args, 2), reverse: true });
}

function listed(
  view: View,
  args: Args,
  asked: { readonly start: Bytes; readonly end: Bytes; readonly reverse: boolean },
): Reply {
  const start = startOf(asked.start);
  const end = endOf(asked.end);
  const countMax = rangeCount(args);
  const record = stream.find(view, at(args, 1));
  if (record === null) return EMPTY_ARRAY;
  if (countMax === 0) return NULL_ARRAY;
  const { reverse } = asked;
  return entriesIn(stream.partsOf(view, record), { start, end, reverse }, countMax ?? 0);
}

/** Null when no count is given. */
function rangeCount(args: Args): number | null {
  let count: number | null = null;
  for (let index = 4; index < args.length; index += 2) {
    if (at(args, index).toUpperCase() !== "COUNT" || index + 1 === args.length) throw SYNTAX_ERROR;
    count = Math.max(0, countOf(at(args, index + 1)));
  }
  return count;
}

export function xdel(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = stream.find(view, key);
  if (record === null) return 0;
  const ids = args.slice(2).map(idOf);
  const removed = stream.remove(stream.partsOf(view, record), ids);
  if (removed > 0) view.notify("stream", "xdel", key);
  return removed;
}

export function xsetid(view: View, args: Args): Reply {
  const last = idOf(at(args, 2));
  const { added, maxDeleted } = setIdOptions(args, last);
  const key = at(args, 1);
  const record = stream.find(view, key);
  if (record === null) throw NO_SUCH_KEY;
  const parts = stream.partsOf(view, record);
  const { header } = parts;
  if (compareIds(last, header.maxDeleted) < 0) throw SMALLER_THAN_DELETED;
  if (header.length > 0) {
    if (compareIds(last, stream.lastLive(parts)) < 0) throw SMALLER_THAN_TOP;
    if (added !== null && header.length > added) throw FEWER_THAN_LENGTH;
  }
  stream.setLast(parts, { last, added, maxDeleted });
  view.notify("stream", "xsetid", key);
  return OK;
}

interface SetIdOptions {
  readonly added: number | null;
  readonly maxDeleted: StreamId | null;
}

function setIdOptions(args: Args, last: StreamId): SetIdOptions {
  let added: number | null = null;
  let maxDeleted: StreamId | null = null;
  for (let index = 3; index < args.length; index += 2) {
    const word = at(args, index).toUpperCase();
    const value = args[index + 1];
    if (value === undefined) throw SYNTAX_ERROR;
    if (word === "ENTRIESADDED") {
      added = countOf(value);
      if (added < 0) throw ADDED_NEGATIVE;
    } else if (word === "MAXDELETEDID") {
      maxDeleted = idOf(value);
      if (compareIds(last, maxDeleted) < 0) throw SMALLER_THAN_GIVEN_DELETED;
    } else {
      throw SYNTAX_ERROR;
    }
  }
  return { added, maxDeleted: maxDeleted === null || isZero(maxDeleted) ? null : maxDeleted };
}
