// What a batch waits for, and what it does not wait for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ManualClock } from "../base/clock.ts";
import { Gathering } from "./gathering.ts";

const FSYNC_US = 400;

/** After commits that took as long as a disk takes, with `waiting` connections waiting at their end. */
function accustomed(waiting: number): { clock: ManualClock; gathering: Gathering } {
  const clock = new ManualClock(1000);
  const gathering = new Gathering(clock);
  for (let n = 0; n < 50; n++) gathering.committed(waiting, FSYNC_US);
  return { clock, gathering };
}

test("a batch waits for those who were answered last, and no longer", () => {
  const { gathering } = accustomed(48);
  assert.equal(gathering.waits(20), true);
  assert.equal(gathering.waits(44), true);
  assert.equal(gathering.waits(45), false, "one in sixteen may stay away");
});

test("one client alone never waits", () => {
  const { gathering } = accustomed(1);
  assert.equal(gathering.waits(1), false);
  assert.equal(gathering.waits(0), false);
});

test("nothing waits before the first fsync has shown what it costs", () => {
  assert.equal(new Gathering(new ManualClock(1000)).waits(1), false);
});

test("a wait ends when it is no longer worth an fsync, and is not tried again at once", () => {
  const { clock, gathering } = accustomed(48);
  assert.equal(gathering.waits(20), true);
  clock.advance(2);
  assert.equal(gathering.waits(20), false, "in vain");
  for (let n = 0; n < 15; n++) {
    gathering.committed(48, FSYNC_US);
    assert.equal(gathering.waits(20), false, `rests after ${n + 1} commits`);
  }
  gathering.committed(48, FSYNC_US);
  assert.equal(gathering.waits(20), true, "tries again");
  clock.advance(2);
  assert.equal(gathering.waits(20), false);
  for (let n = 0; n < 31; n++) gathering.committed(48, FSYNC_US);
  assert.equal(gathering.waits(20), false, "rests twice as long");
  gathering.committed(48, FSYNC_US);
  assert.equal(gathering.waits(20), true);
});
