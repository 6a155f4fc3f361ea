// ZADD and the commands on single members of a sorted set. Ranges are in sorted-set-range.ts, pops in
// sorted-set-pop.ts, commands over several sets in sorted-set-algebra.ts.

import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_A_FLOAT, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { wrongArity } from "../resp/errors.ts";
import { formatDouble } from "../resp/double.ts";
import { Double, EMPTY_ARRAY, NULL_ARRAY, PairsReply, type Reply } from "../resp/reply.ts";
import {
  INT64_MAX,
  INT64_MIN,
  parseDouble,
  parseInteger,
  toIndex,
  type Integer,
} from "../types/number.ts";
import { rank } from "../types/sorted-set-range.ts";
import * as sortedSet from "../types/sorted-set.ts";
import { cursorOf, scanOptions } from "./scan-options.ts";
import { at, type Args } from "./table.ts";

const NX_WITH_XX = new CommandError("ERR XX and NX options at the same time are not compatible");
const GT_WITH_OTHERS = new CommandError(
  "ERR GT, LT, and/or NX options at the same time are not compatible",
);
const ONE_INCREMENT = new CommandError("ERR INCR option supports a single increment-element pair");
const NOT_A_NUMBER = new CommandError("ERR resulting score is not a number (NaN)");
const COUNT_OUT_OF_RANGE = new CommandError("ERR value is out of range");
const COUNT_HAS_NO_OPPOSITE = new CommandError(
  `ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`,
);
/** With scores, twice as many elements are sent: half of what a signed 64-bit length holds. */
const COUNT_WITH_SCORES_MAX = 2n ** 62n - 1n;

// Adding

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
const CH = 16;
const INCR = 32;
const OPTIONS: ReadonlyMap<string, number> = new Map([
  ["NX", NX],
  ["XX", XX],
  ["GT", GT],
  ["LT", LT],
  ["CH", CH],
  ["INCR", INCR],
]);
const FIRST_LETTER = 0x41;

/** 0 when it is none. Most often it is a score: a digit tells that at once. */
function optionOf(text: Bytes): number {
  if (text.charCodeAt(0) < FIRST_LETTER || text.length > 4) return 0;
  return OPTIONS.get(text.toUpperCase()) ?? 0;
}

export function zadd(view: View, args: Args): Reply {
  return addMembers(view, args, 0);
}

export function zincrby(view: View, args: Args): Reply {
  return addMembers(view, args, INCR);
}

function addMembers(view: View, args: Args, given: number): Reply {
  let flags = given;
  let from = 2;
  if (given === 0) {
    for (; from < args.length; from++) {
      const option = optionOf(at(args, from));
      if (option === 0) break;
      flags |= option;
    }
  }
  checkOptions(flags, args.length - from);
  const entries = entriesIn(args, from);
  const key = at(args, 1);
  if ((flags & XX) !== 0 && sortedSet.find(view, key) === null) {
    return (flags & INCR) === 0 ? 0 : null;
  }
  const memberSize = at(args, from + 1).length;
  const record = sortedSet.open(view, key, { count: entries.length, memberSize });
  if (entries.length > 1) sortedSet.wantPlaces(view, record, entries);
  const tally = { flags, added: 0, updated: 0, score: null };
  for (const entry of entries) addOne(view, record, entry, tally);
  if (tally.added + tally.updated > 0) {
    view.notify("sortedSet", (flags & INCR) === 0 ? "zadd" : "zincr", key);
  }
  if ((flags & INCR) !== 0) return tally.score;
  return (flags & CH) === 0 ? tally.added : tally.added + tally.updated;
}

/** Throws NOT_A_FLOAT. */
function entriesIn(args: Args, from: number): sortedSet.Entry[] {
  const entries: sortedSet.Entry[] = [];
  for (let index = from; index < args.length; index += 2) {
    const score = parseDouble(at(args, index));
    if (score === null) throw NOT_A_FLOAT;
    entries.push({ member: at(args, index + 1), score });
  }
  return entries;
}

function checkOptions(flags: number, rest: number): void {
  if (rest === 0 || rest % 2 !== 0) throw SYNTAX_ERROR;
  if ((flags & NX) !== 0 && (flags & XX) !== 0) throw NX_WITH_XX;
  const comparing = flags & (GT | LT);
  if (comparing === (GT | LT) || (comparing !== 0 && (flags & NX) !== 0)) throw GT_WITH_OTHERS;
  if ((flags & INCR) !== 0 && rest > 2) throw ONE_INCREMENT;
}

interface Tally {
  readonly flags: number;
  added: number;
  updated: number;
  /** What INCR came to; null when an option forbade it. */
  score: Double | null;
}

function addOne(view: View, record: Record, entry: sortedSet.Entry, tally: Tally): void {
  const { flags } = tally;
  const { member } = entry;
  const standing = sortedSet.standing(view, record, member);
  const before = standing.score;
  let { score } = entry;
  if (before === null) {
    if ((flags & XX) !== 0) return;
    tally.added++;
  } else {
    if ((flags & NX) !== 0) return;
    if ((flags & INCR) !== 0) {
      score += before;
      if (Number.isNaN(score)) throw NOT_A_NUMBER;
    }
    if ((flags & LT) !== 0 && score >= before) return;
    if ((flags & GT) !== 0 && score <= before) return;
  }
  if ((flags & INCR) !== 0) tally.score = new Double(score);
  if (score === before) return;
  if (before !== null) tally.updated++;
  sortedSet.setFrom(view, record, { member, score }, standing);
}

