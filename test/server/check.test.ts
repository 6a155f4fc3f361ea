// `kept check` on real directories: well, damaged in a file, damaged in a record, in use, absent.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Config } from "../../src/config/config.ts";
import { dataKey, hashOfKey, slotOfKey } from "../../src/encoding/key.ts";
import { DATA } from "../../src/engine/engine.ts";
import { openRocksEngine } from "../../src/engine/rocksdb.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { rocksSettings } from "../../src/server/engine-settings.ts";
import { format } from "../conversations/notation.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { KeptProcess } from "../support/kept-process.ts";

const BIN = `${process.cwd()}/bin/kept`;

function kept(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    encoding: "latin1",
  });
  return { code: status, stdout, stderr };
}

async function filledDirectory(): Promise<TemporaryDirectory> {
  const folder = new TemporaryDirectory();
  const server = await KeptProcess.start(["--dir", folder.path]);
  using client = await server.client();
  for (let index = 0; index < 200; index++) {
    const expiry = index % 4 === 0 ? ["EX", "1000"] : [];
    await client.send("SET", `key:${index}`, `value ${index} `.repeat(20), ...expiry);
  }
  await client.send("SELECT", "3");
  await client.send("SET", "elsewhere", "1");
  // Into a file, where bytes can be flipped.
  await client.send("SAVE");
  await server.stop();
  return folder;
}

test("a healthy directory is read to its end", async () => {
  using folder = await filledDirectory();
  const { code, stdout } = kept("check", folder.path);
  assert.match(stdout, /^data: 201 entries read$/m);
  assert.match(stdout, /^expiry: 50 entries read$/m);
  assert.match(stdout, /^database 0: 200 keys$/m);
  assert.match(stdout, /^database 3: 1 keys$/m);
  assert.match(stdout, /^All is well\.$/m);
  assert.equal(code, 0);
});

test("flipped bytes in a file are found, and the check ends with 1", async () => {
  using folder = await filledDirectory();
  const files = join(folder.path, "db");
  // The largest holds the data, and its first half nothing else: what RocksDB reads at the opening
  // stands at the end of a file.
  const [largest] = readdirSync(files)
    .filter((name) => name.endsWith(".sst"))
    .map((name) => ({ name, bytes: readFileSync(join(files, name)) }))
    .sort((one, other) => other.bytes.length - one.bytes.length);
  assert.ok(largest !== undefined);
  const { name, bytes } = largest;
  for (let at = 0; at < bytes.length / 2; at += 100) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(join(files, name), bytes);
  const { code, stdout, stderr } = kept("check", folder.path);
  assert.equal(stderr, "");
  assert.match(stdout, /^DAMAGED: data: cannot be read to its end: /m);
  assert.match(stdout, /^The directory is damaged\.$/m);
  assert.equal(code, 1);
});

test("a walk over a damaged block is told so, and the server goes on", async () => {
  using folder = await filledDirectory();
  const files = join(folder.path, "db");
  const sizeOf = (name: string): number => readFileSync(join(files, name)).length;
  const [data] = readdirSync(files)
    .filter((name) => name.endsWith(".sst"))
    .toSorted((a, b) => sizeOf(b) - sizeOf(a));
  assert.ok(data !== undefined);
  const bytes = readFileSync(join(files, data));
  for (let at = 0; at < bytes.length / 4; at += 10) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(join(files, data), bytes);
  await using server = await KeptProcess.start(["--dir", folder.path]);
  using client = await server.client();
  assert.match(format(await client.send("SCAN", "0", "COUNT", "1000")), /^-MISCONF /);
  assert.match(format(await client.send("KEYS", "*")), /^-MISCONF /);
  assert.equal(format(await client.send("PING")), "PONG");
});

test("a record that does not decode and counts that do not fit are named", async () => {
  using folder = await filledDirectory();
  const engine = await openRocksEngine(join(folder.path, "db"), rocksSettings(new Config()));
  const ops = new WriteOps();
  const place = { incarnationId: 16, slot: slotOfKey("bad"), hash: hashOfKey("bad") };
  ops.put(DATA, dataKey(place, "bad"), "\xff\xff");
  await engine.writeAsync(ops, { sync: true });
  await engine.close();
  const { code, stdout } = kept("check", folder.path);
  assert.match(stdout, /^DAMAGED: the value of "bad" does not decode: /m);
  assert.match(stdout, /^DAMAGED: database 0 says 200 keys \(50 with expiry\), there are 201 /m);
  assert.match(stdout, /^The directory is damaged\.$/m);
  assert.equal(code, 1);
});

test("a directory in use, an absent one and an unknown tool are refused", async () => {
  using folder = new TemporaryDirectory();
  const absent = kept("check", folder.path);
  assert.match(absent.stderr, /there is no Kept database in /);
  assert.equal(absent.code, 1);
  await using server = await KeptProcess.start(["--dir", folder.path]);
  assert.ok(server.port > 0);
  const inUse = kept("check", folder.path);
  assert.match(inUse.stderr, /in use|lock/i);
  assert.equal(inUse.code, 1);
  assert.equal(kept("mend").code, 1);
  assert.match(kept("--help").stdout, /^Usage: kept check/);
});
