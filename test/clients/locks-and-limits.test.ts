// Scripts of packages that are used everywhere: locks of redlock, limits of rate-limiter-flexible,
// both through ioredis on a server in a process of its own.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { KeptProcess } from "../support/kept-process.ts";

/** A reply that never comes ends a test, not the run. */
const LIMIT = { timeout: 60_000 };

interface Lock {
  readonly value: string;
  readonly expiration: number;
  unlock(): Promise<void>;
  extend(ttl: number): Promise<Lock>;
}

/** What we use of redlock, which brings no types. */
type RedlockClass = new (
  clients: readonly Redis[],
  options: { retryCount: number; retryDelay: number; retryJitter: number },
) => { lock(resources: string | readonly string[], ttl: number): Promise<Lock> };

const Redlock: RedlockClass = createRequire(import.meta.url)("redlock");

class Kept implements AsyncDisposable {
  readonly #directory = new TemporaryDirectory();
  readonly #clients: Redis[] = [];
  #server: KeptProcess | undefined;

  static async start(): Promise<Kept> {
    const kept = new Kept();
    kept.#server = await KeptProcess.start(["--dir", kept.#directory.path]);
    return kept;
  }

  connect(): Redis {
    const client = new Redis(this.#server?.port ?? 0, "127.0.0.1");
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.#server?.[Symbol.asyncDispose]();
    this.#directory[Symbol.dispose]();
  }
}

test("redlock: one holds a lock at a time, and only the holder gives it back", LIMIT, async () => {
  await using kept = await Kept.start();
  const redis = kept.connect();
  const patient = { retryCount: 2000, retryDelay: 5, retryJitter: 5 };
  let [inside, most, total] = [0, 0, 0];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const redlock = new Redlock([kept.connect()], patient);
      for (let round = 0; round < 10; round++) {
        // oxlint-disable no-await-in-loop -- one lock after the other is the point
        const lock = await redlock.lock("shared", 20_000);
        most = Math.max(most, ++inside);
        total++;
        await redis.get("shared");
        inside--;
        await lock.unlock();
        // oxlint-enable no-await-in-loop
      }
    }),
  );
  assert.deepEqual([inside, most, total], [0, 1, 80]);
  assert.equal(await redis.exists("shared"), 0);
});

test("redlock: several keys at once, longer, and free again when time is up", LIMIT, async () => {
  await using kept = await Kept.start();
  const redis = kept.connect();
  const redlock = new Redlock([redis], { retryCount: 0, retryDelay: 5, retryJitter: 5 });
  const lock = await redlock.lock(["a", "b"], 20_000);
  assert.deepEqual(await redis.mget("a", "b"), [lock.value, lock.value]);
  await assert.rejects(redlock.lock(["b", "c"], 20_000), { name: "LockError" });
  assert.equal(await redis.exists("c"), 0);
  const longer = await lock.extend(60_000);
  assert.ok((await redis.pttl("b")) > 20_000);
  await longer.unlock();
  await assert.rejects(lock.unlock(), { name: "LockError" });

  const short = await redlock.lock("a", 1000);
  await until(async () => (await redis.exists("a")) === 0);
  const next = await redlock.lock("a", 20_000);
  await assert.rejects(short.unlock(), { name: "LockError" });
  assert.equal(await redis.get("a"), next.value);
});

test("rate-limiter-flexible: as many as the points, from all clients together", LIMIT, async () => {
  await using kept = await Kept.start();
  const limiters = Array.from({ length: 4 }, () => {
    return new RateLimiterRedis({ storeClient: kept.connect(), points: 50, duration: 60 });
  });
  const asked = limiters.flatMap((each) => {
    return Array.from({ length: 50 }, () => each.consume("user"));
  });
  const outcomes = await Promise.allSettled(asked);
  const refused = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  assert.equal(refused.length, 150);
  for (const reason of refused) {
    assert.ok(reason instanceof RateLimiterRes, String(reason));
    assert.equal(reason.remainingPoints, 0);
    assert.ok(reason.msBeforeNext > 0 && reason.msBeforeNext <= 60_000);
  }
  const [limiter] = limiters;
  assert.equal((await limiter?.get("user"))?.consumedPoints, 200);
  assert.equal((await limiter?.reward("user", 200))?.consumedPoints, 0);
  assert.equal((await limiter?.consume("user", 50))?.remainingPoints, 0);
  assert.equal(await limiter?.delete("user"), true);
  assert.equal(await limiter?.get("user"), null);
});

test("rate-limiter-flexible: points come back when the duration is over", LIMIT, async () => {
  await using kept = await Kept.start();
  const limiter = new RateLimiterRedis({ storeClient: kept.connect(), points: 1, duration: 2 });
  assert.equal((await limiter.consume("user")).isFirstInDuration, true);
  await assert.rejects(limiter.consume("user"), { remainingPoints: 0 });
  await until(async () => (await limiter.get("user")) === null);
  assert.equal((await limiter.consume("user")).isFirstInDuration, true);
});
