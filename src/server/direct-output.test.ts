// What `send` promises: everything arrives, in order, whether the system takes it at once or not.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import test from "node:test";

import { send } from "./direct-output.ts";

async function connected(body: (ours: Socket, theirs: Socket) => Promise<void>): Promise<void> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const theirs = connect(address.port, "127.0.0.1");
  const [ours]: Socket[] = await once(server, "connection");
  assert.ok(ours !== undefined);
  try {
    await body(ours, theirs);
  } finally {
    theirs.destroy();
    ours.destroy();
    server.close();
    await once(server, "close");
  }
}

function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, "_handle");
  assert.ok(typeof handle === "object" && handle !== null);
  return Number(Reflect.get(handle, "fd"));
}

test("replies arrive whole and in order at a client that reads late", async () => {
  await connected(async (ours, theirs) => {
    const descriptor = descriptorOf(ours);
    const pieces: string[] = [];
    // More than any socket buffer takes: the rest goes through the stream, and what follows behind it.
    for (let index = 0; index < 600; index++) {
      const piece = `${index}:`.padEnd(index % 7 === 0 ? 100_000 : 20_000, "\xff\x00x");
      pieces.push(piece);
      send(ours, descriptor, piece);
    }
    assert.ok(ours.writableLength > 0, "the system took everything: the test tests nothing");
    const wanted = pieces.join("");
    let got = "";
    for await (const chunk of theirs) {
      assert.ok(Buffer.isBuffer(chunk));
      got += chunk.latin1Slice();
      if (got.length >= wanted.length) break;
    }
    assert.ok(got === wanted, "what arrived is not what was sent");
  });
});

test("a client that has gone is an error of the socket, not of the sender", async () => {
  await connected(async (ours, theirs) => {
    const descriptor = descriptorOf(ours);
    theirs.resetAndDestroy();
    const closed = new Promise((resolve) => ours.once("close", resolve));
    ours.on("error", () => {});
    ours.resume();
    while (!ours.destroyed) {
      send(ours, descriptor, "x".repeat(1000));
      // oxlint-disable-next-line no-await-in-loop -- the news of the reset takes a turn or two
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
  });
});

test("without a descriptor everything goes through the stream", async () => {
  await connected(async (ours, theirs) => {
    send(ours, -1, "a\xe9");
    const [chunk]: Buffer[] = await once(theirs, "data");
    assert.equal(chunk?.latin1Slice(), "a\xe9");
  });
});
