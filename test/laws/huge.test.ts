// What no string or array can hold is refused to who asked for it, and nobody else notices.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld } from "../support/world.ts";

test("a command whose result cannot be made is refused, and leaves nothing behind", async () => {
  await using world = await openWorld({ limits: { stringBytesMax: Infinity } });
  const talker = world.connect();
  const long = "x".repeat(300_000);
  talker.send(["MSET", "a", long, "b", long]);
  for (const line of ["LCS a b", "MULTI", "SET n 1", "LCS a b", "EXEC", "DBSIZE"]) talker.say(line);
  await world.settle();
  const heard = talker.heard();
  assert.match(heard[1] ?? "", /^-ERR .* larger than the machine can hold/);
  assert.match(heard.at(-2) ?? "", /^\[ OK, -ERR .* larger than the machine can hold \]$/);
  assert.equal(heard.at(-1), "3");
});

test("MONITOR shows the beginning of what is too long to show, and the server goes on", async () => {
  await using world = await openWorld();
  const [monitor, talker] = [world.connect(), world.connect()];
  monitor.say("MONITOR");
  talker.send(["SET", "k", "\xff".repeat(200 * 1024 * 1024), "NX"]);
  await world.settle();
  assert.deepEqual(talker.heard(), ["OK"]);
  const shown = monitor.heard().at(-1) ?? "";
  assert.ok(shown.length < 5 * 1024 * 1024);
  assert.match(shown.slice(-60), /\.\.\. \(\d+ more bytes\) \.\.\. \(1 more arguments\)$/);
});
