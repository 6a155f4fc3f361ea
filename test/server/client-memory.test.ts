// `maxmemory-clients`: above it connections are closed, the largest first, until the rest fits; who said CLIENT
// NO-EVICT stays. All that a connection can make the server keep counts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { OK } from "../../src/resp/reply.ts";
import { ErrorReply } from "../../src/resp/reply.ts";
import { startKept, type Kept } from "../support/kept.ts";
import { request, until, type RawClient } from "../support/raw-client.ts";

const KB = 1024;

/** A client that has sent part of a command, `bytes` long. */
async function holding(kept: Kept, bytes: number): Promise<RawClient> {
  const client = await kept.client();
  const before = heldBytes(kept);
  client.write(`*2\r\n$${bytes + 1}\r\n${"v".repeat(bytes)}`);
  await until("it is there", () => heldBytes(kept) >= before + bytes);
  return client;
}

function heldBytes({ server }: Kept): number {
  let sum = 0;
  for (const { inputBytes } of server.connections.values()) sum += inputBytes;
  return sum;
}

test("the largest connections go first, and only as many as need be", async () => {
  await using kept = await startKept();
  const small = await holding(kept, 100 * KB);
  const large = await holding(kept, 300 * KB);
  const medium = await holding(kept, 200 * KB);
  kept.server.memory.limitBytes = 340 * KB;
  await large.expectClosed();
  assert.equal(kept.core.stats.evictedClients, 1);
  kept.server.memory.limitBytes = 150 * KB;
  await medium.expectClosed();
  assert.equal(kept.server.connections.size, 1);
  kept.server.memory.limitBytes = 0;
  assert.equal(kept.core.stats.evictedClients, 2);
  small.end();
});

test("CLIENT NO-EVICT keeps a connection, until it says otherwise", async () => {
  await using kept = await startKept();
  kept.server.memory.limitBytes = 100 * KB;
  const client = await kept.client();
  assert.deepEqual(await client.say("CLIENT NO-EVICT ON"), OK);
  const value = "v".repeat(200 * KB);
  assert.deepEqual(await client.send("SET", "a", value), OK);
  client.write(request("CLIENT", "NO-EVICT", "OFF"));
  assert.deepEqual(await client.readReply(), OK);
  client.write(request("SET", "b", value));
  await client.expectClosed();
  const other = await kept.client();
  assert.equal(await other.say("EXISTS a b"), 1);
});

test("a queue, watches, subscriptions and prefixes of tracking count", async () => {
  const say: ((n: number) => string)[] = [
    (n) => (n === 0 ? "MULTI" : `SET k${n} ${"v".repeat(100)}`),
    (n) => `WATCH k${n}`,
    (n) => `SUBSCRIBE c${n}`,
    (n) => `PSUBSCRIBE p${n}`,
    (n) => `SSUBSCRIBE s${n}`,
    (n) => `CLIENT TRACKING ON BCAST PREFIX ${String(n).padStart(8, "0")}`,
  ];
  for (const [index, line] of say.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- a server for each
    await using kept = await startKept();
    kept.server.memory.limitBytes = 100 * KB;
    // oxlint-disable-next-line no-await-in-loop -- the same
    const client = await kept.client();
    const words = Array.from({ length: 2000 }, (_, n) => request(...line(n).split(" ")));
    let sent = 0;
    for (; sent < words.length && kept.core.stats.evictedClients === 0; sent++) {
      client.write(words[sent] ?? "");
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await until("it is read", () => isIdle(kept) || kept.core.stats.evictedClients > 0);
    }
    assert.equal(kept.core.stats.evictedClients, 1, `kind ${index}`);
    assert.ok(sent > 50, `kind ${index} after ${sent}`);
  }
});

function isIdle({ core }: Kept): boolean {
  const before = seen.get(core) ?? 0;
  const now = core.stats.totalCommandsProcessed;
  if (now === before) return false;
  seen.set(core, now);
  return true;
}
const seen = new WeakMap<object, number>();

test("long messages that a subscriber does not take count as they come", async () => {
  await using kept = await startKept();
  const [subscriber, publisher] = [await kept.client(), await kept.client()];
  await subscriber.say("SUBSCRIBE news");
  const [listening] = kept.server.connections.values();
  assert.ok(listening !== undefined);
  subscriber.socket.pause();
  const limit = 3000 * KB;
  kept.server.memory.limitBytes = limit;
  const message = "m".repeat(200 * KB);
  for (let told = 0; !listening.isClosed; told++) {
    assert.ok(told < 1000, "the subscriber is never closed");
    assert.ok(listening.memoryBytes <= limit, `${listening.memoryBytes} bytes`);
    await publisher.send("PUBLISH", "news", message);
  }
  assert.equal(kept.core.stats.evictedClients, 1);
  kept.server.memory.limitBytes = 0;
  assert.equal(await publisher.say("PUBLISH news x"), 0);
});

test("prefixes of tracking are bounded for each connection", async () => {
  await using kept = await startKept({ session: { transactionBytesMax: 10 * KB } });
  const client = await kept.client();
  let answer = await client.say("CLIENT TRACKING ON BCAST PREFIX 0000");
  let count = 1;
  for (; !(answer instanceof ErrorReply) && count < 1000; count++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    answer = await client.say(`CLIENT TRACKING ON BCAST PREFIX ${String(count).padStart(4, "0")}`);
  }
  const refused = "ERR tracking prefixes exceed client-query-buffer-limit";
  assert.deepEqual(answer, new ErrorReply(refused));
  assert.ok(count > 10 && count < 100);
  assert.equal(kept.core.host.tracking.prefixCount, count - 1);
});
