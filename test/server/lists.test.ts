// Lists that somebody waits for, on a whole core: who is served, with what, and in what order; that what is
// handed on wakes the next; and that a refused commit hands nothing on (laws 1 and 5). The waiting itself is
// proved in test/laws/blocking.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld, type Talker, type World } from "../support/world.ts";

async function waiting(world: World, line: string): Promise<Talker> {
  const talker = world.connect();
  talker.say(line);
  await world.settle();
  assert.ok(talker.isWaiting, line);
  return talker;
}

async function saying(world: World, talker: Talker, ...lines: string[]): Promise<string[]> {
  for (const line of lines) talker.say(line);
  await world.settle();
  return talker.heard();
}

test("a push serves those who wait for the list, in the order in which they came", async () => {
  await using world = await openWorld();
  const first = await waiting(world, "BLPOP other q 0");
  const second = await waiting(world, "BRPOP q 0");
  const third = await waiting(world, "BLMPOP 0 2 q other LEFT COUNT 2");
  const pusher = world.connect();
  assert.deepEqual(await saying(world, pusher, "RPUSH q a b c d"), ["4"]);
  assert.deepEqual(first.heard(), ['[ "q", "a" ]']);
  assert.deepEqual(second.heard(), ['[ "q", "d" ]']);
  assert.deepEqual(third.heard(), ['[ "q", [ "b", "c" ] ]']);
  assert.deepEqual(await saying(world, pusher, "EXISTS q"), ["0"]);
});

test("what is moved on serves who waits for that", async () => {
  await using world = await openWorld();
  const last = await waiting(world, "BLPOP c 0");
  const second = await waiting(world, "BRPOPLPUSH b c 0");
  const first = await waiting(world, "BLMOVE a b LEFT RIGHT 0");
  const pusher = world.connect();
  assert.deepEqual(await saying(world, pusher, "LPUSH a one"), ["1"]);
  assert.deepEqual(first.heard(), ['"one"']);
  assert.deepEqual(second.heard(), ['"one"']);
  assert.deepEqual(last.heard(), ['[ "c", "one" ]']);
  assert.deepEqual(await saying(world, pusher, "EXISTS a b c"), ["0"]);
});

test("who waits for exactly so many elements waits until there are, and keeps his place", async () => {
  await using world = await openWorld();
  const exact = await waiting(world, "BLMOVEM q to LEFT RIGHT 0 EXACTLY 3 BULK");
  const other = await waiting(world, "BLPOP q 0");
  const last = await waiting(world, "BLPOP q 0");
  const pusher = world.connect();
  await saying(world, pusher, "RPUSH q a");
  assert.deepEqual(other.heard(), ['[ "q", "a" ]']);
  assert.ok(exact.isWaiting && last.isWaiting);
  await saying(world, pusher, "RPUSH q b c d e");
  assert.deepEqual(exact.heard(), ['[ "b", "c", "d" ]']);
  assert.deepEqual(last.heard(), ['[ "q", "e" ]']);
});

test("a refused push wakes nobody, and the next one serves who waits", async () => {
  await using world = await openWorld();
  const waiter = await waiting(world, "BLPOP q 0");
  const pusher = world.connect();
  world.engine.refuseCommits("no-space", 1);
  const [refused = ""] = await saying(world, pusher, "RPUSH q lost");
  assert.match(refused, /^-/);
  assert.ok(waiter.isWaiting);
  assert.deepEqual(await saying(world, pusher, "RPUSH q kept"), ["1"]);
  assert.deepEqual(waiter.heard(), ['[ "q", "kept" ]']);
});

test("a key of another type does not end the wait, and a wait that began on one is refused", async () => {
  await using world = await openWorld();
  const waiter = await waiting(world, "BLPOP q 0");
  const other = world.connect();
  await saying(world, other, "SET q text");
  assert.ok(waiter.isWaiting);
  const [refused = ""] = await saying(world, other, "BLPOP q 0");
  assert.match(refused, /^-WRONGTYPE/);
  await saying(world, other, "DEL q", "RPUSH q a");
  assert.deepEqual(waiter.heard(), ['[ "q", "a" ]']);
});

test("a wait ends in its time with a null array; in EXEC nobody waits", async () => {
  await using world = await openWorld();
  for (const line of [
    "BLPOP q 1",
    "BRPOP q 1",
    "BLMOVE q r LEFT LEFT 1",
    "BRPOPLPUSH q r 1",
    "BLMPOP 1 1 q LEFT",
    "BLMOVEM q r LEFT LEFT 1 EXACTLY 2 OBO",
  ]) {
    const waiter = await waiting(world, line);
    world.clock.advance(1001);
    await world.settle();
    assert.deepEqual(waiter.heard(), ["nil-array"], line);
  }
  const talker = world.connect();
  const lines = ["BLPOP q 0", "BLMOVE q r LEFT LEFT 0", "BRPOPLPUSH q r 0", "BLMPOP 0 1 q LEFT"];
  const heard = await saying(world, talker, "MULTI", ...lines, "EXEC");
  assert.equal(heard.at(-1), "[ nil-array, nil, nil, nil-array ]");
});