export function zrem(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = sortedSet.find(view, key);
  if (record === null) return 0;
  if (args.length > 3) sortedSet.want(view, record, args.slice(2));
  let removed = 0;
  for (let index = 2; index < args.length; index++) {
    if (sortedSet.remove(view, record, at(args, index))) removed++;
    if (sortedSet.size(view, record) === 0) break;
  }
  if (removed === 0) return 0;
  view.notify("sortedSet", "zrem", key);
  sortedSet.removeIfEmpty(view, record);
  return removed;
}

// Reading

export function zcard(view: View, args: Args): Reply {
  const record = sortedSet.find(view, at(args, 1));
  return record === null ? 0 : sortedSet.size(view, record);
}

export function zscore(view: View, args: Args): Reply {
  const record = sortedSet.find(view, at(args, 1));
  return record === null ? null : scoreReply(view, record, at(args, 2));
}

export function zmscore(view: View, args: Args): Reply {
  const record = sortedSet.find(view, at(args, 1));
  const members = args.slice(2);
  if (record === null) return members.map(() => null);
  sortedSet.want(view, record, members);
  return members.map((member) => scoreReply(view, record, member));
}

function scoreReply(view: View, record: Record, member: Bytes): Double | null {
  const score = sortedSet.score(view, record, member);
  return score === null ? null : new Double(score);
}

export function zrank(view: View, args: Args): Reply {
  return rankReply(view, args, { reverse: false });
}

export function zrevrank(view: View, args: Args): Reply {
  return rankReply(view, args, { reverse: true });
}

function rankReply(view: View, args: Args, how: { readonly reverse: boolean }): Reply {
  if (args.length > 4) throw wrongArity(at(args, 0).toLowerCase());
  const withScore = args.length === 4;
  if (withScore && at(args, 3).toUpperCase() !== "WITHSCORE") throw SYNTAX_ERROR;
  const record = sortedSet.find(view, at(args, 1));
  const found = record === null ? null : rank(view, record, at(args, 2));
  if (record === null || found === null) return withScore ? NULL_ARRAY : null;
  const { before, score } = found;
  const place = how.reverse ? sortedSet.size(view, record) - 1 - before : before;
  return withScore ? [place, new Double(score)] : place;
}

export function zscan(view: View, args: Args): Reply {
  const cursor = cursorOf(at(args, 2));
  const record = sortedSet.find(view, at(args, 1));
  if (record === null) return ["0", EMPTY_ARRAY];
  const { pattern, countMin } = scanOptions(args, { from: 3, words: [] });
  const step = sortedSet.scan(view, record, { cursor, countMin });
  const isTable = sortedSet.encodingName(view, record) === "skiplist";
  const found: Bytes[] = [];
  for (const { member, score } of step.entries) {
    if (pattern !== null && !matches(pattern, member)) continue;
    found.push(member, isTable ? formatLong(score) : formatDouble(score));
  }
  return [String(step.cursor), found];
}

/** As printf's %.17g, which is how Redis spells scores when it scans a skiplist. */
function formatLong(score: number): Bytes {
  if (score === 0 || !Number.isFinite(score)) return formatDouble(score);
  const scientific = score.toExponential(16);
  const split = scientific.indexOf("e");
  const exponent = Number(scientific.slice(split + 1));
  if (exponent >= -4 && exponent < 17) return withoutZeros(score.toFixed(16 - exponent));
  const digits = withoutZeros(scientific.slice(0, split));
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits}e${exponent < 0 ? "-" : "+"}${size}`;
}

function withoutZeros(digits: Bytes): Bytes {
  if (!digits.includes(".")) return digits;
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, digits[end - 1] === "." ? end - 1 : end);
}

export function zrandmember(view: View, args: Args): Reply {
  if (args.length === 2) {
    const record = sortedSet.find(view, at(args, 1));
    const [drawn] = record === null ? [] : sortedSet.drawWithRepeats(view, record, 1);
    return drawn === undefined ? null : drawn.member;
  }
  const count = signedCount(at(args, 2));
  const withScores = args[3]?.toUpperCase() === "WITHSCORES";
  if (args.length > 4 || (args.length === 4 && !withScores)) throw SYNTAX_ERROR;
  const record = sortedSet.find(view, at(args, 1));
  if (withScores && (count > COUNT_WITH_SCORES_MAX || count < -COUNT_WITH_SCORES_MAX)) {
    throw COUNT_OUT_OF_RANGE;
  }
  if (record === null || count === 0) return EMPTY_ARRAY;
  const times = toIndex(count);
  const drawn =
    times < 0
      ? sortedSet.drawWithRepeats(view, record, -times)
      : sortedSet.drawDistinct(view, record, times);
  return entriesReply(drawn, withScores);
}

/** A count whose sign tells something: the smallest number of 64 bits has no opposite. */
function signedCount(text: Bytes): Integer {
  const count = parseInteger(text);
  if (count === null) throw NOT_AN_INTEGER;
  if (count === INT64_MIN) throw COUNT_HAS_NO_OPPOSITE;
  return count;
}

/** Members, with their scores in pairs when they are wanted. */
export function entriesReply(entries: readonly sortedSet.Entry[], withScores: boolean): Reply {
  if (!withScores) return entries.map(({ member }) => member);
  return new PairsReply(flatEntries(entries));
}

export function flatEntries(entries: readonly sortedSet.Entry[]): Reply[] {
  const flat: Reply[] = [];
  for (const { member, score } of entries) flat.push(member, new Double(score));
  return flat;
}
