// What one connection may make the server keep in memory is bounded by client-query-buffer-limit: what it
// queues, what it watches, what it subscribes to. (What it sends: test/server/connection.test.ts; answers
// it does not read: crowd.test.ts.)

import assert from "node:assert/strict";
import { test } from "node:test";

import { openWorld, type World } from "../support/world.ts";

const LIMIT = 100_000;

function open(): Promise<World> {
  return openWorld({ session: { transactionBytesMax: LIMIT } });
}

/** Says commands with ever new names until one is refused; gives the refusal and how many went. */
async function fill(world: World, ...words: string[]): Promise<{ refusal: string; count: number }> {
  const client = world.connect();
  for (let count = 0; count < 10_000; count++) {
    client.send([...words, `name ${count}`.padEnd(1000, "x")]);
    await world.settle();
    const refusal = client.heard().find((reply) => reply.startsWith("-"));
    if (refusal !== undefined) return { refusal, count };
  }
  return assert.fail("nothing was refused");
}

for (const command of ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"]) {
  test(`${command}: names beyond the limit are refused`, async () => {
    await using world = await open();
    const { refusal, count } = await fill(world, command);
    assert.equal(refusal, "-ERR subscriptions exceed client-query-buffer-limit");
    assert.ok(count > 50 && count < 100, `${count} subscriptions`);
  });
}

test("WATCH: keys beyond the limit are refused; a key watched again costs nothing", async () => {
  await using world = await open();
  const { refusal, count } = await fill(world, "WATCH");
  assert.equal(refusal, "-ERR watched keys exceed client-query-buffer-limit");
  assert.ok(count > 50 && count < 100, `${count} keys`);
  const client = world.connect();
  for (let again = 0; again < 200; again++) client.send(["WATCH", "k".repeat(1000)]);
  await world.settle();
  assert.ok(client.heard().every((reply) => reply === "OK"));
});

test("there is room again after UNWATCH and UNSUBSCRIBE", async () => {
  await using world = await open();
  const client = world.connect();
  const name = "n".repeat(LIMIT / 2);
  for (const line of [`WATCH a${name}`, "UNWATCH", `WATCH b${name}`, "UNWATCH"]) client.say(line);
  client.say("HELLO 3");
  await world.settle();
  assert.deepEqual(client.heard().slice(0, 4), ["OK", "OK", "OK", "OK"]);
  for (const line of [`SUBSCRIBE a${name}`, "UNSUBSCRIBE", `SUBSCRIBE b${name}`]) client.say(line);
  await world.settle();
  assert.ok(client.heard().every((reply) => !reply.startsWith("-")));
});
