// docs/decisions/0002: where uncommitted state lives, and when records are encoded.
//
//   (a) as built: decoded records and an undo log in JavaScript, each record encoded once a group
//   (b) RocksDB's indexed batch: a save point, a get and a put of encoded bytes a command
//   (c) a Map of values and an encoder: encoded at each command, nothing to read it back with
//
// SET over 100,000 random keys and INCR of 1 or 100 hot keys, in groups; nanoseconds a command, the
// commit included (with the log, without fsync). Then what a command costs that fails and is undone.
//
//   node build/bench/cache.js

import { WRITE_NO_SLOWDOWN, type Database, type IndexedWriteBatch } from "@kept/rocksdb";

import { dataKey, hashOfKey, KEY_HEADER_SIZE, slotOfKey } from "../src/encoding/key.ts";
import { writeKeyHeader } from "../src/encoding/key.ts";
import { STRING } from "../src/encoding/record.ts";
import { DATA } from "../src/engine/engine.ts";
import { openRocksEngine } from "../src/engine/rocksdb.ts";
import { WriteOps } from "../src/engine/write-ops.ts";
import type { Keyspace } from "../src/keyspace/keyspace.ts";
import { openKeyspace } from "../src/server/open-keyspace.ts";
import { keyAt } from "./fill.ts";
import { compare, type Candidate } from "./measure.ts";
import { openScratch, scratchDirectory, settingsWith, type Memtable } from "./scratch.ts";

const KEYS = 100_000;
const GROUPS = [1, 16, 64, 256];
const OPERATIONS = 12_800;
const ROUNDS = 9;
const FAILING_CHANGES = 10;
const VALUE = "x".repeat(64);
/** What stands before the bytes of a string without an expiry. */
const RECORD_HEADER = "\x10\0";
const CACHE_BYTES = 1024 * 1024 * 1024;
const WRITE_BUFFER_MB = 64;

const keys = Array.from({ length: KEYS }, (_, index) => keyAt(index));

function randomKey(count: number): string {
  return keys[Math.floor(Math.random() * count)] ?? "";
}

/** 0 for the values that SET has left. */
function numberIn(value: string | null): number {
  return value === null || value === VALUE ? 0 : Number(value);
}

/** One way to hold what is not committed yet. */
interface Way {
  set(key: string): void;
  increment(key: string): void;
  /** A command that makes `changes` changes and fails. */
  fail(changes: number): void;
  commit(): void;
}

class UndoLog implements Way {
  readonly #keyspace: Keyspace;
  readonly #ops = new WriteOps();
  readonly #write: (ops: WriteOps) => void;

  constructor(keyspace: Keyspace, write: (ops: WriteOps) => void) {
    this.#keyspace = keyspace;
    this.#write = write;
    const [database] = keyspace.databases;
    if (database === undefined) throw new Error("no database");
    for (const key of keys)
      keyspace.installLoaded(database.incarnation, key, { bytes: null, asOf: 0 });
  }

  #change(key: string, next: (value: string | null) => string): void {
    const keyspace = this.#keyspace;
    const [database] = keyspace.databases;
    if (database === undefined) return;
    const record = keyspace.record(database.incarnation, key);
    const before = typeof record.value === "string" ? record.value : null;
    keyspace.change(record, STRING, next(before), record.expiryMs);
  }

  set(key: string): void {
    this.#keyspace.mark();
    this.#change(key, () => VALUE);
  }

  increment(key: string): void {
    this.#keyspace.mark();
    this.#change(key, (value) => String(numberIn(value) + 1));
  }

  fail(changes: number): void {
    const mark = this.#keyspace.mark();
    for (let index = 0; index < changes; index++) this.#change(randomKey(KEYS), () => VALUE);
    this.#keyspace.rollbackTo(mark);
  }

  commit(): void {
    const closed = this.#keyspace.close(this.#ops);
    if (this.#ops.count > 0) this.#write(this.#ops);
    this.#keyspace.committed(closed, this.#ops);
    this.#ops.clear();
  }
}

class IndexedBatch implements Way {
  readonly #database: Database;
  readonly #batch: IndexedWriteBatch;

  constructor(database: Database) {
    this.#database = database;
    this.#batch = database.indexedBatch();
  }

