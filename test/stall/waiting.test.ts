// write-stall-policy wait: writers queue for a bounded time while readers go on, and when the stall
// has not passed by then they are refused as truthfully as at once. When it does pass: clearing.test.ts.
//
// The recipes without no_slowdown, which would mean the policy `fail`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorReply, PONG } from "../../src/resp/reply.ts";
import { expectExactSize } from "../support/queries.ts";
import { request } from "../support/raw-client.ts";
import { PERMANENT_STALL } from "./recipes.ts";
import { execRefusal, flood, plainRefusal, startByRecipe } from "./stalled-server.ts";

const WAIT_MS = 1500;
/** Timers are early by a millisecond now and then; and the stall is met a little after the write. */
const EARLY_MS = 50;
const POLICY = {
  "rocksdb.write_options.no_slowdown": "no",
  "write-stall-policy": `wait ${WAIT_MS}`,
};

test("wait: a writer is refused after the time given and not before; readers do not wait", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL, POLICY);
  const writer = await stalled.client();
  const reader = await stalled.client();
  await writer.say("SET committed v1");
  await writer.say("SET n 5");
  await flood(writer, PERMANENT_STALL);

  const fromMs = performance.now();
  writer.write(request("SET", "a", "b"));
  assert.equal(await reader.say("GET committed"), "v1");
  assert.deepEqual(await reader.say("PING"), PONG);
  assert.equal(writer.unreadCount, 0, "the writer was answered before he had waited");
  assert.deepEqual(await writer.readReply(), new ErrorReply(plainRefusal(PERMANENT_STALL)));
  const waitedMs = performance.now() - fromMs;
  assert.ok(waitedMs >= WAIT_MS - EARLY_MS, `refused after ${waitedMs} ms`);
  assert.equal(await reader.say("EXISTS a"), 0);
});

for (const protocol of [2, 3] as const) {
  test(`wait, RESP${protocol}: an EXEC that waited in vain is told command by command`, async () => {
    await using stalled = await startByRecipe(PERMANENT_STALL, POLICY);
    const client = await stalled.client(protocol);
    await client.say("SET committed v1");
    await client.say("SET other v2");
    await client.say("SET n 5");
    await flood(client, PERMANENT_STALL);

    const fromMs = performance.now();
    const lines = ["MULTI", "GET committed", "SET a b", "GET a", "GET other", "INCR n", "EXEC"];
    const bytes = [...lines, "PING"].map((line) => request(...line.split(" "))).join("");
    const replies = await client.pipeline(bytes, lines.length + 1);
    const waitedMs = performance.now() - fromMs;
    const error = new ErrorReply(execRefusal(PERMANENT_STALL));
    assert.deepEqual(replies.slice(-2), [["v1", error, error, "v2", error], PONG]);
    assert.ok(waitedMs >= WAIT_MS - EARLY_MS, `refused after ${waitedMs} ms`);
    assert.deepEqual(await client.say("MGET a n"), [null, "5"]);
    await expectExactSize(client);
  });
}

test("wait: whoever read what waits is answered with it, and refused with it", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL, POLICY);
  const writer = await stalled.client();
  const reader = await stalled.client();
  await writer.say("SET n 5");
  await flood(writer, PERMANENT_STALL);
  writer.write(request("INCR", "n") + request("PING"));
  await reader.say("PING");
  // Law 6: this reply may not say 6, which never came to be.
  const seen = await reader.say("GET n");
  assert.deepEqual(await writer.readReply(), new ErrorReply(plainRefusal(PERMANENT_STALL)));
  assert.deepEqual(await writer.readReply(), PONG);
  if (!(seen instanceof ErrorReply)) assert.equal(seen, "5");
});
