// What operators and tools ask of a server, on real sockets: settings, refusals by admission, waiting for
// the disk, DEBUG, and INFO's fields that tools read.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ManualClock } from "../../src/base/clock.ts";
import { Config } from "../../src/config/config.ts";
import { readText } from "../../src/config/parse.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { SettingRefused } from "../../src/engine/engine.ts";
import {
  Double,
  ErrorReply,
  MapReply,
  OK,
  Push,
  QUEUED,
  Status,
  Verbatim,
  type Reply,
} from "../../src/resp/reply.ts";
import { startKept, type Kept } from "../support/kept.ts";
import { request, until, type RawClient } from "../support/raw-client.ts";

function configOf(text: string): Config {
  return Config.of(readText(text, "the test", () => ({ problem: "no files here" })));
}

const DEBUGGABLE = "enable-debug-command local\n";

/** A section of INFO as a map of its fields. */
async function info(client: RawClient, ...sections: string[]): Promise<Map<string, string>> {
  const text = await client.send("INFO", ...sections);
  assert.ok(typeof text === "string");
  const fields = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (!line.startsWith("#") && colon !== -1) {
      fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
  }
  return fields;
}

async function titles(client: RawClient, ...sections: string[]): Promise<string[]> {
  const text = await client.send("INFO", ...sections);
  assert.ok(typeof text === "string");
  return text.split("\r\n").filter((line) => line.startsWith("# "));
}

function assertError(reply: Reply, pattern: RegExp): void {
  assert.ok(reply instanceof ErrorReply, `an error, not ${JSON.stringify(reply)}`);
  assert.match(reply.text, pattern);
}

test("INFO has the fields that tools read", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await client.send("SET", "a", "b");
  await client.send("SET", "c", "d", "EX", "100");
  await client.send("GET", "a");
  await client.send("GET", "nothing");
  await client.say("NOSUCH");
  const fields = await info(client, "everything");
  const expected: Readonly<Record<string, string>> = {
    redis_version: "7.2.4",
    redis_mode: "standalone",
    tcp_port: String(kept.port),
    connected_clients: "1",
    loading: "0",
    aof_enabled: "1",
    aof_last_write_status: "ok",
    rdb_bgsave_in_progress: "0",
    rdb_changes_since_last_save: "2",
    keyspace_hits: "1",
    keyspace_misses: "1",
    role: "master",
    connected_slaves: "0",
    cluster_enabled: "0",
    maxmemory: "0",
    maxmemory_policy: "noeviction",
    db0: "keys=2,expires=1,avg_ttl=0",
    errorstat_ERR: "count=1",
    writes: "ok",
    commits: "2",
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(fields.get(name), value, name);
  assert.match(fields.get("run_id") ?? "", /^[0-9a-f]{40}$/);
  assert.match(fields.get("master_replid") ?? "", /^[0-9a-f]{40}$/);
  assert.match(fields.get("cmdstat_set") ?? "", /^calls=2,usec=\d+,usec_per_call=[\d.]+,rej/);
  assert.match(fields.get("latency_percentiles_usec_get") ?? "", /^p50=[\d.]+,p99=.*p99\.9=/);
  assert.ok(Number(fields.get("used_memory")) > 1_000_000);
  assert.match(fields.get("used_memory_human") ?? "", /^[\d.]+M$/);
});

test("INFO tells the sections asked for, in its own order", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const unasked = await titles(client);
  assert.deepEqual(await titles(client, "default"), unasked);
  assert.deepEqual(await titles(client, "KEYSPACE", "server", "nosuch"), [
    "# Server",
    "# Keyspace",
  ]);
  assert.ok(!unasked.includes("# Commandstats") && !unasked.includes("# RocksDB"));
  const all = await titles(client, "all");
  assert.ok(all.includes("# Commandstats") && !all.includes("# Modules"));
  assert.deepEqual(new Set(await titles(client, "everything")), new Set([...all, "# Modules"]));
  await client.send("HELLO", "3");
  assert.ok((await client.send("INFO", "cpu")) instanceof Verbatim);
});

