// SCAN's guarantee and its kin, over committed and uncommitted keys at once.
//
// Method: random keys, half of them sharing one slot and two of those sharing even the hash; between
// the steps of a walk keys come and go, are committed, stay open, or are undone. What was there the
// whole time must be found; what was never there must not.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { SeededRandom } from "../base/random.ts";
import { dataPrefix, hashOfKey, SLOT_COUNT, slotOfKey, u32 } from "../encoding/key.ts";
import { STRING } from "../encoding/record.ts";
import { DATA } from "../engine/engine.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { COLD, ColdRead } from "./cold.ts";
import { testWorld, type TestWorld } from "./testing.ts";

/** Two keys of one slot with one hash, and two more beside them. */
const COLLIDING = ["{t}9vl8", "{t}apd6", "{t}9vl9", "{t}apd7"];
const NAMES = [
  ...COLLIDING,
  ...Array.from({ length: 12 }, (_, index) => `{t}${index}`),
  ...Array.from({ length: 16 }, (_, index) => `key:${index}`),
];
const PAST_EXPIRY = 1;

function put(world: TestWorld, name: string, expiryMs = 0): void {
  world.view.set(name, { kind: STRING, value: "v", expiryMs });
}

/** One whole walk without anything in between. */
function scanAll(world: TestWorld, countMin: number): string[] {
  const found: string[] = [];
  let cursor = 0;
  for (let steps = 0; ; steps++) {
    assert.ok(steps < 1000, "the walk ends");
    const step = world.view.scan(cursor, countMin);
    found.push(...step.found.map(({ key }) => key));
    ({ cursor } = step);
    if (cursor === 0) return found;
  }
}

test("the colliding names collide", () => {
  const [first = "", second = ""] = COLLIDING;
  assert.equal(slotOfKey(first), slotOfKey(second));
  assert.equal(hashOfKey(first), hashOfKey(second));
});

const names = fc.subarray(NAMES);
const countMin = fc.constantFrom(1, 2, 3, 7, 1000);
/** What one name goes through before the walk: on disk or not, then changed in the open batch. */
const states = fc.record({
  committed: names,
  expired: names,
  addedOpen: names,
  removedOpen: names,
  countMin,
});

test("a walk finds each live key once: committed, added in the open batch, not removed in it", () => {
  fc.assert(
    fc.property(states, (state) => {
      const world = testWorld();
      const wanted = prepare(world, state);
      assert.deepEqual(scanAll(world, state.countMin).sort(), wanted);
      assert.deepEqual(world.view.keys().sort(), wanted);
      const random = world.view.randomKey();
      assert.ok(random === null ? wanted.length === 0 : wanted.includes(random));
      // The same after a refusal of the open batch.
      world.keyspace.undoAll();
      const kept = state.committed.filter((name) => !state.expired.includes(name)).sort();
      assert.deepEqual(scanAll(world, state.countMin).sort(), kept);
    }),
    { numRuns: 200 },
  );
});

interface State {
  readonly committed: readonly string[];
  readonly expired: readonly string[];
  readonly addedOpen: readonly string[];
  readonly removedOpen: readonly string[];
}

/** Returns the names that are live afterwards, sorted. */
function prepare(world: TestWorld, state: State): string[] {
  world.unit(() => {
    for (const name of state.committed) put(world, name);
    for (const name of state.expired) put(world, name, PAST_EXPIRY);
  });
  for (const name of state.addedOpen) put(world, name);
  for (const name of state.removedOpen) world.view.remove(name);
  const live = new Set(state.committed.filter((name) => !state.expired.includes(name)));
  for (const name of state.addedOpen) live.add(name);
  for (const name of state.removedOpen) live.delete(name);
  return [...live].sort();
}

/** Between two steps of a walk. */
const happening = fc.record({
  put: names,
  removed: names,
  outcome: fc.constantFrom("commit" as const, "close" as const, "stay" as const, "undo" as const),
});

