// Commands of one turn of the event loop take no more than their share; who is put off goes on in the
// turns behind it, in order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ManualClock } from "../base/clock.ts";
import { Stats } from "../observe/stats.ts";
import { TurnShare } from "./turn-share.ts";

interface World {
  readonly stats: Stats;
  readonly clock: ManualClock;
  readonly share: TurnShare;
}

function world(): World {
  const stats = new Stats();
  const clock = new ManualClock(0);
  return { stats, clock, share: new TurnShare(stats, clock) };
}

test("commands are run until they have taken their share, and again in the next turn", () => {
  const { stats, clock, share } = world();
  let ran = 0;
  while (!share.isUsedUp) {
    stats.commandsUs += 100;
    ran++;
  }
  assert.equal(ran, 30);
  assert.ok(share.isUsedUp);
  clock.endTurn();
  assert.ok(!share.isUsedUp);
});

test("turns of short commands never add up to a used share", () => {
  const { stats, clock, share } = world();
  for (let turn = 0; turn < 10_000; turn++) {
    assert.ok(!share.isUsedUp);
    stats.commandsUs += 400;
    clock.endTurn();
  }
});

test("the end of a turn is asked for only when much has been run", () => {
  const { stats, clock, share } = world();
  stats.commandsUs += 400;
  assert.ok(!share.isUsedUp);
  assert.ok(!clock.endTurn(), "nobody asked");
  stats.commandsUs += 200;
  assert.ok(!share.isUsedUp);
  assert.ok(clock.endTurn());
});

test("those put off go on in order, in as many turns as they need", () => {
  const { stats, clock, share } = world();
  const ran: number[] = [];
  const turns: number[] = [];
  for (let index = 0; index < 10; index++) {
    share.putOff({
      goOn: () => {
        stats.commandsUs += 1000;
        ran.push(index);
      },
    });
  }
  while (clock.endTurn()) turns.push(ran.length);
  assert.deepEqual(ran, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(turns.slice(0, 4), [3, 6, 9, 10]);
});

test("who is put off again while others wait comes behind them", () => {
  const { stats, clock, share } = world();
  const ran: string[] = [];
  const long = {
    goOn: (): void => {
      ran.push("long");
      stats.commandsUs += 3000;
      if (ran.length < 6) share.putOff(long);
    },
  };
  share.putOff(long);
  share.putOff({ goOn: () => ran.push("short") });
  while (clock.endTurn()) continue;
  assert.deepEqual(ran.slice(0, 3), ["long", "short", "long"]);
});

test("CONFIG RESETSTAT, which sets the sum back, gives a whole share", () => {
  const { stats, share } = world();
  stats.commandsUs = 1e9;
  assert.ok(share.isUsedUp);
  stats.commandsUs = 0;
  assert.ok(!share.isUsedUp);
  stats.commandsUs = 3100;
  assert.ok(share.isUsedUp, "counted from the reset on");
});