test("CONFIG RESETSTAT begins anew what is counted", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await client.send("SET", "a", "b");
  await client.say("NOSUCH");
  assert.deepEqual(await client.say("CONFIG RESETSTAT"), OK);
  const fields = await info(client, "everything");
  assert.equal(fields.get("errorstat_ERR"), undefined);
  assert.equal(fields.get("cmdstat_set"), undefined);
  assert.equal(fields.get("total_error_replies"), "0");
  // Not a statistic: how much is not in files yet.
  assert.equal(fields.get("rdb_changes_since_last_save"), "1");
});

test("a server that is read-only refuses writes, also when they are queued", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  assert.deepEqual(await client.say("SET a 1"), OK);
  assert.deepEqual(await client.say("CONFIG SET read-only yes"), OK);
  assertError(await client.say("SET a 2"), /^READONLY /);
  assert.equal(await client.say("GET a"), "1");
  assert.deepEqual(await client.say("MULTI"), OK);
  assertError(await client.say("SET a 2"), /^READONLY /);
  assertError(await client.say("EXEC"), /^EXECABORT Transaction discarded because of previous/);

  // What came in between queueing and EXEC counts as well.
  assert.deepEqual(await client.say("CONFIG SET read-only no"), OK);
  assert.deepEqual(await client.say("MULTI"), OK);
  assert.deepEqual(await client.say("SET a 2"), QUEUED);
  const operator = await kept.client();
  assert.deepEqual(await operator.say("CONFIG SET read-only yes"), OK);
  assertError(await client.say("EXEC"), /^EXECABORT Transaction discarded because of: READONLY /);
  assert.deepEqual(await client.say("MULTI"), OK);
  assert.deepEqual(await client.say("GET a"), QUEUED);
  assert.deepEqual(await client.say("EXEC"), ["1"]);
});

test("a log that cannot be fsynced refuses writes until it can", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  kept.durability.failure = {
    kind: "io",
    words: "fsync of the log failed: Input/output error",
    retryMs: 1000,
    fromBatch: 1,
  };
  assertError(await client.say("SET a 1"), /^MISCONF fsync of the log failed/);
  assert.equal(await client.say("GET a"), null);
  assert.equal((await info(client, "persistence")).get("aof_last_write_status"), "err");
  assert.equal((await info(client, "kept")).get("writes"), "refused");
  kept.durability.failure = null;
  assert.deepEqual(await client.say("SET a 1"), OK);
});

/** Refuses one of the settings that it is asked for. */
class PickyEngine extends MemoryEngine {
  readonly configured: string[] = [];

  override async configure(name: string, value: string): Promise<void> {
    if (name === "max_background_jobs") throw new SettingRefused("not that many");
    this.configured.push(`${name}=${value}`);
  }
}

test("settings of the engine change together with the others, or none does", async () => {
  const engine = new PickyEngine();
  await using kept = await startKept({ engine });
  const client = await kept.client();
  const set = "CONFIG SET maxmemory-samples 9 rocksdb.write_buffer_size 32";
  assert.deepEqual(await client.say(set), OK);
  assert.deepEqual(engine.configured, [`write_buffer_size=${32 * 1024 * 1024}`]);

  engine.configured.length = 0;
  const refused = await client.say(
    "CONFIG SET maxmemory-samples 3 rocksdb.write_buffer_size 16 rocksdb.max_background_jobs 9",
  );
  assertError(refused, /'rocksdb.max_background_jobs'\) - not that many$/);
  assert.deepEqual(engine.configured, [
    `write_buffer_size=${16 * 1024 * 1024}`,
    `write_buffer_size=${32 * 1024 * 1024}`,
  ]);
  assert.deepEqual(await client.say("CONFIG GET rocksdb.write_buffer_size maxmemory-samples"), [
    "maxmemory-samples",
    "9",
    "rocksdb.write_buffer_size",
    "32",
  ]);
});

