// Law 8 for reads: what cannot be read is told to who asked, by its code; nobody else notices, nothing
// is served that is not there, and the server goes on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DATA, StorageError } from "../../src/engine/engine.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { dataKey, hashOfKey, slotOfKey } from "../../src/encoding/key.ts";
import { openWorld, type World } from "../support/world.ts";

/** A world whose cache has forgotten the key `k`, which is on disk. */
async function forgetful(engine = new MemoryEngine()): Promise<World> {
  const first = await openWorld({ engine });
  const writer = first.connect();
  for (const line of ["SET k v", "SET other w"]) writer.say(line);
  await first.settle();
  return openWorld({ engine: engine.crash({ survive: "process" }), clock: first.clock });
}

test("a read error answers MISCONF to the command that met it, and to nobody else", async () => {
  await using world = await forgetful();
  const talker = world.connect();
  world.engine.failReads("io", 1);
  talker.say("GET k");
  assert.match(talker.heard().join(), /^-MISCONF .*disk reports errors/);
  talker.say("GET k");
  assert.deepEqual(talker.heard(), ['"v"']);
});

test("inside EXEC a read error is that command's own: its neighbours commit", async () => {
  await using world = await forgetful();
  const talker = world.connect();
  talker.say("GET other");
  for (const line of ["MULTI", "SET other 2", "GET k", "EXEC"]) talker.say(line);
  talker.heard();
  await world.settle();
  world.engine.failReads("corruption", 1);
  for (const line of ["MULTI", "SET other 3", "APPEND nowhere x", "EXEC"]) talker.say(line);
  await world.settle();
  const [, , , exec] = talker.heard().slice(-4);
  assert.match(exec ?? "", /^\[ OK, -MISCONF .*kept check.* \]$/);
  talker.say("GET other");
  assert.deepEqual(talker.heard(), ['"3"']);
});

test("a load on a thread that fails answers the command, the transaction and the WATCH that waited", async () => {
  await using world = await forgetful();
  const { engine } = world;
  engine.coldKeys("all");
  const load = engine.load.bind(engine);
  let failuresLeft = 3;
  engine.load = (store, keys) => {
    if (failuresLeft-- <= 0) return load(store, keys);
    return Promise.reject(new StorageError("io", "refused", "Input/output error"));
  };
  const talker = world.connect();
  talker.say("GET k");
  await world.settle();
  assert.match(talker.heard().join(), /^-MISCONF Input\/output error; /);
  for (const line of ["MULTI", "SET k 2", "EXEC"]) talker.say(line);
  await world.settle();
  assert.equal(
    talker.heard().at(-1),
    "-EXECABORT Transaction discarded because of: Input/output error",
  );
  talker.say("WATCH other");
  await world.settle();
  assert.match(talker.heard().join(), /^-MISCONF /);
  talker.say("GET k");
  await world.settle();
  assert.deepEqual(talker.heard(), ['"v"']);
});

test("a record that does not decode is reported, never served", async () => {
  await using world = await openWorld();
  const address = { slot: slotOfKey("bad"), hash: hashOfKey("bad") };
  const [database] = world.core.pipeline.keyspace.databases;
  assert.ok(database);
  const ops = new WriteOps();
  ops.put(DATA, dataKey({ incarnationId: database.incarnation.id, ...address }, "bad"), "\xff\xff");
  await world.engine.writeAsync(ops, { sync: false });
  await using after = await openWorld({ engine: world.engine.crash({ survive: "process" }) });
  const talker = after.connect();
  for (const line of ["GET bad", "SET bad 1", "PING"]) talker.say(line);
  await after.settle();
  const [get, set, ping] = talker.heard();
  assert.match(get ?? "", /^-MISCONF stored data does not decode: .*kept check/);
  assert.match(set ?? "", /^-MISCONF /);
  assert.equal(ping, "PONG");
});

test("a command that never finds all its keys in the cache at once is told so", async () => {
  await using world = await forgetful();
  const cold = new Set(["k", "other"]);
  world.engine.coldKeys(() => cold.size > 0);
  const talker = world.connect();
  const { engine } = world;
  const load = engine.load.bind(engine);
  const { keyspace } = world.core.pipeline;
  engine.load = async (store, keys) => {
    const loaded = await load(store, keys);
    engine.cool();
    // As if so much else were read meanwhile that the cache turned over twice.
    keyspace.rotations += 2;
    return loaded;
  };
  talker.say("GET k");
  await world.settle();
  assert.match(talker.heard().join(), /^-TRYAGAIN the caches are too small/);
  talker.say("PING");
  assert.deepEqual(talker.heard(), ["PONG"]);
});

test("a reply that no string can hold is refused, and the connection goes on", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.send(["SET", "big", "x".repeat(200 * 1024 * 1024)]);
  await world.settle();
  talker.heard();
  for (const line of ["MGET big big big", "PING"]) talker.say(line);
  const [mget, ping] = talker.heard();
  assert.match(mget ?? "", /^-ERR the reply is longer than 512 MB/);
  assert.equal(ping, "PONG");
});

test("a command with a wrong count of keys, queued behind a cold one, is refused by itself", async () => {
  await using world = await openWorld({ cacheBytesMax: 0 });
  const talker = world.connect();
  for (const line of ["SET k v"]) talker.say(line);
  await world.settle();
  world.engine.cool();
  for (const line of ["MULTI", "GET k", "ZUNION 9 k", "EXEC"]) talker.say(line);
  await world.settle();
  const [element] = talker.heard().slice(-1);
  assert.match(element ?? "", /^\[ "v", -ERR syntax error \]$/);
});
