// Damage at every place: bytes turned and files cut short at many positions of every file of a small
// database. Whatever is hit, the store either refuses to open, with a reason, or each read is right or
// fails; a wrong value, or a key that was there and is said to be absent, is never given, but for a log
// cut short: what stands behind the cut was never synced, and what is there is a prefix of what was
// written; and for a MANIFEST cut short between two of its records, which is a MANIFEST of before: RocksDB
// cannot see that (docs/reliability.md).

import assert from "node:assert/strict";
import { cpSync, readdirSync, statSync, truncateSync } from "node:fs";
import { after, before, test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { Config } from "../../src/config/config.ts";
import { DATA, StorageError, type Engine } from "../../src/engine/engine.ts";
import { DirectoryRefused } from "../../src/engine/rocks-directory.ts";
import { openRocksEngine } from "../../src/engine/rocksdb.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { rocksSettings } from "../../src/server/engine-settings.ts";
import { flipByte } from "./flip-byte.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";

const KEY_COUNT = 300;
/** The first half is in tables, the second in the log. */
const HALF = KEY_COUNT / 2;
const POSITIONS = Number(process.env["KEPT_DAMAGE_POSITIONS"] ?? 12);

let original: TemporaryDirectory;
let live: TemporaryDirectory;

function keyOf(index: number): Bytes {
  return `\0\0\0\x10\0\x01${String(index).padStart(4, "0")}key`;
}

function valueOf(index: number): Bytes {
  return `value ${index} `.repeat(12);
}

before(async () => {
  original = new TemporaryDirectory();
  const engine = await openRocksEngine(original.path, rocksSettings(new Config()));
  for (let index = 0; index < KEY_COUNT; index++) {
    const ops = new WriteOps();
    ops.put(DATA, keyOf(index), valueOf(index));
    engine.write(ops);
    // oxlint-disable-next-line no-await-in-loop -- between the halves
    if (index === HALF - 1) await engine.flush();
  }
  await engine.sync();
  // As a process that is killed leaves it: the log is not emptied.
  live = new TemporaryDirectory();
  cpSync(original.path, live.path, { recursive: true });
  await engine.close();
});

after(() => {
  live[Symbol.dispose]();
  original[Symbol.dispose]();
});

interface Found {
  readonly values: readonly (Bytes | null)[];
  readonly failures: number;
}

async function readAll(engine: Engine): Promise<Found> {
  const values: (Bytes | null)[] = [];
  let failures = 0;
  for (let index = 0; index < KEY_COUNT; index++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one read after the other
      const [value = null] = await engine.load(DATA, [keyOf(index)]);
      values.push(value);
      assert.ok(value === null || value === valueOf(index), `key ${index} has a wrong value`);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      assert.equal(error.kind, "corruption", error.message);
      failures++;
      values.push(valueOf(index));
    }
  }
  return { values, failures };
}

type Outcome = "refused" | "some reads fail" | "all is right" | "a prefix" | "an older state";
/** What may be missing without a word. */
type Missing = "nothing" | "the end" | "what is newer";

/** What comes of a copy that `damage` has been at. */
async function outcomeOf(damage: (dir: string) => void, mayMiss: Missing): Promise<Outcome> {
  using copy = new TemporaryDirectory();
  cpSync(live.path, copy.path, { recursive: true });
  damage(copy.path);
  let engine: Engine;
  try {
    engine = await openRocksEngine(copy.path, rocksSettings(new Config()));
  } catch (error) {
    assert.ok(error instanceof DirectoryRefused, String(error));
    assert.match(error.message, /restore it from a backup|check the disk/);
    return "refused";
  }
  try {
    const { values, failures } = await readAll(engine);
    const missing = values.indexOf(null);
    if (missing === -1) return failures > 0 ? "some reads fail" : "all is right";
    if (mayMiss === "what is newer") return "an older state";
    assert.equal(mayMiss, "the end", `key ${missing} is said to be absent`);
    assert.ok(missing >= HALF, "what is in tables is lost");
    assert.ok(
      values.slice(missing).every((value) => value === null),
      "what is left is no prefix",
    );
    return "a prefix";
  } finally {
    await engine.close();
  }
}

function namesOf(pattern: RegExp): string[] {
  const names = readdirSync(live.path).filter((name) => pattern.test(name));
  assert.ok(names.length > 0, String(pattern));
  return names.filter((name) => statSync(`${live.path}/${name}`).size > 0);
}

/** Spread over the file, its first and its last byte among them. */
function* positions(size: number): Generator<number> {
  const count = Math.min(size, POSITIONS);
  for (let index = 0; index < count; index++) {
    yield count === 1 ? 0 : Math.floor((index * (size - 1)) / (count - 1));
  }
}

const KINDS: Readonly<Record<string, RegExp>> = {
  log: /\.log$/,
  table: /\.sst$/,
  MANIFEST: /^MANIFEST-/,
  CURRENT: /^CURRENT$/,
};

const MISSED_BY_A_CUT: Readonly<Record<string, Missing>> = {
  log: "the end",
  MANIFEST: "what is newer",
};

for (const [kind, pattern] of Object.entries(KINDS)) {
  test(`${kind}: a byte turned anywhere is never served as data`, async (t) => {
    const outcomes = new Map<Outcome, number>();
    for (const name of namesOf(pattern)) {
      for (const at of positions(statSync(`${live.path}/${name}`).size)) {
        const damage = (dir: string): void => flipByte(`${dir}/${name}`, at, 0x10);
        // A length turned at the end of the log looks like an end that was not written.
        // oxlint-disable-next-line no-await-in-loop -- one directory at a time
        const outcome = await outcomeOf(damage, kind === "log" ? "the end" : "nothing");
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    t.diagnostic(JSON.stringify([...outcomes]));
    assert.ok((outcomes.get("refused") ?? 0) + (outcomes.get("some reads fail") ?? 0) > 0);
  });

  test(`${kind}: cut short anywhere, it is refused or read as far as it goes`, async (t) => {
    const outcomes = new Map<Outcome, number>();
    for (const name of namesOf(pattern)) {
      for (const at of positions(statSync(`${live.path}/${name}`).size - 1)) {
        const damage = (dir: string): void => truncateSync(`${dir}/${name}`, at);
        // oxlint-disable-next-line no-await-in-loop -- one directory at a time
        const outcome = await outcomeOf(damage, MISSED_BY_A_CUT[kind] ?? "nothing");
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    t.diagnostic(JSON.stringify([...outcomes]));
    assert.ok(outcomes.size > 0);
  });
}
