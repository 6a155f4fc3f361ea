// Commands over several sets: SINTER, SUNION, SDIFF, and those that store or count what these would
// answer. How it is computed is in types/set-algebra.ts.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { SetReply, type Reply } from "../resp/reply.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import { Estimator } from "../types/hyperloglog.ts";
import * as algebra from "../types/set-algebra.ts";
import * as set from "../types/set.ts";
import { at, type Args } from "./table.ts";

const TOO_FEW_KEYS = new CommandError("ERR numkeys should be greater than 0");
const TOO_MANY_KEYS = new CommandError("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT = new CommandError("ERR LIMIT can't be negative");

/** Tells `visit` the members of a result until it says false. */
type Operation = (view: View, keys: readonly Bytes[], visit: (member: Bytes) => boolean) => void;

export function sinter(view: View, args: Args): Reply {
  return new SetReply(resultOf(view, args.slice(1), intersection));
}

export function sunion(view: View, args: Args): Reply {
  return new SetReply(set.inOrder(view, resultOf(view, args.slice(1), union)));
}

export function sdiff(view: View, args: Args): Reply {
  return new SetReply(resultOf(view, args.slice(1), difference));
}

export function sinterstore(view: View, args: Args): Reply {
  return stored(view, args, { operation: intersection, event: "sinterstore" });
}

export function sunionstore(view: View, args: Args): Reply {
  return stored(view, args, { operation: union, event: "sunionstore" });
}

export function sdiffstore(view: View, args: Args): Reply {
  return stored(view, args, { operation: difference, event: "sdiffstore" });
}

export function sintercard(view: View, args: Args): Reply {
  return counted(view, args, intersection);
}

export function sunioncard(view: View, args: Args): Reply {
  const { keys, optionsAt } = countedKeys(args);
  const { limit, isApproximate } = unionOptions(args, optionsAt);
  if (!isApproximate) return countOf(view, keys, union, limit);
  const estimator = new Estimator();
  const records = present(recordsOf(view, keys));
  for (const record of records) {
    set.walk(view, record, (member) => {
      estimator.add(member);
      return true;
    });
  }
  const count = estimator.count();
  return limit === 0 ? count : Math.min(limit, count);
}

export function sdiffcard(view: View, args: Args): Reply {
  return counted(view, args, difference);
}

/** One for each key, null where there is none; all are looked at, for their type. Throws COLD. */
function recordsOf(view: View, keys: readonly Bytes[]): (Record | null)[] {
  return keys.map((key) => set.find(view, key));
}

function present(records: readonly (Record | null)[]): Record[] {
  return records.filter((record) => record !== null);
}

function intersection(view: View, keys: readonly Bytes[], visit: (member: Bytes) => boolean): void {
  const records = recordsOf(view, keys);
  const found = present(records);
  if (found.length === records.length) algebra.intersect(view, found, visit);
}

function union(view: View, keys: readonly Bytes[], visit: (member: Bytes) => boolean): void {
  algebra.unite(view, present(recordsOf(view, keys)), visit);
}

function difference(view: View, keys: readonly Bytes[], visit: (member: Bytes) => boolean): void {
  const [first, ...others] = recordsOf(view, keys);
  if (first !== undefined && first !== null) {
    algebra.subtract(view, first, present(others), visit);
  }
}

function resultOf(view: View, keys: readonly Bytes[], operation: Operation): Bytes[] {
  const found: Bytes[] = [];
  operation(view, keys, (member) => {
    found.push(member);
    return true;
  });
  return found;
}

function stored(
  view: View,
  args: Args,
  how: { readonly operation: Operation; readonly event: string },
): Reply {
  const target = at(args, 1);
  const found = resultOf(view, args.slice(2), how.operation);
  if (found.length > 0) {
    set.store(view, target, found);
    view.notify("set", how.event, target);
  } else if (view.remove(target)) {
    view.notify("generic", "del", target);
  }
  return found.length;
}

function counted(view: View, args: Args, operation: Operation): Reply {
  const { keys, optionsAt } = countedKeys(args);
  return countOf(view, keys, operation, limitFrom(args, optionsAt));
}

function countOf(view: View, keys: readonly Bytes[], operation: Operation, limit: number): number {
  let count = 0;
  operation(view, keys, () => ++count !== limit);
  return count;
}

function countedKeys(args: Args): { readonly keys: readonly Bytes[]; readonly optionsAt: number } {
  const keyCount = parseInteger(at(args, 1));
  if (keyCount === null || keyCount < 1) throw TOO_FEW_KEYS;
  if (keyCount > args.length - 2) throw TOO_MANY_KEYS;
  const optionsAt = 2 + Number(keyCount);
  return { keys: args.slice(2, optionsAt), optionsAt };
}

/** As `limitFrom`, with APPROX anywhere between. */
function unionOptions(
  args: Args,
  from: number,
): { readonly limit: number; readonly isApproximate: boolean } {
  const options = args.slice(from);
  const exact: Bytes[] = [];
  let isApproximate = false;
  for (let index = 0; index < options.length; index++) {
    const option = at(options, index);
    if (option.toUpperCase() === "APPROX") {
      isApproximate = true;
      continue;
    }
    exact.push(option);
    const value = options[++index];
    if (value !== undefined) exact.push(value);
  }
  return { limit: limitFrom(exact, 0), isApproximate };
}

/** 0 for none. */
function limitFrom(args: Args, from: number): number {
  let limit = 0;
  for (let index = from; index < args.length; index += 2) {
    const value = args[index + 1];
    if (at(args, index).toUpperCase() !== "LIMIT" || value === undefined) throw SYNTAX_ERROR;
    const number = parseInteger(value);
    if (number === null || number < 0) throw NEGATIVE_LIMIT;
    limit = toIndex(number);
  }
  return limit;
}
