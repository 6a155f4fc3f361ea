// ioredis as its users use it, in RESP2 and RESP3, on a server in a process of its own. Types that
// Kept does not have yet are left out.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { Redis, type RedisOptions } from "ioredis";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { ServerProcess } from "../support/process.ts";

/** A reply that never comes ends a test, not the run. */
const LIMIT = { timeout: 60_000 };
const BINARY = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

type Options = Omit<RedisOptions, "replyMapping">;

interface Started extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly directory: TemporaryDirectory;
  connect(options?: Options): Redis;
}

async function start(settings: Readonly<Record<string, string>> = {}): Promise<Started> {
  const directory = new TemporaryDirectory();
  const server = await ServerProcess.start({ dir: directory.path, settings });
  const clients: Redis[] = [];
  return {
    server,
    directory,
    connect(options = {}) {
      const client = new Redis(server.port, "127.0.0.1", options);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.disconnect();
      await server[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

for (const protocol of [2, 3] as const) {
  test(`RESP${protocol}: values of every kind go in and come out`, LIMIT, async () => {
    await using kept = await start();
    const redis = kept.connect({ protocol });
    assert.equal(await redis.set("text", "käse"), "OK");
    assert.equal(await redis.get("text"), "käse");
    await redis.set("binary", BINARY);
    assert.deepEqual(await redis.getBuffer("binary"), BINARY);
    await redis.set(BINARY, "binary key");
    assert.equal(await redis.get(BINARY), "binary key");
    assert.equal(await redis.incr("n"), 1);
    assert.equal(await redis.incrby("n", 41), 42);
    assert.equal(await redis.incrbyfloat("f", 1.5), "1.5");
    assert.deepEqual(await redis.mget("n", "missing", "f"), ["42", null, "1.5"]);
    assert.equal(await redis.set("n", "other", "NX"), null);
    assert.equal(await redis.set("short", "v", "PX", 100_000), "OK");
    const left = await redis.pttl("short");
    assert.ok(left > 0 && left <= 100_000);
    assert.equal(await redis.del("n", "f", "missing"), 2);
    assert.equal(await redis.exists("n"), 0);
    assert.equal(await redis.setbit("bits", 7, 1), 0);
    assert.equal(await redis.bitcount("bits"), 1);
    await assert.rejects(redis.incr("text"), /value is not an integer/);
    await assert.rejects(redis.call("NONSENSE"), /unknown command/);
    assert.equal(await redis.dbsize(), 5);
  });

  test(`RESP${protocol}: pipelines and transactions`, LIMIT, async () => {
    await using kept = await start();
    const redis = kept.connect({ protocol });
    const pipeline = redis.pipeline();
    for (let index = 0; index < 1000; index++) pipeline.set(`key:${index}`, String(index));
    const results = await pipeline.incr("key:7").get("key:7").incr("text").exec();
    assert.deepEqual(results?.slice(-3, -1), [
      [null, 8],
      [null, "8"],
    ]);
    assert.equal(await redis.dbsize(), 1001);

    await redis.set("text", "no number");
    const outcome = await redis.multi().set("a", "1").incr("text").incr("a").exec();
    assert.deepEqual(outcome?.[0], [null, "OK"]);
    assert.match(String(outcome?.[1]?.[0]), /not an integer/);
    assert.deepEqual(outcome?.[2], [null, 2]);
    await assert.rejects(redis.multi().set("a", "3").call("NONSENSE").exec(), /EXECABORT/);
    assert.equal(await redis.get("a"), "2");
  });
}

test("WATCH: ten clients that try again until it holds lose no increment", LIMIT, async () => {
  await using kept = await start();
  const clients = Array.from({ length: 10 }, () => kept.connect());
  await Promise.all(
    clients.map(async (client) => {
      for (let done = 0; done < 20;) {
        // oxlint-disable no-await-in-loop -- a step rests on the one before
        await client.watch("shared");
        const value = Number(await client.get("shared"));
        const outcome = await client
          .multi()
          .set("shared", String(value + 1))
          .exec();
        // oxlint-enable no-await-in-loop
        if (outcome !== null) done++;
      }
    }),
  );
  assert.equal(await clients[0]?.get("shared"), "200");
});

test("publish and subscribe, patterns and bytes, and keyspace events", LIMIT, async () => {
  await using kept = await start({ "notify-keyspace-events": "KEA" });
  const [publisher, subscriber] = [kept.connect(), kept.connect()];
  assert.equal(await subscriber.subscribe("news", "weather"), 2);
  assert.equal(await subscriber.psubscribe("n*"), 3);
  const heard: string[] = [];
  subscriber.on("message", (channel, message) => heard.push(`${channel} ${message}`));
  subscriber.on("pmessage", (pattern, channel, message) => {
    heard.push(`${pattern} ${channel} ${message}`);
  });
  assert.equal(await publisher.publish("news", "first"), 2);
  await until(() => heard.length === 2);
  assert.deepEqual(heard, ["news first", "n* news first"]);
  const bytes = once(subscriber, "messageBuffer");
  await publisher.publish("weather", BINARY);
  const [, message] = await bytes;
  assert.deepEqual(message, BINARY);

  await subscriber.unsubscribe("news", "weather");
  await subscriber.punsubscribe("n*");
  assert.equal(await publisher.publish("news", "nobody"), 0);
  await subscriber.subscribe("__keyevent@0__:set");
  const event = once(subscriber, "message");
  await publisher.set("key", "value");
  assert.deepEqual(await event, ["__keyevent@0__:set", "key"]);
});

test("scan streams give every key once it stands still", LIMIT, async () => {
  await using kept = await start();
  const redis = kept.connect();
  const wanted = new Set<string>();
  const pipeline = redis.pipeline();
  for (let index = 0; index < 3000; index++) {
    pipeline.set(`user:${index}`, "");
    pipeline.set(`other:${index}`, "");
    wanted.add(`user:${index}`);
  }
  await pipeline.exec();
  const found = new Set<string>();
  for await (const keys of redis.scanStream({ match: "user:*", count: 100 })) {
    assert.ok(Array.isArray(keys));
    for (const key of keys) found.add(String(key));
  }
  assert.deepEqual(found, wanted);
});

test("several databases, a name, and auto-pipelining", LIMIT, async () => {
  await using kept = await start();
  const redis = kept.connect({ db: 3, connectionName: "tester", enableAutoPipelining: true });
  await Promise.all(Array.from({ length: 100 }, (_, index) => redis.set(`key:${index}`, index)));
  assert.equal(await redis.dbsize(), 100);
  assert.equal(await redis.client("GETNAME"), "tester");
  const first = kept.connect();
  assert.equal(await first.dbsize(), 0);
  await first.select(3);
  await first.flushdb();
  assert.equal(await redis.dbsize(), 0);
});

test("a password is asked for, and given", LIMIT, async () => {
  await using kept = await start({ requirepass: "secret" });
  const redis = kept.connect({ password: "secret" });
  assert.equal(await redis.set("a", "b"), "OK");
  const stranger = kept.connect({ password: "wrong", retryStrategy: () => null });
  const [error] = await once(stranger, "error");
  assert.match(String(error), /WRONGPASS/);
});

test(
  "it reconnects by itself when the server was killed, and all that was answered is there",
  LIMIT,
  async () => {
    await using kept = await start();
    const redis = kept.connect({ retryStrategy: () => 20, maxRetriesPerRequest: null });
    const errors: string[] = [];
    redis.on("error", (error: Error) => errors.push(error.message));
    await redis.set("before", "1");
    await kept.server.kill();
    const waiting = redis.get("before");
    const { port } = kept.server;
    await using again = await ServerProcess.start({ dir: kept.directory.path, port });
    assert.equal(await waiting, "1");
    assert.equal(await redis.incr("before"), 2);
    assert.ok(again.isRunning);
  },
);
