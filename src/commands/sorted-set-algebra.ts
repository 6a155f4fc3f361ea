// Commands over several sorted sets: ZUNION, ZINTER, ZDIFF, and those that store or count what these would
// answer. How it is computed is in types/sorted-set-algebra.ts.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { parseDouble, parseInteger, toIndex } from "../types/number.ts";
import * as algebra from "../types/sorted-set-algebra.ts";
import type { Aggregate, Source } from "../types/sorted-set-algebra.ts";
import * as sortedSet from "../types/sorted-set.ts";
import { entriesReply } from "./sorted-set.ts";
import { at, type Args } from "./table.ts";

const WEIGHT_NOT_A_FLOAT = new CommandError("ERR weight value is not a float");
const NEGATIVE_LIMIT = new CommandError("ERR LIMIT can't be negative");

type Operation = "union" | "intersection" | "difference";

interface Asked {
  readonly sources: readonly Source[];
  readonly aggregate: Aggregate;
  readonly withScores: boolean;
  /** For ZINTERCARD; 0 for none. */
  readonly limit: number;
}

/** Which options a command has. */
interface Shape {
  /** Where the number of keys stands. */
  readonly countAt: number;
  readonly isWeighted: boolean;
  readonly hasScores: boolean;
  readonly hasLimit: boolean;
}

const READS: Shape = { countAt: 1, isWeighted: true, hasScores: true, hasLimit: false };
const STORES: Shape = { countAt: 2, isWeighted: true, hasScores: false, hasLimit: false };
const COUNTS: Shape = { countAt: 1, isWeighted: false, hasScores: false, hasLimit: true };

export function zunion(view: View, args: Args): Reply {
  return read(view, args, { operation: "union", shape: READS });
}

export function zinter(view: View, args: Args): Reply {
  return read(view, args, { operation: "intersection", shape: READS });
}

export function zdiff(view: View, args: Args): Reply {
  return read(view, args, { operation: "difference", shape: { ...READS, isWeighted: false } });
}

export function zunionstore(view: View, args: Args): Reply {
  return stored(view, args, { operation: "union", shape: STORES, event: "zunionstore" });
}

export function zinterstore(view: View, args: Args): Reply {
  return stored(view, args, { operation: "intersection", shape: STORES, event: "zinterstore" });
}

export function zdiffstore(view: View, args: Args): Reply {
  const shape = { ...STORES, isWeighted: false };
  return stored(view, args, { operation: "difference", shape, event: "zdiffstore" });
}

export function zintercard(view: View, args: Args): Reply {
  const { sources, limit } = asked(view, args, COUNTS);
  return algebra.intersectionSize(view, sources, limit);
}

function read(
  view: View,
  args: Args,
  how: { readonly operation: Operation; readonly shape: Shape },
): Reply {
  const what = asked(view, args, how.shape);
  return entriesReply(resultOf(view, what, how.operation), what.withScores);
}

function stored(
  view: View,
  args: Args,
  how: { readonly operation: Operation; readonly shape: Shape; readonly event: string },
): Reply {
  const entries = resultOf(view, asked(view, args, how.shape), how.operation);
  const target = at(args, 1);
  if (entries.length > 0) {
    const isTable = sortedSet.isLarge(view, entries);
    sortedSet.store(view, target, entries, { isTable, expiryMs: 0 });
    view.notify("sortedSet", how.event, target);
  } else if (view.remove(target)) {
    view.notify("generic", "del", target);
  }
  return entries.length;
}

function resultOf(view: View, what: Asked, operation: Operation): sortedSet.Entry[] {
  switch (operation) {
    case "union":
      return algebra.union(view, what.sources, what.aggregate);
    case "intersection":
      return algebra.intersection(view, what.sources, what.aggregate);
    case "difference":
      return algebra.difference(view, what.sources);
    default:
      return unreachable(operation);
  }
}

function asked(view: View, args: Args, shape: Shape): Asked {
  const { countAt } = shape;
  const keyCount = parseInteger(at(args, countAt));
  if (keyCount === null) throw NOT_AN_INTEGER;
  if (keyCount < 1) {
    const name = at(args, 0).toLowerCase();
    throw new CommandError(`ERR at least 1 input key is needed for '${name}' command`);
  }
  if (keyCount > args.length - countAt - 1) throw SYNTAX_ERROR;
  const optionsAt = countAt + 1 + Number(keyCount);
  const keys = args.slice(countAt + 1, optionsAt);
  const records = keys.map((key) => algebra.find(view, key));
  const { weights, ...options } = optionsOf(args, optionsAt, { ...shape, keyCount: keys.length });
  const sources = records.map((record, index) => ({ record, weight: weights[index] ?? 1 }));
  return { sources, ...options };
}

interface Options extends Omit<Asked, "sources"> {
  readonly weights: readonly number[];
}

function optionsOf(
  args: Args,
  from: number,
  shape: Shape & { readonly keyCount: number },
): Options {
  let weights: number[] = [];
  let aggregate: Aggregate = "SUM";
  let withScores = false;
  let limit = 0;
  let index = from;
  while (index < args.length) {
    const word = at(args, index).toUpperCase();
    const rest = args.length - index - 1;
    if (shape.isWeighted && word === "WEIGHTS" && rest >= shape.keyCount) {
      weights = args.slice(index + 1, index + 1 + shape.keyCount).map(weightOf);
      index += shape.keyCount;
    } else if (shape.isWeighted && word === "AGGREGATE" && rest >= 1) {
      aggregate = aggregateOf(at(args, ++index));
    } else if (shape.hasScores && word === "WITHSCORES") {
      withScores = true;
    } else if (shape.hasLimit && word === "LIMIT" && rest >= 1) {
      limit = limitOf(at(args, ++index));
    } else {
      throw SYNTAX_ERROR;
    }
    index++;
  }
  return { weights, aggregate, withScores, limit };
}

function weightOf(text: Bytes): number {
  const weight = parseDouble(text);
  if (weight === null) throw WEIGHT_NOT_A_FLOAT;
  return weight;
}

function aggregateOf(text: Bytes): Aggregate {
  const word = text.toUpperCase();
  if (word === "SUM" || word === "MIN" || word === "MAX" || word === "COUNT") return word;
  throw SYNTAX_ERROR;
}

function limitOf(text: Bytes): number {
  const limit = parseInteger(text);
  if (limit === null || limit < 0) throw NEGATIVE_LIMIT;
  return toIndex(limit);
}
