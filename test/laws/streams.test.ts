// Laws 1, 5 and 6 for who waits for entries of a stream: XREAD and XREADGROUP with BLOCK are woken by
// what is committed and by nothing else, and hear what Redis 7.2 says when their key or group goes.
//
// Method: a whole core on a memory engine that refuses exactly the commit in question.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld, type Talker, type World } from "../support/world.ts";

async function saying(world: World, talker: Talker, ...lines: string[]): Promise<string[]> {
  for (const line of lines) {
    talker.say(line);
    await world.settle();
  }
  return talker.heard();
}

async function waiting(world: World, line: string): Promise<Talker> {
  const talker = world.connect();
  talker.say(line);
  await world.settle();
  assert.ok(talker.isWaiting, line);
  return talker;
}

test("XREAD waits for what comes behind its IDs, `$` being the last one when it began", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  await saying(world, writer, "XADD s 1 a 1", "XADD s 2 a 2");
  const behindLast = await waiting(world, "XREAD BLOCK 0 STREAMS s other $ $");
  const behindGiven = await waiting(world, "XREAD BLOCK 0 COUNT 1 STREAMS s 5");
  await saying(world, writer, "XADD s 3 a 3");
  assert.deepEqual(behindLast.heard(), ['[ [ "s", [ [ "3-0", [ "a", "3" ] ] ] ] ]']);
  assert.deepEqual(behindGiven.heard(), []);
  await saying(world, writer, "DEL s", "SET s text");
  assert.ok(behindGiven.isWaiting, "XREAD does not mind what becomes of the key");
  await saying(world, writer, "DEL s", "XADD s 6 a 6");
  assert.deepEqual(behindGiven.heard(), ['[ [ "s", [ [ "6-0", [ "a", "6" ] ] ] ] ]']);
});

test("XREADGROUP waits for new entries, and each goes to one consumer in order of arrival", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  await saying(world, writer, "XGROUP CREATE s g $ MKSTREAM");
  const first = await waiting(world, "XREADGROUP GROUP g alice BLOCK 0 COUNT 1 STREAMS s >");
  const second = await waiting(world, "XREADGROUP GROUP g bob BLOCK 0 STREAMS s >");
  await saying(world, writer, "XADD s 1 a 1");
  assert.deepEqual(first.heard(), ['[ [ "s", [ [ "1-0", [ "a", "1" ] ] ] ] ]']);
  assert.ok(second.isWaiting);
  await saying(world, writer, "XADD s 2 a 2");
  assert.deepEqual(second.heard(), ['[ [ "s", [ [ "2-0", [ "a", "2" ] ] ] ] ]']);
  writer.heard();
  assert.deepEqual(await saying(world, writer, "XPENDING s g"), [
    '[ 2, "1-0", "2-0", [ [ "alice", "1" ], [ "bob", "1" ] ] ]',
  ]);
});

test("whoever waits for a group is told when it, or its key, goes", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  const gone = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
  const endings = [
    ["XGROUP DESTROY s g", gone],
    ["DEL s", gone],
    ["SET s text", "-WRONGTYPE Operation against a key holding the wrong kind of value"],
  ] as const;
  for (const [line, told] of endings) {
    await saying(world, writer, "DEL s", "XGROUP CREATE s g $ MKSTREAM");
    const reader = await waiting(world, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
    await saying(world, writer, line);
    assert.deepEqual(reader.heard(), [told], line);
  }
});

test("an entry whose commit is refused wakes nobody, and is delivered to nobody", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  await saying(world, writer, "XADD s 1 a 1", "XGROUP CREATE s g $");
  writer.heard();
  const reader = await waiting(world, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
  const plain = await waiting(world, "XREAD BLOCK 0 STREAMS s $");
  world.engine.refuseCommits("stall", 1);
  const [refused = ""] = await saying(world, writer, "XADD s 2 a lost");
  assert.match(refused, /^-/);
  assert.deepEqual([reader.heard(), plain.heard()], [[], []]);
  assert.deepEqual(await saying(world, writer, "XLEN s", "XADD s 2 a kept"), ["1", '"2-0"']);
  const kept = '[ [ "s", [ [ "2-0", [ "a", "kept" ] ] ] ] ]';
  assert.deepEqual([reader.heard(), plain.heard()], [[kept], [kept]]);
});

test("to wait again and again writes nothing once the consumer is there", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  await saying(world, writer, "XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATECONSUMER s g alice");
  const reader = world.connect();
  await saying(world, reader, "XREADGROUP GROUP g alice STREAMS s >");
  assert.deepEqual(reader.heard(), []);
  const before = world.core.pipeline.keyspace.committedBatch;
  await saying(world, reader, "XREADGROUP GROUP g alice STREAMS s >");
  assert.equal(world.core.pipeline.keyspace.committedBatch, before);
});
