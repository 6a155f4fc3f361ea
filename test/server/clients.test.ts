// What connections may say of themselves and do to each other: authentication, CLIENT, MONITOR, the
// slow log. On real sockets.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { machineClock } from "../../src/base/clock.ts";
import {
  ErrorReply,
  MapReply,
  OK,
  PONG,
  Status,
  Verbatim,
  type Reply,
} from "../../src/resp/reply.ts";
import { startKept } from "../support/kept.ts";
import { request, until, type RawClient } from "../support/raw-client.ts";

const NOAUTH = new ErrorReply("NOAUTH Authentication required.");
const QUEUED = new Status("QUEUED");

/** The facts of one line of CLIENT LIST or INFO. */
function facts(line: Reply): Map<string, string> {
  assert.ok(typeof line === "string");
  return new Map(
    line
      .trimEnd()
      .split(" ")
      .map((pair) => {
        const [name = "", value = ""] = pair.split("=");
        return [name, value];
      }),
  );
}

async function idOf(client: RawClient): Promise<Bytes> {
  const id = await client.say("CLIENT ID");
  assert.ok(typeof id === "number");
  return String(id);
}

test("without the password only a few commands run", async () => {
  await using kept = await startKept({ session: { requirePass: "secret" } });
  const client = await kept.client();
  assert.deepEqual(await client.say("GET a"), NOAUTH);
  assert.deepEqual(await client.say("MULTI"), NOAUTH);
  const wrong = new ErrorReply("WRONGPASS invalid username-password pair or user is disabled.");
  assert.deepEqual(await client.say("AUTH wrong"), wrong);
  assert.deepEqual(await client.say("AUTH somebody secret"), wrong);
  const hello = await client.say("HELLO 3");
  assert.ok(hello instanceof ErrorReply && hello.text.startsWith("NOAUTH HELLO must be called"));
  assert.deepEqual(await client.say("AUTH secret"), OK);
  assert.deepEqual(await client.say("SET a b"), OK);
  assert.deepEqual(await client.say("RESET"), new Status("RESET"));
  assert.deepEqual(await client.say("GET a"), NOAUTH);
  assert.equal(kept.core.stats.aclAccessDeniedAuth, 2);
});

test("HELLO authenticates, names and switches at once, and all of it or nothing", async () => {
  await using kept = await startKept({ session: { requirePass: "secret" } });
  const client = await kept.client();
  const failed = await client.say("HELLO 3 AUTH default wrong SETNAME me");
  assert.ok(failed instanceof ErrorReply);
  const hello = await client.say("HELLO 3 AUTH default secret SETNAME me");
  assert.ok(hello instanceof MapReply);
  const version = hello.flat[hello.flat.indexOf("version") + 1];
  assert.equal(version, "7.2.4");
  assert.equal(hello.flat[hello.flat.indexOf("proto") + 1], 3);
  assert.equal(await client.say("CLIENT GETNAME"), "me");
  assert.equal(await client.say("GET nothing"), null);
});

test("a client that has not authenticated may not send big commands", async () => {
  await using kept = await startKept({ session: { requirePass: "secret" } });
  const client = await kept.client();
  client.write("*1000\r\n");
  const manyArguments = new ErrorReply("ERR Protocol error: unauthenticated multibulk length");
  assert.deepEqual(await client.readUntilClosed(), [manyArguments]);
  const other = await kept.client();
  // What is sent together with AUTH is read as that of an authenticated client.
  const big = "x".repeat(20_000);
  const bytes = request("AUTH", "secret") + request("SET", "a", big) + request("STRLEN", "a");
  assert.deepEqual(await other.pipeline(bytes, 3), [OK, OK, 20_000]);
});

test("CLIENT LIST tells of every connection, CLIENT INFO of one", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const other = await kept.client();
  await other.say("CLIENT SETNAME other");
  await other.say("CLIENT SETINFO LIB-NAME lib");
  await other.say("SELECT 3");
  await other.say("SUBSCRIBE news");
  const list = await client.say("CLIENT LIST");
  assert.ok(typeof list === "string");
  const lines = list.trimEnd().split("\n").map(facts);
  assert.equal(lines.length, 2);
  const told = lines[1];
  assert.equal(told?.get("name"), "other");
  assert.equal(told.get("lib-name"), "lib");
  assert.equal(told.get("db"), "3");
  assert.equal(told.get("sub"), "1");
  assert.equal(told.get("flags"), "P");
  assert.equal(told.get("cmd"), "subscribe");
  await client.say("MULTI");
  await client.say("PING");
  await client.say("DISCARD");
  const own = facts(await client.say("CLIENT INFO"));
  assert.equal(own.get("id"), await idOf(client));
  assert.equal(own.get("cmd"), "client|info");
  assert.match(own.get("addr") ?? "", /^127\.0\.0\.1:\d+$/);
  assert.equal(own.get("laddr"), `127.0.0.1:${kept.port}`);
  const found = facts(await client.say("CLIENT LIST TYPE pubsub"));
  assert.equal(found.get("id"), told.get("id"));
});

