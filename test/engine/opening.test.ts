// Which directories the engine on disk opens, which it refuses without writing to them, and what is
// found after a clean close and after a crash.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Database } from "@kept/rocksdb";

import { DATA, ELEMENTS, SettingRefused } from "../../src/engine/engine.ts";
import { DirectoryRefused } from "../../src/engine/rocks-directory.ts";
import { openRocksEngine } from "../../src/engine/rocksdb.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { P1, batchOf } from "./common.ts";
import { PLAIN_SETTINGS, TemporaryDirectory } from "./temporary.ts";

const CHILD = fileURLToPath(new URL("child.js", import.meta.url));

/** Everything in a directory: names, sizes, contents. */
function fingerprint(path: string): string[] {
  return readdirSync(path)
    .sort()
    .map((name) => {
      const digest = createHash("sha256").update(readFileSync(`${path}/${name}`));
      return `${name} ${statSync(`${path}/${name}`).mtimeMs} ${digest.digest("hex")}`;
    });
}

async function assertRefused(path: string, words: RegExp): Promise<void> {
  const before = fingerprint(path);
  await assert.rejects(openRocksEngine(path, PLAIN_SETTINGS), (error) => {
    assert(error instanceof DirectoryRefused);
    assert(error.message.includes(path));
    assert.match(error.message, words);
    return true;
  });
  assert.deepEqual(fingerprint(path), before);
}

async function makeForeign(path: string, families: readonly string[]): Promise<void> {
  const database = await Database.open(path, {
    createIfMissing: true,
    createMissingColumnFamilies: true,
    families: Object.fromEntries(families.map((name) => [name, {}])),
  });
  const ops = new WriteOps();
  ops.put(0, "someone", "else's");
  const batch = ops.finish();
  database.writeRepresentation(batch, batch.length);
  await database.close();
}

async function makeOwn(path: string): Promise<void> {
  const engine = await openRocksEngine(path, PLAIN_SETTINGS);
  engine.write(batchOf(DATA, { [`${P1}a`]: "1" }));
  await engine.flush();
  engine.write(batchOf(ELEMENTS, { b: "2" }));
  await engine.close();
}

test("what was written is there after a clean close, flushed or not", async () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("deep/inside");
  await makeOwn(path);
  const engine = await openRocksEngine(path, PLAIN_SETTINGS);
  assert.deepEqual(await engine.load(DATA, [`${P1}a`]), ["1"]);
  assert.deepEqual(await engine.load(ELEMENTS, ["b"]), ["2"]);
  await engine.close();
});

test("the image of a live directory opens with every write, none of them synced", async () => {
  using directory = new TemporaryDirectory();
  const engine = await openRocksEngine(directory.join("live"), PLAIN_SETTINGS);
  for (let index = 0; index < 100; index++) {
    const ops = batchOf(DATA, { [`${P1}${index}`]: String(index) });
    ops.put(ELEMENTS, String(index), "twin");
    engine.write(ops);
  }
  cpSync(directory.join("live"), directory.join("image"), { recursive: true });
  await engine.close();
  const image = await openRocksEngine(directory.join("image"), PLAIN_SETTINGS);
  for (let index = 0; index < 100; index++) {
    assert.deepEqual(await image.load(DATA, [`${P1}${index}`]), [String(index)]);
    assert.deepEqual(await image.load(ELEMENTS, [String(index)]), ["twin"]);
  }
  await image.close();
});

test("a log cut anywhere opens with whole batches and loses only the last ones", async () => {
  using directory = new TemporaryDirectory();
  const engine = await openRocksEngine(directory.join("live"), PLAIN_SETTINGS);
  for (let index = 0; index < 20; index++) {
    const ops = batchOf(DATA, { [P1 + index]: "x".repeat(50) });
    ops.put(ELEMENTS, String(index), "twin");
    engine.write(ops);
  }
  const log = readdirSync(directory.join("live")).find((name) => name.endsWith(".log"));
  const keys = Array.from({ length: 20 }, (_, index) => index);
  for (const cut of [1, 7, 100, 333, 900]) {
    const path = directory.join(`cut-${cut}`);
    cpSync(directory.join("live"), path, { recursive: true });
    truncateSync(`${path}/${log}`, statSync(`${path}/${log}`).size - cut);
    const image = await openRocksEngine(path, PLAIN_SETTINGS);
    const data = await image.load(
      DATA,
      keys.map((index) => P1 + index),
    );
    const twins = await image.load(ELEMENTS, keys.map(String));
    const kept = data.filter((value) => value !== null).length;
    assert(kept < 20);
    for (const index of keys) {
      assert.equal(data[index] !== null, index < kept);
      assert.equal(twins[index] !== null, index < kept);
    }
    await image.close();
  }
  await engine.close();
});