test("settings of the engine are refused in a transaction, and nothing changes", async () => {
  const engine = new PickyEngine();
  await using kept = await startKept({ engine });
  const client = await kept.client();
  await client.say("MULTI");
  await client.say("CONFIG SET rocksdb.write_buffer_size 32");
  const replies = await client.say("EXEC");
  assert.deepEqual(replies, [
    new ErrorReply(
      "ERR CONFIG SET of a setting of the storage engine takes a while, and so is not possible in a " +
        "transaction",
    ),
  ]);
  assert.deepEqual(engine.configured, []);
});

test("WAITAOF asks for the fsync and answers when it is done", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  assert.deepEqual(await client.say("WAITAOF 1 0 0"), [1, 0]);
  assert.deepEqual(await client.say("SET a b"), OK);
  assert.deepEqual(await client.say("WAITAOF 0 0 0"), [0, 0]);
  assert.deepEqual(await client.say("WAITAOF 1 0 5000"), [1, 0]);
  assert.ok(kept.durability.syncedBatch > 0);
  assertError(await client.say("WAITAOF 2 0 0"), /out of range, must be between 0 and 1/);
  assertError(await client.say("WAITAOF 1 -1 0"), /must be positive/);
  assertError(await client.say("WAITAOF 1 0 -1"), /timeout is negative/);
});

test("WAITAOF for a replica waits for its timeout, and not in a transaction", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  assert.deepEqual(await client.say("WAITAOF 1 1 20"), [1, 0]);
  await client.say("MULTI");
  await client.say("WAITAOF 1 1 0");
  assert.deepEqual(await client.say("EXEC"), [[1, 0]]);
});

test("who waits can be unblocked, and is forgotten when he goes", async () => {
  await using kept = await startKept();
  const operator = await kept.client();
  const waiting = await kept.client();
  const id = await waiting.say("CLIENT ID");
  assert.ok(typeof id === "number");
  waiting.write(request("WAIT", "1", "0"));
  await until("it waits", () => blockedCount(kept) === 1);
  assert.equal(await operator.say(`CLIENT UNBLOCK ${id}`), 1);
  assert.equal(await waiting.readReply(), 0);
  waiting.write(request("WAIT", "1", "0"));
  await until("it waits again", () => blockedCount(kept) === 1);
  assert.equal(await operator.say(`CLIENT UNBLOCK ${id} ERROR`), 1);
  assertError(await waiting.readReply(), /^UNBLOCKED /);
  waiting.write(request("WAIT", "1", "0"));
  await until("it waits a last time", () => blockedCount(kept) === 1);
  waiting.end();
  await until("it is gone", () => kept.server.connections.size === 1);
});

function blockedCount(kept: Kept): number {
  return [...kept.server.connections.values()].filter(({ isWaiting }) => isWaiting).length;
}

async function debuggable(): Promise<Kept> {
  return await startKept({ config: configOf(DEBUGGABLE) });
}

test("DEBUG PROTOCOL answers with every type", async () => {
  await using kept = await debuggable();
  const client = await kept.client();
  assertError(await client.say("DEBUG PROTOCOL push"), /RESP2 is not supported/);
  await client.send("HELLO", "3");
  assert.deepEqual(await client.say("DEBUG PROTOCOL double"), new Double(Number("3.141")));
  assert.deepEqual(
    await client.say("DEBUG PROTOCOL map"),
    new MapReply([0, false, 1, true, 2, false]),
  );
  assert.equal(await client.say("DEBUG PROTOCOL true"), true);
  assert.deepEqual(await client.say("DEBUG PROTOCOL push"), new Push(["server-cpu-usage", 42]));
  assertError(await client.say("DEBUG PROTOCOL nosuch"), /Wrong protocol type name/);
  assertError(await client.say("DEBUG NOSUCH"), /unknown subcommand or wrong number of arg/);
});

