// The wall clock jumps when somebody sets it; patience is measured by the clock that does not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ManualClock } from "../../src/base/clock.ts";
import { START_MS, openWorld } from "../support/world.ts";

/** A manual clock whose wall can be set back. */
class JumpingClock extends ManualClock {
  behindMs = 0;

  override nowMs(): number {
    return super.nowMs() - this.behindMs;
  }
}

test("a writer waits no longer for a stall when the wall clock is set back", async () => {
  const clock = new JumpingClock(START_MS);
  await using world = await openWorld({ clock, pipeline: { stallWaitMs: 500 } });
  const writer = world.connect();
  world.engine.stall("stopped");
  writer.say("SET k v");
  await world.settle();
  clock.behindMs = 3_600_000;
  clock.advance(400);
  await world.settle();
  assert.deepEqual(writer.heard(), []);
  clock.advance(200);
  await world.settle();
  assert.match(writer.heard().join(), /^-TRYAGAIN/);
});

test("who waits for a key waits as long as he said, however the wall clock jumps", async () => {
  for (const jumpMs of [3_600_000, -3_600_000]) {
    const clock = new JumpingClock(START_MS);
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    await using world = await openWorld({ clock });
    const client = world.connect();
    client.say("BLPOP nothing 2");
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    await world.settle();
    clock.behindMs = jumpMs;
    clock.advance(1900);
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    await world.settle();
    assert.deepEqual(client.heard(), [], "too early");
    clock.advance(200);
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    await world.settle();
    assert.equal(client.heard().length, 1);
  }
});

test("keys die by the wall clock: later when it is set back, at once when it is set forth", async () => {
  const clock = new JumpingClock(START_MS);
  await using world = await openWorld({ clock });
  const client = world.connect();
  for (const line of ["SET k v EX 100", "SET stays v", "HSET h f v", "HEXPIRE h 100 FIELDS 1 f"]) {
    client.say(line);
  }
  clock.behindMs = 3_600_000;
  for (const line of ["GET k", "TTL k", "HGET h f", "SET new v EX 50", "TTL new"]) client.say(line);
  await world.settle();
  assert.deepEqual(client.heard().slice(4), ['"v"', "3700", '"v"', "OK", "50"]);
  clock.behindMs = -3_600_000;
  for (const line of ["GET k", "GET new", "HGET h f", "GET stays", "DBSIZE"]) client.say(line);
  await world.settle();
  assert.deepEqual(client.heard().slice(0, 4), ["nil", "nil", "nil", '"v"']);
  // What has died is dead, though its time lies in the future again.
  clock.behindMs = 0;
  for (const line of ["GET stays", "SET k w EX 10", "TTL k"]) client.say(line);
  await world.settle();
  assert.deepEqual(client.heard().slice(-3), ['"v"', "OK", "10"]);
});

test("IDs of a stream grow though the wall clock is set back", async () => {
  const clock = new JumpingClock(START_MS);
  await using world = await openWorld({ clock });
  const client = world.connect();
  client.say("XADD s * f v");
  clock.behindMs = 3_600_000;
  client.say("XADD s * f v");
  await world.settle();
  assert.deepEqual(client.heard(), [`"${START_MS}-0"`, `"${START_MS}-1"`]);
});
