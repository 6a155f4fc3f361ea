// WATCH and MULTI as Redis 7.2 has them, with what a refused commit adds: null means a lost WATCH and
// nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Expirer } from "../../src/background/expirer.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

/** What a transaction of one PING is answered. */
async function execOf(world: World, talker: Talker): Promise<string | undefined> {
  for (const line of ["MULTI", "PING", "EXEC"]) talker.say(line);
  await world.settle();
  return talker.heard().at(-1);
}

test("a watched key that another connection changes makes EXEC null", async () => {
  await using world = await openWorld();
  const watcher = world.connect();
  const other = world.connect();
  watcher.say("WATCH k");
  await world.settle();
  other.say("SET k 1");
  await world.settle();
  for (const line of ["MULTI", "SET mine 1", "EXEC", "MULTI", "SET mine 2", "EXEC"]) {
    watcher.say(line);
  }
  await world.settle();
  assert.deepEqual(watcher.heard(), ["OK", "OK", "QUEUED", "nil-array", "OK", "QUEUED", "[ OK ]"]);
});

test("what trims nothing off a stream breaks no WATCH, what trims something does", async () => {
  await using world = await openWorld();
  const watcher = world.connect();
  const other = world.connect();
  other.say("XADD k 5-0 f v");
  for (const [trim, expected] of [
    ["XTRIM k MINID ~ 2", "[ PONG ]"],
    ["XTRIM k MINID 2", "[ PONG ]"],
    ["XTRIM k MAXLEN 1", "[ PONG ]"],
    ["XTRIM k MINID 6", "nil-array"],
  ] as const) {
    watcher.say("WATCH k");
    await world.settle();
    other.say(trim);
    await world.settle();
    assert.equal(await execOf(world, watcher), expected, trim);
  }
});

test("a refused write does not break a WATCH", async () => {
  await using world = await openWorld();
  const watcher = world.connect();
  const other = world.connect();
  watcher.say("WATCH k");
  await world.settle();
  world.engine.refuseCommits("stall", 1);
  other.say("SET k 1");
  await world.settle();
  for (const line of ["MULTI", "SET mine 1", "EXEC"]) watcher.say(line);
  await world.settle();
  assert.deepEqual(watcher.heard().at(-1), "[ OK ]");
});

test("an EXEC lost to a write that is then refused says so, and not null", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const watcher = world.connect();
  const other = world.connect();
  watcher.say("WATCH k");
  await world.settle();
  world.engine.holdAsync();
  other.say("SET k 1");
  await world.settle();
  for (const line of ["MULTI", "SET mine 1", "EXEC"]) watcher.say(line);
  assert.deepEqual(watcher.heard(), ["OK", "OK", "QUEUED"]);
  world.engine.refuseCommits("stall", 1, "Write stall");
  world.engine.stopHolding();
  await world.settle();
  assert.match(watcher.heard().join(), /^-EXECABORT /);
});

test("a watched key that expires makes EXEC null; one that had expired before does not", async () => {
  await using world = await openWorld();
  const watcher = world.connect();
  watcher.say("SET k v PX 100");
  watcher.say("SET gone v PX 10");
  await world.settle();
  world.clock.advance(50);
  watcher.say("WATCH gone");
  await world.settle();
  for (const line of ["MULTI", "PING", "EXEC", "WATCH k"]) watcher.say(line);
  await world.settle();
  assert.deepEqual(watcher.heard().slice(2), ["OK", "OK", "QUEUED", "[ PONG ]", "OK"]);
  world.clock.advance(100);
  for (const line of ["MULTI", "PING", "EXEC"]) watcher.say(line);
  await world.settle();
  assert.deepEqual(watcher.heard().at(-1), "nil-array");
});

test("a key that was dead at WATCH may be collected; one that was alive may not", async () => {
  await using world = await openWorld();
  const { pipeline } = world.core;
  const onBug = (bug: unknown): unknown => world.bugs.push(bug);
  const onTrouble = onBug;
  const expirer = new Expirer({ pipeline, clock: world.clock, onTrouble, onBug });
  const [early, late, third] = [world.connect(), world.connect(), world.connect()];
  early.say("SET k v PX 10");
  await world.settle();
  early.say("WATCH k");
  world.clock.advance(20);
  late.say("WATCH k");
  third.say("WATCH k");
  await expirer.round();
  await world.settle();
  for (const watcher of [early, late]) {
    for (const line of ["MULTI", "PING", "EXEC"]) watcher.say(line);
    await world.settle();
  }
  assert.equal(early.heard().at(-1), "nil-array");
  assert.equal(late.heard().at(-1), "[ PONG ]");
  for (const line of ["SET k again", "DEL k"]) early.say(line);
  assert.equal(await execOf(world, third), "nil-array");
});

