// Reading commands that run elsewhere, over a snapshot: what they show is committed and was so at one moment between the
// command and its reply; nobody waits for them; and to their client they are commands like any other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import { openWorld, type Talker, type World, type WorldSettings } from "../support/world.ts";

const LIMITS = {
  collections: { ...usualCollectionLimits(), setEntriesMax: 2, hashEntriesMax: 2 },
};
/** SMEMBERS of a set of more than three is long. */
const SHORT: WorldSettings = { longReadElements: 3, limits: LIMITS };
const SLOW: WorldSettings = { ...SHORT, pipeline: { backgroundBytes: 0 } };

async function withSet(settings: WorldSettings = SHORT): Promise<World> {
  const world = await openWorld(settings);
  await answers(world, world.connect(), "SADD s a b c d");
  return world;
}

/** Says it and hears all that comes. */
async function answers(world: World, talker: Talker, ...lines: string[]): Promise<string[]> {
  for (const line of lines) talker.say(line);
  await world.settle();
  return talker.heard();
}

/** Sets have no order. */
function members(reply: string | undefined): string[] {
  return (reply ?? "").match(/"[^"]*"/g)?.sort() ?? [];
}

const ABCD = ['"a"', '"b"', '"c"', '"d"'];

test("a long read runs elsewhere, and others go on meanwhile", async () => {
  await using world = await withSet();
  world.reader.isHolding = true;
  const reader = world.connect();
  const other = world.connect();
  assert.deepEqual(await answers(world, reader, "SMEMBERS s", "PING"), []);
  assert.deepEqual(await answers(world, other, "SADD s e", "SCARD s"), ["1", "5"]);
  world.reader.runAll();
  await world.settle();
  const [reply, ...rest] = reader.heard();
  // What was written after its moment it does not show, and what comes behind it waits.
  assert.deepEqual(members(reply), ABCD);
  assert.deepEqual(rest, ["PONG"]);
  assert.equal(world.engine.lentCount, 0);
});

test("a short read, a read in EXEC or a script, and a write stay on the loop", async () => {
  await using world = await withSet();
  const talker = world.connect();
  const lines = ["SCARD s", "SISMEMBER s a", "MULTI", "SMEMBERS s", "EXEC", "SUNIONSTORE t s"];
  await answers(world, talker, ...lines);
  talker.send(["EVAL", "return #redis.call('SMEMBERS', KEYS[1])", "1", "s"]);
  await world.settle();
  assert.deepEqual(talker.heard(), ["4"]);
  assert.deepEqual(world.reader.jobs, []);
  await answers(world, talker, "SMEMBERS s");
  assert.equal(world.reader.jobs.length, 1);
});

test("a client sees its own writes: the read waits for their commit", async () => {
  await using world = await withSet(SLOW);
  world.engine.holdAsync();
  const talker = world.connect();
  assert.deepEqual(await answers(world, talker, "SADD s e", "SMEMBERS s"), []);
  assert.deepEqual(world.reader.jobs, []);
  world.engine.stopHolding();
  await world.settle();
  const [added, reply] = talker.heard();
  assert.equal(added, "1");
  assert.deepEqual(members(reply), [...ABCD, '"e"']);
  assert.equal(world.reader.jobs.length, 1);
});

test("also where replies are off, so that none is waited for", async () => {
  await using world = await withSet(SLOW);
  world.engine.holdAsync();
  const talker = world.connect();
  for (const line of ["CLIENT REPLY SKIP", "SADD s e", "SMEMBERS s"]) talker.say(line);
  await world.settle();
  assert.deepEqual(world.reader.jobs, []);
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(members(talker.heard()[0]), [...ABCD, '"e"']);
});

test("what a client has read of others that waits for a commit is in its long read", async () => {
  await using world = await withSet(SLOW);
  world.engine.holdAsync();
  const writer = world.connect();
  const talker = world.connect();
  writer.say("SADD s e");
  assert.deepEqual(await answers(world, talker, "SISMEMBER s e", "SMEMBERS s"), []);
  world.engine.stopHolding();
  await world.settle();
  const [seen, reply] = talker.heard();
  assert.equal(seen, "1");
  assert.deepEqual(members(reply), [...ABCD, '"e"']);
});

test("a write that is not committed is not seen, nor waited for, but while it is being appended", async () => {
  await using world = await withSet(SLOW);
  world.engine.holdAsync();
  const writer = world.connect();
  const reader = world.connect();
  writer.say("SADD s e");
  // Still in the open batch: the moment is now, before it.
  reader.say("SMEMBERS s");
  await world.settle();
  assert.deepEqual(members(reader.heard()[0]), ABCD);
  // Now it is on its way.
  assert.deepEqual(world.engine.held(), ["write"]);
  assert.deepEqual(await answers(world, reader, "SMEMBERS s"), []);
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(members(reader.heard()[0]), [...ABCD, '"e"']);
  assert.deepEqual(writer.heard(), ["1"]);
});

