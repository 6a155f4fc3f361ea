// A batch that is held back for the fsync of others is still one that is settled: it goes when they come,
// it goes when nobody comes, and its clients are told the truth either way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld, type Talker, type World } from "../support/world.ts";

interface Halves {
  readonly world: World;
  readonly first: Talker;
  readonly second: Talker;
}

/** `first` has just been answered, the batch of `second` is held back for what `first` says next. */
async function heldBack(): Promise<Halves> {
  const world = await openWorld({ pipeline: { sync: true } });
  const first = world.connect();
  const second = world.connect();
  world.engine.holdAsync();
  first.say("SET a 1");
  await world.settle();
  second.say("SET b 1");
  await world.settle();
  world.clock.advance(1);
  world.engine.releaseOne("write");
  await world.settle();
  assert.deepEqual(first.heard(), ["OK"]);
  assert.equal(world.core.pipeline.keyspace.openIsEmpty, false, "still open");
  assert.deepEqual(second.heard(), []);
  return { world, first, second };
}

test("one fsync serves those who were answered last and those who waited meanwhile", async () => {
  const { world, first, second } = await heldBack();
  await using _ = world;
  const { commits } = world.core.stats;
  first.say("SET a 2");
  await world.settle();
  assert.deepEqual([first.heard(), second.heard()], [[], []], "no answer before the fsync");
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual([first.heard(), second.heard()], [["OK"], ["OK"]]);
  assert.equal(world.core.stats.commits, commits + 1);
});

test("a batch that was held back in vain goes all the same", async () => {
  const { world, second } = await heldBack();
  await using _ = world;
  world.engine.stopHolding();
  world.clock.advance(3);
  await world.settle();
  assert.deepEqual(second.heard(), ["OK"]);
});

test("a batch that was held back and is then refused is told so to all it gathered", async () => {
  const { world, first, second } = await heldBack();
  await using _ = world;
  first.say("SET a 2");
  world.engine.refuseCommits("stall", 1);
  world.engine.stopHolding();
  await world.settle();
  assert.match(first.heard().join(), /^-TRYAGAIN/);
  assert.match(second.heard().join(), /^-TRYAGAIN/);
  first.say("MGET a b");
  await world.settle();
  assert.deepEqual(first.heard(), ['[ "1", nil ]']);
});
