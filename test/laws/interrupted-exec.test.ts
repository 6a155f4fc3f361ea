// An EXEC that does not run straight through: it waits for the disk, its client goes, what it reads
// cannot be read, its outcome cannot be kept. All or nothing holds for the session too: what is told
// as not done leaves neither a write nor another database behind.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld, type Talker, type World } from "../support/world.ts";

function sayAll(talker: Talker, lines: readonly string[]): void {
  for (const line of lines) talker.say(line);
}

/** Nothing is in memory any more; reads wait until the test lets them go on. */
function makeCold(world: World): void {
  world.core.pipeline.keyspace.dropCache();
  world.engine.coldKeys("all");
  world.engine.cool();
}

test("an EXEC whose client goes while it waits for the disk does not run without its WATCH", async () => {
  await using world = await openWorld();
  const leaving = world.connect();
  const other = world.connect();
  sayAll(other, ["SET k 1", "SET cold 1"]);
  sayAll(leaving, ["WATCH k", "MULTI", "SET k mine", "GET cold"]);
  await world.settle();
  other.say("SET k 2");
  await world.settle();
  makeCold(world);
  world.engine.holdAsync();
  leaving.say("EXEC");
  await world.settle();
  assert.ok(leaving.isWaiting);
  leaving.session.closed();
  world.engine.stopHolding();
  await world.settle();
  other.heard();
  other.say("GET k");
  await world.settle();
  assert.deepEqual(other.heard(), ['"2"']);
});

test("an EXEC that cannot read what it needs leaves the session in its database", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.say("SET cold 1");
  await world.settle();
  makeCold(world);
  sayAll(talker, ["MULTI", "SELECT 5", "GET cold"]);
  world.engine.holdAsync();
  talker.say("EXEC");
  await world.settle();
  world.engine.failReads("io", 1);
  world.engine.stopHolding();
  await world.settle();
  assert.match(talker.heard().at(-1) ?? "", /^-EXECABORT/);
  assert.equal(talker.session.databaseIndex, 0);
});

test("an EXEC whose outcome ONCE cannot keep is refused as a whole, cold or not", async () => {
  await using world = await openWorld({ limits: { unitBytesMax: 130 } });
  const talker = world.connect();
  talker.say(`SET v ${"x".repeat(60)}`);
  await world.settle();
  const lines = ["MULTI", "ONCE t", "SELECT 3", "SET n 1", "SELECT 0", "GET v", "GET v", "EXEC"];
  for (const isCold of [false, true]) {
    if (isCold) makeCold(world);
    sayAll(talker, lines);
    await world.settle();
    assert.match(talker.heard().at(-1) ?? "", /^-EXECABORT .* write batch too large/);
    sayAll(talker, ["DBSIZE", "SELECT 3", "DBSIZE", "SELECT 0"]);
    await world.settle();
    assert.deepEqual(talker.heard(), ["1", "OK", "0", "OK"]);
  }
});

test("replies that are too long for ONCE are refused, and the server goes on", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.send(["SET", "v", "x".repeat(2 ** 28)]);
  await world.settle();
  sayAll(talker, ["MULTI", "ONCE t", "SET n 1", "GET v", "GET v", "EXEC", "DBSIZE"]);
  await world.settle();
  const heard = talker.heard();
  assert.match(heard.at(-2) ?? "", /^-EXECABORT .* longer than ONCE can keep/);
  assert.equal(heard.at(-1), "1");
});

for (const reply of ["abort", "every"] as const) {
  test(`a refused EXEC told as ${reply} has not chosen another database`, async () => {
    await using world = await openWorld({ session: { execFailureReply: reply } });
    const talker = world.connect();
    world.engine.refuseCommits("stall", 1);
    sayAll(talker, ["MULTI", "SELECT 5", "SET a b", "EXEC"]);
    await world.settle();
    assert.equal(talker.session.databaseIndex, 0);
    world.engine.refuseCommits("stall", 1);
    sayAll(talker, ["MULTI", "SELECT 5", "SET a b", "EXEC", "SELECT 5"]);
    await world.settle();
    assert.equal(talker.session.databaseIndex, 5);
  });
}

test("a refused EXEC told element by element has chosen the database it says it has", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  world.engine.refuseCommits("stall", 1);
  sayAll(talker, ["MULTI", "SELECT 5", "SET a b", "EXEC"]);
  await world.settle();
  assert.match(talker.heard().at(-1) ?? "", /^\[ OK, -EXECABORT/);
  assert.equal(talker.session.databaseIndex, 5);
});
