// Law 5, the second half: what leaves the server beside replies (published messages, keyspace events,
// WATCH marks) happens after the commit, exactly once, or not at all.
//
// Method: every class of notify-keyspace-events is on, listeners sit on channels, patterns, keyspace
// and keyevent channels, and the memory engine refuses commits, holds them, or leaves them unknown.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseNotifyFlags } from "../../src/pubsub/notify-flags.ts";
import { Listener } from "../support/listener.ts";
import { openWorld, type Talker, type World, type WorldSettings } from "../support/world.ts";

const EVERYTHING = parseNotifyFlags("KEAnm") ?? 0;

type Name = "channel" | "pattern" | "shard" | "keyspace" | "keyevent" | "all";
/** "all" hears everything but shard channels, in the order in which it is told. */
type Ears = Readonly<Record<Name, Listener>>;

async function listening(
  settings: WorldSettings = {},
): Promise<{ world: World; ears: Ears; client: Talker }> {
  const world = await openWorld({ ...settings, limits: { notifyMask: EVERYTHING } });
  const ears: Ears = {
    channel: new Listener(world, "SUBSCRIBE news other"),
    pattern: new Listener(world, "PSUBSCRIBE ne*s nothing*"),
    shard: new Listener(world, "SSUBSCRIBE news"),
    keyspace: new Listener(world, "SUBSCRIBE __keyspace@0__:k"),
    keyevent: new Listener(world, "SUBSCRIBE __keyevent@0__:set __keyevent@0__:del"),
    all: new Listener(world, "PSUBSCRIBE *"),
  };
  return { world, ears, client: world.connect() };
}

function listenersOf(ears: Ears): Map<string, Listener> {
  return new Map<string, Listener>(Object.entries(ears));
}

function hearAll(ears: Ears): void {
  for (const listener of listenersOf(ears).values()) listener.told();
}

function expectSilence(ears: Ears, when: string): void {
  for (const [name, listener] of listenersOf(ears)) {
    assert.deepEqual(listener.told(), [], `${name} ${when}`);
  }
}

const SLOW = { pipeline: { backgroundBytes: 0 } } as const;

test("nobody is told of a refused write", async () => {
  const { world, ears, client } = await listening();
  await using _ = world;
  client.say("SET old 1 PX 5");
  client.say("SET k 0");
  await world.settle();
  client.heard();
  hearAll(ears);
  world.clock.advance(10);
  world.engine.refuseCommits("stall");
  const lines = ["SET k 1", "APPEND k 2", "INCR n", "MSET a 1 b 2", "SETEX k 5 v", "SET old 2"];
  for (const line of [...lines, "EXPIRE k 9", "PERSIST k", "RENAME k k2", "COPY k2 k3", "DEL k3"]) {
    client.say(line);
    await world.settle();
    assert.match(client.heard().join(), /^(-TRYAGAIN|0$|-ERR no such key)/, line);
  }
  for (const line of lines) client.say(line);
  await world.settle();
  assert.equal(client.heard().length, lines.length);
  expectSilence(ears, "heard of a refused write");

  world.engine.acceptCommits();
  client.say("SET k 1");
  await world.settle();
  assert.deepEqual(ears.keyspace.told(), ["__keyspace@0__:k set"]);
  assert.deepEqual(ears.keyevent.told(), ["__keyevent@0__:set k"]);
});

test("a write is told once, in order, and after its commit", async () => {
  const { world, ears, client } = await listening(SLOW);
  await using _ = world;
  world.engine.holdAsync();
  client.say("SET k 1");
  await world.settle();
  client.say("DEL k");
  client.say("SET k 2");
  await world.settle();
  expectSilence(ears, "heard before the commit");
  assert.deepEqual(client.heard(), []);

  assert.ok(world.engine.releaseOne("write"));
  await world.settle();
  assert.deepEqual(ears.keyspace.told(), ["__keyspace@0__:k new", "__keyspace@0__:k set"]);
  assert.deepEqual(ears.keyevent.told(), ["__keyevent@0__:set k"]);
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(ears.keyspace.told(), [
    "__keyspace@0__:k del",
    "__keyspace@0__:k new",
    "__keyspace@0__:k set",
  ]);
  assert.deepEqual(ears.keyevent.told(), ["__keyevent@0__:del k", "__keyevent@0__:set k"]);
  assert.deepEqual(client.heard(), ["OK", "1", "OK"]);
});

test("a PUBLISH with nothing before it is told at once, to channels and to patterns", async () => {
  const { world, ears, client } = await listening();
  await using _ = world;
  client.say("PUBLISH news 1");
  client.say("SPUBLISH news 2");
  client.say("PUBLISH nobody 3");
  assert.deepEqual(client.heard(), ["3", "1", "1"]);
  assert.deepEqual(ears.channel.told(), ["news 1"]);
  assert.deepEqual(ears.pattern.told(), ["news 1"]);
  assert.deepEqual(ears.shard.told(), ["news 2"]);
  assert.deepEqual(ears.all.told(), ["news 1", "nobody 3"]);
});

