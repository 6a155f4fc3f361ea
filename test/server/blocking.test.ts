// Waiting for keys on real sockets: what a connection that goes leaves behind, what INFO and CLIENT tell,
// and that what was sent behind a blocked command waits for it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NULL_ARRAY, OK, PONG, type Reply } from "../../src/resp/reply.ts";
import { BLOCKING_COMMANDS } from "../support/blocking-commands.ts";
import { startKept, type Kept } from "../support/kept.ts";
import { request, until, type RawClient } from "../support/raw-client.ts";

function start(): Promise<Kept> {
  return startKept({ commands: BLOCKING_COMMANDS });
}

/** A client that waits for the first field of `h`. */
async function waiting(kept: Kept, line = "TAKE h 0"): Promise<RawClient> {
  const client = await kept.client({ allowHalfOpen: true });
  const { blocked } = kept.core.host;
  const before = blocked.count;
  client.write(request(...line.split(" ")));
  await until("it waits", () => blocked.count === before + 1);
  return client;
}

function field(text: Reply, name: string): string | undefined {
  assert.ok(typeof text === "string" || (typeof text === "object" && text !== null));
  const plain = typeof text === "string" ? text : "text" in text ? text.text : "";
  return new RegExp(`^${name}:(.*)\r$`, "m").exec(plain)?.[1];
}

test("what was sent behind a blocked command waits for it", async () => {
  await using kept = await start();
  const client = await waiting(kept);
  client.write(request("PING") + request("SET", "mine", "1"));
  const other = await kept.client();
  assert.equal(await other.say("EXISTS mine"), 0);
  assert.equal(await other.say("HSET h a 1"), 1);
  assert.deepEqual(await client.readReplies(3), [["h", "a"], PONG, OK]);
});

test("who has gone, in whatever way, gets nothing", async () => {
  await using kept = await start();
  const ways: [string, (client: RawClient, other: RawClient) => Promise<void>][] = [
    ["ends his side", async (client) => void client.socket.end()],
    ["is cut off", async (client) => void client.socket.resetAndDestroy()],
  ];
  for (const [words, go] of ways) {
    const leaving = await waiting(kept);
    const staying = await waiting(kept);
    const other = await kept.client();
    await go(leaving, other);
    await until(words, () => kept.core.host.blocked.count === 1);
    assert.equal(await other.say("HSET h a 1"), 1);
    assert.deepEqual(await staying.readReply(), ["h", "a"], words);
  }
});

test("who is killed gets nothing, not even what comes in the same breath", async () => {
  await using kept = await start();
  const leaving = await waiting(kept);
  const other = await kept.client();
  const id = [...kept.server.connections.values()][0]?.session.id;
  assert.ok(id !== undefined);
  const lines = request("CLIENT", "KILL", "ID", String(id)) + request("HSET", "h", "a", "1");
  assert.deepEqual(await other.pipeline(lines, 2), [1, 1]);
  assert.equal(await other.say("HLEN h"), 1);
  assert.deepEqual(await leaving.readUntilClosed(), []);
});

test("INFO and CLIENT LIST tell of who waits", async () => {
  await using kept = await start();
  const other = await kept.client();
  await other.say("HSET i a 1");
  await waiting(kept);
  await waiting(kept, "TAKE h j 0");
  await waiting(kept, "GUARD i f 0");
  const info = await other.say("INFO clients");
  assert.equal(field(info, "blocked_clients"), "3");
  assert.equal(field(info, "total_blocking_keys"), "3");
  assert.equal(field(info, "total_blocking_keys_on_nokey"), "1");
  const list = await other.say("CLIENT LIST");
  assert.ok(typeof list === "string");
  assert.equal(list.match(/ flags=b /g)?.length, 3);
});

test("CLIENT UNBLOCK inside EXEC ends a wait, and what follows runs after the EXEC", async () => {
  await using kept = await start();
  const client = await waiting(kept);
  client.write(request("SET", "mine", "1"));
  const id = String([...kept.server.connections.values()][0]?.session.id);
  const other = await kept.client();
  const lines =
    request("MULTI") +
    request("CLIENT", "UNBLOCK", id) +
    request("EXISTS", "mine") +
    request("EXEC");
  const replies = await other.pipeline(lines, 4);
  assert.deepEqual(replies.at(-1), [1, 0]);
  assert.deepEqual(await client.readReplies(2), [NULL_ARRAY, OK]);
});

test("the server stops while clients wait", async () => {
  const kept = await start();
  const client = await waiting(kept);
  const closed = client.readUntilClosed();
  await kept.server.stop();
  assert.deepEqual(await closed, []);
  await kept.stop();
  assert.deepEqual(kept.bugs, []);
});
