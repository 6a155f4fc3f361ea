// Long turns are counted, kept for a minute, and put together with what ran in them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LoopTurns } from "./loop-turns.ts";

test("the longest turn is kept, and that of the last minute", () => {
  const turns = new LoopTurns();
  turns.longest(30_000, 100);
  turns.longest(2000, 100);
  turns.longest(5000, 130);
  assert.equal(turns.longestUs, 30_000);
  assert.equal(turns.lastMinuteUs(159), 30_000);
  assert.equal(turns.lastMinuteUs(160), 5000);
  assert.equal(turns.lastMinuteUs(190), 0);
  // The place of a second is used again a minute later.
  turns.longest(700, 160);
  assert.equal(turns.lastMinuteUs(160), 5000);
  assert.equal(turns.lastMinuteUs(190), 700);
});

test("a long turn tells what ran in it, the dearest first", () => {
  const turns = new LoopTurns();
  turns.note("command:get", 1000, 2500);
  turns.note("gc:minor", 49_000, 3000);
  turns.note("command:lrange", 50_000, 20_000);
  turns.note("command:wait", 51_000, 90_000);
  turns.note("command:del", 80_000, 4000);
  const said = turns.long({ endUs: 52_000, turnUs: 25_000, processorUs: 24_000 });
  assert.equal(said, "usec=25000,processor=24000,command:lrange=20000,gc:minor=3000");
  assert.equal(turns.lastLong, said);
  const next = turns.long({ endUs: 82_000, turnUs: 11_000, processorUs: 11_000 });
  assert.equal(next, "usec=11000,processor=11000,command:del=4000");
});

test("turns without a processor and turns of garbage are counted apart", () => {
  const turns = new LoopTurns();
  turns.long({ endUs: 100_000, turnUs: 20_000, processorUs: 9999 });
  turns.note("gc:major", 199_000, 15_000);
  turns.long({ endUs: 200_000, turnUs: 20_000, processorUs: 20_000 });
  turns.long({ endUs: 300_000, turnUs: 20_000, processorUs: 20_000 });
  const { longCount, offProcessorCount, garbageCount } = turns;
  assert.deepEqual(
    { longCount, offProcessorCount, garbageCount },
    {
      longCount: 3,
      offProcessorCount: 1,
      garbageCount: 1,
    },
  );
});

test("a reset forgets all but what is still to be told of", () => {
  const turns = new LoopTurns();
  turns.longest(30_000, 100);
  turns.long({ endUs: 100_000, turnUs: 30_000, processorUs: 0 });
  turns.note("gc:minor", 149_000, 6000);
  turns.reset();
  assert.deepEqual([turns.longestUs, turns.longCount, turns.offProcessorCount], [0, 0, 0]);
  assert.deepEqual([turns.lastMinuteUs(100), turns.lastLong], [0, ""]);
  assert.match(turns.long({ endUs: 150_000, turnUs: 11_000, processorUs: 0 }), /gc:minor=6000/);
});

test("a reset in the first minute of the clock forgets as well", () => {
  const turns = new LoopTurns();
  turns.longest(30_000, 1);
  turns.reset();
  assert.equal(turns.lastMinuteUs(2), 0);
});

test("what nobody asks for does not pile up", () => {
  const turns = new LoopTurns();
  for (let index = 0; index < 1000; index++) turns.note("command:x", index, 1);
  const said = turns.long({ endUs: 1000, turnUs: 2000, processorUs: 2000 });
  assert.equal(said, "usec=2000,processor=2000,command:x=1,command:x=1,command:x=1");
});
