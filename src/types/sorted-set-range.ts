// Parts of a sorted set: by position, by score, by the bytes of members that all have one score. They are
// counted, walked in either direction, and removed.
//
// Exploded, a part is a range of subkeys in `order`. By bytes, every member is taken to have the score of
// the first, as Redis asks of who uses it; inline, members are looked at one by one as in a listpack, so
// that also the answers to a misuse are Redis's.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/sorted-set.ts";
import { hashedSubkey } from "../encoding/collection.ts";
import { FRONT_TIMES_MAX, type Companions } from "../keyspace/element-front.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { countBefore } from "./sorted-set-buckets.ts";
import { endOf, ExplodedSortedSet, InlineSortedSet } from "./sorted-set-value.ts";
import { formOf, noteEnd, removeEntry, removePlaced } from "./sorted-set.ts";
import { score as scoreIn, size, type Entry } from "./sorted-set.ts";

export interface ScoreBound {
  readonly score: number;
  readonly isExclusive: boolean;
}

/** "-" is before, "+" after all texts. */
export type LexBound = "-" | "+" | { readonly text: Bytes; readonly isExclusive: boolean };

export type Range =
  /** Positions from 0; `to` is the first after the range. */
  | { readonly kind: "position"; readonly from: number; readonly to: number }
  | { readonly kind: "score"; readonly min: ScoreBound; readonly max: ScoreBound }
  | { readonly kind: "lex"; readonly min: LexBound; readonly max: LexBound };

export interface Selection {
  readonly reverse: boolean;
  /** Members of the range, in that direction, to be left out first. */
  readonly offset: number;
  readonly limit: number;
}

export const ALL: Selection = { reverse: false, offset: 0, limit: Infinity };

/** Positions as ZRANGE takes them, negative ones from the end; null when there is nothing between. */
export function positions(
  total: number,
  first: number,
  last: number,
): { readonly from: number; readonly to: number } | null {
  const from = Math.max(0, first < 0 ? total + first : first);
  const to = Math.min(total, (last < 0 ? total + last : last) + 1);
  return from < to ? { from, to } : null;
}

/** False ends the walk. */
type Visit = (member: Bytes, score: number) => boolean;

/** Tells the members of a range that a selection leaves. Throws COLD. */
export function walk(
  view: View,
  record: Record,
  what: { readonly range: Range; readonly selection: Selection },
  visit: Visit,
): void {
  const { range, selection } = what;
  if (selection.limit <= 0) return;
  const form = formOf(view, record);
  if (form instanceof ExplodedSortedSet) {
    walkExploded(view, form, what, visit);
    return;
  }
  const { from, to } = inlineSpan(form, range, selection.reverse);
  const count = Math.min(to - from - selection.offset, selection.limit);
  for (let index = 0; index < count; index++) {
    const step = selection.offset + index;
    const place = selection.reverse ? to - 1 - step : from + step;
    if (!visit(form.members[place] ?? "", form.scores[place] ?? 0)) return;
  }
}

export function entriesOf(
  view: View,
  record: Record,
  what: { readonly range: Range; readonly selection: Selection },
): Entry[] {
  const entries: Entry[] = [];
  walk(view, record, what, (member, score) => entries.push({ member, score }) > 0);
  return entries;
}

/** How many members are in a range. Throws COLD. */
export function sizeOf(view: View, record: Record, range: Range): number {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) {
    const { from, to } = inlineSpan(form, range, false);
    return Math.max(0, to - from);
  }
  if (range.kind === "position") return Math.max(0, range.to - range.from);
  const { lower, upper } = subkeys(view, form, range);
  if (lower >= upper) return 0;
  return countBefore(view, form, upper) - countBefore(view, form, lower);
}

/** How many members stand before `member`, and its score; null when there is none. Throws COLD. */
export function rank(
  view: View,
  record: Record,
  member: Bytes,
): { readonly before: number; readonly score: number } | null {
  const score = scoreIn(view, record, member);
  if (score === null) return null;
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) return { before: form.placeOf(score, member), score };
  return { before: countBefore(view, form, encoding.orderSubkey(score, member)), score };
}

/** Removes a range and returns what was in it, in the order of the selection. Throws COLD. */
export function removeRange(
  view: View,
  record: Record,
  what: { readonly range: Range; readonly selection: Selection },
): Entry[] {
  const form = formOf(view, record);
  const isFromEnd = form instanceof ExplodedSortedSet && isAtEnd(form, what);
  if (isFromEnd && isShort(what)) return removeOutermost(view, record, form, what.selection);
  const entries = entriesOf(view, record, what);
  if (entries.length === 0) return entries;
  for (const entry of entries) removeEntry(view, record, entry);
  const last = entries.at(-1);
  if (isFromEnd && last !== undefined && size(view, record) > 0) {
    const subkey = encoding.orderSubkey(last.score, last.member);
    noteEnd(view, record, subkey, what.selection.reverse ? "last" : "first");
  }
  return entries;
}

