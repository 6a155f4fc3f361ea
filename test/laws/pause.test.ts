// CLIENT PAUSE WRITE lets pass whoever has said in advance that he does not write: scripts and functions with the flag
// no-writes and the _RO commands, alone and in EXEC. Redis 7's rules, which 7.0.15's suite asks for (unit/pause).

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { openWorld } from "../support/world.ts";

const READS = "#!lua flags=no-writes\nreturn redis.call('get', 'a')";
const MAY_WRITE = "#!lua\nreturn 1";
const SHA_OF_READS = "5b1d5ed7f1f4a3f2b3a0a2dd2ad4c0c8b5a0e2b1";
const LIBRARY = `#!lua name=lib
redis.register_function{function_name='reads', flags={'no-writes'}, callback=function() return 'read' end}
redis.register_function{function_name='writes', callback=function() return 'written' end}`;

test("what declares that it does not write runs during a pause of writes, alone and in EXEC", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  talker.say("SET a 1");
  talker.send(["FUNCTION", "LOAD", LIBRARY]);
  talker.send(["SCRIPT", "LOAD", READS]);
  await world.settle();
  const sha = talker.heard()[2]?.replaceAll('"', "") ?? SHA_OF_READS;
  world.core.pause.begin("write", Number.MAX_SAFE_INTEGER);
  const calls: Bytes[][] = [
    ["EVAL", READS, "0"],
    ["EVALSHA", sha, "0"],
    ["EVAL_RO", "return redis.call('get', 'a')", "0"],
    ["FCALL", "READS", "0"],
    ["FCALL_RO", "reads", "0"],
    ["MULTI"],
    ["EVAL", READS, "0"],
    ["FCALL", "reads", "0"],
    ["EXEC"],
  ];
  for (const call of calls) talker.send(call);
  await world.settle();
  assert.deepEqual(talker.heard(), [
    '"1"',
    '"1"',
    '"1"',
    '"read"',
    '"read"',
    "OK",
    "QUEUED",
    "QUEUED",
    '[ "1", "read" ]',
  ]);
});

test("scripts that may write, or do not say, wait for the end of the pause", async () => {
  await using world = await openWorld();
  const loader = world.connect();
  loader.send(["FUNCTION", "LOAD", LIBRARY]);
  await world.settle();
  world.core.pause.begin("write", Number.MAX_SAFE_INTEGER);
  const calls: Bytes[][][] = [
    [["EVAL", "return 1", "0"]],
    [["EVAL", MAY_WRITE, "0"]],
    [["EVAL", "#!lua flags=nosuch\nreturn 1", "0"]],
    [["EVALSHA", SHA_OF_READS, "0"]],
    [["FCALL", "writes", "0"]],
    [["FCALL", "nosuch", "0"]],
    [["MULTI"], ["EVAL", READS, "0"], ["EVAL", MAY_WRITE, "0"], ["EXEC"]],
  ];
  const talkers = calls.map((lines) => {
    const talker = world.connect();
    for (const line of lines) talker.send(line);
    return talker;
  });
  await world.settle();
  assert.ok(talkers.every(({ isWaiting }) => isWaiting));
  world.core.pause.end();
  await world.settle();
  assert.deepEqual(
    talkers.map((talker) => talker.heard().at(-1)),
    [
      "1",
      "1",
      "-ERR Unexpected flag in script shebang: nosuch",
      "-NOSCRIPT No matching script. Please use EVAL.",
      '"written"',
      "-ERR Function not found",
      "[ nil, 1 ]",
    ],
  );
});
