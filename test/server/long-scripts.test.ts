// Scripts that take long, on a server of its own process: nobody is held up who could stop them, and they can be stopped.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorReply, OK, PONG, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { KeptProcess } from "../support/kept-process.ts";
import type { RawClient } from "../support/raw-client.ts";

const ENDLESS = "while true do end";
const BUSY =
  "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

function start(folder: TemporaryDirectory, ...more: string[]): Promise<KeptProcess> {
  return KeptProcess.start(["--dir", folder.path, "--busy-reply-threshold", "100", ...more]);
}

function textOf(reply: Reply): string {
  assert.ok(reply instanceof ErrorReply);
  return reply.text;
}

/** Until others hear BUSY. */
async function untilBusy(client: RawClient): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    if ((await client.send("PING")) instanceof ErrorReply) return;
  }
  assert.fail("nobody was told BUSY");
}

test("an endless script is killed, and others are told BUSY until then", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder);
  using runner = await server.client();
  using other = await server.client();
  assert.deepEqual(await other.send("SET", "k", "v"), OK);
  assert.match(textOf(await other.send("SCRIPT", "KILL")), /^NOTBUSY /);
  const ended = runner.send("EVAL", ENDLESS, "0");
  await untilBusy(other);
  assert.equal(textOf(await other.send("GET", "k")), BUSY);
  assert.match(textOf(await other.send("FUNCTION", "KILL")), /^BUSY /);
  assert.deepEqual(await other.send("MULTI"), OK);
  const refused = textOf(await other.send("EXEC"));
  assert.equal(refused, `EXECABORT Transaction discarded because of: ${BUSY}`);
  assert.deepEqual(await other.send("SCRIPT", "KILL"), OK);
  assert.match(textOf(await ended), /Script killed by user with SCRIPT KILL/);
  assert.equal(await other.send("GET", "k"), "v");
  assert.equal(await runner.send("EVAL", "return redis.call('get', 'k')", "0"), "v");
});

test("no pcall holds what ends a script, and no pattern holds the server", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder);
  using runner = await server.client();
  using other = await server.client();
  for (const script of [
    "while true do pcall(function() while true do end end) end",
    "return string.find(string.rep('a', 5000), string.rep('a-', 12) .. 'b')",
    "local f = coroutine.wrap(function() while true do end end) return f()",
  ]) {
    const ended = runner.send("EVAL", script, "0");
    await untilBusy(other);
    assert.deepEqual(await other.send("SCRIPT", "KILL"), OK);
    assert.match(textOf(await ended), /Script killed/);
  }
});

test("a script that has written is not killed; script-time-max ends it and undoes what it wrote", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder, "--script-time-max", "1500");
  using runner = await server.client();
  using other = await server.client();
  const writes = "redis.call('set', 'w', 1) redis.log(redis.LOG_WARNING, 'has written')";
  const ended = runner.send("EVAL", `${writes} ${ENDLESS}`, "0");
  await server.says(/has written/);
  assert.match(textOf(await other.send("SCRIPT", "KILL")), /^UNKILLABLE /);
  assert.match(textOf(await ended), /script-time-max/);
  assert.equal(await other.send("GET", "w"), null);
});

test("a long script is one unit: its writes are there together, and who waited comes after", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder, "--busy-reply-threshold", "0");
  using runner = await server.client();
  using other = await server.client();
  const script =
    "for i = 1, 20 do redis.call('rpush', 'l', i) end " +
    "local x = 0 for i = 1, 3e6 do x = x + i end " +
    "for i = 21, 40 do redis.call('rpush', 'l', i) end return redis.call('llen', 'l')";
  const length = runner.send("EVAL", script, "0");
  const seen: Reply[] = [];
  for (let count = 0; count < 20; count++) seen.push(await other.send("LLEN", "l"));
  assert.equal(await length, 40);
  for (const one of seen) assert.ok(one === 0 || one === 40, JSON.stringify(seen));
  // In a transaction as well.
  assert.deepEqual(await runner.send("MULTI"), OK);
  await runner.send("INCR", "n");
  await runner.send("EVAL", script, "0");
  await runner.send("EVAL", "error('no')", "0");
  await runner.send("INCR", "n");
  const replies = await runner.send("EXEC");
  assert.ok(Array.isArray(replies) && replies.length === 4);
  assert.deepEqual([replies[0], replies[1], replies[3]], [1, 80, 2]);
});

test("a greedy script gets an error, and the next one runs", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder, "--script-memory-max", "32mb");
  using client = await server.client();
  for (const script of [
    "local t = {} for i = 1, 1e9 do t[i] = {i} end",
    "return #string.rep('x', 1e9)",
    "local function f() return f() + 1 end return f()",
    "local t = {} for i = 1, 1000 do t = {t} end return cjson.encode(t)",
  ]) {
    assert.match(textOf(await client.send("EVAL", script, "0")), /memory|overflow|nesting/, script);
  }
  assert.deepEqual(await client.send("EVAL", "return redis.call('ping')", "0"), PONG);
});

test("functions are there after a restart", async () => {
  using folder = new TemporaryDirectory();
  const code = "#!lua name=l\nredis.register_function('f', function(keys) return keys[1] end)";
  {
    await using server = await start(folder);
    using client = await server.client();
    assert.equal(await client.send("FUNCTION", "LOAD", code), "l");
  }
  await using server = await start(folder);
  using client = await server.client();
  assert.equal(await client.send("FCALL", "f", "1", "here"), "here");
});

test("SHUTDOWN ends the server while a script runs, and leaves nothing of it", async () => {
  using folder = new TemporaryDirectory();
  {
    await using server = await start(folder);
    using runner = await server.client();
    using other = await server.client();
    void runner.send("EVAL", `redis.call('set', 'w', 1) ${ENDLESS}`, "0").catch(() => {});
    await untilBusy(other);
    void other.send("SHUTDOWN", "NOSAVE").catch(() => {});
    assert.equal((await server.ended()).code, 0);
  }
  await using server = await start(folder);
  using client = await server.client();
  assert.equal(await client.send("EXISTS", "w"), 0);
});

test("what an EXEC with a long script has read is tracked", async () => {
  using folder = new TemporaryDirectory();
  await using server = await start(folder);
  using runner = await server.client();
  using other = await server.client();
  await other.send("SET", "k", "v");
  await runner.send("HELLO", "3");
  assert.deepEqual(await runner.send("CLIENT", "TRACKING", "ON"), OK);
  await runner.send("MULTI");
  await runner.send("GET", "k");
  await runner.send("EVAL", ENDLESS, "0");
  const ended = runner.send("EXEC");
  await untilBusy(other);
  assert.deepEqual(await other.send("SCRIPT", "KILL"), OK);
  const [read] = elementsOf(await ended);
  assert.equal(read, "v");
  await other.send("SET", "k", "new");
  assert.match(format(await runner.readReply()), /invalidate.*"k"/);
});

function elementsOf(reply: Reply): readonly Reply[] {
  assert.ok(Array.isArray(reply));
  return reply as readonly Reply[];
}
