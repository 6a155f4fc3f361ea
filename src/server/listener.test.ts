// The listener hands its sockets over with nothing lost, and what they read into one shared buffer
// reaches each reader whole. Method: real sockets on the loopback; the taker copies what it is lent.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import test, { after } from "node:test";

import { Listener } from "./listener.ts";

const HOST = "127.0.0.1";
const LIMIT = { timeout: 20_000 };

const opened: { close(): void }[] = [];

// A test that fails must not keep the process by what it left open.
after(() => {
  for (const each of opened) each.close();
});

async function open(): Promise<Listener> {
  const listener = await Listener.open({ host: HOST, port: 0, backlog: 16 });
  opened.push(listener);
  return listener;
}

function connectTo(listener: Listener): Socket {
  const client = connect(listener.port, HOST);
  opened.push({ close: () => client.destroy() });
  return client;
}

/** Sends back whatever comes, and ends when the other side does. */
function echo(socket: Socket): void {
  opened.push({ close: () => socket.destroy() });
  socket.on("data", (lent: Buffer) => socket.write(Buffer.from(lent)));
  socket.on("end", () => socket.end());
  socket.on("error", () => socket.destroy());
}

/** Ends the client's side and gives all that came back. */
async function answersTo(client: Socket): Promise<string> {
  const parts: Buffer[] = [];
  client.on("data", (part: Buffer) => parts.push(part));
  client.end();
  await once(client, "close");
  return Buffer.concat(parts).toString("latin1");
}

function atOnce(action: () => void): void {
  action();
}

test("what is said before anybody takes connections is heard", LIMIT, async () => {
  const listener = await open();
  const client = connectTo(listener);
  client.write("early");
  await once(client, "connect");
  // Connections are accepted in order: once a later one is there, so is the first.
  const second = connectTo(listener);
  await once(second, "connect");
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  listener.serve(echo, atOnce);
  assert.equal(await answersTo(client), "early");
  assert.equal(await answersTo(second), "");
});

test("many sockets read into one buffer, and each reader gets his own bytes", LIMIT, async () => {
  const listener = await open();
  listener.serve(echo, atOnce);
  const texts = Array.from({ length: 20 }, (_, index) => {
    return String.fromCharCode(0x41 + index).repeat(200_000 + index);
  });
  const answers = texts.map((text) => {
    const client = connectTo(listener);
    client.write(text, "latin1");
    return answersTo(client);
  });
  assert.deepEqual(await Promise.all(answers), texts);
});

test("a paused socket reads nothing, and goes on where it was", LIMIT, async () => {
  const listener = await open();
  const taken = new Promise<Socket>((resolve) => {
    listener.serve((socket) => {
      echo(socket);
      socket.pause();
      resolve(socket);
    }, atOnce);
  });
  const client = connectTo(listener);
  client.write("x".repeat(300_000));
  const socket = await taken;
  await once(client, "connect");
  assert.equal(socket.bytesRead, 0);
  socket.resume();
  assert.equal((await answersTo(client)).length, 300_000);
});

test("who may not be served yet waits, and is served in order", LIMIT, async () => {
  const listener = await open();
  const waiting: (() => void)[] = [];
  listener.serve(echo, (action) => waiting.push(action));
  const clients = ["first", "second"].map((text) => {
    const client = connectTo(listener);
    client.write(text);
    return client;
  });
  while (waiting.length < clients.length) {
    // oxlint-disable-next-line no-await-in-loop -- until both are there
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  for (const action of waiting) action();
  assert.deepEqual(await Promise.all(clients.map(answersTo)), ["first", "second"]);
});
