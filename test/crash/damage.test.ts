// Data damaged behind the server's back. Damage that is seen at start is refused by name, with
// advice, and not one byte is written; damage inside a table is seen when it is read: whoever asks
// for it hears MISCONF, nobody is given a wrong value, and everybody else is served.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  cpSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { after, before, test } from "node:test";

import { Database } from "@kept/rocksdb";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, OK } from "../../src/resp/reply.ts";
import { flipByte } from "./flip-byte.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { KeptProcess } from "../support/kept-process.ts";
import { ServerProcess, argumentsOf } from "../support/process.ts";
import { request } from "../support/raw-client.ts";
import { runTool } from "../support/tool.ts";

/** Tables of one megabyte, as they were flushed; the middle of such a file is the middle of a value. */
const SETTINGS = {
  "rocksdb.write_buffer_size": "1",
  "rocksdb.compression": "no",
  // A merge that meets the damage stops all writes: RocksDB wants the operator to look first.
  "rocksdb.disable_auto_compactions": "yes",
};
const KEY_COUNT = 6000;

let original: TemporaryDirectory;

function keyOf(index: number): Bytes {
  return `key:${index}`;
}

function valueOf(index: number): Bytes {
  return `value ${index} `.repeat(60);
}

before(async () => {
  original = new TemporaryDirectory();
  await using server = await ServerProcess.start({ dir: original.path, settings: SETTINGS });
  const client = await server.client();
  for (let from = 0; from < KEY_COUNT; from += 500) {
    let bytes = "";
    for (let index = from; index < from + 500; index++) {
      bytes += request("SET", keyOf(index), valueOf(index));
    }
    // oxlint-disable-next-line no-await-in-loop -- bounded pieces
    for (const reply of await client.pipeline(bytes, 500)) assert.deepEqual(reply, OK);
  }
});

after(() => original[Symbol.dispose]());

/** A copy of the data, to be damaged. */
class Copy implements Disposable {
  readonly #directory = new TemporaryDirectory();

