// ZRANGE and what else concerns a part of a sorted set: by position, by score, or by the bytes of members.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, type Reply } from "../resp/reply.ts";
import { isDecimal, parseDouble, parseInteger, toIndex } from "../types/number.ts";
import * as range from "../types/sorted-set-range.ts";
import type { LexBound, Range, ScoreBound, Selection } from "../types/sorted-set-range.ts";
import * as sortedSet from "../types/sorted-set.ts";
import { entriesReply } from "./sorted-set.ts";
import { at, type Args } from "./table.ts";

const NOT_A_SCORE_RANGE = new CommandError("ERR min or max is not a float");
const NOT_A_LEX_RANGE = new CommandError("ERR min or max not valid string range item");
const LIMIT_NEEDS_KIND = new CommandError(
  "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
);
const SCORES_NOT_BY_LEX = new CommandError(
  "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
);

const KINDS: Readonly<Record<string, BoundKind>> = { BYSCORE: "score", BYLEX: "lex" };
/** Nothing is at or after this position. */
const POSITION_MAX = Number.MAX_SAFE_INTEGER;

// Bounds

function integerAt(args: Args, index: number): number {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  return toIndex(value);
}

/** As strtod reads it, which takes leading space, and nothing at all for 0. */
function scoreBound(text: Bytes): ScoreBound {
  const isExclusive = text.startsWith("(");
  const number = isExclusive ? text.slice(1) : text;
  if (number === "") return { score: 0, isExclusive };
  const trimmed = number.replace(/^[ \t\n\v\f\r]+/, "");
  const score = isDecimal(trimmed) ? Number(trimmed) : parseDouble(trimmed);
  if (score === null) throw NOT_A_SCORE_RANGE;
  return { score, isExclusive };
}

function lexBound(text: Bytes): LexBound {
  if (text === "-" || text === "+") return text;
  if (!text.startsWith("[") && !text.startsWith("(")) throw NOT_A_LEX_RANGE;
  return { text: text.slice(1), isExclusive: text.startsWith("(") };
}

type BoundKind = "score" | "lex";

function boundedRange(kind: BoundKind, min: Bytes, max: Bytes): Range {
  if (kind === "score") return { kind, min: scoreBound(min), max: scoreBound(max) };
  return { kind, min: lexBound(min), max: lexBound(max) };
}

// Counting

export function zcount(view: View, args: Args): Reply {
  return counted(view, args, "score");
}

export function zlexcount(view: View, args: Args): Reply {
  return counted(view, args, "lex");
}

function counted(view: View, args: Args, kind: BoundKind): Reply {
  const bounds = boundedRange(kind, at(args, 2), at(args, 3));
  const record = sortedSet.find(view, at(args, 1));
  return record === null ? 0 : range.sizeOf(view, record, bounds);
}

// Reading

interface Options {
  by: "position" | BoundKind;
  reverse: boolean;
  withScores: boolean;
  offset: number;
  limit: number;
}

/** What the name of a command says already; null is for the options to say. */
interface Preset {
  /** Where the key stands; bounds and options follow. */
  readonly keyAt: number;
  readonly by: Options["by"] | null;
  readonly reverse: boolean | null;
  readonly stores: boolean;
}

export function zrange(view: View, args: Args): Reply {
  return ranged(view, args, { keyAt: 1, by: null, reverse: null, stores: false });
}

export function zrevrange(view: View, args: Args): Reply {
  return ranged(view, args, { keyAt: 1, by: "position", reverse: true, stores: false });
}

export function zrangebyscore(view: View, args: Args): Reply {
  return ranged(view, args, { keyAt: 1, by: "score", reverse: false, stores: false });
}

export function zrevrangebyscore(view: View, args: Args): Reply {
  return ranged(view, args, { keyAt: 1, by: "score", reverse: true, stores: false });
}

export function zrangebylex(view: View, args: Args): Reply {
  return ranged(view, args, { keyAt: 1, by: "lex", reverse: false, stores: false });
}

export function zrevrangebylex(view: View, args: Args): Reply {
  return ranged(view, args, { keyAt: 1, by: "lex", reverse: true, stores: false });
}

function ranged(view: View, args: Args, preset: Preset): Reply {
  const options = optionsOf(args, preset);
  const asked = askedRange(args, preset.keyAt + 1, options);
  const record = sortedSet.find(view, at(args, preset.keyAt));
  if (record === null) return EMPTY_ARRAY;
  const what = resolved(asked, options, sortedSet.size(view, record));
  const entries = what === null ? [] : range.entriesOf(view, record, what);
  return entriesReply(entries, options.withScores);
}