  #change(key: string, next: (value: string | null) => string): void {
    const header = { incarnationId: 16, slot: slotOfKey(key), hash: hashOfKey(key) };
    const physical = dataKey(header, key);
    const stored = this.#batch.getBinary(DATA, physical) ?? null;
    const value = stored === null ? null : stored.slice(RECORD_HEADER.length);
    this.#batch.put(DATA, physical, RECORD_HEADER + next(value));
  }

  set(key: string): void {
    this.#batch.setSavePoint();
    this.#change(key, () => VALUE);
    this.#batch.popSavePoint();
  }

  increment(key: string): void {
    this.#batch.setSavePoint();
    this.#change(key, (value) => String(numberIn(value) + 1));
    this.#batch.popSavePoint();
  }

  fail(changes: number): void {
    this.#batch.setSavePoint();
    for (let index = 0; index < changes; index++) this.#change(randomKey(KEYS), () => VALUE);
    this.#batch.rollbackToSavePoint();
  }

  commit(): void {
    this.#database.write(this.#batch, WRITE_NO_SLOWDOWN);
    this.#batch.clear();
  }
}

class EncodeEach implements Way {
  readonly #values = new Map<string, string>();
  readonly #ops = new WriteOps();
  readonly #write: (ops: WriteOps) => void;

  constructor(write: (ops: WriteOps) => void) {
    this.#write = write;
  }

  #put(key: string, value: string): void {
    this.#values.set(key, value);
    const ops = this.#ops;
    ops.startPut(DATA, KEY_HEADER_SIZE + key.length, RECORD_HEADER.length + value.length);
    const header = { incarnationId: 16, slot: slotOfKey(key), hash: hashOfKey(key) };
    writeKeyHeader(ops.buffer, ops.keyAt, header);
    ops.buffer.latin1Write(key, ops.keyAt + KEY_HEADER_SIZE, key.length);
    ops.buffer.latin1Write(RECORD_HEADER + value, ops.valueAt);
  }

  set(key: string): void {
    this.#put(key, VALUE);
  }

  increment(key: string): void {
    this.#put(key, String(numberIn(this.#values.get(key) ?? null) + 1));
  }

  fail(): void {
    // Cutting the batch is free; the values would need the undo log of (a).
  }

  commit(): void {
    this.#write(this.#ops);
    this.#ops.clear();
  }
}

interface Ways {
  readonly ways: readonly [string, Way][];
  readonly close: () => Promise<void>;
}

/** The three ways, each on a database of its own. */
async function openWays(memtable: Memtable): Promise<Ways> {
  const scratches = await Promise.all([0, 1, 2].map(() => openScratch(memtable, WRITE_BUFFER_MB)));
  const [first, second, third] = scratches;
  if (first === undefined || second === undefined || third === undefined) throw new Error("none");
  const writeTo = (database: Database) => (ops: WriteOps) => {
    const batch = ops.finish();
    database.writeRepresentation(batch, batch.length, WRITE_NO_SLOWDOWN);
  };
  const directory = scratchDirectory();
  const engine = await openRocksEngine(directory.path, settingsWith(WRITE_BUFFER_MB));
  const keyspace = await openKeyspace(engine, { databaseCount: 1, cacheBytesMax: CACHE_BYTES });
  const isAsBuilt = memtable === "chains by slot";
  const write = isAsBuilt ? (ops: WriteOps) => engine.write(ops) : writeTo(first.database);
  return {
    ways: [
      ["(a) records, undo log, encoded once a group", new UndoLog(keyspace, write)],
      ["(b) indexed batch, encoded at each command", new IndexedBatch(second.database)],
      ["(c) Map, encoded at each command", new EncodeEach(writeTo(third.database))],
    ],
    close: async () => {
      await engine.close();
      directory.remove();
      for (const scratch of scratches) await scratch.close();
    },
  };
}

function candidates(ways: readonly [string, Way][], group: number, command: Command): Candidate[] {
  return ways.map(([name, way]) => ({
    name,
    operations: OPERATIONS,
    round: () => {
      for (let done = 0; done < OPERATIONS; done += group) {
        for (let index = 0; index < group; index++) command(way);
        way.commit();
      }
    },
  }));
}

type Command = (way: Way) => void;

async function benchMemtable(memtable: Memtable): Promise<void> {
  const { ways, close } = await openWays(memtable);
  for (const group of GROUPS) {
    const title = `${memtable}, groups of ${group}:`;
    const increment = (count: number) => (way: Way) => way.increment(randomKey(count));
    await compare(
      `${title} SET, 100,000 keys`,
      ROUNDS,
      candidates(ways, group, (way) => way.set(randomKey(KEYS))),
    );
    await compare(`${title} INCR, 100 keys`, ROUNDS, candidates(ways, group, increment(100)));
    await compare(`${title} INCR, 1 key`, ROUNDS, candidates(ways, group, increment(1)));
  }
  for (const changes of [1, FAILING_CHANGES]) {
    await compare(
      `${memtable}: a command fails after ${changes} changes, groups of 64`,
      ROUNDS,
      candidates(ways.slice(0, 2), 64, (way) => way.fail(changes)),
    );
  }
  await close();
}

await benchMemtable("chains by slot");
await benchMemtable("skip list");