test("DEBUG DIGEST tells contents apart, and RELOAD leaves them as they are", async () => {
  await using kept = await debuggable();
  const client = await kept.client();
  const empty = await client.say("DEBUG DIGEST");
  assert.equal(empty, "0".repeat(40));
  await client.say("SET a 1");
  await client.say("SET b 2");
  const both = await client.say("DEBUG DIGEST");
  assert.notEqual(both, empty);
  await client.say("SET b 3");
  assert.notEqual(await client.say("DEBUG DIGEST"), both);
  await client.say("DEL a b");
  assert.equal(await client.say("DEBUG DIGEST"), empty);
  // The order in which keys came does not count.
  await client.say("SET b 2");
  await client.say("SET a 1");
  assert.equal(await client.say("DEBUG DIGEST"), both);
  assert.deepEqual(await client.say("DEBUG RELOAD"), OK);
  assert.equal(await client.say("DEBUG DIGEST"), both);
  await client.say("SELECT 1");
  await client.say("SET a 1");
  assert.notEqual(await client.say("DEBUG DIGEST"), both);
});

test("DEBUG DIGEST does not depend on the order or the form of a collection", async () => {
  await using kept = await debuggable();
  const client = await kept.client();
  const digests: Reply[] = [];
  for (const [entries, order] of [
    ["512", "a 1 b 2"],
    ["512", "b 2 a 1"],
    ["0", "a 1 b 2"],
  ]) {
    /* oxlint-disable no-await-in-loop -- one after the other, on one server */
    await client.say("FLUSHALL");
    await client.say(`CONFIG SET hash-max-listpack-entries ${entries}`);
    await client.say(`CONFIG SET set-max-listpack-entries ${entries}`);
    await client.say(`CONFIG SET set-max-intset-entries ${entries}`);
    await client.say(`CONFIG SET zset-max-listpack-entries ${entries}`);
    await client.say(`HSET hash ${order}`);
    await client.say(`SADD set ${order}`);
    await client.say("ZADD zset 1 a 2 b");
    await client.say("RPUSH list a b");
    digests.push(await client.say("DEBUG DIGEST"));
    assert.deepEqual(await client.say("DEBUG RELOAD"), OK);
    digests.push(await client.say("DEBUG DIGEST"));
    /* oxlint-enable no-await-in-loop */
  }
  assert.equal(new Set(digests).size, 1, JSON.stringify(digests));
  await client.say("HSET hash a 2 b 1");
  assert.notEqual(await client.say("DEBUG DIGEST"), digests[0]);
});

test("DEBUG POPULATE, OBJECT, LOG, ERROR and SET-ACTIVE-EXPIRE", async () => {
  await using kept = await debuggable();
  const client = await kept.client();
  await client.say("SET key:7 mine");
  assert.deepEqual(await client.say("DEBUG POPULATE 120"), OK);
  assert.equal(await client.say("DBSIZE"), 120);
  assert.equal(await client.say("GET key:119"), "value:119");
  assert.equal(await client.say("GET key:7"), "mine");
  assert.deepEqual(await client.say("DEBUG POPULATE 1 x 10"), OK);
  assert.equal(await client.say("GET x:0"), "value:0\0\0\0");
  const object = await client.say("DEBUG OBJECT key:1");
  assert.ok(object instanceof Status);
  assert.match(object.text, /encoding:embstr serializedlength:8 /);
  assertError(await client.say("DEBUG OBJECT missing"), /no such key/);
  assert.deepEqual(await client.send("DEBUG", "LOG", "hello"), OK);
  assert.match(kept.logged.join(""), /DEBUG LOG: hello/);
  assert.deepEqual(await client.send("DEBUG", "ERROR", "MINE it is"), new ErrorReply("MINE it is"));
  assert.deepEqual(await client.say("DEBUG SET-ACTIVE-EXPIRE 0"), OK);
});

