// What the server does for itself: expiry by the index, collecting flushed databases, fsyncing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Collector } from "../../src/background/collector.ts";
import { Expirer } from "../../src/background/expirer.ts";
import { RowFiller } from "../../src/background/row-filler.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { Durability } from "../../src/commit/durability.ts";
import { DATA, ELEMENTS, EXPIRY, META, type StoreId } from "../../src/engine/engine.ts";
import type { MemoryEngine } from "../../src/engine/memory.ts";
import { EVENT_CLASSES } from "../../src/keyspace/event.ts";
import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import { openWorld, type World } from "../support/world.ts";

function keysIn(engine: MemoryEngine, store: StoreId, lower = ""): Bytes[] {
  const range = { lower, upper: null, reverse: false, valueBytesMax: 0, patience: "wait" } as const;
  const cursor = engine.cursor(store, range);
  const flat = cursor.next(1_000_000) ?? [];
  cursor.close();
  return flat.filter((_, index) => index % 2 === 0);
}

interface Background {
  readonly expirer: Expirer;
  readonly collector: Collector;
  readonly troubles: string[];
}

function background(world: World): Background {
  const { pipeline } = world.core;
  const troubles: string[] = [];
  const parts = {
    pipeline,
    clock: world.clock,
    onTrouble: (words: string) => troubles.push(words),
    onBug: (bug: unknown) => world.bugs.push(bug),
  };
  return { expirer: new Expirer(parts), collector: new Collector(parts), troubles };
}

test("keys whose time has come are removed from data and index, and their events told", async () => {
  await using world = await openWorld({ limits: { notifyMask: EVENT_CLASSES.expired } });
  const { expirer } = background(world);
  const events: string[] = [];
  world.core.view.onKeyEvent = (event) => events.push(`${event.name} ${event.key}`);
  const talker = world.connect();
  for (const line of ["SET a 1 PX 100", "SET b 1 PX 200", "SET c 1", "SET d 1 PX 100"]) {
    talker.say(line);
  }
  talker.say("PERSIST d");
  await world.settle();
  world.clock.advance(150);
  await expirer.round();
  await world.settle();
  assert.deepEqual(events, ["expired a"]);
  assert.equal(keysIn(world.engine, DATA).length, 3);
  assert.equal(keysIn(world.engine, EXPIRY).length, 1);
  world.clock.advance(100);
  await expirer.round();
  await world.settle();
  assert.deepEqual(events, ["expired a", "expired b"]);
  talker.heard();
  talker.say("DBSIZE");
  assert.deepEqual(talker.heard(), ["2"]);
  assert.equal(world.core.stats.expiredKeys, 2);
});

test("rows are brought in from the disk, and who asks for their keys waits for nothing", async () => {
  await using world = await openWorld({ rowBytesMax: 2 ** 22 });
  const { engine, core } = world;
  const { keyspace } = core.pipeline;
  const talker = world.connect();
  // A slot with more than one step of keys, and a few others.
  const keys = Array.from({ length: 700 }, (_, index) =>
    index < 600 ? `{a}${index}` : `k${index}`,
  );
  for (const key of keys) talker.say(`SET ${key} v${key}`);
  talker.say("RPUSH list 1");
  await world.settle();
  keyspace.dropCache();
  assert.equal(keyspace.stored.rows.rowCount, 0);
  engine.coldKeys("all");
  engine.cool();
  const filler = new RowFiller({
    pipeline: core.pipeline,
    clock: world.clock,
    onTrouble: (words) => assert.fail(words),
    onBug: (bug) => world.bugs.push(bug),
  });
  const filled = filler.fill();
  // As many turns as there are steps and readings, and more.
  for (let turn = 0; turn < 1000; turn++) await world.settle();
  await filled;
  assert.equal(keyspace.stored.rows.rowCount, keys.length + 1);
  // Whoever asks finds them without the disk.
  talker.heard();
  talker.say("GET {a}599");
  talker.say("LRANGE list 0 -1");
  assert.deepEqual(talker.heard(), ['"v{a}599"', '[ "1" ]']);
});

