// Values too large for their part of the block cache: whoever walks the keys passes over them all the same.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom } from "../../src/base/random.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { bytesOf, isOk, scanAll } from "../support/queries.ts";

const LARGE_BYTES = 5_000_000;
const SMALL_KEYS = 200;

/** Bytes that no compression makes smaller. */
function noise(bytes: number): string {
  const random = new SeededRandom(5);
  const buffer = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) {
    buffer.writeUInt32LE(Math.floor(random.next() * 2 ** 32), at);
  }
  return buffer.toString("latin1");
}

test("SCAN and RANDOMKEY pass over values larger than the block cache keeps", async () => {
  using directory = new TemporaryDirectory();
  const options = { dir: directory.path, settings: { "rocksdb.block_cache_size": "4" } };
  const value = noise(LARGE_BYTES);
  const keys = Array.from({ length: SMALL_KEYS }, (_, index) => `small:${index}`);
  {
    await using server = await ServerProcess.start(options);
    const client = await server.client();
    for (const key of ["large:1", "large:2"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      assert.ok(isOk(await client.send("SET", key, value)));
      keys.push(key);
    }
    await Promise.all(keys.slice(0, SMALL_KEYS).map((key) => client.send("SET", key, "v")));
    await server.kill();
  }
  // What is recovered from the log is in files when it is ready.
  await using again = await ServerProcess.start(options);
  const client = await again.client();
  assert.deepEqual([...(await scanAll(client))].sort(), keys.sort());

  for (let round = 0; round < 20; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.ok(keys.includes(bytesOf(await client.send("RANDOMKEY"))));
  }
  assert.equal(await client.send("GET", "large:2"), value);
});