/** Numbers of INFO; of the last long turn its words. */
async function loopFields(client: Awaited<ReturnType<Kept["client"]>>) {
  const text = await client.say("INFO stats kept");
  assert.ok(typeof text === "string");
  const field = (name: string): string => new RegExp(`^${name}:(.*)\r$`, "m").exec(text)?.[1] ?? "";
  return {
    cycles: Number(field("eventloop_cycles")),
    sumUs: Number(field("eventloop_duration_sum")),
    commandsUs: Number(field("eventloop_duration_cmd_sum")),
    longestUs: Number(field("event_loop_longest_usec")),
    lastMinuteUs: Number(field("event_loop_longest_usec_last_minute")),
    longCount: Number(field("event_loop_turns_over_10ms")),
    last: field("event_loop_last_over_10ms"),
    perSecond: Number(field("instantaneous_eventloop_cycles_per_sec")),
    turnUs: Number(field("instantaneous_eventloop_duration_usec")),
  };
}

const SLEEPS_MAX = 50;

/** After a sleep of 0.2 s that ended in time: a busy machine wakes a sleeper late, and that says nothing of us. */
async function heldBySleep(client: RawClient): ReturnType<typeof loopFields> {
  for (let round = 1; ; round++) {
    assert.deepEqual(await client.say("CONFIG RESETSTAT"), OK);
    assert.deepEqual(await client.say("DEBUG SLEEP 0.2"), OK);
    const held = await loopFields(client);
    if (held.longestUs < 209_000 || round === SLEEPS_MAX) return held;
  }
}

test("DEBUG SLEEP holds everybody, and INFO tells for how long and what it was", async () => {
  await using kept = await debuggable();
  const client = await kept.client();
  kept.core.setSlow({ slowlogUs: -1, latencyMs: 0 });
  kept.admin.start();
  await client.say("PING");
  const held = await heldBySleep(client);
  assert.ok(held.longestUs >= 190_000, `${held.longestUs} us`);
  assert.equal(held.lastMinuteUs, held.longestUs);
  assert.ok(held.longCount >= 1);
  assert.match(held.last, /^usec=\d+,processor=\d+.*command:debug.*=20\d{4}/);
  assert.ok(held.sumUs >= held.longestUs && held.commandsUs >= 190_000);
  assert.ok(held.cycles >= 1);
  await until("rates are known", () => kept.admin.meter.rates().turns > 0);
  const { perSecond, turnUs } = await loopFields(client);
  assert.ok(perSecond > 0 && turnUs > 0);

  assert.deepEqual(await client.say("CONFIG RESETSTAT"), OK);
  const anew = await loopFields(client);
  assert.ok(anew.longestUs < 190_000 && anew.commandsUs < 190_000, "it begins anew");
});

test("SHUTDOWN asks the process to stop and closes the connection unanswered", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  client.write(request("SHUTDOWN", "NOSAVE"));
  await client.expectClosed();
  assert.equal(kept.shutdowns, 1);
  const other = await kept.client();
  other.write(request("SHUTDOWN", "SAVE"));
  await other.expectClosed();
  await until("it is saved", () => kept.shutdowns === 2);
});

test("SAVE moves LASTSAVE, and what changed since is counted anew", async () => {
  const clock = new ManualClock(1_700_000_000_000);
  await using kept = await startKept({ clock });
  const turns = setInterval(() => clock.endTurn(), 1);
  try {
    const client = await kept.client();
    assert.equal(await client.say("LASTSAVE"), 1_700_000_000);
    assert.deepEqual(await client.say("TIME"), ["1700000000", "0"]);
    assert.deepEqual(await client.say("SET a b"), OK);
    clock.advance(5000);
    assert.deepEqual(await client.say("SAVE"), OK);
    assert.equal(await client.say("LASTSAVE"), 1_700_000_005);
    assert.equal((await info(client, "persistence")).get("rdb_changes_since_last_save"), "0");
  } finally {
    clearInterval(turns);
  }
});

test("WAITAOF does not wait for a write that was refused", async () => {
  const engine = new MemoryEngine();
  await using kept = await startKept({ engine });
  kept.durability.mode = "no";
  kept.durability.start();
  const client = await kept.client();
  engine.stall("stopped");
  client.write(request("SET", "a", "b") + request("WAITAOF", "1", "0", "0"));
  assertError(await client.readReply(), /^TRYAGAIN /);
  assert.deepEqual(await client.readReply(), [1, 0]);
});
