// Clients of a cluster as their users use them, on a server of several processes: ioredis, node-redis, redis-cli -c and
// redis-benchmark --cluster.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Cluster } from "ioredis";
import { createCluster } from "redis";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { KeptProcess } from "../support/kept-process.ts";
import { ManyProcesses } from "../support/many-processes.ts";
import { runTool, runToolWell } from "../support/tool.ts";

const LIMIT = { timeout: 120_000 };
const KEY_COUNT = 300;

let folder: TemporaryDirectory;
let many: ManyProcesses;

before(async () => {
  folder = new TemporaryDirectory();
  many = await ManyProcesses.start(folder.join("data"), { count: 3 });
});

after(async () => {
  await many[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const keys = Array.from({ length: KEY_COUNT }, (_, index) => `key:${index}`);

test(
  "ioredis: Cluster finds every key, pipelines and transactions of one slot run",
  LIMIT,
  async () => {
    const cluster = new Cluster([{ host: "127.0.0.1", port: many.ports[0] ?? 0 }]);
    try {
      await Promise.all(keys.map((key) => cluster.set(key, key)));
      assert.deepEqual(await Promise.all(keys.map((key) => cluster.get(key))), keys);
      const results = await cluster.pipeline().set("{u}a", 1).incr("{u}a").get("{u}a").exec();
      assert.deepEqual(results, [
        [null, "OK"],
        [null, 2],
        [null, "2"],
      ]);
      const done = await cluster.multi().set("{v}a", 1).incr("{v}b").exec();
      assert.deepEqual(done, [
        [null, "OK"],
        [null, 1],
      ]);
      assert.deepEqual(await cluster.mget("{u}a", "{u}none"), ["2", null]);
      await assert.rejects(cluster.mget("key:1", "key:2"), /CROSSSLOT/);
      assert.equal(await cluster.eval("return redis.call('incr', KEYS[1])", 1, "{u}a"), 3);
      assert.equal(cluster.nodes("master").length, 3);
      const sizes = await Promise.all(cluster.nodes("master").map((node) => node.dbsize()));
      assert.ok(sizes.every((size) => size > 50));
      // Every process has a part: what ioredis subscribes to one of them is heard from all.
      const subscriber = new Cluster([{ host: "127.0.0.1", port: many.ports[1] ?? 0 }]);
      try {
        const heard: string[] = [];
        subscriber.on("message", (_channel: string, text: string) => heard.push(text));
        await subscriber.subscribe("news");
        for (const [index, node] of cluster.nodes("master").entries()) {
          await node.publish("news", `from ${index}`);
        }
        await until(() => heard.length === 3);
        assert.deepEqual(heard.sort(), ["from 0", "from 1", "from 2"]);
      } finally {
        subscriber.disconnect();
      }
    } finally {
      cluster.disconnect();
    }
  },
);

test(
  "node-redis: createCluster finds every key in both protocols, and sharded channels",
  LIMIT,
  async () => {
    for (const protocol of [2, 3] as const) {
      const cluster = createCluster({
        rootNodes: [{ url: `redis://127.0.0.1:${many.ports[2]}` }],
        RESP: protocol,
      });
      cluster.on("error", () => {
        // A node that goes at the end of the test.
      });
      await cluster.connect();
      try {
        await Promise.all(keys.map((key) => cluster.set(key, `${protocol}${key}`)));
        const found = await Promise.all(keys.map((key) => cluster.get(key)));
        assert.deepEqual(
          found,
          keys.map((key) => `${protocol}${key}`),
        );
        assert.deepEqual(await cluster.multi().set("{w}a", "1").get("{w}a").exec(), ["OK", "1"]);
        // It parts such commands by the slots of their keys, as the tips of COMMAND say.
        const parted = await cluster.mGet(["key:1", "key:2"]);
        assert.deepEqual(parted, [`${protocol}key:1`, `${protocol}key:2`]);
        assert.equal(cluster.masters.length, 3);
        const heard: string[] = [];
        await cluster.sSubscribe("shard:{w}", (message) => {
          heard.push(message);
        });
        await cluster.sPublish("shard:{w}", "hello");
        await until(() => heard.length === 1);
        assert.deepEqual(heard, ["hello"]);
      } finally {
        cluster.destroy();
      }
    }
  },
);

test("redis-cli -c goes where it is sent, and --cluster check is content", LIMIT, async () => {
  const port = String(many.ports[0]);
  const cli = (...args: string[]): Promise<string> =>
    runToolWell("redis-cli", ["-c", "-p", port, ...args]);
  assert.equal(await cli("SET", "a", "1"), "OK\n");
  assert.equal(await cli("GET", "a"), "1\n");
  assert.equal(await cli("SET", "b", "2"), "OK\n");
  const { code, stdout } = await runTool("redis-cli", ["--cluster", "check", `127.0.0.1:${port}`]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /All nodes agree about slots configuration/);
  assert.match(stdout, /All 16384 slots covered/);
});

test("redis-benchmark --cluster runs without an error", LIMIT, async () => {
  const port = String(many.ports[1]);
  // prettier-ignore
  const { code, stdout, stderr } = await runTool("redis-benchmark", [
    "--cluster", "-p", port, "-t", "set,get,incr,lpush,hset,zadd", "-n", "2000", "-P", "4", "-r", "1000", "-q",
  ]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /Cluster has 3 master nodes/);
  assert.doesNotMatch(stdout + stderr, /[Ee]rror/);
  assert.match(stdout, /GET: \d/);
});

test("data of one process are imported with redis-cli --cluster import", LIMIT, async () => {
  await using single = await KeptProcess.start(["--port", "0", "--dir", folder.join("single")]);
  using client = await single.client();
  for (let index = 0; index < 200; index++) await client.say(`SET moved:${index} ${index}`);
  await client.say("RPUSH moved:list 1 2 3");
  // prettier-ignore
  const { code, stdout } = await runTool("redis-cli", [
    "--cluster", "import", `127.0.0.1:${many.ports[0]}`, "--cluster-from", `127.0.0.1:${single.port}`,
    "--cluster-copy",
  ]);
  assert.equal(code, 0, stdout);
  const cli = (...args: string[]): Promise<string> =>
    runToolWell("redis-cli", ["-c", "-p", String(many.ports[0]), ...args]);
  assert.equal(await cli("GET", "moved:7"), "7\n");
  assert.equal(await cli("GET", "moved:199"), "199\n");
  assert.equal(await cli("LRANGE", "moved:list", "0", "-1"), "1\n2\n3\n");
  // The source keeps its own.
  assert.equal(await client.say("DBSIZE"), 201);
});
