// Connections on real sockets: pipelining, limits, half-close, slow readers, bad input.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryEngine } from "../../src/engine/memory.ts";
import { ErrorReply, OK, PONG, Status } from "../../src/resp/reply.ts";
import { startKept } from "../support/kept.ts";
import { request, until } from "../support/raw-client.ts";

test("commands sent at once are answered in order", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const bytes = request("SET", "a", "1") + request("INCR", "a") + request("GET", "a") + "PING\r\n";
  assert.deepEqual(await client.pipeline(bytes, 4), [OK, 2, "2", PONG]);
});

test("a client that ends its side still gets every answer, and then the end", async () => {
  await using kept = await startKept();
  const client = await kept.client({ allowHalfOpen: true });
  client.write(request("SET", "a", "1") + request("GET", "a"));
  client.end();
  assert.deepEqual(await client.readUntilClosed(), [OK, "1"]);
  await until("the connection is forgotten", () => kept.server.connections.size === 0);
});

test("QUIT answers, closes, and nothing after it runs", async () => {
  await using kept = await startKept();
  const client = await kept.client({ allowHalfOpen: true });
  client.write(request("SET", "a", "1") + request("QUIT") + request("SET", "a", "2"));
  assert.deepEqual(await client.readUntilClosed(), [OK, OK]);
  const other = await kept.client();
  assert.equal(await other.say("GET a"), "1");
  // The client keeps its side open: it is not waited for.
  await until("the connection is forgotten", () => kept.server.connections.size === 1);
});

test("malformed input is answered with its error, and the connection closed", async () => {
  await using kept = await startKept();
  for (const [sent, expected] of [
    ["*1\r\n+PING\r\n", "ERR Protocol error: expected '$', got '+'"],
    ["*x\r\n", "ERR Protocol error: invalid multibulk length"],
    ['GET "a\r\n', "ERR Protocol error: unbalanced quotes in request"],
  ] as const) {
    const client = await kept.client();
    client.write(request("PING") + sent + request("PING"));
    assert.deepEqual(await client.readUntilClosed(), [PONG, new ErrorReply(expected)]);
  }
  await until("all are forgotten", () => kept.server.connections.size === 0);
});

test("one client too many is told so", async () => {
  await using kept = await startKept({ maxClients: 2 });
  const first = await kept.client();
  assert.deepEqual(await first.say("PING"), PONG);
  const second = await kept.client();
  assert.deepEqual(await second.say("PING"), PONG);
  const third = await kept.client();
  const refused = [new ErrorReply("ERR max number of clients reached")];
  assert.deepEqual(await third.readUntilClosed(), refused);
  assert.equal(kept.core.stats.rejectedConnections, 1);
  assert.deepEqual(await second.say("RESET"), new Status("RESET"));
});

test("a client that does not read is not served further, and others go on", async () => {
  await using kept = await startKept();
  const greedy = await kept.client();
  const size = 256 * 1024;
  await greedy.send("SET", "big", "x".repeat(size));
  greedy.socket.pause();
  const asked = 400;
  greedy.write(request("GET", "big").repeat(asked));
  const other = await kept.client();
  const [connection] = kept.server.connections.values();
  assert.ok(connection !== undefined);
  await until("the server stops serving it", () => connection.outputBytes > 1024 * 1024);
  const limit = 1024 * 1024 + 2 * size;
  for (let round = 0; round < 50; round++) {
    assert.deepEqual(await other.say("PING"), PONG);
    assert.ok(connection.outputBytes <= limit, `${connection.outputBytes} bytes wait`);
  }
  greedy.socket.resume();
  // One by one, so that what has a limit is a standstill and not the reading of 100 MB.
  for (let read = 0; read < asked; read++) {
    const reply = await greedy.readReply();
    assert.ok(typeof reply === "string" && reply.length === size);
  }
});

test("reads of what is not committed yet are bounded as well", async () => {
  const engine = new MemoryEngine();
  await using kept = await startKept({ engine, pipeline: { sync: true } });
  const client = await kept.client();
  const size = 100 * 1024;
  engine.holdAsync();
  const asked = 200;
  client.write(request("SET", "big", "x".repeat(size)) + request("GET", "big").repeat(asked));
  const [connection] = kept.server.connections.values();
  assert.ok(connection !== undefined);
  await until("the server stops serving it", () => connection.outputBytes > 1024 * 1024);
  const other = await kept.client();
  for (let round = 0; round < 50; round++) assert.deepEqual(await other.say("PING"), PONG);
  assert.ok(connection.outputBytes < 2 * 1024 * 1024, `${connection.outputBytes} bytes wait`);
  engine.stopHolding();
  assert.equal((await client.readReplies(asked + 1)).length, asked + 1);
});

