// The ends of a sorted set that are kept in memory, against an array that is sorted anew each time:
// random additions, removals and pops at both ends, with failed commands, refused batches and a cache
// that forgets.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { WriteOps } from "../../src/engine/write-ops.ts";
import * as range from "../../src/types/sorted-set-range.ts";
import * as sortedSet from "../../src/types/sorted-set.ts";
import { testWorld, type TestWorld } from "../../src/keyspace/testing.ts";
import type { View } from "../../src/keyspace/view.ts";

type Scores = Map<string, number>;

type Step =
  | { readonly kind: "add"; readonly member: number; readonly score: number }
  | { readonly kind: "remove"; readonly member: number }
  | { readonly kind: "pop"; readonly reverse: boolean; readonly limit: number }
  | { readonly kind: "list" | "fail" | "refuse" | "forget" | "commit" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("add"),
      member: fc.nat(60),
      score: fc.integer({ min: -9, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove"), member: fc.nat(60) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("pop"),
      reverse: fc.boolean(),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("list", "fail", "refuse", "forget", "commit") }),
  },
);

function sorted(scores: Scores): string[] {
  const compare = ([a, one]: [string, number], [b, other]: [string, number]): number => {
    if (one !== other) return one - other;
    return a < b ? -1 : 1;
  };
  return [...scores].sort(compare).map(([member]) => member);
}

function apply(view: View, scores: Scores, what: Step): void {
  const record = sortedSet.open(view, "z", { count: 1, memberSize: 1 });
  if (what.kind === "add") {
    const member = `m${what.member}`;
    const before = sortedSet.score(view, record, member);
    assert.equal(before, scores.get(member) ?? null);
    if (before !== what.score) {
      sortedSet.set(view, record, { member, score: what.score }, before);
    }
    scores.set(member, what.score);
  } else if (what.kind === "remove") {
    const member = `m${what.member}`;
    assert.equal(sortedSet.remove(view, record, member), scores.delete(member));
  } else if (what.kind === "list") {
    // A walk lets go of what is committed, where nobody holds it.
    const names = sortedSet.entries(view, record).map(({ member }) => member);
    assert.deepEqual(names, sorted(scores));
  } else if (what.kind === "pop" && scores.size > 0) {
    const { reverse, limit } = what;
    const selection = { reverse, offset: 0, limit };
    const all = { kind: "position", from: 0, to: sortedSet.size(view, record) } as const;
    const popped = range.removeRange(view, record, { range: all, selection });
    const order = reverse ? sorted(scores).reverse() : sorted(scores);
    const names = popped.map(({ member }) => member);
    assert.deepEqual(names, order.slice(0, limit));
    for (const member of names) scores.delete(member);
  }
}

function run(world: TestWorld, steps: readonly Step[]): void {
  const { keyspace, view } = world;
  let committed: Scores = new Map();
  let now: Scores = new Map();
  for (const what of steps) {
    if (what.kind === "forget") {
      keyspace.dropCache();
    } else if (what.kind === "commit") {
      const ops = new WriteOps();
      const closed = keyspace.close(ops);
      keyspace.engine.write(ops);
      keyspace.committed(closed, ops);
      committed = new Map(now);
    } else if (what.kind === "refuse") {
      keyspace.undoAll();
      now = new Map(committed);
    } else if (what.kind === "fail") {
      const mark = keyspace.mark();
      const trial = new Map(now);
      apply(view, trial, { kind: "pop", reverse: false, limit: 3 });
      apply(view, trial, { kind: "add", member: 7, score: -20 });
      apply(view, trial, { kind: "pop", reverse: true, limit: 2 });
      keyspace.rollbackTo(mark);
    } else {
      apply(view, now, what);
    }
  }
  if (now.size > 0) {
    apply(view, now, { kind: "pop", reverse: false, limit: 64 });
    apply(view, now, { kind: "pop", reverse: true, limit: 64 });
  }
}

test("pops give the first and the last of what is there, whatever was undone or forgotten", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const world = testWorld();
      world.view.limits.collections.sortedSetEntriesMax = 0;
      run(world, steps);
    }),
    { numRuns: 1000 },
  );
});
