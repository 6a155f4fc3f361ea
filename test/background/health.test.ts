// What the server's log tells of the engine's health.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HealthWatcher } from "../../src/background/health.ts";
import { Log } from "../../src/observe/log.ts";
import { openWorld } from "../support/world.ts";

test("an error of the engine that has passed before the next round is told all the same", async () => {
  await using world = await openWorld();
  const lines: string[] = [];
  const log = new Log({
    write: (line) => lines.push(line),
    nowMs: () => 0,
    processId: 1,
  });
  const { pipeline } = world.core;
  const watcher = new HealthWatcher({ pipeline, clock: world.clock, log, onBug: () => {} });
  const talker = world.connect();
  world.engine.unknownCommits("applied", 1);
  talker.say("SET k v");
  await world.settle();
  assert.deepEqual(talker.heard(), ["OK"]);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /The storage engine refuses writes: /u);
  assert.match(lines[1] ?? "", /The storage engine has recovered: writes are taken again\./u);
  await watcher.round();
  assert.equal(lines.length, 2, "it is told once");
});
