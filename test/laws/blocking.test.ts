// Laws 1, 5 and 6 for who waits for a key: woken by what is committed and by nothing else, in order of
// arrival, whatever has to be loaded or waited for in between; what is served is a write like any
// other.
//
// Method: commands that block on hashes (blocking-commands.ts), a memory engine that refuses or holds exactly the
// commit in question, a clock that stands still.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CommandError } from "../../src/resp/errors.ts";
import { BLOCKING_COMMANDS } from "../support/blocking-commands.ts";
import { openWorld, type Talker, type World, type WorldSettings } from "../support/world.ts";

function open(settings: WorldSettings = {}): Promise<World> {
  return openWorld({ ...settings, commands: BLOCKING_COMMANDS });
}

const ON_A_THREAD = { pipeline: { backgroundBytes: 0 } } as const;

/** So many connections, each of which has said `line`. */
async function waiting(world: World, count: number, line: string): Promise<Talker[]> {
  const talkers: Talker[] = [];
  for (let index = 0; index < count; index++) {
    const talker = world.connect();
    talker.say(line);
    await world.settle();
    assert.ok(talker.isWaiting, line);
    talkers.push(talker);
  }
  return talkers;
}

async function saying(world: World, talker: Talker, ...lines: string[]): Promise<string[]> {
  for (const line of lines) talker.say(line);
  await world.settle();
  return talker.heard();
}

function heardOf(talkers: readonly Talker[]): string[][] {
  return talkers.map((talker) => talker.heard());
}

test("who waits is woken by the commit, in order of arrival", async () => {
  await using world = await open(ON_A_THREAD);
  const [first, second, third] = await waiting(world, 3, "TAKE h 0");
  assert.ok(first && second && third);
  const feeder = world.connect();
  world.engine.holdAsync();
  await saying(world, feeder, "HSET h a 1 b 2");
  assert.deepEqual(heardOf([first, second, third]), [[], [], []]);
  assert.equal(world.core.host.blocked.count, 3);

  assert.ok(world.engine.releaseOne("write"));
  await world.settle();
  assert.deepEqual(feeder.heard(), ["2"]);
  assert.equal(world.core.host.blocked.count, 1, "two are served, and wait for their own commit");
  assert.deepEqual(heardOf([first, second]), [[], []]);

  world.engine.stopHolding();
  await world.settle();
  const lines = heardOf([first, second, third]);
  assert.deepEqual(lines, [['[ "h", "a" ]'], ['[ "h", "b" ]'], []]);
  await saying(world, feeder, "HSET h c 3");
  assert.deepEqual(third.heard(), ['[ "h", "c" ]']);
  assert.equal(world.core.host.blocked.count, 0);
  assert.equal(world.core.host.blocked.keyCount, 0);
});

test("a refused write wakes nobody, and nobody loses his place by it", async () => {
  await using world = await open();
  const [first, second] = await waiting(world, 2, "TAKE h 0");
  assert.ok(first && second);
  const feeder = world.connect();
  world.engine.refuseCommits("stall", 1);
  assert.match((await saying(world, feeder, "HSET h a 1")).join(), /^-TRYAGAIN/);
  assert.deepEqual(heardOf([first, second]), [[], []]);
  assert.deepEqual(await saying(world, feeder, "EXISTS h", "HSET h b 1"), ["0", "1"]);
  assert.deepEqual(heardOf([first, second]), [['[ "h", "b" ]'], []]);
});

test("a refused EXEC wakes nobody", async () => {
  await using world = await open();
  const [first] = await waiting(world, 1, "TAKE h 0");
  assert.ok(first);
  const feeder = world.connect();
  world.engine.refuseCommits("no-space", 1);
  await saying(world, feeder, "MULTI", "HSET h a 1", "EXEC");
  assert.deepEqual(first.heard(), []);
  assert.ok(first.isWaiting);
});

test("a served waiter whose own commit is refused is told so, and what he took is back", async () => {
  await using world = await open(ON_A_THREAD);
  const [first, second] = await waiting(world, 2, "TAKE h 0");
  assert.ok(first && second);
  const feeder = world.connect();
  world.engine.holdAsync();
  await saying(world, feeder, "HSET h a 1");
  assert.ok(world.engine.releaseOne("write"));
  await world.settle();
  world.engine.refuseCommits("stall", 1);
  assert.ok(world.engine.releaseOne("write"));
  await world.settle();
  assert.match(first.heard().join(), /^-TRYAGAIN/);
  assert.ok(!first.isWaiting);
  // It was back, and whoever waited next has got it.
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(second.heard(), ['[ "h", "a" ]']);
  assert.deepEqual(await saying(world, first, "EXISTS h"), ["0"]);
});

