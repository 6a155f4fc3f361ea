// ONCE: a transaction whose connection broke after EXEC can be sent again; it runs once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld, type Talker } from "../support/world.ts";

function tryOnce(talker: Talker, token: string): void {
  for (const line of ["MULTI", `ONCE ${token}`, "INCR n", "GET n", "EXEC"]) talker.say(line);
}

test("a retry with the same token gets the first outcome's replies and changes nothing", async () => {
  await using world = await openWorld();
  const first = world.connect();
  const retry = world.connect();
  tryOnce(first, "t1");
  await world.settle();
  retry.say("INCR n");
  tryOnce(retry, "t1");
  await world.settle();
  assert.equal(first.heard().at(-1), '[ OK, 1, "1" ]');
  assert.deepEqual([retry.heard().at(-1)], ['[ OK, 1, "1" ]']);
  tryOnce(retry, "t2");
  await world.settle();
  assert.equal(retry.heard().at(-1), '[ OK, 3, "3" ]');
  retry.say("DBSIZE");
  assert.deepEqual(retry.heard(), ["1"]);
});

test("the token of a refused transaction is free again", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  world.engine.refuseCommits("stall", 1, "Write stall");
  tryOnce(talker, "t");
  await world.settle();
  assert.match(talker.heard().at(-1) ?? "", /^\[ -EXECABORT .*, -EXECABORT .*, -EXECABORT .* \]$/);
  tryOnce(talker, "t");
  await world.settle();
  assert.equal(talker.heard().at(-1), '[ OK, 1, "1" ]');
});

test("a token survives the death of the process and is forgotten after its retention", async () => {
  const world = await openWorld({ session: { onceRetentionMs: 1000 } });
  const before = world.connect();
  tryOnce(before, "t");
  await world.settle();
  const engine = world.engine.crash({ survive: "process" });
  await using after = await openWorld({
    engine,
    clock: world.clock,
    session: { onceRetentionMs: 1000 },
  });
  const talker = after.connect();
  tryOnce(talker, "t");
  await after.settle();
  assert.equal(talker.heard().at(-1), '[ OK, 1, "1" ]');
  after.clock.advance(2000);
  tryOnce(talker, "t");
  await after.settle();
  assert.equal(talker.heard().at(-1), '[ OK, 2, "2" ]');
});

test("a token is not for a different transaction, not in the middle, not outside MULTI", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  tryOnce(talker, "t");
  await world.settle();
  talker.heard();
  for (const line of ["MULTI", "ONCE t", "INCR other", "EXEC", "EXISTS other"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard().slice(3), [
    "-ERR ONCE token was already used for a different transaction",
    "0",
  ]);
  for (const line of ["MULTI", "SET a 1", "ONCE u", "EXEC", "ONCE u"]) talker.say(line);
  await world.settle();
  assert.deepEqual(talker.heard(), [
    "OK",
    "QUEUED",
    "-ERR ONCE must be the first command after MULTI",
    "-EXECABORT Transaction discarded because of previous errors.",
    "-ERR ONCE must be the first command after MULTI",
  ]);
});

test("a token kept by a newer version is damage, not a free token and not another's", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  tryOnce(talker, "t");
  await world.settle();
  const { incarnation } = world.core.pipeline.keyspace.system;
  const record = world.core.pipeline.keyspace.record(incarnation, "default\0t");
  assert.ok(typeof record.value === "string");
  record.value = `\x02${record.value.slice(1)}`;
  talker.heard();
  tryOnce(talker, "t");
  talker.say("GET n");
  await world.settle();
  const heard = talker.heard();
  assert.match(heard.at(-2) ?? "", /^-(?:MISCONF|EXECABORT) .*does not decode/);
  assert.equal(heard.at(-1), '"1"');
});
