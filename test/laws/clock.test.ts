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
