// Goal: one of several processes answers as a node of Redis Cluster. Method: two processes of Kept and two nodes of
// Debian's redis-server get the same halves of the slots and the same commands, in both protocols; every reply must be the
// same, once ports and IDs are given common names.
//
// The keys: b and f have slots of the first node, a one of the second; {b}x is where b is.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { test } from "node:test";

import type { Reply } from "../../src/resp/reply.ts";
import { isOracleInstalled } from "../conversations/oracle.ts";
import { splitLine } from "../../src/config/words.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { freePortsInARow } from "../support/free-ports.ts";
import { ManyProcesses } from "../support/many-processes.ts";
import { RawClient } from "../support/raw-client.ts";
import { textOfReply } from "../support/reply-text.ts";

const COMMANDS = `
CLUSTER SLOTS
CLUSTER MYID
CLUSTER KEYSLOT a
CLUSTER KEYSLOT {b}x
CLUSTER COUNTKEYSINSLOT 3300
CLUSTER COUNTKEYSINSLOT 15495
CLUSTER COUNTKEYSINSLOT -1
CLUSTER COUNTKEYSINSLOT 16384
CLUSTER COUNTKEYSINSLOT x
CLUSTER GETKEYSINSLOT 3300 10
CLUSTER GETKEYSINSLOT 3300 0
CLUSTER GETKEYSINSLOT 3300 -1
CLUSTER GETKEYSINSLOT 16384 1
CLUSTER GETKEYSINSLOT 1 x
CLUSTER REPLICAS x
CLUSTER SLAVES x
CLUSTER COUNT-FAILURE-REPORTS x
CLUSTER SAVECONFIG
CLUSTER NOSUCH
CLUSTER
CLUSTER KEYSLOT
READONLY
READWRITE
ASKING
READONLY x
SET a 1
SET b 1
SET f 2
SET {b}x 3
CLUSTER COUNTKEYSINSLOT 3300
CLUSTER GETKEYSINSLOT 3300 1
GET a
GET b
MGET a b
MGET b f
MGET b {b}x
MSET a 1 b 2
DEL a b
EXISTS a
TYPE b
OBJECT ENCODING a
OBJECT ENCODING b
SELECT 0
SELECT 1
SELECT 99
SELECT x
SWAPDB 0 1
SWAPDB 0 0
MOVE b 1
MOVE a 1
COPY b c DB 1
COPY b {b}y DB 1
COPY b {b}y DB 0
COPY b {b}y
RENAME b a
RENAME {b}y {b}z
RPUSH {b}list 3 1 2
SORT {b}list
SORT {b}list BY nosort
SORT {b}list BY w_*
SORT {b}list GET #
SORT {b}list GET x_*
SORT_RO {b}list BY w_*
SORT {b}list STORE {b}sorted
SORT {b}list STORE a
BLPOP a b 0
BLPOP {b}list {b}other 0
XREAD STREAMS a b 0 0
XGROUP CREATE a g $ MKSTREAM
PFCOUNT a b
SUNIONSTORE {b}u {b}v a
EVAL "return redis.call('get', KEYS[1])" 1 b
EVAL "return redis.call('get', KEYS[1])" 1 a
EVAL "return redis.call('get', KEYS[1])" 2 a b
EVAL "return redis.call('get', 'a')" 0
EVAL "return redis.call('get', 'b')" 0
EVAL "return redis.pcall('get', 'a')" 0
EVAL "return redis.pcall('get', 'b')" 0
EVAL "return redis.pcall('get', 'a')" 1 b
EVAL "return redis.call('mget', 'a', 'b')" 0
EVAL "return redis.call('mget', 'b', 'f')" 0
EVAL "return redis.call('mget', 'b', '{b}x')" 0
EVAL "redis.call('get', 'b') return redis.call('get', 'f')" 0
EVAL "#!lua\\nredis.call('get', 'b') return redis.call('get', 'f')" 0
EVAL "#!lua\\nreturn redis.call('get', 'f')" 1 b
EVAL "#!lua\\nreturn redis.call('get', '{b}x')" 1 b
EVAL "#!lua flags=allow-cross-slot-keys\\nredis.call('get', 'b') return redis.call('get', 'f')" 0
EVAL "#!lua flags=no-cluster\\nreturn 1" 0
EVAL "return redis.pcall('select', '1')" 0
EVAL "return redis.call('cluster', 'myid')" 0
EVAL "return 1" x
EVALSHA 0000000000000000000000000000000000000000 1 a
MULTI
SET b 1
SET {b}x 2
PING
EXEC
MULTI
SET b 5
SET f 5
EXEC
EXEC
GET b
MULTI
SET b 6
SET a 6
EXEC
GET b
MULTI
MGET a b
EXEC
MULTI
EXEC
WATCH a
WATCH b f
WATCH b {b}x
UNWATCH
PUBLISH channel message
SPUBLISH a message
SPUBLISH b message
SSUBSCRIBE a
SSUBSCRIBE a b
PUBSUB SHARDCHANNELS
DBSIZE
KEYS nosuch*
INFO cluster
COMMAND GETKEYS GET a
FLUSHALL
DBSIZE
CLUSTER COUNTKEYSINSLOT 3300
`;

interface Ports {
  readonly port: number;
  readonly bus: number;
}

class RedisNode {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;

