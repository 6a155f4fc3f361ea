// Laws 2, 3, 5: what a refused commit tells each command of a transaction. Kvrocks 2992 told the
// client OK for a write that was never made, in an array with one element too many.
// Method: the memory engine refuses exactly the commit of the EXEC in question.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { ExecFailureReply } from "../../src/commit/settle.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

const TRANSACTION = ["MULTI", "GET committed", "SET a b", "GET a", "GET other", "INCR n", "EXEC"];
const QUEUED = ["OK", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED"];
const ABORTED = "-EXECABORT Transaction discarded because of: Write stall; retry in 100 ms";

async function prepared(policy: ExecFailureReply): Promise<{ world: World; talker: Talker }> {
  const world = await openWorld({ session: { execFailureReply: policy } });
  const talker = world.connect();
  for (const line of ["SET committed 1", "SET other 2", "SET n 5"]) talker.say(line);
  await world.settle();
  talker.heard();
  return { world, talker };
}

async function refusedExec(world: World, talker: Talker): Promise<string[]> {
  world.engine.refuseCommits("stall", 1, "Write stall");
  for (const line of [...TRANSACTION, "PING"]) talker.say(line);
  await world.settle();
  return talker.heard();
}

test("attributed: writes and what saw them get the error, reads of committed data keep theirs", async () => {
  const { world, talker } = await prepared("attributed");
  const element = `[ "1", ${ABORTED}, ${ABORTED}, "2", ${ABORTED} ]`;
  assert.deepEqual(await refusedExec(world, talker), [...QUEUED, element, "PONG"]);
  for (const line of ["GET a", "GET n", "DBSIZE"]) talker.say(line);
  assert.deepEqual(talker.heard(), ["nil", '"5"', "3"]);
  await world[Symbol.asyncDispose]();
});

test("every: each element is the error", async () => {
  const { world, talker } = await prepared("every");
  const element = `[ ${Array(5).fill(ABORTED).join(", ")} ]`;
  assert.deepEqual(await refusedExec(world, talker), [...QUEUED, element, "PONG"]);
  await world[Symbol.asyncDispose]();
});

test("abort: one error in place of the array", async () => {
  const { world, talker } = await prepared("abort");
  assert.deepEqual(await refusedExec(world, talker), [...QUEUED, ABORTED, "PONG"]);
  await world[Symbol.asyncDispose]();
});

test("the same transaction, committed, answers every element", async () => {
  const { world, talker } = await prepared("attributed");
  for (const line of TRANSACTION) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), [...QUEUED, '[ "1", OK, "b", "2", 6 ]']);
  await world[Symbol.asyncDispose]();
});

test("no reply leaves before the commit, and none of those behind it", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const talker = world.connect();
  world.engine.holdAsync();
  for (const line of ["SET a 1", "PING", "GET a", "ECHO x"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), []);
  world.engine.releaseAll();
  await world.settle();
  assert.deepEqual(talker.heard(), ["OK", "PONG", '"1"', '"x"']);
  world.engine.stopHolding();
});

test("another connection's read of an uncommitted write waits, and is read again when it is undone", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const writer = world.connect();
  const reader = world.connect();
  writer.say("SET k old");
  await world.settle();
  world.engine.holdAsync();
  writer.say("SET k new");
  reader.say("GET k");
  reader.say("GET elsewhere");
  await world.settle();
  assert.deepEqual(reader.heard(), []);
  world.engine.refuseCommits("stall", 1, "Write stall");
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(reader.heard(), ['"old"', "nil"]);
  assert.deepEqual(writer.heard(), ["OK", "-TRYAGAIN Write stall; retry in 100 ms"]);
});

test("readers of committed data do not wait for a writer", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const writer = world.connect();
  const reader = world.connect();
  writer.say("SET settled 1");
  await world.settle();
  world.engine.holdAsync();
  writer.say("SET other 2");
  await world.settle();
  reader.say("GET settled");
  for (const line of ["MULTI", "GET settled", "STRLEN settled", "EXEC"]) reader.say(line);
  assert.deepEqual(reader.heard(), ['"1"', "OK", "QUEUED", "QUEUED", '[ "1", 1 ]']);
  world.engine.stopHolding();
  await world.settle();
});

test("a batch built on a refused one is undone with it", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const first = world.connect();
  const second = world.connect();
  world.engine.holdAsync();
  first.say("SET n 1");
  await world.settle();
  second.say("INCR n");
  second.say("SET mine 1");
  world.engine.refuseCommits("stall", 1, "Write stall");
  world.engine.stopHolding();
  await world.settle();
  const refused = "-TRYAGAIN Write stall; retry in 100 ms";
  assert.deepEqual(first.heard(), [refused]);
  assert.deepEqual(second.heard(), [refused, refused]);
  first.say("DBSIZE");
  assert.deepEqual(first.heard(), ["0"]);
});

test("a transaction that wrote nothing commits nothing and works while writes are refused", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.say("SET k v");
  await world.settle();
  talker.heard();
  world.engine.refuseCommits("stall");
  for (const line of ["MULTI", "GET k", "SETNX k w", "DEL absent", "EXEC"]) talker.say(line);
  assert.deepEqual(talker.heard().at(-1), '[ "v", 0, 0 ]');
  world.engine.acceptCommits();
});

test("a command that fails inside EXEC leaves nothing of itself, its neighbours commit: Kvrocks 3555", async () => {
  await using world = await openWorld({ limits: { unitBytesMax: 300 } });
  const talker = world.connect();
  for (const line of [
    "MULTI",
    "SET first 1",
    `MSET a ${"x".repeat(100)} b ${"y".repeat(100)} c ${"z".repeat(100)}`,
    "SET last 1",
    "EXEC",
  ]) {
    talker.say(line);
  }
  await world.settle();
  const tooLarge = "-ERR write batch too large: rocksdb.write_options.write_batch_max_bytes is 300";
  assert.deepEqual(talker.heard().at(-1), `[ OK, ${tooLarge}, OK ]`);
  for (const line of ["EXISTS first last", "EXISTS a b c", "DBSIZE"]) talker.say(line);
  assert.deepEqual(talker.heard(), ["2", "0", "2"]);
});

test("a storage error that lasts refuses writes when they are queued, and reads go on", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.say("SET k v");
  await world.settle();
  talker.heard();
  world.engine.unknownCommits("absent", 1);
  world.engine.failSettling(1000);
  talker.say("SET lost 1");
  await world.settle();
  assert.deepEqual(talker.heard(), []);
  const other = world.connect();
  for (const line of ["MULTI", "SET a b", "EXEC", "GET k"]) other.say(line);
  const [ok, queued, exec, value] = other.heard();
  assert.equal(ok, "OK");
  assert.match(queued ?? "", /^-MISCONF /);
  assert.equal(exec, "-EXECABORT Transaction discarded because of previous errors.");
  assert.equal(value, '"v"');
  world.engine.failSettling(0);
  world.clock.advance(100);
  await world.settle();
  assert.match(talker.heard().join(), /^-MISCONF /);
  talker.say("SET again 1");
  await world.settle();
  assert.deepEqual(talker.heard(), ["OK"]);
});