test("what is there during the whole walk is found, whatever happens in between", () => {
  const walk = fc.record({
    before: names,
    steady: names,
    happenings: fc.array(happening, { maxLength: 12, size: "max" }),
    countMin,
  });
  fc.assert(
    fc.property(walk, ({ before, steady, happenings, countMin: count }) => {
      const world = testWorld();
      world.unit(() => {
        for (const name of [...before, ...steady]) put(world, name);
      });
      const ever = new Set([...before, ...steady, ...happenings.flatMap((one) => one.put)]);
      const found = new Set<string>();
      let cursor = 0;
      let turn = 0;
      do {
        const step = world.view.scan(cursor, count);
        for (const { key } of step.found) found.add(key);
        ({ cursor } = step);
        const next = happenings[turn++];
        if (next !== undefined) happen(world, next, new Set(steady));
      } while (cursor !== 0);
      for (const name of steady) assert.ok(found.has(name), `${name} was missed`);
      for (const name of found) assert.ok(ever.has(name));
    }),
    { numRuns: 300 },
  );
});

function happen(
  world: TestWorld,
  what: { put: string[]; removed: string[]; outcome: "commit" | "close" | "stay" | "undo" },
  steady: ReadonlySet<string>,
): void {
  const { keyspace, engine } = world;
  for (const name of what.put) put(world, name);
  for (const name of what.removed) if (!steady.has(name)) world.view.remove(name);
  if (what.outcome === "undo") keyspace.undoAll();
  if (what.outcome === "close" || what.outcome === "commit") {
    const ops = new WriteOps();
    const closed = keyspace.close(ops);
    // A closed batch that is on disk already, but of which nobody has been told yet, shows as before.
    engine.write(ops);
    if (what.outcome === "close") world.view.keys();
    keyspace.committed(closed, ops);
  }
}

test("a step gives at least as many keys as asked for while there are any", () => {
  const world = testWorld();
  world.unit(() => {
    for (const name of NAMES) put(world, name);
  });
  let cursor = 0;
  do {
    const step = world.view.scan(cursor, 5);
    assert.ok(step.found.length >= 5 || step.cursor === 0);
    assert.ok(step.found.length <= 6, "one more only where two share a hash");
    ({ cursor } = step);
  } while (cursor !== 0);
});

test("any number is a cursor", () => {
  const world = testWorld();
  world.unit(() => {
    for (const name of NAMES) put(world, name);
  });
  const cursors = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(Number),
    fc.nat(SLOT_COUNT).map((slot) => slot * 2 ** 32),
    fc.maxSafeInteger().map(Math.abs),
  );
  fc.assert(
    fc.property(cursors, countMin, (cursor, count) => {
      const step = world.view.scan(cursor, count);
      assert.ok(step.cursor === 0 || step.cursor > cursor);
      assert.ok(step.cursor <= SLOT_COUNT * 2 ** 32);
    }),
  );
});

test("a slot found empty is walked past, and found again when a key comes back", () => {
  const world = testWorld();
  const { incarnation } = world.view.database;
  const slot = slotOfKey("{t}1");
  world.unit(() => put(world, "{t}1"));
  world.unit(() => world.view.remove("{t}1"));
  assert.ok(incarnation.mayHoldKeys(slot));
  assert.deepEqual(world.view.keys(), []);
  assert.ok(!incarnation.mayHoldKeys(slot));
  put(world, "{t}2");
  assert.deepEqual(world.view.keys(), ["{t}2"]);
  world.keyspace.undoAll();
  assert.deepEqual(world.view.keys(), []);
  world.unit(() => put(world, "{t}2"));
  assert.deepEqual(world.view.keys(), ["{t}2"]);
});

test("a slot is not forgotten by a walk that begins behind its keys", () => {
  const world = testWorld();
  world.unit(() => put(world, "{t}1"));
  const behind = slotOfKey("{t}1") * 2 ** 32 + hashOfKey("{t}1") + 1;
  assert.deepEqual(world.view.scan(behind, 10), { cursor: 0, found: [] });
  assert.deepEqual(world.view.keys(), ["{t}1"]);
});

