// A peer is looked at before anything is measured: whoever gave a wrong one is told what is wrong, and no
// key of it is touched.

import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";

import { PeerRefused, peerAt } from "./peer.ts";
import type { PeerAddress } from "./plan.ts";

interface Played {
  readonly address: PeerAddress;
  /** The names of the commands that came. */
  readonly heard: string[];
}

/** A server that answers each command by its name, and with an error what it was not given. */
async function play(
  context: TestContext,
  answers: Readonly<Record<string, string>>,
  password: string | null = null,
): Promise<Played> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (chunk) => {
      const name = chunk.toString("latin1").split("\r\n")[2] ?? "";
      heard.push(name);
      socket.write(`${answers[name] ?? "-ERR unknown command"}\r\n`);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const at = server.address();
  const port = typeof at === "object" && at !== null ? at.port : 0;
  return { address: { host: "127.0.0.1", port, user: null, password }, heard };
}

async function refusal(address: PeerAddress, mayFlush = false): Promise<string> {
  try {
    await peerAt(address, mayFlush);
  } catch (error) {
    assert.ok(error instanceof PeerRefused, String(error));
    return error.message;
  }
  throw new Error("it was taken");
}

const EMPTY = { PING: "+PONG", DBSIZE: ":0", RANDOMKEY: "$-1" };

test("an empty server is taken, and may not be flushed", async (context) => {
  const { address, heard } = await play(context, EMPTY);
  const peer = await peerAt(address, false);
  assert.equal(peer.name, `127.0.0.1:${address.port}`);
  assert.equal(peer.mayFlush, false);
  assert.deepEqual(heard, ["PING", "DBSIZE", "RANDOMKEY"]);
});

test("one that holds keys is refused, unless it may be flushed", async (context) => {
  const { address, heard } = await play(context, { ...EMPTY, DBSIZE: ":1" });
  assert.match(await refusal(address), /holds keys.*--flush-peer/);
  assert.equal((await peerAt(address, true)).mayFlush, true);
  assert.ok(!heard.some((name) => /FLUSH|DEL|SET/.test(name)));
});

test("one that counts its keys only when asked to is found out by a key", async (context) => {
  const { address } = await play(context, { ...EMPTY, RANDOMKEY: "$1\r\na" });
  assert.match(await refusal(address), /holds keys/);
});

test("one that wants a password says so, and one that does not like it", async (context) => {
  const asked = await play(context, { PING: "-NOAUTH Authentication required." });
  assert.match(await refusal(asked.address), /wants a password: give it as --peer redis:\/\//);
  const wrong = await play(context, { AUTH: "-WRONGPASS invalid" }, "secret");
  assert.match(await refusal(wrong.address), /does not take the password: WRONGPASS invalid/);
  const right = await play(context, { ...EMPTY, AUTH: "+OK" }, "secret");
  const peer = await peerAt(right.address, false);
  assert.deepEqual(peer.login, { user: "default", password: "secret" });
});

test("nobody there, another protocol, a busy server: each is told", async (context) => {
  const address = { host: "127.0.0.1", port: 1, user: null, password: null };
  assert.match(await refusal(address), /cannot be used: connect ECONNREFUSED 127.0.0.1:1/);
  const web = await play(context, { PING: "HTTP/1.1 400 Bad Request" });
  assert.match(await refusal(web.address), /what it says is not Redis's protocol/);
  const busy = await play(context, { PING: "-LOADING Redis is loading" });
  assert.match(await refusal(busy.address), /answers PING with: LOADING/);
});