export function zrangestore(view: View, args: Args): Reply {
  const preset = { keyAt: 2, by: null, reverse: null, stores: true };
  const options = optionsOf(args, preset);
  const asked = askedRange(args, preset.keyAt + 1, options);
  const record = sortedSet.find(view, at(args, 2));
  const size = record === null ? 0 : sortedSet.size(view, record);
  const what = record === null ? null : resolved(asked, options, size);
  const entries = what === null || record === null ? [] : range.entriesOf(view, record, what);
  const target = at(args, 1);
  if (entries.length > 0) {
    const isTable = sortedSet.isLarge(view, entries);
    sortedSet.store(view, target, entries, { isTable, expiryMs: 0 });
    view.notify("sortedSet", "zrangestore", target);
  } else if (view.remove(target)) {
    view.notify("generic", "del", target);
  }
  return entries.length;
}

function optionsOf(args: Args, preset: Preset): Options {
  // What the name or an option has said cannot be said again.
  let isByOpen = preset.by === null;
  let isDirectionOpen = preset.reverse === null;
  const options: Options = {
    by: preset.by ?? "position",
    reverse: preset.reverse ?? false,
    withScores: false,
    offset: 0,
    limit: -1,
  };
  for (let index = preset.keyAt + 3; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    if (word === "WITHSCORES" && !preset.stores) {
      options.withScores = true;
    } else if (word === "LIMIT" && index + 2 < args.length) {
      options.offset = integerAt(args, index + 1);
      options.limit = integerAt(args, index + 2);
      index += 2;
    } else if (word === "REV" && isDirectionOpen) {
      options.reverse = true;
      isDirectionOpen = false;
    } else if (word in KINDS && isByOpen) {
      options.by = KINDS[word] ?? "position";
      isByOpen = false;
    } else {
      throw SYNTAX_ERROR;
    }
  }
  checkOptions(options);
  return options;
}

function checkOptions(options: Options): void {
  // LIMIT 0 -1 passes, in Redis too: it is what there is without LIMIT.
  if (options.limit !== -1 && options.by === "position") throw LIMIT_NEEDS_KIND;
  if (options.withScores && options.by === "lex") throw SCORES_NOT_BY_LEX;
}

/** As asked: positions may be negative; by score and by bytes, REV has the greater bound first. */
type Asked =
  | { readonly kind: "position"; readonly first: number; readonly last: number }
  | Exclude<Range, { readonly kind: "position" }>;

function askedRange(args: Args, from: number, options: Options): Asked {
  if (options.by === "position") {
    const first = integerAt(args, from);
    return { kind: "position", first, last: integerAt(args, from + 1) };
  }
  const [min, max] = options.reverse ? [from + 1, from] : [from, from + 1];
  const bounds = boundedRange(options.by, at(args, min), at(args, max));
  return bounds.kind === "position" ? { kind: "position", first: 0, last: -1 } : bounds;
}

/** Null when nothing can be in it. */
function resolved(
  asked: Asked,
  options: Options,
  size: number,
): { readonly range: Range; readonly selection: Selection } | null {
  const { reverse, offset, limit } = options;
  if (asked.kind === "position") {
    const found = positionsOf(asked, reverse, size);
    if (found === null) return null;
    return { range: found, selection: { ...range.ALL, reverse } };
  }
  if (offset < 0 || offset >= POSITION_MAX) return null;
  const selection = { reverse, offset, limit: limit < 0 ? Infinity : limit };
  return { range: asked, selection };
}

function positionsOf(
  asked: { readonly first: number; readonly last: number },
  reverse: boolean,
  size: number,
): Range | null {
  const found = range.positions(size, asked.first, asked.last);
  if (found === null) return null;
  if (!reverse) return { kind: "position", ...found };
  return { kind: "position", from: size - found.to, to: size - found.from };
}

// Removing

export function zremrangebyrank(view: View, args: Args): Reply {
  const first = integerAt(args, 2);
  const last = integerAt(args, 3);
  return removed(view, args, "zremrangebyrank", (size) =>
    positionsOf({ first, last }, false, size),
  );
}

export function zremrangebyscore(view: View, args: Args): Reply {
  const bounds = boundedRange("score", at(args, 2), at(args, 3));
  return removed(view, args, "zremrangebyscore", () => bounds);
}

export function zremrangebylex(view: View, args: Args): Reply {
  const bounds = boundedRange("lex", at(args, 2), at(args, 3));
  return removed(view, args, "zremrangebylex", () => bounds);
}

function removed(
  view: View,
  args: Args,
  event: string,
  rangeWithin: (size: number) => Range | null,
): Reply {
  const key = at(args, 1);
  const record = sortedSet.find(view, key);
  if (record === null) return 0;
  const asked = rangeWithin(sortedSet.size(view, record));
  if (asked === null) return 0;
  const what = { range: asked, selection: range.ALL };
  const count = range.removeRange(view, record, what).length;
  if (count === 0) return 0;
  view.notify("sortedSet", event, key);
  sortedSet.removeIfEmpty(view, record);
  return count;
}
