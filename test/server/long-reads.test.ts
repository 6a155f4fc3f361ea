// Reading commands on threads of their own, on a server of its own process: they answer what they answer on the event
// loop, byte by byte, and can be stopped at any moment.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorReply, OK, type Reply } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { KeptProcess } from "../support/kept-process.ts";
import type { RawClient } from "../support/raw-client.ts";

const COUNT = 3000;
const SMALL = "--long-read-elements";

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

async function infoOf(client: RawClient, field: string): Promise<number> {
  const info = await client.send("INFO", "kept");
  assert.ok(typeof info === "object" || typeof info === "string");
  const text = typeof info === "string" ? info : JSON.stringify(info);
  return Number(new RegExp(`${field}:(\\d+)`).exec(text)?.[1]);
}

async function fill(client: RawClient): Promise<void> {
  const all = numbers(COUNT);
  await client.send("SADD", "s", ...all.map((index) => `m${index}`));
  await client.send("SADD", "t", ...all.map((index) => `m${index * 2}`));
  await client.send("SADD", "ints", ...all.map(String));
  await client.send("HSET", "h", ...all.flatMap((index) => [`f${index}`, `v${index}`]));
  await client.send("RPUSH", "l", ...all.map((index) => `e${index}`));
  await client.send("ZADD", "z", ...all.flatMap((index) => [`${index % 100}.5`, `m${index}`]));
  await client.send(
    "GEOADD",
    "g",
    ...all.flatMap((index) => [`${index / 100}`, "50", `m${index}`]),
  );
  for (const index of all.slice(0, 500)) client.write(`XADD x ${index + 1} f v${index}\r\n`);
  await client.readReplies(500);
  await client.send("XGROUP", "CREATE", "x", "group", "0");
  await client.send("SET", "string", "v");
  await client.send("PEXPIRE", "s", "100000000");
}

/** What has one answer. */
const READS: readonly string[] = [
  "SMEMBERS s",
  "SMEMBERS ints",
  "SUNION s t",
  "SINTER s t",
  "SDIFF s t",
  "SINTERCARD 2 s t",
  "SINTERCARD 2 s t LIMIT 1200",
  "SSCAN s 0 COUNT 2000",
  "SSCAN s 0 MATCH *7 COUNT 100000",
  "SORT_RO s ALPHA",
  "SORT_RO l ALPHA LIMIT 10 20",
  "SORT s ALPHA DESC",
  "HGETALL h",
  "HKEYS h",
  "HVALS h",
  "HSCAN h 0 COUNT 2500",
  "LRANGE l 0 -1",
  "LRANGE l 500 2600",
  "LPOS l nowhere",
  "LPOS l e2999",
  "ZRANGE z 0 -1 WITHSCORES",
  "ZRANGE z 0 -1 REV",
  "ZRANGEBYSCORE z 3 80 WITHSCORES",
  "ZREVRANGEBYSCORE z +inf -inf LIMIT 5 2500",
  "ZUNION 2 z s WITHSCORES",
  "ZINTER 2 z t",
  "ZDIFF 2 z t WITHSCORES",
  "ZINTERCARD 2 z t",
  "ZSCAN z 0 COUNT 2000",
  "GEOSEARCH g FROMLONLAT 15 50 BYRADIUS 5000 km ASC WITHDIST",
  "XRANGE x - +",
  "XREVRANGE x + -",
  "XREAD STREAMS x 0",
  "XINFO STREAM x FULL COUNT 0",
  "DUMP s",
  "DUMP l",
  "KEYS *",
];

for (const protocol of ["2", "3"]) {
  test(`they answer what they answer on the event loop, RESP${protocol}`, async () => {
    using folder = new TemporaryDirectory();
    await using server = await KeptProcess.start(["--dir", folder.path, SMALL, "3"]);
    using client = await server.client();
    await client.send("HELLO", protocol);
    await fill(client);
    const elsewhere: Reply[] = [];
    let ran = 0;
    const stayed: string[] = [];
    for (const line of READS) {
      elsewhere.push(await client.send(...line.split(" ")));
      const count = await infoOf(client, "long_reads");
      if (count === ran) stayed.push(line);
      ran = count;
    }
    assert.deepEqual(stayed, []);
    assert.deepEqual(await client.send("CONFIG", "SET", "long-read-threads", "0"), OK);
    for (const [index, line] of READS.entries()) {
      assert.deepEqual(await client.send(...line.split(" ")), elsewhere[index], line);
    }
    assert.equal(await infoOf(client, "long_reads"), ran);
  });
}

