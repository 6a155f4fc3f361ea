// A log that has moved without the pipeline's doing refuses one batch, certainly not written, and then
// goes on from where it really ends.

import assert from "node:assert/strict";
import { test } from "node:test";

import { META } from "../../src/engine/engine.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { openWorld } from "../support/world.ts";

test("writes go on after the log was moved behind the pipeline's back", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.say("SET k 1");
  await world.settle();
  const ops = new WriteOps();
  ops.put(META, "something else", "1");
  await world.engine.writeAsync(ops, { sync: false });
  talker.say("SET k 2");
  await world.settle();
  for (const line of ["GET k", "SET k 3", "GET k"]) talker.say(line);
  await world.settle();
  const [first, refused, old, third, now] = talker.heard();
  assert.deepEqual([first, old, third, now], ["OK", '"1"', "OK", '"3"']);
  assert.match(refused ?? "", /^-MISCONF the log ends at /);
});