test("a PUBLISH does not overtake what was written before it", async () => {
  const { world, ears, client } = await listening(SLOW);
  await using _ = world;
  const other = world.connect();
  world.engine.holdAsync();
  client.say("SET k 1");
  other.say("PUBLISH news 1");
  await world.settle();
  other.say("PUBLISH news 2");
  client.say("SET k 2");
  other.say("PUBLISH news 3");
  await world.settle();
  assert.deepEqual(other.heard(), ["3", "3", "3"]);
  expectSilence(ears, "heard before the commit");
  world.engine.stopHolding();
  await world.settle();
  const all = ears.all.told().filter((message) => !message.includes("keyevent"));
  assert.deepEqual(all, [
    "__keyspace@0__:k new",
    "__keyspace@0__:k set",
    "news 1",
    "news 2",
    "__keyspace@0__:k set",
    "news 3",
  ]);
});

test("a plain PUBLISH survives the refusal of others' writes: once, and in order", async () => {
  const { world, ears, client } = await listening(SLOW);
  await using _ = world;
  const other = world.connect();
  world.engine.holdAsync();
  client.say("SET k 1");
  other.say("PUBLISH news 1");
  await world.settle();
  other.say("PUBLISH news 2");
  client.say("SET k 2");
  other.say("PUBLISH news 3");
  await world.settle();
  world.engine.refuseCommits("no-space", 1);
  world.engine.stopHolding();
  await world.settle();
  assert.match(client.heard().join(), /^-MISCONF .*,-MISCONF /);
  assert.deepEqual(ears.all.told(), ["news 1", "news 2", "news 3"]);
  assert.deepEqual(ears.channel.told(), ["news 1", "news 2", "news 3"]);
  assert.deepEqual(ears.keyspace.told(), []);
  client.say("PUBLISH news 4");
  assert.deepEqual(ears.all.told(), ["news 4"]);
});

for (const execFailureReply of ["attributed", "every", "abort"] as const) {
  test(`an EXEC that is refused publishes nothing and says so (${execFailureReply})`, async () => {
    const { world, ears, client } = await listening({ session: { execFailureReply } });
    await using _ = world;
    world.engine.refuseCommits("stall", 1, "Write stall");
    for (const line of ["MULTI", "PUBLISH news 1", "SET k 1", "SPUBLISH news 2", "GET z", "EXEC"]) {
      client.say(line);
    }
    await world.settle();
    const lost = "-EXECABORT Transaction discarded because of: Write stall; retry in 100 ms";
    const expected = {
      attributed: `[ ${lost}, ${lost}, ${lost}, nil ]`,
      every: `[ ${lost}, ${lost}, ${lost}, ${lost} ]`,
      abort: lost,
    };
    assert.equal(client.heard().at(-1), expected[execFailureReply]);
    expectSilence(ears, "heard of a refused EXEC");
  });
}

test("an EXEC publishes after its commit, between the events of its writes", async () => {
  const { world, ears, client } = await listening(SLOW);
  await using _ = world;
  world.engine.holdAsync();
  for (const line of ["MULTI", "SET k 1", "PUBLISH news 1", "SPUBLISH news 2", "SET k 2", "EXEC"]) {
    client.say(line);
  }
  await world.settle();
  expectSilence(ears, "heard before the commit");
  world.engine.stopHolding();
  await world.settle();
  assert.equal(client.heard().at(-1), "[ OK, 3, 1, OK ]");
  const all = ears.all.told().filter((message) => !message.includes("keyevent"));
  assert.deepEqual(all, [
    "__keyspace@0__:k new",
    "__keyspace@0__:k set",
    "news 1",
    "__keyspace@0__:k set",
  ]);
  assert.deepEqual(ears.shard.told(), ["news 2"]);
});

test("an EXEC that only publishes is nobody's write: it survives, and its answer stands", async () => {
  const { world, ears, client } = await listening(SLOW);
  await using _ = world;
  const other = world.connect();
  world.engine.holdAsync();
  client.say("SET k 1");
  await world.settle();
  for (const line of ["MULTI", "PUBLISH news 1", "GET k", "EXEC"]) other.say(line);
  await world.settle();
  world.engine.refuseCommits("stall", 1);
  world.engine.stopHolding();
  await world.settle();
  assert.equal(other.heard().at(-1), "[ 3, nil ]");
  const all = ears.all.told().filter((message) => message.startsWith("news"));
  assert.deepEqual(all, ["news 1"]);
  assert.deepEqual(ears.keyspace.told(), []);
});

test("under ONCE a message goes with the token: lost with a refusal, not told twice", async () => {
  const { world, ears, client } = await listening();
  await using _ = world;
  const lines = ["MULTI", "ONCE token", "PUBLISH news 1", "EXEC"];
  world.engine.refuseCommits("stall", 1, "Write stall");
  for (const line of lines) client.say(line);
  await world.settle();
  const lost = "-EXECABORT Transaction discarded because of: Write stall; retry in 100 ms";
  assert.equal(client.heard().at(-1), `[ ${lost}, ${lost} ]`);
  expectSilence(ears, "heard of a refused EXEC");
  for (const line of [...lines, ...lines]) client.say(line);
  await world.settle();
  assert.deepEqual(
    client.heard().filter((reply) => reply.startsWith("[")),
    ["[ OK, 3 ]", "[ OK, 3 ]"],
  );
  assert.deepEqual(ears.channel.told(), ["news 1"]);
});

