// Draws from an exploded set that leave it as it is (src/keyspace/element-sample.ts): evenness is seen by the sum of squared
// deviations, with a fixed seed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { COLD } from "../../src/keyspace/cold.ts";
import { testWorld, type TestWorld } from "../../src/keyspace/testing.ts";
import * as set from "../../src/types/set.ts";

const SMALL = 300;
/** More than a sample holds. */
const LARGE = 1500;

function worldWith(count: number): TestWorld {
  const world = testWorld();
  for (let from = 0; from < count; from += 100) {
    world.unit((view) => {
      const record = set.find(view, "s") ?? set.open(view, "s");
      for (let index = from; index < from + 100; index++) set.add(view, record, `m${index}`, 1);
    });
  }
  world.keyspace.dropCache();
  return world;
}

function draw(world: TestWorld, times = 1): string[] {
  return world.unit((view) => {
    const record = set.find(view, "s");
    assert.ok(record !== null);
    return set.drawWithRepeats(view, record, times);
  });
}

for (const count of [SMALL, LARGE]) {
  test(`each of ${count} members has the same chance`, () => {
    const world = worldWith(count);
    const each = 40;
    const seen = new Map<string, number>();
    for (let left = each * count; left > 0; left--) {
      const [member = ""] = draw(world);
      seen.set(member, (seen.get(member) ?? 0) + 1);
    }
    let chiSquare = 0;
    for (let index = 0; index < count; index++) {
      chiSquare += ((seen.get(`m${index}`) ?? 0) - each) ** 2 / each;
    }
    // What is drawn from one sample varies together, by an eighth.
    const bound = (count + 5 * Math.sqrt(2 * count)) * 1.125;
    assert.ok(chiSquare < bound, `chi square ${chiSquare}`);
    assert.ok(chiSquare > count - 5 * Math.sqrt(2 * count), `chi square ${chiSquare}`);
  });

  test(`one of ${count} members comes twice in a row as often as by chance`, () => {
    const world = worldWith(count);
    let again = 0;
    const draws = 200 * count;
    let [before = ""] = draw(world);
    for (let left = draws; left > 0; left -= 10) {
      for (const member of draw(world, 10)) {
        if (member === before) again++;
        before = member;
      }
    }
    assert.ok(Math.abs(again - 200) < 5 * Math.sqrt(200), `${again} times`);
  });
}

test("what was removed is not drawn any more, what was added is", () => {
  const world = worldWith(LARGE);
  for (let left = 50; left > 0; left--) draw(world);
  world.unit((view) => {
    const record = set.find(view, "s");
    assert.ok(record !== null);
    for (let index = 0; index < LARGE; index++) set.remove(view, record, `m${index}`);
    for (const name of ["x", "y", "z"]) set.add(view, record, name, 1);
  });
  const seen = new Set<string>();
  for (let left = 200; left > 0; left--) for (const member of draw(world)) seen.add(member);
  assert.deepEqual([...seen].toSorted(), ["x", "y", "z"]);
});

test("a member that a failed command added is not drawn, one that it removed is", () => {
  const world = worldWith(SMALL);
  draw(world);
  assert.throws(() =>
    world.unit((view) => {
      const record = set.find(view, "s");
      assert.ok(record !== null);
      for (let index = 0; index < SMALL; index++) set.remove(view, record, `m${index}`);
      for (let index = 0; index < SMALL; index++) set.add(view, record, `n${index}`, 1);
      set.drawWithRepeats(view, record, 3);
      throw new Error("on purpose");
    }),
  );
  const seen = new Set<string>();
  for (let left = 20 * SMALL; left > 0; left--) for (const member of draw(world)) seen.add(member);
  assert.equal(seen.size, SMALL);
  assert.ok([...seen].every((member) => member.startsWith("m")));
});

test("different members are different, a few at a time, and each has the same chance", () => {
  const world = worldWith(LARGE);
  const seen = new Map<string, number>();
  const each = 40;
  for (let left = (each * LARGE) / 15; left > 0; left--) {
    const drawn = world.unit((view) => {
      const record = set.find(view, "s");
      assert.ok(record !== null);
      return set.drawDistinct(view, record, 15);
    });
    assert.equal(new Set(drawn).size, 15);
    for (const member of drawn) seen.set(member, (seen.get(member) ?? 0) + 1);
  }
  let chiSquare = 0;
  for (let index = 0; index < LARGE; index++) {
    chiSquare += ((seen.get(`m${index}`) ?? 0) - each) ** 2 / each;
  }
  assert.ok(chiSquare < (LARGE + 5 * Math.sqrt(2 * LARGE)) * 1.125, `chi square ${chiSquare}`);
});

test("a sample that is cold is asked for at once, and found when it is there", async () => {
  const world = worldWith(LARGE);
  world.engine.coldKeys((_, key) => key.length > 20);
  let rounds = 0;
  const sizes: number[] = [];
  for (let left = 64; left > 0;) {
    try {
      draw(world);
      left--;
    } catch (error) {
      assert.equal(error, COLD);
      const { request } = COLD;
      assert.ok(request !== null && "ranges" in request);
      rounds++;
      sizes.push(request.ranges.length);
      for (const { store, range, entriesMax } of request.ranges) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await world.engine.warm(store, range, entriesMax);
      }
    }
  }
  assert.equal(world.view.loads, 0);
  assert.ok(rounds <= 3, `${rounds} rounds`);
  assert.equal(sizes[0], 2);
});

test("a member is taken from among many that are removed and not committed, however cold the disk is", async () => {
  const world = worldWith(LARGE);
  // Whom to remove is known; what else is on the disk is not.
  world.unit((view) => {
    const record = set.find(view, "s");
    assert.ok(record !== null);
    for (let index = 0; index < LARGE; index++) assert.ok(set.has(view, record, `m${index}`));
  });
  world.engine.coldKeys((_, key) => key.length > 20);
  let taken: string[] = [];
  for (let rounds = 0; taken.length === 0; rounds++) {
    assert.ok(rounds < 40, "it gets further with each load");
    try {
      taken = world.unit((view) => {
        const record = set.find(view, "s");
        assert.ok(record !== null);
        for (let index = 40; index < LARGE; index++) set.remove(view, record, `m${index}`);
        return set.pop(view, record, 1);
      });
    } catch (error) {
      assert.equal(error, COLD);
      const { request } = COLD;
      assert.ok(request !== null && "ranges" in request);
      for (const { store, range, entriesMax } of request.ranges) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await world.engine.warm(store, range, entriesMax);
      }
    }
  }
  assert.match(taken[0] ?? "", /^m[1-3]?\d$/u);
});
