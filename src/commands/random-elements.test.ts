// Random elements with repeats: Redis sends as many as were asked for; here there is a limit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorReply } from "../resp/reply.ts";
import { dataWorld } from "./testing.ts";

test("a count that no reply could hold is refused, and neither time nor memory is spent on it", () => {
  const world = dataWorld();
  world.run("HSET", "hash", "field", "value");
  world.run("SADD", "set", "member");
  world.run("ZADD", "sorted", "1", "member");
  for (const call of [
    ["HRANDFIELD", "hash"],
    ["SRANDMEMBER", "set"],
    ["ZRANDMEMBER", "sorted"],
  ] as const) {
    const reply = world.run(...call, "-999999999");
    assert.ok(reply instanceof ErrorReply);
    assert.match(reply.text, /^ERR at most 1048576 random elements/);
    const few = world.run(...call, "-3");
    assert.ok(Array.isArray(few) && few.length === 3);
  }
});
