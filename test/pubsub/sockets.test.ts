// Pub/sub over real sockets: a subscriber that leaves, one that does not read, and many messages.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Reply } from "../../src/resp/reply.ts";
import { startKept } from "../support/kept.ts";
import { request, until } from "../support/raw-client.ts";

test("messages arrive whole and in the order of their publisher", async () => {
  await using kept = await startKept();
  const subscriber = await kept.client();
  const publisher = await kept.client();
  assert.deepEqual(await subscriber.say("SUBSCRIBE a"), ["subscribe", "a", 1]);
  const count = 5000;
  let bytes = "";
  for (let number = 0; number < count; number++) {
    bytes += request("PUBLISH", "a", String(number));
    if (number % 7 === 0) bytes += request("SET", "k", "v");
  }
  const replies = await publisher.pipeline(bytes, count + Math.ceil(count / 7));
  assert.equal(replies.filter((reply) => reply === 1).length, count);
  const messages = await subscriber.readReplies(count);
  const expected: Reply[] = [];
  for (let number = 0; number < count; number++) expected.push(["message", "a", String(number)]);
  assert.deepEqual(messages, expected);
});

test("who is disconnected is not counted any more", async () => {
  await using kept = await startKept();
  const subscriber = await kept.client();
  const publisher = await kept.client();
  await subscriber.say("SUBSCRIBE a");
  assert.equal(await publisher.say("PUBLISH a 1"), 1);
  subscriber[Symbol.dispose]();
  await until("the server has noticed", () => kept.core.hub.isDeaf);
  assert.equal(await publisher.say("PUBLISH a 1"), 0);
});

test("a subscriber that does not read is cut at the pubsub limit, and nobody else", async () => {
  const unlimited = { hardBytes: 0, softBytes: 0, softMs: 0 };
  await using kept = await startKept({
    connection: {
      output: { normal: unlimited, pubsub: { hardBytes: 1_000_000, softBytes: 0, softMs: 0 } },
    },
  });
  const slow = await kept.client();
  const quick = await kept.client();
  const publisher = await kept.client();
  await slow.say("SUBSCRIBE a");
  await quick.say("SUBSCRIBE a");
  slow.socket.pause();
  const payload = "x".repeat(100_000);
  let sent = 0;
  while ((await publisher.send("PUBLISH", "a", payload)) === 2) {
    sent++;
    assert.ok(sent < 1000, "it is never cut");
    await quick.readReplies(1);
  }
  assert.ok(sent >= 10);
  await quick.readReplies(1);
  assert.equal(await publisher.say("PUBLISH a end"), 1);
  assert.deepEqual(await quick.readReply(), ["message", "a", "end"]);
  assert.equal(kept.core.stats.clientOutputBufferLimitDisconnections, 1);
});
