// What SORT looks up and how it compares: patterns that lead from an element to a key or a field of a
// hash, weights, and the order.

import { compareBytes, type Bytes } from "../base/bytes.ts";
import { HASH, LIST, SET, SORTED_SET, STRING } from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, WRONG_TYPE } from "../resp/errors.ts";
import * as hash from "./hash.ts";
import * as list from "./list.ts";
import { parseDouble } from "./number.ts";
import * as set from "./set.ts";
import * as sortedSetRange from "./sorted-set-range.ts";
import * as sortedSet from "./sorted-set.ts";
import * as string from "./string.ts";

const NOT_A_NUMBER = new CommandError("ERR One or more scores can't be converted into double");
/** The smallest double with all its digits. */
const NORMAL_MIN = 2 ** -1022;
/** What strtod skips before a number. */
const LEADING_SPACE = /^[ \t\n\v\f\r]+/;

// Sources

/** The record of a key that can be sorted; null when there is none. Throws WRONG_TYPE, COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record === null) return null;
  if (record.kind !== LIST && record.kind !== SET && record.kind !== SORTED_SET) throw WRONG_TYPE;
  return record;
}

/** Whether the elements have an order that means something: not those of a set. */
export function hasOrder(record: Record): boolean {
  return record.kind !== SET;
}

export function size(view: View, record: Record): number {
  if (record.kind === LIST) return list.length(view, record);
  return record.kind === SET ? set.size(view, record) : sortedSet.size(view, record);
}

/** All elements, in the order that they have by themselves. Throws COLD. */
export function elements(view: View, record: Record): Bytes[] {
  return slice(view, record, { from: 0, to: size(view, record), isReverse: false });
}

/** Part of the elements, in their own order or (a list, a sorted set) counted from the end. */
export function slice(
  view: View,
  record: Record,
  part: { readonly from: number; readonly to: number; readonly isReverse: boolean },
): Bytes[] {
  const { from, to, isReverse } = part;
  if (from >= to) return [];
  if (record.kind === SET) return set.members(view, record).slice(from, to);
  const total = size(view, record);
  const place = isReverse ? { from: total - to, to: total - from } : { from, to };
  if (record.kind === LIST) {
    const texts = list.range(view, record, place.from, place.to);
    return isReverse ? texts.reverse() : texts;
  }
  const range = { kind: "position", ...place } as const;
  const selection = { ...sortedSetRange.ALL, reverse: isReverse };
  const entries = sortedSetRange.entriesOf(view, record, { range, selection });
  return entries.map(({ member }) => member);
}

// Patterns

/** Where BY and GET look: the element itself, or a key (perhaps a field in it) with `*` filled in. */
export interface Pattern {
  readonly isElement: boolean;
  /** Null where there is no `*`: it leads nowhere. */
  readonly key: { readonly before: Bytes; readonly after: Bytes } | null;
  readonly field: Bytes | null;
}

export function parsePattern(text: Bytes): Pattern {
  if (text === "#") return { isElement: true, key: null, field: null };
  const star = text.indexOf("*");
  if (star < 0) return { isElement: false, key: null, field: null };
  const arrow = text.indexOf("->", star + 1);
  const hasField = arrow >= 0 && arrow + 2 < text.length;
  return {
    isElement: false,
    key: { before: text.slice(0, star), after: text.slice(star + 1, hasField ? arrow : undefined) },
    field: hasField ? text.slice(arrow + 2) : null,
  };
}

function keyFor({ before, after }: { before: Bytes; after: Bytes }, element: Bytes): Bytes {
  return before + element + after;
}

/** Before `valueOf` of many: throws COLD once for all keys that would wait, then for all fields. */
export function want(view: View, patterns: readonly Pattern[], wanted: readonly Bytes[]): void {
  const keys: Bytes[] = [];
  for (const { key } of patterns) {
    if (key !== null) for (const element of wanted) keys.push(keyFor(key, element));
  }
  if (keys.length === 0) return;
  view.want(keys);
  const fields: { record: Record; field: Bytes }[] = [];
  for (const { key, field } of patterns) {
    if (key === null || field === null) continue;
    for (const element of wanted) {
      const record = view.inspect(keyFor(key, element));
      if (record !== null && record.kind === HASH) fields.push({ record, field });
    }
  }
  hash.wantEach(view, fields);
}

/** What a pattern finds for an element; null when there is nothing. Throws COLD. */
export function valueOf(view: View, pattern: Pattern, element: Bytes): Bytes | null {
  if (pattern.isElement) return element;
  if (pattern.key === null) return null;
  const record = view.find(keyFor(pattern.key, element));
  if (record === null) return null;
  if (pattern.field !== null) {
    return record.kind === HASH ? hash.get(view, record, pattern.field) : null;
  }
  return record.kind === STRING ? string.bytesOf(record) : null;
}

// Order

interface Weighted {
  readonly element: Bytes;
  readonly score: number;
  readonly text: Bytes | null;
}

export interface Order {
  /** Null: by the elements themselves. */
  readonly by: Pattern | null;
  readonly isAlphabetic: boolean;
  readonly isDescending: boolean;
}

/** The elements in order. Throws COLD, and an error where a number is wanted and is none. */
export function sorted(view: View, unsorted: readonly Bytes[], order: Order): Bytes[] {
  const { by, isAlphabetic, isDescending } = order;
  if (by !== null) want(view, [by], unsorted);
  const weighted = unsorted.map((element): Weighted => {
    const text = by === null ? element : valueOf(view, by, element);
    const score = isAlphabetic || text === null ? 0 : scoreOf(text);
    return { element, score, text };
  });
  const sign = isDescending ? -1 : 1;
  const compare = isAlphabetic ? compareTexts : compareScores;
  weighted.sort((left, right) => sign * compare(left, right));
  return weighted.map(({ element }) => element);
}

/** Equal scores are told apart by the elements, so that the order is always the same. */
function compareScores(left: Weighted, right: Weighted): number {
  if (left.score !== right.score) return left.score < right.score ? -1 : 1;
  return compareBytes(left.element, right.element);
}

/** What is not there comes first. */
function compareTexts(left: Weighted, right: Weighted): number {
  if (left.text === null || right.text === null) {
    if (left.text === right.text) return 0;
    return left.text === null ? -1 : 1;
  }
  return compareBytes(left.text, right.text);
}

/** As C reads a number: up to a zero byte, spaces before it do not matter, nothing is 0. */
function scoreOf(text: Bytes): number {
  const end = text.indexOf("\0");
  const whole = end < 0 ? text : text.slice(0, end);
  if (whole === "") return 0;
  const score = parseDouble(whole.replace(LEADING_SPACE, ""));
  // Numbers so small that they lose digits are out of range here, though not for a score.
  if (score === null || (score !== 0 && Math.abs(score) < NORMAL_MIN)) throw NOT_A_NUMBER;
  return score;
}
