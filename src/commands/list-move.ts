// From one list to another, and from the first of several: LMOVE, RPOPLPUSH, LMPOP, as handlers.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { NULL_ARRAY, type Reply } from "../resp/reply.ts";
import * as list from "../types/list.ts";
import { afterPop, countAt, endAt, popMany } from "./list.ts";
import { at, type Args } from "./table.ts";

const NO_KEYS = new CommandError("ERR numkeys should be greater than 0");
const NO_COUNT = new CommandError("ERR count should be greater than 0");

export function lmove(view: View, args: Args): Reply {
  const from = endAt(args, 3);
  const to = endAt(args, 4);
  return moved(view, args, from, to);
}

export function rpoplpush(view: View, args: Args): Reply {
  return moved(view, args, "tail", "head");
}

function moved(view: View, args: Args, from: list.End, to: list.End): Reply {
  const source = list.find(view, at(args, 1));
  if (source === null) return null;
  const targetKey = at(args, 2);
  const target = list.find(view, targetKey);
  const text = list.pop(view, source, from);
  pushMoved(view, target ?? list.open(view, targetKey), to, text);
  afterPop(view, source, from);
  return text;
}

/** Is not counted as a change of its own: the taking was. */
function pushMoved(view: View, target: Record, end: list.End, text: Bytes): void {
  const { changes } = view.stats;
  list.willGrow(view, target, 1, text.length);
  list.push(view, target, end, text);
  view.notify("list", end === "head" ? "lpush" : "rpush", target.key);
  view.stats.changes = changes;
}

export function lmpop(view: View, args: Args): Reply {
  const { keys, end, count } = popOptions(args, 1);
  return poppedFromFirst(view, keys, end, count) ?? NULL_ARRAY;
}

/** numkeys key ... LEFT|RIGHT [COUNT count], from `index` on. */
function popOptions(
  args: Args,
  index: number,
): { readonly keys: readonly Bytes[]; readonly end: list.End; readonly count: number } {
  const keyCount = countAt(args, index, 1, NO_KEYS);
  const endIndex = index + keyCount + 1;
  if (endIndex >= args.length) throw SYNTAX_ERROR;
  const end = endAt(args, endIndex);
  const keys = args.slice(index + 1, endIndex);
  const wordIndex = endIndex + 1;
  if (wordIndex === args.length) return { keys, end, count: 1 };
  if (wordIndex + 2 > args.length || at(args, wordIndex).toUpperCase() !== "COUNT") {
    throw SYNTAX_ERROR;
  }
  const count = countAt(args, wordIndex + 1, 1, NO_COUNT);
  if (wordIndex + 2 < args.length) throw SYNTAX_ERROR;
  return { keys, end, count };
}

/** Key and texts; null when no key holds a list. Throws WRONG_TYPE. */
function poppedFromFirst(
  view: View,
  keys: readonly Bytes[],
  end: list.End,
  count: number,
): Reply | null {
  for (const key of keys) {
    const record = list.find(view, key);
    if (record !== null) return [key, popMany(view, record, end, count)];
  }
  return null;
}