test("EXEC and DISCARD without MULTI leave WATCH alone: Kvrocks 1562", async () => {
  await using world = await openWorld();
  const watcher = world.connect();
  const other = world.connect();
  watcher.say("WATCH k");
  await world.settle();
  for (const line of ["EXEC", "DISCARD"]) watcher.say(line);
  other.say("SET k 1");
  await world.settle();
  for (const line of ["MULTI", "PING", "EXEC"]) watcher.say(line);
  await world.settle();
  assert.deepEqual(watcher.heard(), [
    "OK",
    "-ERR EXEC without MULTI",
    "-ERR DISCARD without MULTI",
    "OK",
    "QUEUED",
    "nil-array",
  ]);
});

test("flushing and swapping databases break the WATCH of keys that were there or come to be there", async () => {
  for (const line of ["FLUSHDB", "FLUSHALL", "SWAPDB 0 1"]) {
    const world = await openWorld();
    const watcher = world.connect();
    const other = world.connect();
    watcher.say("SET k v");
    await world.settle();
    watcher.say("WATCH k");
    await world.settle();
    other.say(line);
    await world.settle();
    for (const said of ["MULTI", "PING", "EXEC"]) watcher.say(said);
    await world.settle();
    assert.deepEqual(watcher.heard().at(-1), "nil-array", line);
    await world[Symbol.asyncDispose]();
  }
});

test("a queueing error aborts; nested MULTI and WATCH inside MULTI do not", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  for (const line of ["MULTI", "MULTI", "WATCH k", "SET a 1", "EXEC"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), [
    "OK",
    "-ERR MULTI calls can not be nested",
    "-ERR WATCH inside MULTI is not allowed",
    "QUEUED",
    "[ OK ]",
  ]);
  for (const line of ["MULTI", "NOSUCH", "SET a 2", "EXEC", "GET a"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), [
    "OK",
    "-ERR unknown command 'NOSUCH', with args beginning with: ",
    "QUEUED",
    "-EXECABORT Transaction discarded because of previous errors.",
    '"1"',
  ]);
});

test("an EXEC of no commands answers an empty array; the queue has a limit", async () => {
  await using world = await openWorld({ session: { transactionBytesMax: 200 } });
  const talker = world.connect();
  for (const line of ["MULTI", "EXEC", "MULTI", `SET a ${"x".repeat(300)}`, "EXEC"])
    talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), [
    "OK",
    "[ ]",
    "OK",
    "-ERR transaction queue exceeds client-query-buffer-limit",
    "-EXECABORT Transaction discarded because of previous errors.",
  ]);
});

test("many keys are watched in time that grows with their number, each once", async () => {
  await using world = await openWorld({ session: { transactionBytesMax: 64 * 1024 * 1024 } });
  const watcher = world.connect();
  const keys = Array.from({ length: 100_000 }, (_, index) => `key:${index}`);
  watcher.send(["WATCH", ...keys, ...keys]);
  await world.settle();
  assert.equal(watcher.session.transaction.watchCount, keys.length);
  watcher.say("UNWATCH");
  assert.equal(world.core.pipeline.keyspace.databases[0]?.watches.keys, null);
});

test("a key that was seen with an uncommitted value is another one when that is undone", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.say("SET c 0");
  await world.settle();
  world.engine.refuseCommits("stall", 1, "Write stall");
  for (const line of ["INCR c", "WATCH c"]) talker.say(line);
  await world.settle();
  for (const line of ["MULTI", "GET c", "EXEC", "WATCH c", "MULTI", "GET c", "EXEC"])
    talker.say(line);
  await world.settle();
  const [incremented, ...rest] = talker.heard().slice(1);
  assert.match(incremented ?? "", /^-TRYAGAIN /);
  assert.deepEqual(rest, ["OK", "OK", "QUEUED", "nil-array", "OK", "OK", "QUEUED", '[ "0" ]']);
});

