// A key that is read after its time is removed there and then, as in Redis: counted, told of, and not to be found by
// the next command. But by a unit of its own: the read itself stays a read (laws 5 and 7).

import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENT_CLASSES } from "../../src/keyspace/event.ts";
import { openWorld } from "../support/world.ts";

test("reading a dead key removes it, for the very next command", async () => {
  await using world = await openWorld({ limits: { notifyMask: EVENT_CLASSES.expired } });
  const events: string[] = [];
  world.core.view.onKeyEvent = (event) => events.push(`${event.name} ${event.key}`);
  const talker = world.connect();
  for (const line of ["SET a 1 PX 100", "SET b 1 PX 100", "SET c 1 PX 100"]) talker.say(line);
  await world.settle();
  world.clock.advance(150);
  talker.heard();
  for (const line of ["DBSIZE", "MGET a b", "DBSIZE", "EXISTS c", "DBSIZE"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), ["3", "[ nil, nil ]", "1", "0", "0"]);
  assert.deepEqual(events, ["expired a", "expired b", "expired c"]);
  assert.equal(world.core.stats.expiredKeys, 3);
});

test("the read of a dead key is answered although the removal is refused", async () => {
  await using world = await openWorld();
  const { engine } = world;
  const talker = world.connect();
  talker.say("SET a 1 PX 100");
  await world.settle();
  talker.heard();
  world.clock.advance(150);
  engine.refuseCommits("stall", 1);
  for (const line of ["GET a", "STRLEN a", "DBSIZE"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), ["nil", "0", "1"]);
  assert.equal(world.core.pipeline.keyspace.databases[0]?.incarnation.keyCount, 1);
  for (const line of ["GET a", "DBSIZE"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), ["nil", "0"]);
});

test("a dead key stays while writes are paused", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  for (const line of ["SET a 1 PX 100", "CLIENT PAUSE 100000 WRITE"]) talker.say(line);
  await world.settle();
  world.clock.advance(150);
  talker.heard();
  for (const line of ["GET a", "DBSIZE", "CLIENT UNPAUSE", "GET a", "DBSIZE"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), ["nil", "1", "OK", "nil", "0"]);
});

test("a key that only a command undone had given its time is not removed", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  for (const line of ["SET a 1", "PEXPIRE a 100", "PERSIST a"]) talker.say(line);
  world.clock.advance(150);
  for (const line of ["GET a", "DBSIZE"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), ["OK", "1", "1", '"1"', "1"]);
});