/** Whether what a selection begins with is the outermost member of all on that side. */
function isAtEnd(
  form: ExplodedSortedSet,
  what: { readonly range: Range; readonly selection: Selection },
): boolean {
  const { range, selection } = what;
  if (selection.offset > 0) return false;
  if (range.kind === "position") {
    return selection.reverse ? range.to === form.count : range.from === 0;
  }
  if (range.kind === "lex") return false;
  const { min, max } = range;
  return selection.reverse
    ? max.score === Infinity && !max.isExclusive
    : min.score === -Infinity && !min.isExclusive;
}

function isShort(what: { readonly range: Range; readonly selection: Selection }): boolean {
  const { range, selection } = what;
  if (range.kind !== "position" || selection.limit > FRONT_TIMES_MAX) return false;
  return range.to - range.from >= selection.limit;
}

const POPS_PER_BOUND = 16;

/** Removes the first or last members, from what is kept in memory of the ends. Throws COLD. */
function removeOutermost(
  view: View,
  record: Record,
  form: ExplodedSortedSet,
  { reverse, limit }: Selection,
): Entry[] {
  const range = { lower: form.start, upper: endOf(form), limit: encoding.PAGE_PREFIX, reverse };
  const entries: Entry[] = [];
  let last = "";
  const of = { elements: form.home.order, companions: membersOf(form) };
  for (const outermost of view.outermostElements(of, range, limit)) {
    const { element } = outermost;
    last = element.subkey;
    const score = encoding.scoreOf(last, element.value ?? "");
    const entry = { member: encoding.memberOf(last), score };
    entries.push(entry);
    removePlaced(view, record, form, outermost);
  }
  // The bounds spare walks what was popped: they need not follow each pop.
  const isDue = entries.length > 1 || form.count % POPS_PER_BOUND === 0;
  if (isDue && last !== "" && form.count > 0) {
    noteEnd(view, record, last, reverse ? "last" : "first");
  }
  return entries;
}

/** What is known of a member by its name, for who has met it in `order`. */
function membersOf({ home }: ExplodedSortedSet): Companions {
  return {
    elements: home.elements,
    subkeyOf: ({ subkey }) => hashedSubkey(encoding.memberOf(subkey)),
    valueOf: ({ subkey, value }) => encoding.scoreBytes(encoding.scoreOf(subkey, value ?? "")),
  };
}

// Inline

interface Span {
  readonly from: number;
  readonly to: number;
}

function inlineSpan(form: InlineSortedSet, range: Range, reverse: boolean): Span {
  switch (range.kind) {
    case "position":
      return range;
    case "score":
      return {
        from: placeOfScore(form, range.min.score, range.min.isExclusive),
        to: placeOfScore(form, range.max.score, !range.max.isExclusive),
      };
    case "lex":
      return inlineLexSpan(form, range, reverse);
    default:
      return unreachable(range);
  }
}