test("what was taken from a key and put back by a refusal wakes those who wait for it", async () => {
  await using world = await open(ON_A_THREAD);
  const other = world.connect();
  await saying(world, other, "HSET h a 1");
  world.engine.holdAsync();
  await saying(world, other, "DEL h");
  const [first] = await waiting(world, 1, "TAKE h 0");
  assert.ok(first);
  world.engine.refuseCommits("stall", 1);
  world.engine.stopHolding();
  await world.settle();
  assert.match(other.heard().at(-1) ?? "", /^-TRYAGAIN/);
  assert.deepEqual(first.heard(), ['[ "h", "a" ]']);
});

test("a reader that was woken and saw more, then refused, is not told that its time is over", async () => {
  await using world = await open(ON_A_THREAD);
  const [reader] = await waiting(world, 1, "SEE h wanted 0");
  assert.ok(reader);
  const feeder = world.connect();
  world.engine.holdAsync();
  await saying(world, feeder, "HSET h other 1");
  await saying(world, feeder, "HSET h wanted 1");
  assert.ok(world.engine.releaseOne("write"));
  await world.settle();
  world.engine.refuseCommits("stall", 1);
  world.engine.stopHolding();
  await world.settle();
  assert.match(reader.heard().join(), /^-TRYAGAIN/);
});

test("an unknown outcome wakes nobody until it is known", async () => {
  for (const outcome of ["applied", "absent"] as const) {
    await using world = await open();
    const [first] = await waiting(world, 1, "TAKE h 0");
    assert.ok(first);
    const feeder = world.connect();
    world.engine.unknownCommits(outcome);
    world.engine.failSettling(1);
    feeder.say("HSET h a 1");
    await world.settle();
    assert.deepEqual(first.heard(), []);
    world.clock.advance(100);
    await world.settle();
    world.clock.advance(100);
    await world.settle();
    assert.deepEqual(first.heard(), outcome === "applied" ? ['[ "h", "a" ]'] : []);
  }
});

/** The first waiter looks at a key before the one that is fed: that one is cold, and its load is held. */
async function withColdTurn(world: World): Promise<{ first: Talker; second: Talker }> {
  const [first] = await waiting(world, 1, "TAKE before h 0");
  const [second] = await waiting(world, 1, "TAKE h 0");
  assert.ok(first && second);
  world.core.pipeline.keyspace.dropCache();
  world.engine.coldKeys((_store, key) => key.endsWith("before"));
  world.engine.cool();
  world.engine.holdAsync();
  assert.deepEqual(await saying(world, world.connect(), "HSET h a 1 b 2"), ["2"]);
  assert.deepEqual(world.engine.held(), ["load"]);
  assert.deepEqual(heardOf([first, second]), [[], []], "the first is not overtaken");
  return { first, second };
}

test("in order of arrival also when the first has to wait for the disk", async () => {
  await using world = await open();
  const { first, second } = await withColdTurn(world);
  const late = world.connect();
  late.say("TAKE h 0");
  await world.settle();
  assert.deepEqual(late.heard(), [], "nor does a newcomer overtake those in line");
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(heardOf([first, second, late]), [['[ "h", "a" ]'], ['[ "h", "b" ]'], []]);
  await saying(world, world.connect(), "HSET h c 1");
  assert.deepEqual(late.heard(), ['[ "h", "c" ]']);
});

test("what comes in while a turn waits for the disk is looked at after it", async () => {
  await using world = await open();
  const { first, second } = await withColdTurn(world);
  const feeder = world.connect();
  await saying(world, feeder, "DEL h");
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(heardOf([first, second]), [[], []]);
  assert.ok(first.isWaiting && second.isWaiting);
  await saying(world, feeder, "HSET h c 1");
  assert.deepEqual(heardOf([first, second]), [['[ "h", "c" ]'], []]);
});

test("who goes, or is unblocked, while his turn waits for the disk takes nothing", async () => {
  for (const how of ["gone", "unblocked"]) {
    await using world = await open();
    const { first, second } = await withColdTurn(world);
    if (how === "gone") first.session.closed();
    else first.session.unblock("timeout");
    first.say("TAKE x 0");
    await world.settle();
    world.engine.stopHolding();
    await world.settle();
    assert.deepEqual(first.heard(), how === "gone" ? [] : ["nil-array"]);
    assert.ok(first.isWaiting);
    assert.deepEqual(second.heard(), ['[ "h", "a" ]']);
    assert.deepEqual(await saying(world, second, "HLEN h"), ["1"]);
  }
});

test("a turn that waits for the disk holds up no other key", async () => {
  await using world = await open();
  await withColdTurn(world);
  const [other] = await waiting(world, 1, "TAKE i 0");
  assert.ok(other);
  await saying(world, world.connect(), "HSET i a 1");
  assert.deepEqual(other.heard(), ['[ "i", "a" ]']);
  world.engine.stopHolding();
  await world.settle();
});

