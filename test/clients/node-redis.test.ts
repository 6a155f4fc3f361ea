// node-redis as its users use it, in RESP2 and RESP3, on a server in a process of its own. Types that
// Kept does not have yet are left out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BasicClientSideCache, RESP_TYPES, WatchError, createClient } from "redis";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { ServerProcess } from "../support/process.ts";

/** A reply that never comes ends a test, not the run. */
const LIMIT = { timeout: 60_000 };
const BINARY = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

async function start(settings: Readonly<Record<string, string>> = {}) {
  const directory = new TemporaryDirectory();
  const server = await ServerProcess.start({ dir: directory.path, settings });
  const closers: (() => void)[] = [];
  return {
    server,
    directory,
    async connect(protocol: 2 | 3 = 2, url = "", cache: BasicClientSideCache | null = null) {
      const socket = { port: server.port, host: "127.0.0.1", reconnectStrategy: () => 20 };
      const base = url === "" ? { socket } : { url };
      const cached = cache === null ? {} : { clientSideCache: cache };
      const client = createClient({ ...base, ...cached, RESP: protocol });
      client.on("error", () => {
        // The server was killed; it reconnects.
      });
      closers.push(() => client.destroy());
      await client.connect();
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const close of closers) close();
      await server[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

for (const protocol of [2, 3] as const) {
  test(`RESP${protocol}: values of every kind go in and come out`, LIMIT, async () => {
    await using kept = await start();
    const redis = await kept.connect(protocol);
    assert.equal(await redis.set("text", "käse"), "OK");
    assert.equal(await redis.get("text"), "käse");
    await redis.set("binary", BINARY);
    const asBuffers = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    assert.deepEqual(await asBuffers.get("binary"), BINARY);
    assert.equal(await redis.incr("n"), 1);
    assert.equal(await redis.incrBy("n", 41), 42);
    assert.equal(await redis.incrByFloat("f", 1.5), "1.5");
    assert.deepEqual(await redis.mGet(["n", "missing", "f"]), ["42", null, "1.5"]);
    const options = { expiration: { type: "PX", value: 100_000 }, condition: "NX" } as const;
    assert.equal(await redis.set("n", "other", options), null);
    assert.equal(await redis.set("short", "v", options), "OK");
    const left = await redis.pTTL("short");
    assert.ok(left > 0 && left <= 100_000);
    assert.equal(await redis.getDel("short"), "v");
    assert.equal(await redis.del(["n", "f", "missing"]), 2);
    assert.equal(await redis.exists("n"), 0);
    assert.equal(await redis.type("text"), "string");
    await assert.rejects(redis.incr("text"), /value is not an integer/);
    await assert.rejects(redis.sendCommand(["NONSENSE"]), /unknown command/);
    assert.equal(await redis.dbSize(), 2);
  });

  test(
    `RESP${protocol}: what is sent in one turn is pipelined; MULTI and what fails in it`,
    LIMIT,
    async () => {
      await using kept = await start();
      const redis = await kept.connect(protocol);
      const replies = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => redis.set(`key:${index}`, String(index))),
      );
      assert.ok(replies.every((reply) => reply === "OK"));
      assert.equal(await redis.dbSize(), 1000);

      const outcome = await redis.multi().set("a", "1").incr("a").get("a").exec();
      assert.deepEqual(outcome, ["OK", 2, "2"]);
      await redis.set("text", "no number");
      await assert.rejects(redis.multi().set("a", "5").incr("text").exec(), /1 commands failed/);
      assert.equal(await redis.get("a"), "5");
      await assert.rejects(
        redis.multi().set("a", "6").addCommand(["NONSENSE"]).exec(),
        /unknown command/,
      );
      assert.equal(await redis.get("a"), "5");
    },
  );
}

test("WATCH: ten clients that try again until it holds lose no increment", LIMIT, async () => {
  await using kept = await start();
  const clients = await Promise.all(Array.from({ length: 10 }, () => kept.connect()));
  await Promise.all(
    clients.map(async (client) => {
      for (let done = 0; done < 20;) {
        try {
          // oxlint-disable no-await-in-loop -- a step rests on the one before
          await client.watch("shared");
          const value = Number(await client.get("shared"));
          await client
            .multi()
            .set("shared", String(value + 1))
            .exec();
          // oxlint-enable no-await-in-loop
          done++;
        } catch (error) {
          if (!(error instanceof WatchError)) throw error;
        }
      }
    }),
  );
  assert.equal(await clients[0]?.get("shared"), "200");
});

for (const protocol of [2, 3] as const) {
  test(
    `RESP${protocol}: publish and subscribe, patterns, shard channels and bytes`,
    LIMIT,
    async () => {
      await using kept = await start();
      const publisher = await kept.connect(protocol);
      const subscriber = await kept.connect(protocol);
      const heard: string[] = [];
      await subscriber.subscribe(["news", "weather"], (message, channel) => {
        heard.push(`${channel} ${message}`);
      });
      await subscriber.pSubscribe("n*", (message, channel) =>
        heard.push(`n* ${channel} ${message}`),
      );
      await subscriber.sSubscribe("shard", (message) => heard.push(`shard ${message}`));
      assert.equal(await publisher.publish("news", "first"), 2);
      assert.equal(await publisher.sPublish("shard", "second"), 1);
      await until(() => heard.length === 3);
      assert.deepEqual(heard, ["news first", "n* news first", "shard second"]);

      let bytes: Buffer | null = null;
      const listen = (message: Buffer) => {
        bytes = message;
      };
      await subscriber.subscribe("binary", listen, true);
      await publisher.publish("binary", BINARY);
      await until(() => bytes !== null);
      assert.deepEqual(bytes, BINARY);
      await subscriber.unsubscribe();
      await subscriber.pUnsubscribe();
      assert.equal(await publisher.publish("news", "nobody"), 0);
    },
  );
}

test("the client's own cache never serves what has changed", LIMIT, async () => {
  await using kept = await start();
  const writer = await kept.connect();
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 100, evictPolicy: "LRU" });
  const reader = await kept.connect(3, "", cache);
  await writer.set("k", "0");
  assert.equal(await reader.get("k"), "0");
  assert.equal(await reader.get("k"), "0");
  assert.ok(cache.stats().hitCount >= 1, "the second time it is not asked for");
  for (let round = 1; round <= 100; round++) {
    await writer.multi().set("k", String(round)).hSet("h", "f", String(round)).exec();
    await until(async () => (await reader.get("k")) === String(round));
    await until(async () => (await reader.hGet("h", "f")) === String(round));
  }
  const { hitCount } = cache.stats();
  assert.equal(await reader.get("k"), "100");
  await reader.get("k");
  assert.ok(cache.stats().hitCount > hitCount);
  await writer.flushAll();
  await until(async () => (await reader.get("k")) === null);
});

test("scan iterators give every key", LIMIT, async () => {
  await using kept = await start();
  const redis = await kept.connect();
  const wanted = new Set(Array.from({ length: 3000 }, (_, index) => `user:${index}`));
  await Promise.all([...wanted].map((key) => redis.set(key, "")));
  await redis.mSet({ "other:1": "", "other:2": "" });
  const found = new Set<string>();
  for await (const keys of redis.scanIterator({ MATCH: "user:*", COUNT: 100 })) {
    for (const key of keys) found.add(key);
  }
  assert.deepEqual(found, wanted);
});

test("a URL with a password and a database", LIMIT, async () => {
  await using kept = await start({ requirepass: "secret" });
  const url = (password: string) => `redis://:${password}@127.0.0.1:${kept.server.port}/3`;
  const redis = await kept.connect(3, url("secret"));
  assert.equal(await redis.set("a", "b"), "OK");
  assert.equal((await redis.clientInfo()).db, 3);
});

test(
  "it reconnects by itself when the server was killed, and all that was answered is there",
  LIMIT,
  async () => {
    await using kept = await start();
    const redis = await kept.connect();
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