test("a refused commit: the writer hears of it, and his read shows that nothing was written", async () => {
  for (const settings of [SHORT, SLOW]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await using world = await withSet(settings);
    const writer = world.connect();
    const reader = world.connect();
    world.engine.refuseCommits("stall", 1);
    writer.say("SADD s e");
    reader.say("SMEMBERS s");
    writer.say("SMEMBERS s");
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.settle();
    const [refused, own] = writer.heard();
    assert.match(refused ?? "", /^-TRYAGAIN/);
    assert.deepEqual(members(own), ABCD);
    assert.deepEqual(members(reader.heard()[0]), ABCD);
    assert.equal(world.reader.jobs.length, 2);
  }
});

test("law 7: while a batch waits for a stall to end, long reads of others go on", async () => {
  await using world = await withSet({ ...SHORT, pipeline: { stallWaitMs: 1000 } });
  const writer = world.connect();
  const reader = world.connect();
  world.engine.refuseCommits("stall");
  assert.deepEqual(await answers(world, writer, "SADD s e", "SMEMBERS s"), []);
  const [reply] = await answers(world, reader, "SMEMBERS s");
  assert.deepEqual(members(reply), ABCD);
  world.engine.acceptCommits();
  world.clock.advance(50);
  await world.settle();
  assert.deepEqual(members(writer.heard()[1]), [...ABCD, '"e"']);
});

test("law 9: while nobody knows how a commit ended, long reads are short ones", async () => {
  for (const outcome of ["applied", "absent"] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await using world = await withSet();
    const writer = world.connect();
    const reader = world.connect();
    const bystander = world.connect();
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await answers(world, bystander, "SADD t 1 2 3 4");
    world.engine.unknownCommits(outcome, 1);
    world.engine.failSettling(3);
    writer.say("SADD s e");
    writer.say("SMEMBERS s");
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.settle();
    reader.say("SMEMBERS s");
    bystander.say("SMEMBERS t");
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.settle();
    assert.deepEqual([...writer.heard(), ...reader.heard()], []);
    assert.deepEqual(members(bystander.heard()[0]), ['"1"', '"2"', '"3"', '"4"']);
    for (let round = 0; round < 5; round++) {
      world.clock.advance(50);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await world.settle();
    }
    const found = outcome === "applied" ? [...ABCD, '"e"'] : ABCD;
    assert.deepEqual(members(writer.heard()[1]), found);
    assert.deepEqual(members(reader.heard()[0]), found);
  }
});

test("a doubt that begins while a long read waits for its moment sends it back to the loop", async () => {
  await using world = await withSet(SLOW);
  world.engine.holdAsync();
  const writer = world.connect();
  writer.say("SADD s e");
  await world.settle();
  const reader = world.connect();
  reader.say("SMEMBERS s");
  world.engine.unknownCommits("applied", 1);
  world.engine.failSettling(2);
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(reader.heard(), []);
  for (let round = 0; round < 5; round++) {
    world.clock.advance(50);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.settle();
  }
  assert.deepEqual(members(reader.heard()[0]), [...ABCD, '"e"']);
  assert.deepEqual(world.reader.jobs, []);
});

test("as many run at the same time as there are seats; the others come in their order", async () => {
  await using world = await withSet({ ...SHORT, longReadSeats: 2 });
  const { longReads } = world.core.pipeline;
  world.reader.isHolding = true;
  const talkers = [1, 2, 3, 4].map(() => world.connect());
  const done: number[] = [];
  for (const [index, talker] of talkers.entries()) {
    talker.onReply = () => done.push(index);
    talker.say("SMEMBERS s");
  }
  await world.settle();
  assert.deepEqual([longReads.running, longReads.waitingCount], [2, 2]);
  assert.equal(world.reader.startedCount, 2);
  world.reader.runAll();
  await world.settle();
  assert.deepEqual([longReads.running, longReads.waitingCount], [2, 0]);
  // Without seats none begins elsewhere any more; those that did run to their end.
  longReads.seatCount = 0;
  await answers(world, world.connect(), "SMEMBERS s");
  world.reader.runAll();
  await world.settle();
  assert.deepEqual(done, [0, 1, 2, 3]);
  assert.deepEqual([longReads.running, longReads.totalCount], [0, 4]);
});

test("who waited for a seat runs on the loop when there are none left", async () => {
  await using world = await withSet();
  world.reader.isHolding = true;
  const talkers = [1, 2, 3].map(() => world.connect());
  for (const talker of talkers) talker.say("SMEMBERS s");
  await world.settle();
  world.core.pipeline.longReads.seatCount = 0;
  world.reader.runAll();
  await world.settle();
  assert.equal(world.reader.jobs.length, 1);
  for (const talker of talkers) assert.deepEqual(members(talker.heard()[0]), ABCD);
});

