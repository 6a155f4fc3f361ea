// Laws 1, 5, 6: values of megabytes are written into their batch slice by slice, over several turns of the event
// loop. Who looks at one meanwhile waits for its commit, and hears the truth when it is refused.
// Method: the memory engine, turns ended by hand, a refused commit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld } from "../support/world.ts";

const LONG = "x".repeat(3_000_000);
const SETTINGS = { pipeline: { backgroundBytes: 0 } };
const REFUSED = /^-TRYAGAIN Write stall/;

test("no reply leaves before the last slice, and reads of something else go on", async () => {
  await using world = await openWorld(SETTINGS);
  const writer = world.connect();
  const other = world.connect();
  other.say("SET known 1");
  await world.settle();
  other.heard();
  writer.send(["SET", "long", LONG]);
  let turns = 0;
  for (; writer.replies.length === 0; turns++) {
    other.say("GET known");
    assert.deepEqual(other.heard(), ['"1"']);
    assert.ok(turns < 100, "the write comes to an end");
    world.clock.endTurn();
    // oxlint-disable-next-line no-await-in-loop -- turn by turn
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  assert.ok(turns > 4, `written in ${turns} turns`);
  assert.deepEqual(writer.heard(), ["OK"]);
  writer.say("STRLEN long");
  assert.deepEqual(writer.heard(), ["3000000"]);
});

test("what is written meanwhile comes behind it", async () => {
  await using world = await openWorld(SETTINGS);
  const first = world.connect();
  const second = world.connect();
  const order: string[] = [];
  first.onReply = () => order.push("first");
  second.onReply = () => order.push("second");
  first.send(["SET", "long", LONG]);
  world.clock.endTurn();
  second.say("APPEND long y");
  await world.settle();
  assert.deepEqual(order, ["first", "second"]);
  second.say("STRLEN long");
  assert.deepEqual(second.heard(), ["3000001", "3000001"]);
});

test("a refused one is told to who wrote and to who saw, and is not there", async () => {
  await using world = await openWorld(SETTINGS);
  const writer = world.connect();
  const reader = world.connect();
  writer.say("SET long before");
  await world.settle();
  writer.heard();
  world.engine.refuseCommits("stall", 1, "Write stall");
  writer.send(["SET", "long", LONG]);
  world.clock.endTurn();
  reader.say("STRLEN long");
  writer.say("SET behind 1");
  assert.deepEqual(reader.heard(), []);
  await world.settle();
  const [first = "", second = ""] = writer.heard();
  assert.match(first, REFUSED);
  assert.match(second, REFUSED);
  assert.deepEqual(reader.heard(), ["6"]);
  reader.say("GET long");
  assert.deepEqual(reader.heard(), ['"before"']);
  writer.send(["SET", "long", LONG]);
  await world.settle();
  assert.deepEqual(writer.heard(), ["OK"]);
});

test("closing waits for it", async () => {
  await using world = await openWorld(SETTINGS);
  const writer = world.connect();
  writer.send(["SET", "long", LONG]);
  world.clock.endTurn();
  const closed = world.core.pipeline.close();
  await world.settle();
  await closed;
  assert.deepEqual(writer.heard(), ["OK"]);
});

test("a batch of many bytes is committed in the turn behind its commands, and is refused as any other", async () => {
  await using world = await openWorld(SETTINGS);
  const talker = world.connect();
  const words = Array.from({ length: 5000 }, (_, index) => [`key${index}`, "v".repeat(100)]);
  talker.send(["MSET", ...words.flat()]);
  world.clock.endTurn();
  assert.equal(world.core.stats.commits, 0);
  await world.settle();
  assert.deepEqual(talker.heard(), ["OK"]);
  assert.equal(world.core.stats.commits, 1);
  world.engine.refuseCommits("stall", 1, "Write stall");
  talker.send(["MSET", ...words.flatMap(([key = ""]) => [key, "w".repeat(100)])]);
  await world.settle();
  assert.match(talker.heard()[0] ?? "", REFUSED);
  talker.say("GET key1");
  assert.deepEqual(talker.heard(), [`"${"v".repeat(100)}"`]);
});
