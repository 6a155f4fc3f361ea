// Law 5 for client-side caching: an invalidation is sent when the write is committed, and never for one
// that is refused; and whatever happens in between, nobody keeps a copy that is no longer true.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom } from "../../src/base/random.ts";
import { Push, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

const SLOW = { pipeline: { backgroundBytes: 0 } } as const;

async function tracked(world: World, options = ""): Promise<Talker> {
  const reader = world.connect();
  reader.say("HELLO 3");
  reader.say(`CLIENT TRACKING ON${options}`);
  await world.settle();
  reader.heard();
  return reader;
}

test("a refused write invalidates nothing, and what was read is still tracked", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  writer.say("SET k 0");
  await world.settle();
  const reader = await tracked(world);
  reader.say("GET k");
  await world.settle();
  assert.deepEqual(reader.heard(), ['"0"']);
  world.engine.refuseCommits("stall");
  writer.say("SET k 1");
  writer.say("FLUSHALL");
  await world.settle();
  assert.deepEqual(reader.heard(), []);
  world.engine.acceptCommits();
  writer.say("SET k 2");
  await world.settle();
  assert.deepEqual(reader.heard(), ['>[ "invalidate", [ "k" ] ]']);
});

test("an invalidation waits for the commit, and is behind the replies that wait with it", async () => {
  await using world = await openWorld(SLOW);
  const writer = world.connect();
  const reader = await tracked(world);
  reader.say("GET k");
  assert.deepEqual(reader.heard(), ["nil"]);
  writer.say("SET k 1");
  reader.say("GET k");
  assert.deepEqual(reader.heard(), []);
  await world.settle();
  assert.deepEqual(reader.heard(), ['"1"', '>[ "invalidate", [ "k" ] ]']);
});

test("a flush of an empty database is told, too: keys that are not there are kept copies of", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  const reader = await tracked(world);
  for (const line of ["FLUSHDB", "FLUSHALL ASYNC"]) {
    reader.say("GET k");
    writer.say(line);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.settle();
    assert.deepEqual(reader.heard(), ["nil", '>[ "invalidate", nil ]'], line);
    assert.equal(world.core.host.tracking.keyCount, 0);
  }
  assert.deepEqual(writer.heard(), ["OK", "OK"]);
});

test("NOLOOP leaves out only what nobody else has changed in the same batch", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  const reader = await tracked(world, " NOLOOP");
  const broad = await tracked(world, " BCAST NOLOOP");
  reader.say("MGET a b");
  reader.say("SET a own");
  await world.settle();
  reader.say("GET a");
  await world.settle();
  reader.heard();
  broad.heard();
  reader.say("SET a 1");
  writer.say("SET a 2");
  reader.say("SET b 1");
  broad.say("SET c 1");
  await world.settle();
  assert.deepEqual(reader.heard(), ["OK", "OK", '>[ "invalidate", [ "a" ] ]']);
  assert.deepEqual(broad.heard(), ["OK", '>[ "invalidate", [ "a", "b" ] ]']);
});

test("what a script reads is tracked, and what it writes is told", async () => {
  await using world = await openWorld();
  const writer = world.connect();
  const reader = await tracked(world);
  reader.send(["EVAL", "return redis.call('GET', KEYS[1])", "1", "k"]);
  await world.settle();
  assert.deepEqual(reader.heard(), ["nil"]);
  writer.send(["EVAL", "return redis.call('SET', KEYS[1], 'v')", "1", "k"]);
  await world.settle();
  assert.deepEqual(reader.heard(), ['>[ "invalidate", [ "k" ] ]']);
});

test("the table is bounded: what was read first is told to be dropped", async () => {
  await using world = await openWorld();
  world.core.host.tracking.keysMax = 3;
  const reader = await tracked(world);
  reader.say("MGET a b c");
  reader.say("MGET d e");
  await world.settle();
  assert.deepEqual(reader.heard(), [
    "[ nil, nil, nil ]",
    "[ nil, nil ]",
    '>[ "invalidate", [ "a" ] ]',
    '>[ "invalidate", [ "b" ] ]',
  ]);
  assert.equal(world.core.host.tracking.keyCount, 3);
});

/** A client library in one object: keeps what it reads until it is told to drop it. */
class Cache {
  readonly talker: Talker;
  readonly copies = new Map<string, string>();
  /** Keys of the reads not answered yet. */
  readonly asked: string[] = [];

  constructor(talker: Talker) {
    this.talker = talker;
  }

  ask(key: string): void {
    this.asked.push(key);
    this.talker.say(`GET ${key}`);
  }

  drop(keys: Reply): void {
    if (keys === null) this.copies.clear();
    if (!Array.isArray(keys)) return;
    for (const key of keys) this.copies.delete(String(key));
  }

  /** What comes on its own connection, or on the one that hears of changes, in order of arrival. */
  take(reply: Reply): void {
    if (reply instanceof Push) {
      this.drop(reply.items[1] ?? null);
      return;
    }
    const asked = this.asked.shift();
    assert.ok(asked !== undefined);
    const text = format(reply);
    if (text.startsWith("-")) this.copies.delete(asked);
    else this.copies.set(asked, text);
  }
}

const KEYS = ["a", "b", "c"];

for (const ways of ["itself", "another connection"] as const) {
  test(`copies are true once all is settled, told on ${ways}, whatever is refused`, async () => {
    for (let seed = 1; seed <= 60; seed++) {
      // oxlint-disable-next-line no-await-in-loop -- one world after the other
      await oneHistory(seed, ways);
    }
  });
}

async function oneHistory(seed: number, ways: "itself" | "another connection"): Promise<void> {
  await using world = await openWorld({
    pipeline: { backgroundBytes: seed % 2 === 0 ? 0 : Infinity },
  });
  const random = new SeededRandom(seed);
  const ear = world.connect();
  ear.say("HELLO 3");
  await world.settle();
  ear.heard();
  const redirect = ways === "itself" ? "" : ` REDIRECT ${ear.session.id}`;
  const cache = new Cache(await tracked(world, redirect));
  for (const talker of new Set([cache.talker, ear])) talker.onReply = (reply) => cache.take(reply);
  const writers = [world.connect(), world.connect(), cache.talker];
  for (let step = 0; step < 60; step++) {
    const key = KEYS[random.below(KEYS.length)] ?? "a";
    const writer = writers[random.below(2)];
    switch (random.below(9)) {
      case 0:
      case 1:
      case 2:
        cache.ask(key);
        break;
      case 3:
      case 4:
        writer?.say(`SET ${key} ${step}`);
        break;
      case 5:
        writer?.say(random.below(4) === 0 ? "FLUSHALL" : `DEL ${key}`);
        break;
      case 6:
        world.engine.refuseCommits("stall");
        break;
      case 7:
        world.engine.acceptCommits();
        break;
      default:
        // oxlint-disable-next-line no-await-in-loop -- the order is the point
        await world.settle();
    }
  }
  world.engine.acceptCommits();
  await world.settle();
  const judge = world.connect();
  for (const [key, copy] of cache.copies) {
    judge.say(`GET ${key}`);
    assert.deepEqual(judge.heard(), [copy], `seed ${seed}, key ${key}`);
  }
}
