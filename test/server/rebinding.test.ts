// CONFIG SET port and bind while the server runs: sockets are opened and left, connections stay.

import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";

import { ErrorReply, OK, PONG, Verbatim, type Reply } from "../../src/resp/reply.ts";
import { startKept } from "../support/kept.ts";

async function answers(port: number, host = "127.0.0.1"): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host }, () => socket.write("PING\r\n"));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function textOf(answer: Promise<Reply>): Promise<string> {
  const reply = await answer;
  if (reply instanceof ErrorReply || reply instanceof Verbatim) return reply.text;
  assert.ok(typeof reply === "string");
  return reply;
}

/** A port that somebody has, and the one who has it. */
async function takenPort(): Promise<AsyncDisposable & { readonly port: number }> {
  const holder = createServer();
  await new Promise<void>((resolve) => {
    holder.listen(0, "127.0.0.1", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has such an address
  const { port } = holder.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => {
        holder.close(resolve);
      });
    },
  };
}

test("another port: the new one answers, the old one is left, who is connected stays", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  let free = 0;
  {
    await using taken = await takenPort();
    free = taken.port;
  }
  assert.deepEqual(await client.say(`CONFIG SET port ${free}`), OK);
  assert.equal(await answers(free), true);
  assert.equal(await answers(kept.port), false);
  assert.deepEqual(await client.say("PING"), PONG);
  assert.match(await textOf(client.say("INFO server")), new RegExp(`tcp_port:${free}\\b`));
});

test("a port that is taken is refused, and the old one goes on", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await using taken = await takenPort();
  assert.match(
    await textOf(client.say(`CONFIG SET port ${taken.port}`)),
    /Unable to listen on this/,
  );
  assert.equal(await answers(kept.port), true);
});

test("addresses come and go; one that is none is refused and changes nothing", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const refusal = await textOf(client.say("CONFIG SET bind 999.999.999.999"));
  assert.match(refusal, /Failed to bind to specified addresses/);
  assert.equal(await answers(kept.port), true);
  assert.deepEqual(await client.send("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2"), OK);
  assert.equal(await answers(kept.port, "127.0.0.2"), true);
  assert.deepEqual(await client.send("CONFIG", "SET", "bind", ""), OK);
  assert.equal(await answers(kept.port), false);
  assert.deepEqual(await client.send("CONFIG", "SET", "bind", "127.0.0.1"), OK);
  assert.equal(await answers(kept.port), true);
});