test("what is drawn by chance is of the collection, and different each time", async () => {
  using folder = new TemporaryDirectory();
  await using server = await KeptProcess.start(["--dir", folder.path, SMALL, "3"]);
  using client = await server.client();
  await fill(client);
  for (const [words, size] of [
    [["SRANDMEMBER", "s", "100"], 100],
    [["SRANDMEMBER", "s", "-100"], 100],
    [["HRANDFIELD", "h", "100", "WITHVALUES"], 200],
    [["ZRANDMEMBER", "z", "100"], 100],
  ] as const) {
    const first = await client.send(...words);
    const second = await client.send(...words);
    assert.ok(Array.isArray(first) && first.length === size);
    assert.notDeepEqual(first, second);
  }
  assert.equal(await infoOf(client, "long_reads"), 8);
});

/** Until so many run. */
async function untilRunning(client: RawClient, count: number): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    // oxlint-disable-next-line no-await-in-loop -- asked until it is so
    if ((await infoOf(client, "long_reads_running")) === count) return;
  }
  assert.fail(`there are never ${count} that run`);
}

/** A set of which an intersection with itself takes seconds. */
async function fillLarge(client: RawClient, count: number, width: number): Promise<void> {
  for (let from = 0; from < count; from += 1000) {
    const members = numbers(1000).map((index) => `${from + index}`.padEnd(width, "."));
    await client.send("SADD", "large", ...members);
  }
}

test("a client that is killed stops its read, and the next one gets a thread", async () => {
  using folder = new TemporaryDirectory();
  await using server = await KeptProcess.start(["--dir", folder.path]);
  using runner = await server.client();
  using other = await server.client();
  await fillLarge(other, 40_000, 12);
  const id = Number(await runner.send("CLIENT", "ID"));
  for (const ending of ["kill", "close"]) {
    using gone = ending === "kill" ? runner : await server.client();
    gone.write("SINTERCARD 3 large large large\r\n");
    await untilRunning(other, 1);
    // Nobody waits for it.
    assert.deepEqual(await other.send("SET", "k", "v"), OK);
    if (ending === "kill") assert.equal(await other.send("CLIENT", "KILL", "ID", String(id)), 1);
    else gone.socket.destroy();
    await untilRunning(other, 0);
  }
  assert.equal(await other.send("SINTERCARD", "2", "large", "large"), 40_000);
});

test("a read that takes too much memory ends with an error, and the server goes on", async () => {
  using folder = new TemporaryDirectory();
  const settings = ["--dir", folder.path, "--long-read-memory-max", "64mb"];
  await using server = await KeptProcess.start(settings);
  using client = await server.client();
  await fillLarge(client, 30_000, 3000);
  const reply = await client.send("SMEMBERS", "large");
  assert.ok(reply instanceof ErrorReply);
  assert.match(reply.text, /^ERR the command needs more memory than long-read-memory-max; /);
  assert.equal(await client.send("SCARD", "large"), 30_000);
  await client.send("SADD", "small", ...numbers(5000).map(String));
  assert.ok(Array.isArray(await client.send("SMEMBERS", "small")));
});

test("a read that runs is in nobody's way when the server stops", async () => {
  using folder = new TemporaryDirectory();
  await using server = await KeptProcess.start(["--dir", folder.path]);
  using runner = await server.client();
  using other = await server.client();
  await fillLarge(other, 40_000, 12);
  runner.write("SINTERCARD 3 large large large\r\n");
  await untilRunning(other, 1);
  const { code } = await server.stop();
  assert.equal(code, 0);
});