test("a key with an earlier time than any seen is still found", async () => {
  await using world = await openWorld();
  const { expirer } = background(world);
  const talker = world.connect();
  world.clock.advance(10_000);
  await expirer.round();
  talker.say("SET k 1 PX 1");
  await world.settle();
  world.clock.advance(10);
  await expirer.round();
  await world.settle();
  assert.deepEqual(keysIn(world.engine, EXPIRY), []);
});

test("a round removes 256 keys for each step of effort", async () => {
  await using world = await openWorld();
  const { expirer } = background(world);
  const talker = world.connect();
  for (let index = 0; index < 256 * 4 + 1; index++) talker.say(`SET key:${index} 1 PX 10`);
  await world.settle();
  world.clock.advance(20);
  const round = async (): Promise<number> => {
    const met = await expirer.round();
    await world.settle();
    return met;
  };
  assert.equal(await round(), 256);
  expirer.effort = 3;
  assert.equal(await round(), 3 * 256);
  assert.equal(await round(), 1);
  assert.equal(world.core.stats.expiredKeys, 256 * 4 + 1);
});

test("keys that die together are removed together, whatever limit commands have", async () => {
  await using world = await openWorld({ limits: { unitBytesMax: 1000 } });
  const { expirer } = background(world);
  const talker = world.connect();
  for (let index = 0; index < 200; index++) talker.say(`SET key:${index} 1 PX 10`);
  await world.settle();
  world.clock.advance(20);
  await expirer.round();
  await world.settle();
  assert.deepEqual(keysIn(world.engine, EXPIRY), []);
});

test("hz is how many rounds there are in a second, with and without a backlog", async () => {
  await using world = await openWorld();
  const { expirer } = background(world);
  let rounds = 0;
  let met = 0;
  expirer.round = () => {
    rounds++;
    return Promise.resolve(met);
  };
  const roundsIn = async (ms: number): Promise<number> => {
    const before = rounds;
    for (let passed = 0; passed < ms; passed++) {
      world.clock.advance(1);
      await world.settle();
    }
    return rounds - before;
  };
  expirer.start();
  assert.equal(await roundsIn(1000), 10);
  expirer.hz = 100;
  await roundsIn(100);
  assert.equal(await roundsIn(100), 10);
  met = expirer.keysPerRound;
  await roundsIn(10);
  assert.equal(await roundsIn(100), 20);
  expirer.hz = 500;
  await roundsIn(10);
  assert.equal(await roundsIn(100), 50);
  expirer.stop();
  assert.equal(await roundsIn(100), 0);
});

test("expired keys stay hidden, and are not removed, while their removal is refused", async () => {
  await using world = await openWorld();
  const { expirer } = background(world);
  const talker = world.connect();
  talker.say("SET k 1 PX 10");
  await world.settle();
  talker.heard();
  world.clock.advance(20);
  world.engine.refuseCommits("stall", 1);
  await expirer.round();
  await world.settle();
  talker.say("GET k");
  assert.deepEqual(talker.heard(), ["nil"]);
  assert.equal(keysIn(world.engine, DATA).length, 1);
  await expirer.round();
  await world.settle();
  assert.equal(keysIn(world.engine, DATA).length, 0);
});