/** How many members have a lower score, or that score if `isAfter`. */
function placeOfScore(form: InlineSortedSet, score: number, isAfter: boolean): number {
  const { scores } = form;
  let low = 0;
  let high = scores.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = scores[middle] ?? 0;
    if (other < score || (isAfter && other === score)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function inlineLexSpan(
  form: InlineSortedSet,
  range: { readonly min: LexBound; readonly max: LexBound },
  reverse: boolean,
): Span {
  const { members } = form;
  const { min, max } = range;
  const nothing = { from: 0, to: 0 };
  if (isEmptyLex(min, max) || members.length === 0) return nothing;
  if (!isAtLeast(members.at(-1) ?? "", min) || !isAtMost(members[0] ?? "", max)) return nothing;
  if (reverse) {
    const to = members.findLastIndex((member) => isAtMost(member, max)) + 1;
    let from = to;
    while (from > 0 && isAtLeast(members[from - 1] ?? "", min)) from--;
    return { from, to };
  }
  const from = members.findIndex((member) => isAtLeast(member, min));
  if (from < 0) return nothing;
  let to = from;
  while (to < members.length && isAtMost(members[to] ?? "", max)) to++;
  return { from, to };
}

function isEmptyLex(min: LexBound, max: LexBound): boolean {
  if (min === "+" || max === "-") return true;
  if (min === "-" || max === "+") return false;
  return min.text > max.text || (min.text === max.text && (min.isExclusive || max.isExclusive));
}

function isAtLeast(member: Bytes, min: LexBound): boolean {
  if (typeof min === "string") return min === "-";
  return min.isExclusive ? member > min.text : member >= min.text;
}

function isAtMost(member: Bytes, max: LexBound): boolean {
  if (typeof max === "string") return max === "+";
  return max.isExclusive ? member < max.text : member <= max.text;
}

// Exploded

interface Subkeys {
  /** First subkey in `order`. */
  readonly lower: Bytes;
  /** First after the range. */
  readonly upper: Bytes;
}

type BoundedRange = Exclude<Range, { readonly kind: "position" }>;

function subkeys(view: View, form: ExplodedSortedSet, range: BoundedRange): Subkeys {
  if (range.kind === "score") {
    const { min, max } = range;
    return {
      lower: min.isExclusive ? encoding.afterScore(min.score) : beforeScore(min.score),
      upper: max.isExclusive ? beforeScore(max.score) : encoding.afterScore(max.score),
    };
  }
  const { min, max } = range;
  if (isEmptyLex(min, max)) return { lower: "", upper: "" };
  const score = scoreOfFirst(view, form);
  return {
    lower: lexSubkey(score, min, { isLower: true }),
    upper: lexSubkey(score, max, { isLower: false }),
  };
}

function beforeScore(score: number): Bytes {
  return encoding.orderSubkey(score, "");
}

function scoreOfFirst(view: View, form: ExplodedSortedSet): number {
  let score = 0;
  const range = { lower: form.start, upper: endOf(form), reverse: false, expected: 1 };
  view.walk(form.home.order, range, (subkey, value) => {
    score = encoding.scoreOf(subkey, value);
    return false;
  });
  return score;
}

function lexSubkey(score: number, bound: LexBound, which: { readonly isLower: boolean }): Bytes {
  if (bound === "-") return "";
  if (bound === "+") return encoding.PAGE_PREFIX;
  const subkey = encoding.orderSubkey(score, bound.text);
  return bound.isExclusive === which.isLower ? `${subkey}\0` : subkey;
}

/** To skip more than so many one by one costs more than to look up where they end. */
const SKIPPED_MAX = 256;

function walkExploded(
  view: View,
  form: ExplodedSortedSet,
  what: { readonly range: Range; readonly selection: Selection },
  visit: Visit,
): void {
  const { range, selection } = what;
  const { reverse, offset, limit } = selection;
  if (range.kind === "position") {
    const { from, to } = range;
    const count = Math.min(limit, to - from - offset);
    if (count <= 0) return;
    const first = reverse ? to - 1 - offset : from + offset;
    walkFrom(view, form, { first, count, reverse }, visit);
    return;
  }
  const { lower, upper } = subkeys(view, form, range);
  if (lower >= upper) return;
  if (offset <= SKIPPED_MAX) {
    walkSubkeys(view, form, { lower, upper, reverse, skip: offset, count: limit }, visit);
    return;
  }
  const from = countBefore(view, form, lower);
  const to = countBefore(view, form, upper);
  walkExploded(view, form, { range: { kind: "position", from, to }, selection }, visit);
}

/** `count` members from the position `first` on. */
function walkFrom(
  view: View,
  form: ExplodedSortedSet,
  part: { readonly first: number; readonly count: number; readonly reverse: boolean },
  visit: Visit,
): void {
  const { first, count, reverse } = part;
  view.willRead(count);
  const place = form.buckets.atPosition(view, first);
  if (place === null) return;
  if (!reverse) {
    const skip = first - place.before;
    const upper = encoding.PAGE_PREFIX;
    walkSubkeys(view, form, { lower: place.key, upper, reverse, skip, count }, visit);
    return;
  }
  const skip = place.before + place.count - 1 - first;
  const upper = form.buckets.next(view, place)?.key ?? encoding.PAGE_PREFIX;
  walkSubkeys(view, form, { lower: "", upper, reverse, skip, count }, visit);
}

function walkSubkeys(
  view: View,
  form: ExplodedSortedSet,
  part: Subkeys & { readonly reverse: boolean; readonly skip: number; readonly count: number },
  visit: Visit,
): void {
  const end = endOf(form);
  const lower = part.lower > form.start ? part.lower : form.start;
  const upper = part.upper < end ? part.upper : end;
  if (lower >= upper) return;
  let { skip, count } = part;
  const range = { lower, upper, reverse: part.reverse, expected: skip + count };
  view.walk(form.home.order, range, (subkey, value) => {
    if (skip > 0) {
      skip--;
      return true;
    }
    count--;
    return visit(encoding.memberOf(subkey), encoding.scoreOf(subkey, value)) && count > 0;
  });
}