test("input beyond the query buffer limit closes the connection", async () => {
  await using kept = await startKept({ connection: { queryBufferBytesMax: 100_000 } });
  const client = await kept.client();
  client.write(`*2\r\n$4\r\nECHO\r\n$200000\r\n${"x".repeat(150_000)}`);
  await client.expectClosed();
  assert.equal(kept.core.stats.clientQueryBufferLimitDisconnections, 1);
});

test("half of a long argument is let go with the client who has sent it", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  client.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n${"x".repeat(4_000_000)}`);
  const [connection] = kept.server.connections.values();
  assert.ok(connection !== undefined);
  await until("it has come", () => connection.inputBytes > 3_900_000);
  client.socket.destroy();
  await until("it is let go", () => kept.server.connections.size === 0);
  assert.ok(connection.inputBytes < 100_000, `${connection.inputBytes} bytes are kept`);
});

test("a subscriber that does not read is closed at the output limit", async () => {
  const pubsub = { hardBytes: 512 * 1024, softBytes: 0, softMs: 0 };
  const normal = { hardBytes: 0, softBytes: 0, softMs: 0 };
  await using kept = await startKept({ connection: { output: { normal, pubsub } } });
  const [subscriber, publisher] = [await kept.client(), await kept.client()];
  await subscriber.say("SUBSCRIBE news");
  subscriber.socket.pause();
  const message = "x".repeat(100_000);
  for (let sent = 0; kept.server.connections.size === 2; sent++) {
    assert.ok(sent < 1000, "the subscriber is never closed");
    await publisher.send("PUBLISH", "news", message);
  }
  assert.equal(kept.core.stats.clientOutputBufferLimitDisconnections, 1);
  assert.equal(await publisher.say("PUBLISH news x"), 0);
});

test("a reply refused after CLIENT REPLY OFF and HELLO 3 is still given, as RESP2", async () => {
  const engine = new MemoryEngine();
  await using kept = await startKept({ engine, pipeline: { sync: true } });
  const client = await kept.client();
  engine.holdAsync();
  engine.refuseCommits("stall", 1);
  client.write(
    request("MULTI") +
      request("SET", "a", "1") +
      request("GET", "nothing") +
      request("EXEC") +
      request("HELLO", "3") +
      request("CLIENT", "REPLY", "OFF"),
  );
  assert.equal((await client.readReplies(3)).length, 3);
  const [connection] = kept.server.connections.values();
  await until("all has run", () => connection?.session.replyMode === "off");
  engine.stopHolding();
  const [exec] = await client.readReplies(2);
  assert.ok(Array.isArray(exec) && exec.length === 2);
  assert.ok(exec[0] instanceof ErrorReply);
  assert.equal(exec[1], null);
});

test("a reply beyond the output limit of normal clients is not begun; others go on", async () => {
  const normal = { hardBytes: 100_000, softBytes: 0, softMs: 0 };
  const pubsub = { hardBytes: 0, softBytes: 0, softMs: 0 };
  await using kept = await startKept({ connection: { output: { normal, pubsub } } });
  const [greedy, other] = [await kept.client(), await kept.client()];
  await other.send("SET", "big", "x".repeat(10_000));
  // Together they are too much, though each of them alone is not.
  greedy.write(request("GET", "big").repeat(15));
  await greedy.expectClosed();
  assert.equal(kept.core.stats.clientOutputBufferLimitDisconnections, 1);
  assert.deepEqual(await other.say("PING"), PONG);
  assert.equal(await other.say("STRLEN big"), 10_000);
});

test("a connection that is over its soft limit is closed when its time is over, nothing being sent", async () => {
  const normal = { hardBytes: 0, softBytes: 1000, softMs: 1 };
  const pubsub = { hardBytes: 0, softBytes: 0, softMs: 0 };
  await using kept = await startKept({ connection: { output: { normal, pubsub } } });
  const [greedy, other] = [await kept.client(), await kept.client()];
  await other.send("SET", "big", "x".repeat(20_000_000));
  const [connection] = kept.server.connections.values();
  assert.ok(connection !== undefined);
  greedy.socket.pause();
  greedy.write(request("GET", "big"));
  await until("it takes no more", () => connection.outputBytes > 1000);
  await until("it is closed", () => {
    kept.server.closeSilent();
    return kept.server.connections.size === 1;
  });
  assert.equal(kept.core.stats.clientOutputBufferLimitDisconnections, 1);
});
