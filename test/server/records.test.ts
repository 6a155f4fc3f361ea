// A new user's first day: more than 100,000 real records through `redis-cli --pipe`, read back, the
// server killed, read again.
//
// The records are the lines of the type declarations that the packages of node_modules ship: what a
// search index of source code would hold. Key: file and line number; value: the line, as bytes.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { readAll, scanAll } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import { runToolWell } from "../support/tool.ts";

const RECORDS_MIN = 100_000;

function realRecords(): Map<Bytes, Bytes> {
  const records = new Map<Bytes, Bytes>();
  const names = readdirSync("node_modules", { recursive: true, encoding: "utf8" });
  for (const name of names.filter((one) => one.endsWith(".d.ts")).sort()) {
    const lines = readFileSync(`node_modules/${name}`, "latin1").split("\n");
    for (const [index, line] of lines.entries()) records.set(`${name}:${index + 1}`, line);
  }
  return records;
}

/** Everything is there as it was written, and nothing else. */
async function expectAll(client: RawClient, records: ReadonlyMap<Bytes, Bytes>): Promise<void> {
  assert.equal(await client.send("DBSIZE"), records.size);
  const keys = [...records.keys()];
  const values = await readAll(client, keys);
  for (const [index, key] of keys.entries()) assert.equal(values[index], records.get(key), key);
  const found = await scanAll(client);
  assert.equal(found.size, records.size);
  for (const key of keys) assert.ok(found.has(key), `SCAN does not find ${key}`);
}

test("100,000 real records go in through redis-cli --pipe and survive kill -9", async (t) => {
  const records = realRecords();
  assert.ok(records.size >= RECORDS_MIN, `only ${records.size} records`);
  let protocol = "";
  for (const [key, value] of records) protocol += request("SET", key, value);

  using directory = new TemporaryDirectory();
  const options = { dir: directory.path };
  await using server = await ServerProcess.start(options);
  const fromMs = performance.now();
  const said = await runToolWell("redis-cli", ["-p", String(server.port), "--pipe"], protocol);
  const seconds = (performance.now() - fromMs) / 1000;
  t.diagnostic(`${records.size} records, ${protocol.length} bytes, in ${seconds.toFixed(1)} s`);
  assert.match(said, new RegExp(`errors: 0, replies: ${records.size}\\b`));
  await expectAll(await server.client(), records);

  await server.kill();
  await using again = await ServerProcess.start(options);
  await expectAll(await again.client(), records);
});
