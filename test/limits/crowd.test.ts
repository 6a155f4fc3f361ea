// Many connections and rude ones, on a real server: ten thousand that say nothing and a thousand that
// work, clients that send a byte at a time or announce more than they send, clients that end their
// side and clients that do not read. Others are served meanwhile, memory stays bounded, and when they
// are gone nothing of them is left.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";

import { OK, PONG } from "../../src/resp/reply.ts";
import { clientRoom, descriptorLimit } from "../../src/server/descriptors.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { residentBytes } from "../hostile/socket.ts";
import { ServerProcess } from "../support/process.ts";
import { infoNumber } from "../support/queries.ts";
import { RawClient, request } from "../support/raw-client.ts";

const BUSY = 1000;
/** Fewer only where the machine permits fewer: this process needs a descriptor for each as well. */
const IDLE = Math.min(10_000, clientRoom(descriptorLimit()) - BUSY - 100);
const AT_ONCE = 250;
const MEGABYTE = 1024 * 1024;
const SETTINGS = { maxclients: "12000" };
const RUDE = 300;

async function connected(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Math.min(AT_ONCE, count - sockets.length);
    // oxlint-disable-next-line no-await-in-loop -- the kernel holds only so many at once
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(port)))));
  }
  return sockets;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

function destroyAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

/** Asks until so many are connected, who asks included; every answer is one that came. */
async function untilConnected(client: RawClient, count: number): Promise<void> {
  for (let asked = 0; asked < 5000; asked++) {
    // oxlint-disable-next-line no-await-in-loop -- asked until it is so
    if ((await infoNumber(client, "clients", "connected_clients")) === count) return;
  }
  assert.fail(`not ${count} connections`);
}

async function start(folder: TemporaryDirectory): Promise<ServerProcess> {
  return await ServerProcess.start({ dir: folder.path, settings: SETTINGS });
}

test("ten thousand idle connections and a thousand busy ones", async (t) => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder);
  const client = await server.client();
  const before = residentBytes(server.pid);
  const idle = await connected(server.port, IDLE);
  await untilConnected(client, IDLE + 1);
  const each = (residentBytes(server.pid) - before) / IDLE;
  t.diagnostic(`${IDLE} idle connections, ${Math.round(each)} bytes each`);
  assert.ok(each < 32 * 1024, `${each} bytes for one idle connection`);

  const busy = (await connected(server.port, BUSY)).map((socket) => new RawClient(socket));
  await Promise.all(
    busy.map(async (one, index) => {
      for (let round = 0; round < 5; round++) {
        const key = `k${index}`;
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        assert.deepEqual(await one.send("SET", key, String(round)), OK);
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        assert.equal(await one.send("GET", key), String(round));
      }
    }),
  );
  assert.equal(await client.say("DBSIZE"), BUSY);
  for (const one of busy) one[Symbol.dispose]();
  destroyAll(idle);
  await untilConnected(client, 1);
});

test("clients that send a byte at a time, or announce what they do not send, hold up nobody", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder);
  const client = await server.client();
  const before = residentBytes(server.pid);
  const sockets = await connected(server.port, RUDE);
  const slow = request("SET", "slow", "value");
  for (const byte of slow.slice(0, -1)) {
    for (const [index, socket] of sockets.entries()) {
      if (index % 2 === 0) socket.write(byte);
    }
    // oxlint-disable-next-line no-await-in-loop -- between any two of their bytes
    assert.deepEqual(await client.say("PING"), PONG);
  }
  const announced = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${400 * MEGABYTE}\r\nx`;
  for (const [index, socket] of sockets.entries()) if (index % 2 === 1) socket.write(announced);
  assert.deepEqual(await client.say("PING"), PONG);
  const grown = residentBytes(server.pid) - before;
  assert.ok(grown < 64 * MEGABYTE, `${grown} bytes for commands that did not come`);
  assert.equal(await client.say("DBSIZE"), 0);
  // Whoever comes to an end is answered.
  const first = new RawClient(sockets[0] ?? assert.fail());
  first.write(slow.slice(-1));
  assert.deepEqual(await first.readReply(), OK);
  destroyAll(sockets);
  await untilConnected(client, 1);
});

test("clients that have ended their side are let go, whatever they were at", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder);
  const client = await server.client();
  const sockets = await connected(server.port, RUDE);
  const ways = [
    "",
    "*2\r\n$3\r\nGET\r\n$10\r\nhalf",
    request("MULTI") + request("SET", "a", "b"),
    request("BLPOP", "nothing", "0"),
    request("SUBSCRIBE", "channel"),
    request("WATCH", "k") + request("PING"),
  ];
  for (const [index, socket] of sockets.entries()) {
    socket.resume();
    socket.end(ways[index % ways.length] ?? "");
  }
  await untilConnected(client, 1);
  assert.equal(await infoNumber(client, "clients", "blocked_clients"), 0);
  assert.deepEqual(await client.say("PUBSUB CHANNELS"), []);
  assert.equal(await client.say("EXISTS a"), 0);
  destroyAll(sockets);
});

test("clients that ask for much and read nothing cost what one answer costs", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder);
  const client = await server.client();
  await client.send("SET", "big", "x".repeat(MEGABYTE));
  const before = residentBytes(server.pid);
  const sockets = await connected(server.port, 20);
  for (const socket of sockets) {
    socket.pause();
    socket.write(request("GET", "big").repeat(500));
  }
  for (let round = 0; round < 200; round++) {
    // oxlint-disable-next-line no-await-in-loop -- they are served in between, as far as they are
    assert.deepEqual(await client.say("PING"), PONG);
  }
  const grown = residentBytes(server.pid) - before;
  assert.ok(grown < 400 * MEGABYTE, `${Math.round(grown / MEGABYTE)} MB for 10 GB of answers`);
  destroyAll(sockets);
  await untilConnected(client, 1);
});
