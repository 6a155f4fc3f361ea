// Connections on real sockets: pipelining, limits, half-close, slow readers, bad input.

import assert from "node:assert/strict";
import { test } from "node:test";

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
