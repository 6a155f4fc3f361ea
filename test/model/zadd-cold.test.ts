// ZADD of many members to a large sorted set of which nothing is in memory: what it needs is asked for in a few rounds,
// not one after the other, and what it leaves is what it leaves where everything is in memory.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { zadd } from "../../src/commands/sorted-set.ts";
import { coldWork, loadCold } from "../../src/commit/cold-loader.ts";
import { COLD, type ColdElements } from "../../src/keyspace/cold.ts";
import { testWorld, type TestWorld } from "../../src/keyspace/testing.ts";
import * as sortedSet from "../../src/types/sorted-set.ts";

const COUNT = 4000;
const KEY = "z";

function worldWith(bucketMax: number): TestWorld {
  const world = testWorld();
  world.view.limits.collections.sortedSetBucketMax = bucketMax;
  for (let from = 0; from < COUNT; from += 200) {
    const args: Bytes[] = ["ZADD", KEY];
    for (let index = from; index < from + 200; index++) {
      args.push(String((index * 7919) % COUNT), `m${index}`);
    }
    world.unit((view) => zadd(view, args));
  }
  world.keyspace.dropCache();
  return world;
}

/** How many rounds of loading the command takes. */
async function roundsOf({ engine, keyspace, unit }: TestWorld, args: Bytes[]): Promise<number> {
  engine.coldKeys("all");
  const history = { elements: [] as ColdElements[] };
  try {
    for (let rounds = 0; ; rounds++) {
      try {
        unit((view) => zadd(view, args));
        return rounds;
      } catch (error) {
        assert.equal(error, COLD);
      }
      const { request } = COLD;
      assert.ok(request !== null);
      // oxlint-disable-next-line no-await-in-loop -- one round after the other
      await loadCold(coldWork(keyspace, queueMicrotask), request, {
        history,
        unit: { keysWanted: () => [] },
      });
    }
  } finally {
    engine.coldKeys("none");
  }
}

function entriesIn({ unit }: TestWorld): string {
  return unit((view) => {
    const record = sortedSet.find(view, KEY);
    assert.ok(record !== null);
    return sortedSet
      .entries(view, record)
      .map(({ member, score }) => `${member} ${score}`)
      .join();
  });
}

function somewhere(seed: number): Bytes[] {
  const random = new SeededRandom(seed);
  const args: Bytes[] = ["ZADD", KEY];
  for (let index = 0; index < 100; index++) {
    const isNew = random.below(3) > 0;
    args.push(String(random.below(COUNT)), isNew ? `n${index}` : `m${random.below(COUNT)}`);
  }
  return args;
}

for (const bucketMax of [8, 64, 192]) {
  test(`a hundred members somewhere, in buckets of ${bucketMax}: a few rounds`, async () => {
    const cold = worldWith(bucketMax);
    const warm = worldWith(bucketMax);
    for (let seed = 1; seed <= 5; seed++) {
      const args = somewhere(seed);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const rounds = await roundsOf(cold, args);
      // The key, the members, a page or two a level, the buckets that are cut; and a neighbour now and then.
      assert.ok(rounds <= 6, `${rounds} rounds`);
      warm.unit((view) => zadd(view, args));
      assert.equal(entriesIn(cold), entriesIn(warm));
      cold.keyspace.dropCache();
      cold.engine.cool();
    }
  });
}
