// The pub/sub commands on sessions without sockets, in RESP2 and RESP3. What a reply to one command
// must be stands in test/conversations/pubsub.txt too; here are the commands that answer more or less
// than one reply, and what needs more than one connection.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Listener } from "../support/listener.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

function modern(world: World): Talker {
  const talker = world.connect();
  talker.say("HELLO 3");
  talker.heard();
  return talker;
}

test("each name is confirmed by itself, with the count of channels and patterns", async () => {
  await using world = await openWorld();
  const client = world.connect();
  client.say("SUBSCRIBE a b a");
  client.say("PSUBSCRIBE a*");
  client.say("SSUBSCRIBE a");
  client.say("UNSUBSCRIBE a none");
  client.say("PUNSUBSCRIBE");
  client.say("SUNSUBSCRIBE");
  client.say("UNSUBSCRIBE");
  client.say("UNSUBSCRIBE");
  assert.deepEqual(client.heard(), [
    '[ "subscribe", "a", 1 ]',
    '[ "subscribe", "b", 2 ]',
    '[ "subscribe", "a", 2 ]',
    '[ "psubscribe", "a*", 3 ]',
    '[ "ssubscribe", "a", 1 ]',
    '[ "unsubscribe", "a", 2 ]',
    '[ "unsubscribe", "none", 2 ]',
    '[ "punsubscribe", "a*", 1 ]',
    '[ "sunsubscribe", "a", 0 ]',
    '[ "unsubscribe", "b", 0 ]',
    '[ "unsubscribe", nil, 0 ]',
  ]);
});

test("RESP3 confirms by pushes, and all commands stay allowed", async () => {
  await using world = await openWorld();
  const client = modern(world);
  client.say("SUBSCRIBE a");
  client.say("GET k");
  client.say("PING");
  client.say("PUNSUBSCRIBE");
  assert.deepEqual(client.heard(), [
    '>[ "subscribe", "a", 1 ]',
    "nil",
    "PONG",
    '>[ "punsubscribe", nil, 1 ]',
  ]);
});

test("a RESP2 subscriber may use the pub/sub commands only, until it has no subscription", async () => {
  await using world = await openWorld();
  const client = world.connect();
  client.say("SSUBSCRIBE a");
  client.say("GET k");
  client.say("PUBLISH a b");
  client.say("PING");
  client.say("PING hi");
  client.say("SUNSUBSCRIBE a");
  client.say("GET k");
  const allowed =
    "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
  assert.deepEqual(client.heard(), [
    '[ "ssubscribe", "a", 1 ]',
    `-ERR Can't execute 'get': ${allowed}`,
    `-ERR Can't execute 'publish': ${allowed}`,
    '[ "pong", "" ]',
    '[ "pong", "hi" ]',
    '[ "sunsubscribe", "a", 0 ]',
    "nil",
  ]);
});

test("who publishes to himself reads the answer before the message", async () => {
  await using world = await openWorld();
  const client = modern(world);
  client.say("SUBSCRIBE a");
  client.say("PUBLISH a 1");
  for (const line of ["MULTI", "PING abc", "PUBLISH a 2", "SET k v", "PUBLISH a 3", "EXEC"]) {
    client.say(line);
  }
  await world.settle();
  assert.deepEqual(
    client.heard().filter((reply) => reply !== "QUEUED"),
    [
      '>[ "subscribe", "a", 1 ]',
      "1",
      '>[ "message", "a", "1" ]',
      "OK",
      '[ "abc", 1, OK, 1 ]',
      '>[ "message", "a", "2" ]',
      '>[ "message", "a", "3" ]',
    ],
  );
});

test("inside EXEC a confirmation is the element of its command, whatever the protocol", async () => {
  await using world = await openWorld();
  for (const client of [world.connect(), modern(world)]) {
    for (const line of ["MULTI", "SUBSCRIBE a", "PSUBSCRIBE b c", "UNSUBSCRIBE", "SUNSUBSCRIBE"]) {
      client.say(line);
    }
    client.say("EXEC");
    assert.equal(
      client.heard().at(-1),
      '[ [ "subscribe", "a", 1 ], [ [ "psubscribe", "b", 2 ], [ "psubscribe", "c", 3 ] ], ' +
        '[ "unsubscribe", "a", 2 ], [ "sunsubscribe", nil, 0 ] ]',
    );
    assert.equal(client.session.subscriptionCount, 2);
  }
});

