// File descriptors run out: clients may take them all but for what the store and the process need, so
// the server goes on for those who are there, writes and flushes, and lets others in when some go.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";

import { ErrorReply, OK, PONG } from "../../src/resp/reply.ts";
import { clientRoom } from "../../src/server/descriptors.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { infoNumber } from "../support/queries.ts";
import { until } from "../support/raw-client.ts";

const LIMIT = 192;
const ROOM = clientRoom(LIMIT);

test("there is room for ten thousand clients within the usual limits, and always for one", () => {
  assert.equal(ROOM, 80);
  assert.ok(clientRoom(20_000) >= 10_000);
  assert.equal(clientRoom(1_048_576), 1_048_576 - 64 - 4096);
  assert.equal(clientRoom(40), 1);
});

test("maxclients is what the descriptors permit, and cannot be raised above", async () => {
  using folder = new TemporaryDirectory();
  const options = { dir: folder.path, shellSetup: `ulimit -n ${LIMIT}` };
  await using server = await ServerProcess.start(options);
  assert.match(server.output, /maxclients is 80, not 10000\. Raise it with ulimit -n/);
  const client = await server.client();
  assert.deepEqual(await client.say("CONFIG GET maxclients"), ["maxclients", "80"]);
  const refusal =
    "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is " +
    "not able to handle the specified number of clients, try with 80";
  assert.deepEqual(await client.say("CONFIG SET maxclients 81"), new ErrorReply(refusal));
  assert.deepEqual(await client.say("CONFIG SET maxclients 79"), OK);
});

test("more connections than descriptors: who is there is served, the disk too, and it passes", async () => {
  using folder = new TemporaryDirectory();
  await using server = await ServerProcess.start({
    dir: folder.path,
    shellSetup: `ulimit -n ${LIMIT}`,
    settings: { "rocksdb.write_buffer_size": "1" },
  });
  const client = await server.client();
  const crowd = new Crowd(server.port, LIMIT * 2);
  await until("those without a place are told so", () => crowd.heardCount > LIMIT);
  assert.match(crowd.heard, /^(-ERR max number of clients reached\r\n)+$/);
  assert.deepEqual(await client.say("PING"), PONG);
  // Several memtables full: files are made, read and deleted meanwhile.
  for (let at = 0; at < 60; at++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.deepEqual(await client.send("SET", `k${at}`, "x".repeat(100_000)), OK);
  }
  assert.ok((await infoNumber(client, "memory", "used_memory_rss")) > 0);
  assert.equal(await infoNumber(client, "clients", "connected_clients"), ROOM);
  crowd.leave();
  let others = ROOM;
  while (others > 1) {
    // oxlint-disable-next-line no-await-in-loop -- asked until they are gone
    others = await infoNumber(client, "clients", "connected_clients");
  }
  const late = await server.client();
  assert.deepEqual(await late.say("PING"), PONG);
  assert.equal(await late.say("STRLEN k59"), 100_000);
});

/** Connections that say nothing and do not go, whatever they are told. */
class Crowd {
  readonly #sockets: Socket[] = [];
  heard = "";
  heardCount = 0;

  constructor(port: number, count: number) {
    for (let at = 0; at < count; at++) {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.on("data", (chunk: Buffer) => {
        this.heard += chunk.toString();
        this.heardCount++;
      });
      socket.on("error", () => {
        // One that found no descriptor is reset.
      });
      this.#sockets.push(socket);
    }
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