test("CLIENT KILL closes who fits, and lets its caller hear the answer", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const byId = await kept.client();
  const byAddress = await kept.client();
  assert.equal(await client.say(`CLIENT KILL ID ${await idOf(byId)}`), 1);
  await byId.expectClosed();
  const address = facts(await byAddress.say("CLIENT INFO")).get("addr") ?? "";
  assert.deepEqual(await client.say(`CLIENT KILL ${address}`), OK);
  await byAddress.expectClosed();
  await kept.client();
  await until("the third is there", () => kept.server.connections.size === 2);
  assert.equal(await client.say("CLIENT KILL USER default TYPE normal"), 1);
  client.write(request("CLIENT", "KILL", "USER", "default", "SKIPME", "no") + request("PING"));
  assert.deepEqual(await client.readUntilClosed(), [1]);
});

test("CLIENT KILL MAXAGE closes who has been there for so long", async () => {
  let laterMs = 0;
  const clock = { ...machineClock, nowMs: () => machineClock.nowMs() + laterMs };
  await using kept = await startKept({ clock });
  const old = await kept.client();
  await old.say("PING");
  laterMs = 100_000;
  const client = await kept.client();
  const young = await kept.client();
  await young.say("PING");
  assert.equal(await client.say("CLIENT KILL MAXAGE 100 SKIPME no"), 1);
  await old.expectClosed();
  assert.deepEqual(await young.say("PING"), PONG);
});

test("a write pause holds writes back, lets reads go on, and loses nothing", async () => {
  await using kept = await startKept();
  const [client, writer, reader] = [await kept.client(), await kept.client(), await kept.client()];
  await writer.say("SET a 1");
  assert.deepEqual(await client.say("CLIENT PAUSE 100000 WRITE"), OK);
  writer.write(request("INCR", "a") + request("GET", "a"));
  reader.write(request("MULTI") + request("GET", "a") + request("EXEC") + request("GET", "a"));
  assert.deepEqual(await reader.readReplies(4), [OK, QUEUED, ["1"], "1"]);
  writer.expectNothingUnread();
  // A queued write waits even to be queued, as in Redis.
  reader.write(request("MULTI") + request("INCR", "a"));
  assert.deepEqual(await reader.readReply(), OK);
  await until("both wait", () => kept.core.pause.waitingCount === 2);
  const waiting = facts(await client.say("CLIENT LIST ID 2"));
  assert.equal(waiting.get("flags"), "b");
  assert.deepEqual(await client.say("CLIENT UNPAUSE"), OK);
  assert.deepEqual(await writer.readReplies(2), [2, "2"]);
  reader.write(request("EXEC"));
  assert.deepEqual(await reader.readReplies(2), [QUEUED, [3]]);
});

test("a pause of all ends by itself, and who went meanwhile does not write", async () => {
  await using kept = await startKept();
  const [client, leaver] = [await kept.client(), await kept.client()];
  await leaver.say("PING");
  assert.deepEqual(await client.say("CLIENT PAUSE 300"), OK);
  leaver.write(request("SET", "left", "1"));
  await until("the write waits", () => kept.core.pause.waitingCount === 1);
  leaver[Symbol.dispose]();
  await until("it is seen to be gone", () => kept.server.connections.size === 1);
  assert.deepEqual(await client.say("PING"), PONG);
  assert.equal(kept.core.pause.kind, "none");
  assert.equal(await client.say("GET left"), null);
});

test("CLIENT REPLY OFF silences until ON, SKIP silences one command", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  client.write(request("CLIENT", "REPLY", "OFF") + request("SET", "a", "1") + request("NOSUCH"));
  assert.deepEqual(await client.say("CLIENT REPLY ON"), OK);
  client.write(request("CLIENT", "REPLY", "SKIP") + request("GET", "a") + request("GET", "a"));
  assert.equal(await client.readReply(), "1");
  assert.deepEqual(await client.say("PING"), PONG);
});

