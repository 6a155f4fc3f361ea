// Union, intersection and difference of sorted sets, and of sets, whose members count as having score 1.
//
// Intersection and difference go through one source (the smallest; the first) in chunks, and ask the others
// for the members of a chunk at once: so what is cold is loaded in few rounds, and who only counts up
// to a limit reads little. What comes out is put in order at the end.

import type { Bytes } from "../base/bytes.ts";
import { SET, SORTED_SET } from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { WRONG_TYPE } from "../resp/errors.ts";
import * as set from "./set.ts";
import * as sortedSet from "./sorted-set.ts";
import type { Entry } from "./sorted-set.ts";

const CHUNK_MIN = 128;
const CHUNK_MAX = 65_536;

/** COUNT adds the weights of the sources that have a member, whatever its scores. */
export type Aggregate = "SUM" | "MIN" | "MAX" | "COUNT";

export interface Source {
  /** Holds a set or a sorted set; null for no key. */
  readonly record: Record | null;
  readonly weight: number;
}

interface Present {
  readonly record: Record;
  readonly weight: number;
}

/** The record of a key that holds either kind; null when there is none. Throws WRONG_TYPE, COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record === null || record.kind === SET || record.kind === SORTED_SET) return record;
  throw WRONG_TYPE;
}

function sizeOf(view: View, { record }: Present): number {
  return record.kind === SET ? set.size(view, record) : sortedSet.size(view, record);
}

function scoreIn(view: View, { record }: Present, member: Bytes): number | null {
  if (record.kind !== SET) return sortedSet.score(view, record, member);
  return set.has(view, record, member) ? 1 : null;
}

function want(view: View, { record }: Present, members: readonly Bytes[]): void {
  if (record.kind === SET) set.want(view, record, members);
  else sortedSet.want(view, record, members);
}

/** Tells each member, not in the order of scores, until `visit` says false. */
function walk(
  view: View,
  { record }: Present,
  visit: (member: Bytes, score: number) => boolean,
): void {
  if (record.kind === SET) set.walk(view, record, (member) => visit(member, 1));
  else sortedSet.walkAny(view, record, visit);
}

/** A score as one source brings it in; NaN when infinity meets a weight of 0. */
function weighted(aggregate: Aggregate, weight: number, score: number): number {
  return aggregate === "COUNT" ? weight : weight * score;
}

function zeroForNaN(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

/** NaN on the right is less than nothing and greater than nothing, as in Redis. */
function combined(aggregate: Aggregate, left: number, right: number): number {
  if (aggregate === "MIN") return right < left ? right : left;
  if (aggregate === "MAX") return right > left ? right : left;
  // Infinity and its opposite.
  return zeroForNaN(left + right);
}

function present(sources: readonly Source[]): Present[] {
  const found: Present[] = [];
  for (const { record, weight } of sources) if (record !== null) found.push({ record, weight });
  return found;
}

function bySize(view: View, sources: readonly Present[]): Present[] {
  return [...sources].sort((a, b) => sizeOf(view, a) - sizeOf(view, b));
}

/** In the order in which a sorted set has them. */
function inOrder(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => {
    if (a.score !== b.score) return a.score < b.score ? -1 : 1;
    return a.member < b.member ? -1 : 1;
  });
}

/** Throws COLD. */
export function union(view: View, sources: readonly Source[], aggregate: Aggregate): Entry[] {
  const scores = new Map<Bytes, number>();
  for (const source of bySize(view, present(sources))) {
    walk(view, source, (member, score) => {
      const its = zeroForNaN(weighted(aggregate, source.weight, score));
      const before = scores.get(member);
      scores.set(member, before === undefined ? its : combined(aggregate, before, its));
      return true;
    });
  }
  const entries: Entry[] = [];
  for (const [member, score] of scores) entries.push({ member, score });
  return inOrder(entries);
}

/** Throws COLD. */
export function intersection(
  view: View,
  sources: readonly Source[],
  aggregate: Aggregate,
): Entry[] {
  const entries: Entry[] = [];
  intersect(view, sources, aggregate, (entry) => {
    entries.push(entry);
    return true;
  });
  return inOrder(entries);
}

/** How many members the intersection has, or `limit` if that is reached; 0 for no limit. Throws COLD. */
export function intersectionSize(view: View, sources: readonly Source[], limit: number): number {
  let count = 0;
  intersect(view, sources, "SUM", () => ++count !== limit);
  return count;
}

/** What the first source has and no other, with its scores. Throws COLD. */
export function difference(view: View, sources: readonly Source[]): Entry[] {
  const [first, ...rest] = sources;
  if (first === undefined || first.record === null) return [];
  const others = present(rest);
  const entries: Entry[] = [];
  sift(view, { record: first.record, weight: 1 }, (chunk) => {
    let left = chunk;
    for (const other of others) {
      if (left.length > 1) want(view, other, namesOf(left));
      left = left.filter(({ member }) => scoreIn(view, other, member) === null);
    }
    for (const entry of left) entries.push(entry);
    return true;
  });
  return inOrder(entries);
}

function namesOf(entries: readonly Entry[]): Bytes[] {
  return entries.map(({ member }) => member);
}

function intersect(
  view: View,
  sources: readonly Source[],
  aggregate: Aggregate,
  visit: (entry: Entry) => boolean,
): void {
  const found = present(sources);
  if (found.length < sources.length) return;
  const [smallest, ...others] = bySize(view, found);
  if (smallest === undefined) return;
  sift(view, smallest, (chunk) => {
    let left = chunk.map(({ member, score }) => ({
      member,
      score: zeroForNaN(weighted(aggregate, smallest.weight, score)),
    }));
    for (const other of others) left = shared(view, left, other, aggregate);
    return left.every(visit);
  });
}

function shared(
  view: View,
  entries: readonly Entry[],
  other: Present,
  aggregate: Aggregate,
): Entry[] {
  if (entries.length > 1) want(view, other, namesOf(entries));
  const left: Entry[] = [];
  for (const { member, score } of entries) {
    const found = scoreIn(view, other, member);
    if (found === null) continue;
    const its = weighted(aggregate, other.weight, found);
    left.push({ member, score: combined(aggregate, score, its) });
  }
  return left;
}

/** Goes through a source in chunks that grow, until one is answered false. */
function sift(view: View, source: Present, take: (chunk: readonly Entry[]) => boolean): void {
  let chunk: Entry[] = [];
  let size = CHUNK_MIN;
  let isOver = false;
  walk(view, source, (member, score) => {
    chunk.push({ member, score });
    if (chunk.length < size) return true;
    isOver = !take(chunk);
    chunk = [];
    size = Math.min(CHUNK_MAX, size * 2);
    return !isOver;
  });
  if (!isOver && chunk.length > 0) take(chunk);
}
