// What hostile input has found, each as the shortest way to show it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { sealed } from "../../src/encoding/rdb.ts";
import { openWorld } from "../support/world.ts";

test("a restored stream whose group has read more entries than there are numbers is told of", async () => {
  await using world = await openWorld();
  const client = world.connect();
  client.say("XADD k 1-1 f v");
  client.say("XGROUP CREATE k g 0 ENTRIESREAD 9007199254740991");
  client.say("DUMP k");
  await world.settle();
  const dump = client.replies.at(-1);
  assert.ok(typeof dump === "string");
  // It ends in a footer of ten bytes, which is made anew.
  const most = "\x81\x00\x1f\xff\xff\xff\xff\xff\xff";
  assert.ok(dump.includes(most));
  const bent = dump.replace(most, `\x81${"\xff".repeat(7)}\xfe`).slice(0, -10);
  client.send(["RESTORE", "k", "0", sealed(bent, 10), "REPLACE"]);
  client.say("XINFO STREAM k FULL");
  client.say("XINFO GROUPS k");
  await world.settle();
  assert.match(client.heard().slice(-1).join(), /"entries-read", 9007199254740991/);
});
