// A disk that cannot be read, or reads wrong, beneath a real server: whoever asks for what lies there hears of
// it, never gets wrong data, and changes nothing; everybody else is served, and all is right when the disk is.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { isOk, itemsOf } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import { FaultyDisk, type DiskFault } from "./faults.ts";

/** Next to nothing is kept in memory. */
const SETTINGS = {
  "rocksdb.write_buffer_size": "1",
  "rocksdb.block_cache_size": "1",
  "object-cache-size": "1mb",
};
const KEYS = 500;
const FIELDS = 1000;
const EVERY = 11;

const keyOf = (index: number): Bytes => `key:${index}`;
const valueOf = (index: number): Bytes => `${index}:`.repeat(1000);
const fieldOf = (index: number): Bytes => `field:${index}`;

async function fill(server: ServerProcess): Promise<void> {
  const client = await server.client();
  const sets = Array.from({ length: KEYS }, (_, at) => request("SET", keyOf(at), valueOf(at)));
  const fields = Array.from({ length: FIELDS }, (_, at) =>
    request("HSET", "hash", fieldOf(at), valueOf(at)),
  );
  client.write([...sets, ...fields].join(""));
  const replies = await client.readReplies(KEYS + FIELDS);
  assert.ok(replies.every((reply) => isOk(reply) || reply === 1));
}

interface Outcomes {
  right: number;
  failed: number;
}

/** Each answer is right or an error that says what is wrong. */
function judge(reply: Reply, expected: Bytes, outcomes: Outcomes): void {
  if (!(reply instanceof ErrorReply)) {
    assert.equal(reply, expected);
    outcomes.right++;
    return;
  }
  assert.match(reply.text, /^MISCONF /);
  outcomes.failed++;
}

async function readSome(client: RawClient, from: number): Promise<Outcomes> {
  const outcomes = { right: 0, failed: 0 };
  for (let index = from; index < KEYS; index += EVERY) {
    // oxlint-disable-next-line no-await-in-loop -- one cold read after the other
    judge(await client.send("GET", keyOf(index)), valueOf(index), outcomes);
  }
  for (let index = from; index < FIELDS; index += EVERY) {
    // oxlint-disable-next-line no-await-in-loop -- one cold read after the other
    judge(await client.send("HGET", "hash", fieldOf(index)), valueOf(index), outcomes);
  }
  return outcomes;
}

const FAULTS: Readonly<Record<string, DiskFault>> = {
  "cannot be read": { call: "read", pattern: "*.sst", effect: "EIO" },
  "reads wrong": { call: "read", pattern: "*.sst", effect: "flip" },
  "cannot be read now and then": { call: "read", pattern: "*.sst", effect: "EIO", count: 5 },
};

for (const [what, fault] of Object.entries(FAULTS)) {
  test(`a disk that ${what}: an error for who asks, never wrong data`, async (t) => {
    using directory = new TemporaryDirectory();
    const options = { dir: directory.path, settings: SETTINGS };
    {
      await using server = await ServerProcess.start(options);
      await fill(server);
    }
    using disk = new FaultyDisk(directory.path);
    await using server = await ServerProcess.start({ ...options, env: disk.env });
    const client = await server.client();
    assert.equal((await readSome(client, 0)).failed, 0);
    disk.fail(fault);
    const outcomes = await readSome(client, 1);
    t.diagnostic(JSON.stringify(outcomes));
    assert.ok(disk.hits > 0);
    assert.ok(outcomes.failed > 0);
    if (fault.count === undefined) await expectNothingChanged(client);
    disk.heal();
    assert.equal((await readSome(client, 1)).failed, 0);
    assert.ok(isOk(await client.send("SET", "since", "v")));
    assert.equal(await client.send("GET", keyOf(7)), valueOf(7));
    await server.kill();
    await using again = await ServerProcess.start(options);
    assert.equal((await readSome(await again.client(), 2)).failed, 0);
  });
}

/** What has to read before it writes is refused whole; what needs no disk goes on. */
async function expectNothingChanged(client: RawClient): Promise<void> {
  const append = await client.send("APPEND", keyOf(7), "more");
  assert.ok(append instanceof ErrorReply, "it was appended to what could not be read");
  await client.send("MULTI");
  await client.send("SET", "fresh", "1");
  await client.send("GET", keyOf(8));
  const replies = await client.send("EXEC");
  if (!(replies instanceof ErrorReply)) {
    const [, got] = itemsOf(replies);
    assert.ok(got instanceof ErrorReply);
  }
  assert.ok(!((await client.send("PING")) instanceof ErrorReply));
}