  constructor({ port, bus }: Ports, dir: string) {
    this.port = port;
    // prettier-ignore
    const args = [
      "--port", String(port), "--cluster-port", String(bus), "--cluster-enabled", "yes", "--dir", dir,
      "--save", "", "--cluster-config-file", `nodes-${port}.conf`,
    ];
    this.#child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#closed = new Promise((resolve) => this.#child.once("close", () => resolve()));
  }

  async ready(): Promise<void> {
    let output = "";
    await new Promise<void>((resolve, reject) => {
      this.#child.stdout?.on("data", (chunk: Buffer) => {
        output += chunk.latin1Slice();
        if (/ready to accept connections/i.test(output)) resolve();
      });
      void this.#closed.then(() => reject(new Error(`redis-server ended: ${output}`)));
    });
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }
}

/** Two nodes with the halves that two processes of Kept have. */
async function startRedisCluster(dir: string): Promise<RedisNode[]> {
  const first = await freePortsInARow(4);
  const [second, bus, otherBus] = [first + 1, first + 2, first + 3];
  const nodes = [
    new RedisNode({ port: first, bus }, dir),
    new RedisNode({ port: second, bus: otherBus }, dir),
  ];
  for (const node of nodes) await node.ready();
  using one = await RawClient.connect(first);
  using other = await RawClient.connect(second);
  await one.say("CLUSTER ADDSLOTSRANGE 0 8191");
  await other.say("CLUSTER ADDSLOTSRANGE 8192 16383");
  await one.say("CLUSTER SET-CONFIG-EPOCH 1");
  await other.say("CLUSTER SET-CONFIG-EPOCH 2");
  await one.say(`CLUSTER MEET 127.0.0.1 ${second} ${otherBus}`);
  for (const client of [one, other]) {
    let info = "";
    while (!info.includes("cluster_state:ok") || !info.includes("known_nodes:2")) {
      info = textOfReply(await client.say("CLUSTER INFO"));
    }
  }
  return nodes;
}

function shown(reply: Reply, names: readonly (readonly [string, string])[]): string {
  let text = JSON.stringify(reply);
  for (const [from, to] of names) text = text.replaceAll(from, to);
  return text;
}

async function namesOf(ports: readonly number[]): Promise<(readonly [string, string])[]> {
  const names: (readonly [string, string])[] = [];
  for (const [index, port] of ports.entries()) {
    using client = await RawClient.connect(port);
    names.push([String(port), `<port ${index}>`]);
    names.push([textOfReply(await client.say("CLUSTER MYID")), `<id ${index}>`]);
  }
  return names;
}

const skip = isOracleInstalled() ? false : "no redis-server";

/** Both clusters, and what their ports and ids are shown as. */
interface Both {
  readonly many: ManyProcesses;
  readonly redisPorts: readonly number[];
  readonly keptNames: readonly (readonly [string, string])[];
  readonly redisNames: readonly (readonly [string, string])[];
}

async function besideRedis(action: (both: Both) => Promise<void>): Promise<void> {
  using folder = new TemporaryDirectory();
  await using many = await ManyProcesses.start(folder.join("kept"));
  const redis = await startRedisCluster(folder.path);
  const redisPorts = redis.map(({ port }) => port);
  try {
    const keptNames = await namesOf(many.ports);
    const redisNames = await namesOf(redisPorts);
    await action({ many, redisPorts, keptNames, redisNames });
  } finally {
    for (const node of redis) await node.stop();
  }
}

test("each process answers as a node of Redis Cluster does", { skip, timeout: 180_000 }, () =>
  besideRedis(async ({ many, redisPorts, keptNames, redisNames }) => {
    for (const index of [0, 1]) {
      for (const protocol of ["2", "3"]) {
        using kept = await many.client(index);
        using oracle = await RawClient.connect(redisPorts[index] ?? 0);
        for (const client of [kept, oracle]) await client.send("HELLO", protocol);
        for (const line of COMMANDS.trim().split("\n")) {
          const args = splitLine(line) ?? [];
          const ours = shown(await kept.send(...args), keptNames);
          const theirs = shown(await oracle.send(...args), redisNames);
          assert.equal(ours, theirs, `node ${index}, RESP${protocol}: ${line}`);
        }
      }
    }
  }),
);

test("NODES and SHARDS have the lines and fields of Redis", { skip, timeout: 120_000 }, () =>
  besideRedis(async ({ many, redisPorts, keptNames, redisNames }) => {
    using kept = await many.client(0);
    using oracle = await RawClient.connect(redisPorts[0] ?? 0);
    assert.deepEqual(await nodeLines(kept, keptNames), await nodeLines(oracle, redisNames));
    for (const client of [kept, oracle]) await client.send("HELLO", "3");
    assert.deepEqual(await shardTexts(kept, keptNames), await shardTexts(oracle, redisNames));
  }),
);

async function nodeLines(
  client: RawClient,
  names: readonly (readonly [string, string])[],
): Promise<string[]> {
  let text = textOfReply(await client.say("CLUSTER NODES"));
  for (const [from, to] of names) text = text.replaceAll(from, to);
  return text
    .trim()
    .split("\n")
    .map((line) => line.replace(/@\d+/, "@bus").replace(/ - \d+ \d+ /, " - <times> "))
    .sort();
}

async function shardTexts(
  client: RawClient,
  names: readonly (readonly [string, string])[],
): Promise<string[]> {
  const shards = await client.say("CLUSTER SHARDS");
  assert.ok(Array.isArray(shards));
  return shards.map((shard: Reply) => shown(shard, names)).sort();
}
