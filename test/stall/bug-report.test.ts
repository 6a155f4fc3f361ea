// The bug this database exists to make impossible (Kvrocks 2992), against a real RocksDB that
// refuses batches: a transaction pipelined into the stall answers exactly one reply of the
// announced shape, nothing of it is applied, and whoever only reads does not notice.
//
// Method: both recipes of a stall, a real server, raw sockets, and the bytes compared one by one.
// Clients that wait for a key have a file of their own (blocked.test.ts).

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, NULL_ARRAY, OK, PONG, QUEUED, Push } from "../../src/resp/reply.ts";
import { expectExactSize, readAll, untilTaken } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import { ServerProcess } from "../support/process.ts";
import { PERMANENT_STALL, TRANSIENT_STALL } from "./recipes.ts";
import { execRefusal, flood, plainRefusal, recordBytes, startByRecipe } from "./stalled-server.ts";

const TRANSACTION: Bytes =
  request("MULTI") +
  request("GET", "committed") +
  request("SET", "a", "b") +
  request("GET", "a") +
  request("GET", "other") +
  request("INCR", "n") +
  request("EXEC") +
  request("PING");
const QUEUED_BYTES: Bytes = `+OK\r\n${"+QUEUED\r\n".repeat(5)}`;
const REPLY_COUNT = 8;
const REFUSED = execRefusal(PERMANENT_STALL);

const ANSWERS: Readonly<Record<string, Bytes>> = {
  attributed: `*5\r\n$2\r\nv1\r\n-${REFUSED}\r\n-${REFUSED}\r\n$2\r\nv2\r\n-${REFUSED}\r\n`,
  every: `*5\r\n${`-${REFUSED}\r\n`.repeat(5)}`,
  abort: `-${REFUSED}\r\n`,
};

/** What the transaction reads and must not change. */
async function prepare(client: RawClient): Promise<void> {
  assert.deepEqual(await client.say("SET committed v1"), OK);
  assert.deepEqual(await client.say("SET other v2"), OK);
  assert.deepEqual(await client.say("SET n 5"), OK);
}

/** Nothing of the transaction is there, for its own connection and for everybody else. */
async function expectUnchanged(client: RawClient): Promise<void> {
  assert.deepEqual(await client.say("MGET committed other a n"), ["v1", "v2", null, "5"]);
  const keys = await expectExactSize(client);
  assert.ok(!keys.has("a"), "a refused key is found by SCAN");
}

for (const protocol of [2, 3] as const) {
  for (const [mode, answer] of Object.entries(ANSWERS)) {
    test(`exec-failure-reply ${mode}, RESP${protocol}: one reply of the announced shape, nothing applied`, async () => {
      await using stalled = await startByRecipe(PERMANENT_STALL, { "exec-failure-reply": mode });
      const client = await stalled.client(protocol);
      await prepare(client);
      const acknowledged = await flood(client, PERMANENT_STALL);

      const { taken } = recordBytes(client);
      await client.pipeline(TRANSACTION, REPLY_COUNT);
      assert.equal(taken(), `${QUEUED_BYTES}${answer}+PONG\r\n`);

      await expectUnchanged(client);
      const other = await stalled.client(protocol);
      await expectUnchanged(other);
      assert.equal(await other.send("DBSIZE"), acknowledged.length + 3);
    });
  }
}

test("reads go on in the stall: plain ones, those of an EXEC, and those of 20 connections", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL);
  const client = await stalled.client();
  await prepare(client);
  const [first = "", ...more] = await flood(client, PERMANENT_STALL);
  const exec = request("MULTI") + request("GET", "committed") + request("STRLEN", first);
  const replies = await client.pipeline(exec + request("EXEC"), 4);
  assert.deepEqual(replies.at(-1), ["v1", PERMANENT_STALL.valueBytes]);

  const readers = await Promise.all(Array.from({ length: 20 }, () => stalled.client()));
  await Promise.all(
    readers.map(async (reader, index) => {
      const values = await readAll(reader, more.slice(index * 50, index * 50 + 50));
      for (const value of values) {
        assert.equal(typeof value === "string" && value.length, PERMANENT_STALL.valueBytes);
      }
    }),
  );
  const refusal = new ErrorReply(plainRefusal(PERMANENT_STALL));
  assert.deepEqual(await client.say("SET a b"), refusal);
  assert.deepEqual(await client.say("DEL committed"), refusal);
  assert.equal(await client.say("DEL never-there"), 0);
  await expectUnchanged(client);
});

