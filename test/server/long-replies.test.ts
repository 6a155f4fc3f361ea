// Law 2: replies of megabytes leave in pieces, over many turns of the event loop. They are whole and in their
// place whatever happens meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorReply, PONG, type Reply } from "../../src/resp/reply.ts";
import { startKept } from "../support/kept.ts";
import { request, until } from "../support/raw-client.ts";

const LONG = "0123456789abcdef".repeat(200_000);
const MEMBERS = Array.from({ length: 50_000 }, (_, index) => `member ${index}`);

function membersOf(reply: Reply | undefined): Set<Reply> {
  assert.ok(typeof reply === "object" && reply !== null);
  const items = Array.isArray(reply) ? reply : "items" in reply ? reply.items : [];
  const members = new Set(items);
  assert.equal(members.size, items.length);
  return members;
}

const ALL: ReadonlySet<Reply> = new Set(MEMBERS);

for (const protocol of ["2", "3"]) {
  test(`long and short replies of a pipeline come whole and in order, RESP${protocol}`, async () => {
    await using kept = await startKept({ engine: "rocksdb" });
    const client = await kept.client();
    await client.send("HELLO", protocol);
    await client.send("SET", "long", LONG);
    await client.send("SADD", "set", ...MEMBERS);
    const pipeline = [
      request("GET", "long"),
      request("PING"),
      request("SMEMBERS", "set"),
      request("SET", "short", "1"),
      request("MULTI"),
      request("GET", "long"),
      request("GET", "short"),
      request("EXEC"),
      request("GET", "long"),
    ];
    client.write(pipeline.join(""));
    const replies = await client.readReplies(pipeline.length);
    const [long, ping, members, , , , , exec, again] = replies;
    assert.ok(long === LONG && again === LONG);
    assert.deepEqual(ping, PONG);
    assert.deepEqual(membersOf(members), ALL);
    assert.ok(Array.isArray(exec) && exec[0] === LONG && exec[1] === "1");
  });
}

test("a reply is what it was when the command ran, though the key is changed while it leaves", async () => {
  await using kept = await startKept({ engine: "rocksdb" });
  const slow = await kept.client();
  const other = await kept.client();
  await other.send("SADD", "set", ...MEMBERS);
  await other.send("SET", "long", LONG);
  await other.send("RPUSH", "list", ...MEMBERS);
  slow.socket.pause();
  for (const words of [
    ["SMEMBERS", "set"],
    ["GET", "long"],
    ["LRANGE", "list", "0", "-1"],
  ]) {
    slow.write(request(...words).repeat(4));
  }
  const [connection] = kept.server.connections.values();
  await until("much of it waits", () => (connection?.outputBytes ?? 0) > 512 * 1024);
  await other.send("SREM", "set", ...MEMBERS.slice(0, 40_000));
  slow.socket.resume();
  const [first, second] = await slow.readReplies(2);
  assert.deepEqual(membersOf(first), ALL);
  assert.ok([50_000, 10_000].includes(membersOf(second).size));
  const rest = await slow.readReplies(10);
  assert.ok(rest.slice(2, 6).every((reply) => reply === LONG));
  for (const reply of rest.slice(6)) assert.deepEqual(reply, MEMBERS);
});

test("QUIT behind a long reply closes when all of it has left", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await client.send("SET", "long", LONG);
  client.write(request("GET", "long") + request("QUIT"));
  const replies = await client.readUntilClosed();
  assert.equal(replies.length, 2);
  assert.ok(replies[0] === LONG);
});

test("who goes in the middle of a long reply leaves nothing behind", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await client.send("SET", "long", LONG);
  client.socket.pause();
  client.write(request("GET", "long").repeat(3));
  const [connection] = kept.server.connections.values();
  await until("some of it waits", () => (connection?.outputBytes ?? 0) > 0);
  client.socket.destroy();
  await until("it is gone", () => kept.server.connections.size === 0);
  assert.equal(connection?.outputBytes, 0);
});

test("a long argument is read in whatever pieces it comes", async () => {
  await using kept = await startKept({ engine: "rocksdb" });
  const client = await kept.client();
  const bytes = request("MSET", "a", LONG, "b", "1", "c", LONG) + request("GET", "c");
  for (let from = 0; from < bytes.length;) {
    const size = 1 + ((from * 7919) % 300_000);
    client.write(bytes.slice(from, from + size));
    from += size;
    // oxlint-disable-next-line no-await-in-loop -- one piece after the other
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const [ok, value] = await client.readReplies(2);
  assert.ok(!(ok instanceof ErrorReply));
  assert.ok(value === LONG);
  assert.ok((await client.send("GET", "a")) === LONG);
  await kept.engine.flush();
  kept.core.pipeline.keyspace.dropCache();
  assert.ok((await client.send("GET", "a")) === LONG, "from the disk");
});