test("a client that goes stops its read, and the seat is free", async () => {
  await using world = await withSet();
  world.reader.isHolding = true;
  const gone = world.connect();
  const waiting = world.connect();
  const alsoGone = world.connect();
  for (const talker of [gone, alsoGone, waiting]) talker.say("SMEMBERS s");
  await world.settle();
  assert.equal(world.reader.startedCount, 1);
  // One that still waits for a seat, and the one that runs.
  alsoGone.session.closed();
  gone.session.closed();
  await world.settle();
  assert.equal(world.reader.startedCount, 1);
  world.reader.runAll();
  await world.settle();
  assert.deepEqual(members(waiting.heard()[0]), ABCD);
  assert.deepEqual([...gone.heard(), ...alsoGone.heard()], []);
  assert.equal(world.engine.lentCount, 0);
  assert.equal(world.core.pipeline.longReads.running, 0);
});

test("what is stopped is told so, and what cannot be borrowed any more runs on the loop", async () => {
  await using world = await withSet();
  world.reader.isHolding = true;
  const talker = world.connect();
  await answers(world, talker, "SMEMBERS s");
  world.reader.close();
  await world.settle();
  assert.deepEqual(talker.heard(), ["-ERR the command was stopped"]);
  const [lent] = [world.engine.lend()];
  await answers(world, talker, "SMEMBERS s");
  world.engine.endLoans();
  world.reader.runAll();
  await world.settle();
  assert.deepEqual(members(talker.heard()[0]), ABCD);
  lent?.takeBack();
});

test("an error is a reply like any other, and is counted once", async () => {
  await using world = await withSet();
  const talker = world.connect();
  const errors: string[] = [];
  world.core.hooks.onErrorReply = (text) => errors.push(text);
  await answers(world, talker, "SET string v");
  const [reply] = await answers(world, talker, "SUNION s string");
  assert.match(reply ?? "", /^-WRONGTYPE/);
  assert.equal(errors.length, 1);
  const { stats } = world.core.commands.find(["SUNION", "s"]);
  assert.deepEqual([stats.calls, stats.failedCalls], [1, 1]);
});

test("it is counted, shown to monitors and put into the slow log once, with the time of its run", async () => {
  await using world = await withSet();
  const monitor = world.connect();
  await answers(world, monitor, "MONITOR");
  world.core.setSlow({ slowlogUs: 0, latencyMs: 0 });
  const before = world.core.slowlog.length;
  const talker = world.connect();
  await answers(world, talker, "SMEMBERS s");
  assert.equal(monitor.heard().filter((line) => line.includes("SMEMBERS")).length, 1);
  const { stats } = world.core.commands.find(["SMEMBERS", "s"]);
  assert.equal(stats.calls, 1);
  assert.equal(world.core.slowlog.length, before + 1);
  assert.equal(world.core.stats.commandsUs, 0);
});

test("a reply that nobody wants to hear is not sent", async () => {
  await using world = await withSet();
  const talker = world.connect();
  await answers(world, talker, "CLIENT REPLY OFF", "SMEMBERS s");
  assert.equal(world.reader.jobs.length, 1);
  assert.deepEqual(await answers(world, talker, "CLIENT REPLY ON"), ["OK"]);
});

test("the clock of a read is that of its moment", async () => {
  await using world = await withSet();
  world.reader.isHolding = true;
  const talker = world.connect();
  await answers(world, talker, "PEXPIRE s 100");
  await answers(world, talker, "SMEMBERS s");
  world.clock.advance(1000);
  world.reader.runAll();
  await world.settle();
  assert.deepEqual(members(talker.heard()[0]), ABCD);
  assert.deepEqual(await answers(world, talker, "SMEMBERS s"), ["[ ]"]);
});

test("what would do more than read runs on the loop: a wait, an event of a key that is not there", async () => {
  await using world = await withSet({
    ...SHORT,
    limits: {
      collections: { ...LIMITS.collections, streamNodeEntriesMax: 2 },
    },
  });
  world.reader.isHolding = true;
  const talker = world.connect();
  const other = world.connect();
  for (let id = 1; id <= 9; id++) other.say(`XADD x ${id} f v`);
  await answers(world, other, "PING");
  await answers(world, talker, "XREAD BLOCK 0 STREAMS x 0");
  assert.equal(world.reader.startedCount, 1);
  // Before its moment was taken, in the eyes of the thread.
  world.reader.lie({ kind: "stay" });
  await answers(world, other, "DEL x");
  assert.equal(world.core.host.blocked.count, 1);
  await answers(world, other, "XADD x 20 f v");
  assert.match(talker.heard()[0] ?? "", /"20-0"/);
});

test("who is tracked reads on the loop", async () => {
  await using world = await withSet();
  const talker = world.connect();
  await answers(world, talker, "HELLO 3", "CLIENT TRACKING ON");
  const [reply] = await answers(world, talker, "SMEMBERS s");
  assert.deepEqual(members(reply), ABCD);
  assert.deepEqual(world.reader.jobs, []);
});
