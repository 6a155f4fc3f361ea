// Intersection, difference and union of sets, told member by member, so that who only counts, or counts
// up to a limit, keeps nothing and stops early.
//
// Intersection and difference go through one set (the smallest; the first) in chunks, and each chunk
// through the others one after the other: what is left of it is told. Another set is asked for the
// members of a chunk in bulk; or, where it is not much larger and both have their members in the order
// of their subkeys, its part between the chunk's ends is read, which costs less than so many questions.
// Chunks grow, so that a limit of a few members reads little and a large set takes few rounds.

import type { Bytes } from "../base/bytes.ts";
import { hashedSubkey } from "../encoding/collection.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import * as set from "./set.ts";

const CHUNK_MIN = 128;
const CHUNK_MAX = 65_536;
/** A step of a walk costs so much less than a question for one member. */
const WALK_GAIN = 8;
/** Chunks below this are not worth a walk. */
const WALK_CHUNK_MIN = 128;

/** Told each member of the result; false ends it. */
type Visit = (member: Bytes) => boolean;

/** The members that all sets have; there is at least one set. Throws COLD. */
export function intersect(view: View, records: readonly Record[], visit: Visit): void {
  const bySize = [...records].sort((a, b) => set.size(view, a) - set.size(view, b));
  const [smallest, ...others] = bySize;
  if (smallest !== undefined) sift(view, smallest, { others, keeps: true, visit });
}

/** The members of `first` that none of the others has. Throws COLD. */
export function subtract(view: View, first: Record, others: readonly Record[], visit: Visit): void {
  // The largest takes away most: what comes behind it has less to do.
  const bySize = [...others].sort((a, b) => set.size(view, b) - set.size(view, a));
  sift(view, first, { others: bySize, keeps: false, visit });
}

/** The members that any of the sets has, each once. Throws COLD. */
export function unite(view: View, records: readonly Record[], visit: Visit): void {
  const seen = new Set<Bytes>();
  let isOver = false;
  for (const record of records) {
    set.walk(view, record, (member) => {
      if (seen.has(member)) return true;
      seen.add(member);
      isOver = !visit(member);
      return !isOver;
    });
    if (isOver) return;
  }
}

interface Sieve {
  readonly others: readonly Record[];
  /** Whether what is in the others stays, or what is not. */
  readonly keeps: boolean;
  readonly visit: Visit;
}

function sift(view: View, source: Record, sieve: Sieve): void {
  let chunk: Bytes[] = [];
  let chunkMax = CHUNK_MIN;
  let isOver = false;
  set.walk(view, source, (member) => {
    chunk.push(member);
    if (chunk.length < chunkMax) return true;
    isOver = !siftChunk(view, source, chunk, sieve);
    chunk = [];
    chunkMax = Math.min(CHUNK_MAX, chunkMax * 2);
    return !isOver;
  });
  if (!isOver && chunk.length > 0) siftChunk(view, source, chunk, sieve);
}

/** False when the visitor has had enough. */
function siftChunk(view: View, source: Record, chunk: readonly Bytes[], sieve: Sieve): boolean {
  let left = chunk;
  for (const other of sieve.others) {
    const isIn = inquiry(view, { source, chunk: left, other });
    left = left.filter((member) => isIn(member) === sieve.keeps);
    if (left.length === 0) return true;
  }
  for (const member of left) if (!sieve.visit(member)) return false;
  return true;
}

interface Question {
  readonly source: Record;
  /** Members of the source, in its order. */
  readonly chunk: readonly Bytes[];
  readonly other: Record;
}

/** Tells of each member of the chunk whether the other set has it. */
function inquiry(view: View, question: Question): (member: Bytes) => boolean {
  const { source, chunk, other } = question;
  const first = chunk[0];
  const last = chunk.at(-1);
  const isWalk =
    first !== undefined &&
    last !== undefined &&
    chunk.length >= WALK_CHUNK_MIN &&
    set.isOrderedBySubkey(view, source) &&
    set.isOrderedBySubkey(view, other) &&
    set.size(view, other) <= set.size(view, source) * WALK_GAIN;
  if (!isWalk) {
    set.want(view, other, chunk);
    return (member) => set.has(view, other, member);
  }
  const found = new Set<Bytes>();
  const expected = Math.ceil((chunk.length * set.size(view, other)) / set.size(view, source));
  const range = { lower: hashedSubkey(first), upper: `${hashedSubkey(last)}\0`, expected };
  set.walkBetween(view, other, range, (member) => {
    found.add(member);
  });
  return (member) => found.has(member);
}