test("what happens to the groups of a stream is no change of it: as in Redis, only its entries are", async () => {
  await using world = await openWorld();
  const [writer, watcher] = [world.connect(), world.connect()];
  // prettier-ignore
  const setup = [
    "XADD x 1-1 a b", "XADD x 2-1 a b", "XGROUP CREATE x g 0",
    "XREADGROUP GROUP g c COUNT 1 STREAMS x >",
  ];
  // prettier-ignore
  const ofGroups = [
    "XGROUP CREATE x g1 $", "XGROUP SETID x g 1-1", "XGROUP DESTROY x g",
    "XGROUP CREATECONSUMER x g new", "XGROUP DELCONSUMER x g c",
    "XREADGROUP GROUP g c COUNT 1 STREAMS x >", "XREADGROUP GROUP g c NOACK STREAMS x >",
    "XACK x g 1-1", "XCLAIM x g new 0 1-1", "XAUTOCLAIM x g new 0 0", "XSETID x 9-1",
  ];
  // prettier-ignore
  const ofEntries = [
    "XADD x 3-1 a b",
    "XDEL x 1-1",
    "XTRIM x MAXLEN 1",
    "XGROUP CREATE n g $ MKSTREAM",
  ];
  for (const [lines, outcome] of [
    [ofGroups, "[ PONG ]"],
    [ofEntries, "nil-array"],
  ] as const) {
    for (const line of lines) {
      for (const one of ["FLUSHALL", ...setup]) writer.say(one);
      watcher.say("WATCH x n");
      writer.say(line);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      assert.equal(await execOf(world, watcher), outcome, line);
    }
  }
});

test("a key that was not there is watched on behind a flush", async () => {
  await using world = await openWorld();
  const [writer, watcher] = [world.connect(), world.connect()];
  for (const [lines, outcome] of [
    [["FLUSHDB"], "[ PONG ]"],
    [["FLUSHDB", "RPUSH k a", "DEL k"], "nil-array"],
  ] as const) {
    writer.say("SET other 1");
    watcher.say("WATCH k");
    for (const line of lines) writer.say(line);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.equal(await execOf(world, watcher), outcome);
  }
});

test("a watched key belongs to the database that SELECT names, whatever SWAPDB shows there", async () => {
  await using world = await openWorld();
  const [writer, watcher] = [world.connect(), world.connect()];
  // Each was told to Redis 7.0, too.
  for (const [lines, outcome] of [
    [["SWAPDB 0 1"], "[ PONG ]"],
    [["SWAPDB 0 1", "SET k 1", "FLUSHDB"], "nil-array"],
    [["SELECT 1", "SWAPDB 0 1", "SET k 1", "DEL k"], "[ PONG ]"],
    [["SWAPDB 0 1", "SELECT 1", "SET k 1", "DEL k"], "[ PONG ]"],
    [["SELECT 1", "SET k 1", "SWAPDB 0 1", "SWAPDB 0 1"], "nil-array"],
    [["SELECT 1", "SET k 1", "SWAPDB 1 2", "SWAPDB 1 2"], "[ PONG ]"],
    [["SWAPDB 0 1", "SWAPDB 0 1", "SET k 1", "DEL k"], "nil-array"],
  ] as const) {
    for (const line of ["SELECT 0", "FLUSHALL"]) writer.say(line);
    watcher.say("WATCH k");
    for (const line of lines) writer.say(line);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.equal(await execOf(world, watcher), outcome, lines.join(", "));
  }
});

test("a refused SWAPDB leaves each WATCH with its database", async () => {
  await using world = await openWorld();
  const [writer, watcher] = [world.connect(), world.connect()];
  writer.say("SET k 1");
  watcher.say("WATCH k");
  await world.settle();
  world.engine.refuseCommits("stall", 1, "Write stall");
  writer.say("SWAPDB 0 1");
  await world.settle();
  for (const line of ["SELECT 1", "SET k 2"]) writer.say(line);
  for (const line of ["MULTI", "PING", "EXEC", "WATCH k"]) watcher.say(line);
  await world.settle();
  assert.deepEqual(watcher.heard(), ["OK", "OK", "QUEUED", "[ PONG ]", "OK"]);
  for (const line of ["SELECT 0", "APPEND k 2"]) writer.say(line);
  assert.equal(await execOf(world, watcher), "nil-array");
});
