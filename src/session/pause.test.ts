import assert from "node:assert/strict";
import { test } from "node:test";

import { ManualClock } from "../base/clock.ts";
import { ClientPause } from "./pause.ts";

test("a later pause never shortens or loosens the one there is", () => {
  const clock = new ManualClock(1000);
  const pause = new ClientPause(clock);
  pause.begin("all", 2000);
  pause.begin("write", 1500);
  assert.equal(pause.kind, "all");
  clock.advance(600);
  assert.equal(pause.kind, "all");
  pause.begin("write", 3000);
  clock.advance(1000);
  assert.equal(pause.kind, "all");
  clock.advance(400);
  assert.equal(pause.kind, "none");
});

test("who waits goes on in order, at the end of the turn in which the pause ends", () => {
  const clock = new ManualClock(1000);
  const pause = new ClientPause(clock);
  const resumed: string[] = [];
  pause.begin("write", 2000);
  pause.wait(() => resumed.push("first"));
  pause.wait(() => resumed.push("second"));
  pause.end();
  assert.deepEqual(resumed, []);
  clock.endTurn();
  assert.deepEqual(resumed, ["first", "second"]);
  assert.equal(clock.nextTimerMs(), null);
});

test("a pause longer than a timer may be is as long as it was asked for", () => {
  const clock = new ManualClock(0);
  const pause = new ClientPause(clock);
  const endMs = 2 ** 33;
  pause.begin("all", endMs);
  clock.advance(endMs - 1);
  assert.equal(pause.kind, "all");
  clock.advance(1);
  assert.equal(pause.kind, "none");
});
