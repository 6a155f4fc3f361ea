// Strings: GET, SET and their family, as handlers. Their rows are in string-rows.ts, what a string
// is in types/string.ts.
//
// GET, SET, INCR and MSET are the hot path of the server: nothing is made there that is not stored
// or sent.

import type { Bytes } from "../base/bytes.ts";
import { TOUCHED_MAX } from "../base/key-table.ts";
import { xxh3Hex } from "../base/xxh3.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, wrongArity } from "../resp/errors.ts";
import { OK, type Reply } from "../resp/reply.ts";
import { negateInt64, parseInteger, toIndex, type Integer } from "../types/number.ts";
import * as string from "../types/string.ts";
import {
  expiryOf,
  isCompared,
  isMet,
  readGetexOptions,
  readMsetexOptions,
  readSetOptions,
  type SetOptions,
} from "./set-options.ts";
import { at, type Args } from "./table.ts";

const OFFSET_OUT_OF_RANGE = new CommandError("ERR offset is out of range");
const NOT_A_STRING = new CommandError(
  "ERR Key should be of string type if conditions are specified",
);
const BAD_CONDITION = new CommandError("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
const BAD_KEY_COUNT = new CommandError("ERR invalid numkeys value");
const BAD_PAIR_COUNT = new CommandError("ERR wrong number of key-value pairs");
const DECREMENT_OVERFLOW = new CommandError("ERR decrement would overflow");

/** The whole number at `index`. Throws NOT_AN_INTEGER. */
function integerAt(args: Args, index: number): Integer {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  return value;
}

export function get(view: View, args: Args): Reply {
  return string.get(view, at(args, 1));
}

export function set(view: View, args: Args): Reply {
  if (args.length > 3) return setWithOptions(view, args, readSetOptions(args));
  string.put(view, at(args, 1), at(args, 2), 0);
  return OK;
}

function setWithOptions(view: View, args: Args, options: SetOptions): Reply {
  const { words, comparison } = options;
  const key = at(args, 1);
  let expiryMs = options.expiry === null ? 0 : expiryOf(options.expiry, view.nowMs, "set");
  const looksInside = words.has("GET") || comparison !== null;
  const before = looksInside ? string.find(view, key) : view.find(key);
  const valueBefore = words.has("GET") && before !== null ? string.bytesOf(before) : null;
  if (!isAllowed(options, before)) return valueBefore;
  if (words.has("KEEPTTL") && before !== null) expiryMs = before.expiryMs;
  string.put(view, key, at(args, 2), expiryMs);
  if (options.expiry !== null) view.notify("generic", "expire", key);
  return words.has("GET") ? valueBefore : OK;
}

/** What is not there is different from everything. */
function isAllowed({ words, comparison }: SetOptions, before: Record | null): boolean {
  if (words.has("NX")) return before === null;
  if (words.has("XX")) return before !== null;
  if (comparison === null) return true;
  if (before !== null) return isMet(comparison, string.bytesOf(before));
  return comparison.word === "IFNE" || comparison.word === "IFDNE";
}

export function digest(view: View, args: Args): Reply {
  const value = string.get(view, at(args, 1));
  return value === null ? null : xxh3Hex(value);
}

export function delex(view: View, args: Args): Reply {
  if (args.length !== 2 && args.length !== 4) throw wrongArity("delex");
  const key = at(args, 1);
  const record = view.find(key);
  const word = args[2]?.toUpperCase();
  if (record === null) return 0;
  if (word !== undefined) {
    if (typeof record.value !== "string") throw NOT_A_STRING;
    if (!isCompared(word)) throw BAD_CONDITION;
    if (!isMet({ word, text: at(args, 3) }, string.bytesOf(record))) return 0;
  }
  view.remove(key);
  view.notify("generic", "del", key);
  return 1;
}

export function msetex(view: View, args: Args): Reply {
  const count = parseInteger(at(args, 1));
  if (typeof count !== "number" || count < 1 || count > 2 ** 31 - 1) throw BAD_KEY_COUNT;
  const end = 2 + count * 2;
  if (end > args.length) throw BAD_PAIR_COUNT;
  const { words, expiry } = readMsetexOptions(args, end);
  const expiryMs = expiry === null ? 0 : expiryOf(expiry, view.nowMs, "msetex");
  if (words.has("NX") || words.has("XX")) {
    for (let index = 2; index < end; index += 2) {
      if ((view.find(at(args, index)) === null) !== words.has("NX")) return 0;
    }
  }
  for (let index = 2; index < end; index += 2) {
    const key = at(args, index);
    const kept = words.has("KEEPTTL") ? (view.find(key)?.expiryMs ?? 0) : expiryMs;
    string.put(view, key, at(args, index + 1), kept);
    if (expiry !== null) view.notify("generic", "expire", key);
  }
  return 1;
}

export function setnx(view: View, args: Args): Reply {
  const key = at(args, 1);
  if (view.find(key) !== null) return 0;
  string.put(view, key, at(args, 2), 0);
  return 1;
}

export function setex(view: View, args: Args): Reply {
  const expiry = { amount: at(args, 2), unit: "s", from: "now" } as const;
  return setWithExpiry(view, args, expiryOf(expiry, view.nowMs, "setex"));
}

export function psetex(view: View, args: Args): Reply {
  const expiry = { amount: at(args, 2), unit: "ms", from: "now" } as const;
  return setWithExpiry(view, args, expiryOf(expiry, view.nowMs, "psetex"));
}

function setWithExpiry(view: View, args: Args, expiryMs: number): Reply {
  const key = at(args, 1);
  string.put(view, key, at(args, 3), expiryMs);
  view.notify("generic", "expire", key);
  return OK;
}

export function getset(view: View, args: Args): Reply {
  const key = at(args, 1);
  const before = string.get(view, key);
  string.put(view, key, at(args, 2), 0);
  return before;
}

export function getdel(view: View, args: Args): Reply {
  const key = at(args, 1);
  const before = string.get(view, key);
  if (before === null) return null;
  view.remove(key);
  view.notify("generic", "del", key);
  return before;
}

export function getex(view: View, args: Args): Reply {
  const key = at(args, 1);
  const { words, expiry } = readGetexOptions(args);
  const record = string.find(view, key);
  if (record === null) return null;
  const value = string.bytesOf(record);
  if (expiry !== null) {
    const expiryMs = expiryOf(expiry, view.nowMs, "getex");
    if (expiryMs > view.nowMs) {
      view.setExpiry(record, expiryMs);
      view.notify("generic", "expire", key);
    } else {
      view.remove(key);
      view.notify("generic", "del", key);
    }
  } else if (words.has("PERSIST") && record.expiryMs !== 0) {
    view.setExpiry(record, 0);
    view.notify("generic", "persist", key);
  }
  return value;
}

export function mget(view: View, args: Args): Reply {
  const values: (Bytes | null)[] = [];
  for (let index = 1; index < args.length; index++) {
    if ((index - 1) % TOUCHED_MAX === 0) view.bringNear(args, index, 1);
    values.push(string.getIfString(view, at(args, index)));
  }
  return values;
}

export function mset(view: View, args: Args): Reply {
  if (args.length % 2 === 0) throw wrongArity("mset");
  putAll(view, args);
  return OK;
}

function putAll(view: View, args: Args): void {
  for (let index = 1; index < args.length; index += 2) {
    if ((index - 1) % (2 * TOUCHED_MAX) === 0) view.bringNear(args, index, 2);
    string.put(view, at(args, index), at(args, index + 1), 0);
  }
}

export function msetnx(view: View, args: Args): Reply {
  if (args.length % 2 === 0) throw wrongArity("msetnx");
  for (let index = 1; index < args.length; index += 2) {
    if (view.find(at(args, index)) !== null) return 0;
  }
  putAll(view, args);
  return 1;
}

export function append(view: View, args: Args): Reply {
  return string.append(view, at(args, 1), at(args, 2));
}

export function strlen(view: View, args: Args): Reply {
  const value = string.get(view, at(args, 1));
  return value === null ? 0 : value.length;
}

export function getrange(view: View, args: Args): Reply {
  const first = toIndex(integerAt(args, 2));
  const last = toIndex(integerAt(args, 3));
  const value = string.get(view, at(args, 1));
  return value === null ? "" : string.range(value, first, last);
}

export function setrange(view: View, args: Args): Reply {
  const offset = toIndex(integerAt(args, 2));
  if (offset < 0) throw OFFSET_OUT_OF_RANGE;
  return string.setRange(view, at(args, 1), offset, at(args, 3));
}

export function incr(view: View, args: Args): Reply {
  return string.increment(view, at(args, 1), 1);
}

export function decr(view: View, args: Args): Reply {
  return string.increment(view, at(args, 1), -1);
}

export function incrby(view: View, args: Args): Reply {
  return string.increment(view, at(args, 1), integerAt(args, 2));
}

export function decrby(view: View, args: Args): Reply {
  const by = negateInt64(integerAt(args, 2));
  if (by === null) throw DECREMENT_OVERFLOW;
  return string.increment(view, at(args, 1), by);
}

export function incrbyfloat(view: View, args: Args): Reply {
  return string.incrementFloat(view, at(args, 1), at(args, 2));
}
