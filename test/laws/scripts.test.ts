// Scripts under the laws: one batch (3), a savepoint for each command (4), the truth about a commit that was
// refused (1, 5), whatever the script itself answers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCommand } from "../conversations/notation.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

const STALLED = "-TRYAGAIN Write stall; retry in 100 ms";
const ABORTED = "-EXECABORT Transaction discarded because of: Write stall; retry in 100 ms";

async function told(world: World, talker: Talker, ...lines: string[]): Promise<string[]> {
  for (const line of lines) talker.send(parseCommand(line));
  await world.settle();
  return talker.heard();
}

test("a refused commit is the script's reply, whatever it returned; nothing of it stays", async () => {
  await using world = await openWorld({});
  const talker = world.connect();
  await told(world, talker, "SET n 5");
  world.engine.refuseCommits("stall", 1, "Write stall");
  const script = `EVAL "redis.call('set', 'a', 1) redis.call('incr', 'n') return 'all is well'" 0`;
  assert.deepEqual(await told(world, talker, script, "PING"), [STALLED, "PONG"]);
  const after = await told(world, talker, "GET a", "GET n", "DBSIZE");
  assert.deepEqual(after, ["nil", '"5"', "1"]);
});

test("a script that caught its errors is refused all the same", async () => {
  await using world = await openWorld({});
  const talker = world.connect();
  world.engine.refuseCommits("stall", 1, "Write stall");
  const script = `EVAL "return {pcall(redis.call, 'set', 'a', 1)}" 0`;
  assert.deepEqual(await told(world, talker, script, "GET a"), [STALLED, "nil"]);
});

test("what fails under redis.pcall leaves nothing of itself, its neighbours stay", async () => {
  await using world = await openWorld({ limits: { unitBytesMax: 600 } });
  const talker = world.connect();
  const script =
    `EVAL "redis.call('set', 'a', 1) local r = redis.pcall('mset', 'b', 1, 'c', string.rep('x', 600)) ` +
    `redis.call('set', 'd', 1) return r.err ~= nil" 0`;
  assert.deepEqual(await told(world, talker, script, "EXISTS a b c d", "EXISTS a d"), [
    "1",
    "2",
    "2",
  ]);
});

test("an error that escapes keeps what was written before it, or undoes it when so configured", async () => {
  const script = `EVAL "redis.call('set', KEYS[1], 1) error('late')" 1 k`;
  for (const [scriptsUndo, left] of [
    [false, "1"],
    [true, "0"],
  ] as const) {
    await using world = await openWorld({ session: { scriptsUndo } });
    const talker = world.connect();
    const [error, exists] = await told(world, talker, script, "EXISTS k");
    assert.match(
      error ?? "",
      /^-ERR user_script:1: late script: [0-9a-f]{40}, on @user_script:1\.$/,
    );
    assert.equal(exists, left);
  }
});

test("in EXEC a script that wrote is refused with it, one that read committed data keeps its answer", async () => {
  await using world = await openWorld({});
  const talker = world.connect();
  await told(world, talker, "SET seen 1");
  world.engine.refuseCommits("stall", 1, "Write stall");
  const heard = await told(
    world,
    talker,
    "MULTI",
    `EVAL "return redis.call('get', 'seen')" 0`,
    `EVAL "return redis.call('set', 'a', 1)" 0`,
    `EVAL "return redis.call('get', 'a')" 0`,
    "EXEC",
    "GET a",
  );
  assert.deepEqual(heard.slice(4), [`[ "1", ${ABORTED}, ${ABORTED} ]`, "nil"]);
});

test("a message that a script sends goes with its writes, or not at all", async () => {
  await using world = await openWorld({});
  const talker = world.connect();
  const listener = world.connect();
  await told(world, listener, "SUBSCRIBE news");
  const script = `EVAL "redis.call('set', 'a', 1) return redis.call('publish', 'news', 'x')" 0`;
  world.engine.refuseCommits("stall", 1, "Write stall");
  assert.deepEqual(await told(world, talker, script), [STALLED]);
  assert.deepEqual(listener.heard(), []);
  assert.deepEqual(await told(world, talker, script), ["1"]);
  assert.deepEqual(listener.heard(), ['[ "message", "news", "x" ]']);
});

test("a script whose keys are cold runs once to its end", async () => {
  await using world = await openWorld({ cacheBytesMax: 0 });
  const talker = world.connect();
  await told(world, talker, "SET a 1", "SET b 2");
  world.engine.cool();
  const script = `EVAL "redis.call('incr', 'a') return {redis.call('get', 'a'), redis.call('get', 'b')}" 0`;
  assert.deepEqual(await told(world, talker, script, "GET a"), ['[ "2", "2" ]', '"2"']);
});

test("a refused FUNCTION LOAD loads nothing, and a refused FUNCTION DELETE deletes nothing", async () => {
  await using world = await openWorld({});
  const talker = world.connect();
  const load = String.raw`FUNCTION LOAD "#!lua name=l\nredis.register_function('f', function() return 7 end)"`;
  world.engine.refuseCommits("stall", 1, "Write stall");
  assert.deepEqual(await told(world, talker, load, "PING"), [STALLED, "PONG"]);
  assert.deepEqual(await told(world, talker, "FCALL f 0"), ["-ERR Function not found"]);
  assert.deepEqual(await told(world, talker, load, "FCALL f 0"), ['"l"', "7"]);
  world.engine.refuseCommits("stall", 1, "Write stall");
  assert.deepEqual(await told(world, talker, "FUNCTION DELETE l"), [STALLED]);
  assert.deepEqual(await told(world, talker, "FCALL f 0"), ["7"]);
});

test("a commit of unknown outcome closes the connection of the script, unanswered", async () => {
  await using world = await openWorld({ pipeline: { unknownTimeoutMs: 1000 } });
  const talker = world.connect();
  world.engine.unknownCommits("absent", 1);
  world.engine.failSettling(1000);
  talker.send(parseCommand(`EVAL "return redis.call('set', 'a', 1)" 0`));
  await world.settle();
  world.clock.advance(1000);
  await world.settle();
  assert.deepEqual(talker.heard(), []);
  assert.equal(talker.abandoned, true);
});

test("who reads its own writes and is undone is answered at once: there is no batch to wait for", async () => {
  await using world = await openWorld({ session: { scriptsUndo: true } });
  const talker = world.connect();
  const script = `EVAL "redis.call('set', 'k', 1) redis.call('get', 'k') error('late')" 0`;
  const [error, left] = await told(world, talker, script, "EXISTS k");
  assert.match(error ?? "", /^-ERR user_script:1: late/);
  assert.equal(left, "0");
});
