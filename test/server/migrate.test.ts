// MIGRATE between two servers: everything on real sockets.

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";

import { ErrorReply, OK, Status } from "../../src/resp/reply.ts";
import { startKept } from "../support/kept.ts";

test("keys of every type leave with their expiry, and are gone here", async () => {
  await using here = await startKept();
  await using there = await startKept();
  const [from, to] = [await here.client(), await there.client()];
  await from.say("SET s text PX 100000");
  await from.say("HSET h f v");
  await from.say("RPUSH l a b c");
  await from.say("ZADD z 1 one 2 two");
  const moved = await from.send(
    ...`MIGRATE 127.0.0.1 ${there.port} EMPTY 0 5000 KEYS s h l z absent`
      .split(" ")
      .map((word) => (word === "EMPTY" ? "" : word)),
  );
  assert.deepEqual(moved, OK);
  assert.equal(await from.say("EXISTS s h l z"), 0);
  assert.equal(await to.say("EXISTS s h l z"), 4);
  assert.equal(await to.say("GET s"), "text");
  const left = await to.say("PTTL s");
  assert.ok(typeof left === "number" && left > 0 && left <= 100_000);
});

test("COPY leaves the key here, REPLACE takes the place of the one there", async () => {
  await using here = await startKept();
  await using there = await startKept();
  const [from, to] = [await here.client(), await there.client()];
  const migrate = `MIGRATE 127.0.0.1 ${there.port} k 0 5000`;
  assert.deepEqual(await from.say(migrate), new Status("NOKEY"));
  await from.say("SET k new");
  await to.say("SET k old");
  const busy = "ERR Target instance replied with error: BUSYKEY Target key name already exists.";
  assert.deepEqual(await from.say(migrate), new ErrorReply(busy));
  assert.equal(await from.say("GET k"), "new");
  assert.deepEqual(await from.say(`${migrate} COPY REPLACE`), OK);
  assert.equal(await to.say("GET k"), "new");
  assert.equal(await from.say("GET k"), "new");
});

test("AUTH and AUTH2 log in at the target; without them it refuses", async () => {
  await using here = await startKept();
  await using there = await startKept({ session: { requirePass: "secret" } });
  const from = await here.client();
  const migrate = `MIGRATE 127.0.0.1 ${there.port} k 0 5000`;
  await from.say("SET k v");
  const refused = await from.say(migrate);
  assert.ok(refused instanceof ErrorReply && /replied with error: NOAUTH/.test(refused.text));
  assert.equal(await from.say("GET k"), "v");
  assert.deepEqual(await from.say(`${migrate} COPY AUTH secret`), OK);
  assert.deepEqual(await from.say(`${migrate} REPLACE AUTH2 default secret`), OK);
});

test("a target that is not there, or does not answer, is an IOERR and nothing is lost", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await client.say("SET k v");
  const silent = createServer();
  await new Promise<void>((resolve) => {
    silent.listen(0, "127.0.0.1", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has such an address
  const { port } = silent.address() as AddressInfo;
  const unread = new ErrorReply("IOERR error or timeout reading from target node");
  assert.deepEqual(await client.say(`MIGRATE 127.0.0.1 ${port} k 0 2000`), unread);
  silent.close();
  const unconnected = new ErrorReply("IOERR error or timeout connecting to the client");
  assert.deepEqual(await client.say(`MIGRATE 127.0.0.1 ${port} k 0 2000`), unconnected);
  assert.equal(await client.say("GET k"), "v");
});

test("a key that changes on its way stays, and the client is told", async () => {
  await using kept = await startKept();
  const [client, other] = [await kept.client(), await kept.client()];
  await client.say("SET k before");
  const target = createServer((socket) => {
    // It answers when the key has been changed.
    socket.once("data", () => {
      void other.say("SET k after").then(() => socket.write("+OK\r\n+OK\r\n"));
    });
  });
  await new Promise<void>((resolve) => {
    target.listen(0, "127.0.0.1", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has such an address
  const { port } = target.address() as AddressInfo;
  const reply = await client.say(`MIGRATE 127.0.0.1 ${port} k 0 5000`);
  target.close();
  assert.ok(reply instanceof ErrorReply && reply.text.startsWith("TRYAGAIN a key was changed"));
  assert.equal(await client.say("GET k"), "after");
});

test("what makes no sense is refused before anybody is asked", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const keys = "MIGRATE 127.0.0.1 1 k 0 100 KEYS a";
  assert.deepEqual(
    await client.say(keys),
    new ErrorReply(
      "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
    ),
  );
  assert.deepEqual(
    await client.say("MIGRATE 127.0.0.1 1 k 0 100 AUTH"),
    new ErrorReply("ERR syntax error"),
  );
  assert.deepEqual(
    await client.say("MIGRATE 127.0.0.1 1 k 0 soon"),
    new ErrorReply("ERR value is not an integer or out of range"),
  );
});