test("a stall that begins between queueing and EXEC is told like any other", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL);
  const early = await stalled.client();
  await prepare(early);
  assert.deepEqual(await early.say("MULTI"), OK);
  for (const line of ["GET committed", "SET a b", "GET a", "GET other", "INCR n"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.deepEqual(await early.say(line), QUEUED);
  }
  await flood(await stalled.client(), PERMANENT_STALL);
  const error = new ErrorReply(REFUSED);
  assert.deepEqual(await early.say("EXEC"), ["v1", error, error, "v2", error]);
  assert.deepEqual(await early.say("PING"), PONG);
  await expectUnchanged(early);
});

test("no subscriber and no watcher learns of a refused write", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL, { "notify-keyspace-events": "KEA" });
  const writer = await stalled.client();
  await prepare(writer);
  await flood(writer, PERMANENT_STALL);

  const listener = await stalled.client(3);
  await listener.say("PSUBSCRIBE __key*__:* news");
  await listener.readReply();
  const watcher = await stalled.client();
  assert.deepEqual(await watcher.say("WATCH a n committed"), OK);

  const refusal = new ErrorReply(plainRefusal(PERMANENT_STALL));
  for (const line of ["SET a b", "INCR n", "DEL committed", "EXPIRE n 100", "RENAME n a"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.deepEqual(await writer.say(line), refusal);
  }
  const exec = request("MULTI") + request("SET", "a", "b") + request("PUBLISH", "news", "lost");
  const told = await writer.pipeline(exec + request("EXEC"), 4);
  assert.deepEqual(told.at(-1), [new ErrorReply(REFUSED), new ErrorReply(REFUSED)]);

  assert.deepEqual(await watcher.say("MULTI"), OK);
  assert.deepEqual(await watcher.say("GET n"), QUEUED);
  assert.deepEqual(await watcher.say("EXEC"), ["5"]);

  // Publishing writes nothing, so it is taken; and nothing was told before it.
  assert.equal(await writer.say("PUBLISH news marker"), 1);
  const message = await listener.readReply();
  assert.deepEqual(message, new Push(["pmessage", "news", "news", "marker"]));
  listener.expectNothingUnread();
});

test("a watcher does learn of a write that was taken, in the same stall", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL);
  const writer = await stalled.client();
  await prepare(writer);
  const watcher = await stalled.client();
  await watcher.say("WATCH n");
  assert.equal(await writer.say("INCR n"), 6);
  await flood(writer, PERMANENT_STALL);
  const exec = request("MULTI") + request("GET", "n") + request("EXEC");
  assert.deepEqual((await watcher.pipeline(exec, 3)).at(-1), NULL_ARRAY);
});

test("a server that is killed and started again in its stall serves reads and tells writers", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL);
  const client = await stalled.client();
  await prepare(client);
  const acknowledged = await flood(client, PERMANENT_STALL);
  await stalled.server.kill();

  const { directives: settings } = PERMANENT_STALL;
  await using again = await ServerProcess.start({ dir: stalled.directory.path, settings });
  const reader = await again.client();
  const keys = await expectExactSize(reader);
  assert.equal(keys.size, acknowledged.length + 3);
  const values = await readAll(reader, acknowledged);
  assert.ok(values.every((value) => typeof value === "string"));
  await flood(reader, PERMANENT_STALL);
  const replies = await reader.pipeline(TRANSACTION, REPLY_COUNT);
  const error = new ErrorReply(REFUSED);
  assert.deepEqual(replies.slice(-2), [["v1", error, error, "v2", error], PONG]);
  await expectUnchanged(reader);
});

test("the transient stall refuses at once, applies nothing of it, and passes", async () => {
  await using stalled = await startByRecipe(TRANSIENT_STALL, {
    "exec-failure-reply": "attributed",
  });
  const client = await stalled.client();
  await prepare(client);
  const acknowledged = new Set(await flood(client, TRANSIENT_STALL));
  await untilTaken(client, "again");
  const keys = await expectExactSize(client);
  for (const key of keys) {
    assert.ok(
      acknowledged.has(key) || !key.startsWith("flood:"),
      `${key} was refused and is there`,
    );
  }
  for (const key of acknowledged) assert.ok(keys.has(key), `${key} was taken and is gone`);
});
