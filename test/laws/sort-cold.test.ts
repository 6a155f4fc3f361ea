// What SORT looks up for its elements is not known before they are read. Goal: however many keys and
// fields that are, they are loaded together, in a few rounds, and not one by one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import { openWorld } from "../support/world.ts";

const COUNT = 200;
const ROUNDS_MAX = 8;

test("SORT finds its keys and fields in a few rounds when all of them are cold", async () => {
  await using world = await openWorld({
    limits: { collections: { ...usualCollectionLimits(), hashEntriesMax: 0 } },
  });
  const talker = world.connect();
  for (let n = 0; n < COUNT; n++) {
    talker.say(`RPUSH list ${n}`);
    talker.say(`SET weight_${n} ${COUNT - n}`);
    talker.say(`HSET hash_${n} name n${n}`);
  }
  await world.settle();
  talker.heard();
  world.core.pipeline.keyspace.dropCache();
  world.engine.cool();
  world.engine.coldKeys("all");
  const before = world.core.stats.coldReads;
  talker.say("SORT list BY weight_* GET hash_*->name LIMIT 0 3");
  await world.settle();
  assert.deepEqual(talker.heard(), ['[ "n199", "n198", "n197" ]']);
  const afterFew = world.core.stats.coldReads;
  assert.ok(afterFew - before <= ROUNDS_MAX, `${afterFew - before} rounds`);
  talker.say("SORT list BY nosort GET hash_*->name GET weight_*");
  await world.settle();
  const [all = ""] = talker.heard();
  assert.ok(all.startsWith('[ "n0", "200", "n1", "199", '), all.slice(0, 60));
  const rounds = world.core.stats.coldReads - afterFew;
  assert.ok(rounds <= ROUNDS_MAX, `${rounds} rounds`);
});
