// Law 9: unknown is called unknown. Nobody is told "not written" or "OK" until it is proved; after a
// bounded time the connection is closed, never guessed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld } from "../support/world.ts";

test("an unknown commit that proves to be applied is answered as committed", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  world.engine.unknownCommits("applied", 1);
  world.engine.failSettling(3);
  talker.say("SET k v");
  await world.settle();
  assert.deepEqual(talker.heard(), []);
  for (let round = 0; round < 5; round++) {
    world.clock.advance(50);
    await world.settle();
  }
  assert.deepEqual(talker.heard(), ["OK"]);
  talker.say("GET k");
  assert.deepEqual(talker.heard(), ['"v"']);
  assert.equal(talker.abandoned, false);
});

test("an unknown commit that proves to be absent is answered as refused", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  world.engine.unknownCommits("absent", 1);
  for (const line of ["MULTI", "SET k v", "EXEC"]) talker.say(line);
  await world.settle();
  assert.match(talker.heard().at(-1) ?? "", /^\[ -EXECABORT Transaction discarded because of: /);
  talker.say("EXISTS k");
  assert.deepEqual(talker.heard(), ["0"]);
});

test("while nobody knows, the replies are held; after the limit the connections are closed", async () => {
  await using world = await openWorld({ pipeline: { unknownTimeoutMs: 1000 } });
  const writer = world.connect();
  const reader = world.connect();
  const bystander = world.connect();
  world.engine.unknownCommits("applied", 1);
  world.engine.failSettling(1_000_000);
  writer.say("SET k v");
  await world.settle();
  reader.say("GET k");
  bystander.say("GET elsewhere");
  assert.deepEqual(bystander.heard(), ["nil"]);
  for (let passedMs = 0; passedMs < 950; passedMs += 50) {
    world.clock.advance(50);
    await world.settle();
  }
  assert.deepEqual([writer.abandoned, reader.abandoned], [false, false]);
  world.clock.advance(100);
  await world.settle();
  assert.deepEqual([writer.abandoned, reader.abandoned], [true, true]);
  assert.equal(bystander.abandoned, false);
  assert.deepEqual([...writer.heard(), ...reader.heard()], []);
  world.engine.failSettling(0);
  world.clock.advance(100);
  await world.settle();
  bystander.say("GET k");
  assert.deepEqual(bystander.heard(), ['"v"']);
});

test("a server that is stopped while nobody knows stops, and guesses nothing", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  const reader = world.connect();
  world.engine.unknownCommits("applied", 1);
  world.engine.failSettling(1_000_000);
  writer.say("SET k v");
  await world.settle();
  reader.say("GET k");
  await world.core.pipeline.close();
  assert.deepEqual([writer.abandoned, reader.abandoned], [true, true]);
  assert.deepEqual([...writer.heard(), ...reader.heard()], []);
});

test("a commit whose outcome is lost while the server stops does not keep it from stopping", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const writer = world.connect();
  world.engine.holdAsync();
  world.engine.unknownCommits("applied", 1);
  world.engine.failSettling(1_000_000);
  writer.say("SET k v");
  await world.settle();
  const closed = world.core.pipeline.close();
  world.engine.stopHolding();
  await closed;
  assert.equal(writer.abandoned, true);
  assert.deepEqual(writer.heard(), []);
});