  constructor() {
    cpSync(original.path, this.#directory.path, { recursive: true });
  }

  get dir(): string {
    return this.#directory.path;
  }

  /** The files of the database of this kind, oldest first. */
  files(pattern: RegExp): string[] {
    const db = `${this.dir}/db`;
    const names = readdirSync(db).filter((name) => pattern.test(name));
    assert.ok(names.length > 0, `there is no file ${String(pattern)}`);
    return names.sort().map((name) => `${db}/${name}`);
  }

  fingerprint(): string[] {
    return this.files(/./).map((path) => {
      const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
      return `${path} ${digest}`;
    });
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

function half(path: string): number {
  return Math.floor(statSync(path).size / 2);
}

const FIRST = 0;
const DAMAGES: Readonly<Record<string, (copy: Copy) => void>> = {
  "CURRENT emptied": (copy) => truncateSync(`${copy.dir}/db/CURRENT`),
  "CURRENT naming another file": (copy) => writeFileSync(`${copy.dir}/db/CURRENT`, "MANIFEST-9\n"),
  "CURRENT removed": (copy) => rmSync(`${copy.dir}/db/CURRENT`),
  "a byte of the MANIFEST turned": (copy) => {
    const path = copy.files(/^MANIFEST/)[FIRST] ?? "";
    flipByte(path, half(path), 0x55);
  },
  "the MANIFEST emptied": (copy) => truncateSync(copy.files(/^MANIFEST/)[FIRST] ?? ""),
  "a table cut in half": (copy) => {
    const path = copy.files(/\.sst$/)[FIRST] ?? "";
    truncateSync(path, half(path));
  },
  "a table removed": (copy) => rmSync(copy.files(/\.sst$/)[FIRST] ?? ""),
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  test(`${what}: refused by name and with advice, nothing is written`, async () => {
    using copy = new Copy();
    damage(copy);
    const untouched = copy.fingerprint();
    const ended = await KeptProcess.toItsEnd(argumentsOf({ dir: copy.dir, settings: SETTINGS }));
    assert.equal(ended.code, 1, ended.stdout);
    assert.ok(ended.stderr.includes(copy.dir), ended.stderr);
    assert.match(ended.stderr, /damaged|cannot be opened|not its file CURRENT/);
    assert.match(ended.stderr, /backup|check the disk/);
    assert.deepEqual(copy.fingerprint(), untouched);
  });
}

test("a byte in the middle of the log turned: refused, rather than dropping what stands behind it", async () => {
  using copy = new Copy();
  const path = copy.files(/\.log$/).at(-1) ?? "";
  flipByte(path, half(path), 0x55);
  const untouched = copy.fingerprint();
  const ended = await KeptProcess.toItsEnd(argumentsOf({ dir: copy.dir, settings: SETTINGS }));
  assert.equal(ended.code, 1, ended.stdout);
  assert.match(ended.stderr, /holds a damaged database \(.*nothing was changed; restore it/);
  // What was read before the damage may stand in a new table, which the database does not know of.
  const left = new Set(copy.fingerprint());
  for (const file of untouched) assert.ok(left.delete(file), `changed: ${file}`);
  for (const file of left) assert.match(file, /\.sst /);

  using cut = new TemporaryDirectory();
  cpSync(copy.dir, cut.path, { recursive: true });
  await expectCut(cut.path);

  // The damage undone, everything is there: the refusal cost nothing.
  flipByte(path, half(path), 0x55);
  await using server = await ServerProcess.start({ dir: copy.dir, settings: SETTINGS });
  assert.equal(await (await server.client()).send("DBSIZE"), KEY_COUNT);
});

/** `kept check --cut-log` leaves what stands before the damage, and the server takes it from there. */
async function expectCut(dir: string): Promise<void> {
  const refused = await runTool(process.execPath, ["bin/kept", "check", dir]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /holds a damaged database/);
  const { code, stdout } = await runTool(process.execPath, ["bin/kept", "check", "--cut-log", dir]);
  assert.match(stdout, /^CUTTING THE LOG: what stands behind its first damage is dropped\.$/m);
  assert.match(stdout, /^All is well\.$/m);
  assert.equal(code, 0);
  await using server = await ServerProcess.start({ dir, settings: SETTINGS });
  const client = await server.client();
  const count = await client.send("DBSIZE");
  assert.ok(typeof count === "number" && count > 0 && count < KEY_COUNT);
  // They were written in order: what is left are the first so many.
  for (let index = 0; index < KEY_COUNT; index += 7) {
    const expected: Bytes | null = index < count ? valueOf(index) : null;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.equal(await client.send("GET", keyOf(index)), expected, keyOf(index));
  }
  assert.deepEqual(await client.send("SET", "written-since", "v"), OK);
}

test("bytes turned inside a table: who asks for them hears so, everybody else is served", async (t) => {
  using copy = new Copy();
  for (const path of copy.files(/\.sst$/).slice(0, 3)) flipByte(path, half(path), 0x55);
  await using server = await ServerProcess.start({ dir: copy.dir, settings: SETTINGS });
  const client = await server.client();
  const outcomes = { right: 0, damaged: 0 };
  for (let index = 0; index < KEY_COUNT; index++) {
    // oxlint-disable-next-line no-await-in-loop -- one cold read after the other
    const reply = await client.send("GET", keyOf(index));
    if (reply instanceof ErrorReply) {
      assert.match(reply.text, /^MISCONF .*(checksum mismatch|corrupt)/);
      assert.match(reply.text, /stop the server and run 'kept check'/);
      outcomes.damaged++;
    } else {
      assert.equal(reply, valueOf(index), `${keyOf(index)} has a wrong value`);
      outcomes.right++;
    }
  }
  t.diagnostic(JSON.stringify(outcomes));
  assert.ok(outcomes.damaged > 0, "no byte of a value was hit");
  assert.ok(outcomes.right > KEY_COUNT / 2);
  assert.deepEqual(await client.send("SET", "written-since", "v"), OK);
  assert.equal(await client.send("GET", "written-since"), "v");
});

test("another program's RocksDB is refused, and not a byte of it changes", async () => {
  using copy = new Copy();
  rmSync(`${copy.dir}/db`, { recursive: true });
  const families = { default: {}, metadata: {} };
  const options = { createIfMissing: true, createMissingColumnFamilies: true, families };
  const database = await Database.open(`${copy.dir}/db`, options);
  await database.close();
  const untouched = copy.fingerprint();
  const ended = await KeptProcess.toItsEnd(argumentsOf({ dir: copy.dir, settings: SETTINGS }));
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /holds a RocksDB database of another program/);
  assert.deepEqual(copy.fingerprint(), untouched);
});

test("a value over the limit is refused before it is read, and changes nothing", async () => {
  using directory = new TemporaryDirectory();
  const settings = { "proto-max-bulk-len": "1mb" };
  await using server = await ServerProcess.start({ dir: directory.path, settings });
  const client = await server.client();
  const whole = "x".repeat(1024 * 1024);
  assert.deepEqual(await client.send("SET", "key", whole), OK);
  const tooLong = /^ERR string exceeds maximum allowed size/;
  for (const command of [
    ["APPEND", "key", "y"],
    ["SETRANGE", "key", String(whole.length), "y"],
    ["SETBIT", "key", String(whole.length * 8), "1"],
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const reply = await client.send(...command);
    assert.ok(reply instanceof ErrorReply);
    if (command[0] !== "SETBIT") assert.match(reply.text, tooLong);
  }
  // The announcement alone is enough: the server does not wait for what it will not take.
  const other = await server.client();
  other.write(`*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$${whole.length + 1}\r\n`);
  const refused = new ErrorReply("ERR Protocol error: invalid bulk length");
  assert.deepEqual(await other.readUntilClosed(), [refused]);
  assert.equal(await client.send("GET", "key"), whole);
  assert.equal(await client.send("DBSIZE"), 1);
});
