// Strings: GET, SET and their family, as handlers. Their rows are in string-rows.ts, what a string
// is in types/string.ts.
//
// GET, SET, INCR and MSET are the hot path of the server: nothing is made there that is not stored
// or sent.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, wrongArity } from "../resp/errors.ts";
import { OK, type Reply } from "../resp/reply.ts";
import { negateInt64, parseInteger, toIndex, type Integer } from "../types/number.ts";
import * as string from "../types/string.ts";
import { expiryOf, readGetexOptions, readSetOptions, type SetOptions } from "./set-options.ts";
import { at, type Args } from "./table.ts";

const OFFSET_OUT_OF_RANGE = new CommandError("ERR offset is out of range");
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
  const { words } = options;
  const key = at(args, 1);
  let expiryMs = options.expiry === null ? 0 : expiryOf(options.expiry, view.nowMs, "set");
  const before = words.has("GET") ? string.find(view, key) : view.find(key);
  const valueBefore = words.has("GET") && before !== null ? string.bytesOf(before) : null;
  if ((words.has("NX") && before !== null) || (words.has("XX") && before === null)) {
    return valueBefore;
  }
  if (words.has("KEEPTTL") && before !== null) expiryMs = before.expiryMs;
  string.put(view, key, at(args, 2), expiryMs);
  if (options.expiry !== null) view.notify("generic", "expire", key);
  return words.has("GET") ? valueBefore : OK;
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
    values.push(string.getIfString(view, at(args, index)));
  }
  return values;
}

export function mset(view: View, args: Args): Reply {
  if (args.length % 2 === 0) throw wrongArity("mset");
  for (let index = 1; index < args.length; index += 2) {
    string.put(view, at(args, index), at(args, index + 1), 0);
  }
  return OK;
}

export function msetnx(view: View, args: Args): Reply {
  if (args.length % 2 === 0) throw wrongArity("msetnx");
  for (let index = 1; index < args.length; index += 2) {
    if (view.find(at(args, index)) !== null) return 0;
  }
  for (let index = 1; index < args.length; index += 2) {
    string.put(view, at(args, index), at(args, index + 1), 0);
  }
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