test("an EXEC that runs again after a cold read publishes once", async () => {
  const { world, ears, client } = await listening();
  await using _ = world;
  world.engine.coldKeys("all");
  world.engine.holdAsync();
  for (const line of ["MULTI", "PUBLISH news 1", "GET k", "SET z 1", "EXEC"]) client.say(line);
  await world.settle();
  assert.ok(client.isWaiting);
  expectSilence(ears, "heard while the disk is read");
  world.engine.stopHolding();
  await world.settle();
  assert.equal(client.heard().at(-1), "[ 3, nil, OK ]");
  assert.deepEqual(ears.channel.told(), ["news 1"]);
});

test("a command that fails half-way in an EXEC tells nothing of its first half", async () => {
  const { world, ears, client } = await listening();
  await using _ = world;
  world.core.view.limits.unitBytesMax = 500;
  const long = "x".repeat(400);
  client.say("MULTI");
  client.say("SET a 1");
  client.say(`MSET k ${long} c ${long}`);
  client.say("PUBLISH news 1");
  client.say("EXEC");
  await world.settle();
  assert.match(client.heard().at(-1) ?? "", /^\[ OK, -ERR write batch too large: [^,]*, 3 \]$/);
  assert.deepEqual(ears.keyspace.told(), []);
  assert.deepEqual(ears.keyevent.told(), ["__keyevent@0__:set a"]);
  assert.deepEqual(ears.channel.told(), ["news 1"]);
});

for (const outcome of ["applied", "absent"] as const) {
  test(`nothing is told of an unknown outcome before it is known (${outcome})`, async () => {
    const { world, ears, client } = await listening();
    await using _ = world;
    const other = world.connect();
    world.engine.unknownCommits(outcome);
    world.engine.failSettling(1);
    client.say("SET k 1");
    for (const line of ["MULTI", "PUBLISH news 1", "SET k 2", "EXEC"]) client.say(line);
    other.say("PUBLISH news 2");
    await world.settle();
    other.say("PUBLISH news 3");
    await world.settle();
    expectSilence(ears, "heard while nobody knows");
    world.clock.advance(100);
    await world.settle();
    const applied = ["set", "set"].map((event) => `__keyspace@0__:k ${event}`);
    assert.deepEqual(
      ears.keyspace.told(),
      outcome === "applied" ? ["__keyspace@0__:k new", ...applied] : [],
    );
    const messages = ears.channel.told();
    const survivors = ["news 2", "news 3"];
    assert.deepEqual(messages, outcome === "applied" ? ["news 1", ...survivors] : survivors);
    assert.match(
      client.heard().at(-1) ?? "",
      outcome === "applied" ? /^\[ 3, OK \]$/ : /EXECABORT/,
    );
    hearAll(ears);
    world.clock.advance(10_000);
    await world.settle();
    expectSilence(ears, "heard twice");
  });
}

test("messages that wait for a commit are bounded: their publisher waits", async () => {
  const { world, ears, client } = await listening({
    pipeline: { backgroundBytes: 0, groupBytesMax: 1000 },
  });
  await using _ = world;
  const other = world.connect();
  world.engine.holdAsync();
  client.say("SET k 1");
  await world.settle();
  const payload = "x".repeat(300);
  for (let number = 0; number < 6; number++) other.say(`PUBLISH news ${number}${payload}`);
  for (const line of ["MULTI", "PUBLISH news 6", "EXEC"]) other.say(line);
  await world.settle();
  assert.ok(other.isWaiting);
  assert.deepEqual(other.heard(), ["3", "3", "3"]);
  assert.ok(world.core.pipeline.keyspace.openBytes < 2000);
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(other.heard(), ["3", "3", "3", "OK", "QUEUED", "[ 3 ]"]);
  assert.deepEqual(
    ears.channel.told().map((message) => message.slice(0, "news 0".length)),
    ["news 0", "news 1", "news 2", "news 3", "news 4", "news 5", "news 6"],
  );
  assert.equal(world.core.pipeline.keyspace.openBytes, 0);
});

test("a refused write leaves a WATCH as it was", async () => {
  const { world, client } = await listening(SLOW);
  await using _ = world;
  const watcher = world.connect();
  watcher.say("WATCH k");
  await world.settle();
  world.engine.refuseCommits("stall", 2);
  client.say("SET k 1");
  await world.settle();
  for (const line of ["MULTI", "PUBLISH news 1", "SET k 1", "EXEC"]) client.say(line);
  await world.settle();
  for (const line of ["MULTI", "GET k", "SET mine 1", "EXEC"]) watcher.say(line);
  await world.settle();
  assert.equal(watcher.heard().at(-1), "[ nil, OK ]");
});