test("a log whose end never reached the disk opens with what stands before it", async () => {
  using directory = new TemporaryDirectory();
  const { keyCount, logSize } = await makeLog(directory.join("live"));
  for (const from of [0, 3000, 8192, 20_000, logSize - 100]) {
    const path = directory.join(`from-${from}`);
    // A power cut leaves whole pages of nothing.
    const kept = await openedAfter(directory.join("live"), path, (log) => {
      log.fill(0, Math.floor(from / 4096) * 4096);
    });
    assert(kept.length < keyCount);
    assert.deepEqual(kept, Array.from(kept.keys()), "only the last ones may be gone");
  }
});

test("a log damaged before its end is refused: nothing acknowledged is dropped silently", async () => {
  using directory = new TemporaryDirectory();
  const { logSize } = await makeLog(directory.join("live"));
  for (const at of [20, 3000, 8192, 20_000, Math.floor(logSize / 2)]) {
    const path = directory.join(`at-${at}`);
    const damage = (log: Buffer) => log.writeUInt8(log.readUInt8(at) ^ 0x55, at);
    await assert.rejects(openedAfter(directory.join("live"), path, damage), /damaged.*backup/);
    await assertRefused(path, /holds a damaged database/);
  }
});

const LOGGED_KEYS = 2000;

async function makeLog(path: string): Promise<{ keyCount: number; logSize: number }> {
  const engine = await openRocksEngine(path, PLAIN_SETTINGS);
  for (let index = 0; index < LOGGED_KEYS; index++) {
    engine.write(batchOf(DATA, { [P1 + index]: "x".repeat(50) }));
  }
  // As the death of the process would leave it.
  cpSync(path, `${path}-image`, { recursive: true });
  await engine.close();
  return { keyCount: LOGGED_KEYS, logSize: statSync(logOf(`${path}-image`)).size };
}

function logOf(path: string): string {
  const name = readdirSync(path).find((one) => one.endsWith(".log"));
  assert(name !== undefined);
  return `${path}/${name}`;
}

/** The numbers of the keys in a copy of the image whose log was changed. */
async function openedAfter(live: string, path: string, change: (log: Buffer) => void) {
  cpSync(`${live}-image`, path, { recursive: true });
  const log = readFileSync(logOf(path));
  change(log);
  writeFileSync(logOf(path), log);
  const engine = await openRocksEngine(path, PLAIN_SETTINGS);
  const keys = Array.from({ length: LOGGED_KEYS }, (_, index) => P1 + index);
  const values = await engine.load(DATA, keys);
  await engine.close();
  return [...values.entries()].filter(([, value]) => value !== null).map(([index]) => index);
}

test("without a log, a sync and a clean close keep what was written", async () => {
  using directory = new TemporaryDirectory();
  const settings = { ...PLAIN_SETTINGS, disableWal: true };
  const engine = await openRocksEngine(directory.join("live"), settings);
  const ops = batchOf(DATA, { [`${P1}a`]: "1" });
  ops.put(ELEMENTS, "twin", "1");
  await engine.writeAsync(ops, { sync: true });
  await engine.sync();
  cpSync(directory.join("live"), directory.join("image"), { recursive: true });
  engine.write(batchOf(DATA, { [`${P1}b`]: "2" }));
  await engine.close();

  const image = await openRocksEngine(directory.join("image"), settings);
  assert.deepEqual(await image.load(DATA, [`${P1}a`, `${P1}b`]), ["1", null]);
  assert.deepEqual(await image.load(ELEMENTS, ["twin"]), ["1"]);
  await image.close();
  const reopened = await openRocksEngine(directory.join("live"), settings);
  assert.deepEqual(await reopened.load(DATA, [`${P1}a`, `${P1}b`]), ["1", "2"]);
  await reopened.close();
});

test("statistics are kept when asked for", async () => {
  using directory = new TemporaryDirectory();
  const engine = await openRocksEngine(directory.path, { ...PLAIN_SETTINGS, statistics: true });
  engine.write(batchOf(DATA, { [P1]: "1" }));
  assert.equal(engine.property("rocksdb.number.keys.written"), "1");
  assert.equal(engine.property("rocksdb.no.such.ticker"), null);
  await engine.close();
});

