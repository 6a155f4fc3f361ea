// The laws for what is changed in place and for elements with keys of their own: WATCH sees a changed
// field, a reader of an uncommitted field is held and told the truth, a failed command leaves nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import { openWorld, type World } from "../support/world.ts";

for (const form of ["inline", "exploded"] as const) {
  const hashEntriesMax = form === "inline" ? 512 : 0;
  const open = (unitBytesMax = 0): Promise<World> =>
    openWorld({
      limits: { unitBytesMax, collections: { ...usualCollectionLimits(), hashEntriesMax } },
      pipeline: { stallWaitMs: 0 },
    });

  test(`${form}: a watched hash is lost when a field of it changes, and only then`, async () => {
    await using world = await open();
    const one = world.connect();
    const other = world.connect();
    one.say("HSET h a 1 b 2");
    for (const line of ["WATCH h", "HGET h a", "MULTI", "HSET h c 3", "EXEC"]) one.say(line);
    await world.settle();
    one.say("WATCH h");
    await world.settle();
    other.say("HSET h a changed");
    for (const line of ["MULTI", "HSET h c 4", "EXEC"]) one.say(line);
    await world.settle();
    assert.deepEqual(one.heard().slice(-4), ["OK", "OK", "QUEUED", "nil-array"]);
    one.say("HGET h c");
    assert.deepEqual(one.heard(), ['"3"']);
  });

  test(`${form}: who read a field that is refused is told what is true`, async () => {
    await using world = await open();
    const writer = world.connect();
    const reader = world.connect();
    writer.say("HSET h a 1 b 2");
    await world.settle();
    writer.heard();
    world.engine.refuseCommits("stall", 1);
    writer.say("HSET h a refused new field");
    writer.say("HDEL h b");
    reader.say("HGET h a");
    reader.say("HGETALL h");
    assert.deepEqual(reader.heard(), [], "held until the batch is settled");
    await world.settle();
    assert.ok(writer.heard().every((reply) => reply.startsWith("-TRYAGAIN")));
    assert.deepEqual(reader.heard(), ['"1"', '[ "a", "1", "b", "2" ]']);
  });

  test(`${form}: a command that is refused half-way leaves its transaction's neighbours`, async () => {
    await using world = await open(400);
    const talker = world.connect();
    talker.say("HSET h a 1");
    for (const line of ["MULTI", "HSET h b 2"]) talker.say(line);
    talker.send(["HSET", "h", "c", "3", "d", "x".repeat(500)]);
    for (const line of ["HSET h e 5", "EXEC", "HMGET h a b c d e", "HLEN h"]) talker.say(line);
    await world.settle();
    const [, , , , , executed = "", fields, count] = talker.heard();
    assert.match(executed, /^\[ 1, -ERR write batch too large.*, 1 \]$/);
    assert.deepEqual([fields, count], ['[ "1", "2", nil, nil, "5" ]', "3"]);
  });
}
