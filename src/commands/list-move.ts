// From one list to another, and from the first of several: LMOVE, LMOVEM, RPOPLPUSH, LMPOP, as handlers.
// Each also as the blocking command of the same work: BLMOVE, BLMOVEM, BRPOPLPUSH, BLMPOP, BLPOP, BRPOP.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, NULL_ARRAY, type Reply } from "../resp/reply.ts";
import * as list from "../types/list.ts";
import { afterPop, countAt, endAt, popMany, popOne } from "./list.ts";
import { at, type Args } from "./table.ts";
import { parseTimeout, Wait } from "./wait.ts";

const NO_KEYS = new CommandError("ERR numkeys should be greater than 0");
const NO_COUNT = new CommandError("ERR count should be greater than 0");

/** Until one of `keys` holds a list. `atOnce` is the answer where nobody waits. */
function waitFor(args: Args, keys: readonly Bytes[], timeoutMs: number, atOnce: Reply): Wait {
  return new Wait({
    keys,
    kind: list.KIND,
    timeoutMs,
    timedOut: NULL_ARRAY,
    atOnce,
    again: args,
    wakesOnRemoval: false,
  });
}

// One element

export function lmove(view: View, args: Args): Reply {
  const from = endAt(args, 3);
  const to = endAt(args, 4);
  const source = list.find(view, at(args, 1));
  return source === null ? null : moved(view, source, at(args, 2), { from, to });
}

export function blmove(view: View, args: Args): Reply | Wait {
  const from = endAt(args, 3);
  const to = endAt(args, 4);
  const timeoutMs = parseTimeout(at(args, 5));
  const source = list.find(view, at(args, 1));
  if (source === null) return waitFor(args, [at(args, 1)], timeoutMs, null);
  return moved(view, source, at(args, 2), { from, to });
}

const RIGHT_TO_LEFT: Ends = { from: "tail", to: "head" };

export function rpoplpush(view: View, args: Args): Reply {
  const source = list.find(view, at(args, 1));
  return source === null ? null : moved(view, source, at(args, 2), RIGHT_TO_LEFT);
}

export function brpoplpush(view: View, args: Args): Reply | Wait {
  const timeoutMs = parseTimeout(at(args, 3));
  const source = list.find(view, at(args, 1));
  if (source === null) return waitFor(args, [at(args, 1)], timeoutMs, null);
  return moved(view, source, at(args, 2), RIGHT_TO_LEFT);
}

interface Ends {
  readonly from: list.End;
  readonly to: list.End;
}

function moved(view: View, source: Record, targetKey: Bytes, { from, to }: Ends): Bytes {
  const target = list.find(view, targetKey);
  const text = list.pop(view, source, from);
  pushMoved(view, target ?? list.open(view, targetKey), to, [text]);
  afterPop(view, source, from);
  return text;
}

/** In the order in which they come in. Not counted as changes of their own: the taking was. */
function pushMoved(view: View, target: Record, end: list.End, texts: readonly Bytes[]): void {
  const { changes } = view.stats;
  let bytes = 0;
  for (const text of texts) bytes += text.length;
  list.willGrow(view, target, texts.length, bytes);
  list.push(view, target, { end, texts, from: 0 });
  view.notify("list", end === "head" ? "lpush" : "rpush", target.key);
  view.stats.changes = changes;
}

// Several elements

export function lmovem(view: View, args: Args): Reply {
  const how = moveOptions(args, 5);
  const source = list.find(view, at(args, 1));
  if (!hasEnough(view, source, how)) return how.isExact ? null : EMPTY_ARRAY;
  return movedMany(view, source, at(args, 2), how);
}

export function blmovem(view: View, args: Args): Reply | Wait {
  const how = moveOptions(args, 6);
  const timeoutMs = parseTimeout(at(args, 5));
  const source = list.find(view, at(args, 1));
  if (!hasEnough(view, source, how)) return waitFor(args, [at(args, 1)], timeoutMs, null);
  return movedMany(view, source, at(args, 2), how);
}

interface MoveOptions extends Ends {
  readonly count: number;
  /** Move `count` or nothing. */
  readonly isExact: boolean;
  /** Leave them in the order that they had, whatever the ends are. */
  readonly isBulk: boolean;
}

/** [COUNT|EXACTLY count OBO|BULK], from `index` on. */
function moveOptions(args: Args, index: number): MoveOptions {
  const from = endAt(args, 3);
  const to = endAt(args, 4);
  if (args.length === index) return { from, to, count: 1, isExact: false, isBulk: false };
  if (args.length !== index + 3) throw SYNTAX_ERROR;
  const selector = at(args, index).toUpperCase();
  const order = at(args, index + 2).toUpperCase();
  if (selector !== "COUNT" && selector !== "EXACTLY") throw SYNTAX_ERROR;
  const count = countAt(args, index + 1, 1, NO_COUNT);
  if (order !== "OBO" && order !== "BULK") throw SYNTAX_ERROR;
  return { from, to, count, isExact: selector === "EXACTLY", isBulk: order === "BULK" };
}

function hasEnough(view: View, source: Record | null, how: MoveOptions): source is Record {
  return source !== null && (!how.isExact || list.length(view, source) >= how.count);
}

/** The elements in the order that they have where they are now. */
function movedMany(view: View, source: Record, targetKey: Bytes, how: MoveOptions): Bytes[] {
  const { from, to, isBulk } = how;
  const target = list.find(view, targetKey);
  const texts: Bytes[] = [];
  for (let left = Math.min(how.count, list.length(view, source)); left > 0; left--) {
    texts.push(list.pop(view, source, from));
  }
  // One by one, they come in as they were taken; in bulk, so that those of the source's order result.
  if (isBulk && from === to) texts.reverse();
  pushMoved(view, target ?? list.open(view, targetKey), to, texts);
  afterPop(view, source, from);
  return to === "head" ? texts.reverse() : texts;
}

// From the first of several

export function lmpop(view: View, args: Args): Reply {
  const { keys, end, count } = popOptions(args, 1);
  const record = firstList(view, keys);
  return record === null ? NULL_ARRAY : [record.key, popMany(view, record, end, count)];
}

export function blmpop(view: View, args: Args): Reply | Wait {
  const { keys, end, count } = popOptions(args, 2);
  const timeoutMs = parseTimeout(at(args, 1));
  const record = firstList(view, keys);
  if (record === null) return waitFor(args, keys, timeoutMs, NULL_ARRAY);
  return [record.key, popMany(view, record, end, count)];
}

export function blpop(view: View, args: Args): Reply | Wait {
  return poppedOrWait(view, args, "head");
}

export function brpop(view: View, args: Args): Reply | Wait {
  return poppedOrWait(view, args, "tail");
}

function poppedOrWait(view: View, args: Args, end: list.End): Reply | Wait {
  const timeoutMs = parseTimeout(at(args, args.length - 1));
  const keys = args.slice(1, -1);
  const record = firstList(view, keys);
  if (record === null) return waitFor(args, keys, timeoutMs, NULL_ARRAY);
  return [record.key, popOne(view, record, end)];
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

/** Null when no key holds a list. Throws WRONG_TYPE. */
function firstList(view: View, keys: readonly Bytes[]): Record | null {
  for (const key of keys) {
    const record = list.find(view, key);
    if (record !== null) return record;
  }
  return null;
}