test("an EXEC stopped by a cold read is not subscribed before it runs", async () => {
  await using world = await openWorld();
  const client = world.connect();
  const other = world.connect();
  world.engine.coldKeys("all");
  world.engine.holdAsync();
  for (const line of ["MULTI", "SUBSCRIBE a b", "UNSUBSCRIBE b", "GET k", "EXEC"]) client.say(line);
  await world.settle();
  assert.ok(client.isWaiting);
  assert.equal(client.session.subscriptionCount, 0);
  other.say("PUBLISH a early");
  assert.deepEqual(other.heard(), ["0"]);
  world.engine.stopHolding();
  await world.settle();
  other.say("PUBLISH a late");
  assert.deepEqual(client.heard().slice(-2), [
    '[ [ [ "subscribe", "a", 1 ], [ "subscribe", "b", 2 ] ], [ "unsubscribe", "b", 1 ], nil ]',
    '[ "message", "a", "late" ]',
  ]);
  assert.deepEqual(world.core.hub.channels("channel", null), ["a"]);
});

test("a connection that closes while its EXEC waits leaves no subscription behind", async () => {
  await using world = await openWorld();
  const client = world.connect();
  world.engine.coldKeys("all");
  world.engine.holdAsync();
  for (const line of ["MULTI", "SUBSCRIBE a", "GET k", "EXEC"]) client.say(line);
  await world.settle();
  client.session.closed();
  world.engine.stopHolding();
  await world.settle();
  assert.equal(world.core.hub.isDeaf, true);
});

test("RESET and the end of the connection unsubscribe from everything", async () => {
  await using world = await openWorld();
  const reset = world.connect();
  const closed = world.connect();
  for (const client of [reset, closed]) {
    for (const line of ["SUBSCRIBE a b", "PSUBSCRIBE *", "SSUBSCRIBE s"]) client.say(line);
    client.heard();
  }
  reset.say("RESET");
  closed.session.closed();
  const other = world.connect();
  for (const line of ["PUBLISH a 1", "SPUBLISH s 1", "PUBSUB CHANNELS", "PUBSUB NUMPAT"]) {
    other.say(line);
  }
  other.say("PUBSUB SHARDCHANNELS");
  assert.deepEqual(other.heard(), ["0", "0", "[ ]", "0", "[ ]"]);
  reset.say("GET k");
  assert.deepEqual(reset.heard(), ["RESET", "nil"]);
  assert.deepEqual(closed.heard(), []);
});

test("PUBSUB tells who listens", async () => {
  await using world = await openWorld();
  const ears = [
    "SUBSCRIBE a b",
    "SUBSCRIBE b",
    "PSUBSCRIBE x* y*",
    "PSUBSCRIBE x*",
    "SSUBSCRIBE s",
  ];
  for (const line of ears) world.connect().say(line);
  const client = world.connect();
  for (const line of ["CHANNELS", "CHANNELS [b-z]", "NUMSUB a b c", "NUMSUB", "NUMPAT"]) {
    client.say(`PUBSUB ${line}`);
  }
  for (const line of ["SHARDCHANNELS", "SHARDCHANNELS x", "SHARDNUMSUB s a"]) {
    client.say(`pubsub ${line.toLowerCase()}`);
  }
  client.say("PUBSUB CHANNELS a b");
  assert.deepEqual(client.heard(), [
    '[ "a", "b" ]',
    '[ "b" ]',
    '[ "a", 1, "b", 2, "c", 0 ]',
    "[ ]",
    "2",
    '[ "s" ]',
    "[ ]",
    '[ "s", 1, "a", 0 ]',
    "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.",
  ]);
});

test("a message waits behind a reply of the subscriber's own that is held", async () => {
  await using world = await openWorld({ pipeline: { backgroundBytes: 0 } });
  const client = modern(world);
  const other = world.connect();
  client.say("SUBSCRIBE a");
  other.say("PUBLISH a 1");
  world.engine.holdAsync();
  client.say("SET k v");
  client.say("PUBLISH a 2");
  await world.settle();
  assert.deepEqual(client.heard(), ['>[ "subscribe", "a", 1 ]', '>[ "message", "a", "1" ]']);
  world.engine.stopHolding();
  await world.settle();
  assert.deepEqual(client.heard(), ["OK", "1", '>[ "message", "a", "2" ]']);
});

test("events of another database, and those not asked for, are not told", async () => {
  await using world = await openWorld();
  const ear = new Listener(world, "PSUBSCRIBE __key*");
  const client = world.connect();
  world.core.view.limits.notifyMask = 1 | 4; // K and g
  for (const line of ["SELECT 5", "SET k v", "DEL k", "SELECT 0", "SET k v"]) client.say(line);
  await world.settle();
  assert.deepEqual(ear.told(), ["__keyspace@5__:k del"]);
});
