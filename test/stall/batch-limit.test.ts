// Kvrocks 3555, against a real RocksDB over a socket: rocksdb.write_options.write_batch_max_bytes is
// exceeded half-way through an MSET inside EXEC. There the first half of the MSET stayed in the
// batch that the transaction shared. Here nothing of it stays, and its neighbours commit.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, OK, PONG, Push, QUEUED } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { expectExactSize, itemsOf } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";

const LIMIT_BYTES = 8192;
const SETTINGS = {
  "rocksdb.write_options.write_batch_max_bytes": String(LIMIT_BYTES),
  "notify-keyspace-events": "KEA",
};
const TOO_LARGE = new ErrorReply(
  `ERR write batch too large: rocksdb.write_options.write_batch_max_bytes is ${LIMIT_BYTES}`,
);
/** Sixteen keys of a kilobyte: the limit is passed in the middle. The first two are there before. */
const KEYS: readonly Bytes[] = Array.from({ length: 16 }, (_, index) => `k${index}`);
const MSET = ["MSET", ...KEYS.flatMap((key) => [key, key.padEnd(1024, "x")])];

async function prepare(client: RawClient): Promise<void> {
  assert.deepEqual(await client.say("MSET k0 old0 k1 old1 n 5"), OK);
}

/** What is there afterwards, and after a restart as well. */
async function expectNeighboursOnly(client: RawClient): Promise<void> {
  const values = await client.send("MGET", ...KEYS);
  assert.deepEqual(values, ["old0", "old1", ...KEYS.slice(2).map(() => null)]);
  assert.deepEqual(await client.say("MGET before after n"), ["1", "2", "6"]);
  const keys = await expectExactSize(client);
  assert.deepEqual([...keys].sort(), ["after", "before", "k0", "k1", "n"]);
}

for (const protocol of ["2", "3"]) {
  test(`RESP${protocol}: an MSET too large leaves nothing in EXEC, its neighbours commit`, async () => {
    using directory = new TemporaryDirectory();
    const options = { dir: directory.path, settings: SETTINGS };
    await using server = await ServerProcess.start(options);
    const client = await server.client();
    await client.send("HELLO", protocol);
    await prepare(client);

    const commands = [
      ["MULTI"],
      ["SET", "before", "1"],
      MSET,
      ["GET", "k0"],
      ["INCR", "n"],
      ["SET", "after", "2"],
      ["EXEC"],
      ["PING"],
    ];
    const bytes = commands.map((command) => request(...command)).join("");
    const replies = await client.pipeline(bytes, commands.length);
    assert.deepEqual(replies.slice(1, 6), Array(5).fill(QUEUED));
    assert.deepEqual(replies.slice(6), [[OK, TOO_LARGE, "old0", 6, OK], PONG]);
    await expectNeighboursOnly(client);

    await server.kill();
    await using again = await ServerProcess.start(options);
    await expectNeighboursOnly(await again.client());
  });
}

test("the same alone: the MSET is refused whole, and so is an EXEC beyond the limit in sum", async () => {
  using directory = new TemporaryDirectory();
  const options = { dir: directory.path, settings: SETTINGS };
  await using server = await ServerProcess.start(options);
  const client = await server.client();
  await prepare(client);
  assert.deepEqual(await client.send(...MSET), TOO_LARGE);
  assert.deepEqual(await client.say("MGET k0 k1 k2 n"), ["old0", "old1", null, "5"]);

  // Each command of this one is small enough; those that no longer fit fail, each by itself.
  let bytes = request("MULTI");
  for (const key of KEYS) bytes += request("SET", key, "x".repeat(1024));
  const last = (await client.pipeline(bytes + request("EXEC"), KEYS.length + 2)).at(-1);
  const outcomes = itemsOf(last);
  assert.equal(outcomes.length, KEYS.length);
  const values = itemsOf(await client.send("MGET", ...KEYS));
  for (const [index, outcome] of outcomes.entries()) {
    const isRefused = outcome instanceof ErrorReply;
    assert.deepEqual(outcome, isRefused ? TOO_LARGE : OK);
    const old = index < 2 ? `old${index}` : null;
    assert.equal(values[index], isRefused ? old : "x".repeat(1024));
  }
  assert.ok(outcomes.some((outcome) => outcome instanceof ErrorReply));
  await expectExactSize(client);
});

test("nobody is told of the half that was undone", async () => {
  using directory = new TemporaryDirectory();
  await using server = await ServerProcess.start({ dir: directory.path, settings: SETTINGS });
  const client = await server.client();
  await prepare(client);
  const watcher = await server.client();
  await watcher.say("WATCH k0 k2");
  const listener = await server.client();
  await listener.send("HELLO", "3");
  await listener.say("PSUBSCRIBE __keyspace@0__:*");
  const exec = request("MULTI") + request(...MSET) + request("SET", "after", "2");
  await client.pipeline(exec + request("EXEC"), 4);
  const heard = await listener.readReply();
  assert.deepEqual(
    heard,
    new Push(["pmessage", "__keyspace@0__:*", "__keyspace@0__:after", "set"]),
  );
  await watcher.pipeline(request("MULTI") + request("GET", "k0"), 2);
  assert.deepEqual(await watcher.say("EXEC"), ["old0"]);
  listener.expectNothingUnread();
});