test("a checkpoint is a database of its own", async () => {
  using directory = new TemporaryDirectory();
  const engine = await openRocksEngine(directory.join("live"), PLAIN_SETTINGS);
  engine.write(batchOf(DATA, { [P1]: "1" }));
  await engine.checkpoint(directory.join("copy"));
  engine.write(batchOf(DATA, { [P1]: "2" }));
  const copy = await openRocksEngine(directory.join("copy"), PLAIN_SETTINGS);
  assert.deepEqual(await copy.load(DATA, [P1]), ["1"]);
  await copy.close();
  await engine.close();
});

test("a first start that died half-way is no obstacle", async () => {
  using directory = new TemporaryDirectory();
  for (const name of ["LOCK", "LOG", "IDENTITY", "MANIFEST-000001", "000001.dbtmp"]) {
    writeFileSync(directory.join(name), "");
  }
  await makeOwn(directory.path);
  const partly = directory.join("partly");
  const database = await Database.open(partly, {
    createIfMissing: true,
    createMissingColumnFamilies: true,
    families: { default: {}, data: {} },
  });
  await database.close();
  await makeOwn(partly);
});

test("a directory with other files, or a file, is refused untouched", async () => {
  using directory = new TemporaryDirectory();
  writeFileSync(directory.join("holiday.jpg"), "precious");
  await assertRefused(directory.path, /holds other files \(holiday\.jpg\).*`dir`/);
  const file = directory.join("holiday.jpg");
  await assert.rejects(openRocksEngine(file, PLAIN_SETTINGS), /is not a directory/);
  await assert.rejects(openRocksEngine(`${file}/data`, PLAIN_SETTINGS), DirectoryRefused);
  assert.equal(readFileSync(file, "latin1"), "precious");
});

test("another program's RocksDB is refused untouched", async () => {
  using directory = new TemporaryDirectory();
  await makeForeign(directory.join("one"), ["default"]);
  await assertRefused(directory.join("one"), /RocksDB database of another program/);
  await makeForeign(directory.join("other"), ["default", "metadata"]);
  await assertRefused(directory.join("other"), /another program \(column family "metadata"\)/);
  await makeForeign(directory.join("odd"), ["default", "expiry"]);
  await assertRefused(directory.join("odd"), /without the column family "data"/);
});

test("a damaged database is refused untouched", async () => {
  using directory = new TemporaryDirectory();
  const damaged = async (name: string, damage: (path: string) => void, words: RegExp) => {
    const path = directory.join(name);
    await makeOwn(path);
    damage(path);
    await assertRefused(path, words);
  };
  await damaged("no-current", (path) => rmSync(`${path}/CURRENT`), /not its file CURRENT.*backup/);
  await damaged("bad-current", (path) => writeFileSync(`${path}/CURRENT`, "?"), /damaged.*backup/);
  const spoilManifest = (path: string) => {
    const name = readdirSync(path).find((one) => one.startsWith("MANIFEST-"));
    writeFileSync(`${path}/${name}`, "not a manifest at all, but long enough to be read as one");
  };
  await damaged("bad-manifest", spoilManifest, /damaged|cannot be opened/);
});

test("a directory in use is refused, by this process or another", async () => {
  using directory = new TemporaryDirectory();
  const engine = await openRocksEngine(directory.join("own"), PLAIN_SETTINGS);
  await assert.rejects(openRocksEngine(directory.join("own"), PLAIN_SETTINGS), /in use by another/);
  engine.write(batchOf(DATA, { [P1]: "1" }));
  await engine.close();

  const path = directory.join("held");
  const child = spawn(process.execPath, [CHILD, "hold", path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    await assert.rejects(openRocksEngine(path, PLAIN_SETTINGS), /in use by another server.*stop/);
  } finally {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  await makeOwn(path);
});

test("settings RocksDB refuses are told in its words, and make no database", async () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("data");
  mkdirSync(path);
  const bad = { ...PLAIN_SETTINGS, family: { write_buffer_size: "much" } };
  await assert.rejects(openRocksEngine(path, bad), SettingRefused);
  const unknown = { ...PLAIN_SETTINGS, database: { no_such_option: "1" } };
  await assert.rejects(openRocksEngine(path, unknown), /no_such_option/);
  assert(!existsSync(`${path}/CURRENT`));
});