test("a waiter whose turn cannot be read is told so, and the next has his", async () => {
  await using world = await open();
  const { first, second } = await withColdTurn(world);
  world.engine.failReads("io", 1);
  world.engine.stopHolding();
  await world.settle();
  assert.match(first.heard().join(), /^-MISCONF/);
  assert.deepEqual(second.heard(), ['[ "h", "a" ]']);
});

test("a key of another kind wakes nobody; one that gets the kind again does", async () => {
  await using world = await open();
  const [first] = await waiting(world, 1, "TAKE h 0");
  assert.ok(first);
  const feeder = world.connect();
  await saying(world, feeder, "SET h text", "APPEND h more");
  assert.deepEqual(first.heard(), []);
  await saying(world, feeder, "MULTI", "DEL h", "HSET h a 1", "EXEC");
  assert.deepEqual(first.heard(), ['[ "h", "a" ]']);
});

test("RENAME, MOVE, COPY, RESTORE and SWAPDB bring what was waited for", async () => {
  await using world = await open();
  const feeder = world.connect();
  const dump = await dumpOfHash(world, feeder);
  const ways: [string[][], number][] = [
    [
      [
        ["HSET", "from", "a", "1"],
        ["RENAME", "from", "h"],
      ],
      0,
    ],
    [
      [
        ["HSET", "from", "a", "1"],
        ["RENAMENX", "from", "h"],
      ],
      0,
    ],
    [
      [
        ["HSET", "from", "a", "1"],
        ["COPY", "from", "h"],
        ["DEL", "from"],
      ],
      0,
    ],
    [[["RESTORE", "h", "0", dump]], 0],
    [
      [
        ["SELECT", "1"],
        ["HSET", "h", "a", "1"],
        ["MOVE", "h", "0"],
        ["SELECT", "0"],
      ],
      0,
    ],
    [
      [
        ["SELECT", "1"],
        ["HSET", "h", "a", "1"],
        ["SWAPDB", "0", "1"],
        ["SELECT", "0"],
      ],
      0,
    ],
    [[["SET", "h", "1"], ["FLUSHDB"], ["HSET", "h", "a", "1"]], 0],
    [[["HSET", "h", "a", "1"], ["FLUSHALL"], ["HSET", "h", "a", "1"]], 0],
  ];
  for (const [commands] of ways) {
    const talker = world.connect();
    talker.say("TAKE h 0");
    await world.settle();
    assert.ok(talker.isWaiting);
    for (const words of commands) feeder.send(words);
    await world.settle();
    assert.deepEqual(talker.heard(), ['[ "h", "a" ]'], commands.join(" ; "));
    await saying(world, feeder, "FLUSHALL");
  }
});

async function dumpOfHash(world: World, talker: Talker): Promise<string> {
  talker.say("HSET d a 1");
  talker.say("DUMP d");
  await world.settle();
  const dump = talker.replies.at(-1);
  assert.ok(typeof dump === "string");
  await saying(world, talker, "DEL d");
  return dump;
}

test("a refused SWAPDB or FLUSHALL wakes nobody", async () => {
  await using world = await open();
  const feeder = world.connect();
  await saying(world, feeder, "SELECT 1", "HSET h a 1", "SELECT 0");
  const [first] = await waiting(world, 1, "TAKE h 0");
  assert.ok(first);
  world.engine.refuseCommits("stall", 1);
  assert.match((await saying(world, feeder, "SWAPDB 0 1")).join(), /^-TRYAGAIN/);
  assert.deepEqual(first.heard(), []);
});

test("who is to be told that a key goes is told, once that is committed", async () => {
  await using world = await open();
  const feeder = world.connect();
  const ways = [
    "DEL h",
    "SET h text",
    "FLUSHDB",
    "RENAME h h2",
    "MOVE h 1",
    "SWAPDB 0 1",
    "EXPIRE h -1",
  ];
  for (const way of ways) {
    await saying(world, feeder, "FLUSHALL", "HSET h a 1");
    const [guard] = await waiting(world, 1, "GUARD h wanted 0");
    assert.ok(guard);
    assert.equal(world.core.host.blocked.removalKeyCount, 1);
    world.engine.refuseCommits("stall", 1);
    await saying(world, feeder, way);
    assert.deepEqual(guard.heard(), [], way);
    await saying(world, feeder, way);
    assert.match(guard.heard().join(), way === "SET h text" ? /^-WRONGTYPE/ : /^-NOGROUP/, way);
    guard.session.closed();
  }
});