test("what a flush left behind is collected, and nothing else", async () => {
  await using world = await openWorld();
  const { collector } = background(world);
  const talker = world.connect();
  for (let index = 0; index < 50; index++) talker.say(`SET old:${index} 1 EX 100`);
  talker.say("SELECT 1");
  talker.say("SET kept 1 EX 100");
  talker.say("SELECT 0");
  await world.settle();
  talker.say("FLUSHDB");
  talker.say("SET new 1 EX 100");
  await world.settle();
  assert.equal(keysIn(world.engine, DATA).length, 52);
  await collector.round();
  await world.settle();
  await collector.round();
  await world.settle();
  const { stats } = world.core;
  assert.deepEqual([stats.lazyFreed, stats.lazyPending], [1, 0]);
  assert.equal(keysIn(world.engine, DATA).length, 2);
  assert.equal(keysIn(world.engine, EXPIRY).length, 2);
  assert.deepEqual(
    keysIn(world.engine, META, "drop").filter((key) => key.startsWith("drop")),
    [],
  );
});

/** Hashes of one field and more have elements of their own. */
const ALL_EXPLODE = { collections: { ...usualCollectionLimits(), hashEntriesMax: 0 } };

/** `count` fields, in few commands. */
function fill(world: World, key: string, count: number): void {
  const talker = world.connect();
  for (let index = 0; index < count; index += 500) {
    const words = ["HSET", key];
    for (let at = index; at < Math.min(count, index + 500); at++) words.push(`f${at}`, "v");
    talker.send(words);
  }
}

test("the elements of deleted collections are collected, few or many, and no others", async () => {
  await using world = await openWorld({ limits: ALL_EXPLODE });
  const { expirer, collector } = background(world);
  fill(world, "small", 10);
  fill(world, "expired", 8);
  fill(world, "large", 2500);
  fill(world, "renamed", 7);
  fill(world, "overwritten", 5);
  fill(world, "moved", 3);
  fill(world, "copied", 2);
  await world.settle();
  const talker = world.connect();
  for (const line of ["DEL small large", "RENAME renamed another", "SET overwritten 1"]) {
    talker.say(line);
  }
  for (const line of ["MOVE moved 1", "COPY copied copy", "DEL copied"]) talker.say(line);
  talker.say("PEXPIRE expired 10");
  await world.settle();
  assert.deepEqual(talker.heard(), ["2", "OK", "OK", "1", "1", "1", "1"]);
  world.clock.advance(20);
  await expirer.round();
  await world.settle();
  const before = keysIn(world.engine, ELEMENTS).length;
  assert.equal(before, 8 + 10 + 2500 + 7 + 5 + 2 * 3 + 2 * 2);
  // 95 are looked at in each, and a thousand before a range is deleted.
  for (let round = 0; round < 12; round++) {
    await collector.round();
    await world.settle();
  }
  assert.equal(keysIn(world.engine, ELEMENTS).length, 7 + 3 + 2);
  // small, large, expired, overwritten, moved, copied
  const { stats } = world.core;
  assert.deepEqual([stats.lazyFreed, stats.lazyPending], [6, 0]);
  assert.deepEqual(
    keysIn(world.engine, META, "gone").filter((key) => key.startsWith("gone")),
    [],
  );
  for (const line of ["HLEN another", "HGET another f3", "HLEN copy", "HGET copy f1"]) {
    talker.say(line);
  }
  for (const line of ["SELECT 1", "HLEN moved", "HGET moved f2"]) talker.say(line);
  assert.deepEqual(talker.heard(), ["7", '"v"', "2", '"v"', "OK", "3", '"v"']);
});

test("a refused deletion of a collection brings it back, and nothing is collected", async () => {
  await using world = await openWorld({ limits: ALL_EXPLODE, pipeline: { stallWaitMs: 0 } });
  const { collector } = background(world);
  fill(world, "h", 20);
  await world.settle();
  const talker = world.connect();
  world.engine.refuseCommits("stall", 1);
  talker.say("DEL h");
  talker.say("HSET h new 1");
  await world.settle();
  assert.ok(talker.heard().every((reply) => reply.startsWith("-TRYAGAIN")));
  await collector.round();
  await world.settle();
  assert.equal(keysIn(world.engine, ELEMENTS).length, 20);
  talker.say("HLEN h");
  talker.say("HGET h f19");
  assert.deepEqual(talker.heard(), ["20", '"v"']);
});

