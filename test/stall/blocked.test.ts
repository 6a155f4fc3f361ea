// Who waits for a key learns nothing of a refused write, on a real RocksDB that refuses batches.
//
// Method: clients blocked on lists and on several keys, both recipes of a stall, raw sockets. In the permanent
// stall every push is refused, alone and in EXEC: the waiters must hear nothing, and stay. In the one that
// passes, what a waiter gets must have been acknowledged to the one who pushed it, or it is told a refusal of
// its own, and the element is still there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorReply, NULL_ARRAY, OK, QUEUED } from "../../src/resp/reply.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import { PERMANENT_STALL, TRANSIENT_STALL } from "./recipes.ts";
import {
  execRefusal,
  flood,
  plainRefusal,
  startByRecipe,
  type StalledServer,
} from "./stalled-server.ts";

/** A client in each of whose databases somebody waits in `line`. */
async function waiting(stalled: StalledServer, line: string, asker: RawClient): Promise<RawClient> {
  const client = await stalled.client();
  const id = await client.say("CLIENT ID");
  assert.ok(typeof id === "number");
  client.write(request(...line.split(" ")));
  for (let tries = 0; ; tries++) {
    assert.ok(tries < 1000, "it waits at last");
    // oxlint-disable-next-line no-await-in-loop -- until the server says so
    const list = await asker.say(`CLIENT LIST ID ${id}`);
    if (typeof list === "string" && list.includes(" flags=b ")) return client;
  }
}

test("a refused push, alone or in EXEC, is not heard of by those who wait for it", async () => {
  await using stalled = await startByRecipe(PERMANENT_STALL);
  const asker = await stalled.client();
  const popper = await waiting(stalled, "BLPOP queue 0", asker);
  const mover = await waiting(stalled, "BLMOVE queue elsewhere LEFT RIGHT 0", asker);
  const several = await waiting(stalled, "BLMPOP 0 2 other queue RIGHT", asker);
  await flood(asker, PERMANENT_STALL);

  const refusal = new ErrorReply(plainRefusal(PERMANENT_STALL));
  const inExec = new ErrorReply(execRefusal(PERMANENT_STALL));
  assert.deepEqual(await asker.say("RPUSH queue a b c"), refusal);
  assert.deepEqual(await asker.say("MULTI"), OK);
  assert.deepEqual(await asker.say("RPUSH queue a b c"), QUEUED);
  assert.deepEqual(await asker.say("LPUSH other d"), QUEUED);
  assert.deepEqual(await asker.say("EXEC"), [inExec, inExec]);
  assert.equal(await asker.say("EXISTS queue other elsewhere"), 0);

  const info = await asker.say("INFO clients");
  assert.ok(typeof info === "string" && info.includes("blocked_clients:3\r\n"));
  for (const client of [popper, mover, several]) {
    assert.equal(client.unreadCount, 0);
    // What they are told next is what they are told first.
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const list = await asker.say("CLIENT LIST");
    assert.ok(typeof list === "string");
    const id = /id=(\d+) [^\n]* flags=b /.exec(list)?.[1] ?? assert.fail("nobody waits");
    // oxlint-disable-next-line no-await-in-loop
    assert.equal(await asker.say(`CLIENT UNBLOCK ${id}`), 1);
  }
  assert.deepEqual(await popper.readReply(), NULL_ARRAY);
  assert.deepEqual(await mover.readReply(), NULL_ARRAY);
  assert.deepEqual(await several.readReply(), NULL_ARRAY);
});

test("in a stall that passes a waiter gets what was acknowledged, or hears why not", async () => {
  await using stalled = await startByRecipe(TRANSIENT_STALL);
  const pusher = await stalled.client();
  const popper = await waiting(stalled, "BLPOP queue 0", pusher);
  await flood(pusher, TRANSIENT_STALL);
  const acknowledged: string[] = [];
  for (let number = 0; popper.unreadCount === 0; number++) {
    assert.ok(number < 100_000, "the stall passes");
    // oxlint-disable-next-line no-await-in-loop -- until one is taken
    const reply = await pusher.say(`RPUSH queue ${number}`);
    if (typeof reply === "number") acknowledged.push(String(number));
    else assert.deepEqual(reply, new ErrorReply(plainRefusal(TRANSIENT_STALL)));
  }
  const reply = await popper.readReply();
  const rest = await pusher.say("LRANGE queue 0 -1");
  if (reply instanceof ErrorReply) {
    assert.deepEqual(reply, new ErrorReply(plainRefusal(TRANSIENT_STALL)));
    assert.deepEqual(rest, acknowledged);
  } else assert.deepEqual([reply, rest], [["queue", acknowledged[0]], acknowledged.slice(1)]);
});