test("a timeout is told in its time, and takes the place away", async () => {
  await using world = await open();
  const [first] = await waiting(world, 1, "TAKE h 1.5");
  const [second] = await waiting(world, 1, "TAKE h 0");
  assert.ok(first && second);
  world.clock.advance(1499);
  await world.settle();
  assert.deepEqual(first.heard(), []);
  world.clock.advance(1);
  await world.settle();
  assert.deepEqual(first.heard(), ["nil-array"]);
  const feeder = world.connect();
  await saying(world, feeder, "HSET h a 1");
  assert.deepEqual(heardOf([first, second]), [[], ['[ "h", "a" ]']]);
});

test("a wait longer than timers can be ends when it should", async () => {
  await using world = await open();
  const seconds = 40 * 86_400;
  const [first] = await waiting(world, 1, `TAKE h ${seconds}`);
  assert.ok(first);
  world.clock.advance(seconds * 1000 - 1);
  await world.settle();
  assert.deepEqual(first.heard(), []);
  world.clock.advance(1);
  await world.settle();
  assert.deepEqual(first.heard(), ["nil-array"]);
});

test("CLIENT UNBLOCK's two ways, and what was sent meanwhile runs afterwards", async () => {
  await using world = await open();
  const [first, second] = await waiting(world, 2, "TAKE h 0");
  assert.ok(first && second);
  first.say("PING");
  second.say("PING");
  assert.equal(first.session.unblock("timeout"), true);
  assert.equal(second.session.unblock("error"), true);
  await world.settle();
  assert.deepEqual(first.heard(), ["nil-array", "PONG"]);
  assert.deepEqual(second.heard(), ["-UNBLOCKED client unblocked via CLIENT UNBLOCK", "PONG"]);
  assert.equal(first.session.unblock("timeout"), false);
});

test("who has gone gets nothing, and the next in line does", async () => {
  await using world = await open();
  const [first, second] = await waiting(world, 2, "TAKE h 0");
  assert.ok(first && second);
  first.session.closed();
  const feeder = world.connect();
  await saying(world, feeder, "HSET h a 1");
  assert.deepEqual(heardOf([first, second]), [[], ['[ "h", "a" ]']]);
});

test("in EXEC nobody waits", async () => {
  await using world = await open();
  const talker = world.connect();
  const lines = await saying(world, talker, "MULTI", "TAKE h 0", "SEE h f 0", "EXEC");
  assert.deepEqual(lines.at(-1), "[ nil-array, nil ]");
});

test("a pause of writes holds back who would take, not who reads; it ends and all are served", async () => {
  await using world = await open();
  const [taker] = await waiting(world, 1, "TAKE h 0");
  const [reader] = await waiting(world, 1, "SEE h a 0");
  assert.ok(taker && reader);
  const feeder = world.connect();
  world.engine.holdAsync();
  feeder.say("HSET h a 1");
  world.core.pause.begin("write", world.clock.nowMs() + 1000);
  await world.settle();
  assert.deepEqual(heardOf([taker, reader]), [[], ['"1"']]);
  world.clock.advance(1000);
  await world.settle();
  assert.deepEqual(taker.heard(), ['[ "h", "a" ]']);
});

test("a waiter of two keys takes from one, and does not hold up the other", async () => {
  await using world = await open();
  const [both] = await waiting(world, 1, "TAKE h i 0");
  const [one] = await waiting(world, 1, "TAKE i 0");
  assert.ok(both && one);
  const feeder = world.connect();
  await saying(world, feeder, "MULTI", "HSET i a 1", "HSET h b 1", "EXEC");
  assert.deepEqual(heardOf([both, one]), [['[ "h", "b" ]'], ['[ "i", "a" ]']]);
  assert.equal(world.core.host.blocked.keyCount, 0);
});

test("what may not run any more is refused when its turn comes", async () => {
  await using world = await open();
  const [first, second] = await waiting(world, 2, "TAKE h 0");
  assert.ok(first && second);
  const feeder = world.connect();
  feeder.say("HSET h a 1");
  const denied = new CommandError("NOPERM not any more");
  world.core.hooks.permission = (session) => (session === first.session ? denied : null);
  await world.settle();
  assert.deepEqual(heardOf([first, second]), [["-NOPERM not any more"], ['[ "h", "a" ]']]);
});

test("a command that waited is counted once, when it ends; monitors see it when it begins", async () => {
  await using world = await open();
  const monitor = world.connect();
  await saying(world, monitor, "MONITOR");
  const [first] = await waiting(world, 1, "TAKE h 0");
  assert.ok(first);
  const { stats } = world.core.commands.named("TAKE") ?? assert.fail();
  assert.equal(stats.calls, 0);
  assert.match(monitor.heard().join(), /"TAKE" "h" "0"/);
  const feeder = world.connect();
  await saying(world, feeder, "HSET h a 1");
  assert.equal(stats.calls, 1);
  assert.doesNotMatch(monitor.heard().join(), /TAKE/);
});