test("a transaction over more cold elements than a unit may have loads comes to its end", async () => {
  await using world = await openWorld({ limits: ALL_EXPLODE, cacheBytesMax: 500 });
  fill(world, "h", 200);
  await world.settle();
  world.engine.coldKeys("all");
  world.engine.cool();
  const talker = world.connect();
  talker.say("MULTI");
  for (let index = 0; index < 200; index++) talker.say(`HGET h f${index}`);
  talker.say("EXEC");
  await world.settle();
  const heard = talker.heard();
  assert.equal(heard.at(-1), `[ ${Array.from({ length: 200 }, () => '"v"').join(", ")} ]`);
});

test("a refused flush brings everything back, and nothing is collected", async () => {
  await using world = await openWorld();
  const { collector } = background(world);
  const talker = world.connect();
  for (let index = 0; index < 5; index++) talker.say(`SET k:${index} 1`);
  await world.settle();
  talker.heard();
  world.engine.refuseCommits("stall", 1, "Write stall");
  talker.say("FLUSHALL");
  await world.settle();
  await collector.round();
  await world.settle();
  for (const line of ["DBSIZE", "GET k:3"]) talker.say(line);
  assert.deepEqual(talker.heard(), ["-TRYAGAIN Write stall; retry in 100 ms", "5", '"1"']);
});

test("everysec fsyncs what was written; a waiter for a batch is told when it is safe", async () => {
  await using world = await openWorld();
  const { pipeline } = world.core;
  const onBug = (bug: unknown): unknown => world.bugs.push(bug);
  const parts = { pipeline, clock: world.clock, mode: "everysec", onBug } as const;
  const durability = new Durability(parts);
  durability.start();
  const talker = world.connect();
  talker.say("SET k 1");
  await world.settle();
  assert.equal(durability.syncedBatch, 0);
  world.clock.advance(1000);
  await world.settle();
  assert.equal(durability.syncedBatch, pipeline.keyspace.committedBatch);
  talker.say("SET k 2");
  await world.settle();
  const { lastWriteBatch } = talker.session.replies;
  const waiting = durability.waitSynced(lastWriteBatch);
  await world.settle();
  await waiting;
  assert.ok(durability.syncedBatch >= lastWriteBatch);
  durability.stop();
});

test("keys of a database that is configured away do not stand in the way of those behind them", async () => {
  const first = await openWorld();
  const talker = first.connect();
  talker.say("SELECT 9");
  for (let index = 0; index < 300; index++) talker.say(`SET key:${index} 1 PX 10`);
  talker.say("SELECT 0");
  talker.say("SET last 1 PX 10");
  await first.settle();
  const engine = first.engine.crash({ survive: "process" });
  await using world = await openWorld({ engine, databaseCount: 2 });
  world.clock.advance(20);
  const { expirer } = background(world);
  for (let round = 0; round < 3; round++) {
    await expirer.round();
    await world.settle();
  }
  assert.equal(world.core.stats.expiredKeys, 1);
});

test("a key that cannot be read now keeps its place, and the others go", async () => {
  await using world = await openWorld();
  const { expirer } = background(world);
  const talker = world.connect();
  for (const key of ["a", "b", "c"]) talker.say(`SET ${key} 1 PX 10`);
  await world.settle();
  world.core.pipeline.keyspace.dropCache();
  world.engine.coldKeys((store) => store === DATA);
  world.engine.cool();
  world.clock.advance(20);
  world.engine.holdAsync();
  const round = expirer.round();
  await world.settle();
  // The load of all three, that of each alone, and that of the first once more when the expirer asks key by key.
  world.engine.failReads("io", 5);
  world.engine.stopHolding();
  await round;
  await world.settle();
  assert.equal(keysIn(world.engine, EXPIRY).length, 1);
  await expirer.round();
  await world.settle();
  assert.deepEqual(keysIn(world.engine, EXPIRY), []);
});