test("a slot whose keys an open batch removes is not forgotten: the batch may be refused", () => {
  const world = testWorld();
  world.unit(() => put(world, "{t}1"));
  world.view.remove("{t}1");
  assert.deepEqual(world.view.keys(), []);
  world.keyspace.undoAll();
  assert.deepEqual(world.view.keys(), ["{t}1"]);
});

test("among few keys RANDOMKEY chooses evenly, among many each can come", () => {
  const world = testWorld();
  world.unit(() => {
    for (const name of NAMES) put(world, name);
  });
  const counts = draws(world, NAMES.length * 100);
  assert.equal(counts.size, NAMES.length);
  for (const count of counts.values()) assert.ok(count > 50 && count < 170, `${count} of 100`);

  const crowded = testWorld();
  crowded.unit(() => {
    for (let index = 0; index < 100; index++) put(crowded, `{one slot}${index}`);
  });
  const drawn = draws(crowded, 3000).size;
  assert.ok(drawn > 80, `${drawn} of 100`);
});

function draws(world: TestWorld, times: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let index = 0; index < times; index++) {
    const key = world.view.randomKey() ?? "";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

test("RANDOMKEY in an empty database, and in one where all has expired, is null", () => {
  const world = testWorld();
  assert.equal(world.view.randomKey(), null);
  world.unit(() => {
    for (let index = 0; index < 200; index++) put(world, `old:${index}`, PAST_EXPIRY);
  });
  assert.equal(world.view.randomKey(), null);
});

test("a cold walk says what to load, beginning where it stopped, and then comes to its end", async () => {
  const world = testWorld();
  const { view, engine } = world;
  world.unit(() => {
    for (const name of NAMES) put(world, name);
    for (let index = 0; index < 100; index++) put(world, `more:${index}`);
  });
  engine.coldKeys("all");
  for (const walk of [() => view.keys(), () => view.scan(0, 20).found, () => view.randomKey()]) {
    engine.cool();
    let rounds = 0;
    let result: unknown;
    while (result === undefined) {
      assert.ok(++rounds < 1000, "each load brings the walk further");
      try {
        result = walk();
      } catch (error) {
        assert.equal(error, COLD);
        await loadRequested(world);
      }
    }
    assert.ok(rounds > 1);
  }
});

/** Loads no more than the one entry that the walk lacks most. */
async function loadRequested(world: TestWorld): Promise<void> {
  assert.ok(COLD instanceof ColdRead);
  const { request } = COLD;
  assert.ok(request !== null && "slot" in request);
  const { incarnation, slot, fromHash, slotCount } = request;
  assert.ok(slotCount >= 1);
  const range = {
    lower: dataPrefix(incarnation.id, slot) + u32(fromHash),
    upper: dataPrefix(incarnation.id, slot + 1),
    reverse: false,
    valueBytesMax: 0,
    patience: "wait",
  } as const;
  await world.engine.warm(DATA, range, 3);
}

test("a random place is kept while it waits for the disk", () => {
  const world = testWorld();
  world.unit(() => {
    for (let index = 0; index < 200; index++) put(world, `key:${index}`);
  });
  const random = new SeededRandom(7);
  const expected = new SeededRandom(7).next();
  world.engine.coldKeys("all");
  world.engine.cool();
  const { incarnation } = world.view.database;
  incarnation.pendingDraw = random.next();
  assert.throws(() => world.view.randomKey(), ColdRead);
  assert.throws(() => world.view.randomKey(), ColdRead);
  assert.equal(incarnation.pendingDraw, expected);
  world.engine.coldKeys("none");
  assert.notEqual(world.view.randomKey(), null);
  assert.equal(incarnation.pendingDraw, null);
});

test("a walk whose loads never suffice is refused with advice", () => {
  const world = testWorld();
  world.unit(() => put(world, "a"));
  world.engine.coldKeys("all");
  world.engine.cool();
  world.view.loads = 47;
  assert.throws(() => world.view.keys(), ColdRead);
  world.view.loads = 48;
  assert.throws(() => world.view.keys(), /use SCAN/);
});
