// What WAITAOF says is so: a batch counts as safe from the death of the machine only when it has been
// fsynced, whatever the settings say by the time it commits; and nobody waits for what is gone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Durability, type SyncMode } from "../../src/commit/durability.ts";
import { openWorld, type World } from "../support/world.ts";

function durabilityOf(world: World, mode: SyncMode): Durability {
  const { core, clock, bugs } = world;
  return new Durability({ pipeline: core.pipeline, clock, mode, onBug: (bug) => bugs.push(bug) });
}

test("a batch that was on its way when appendfsync became always is not taken for fsynced", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const durability = durabilityOf(world, "no");
  const talker = world.connect();
  world.engine.holdAsync();
  talker.say("SET a b");
  await world.settle();
  world.core.pipeline.settings.sync = true;
  durability.mode = "always";
  world.engine.releaseOne("write");
  await world.settle();
  const batch = talker.session.lastWriteBatch;
  assert.equal(world.core.pipeline.keyspace.committedBatch, batch);
  assert.ok(durability.syncedBatch < batch);
  const synced = durability.waitSynced(batch);
  world.engine.stopHolding();
  await synced;
  assert.equal(durability.syncedBatch, batch);
});

test("who waits for the fsync of a batch that is refused is let go at once", async () => {
  await using world = await openWorld();
  const durability = durabilityOf(world, "no");
  const talker = world.connect();
  world.engine.refuseCommits("stall", 1);
  talker.say("SET a b");
  const isOver = durability.waitSynced(talker.session.lastWriteBatch);
  await world.settle();
  await isOver;
  assert.match(talker.heard().join(), /^-TRYAGAIN/);
});

test("who waits for an fsync when the engine closes does not keep the loop busy for ever", async () => {
  await using world = await openWorld();
  const durability = durabilityOf(world, "no");
  const talker = world.connect();
  talker.say("SET a b");
  await world.settle();
  await world.engine.close();
  void durability.waitSynced(talker.session.lastWriteBatch);
  await world.settle();
  assert.equal(durability.failure, null);
});
