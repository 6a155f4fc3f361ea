// A stall passes, by itself or because the operator sees to it: writes are taken again without a
// restart, those that waited are told OK, and the log says when it began and when it was over.

import assert from "node:assert/strict";
import { test } from "node:test";

import { OK, PONG } from "../../src/resp/reply.ts";
import { expectExactSize, infoNumber, isOk, untilTaken } from "../support/queries.ts";
import { request } from "../support/raw-client.ts";
import { PERMANENT_STALL, TRANSIENT_STALL } from "./recipes.ts";
import { flood, noise, startByRecipe } from "./stalled-server.ts";

const PATIENT = {
  "rocksdb.write_options.no_slowdown": "no",
  "write-stall-policy": "wait 60000",
};

test("the stall clears by a setting: writes are taken again, without a restart", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL);
  const client = await stalled.client();
  const acknowledged = await flood(client, PERMANENT_STALL);
  await stalled.server.waitForOutput(/Compaction is behind: writes are \w+\./);
  assert.deepEqual(await client.say("CONFIG SET rocksdb.disable_auto_compactions no"), OK);
  await untilTaken(client, "again");
  await stalled.server.waitForOutput(/Writes are taken at full speed again\./);
  const exec = request("MULTI") + request("SET", "a", "b") + request("INCR", "n");
  assert.deepEqual((await client.pipeline(exec + request("EXEC"), 4)).at(-1), [OK, 1]);
  const keys = await expectExactSize(client);
  assert.equal(keys.size, acknowledged.length + 3);
});

test("wait: the transient stall passes while writers wait, and every write is taken", async (t) => {
  await using stalled = await startByRecipe(TRANSIENT_STALL, PATIENT);
  const clients = await Promise.all(Array.from({ length: 8 }, () => stalled.client()));
  let total = 0;
  for (let round = 0; round < 20; round++) {
    // oxlint-disable-next-line no-await-in-loop -- until there was a stall
    const replies = await Promise.all(
      clients.map((client, index) => {
        let bytes = "";
        for (let write = 0; write < 100; write++) {
          const key = `key:${index}:${round}:${write}`;
          bytes += request("SET", key, noise(TRANSIENT_STALL.valueBytes));
        }
        return client.pipeline(bytes, 100);
      }),
    );
    for (const reply of replies.flat()) assert.ok(isOk(reply), JSON.stringify(reply));
    total += replies.flat().length;
  }
  const [client] = clients;
  assert.ok(client !== undefined);
  const retries = await infoNumber(client, "kept", "stall_retries");
  t.diagnostic(`${total} writes taken, ${retries} attempts met the stall`);
  assert.ok(retries > 0, "there was no stall");
  assert.equal((await expectExactSize(client)).size, total);
});

test("wait: a stall that an operator ends lets the waiting writers through", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL, {
    ...PATIENT,
    "write-stall-policy": "wait 500",
  });
  const writer = await stalled.client();
  const operator = await stalled.client();
  await flood(writer, PERMANENT_STALL);
  const policy = ["CONFIG", "SET", "write-stall-policy", "wait 60000"];
  assert.deepEqual(await operator.send(...policy), OK);
  writer.write(request("SET", "a", "b"));
  assert.deepEqual(await operator.say("PING"), PONG);
  assert.equal(writer.unreadCount, 0);
  assert.deepEqual(await operator.say("CONFIG SET rocksdb.disable_auto_compactions no"), OK);
  assert.deepEqual(await writer.readReply(), OK);
  assert.equal(await operator.say("GET a"), "b");
});