test("keys whose database was flushed and came back are expired like any other", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const { expirer } = background(world);
  const talker = world.connect();
  talker.say("SET a 1 PX 10");
  await world.settle();
  world.clock.advance(20);
  world.engine.holdAsync();
  world.engine.refuseCommits("stall", 1);
  talker.say("FLUSHDB");
  await world.settle();
  await expirer.round();
  world.engine.stopHolding();
  await world.settle();
  await expirer.round();
  await world.settle();
  assert.deepEqual(keysIn(world.engine, EXPIRY), []);
});

test("keys whose database is swapped while they are loaded are expired all the same", async () => {
  await using world = await openWorld();
  const { expirer } = background(world);
  const talker = world.connect();
  talker.say("SET a 1 PX 10");
  await world.settle();
  world.core.pipeline.keyspace.dropCache();
  world.engine.coldKeys((store) => store === DATA);
  world.engine.cool();
  world.clock.advance(20);
  world.engine.holdAsync();
  const round = expirer.round();
  talker.say("SWAPDB 0 1");
  await world.settle();
  world.engine.stopHolding();
  await round;
  await world.settle();
  assert.deepEqual(keysIn(world.engine, EXPIRY), []);
});

test("a disk that cannot be read is told once, and background work goes on when it can", async () => {
  await using world = await openWorld();
  const { expirer, collector, troubles } = background(world);
  const talker = world.connect();
  talker.say("SET a 1 PX 10");
  await world.settle();
  world.engine.failReads("io");
  expirer.start();
  collector.start();
  for (let round = 0; round < 30; round++) {
    world.clock.advance(100);
    await world.settle();
  }
  assert.equal(troubles.length, 2);
  world.engine.failReads("io", 0);
  world.clock.advance(100);
  await world.settle();
  assert.equal(world.core.stats.expiredKeys, 1);
  expirer.stop();
  collector.stop();
});

test("a flush is collected to the end, also when some of the sweeps are refused", async () => {
  await using world = await openWorld();
  const { collector } = background(world);
  const talker = world.connect();
  for (const key of ["a", "b", "c"]) talker.say(`SET ${key} 1 PX 1000`);
  await world.settle();
  talker.say("FLUSHALL");
  await world.settle();
  world.engine.coldKeys((store) => store === EXPIRY);
  world.engine.cool();
  const round = collector.round();
  world.engine.holdAsync();
  world.engine.refuseCommits("stall", 1);
  await world.settle();
  world.engine.stopHolding();
  await round;
  await world.settle();
  await collector.round();
  await world.settle();
  assert.deepEqual(keysIn(world.engine, DATA), []);
  assert.deepEqual(keysIn(world.engine, EXPIRY), []);
  assert.deepEqual(keysIn(world.engine, META, "drop"), keysIn(world.engine, META, "drop\xff"));
});

test("a collection is collected over several rounds, also when one of them is refused", async () => {
  await using world = await openWorld({ limits: ALL_EXPLODE, pipeline: { stallWaitMs: 0 } });
  const { collector } = background(world);
  fill(world, "h", 900);
  await world.settle();
  const talker = world.connect();
  talker.say("DEL h");
  await world.settle();
  const rounds = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left--) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await collector.round();
      // oxlint-disable-next-line no-await-in-loop -- the same
      await world.settle();
    }
  };
  // 95 are read or deleted in each.
  await rounds(9);
  assert.equal(keysIn(world.engine, ELEMENTS).length, 900, "not yet read to its end");
  world.engine.refuseCommits("stall", 1);
  await rounds(1);
  assert.equal(keysIn(world.engine, ELEMENTS).length, 900, "refused");
  await rounds(20);
  assert.deepEqual(keysIn(world.engine, ELEMENTS), []);
  assert.deepEqual(
    keysIn(world.engine, META, "gone").filter((key) => key.startsWith("gone")),
    [],
  );
});