test("MONITOR shows what runs, in order, and no secret", async () => {
  await using kept = await startKept();
  const [monitor, client] = [await kept.client(), await kept.client()];
  const address = facts(await client.say("CLIENT INFO")).get("addr") ?? "";
  assert.deepEqual(await monitor.say("MONITOR"), OK);
  const calls: Bytes[][] = [
    ["SET", "a", 'x"\n\xff'],
    ["SELECT", "2"],
    ["AUTH", "default", "secret"],
    ["HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me"],
    ["MULTI"],
    ["GET", "a"],
    ["EXEC"],
    ["CLIENT", "LIST"],
    ["GET"],
    ["CLIENT", "KILL", "ID", "999"],
    ["PING"],
  ];
  for (const call of calls) await client.send(...call);
  const shown = (await monitor.readReplies(8)).map((reply) => {
    assert.ok(reply instanceof Status);
    const match = /^\d{10}\.\d{6} \[(\d) ([\d.:]+)\] (.*)$/.exec(reply.text);
    assert.equal(match?.[2], address);
    return `${match[1]} ${match[3]}`;
  });
  assert.deepEqual(shown, [
    '0 "SET" "a" "x\\"\\n\\xff"',
    '2 "SELECT" "2"',
    '2 "AUTH" "(redacted)" "(redacted)"',
    '2 "HELLO" "2" "AUTH" "(redacted)" "(redacted)" "SETNAME" "me"',
    '2 "MULTI"',
    '2 "GET" "a"',
    '2 "EXEC"',
    '2 "PING"',
  ]);
  assert.deepEqual(await monitor.say("RESET"), new Status("RESET"));
  await client.say("PING");
  assert.deepEqual(await monitor.say("PING"), PONG);
});

test("the slow log keeps what took long, short, and without secrets", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await client.say("CLIENT SETNAME me");
  kept.core.setSlow({ slowlogUs: 0, latencyMs: 0 });
  await client.send("SET", "a", "x".repeat(300));
  await client.send("MSET", ...Array.from({ length: 80 }, (_, index) => String(index)));
  await client.say("AUTH default secret");
  await client.pipeline(request("MULTI") + request("GET", "a") + request("EXEC"), 3);
  kept.core.setSlow({ slowlogUs: -1, latencyMs: 0 });
  const entries = await client.say("SLOWLOG GET -1");
  assert.ok(Array.isArray(entries));
  const calls = entries.map((entry: Reply) => {
    assert.ok(Array.isArray(entry) && entry.length === 6);
    assert.equal(entry[5], "me");
    return (entry as readonly Reply[])[3];
  });
  // EXEC itself is not logged, what it ran is.
  assert.deepEqual(calls[0], ["GET", "a"]);
  assert.deepEqual(calls[1], ["MULTI"]);
  assert.deepEqual(calls[2], ["AUTH", "(redacted)", "(redacted)"]);
  const mset = calls[3];
  assert.ok(Array.isArray(mset));
  assert.equal(mset.length, 32);
  assert.equal(mset[31], "... (50 more arguments)");
  assert.deepEqual(calls[4], ["SET", "a", `${"x".repeat(128)}... (172 more bytes)`]);
  assert.equal(await client.say("SLOWLOG LEN"), 5);
  assert.deepEqual(await client.say("SLOWLOG RESET"), OK);
  assert.equal(await client.say("SLOWLOG LEN"), 0);
});

test("COMMAND describes every command in both protocols", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const count = await client.say("COMMAND COUNT");
  for (const protocol of ["2", "3"]) {
    await client.send("HELLO", protocol);
    const all = await client.say("COMMAND");
    assert.ok(Array.isArray(all));
    assert.equal(all.length, count);
    for (const entry of all) assert.ok(Array.isArray(entry) && entry.length === 10);
    const docs = await client.say("COMMAND DOCS");
    const flat = docs instanceof MapReply ? docs.flat : docs;
    assert.ok(Array.isArray(flat));
    assert.equal(flat.length, Number(count) * 2);
  }
});

test("INFO counts the tracked connections, and no longer those that have gone", async () => {
  await using kept = await startKept();
  const [reader, other] = [await kept.client(), await kept.client()];
  const counted = async (): Promise<string> => {
    const report = await other.say("INFO clients");
    const text = report instanceof Verbatim ? report.text : report;
    assert.ok(typeof text === "string");
    return /tracking_clients:(\d+)/.exec(text)?.[1] ?? "";
  };
  assert.equal(await counted(), "0");
  await reader.say("HELLO 3");
  await reader.say("CLIENT TRACKING ON");
  assert.equal(await counted(), "1");
  await reader.say("CLIENT TRACKING OFF");
  assert.equal(await counted(), "0");
  await reader.say("CLIENT TRACKING ON");
  await reader.say("QUIT");
  assert.equal(await counted(), "0");
});
