// The keyspace against a plain model: a map a database, copied whole where the keyspace undoes.
//
// Random units of changes, with savepoints rolled back or kept, run while batches close, commit in
// order, or are all undone; the cache is so small that it turns over all the time. At
// any step what a reader sees is the model; after each commit the disk is the model of that commit: records,
// expiry index, key counts, the slots' bits, and which database shows which incarnation.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type { Bytes } from "../base/bytes.ts";
import { decodeDataKey, decodeExpiryKey, slotOfKey } from "../encoding/key.ts";
import * as meta from "../encoding/meta.ts";
import { ABSENT, readRecord, STRING } from "../encoding/record.ts";
import { DATA, EXPIRY, META } from "../engine/engine.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { CHUNK_COUNT, Incarnation } from "./incarnation.ts";
import { Keyspace, type ClosedBatch } from "./keyspace.ts";
import { allKeys } from "./walk.ts";
import { WrittenStrings } from "./written-strings.ts";

const DATABASE_COUNT = 2;
const KEYS: readonly Bytes[] = ["a", "{a}1", "\xff\0", ""];

type Change =
  | {
      readonly kind: "set";
      readonly database: number;
      readonly key: number;
      readonly value: Bytes;
      readonly expiryMs: number;
    }
  | { readonly kind: "remove" | "look"; readonly database: number; readonly key: number }
  | { readonly kind: "flush"; readonly database: number }
  | { readonly kind: "swap"; readonly database: number; readonly other: number };

interface Part {
  readonly changes: readonly Change[];
  readonly rolledBack: boolean;
}

type Step =
  | { readonly kind: "unit"; readonly parts: readonly Part[]; readonly rolledBack: boolean }
  | { readonly kind: "close" | "commit" | "undo" | "look" };

interface Content {
  readonly value: Bytes;
  readonly expiryMs: number;
}

type Model = readonly ReadonlyMap<Bytes, Content>[];

const database = fc.nat(DATABASE_COUNT - 1);
const key = fc.nat(KEYS.length - 1);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        kind: fc.constant("set" as const),
        database,
        key,
        value: fc.constantFrom("", "v", "w".repeat(300)),
        expiryMs: fc.constantFrom(0, 0, 1000, 2 ** 48 - 1),
      },
      { noNullPrototype: true },
    ),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("remove" as const, "look" as const),
      database,
      key,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const), database }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("swap" as const), database, other: database }),
  },
);
const part = fc.record({ changes: fc.array(change, { maxLength: 5 }), rolledBack: fc.boolean() });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("unit" as const),
      parts: fc.array(part, { maxLength: 3 }),
      rolledBack: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("close" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("commit" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("undo" as const) }) },
  // Not after each step: what is looked at all the time is never dropped from the cache.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("look" as const) }) },
);

interface Pending {
  readonly closed: ClosedBatch;
  readonly ops: WriteOps;
  readonly model: Model;
}

/** What is kept of keys beside their objects, and whether anybody is taken to have asked for them lately. */
interface Keeping {
  readonly rowBytesMax: number;
  readonly wasAsked: boolean;
}

const KEEPINGS: readonly Keeping[] = [
  { rowBytesMax: 0, wasAsked: true },
  { rowBytesMax: 0, wasAsked: false },
  { rowBytesMax: 2 ** 21, wasAsked: false },
];

class Run {
  readonly engine = new MemoryEngine();
  readonly keyspace: Keyspace;
  model: Model = KEYSPACE_EMPTY;
  committed: Model = KEYSPACE_EMPTY;
  pending: Pending[] = [];

  constructor({ rowBytesMax, wasAsked }: Keeping = { rowBytesMax: 0, wasAsked: true }) {
    this.keyspace = new Keyspace(this.engine, meta.EMPTY_CATALOG, {
      databaseCount: DATABASE_COUNT,
      cacheBytesMax: 600,
      rowBytesMax,
    });
    this.keyspace.stored.wasAsked = () => wasAsked;
  }

  take(one: Step): void {
    switch (one.kind) {
      case "unit":
        this.keyspace.trimCache();
        this.#unit(one.parts, one.rolledBack);
        break;
      case "close":
        this.#close();
        break;
      case "commit":
        this.#commit();
        break;
      case "undo":
        this.keyspace.undoAll();
        this.model = this.committed;
        this.pending = [];
        break;
      case "look":
        this.checkSeen();
        this.checkWalks();
        break;
    }
    this.checkCounts();
  }

  #unit(parts: readonly Part[], rolledBack: boolean): void {
    const { keyspace } = this;
    const mark = keyspace.mark();
    const before = this.model;
    for (const { changes, rolledBack: partRolledBack } of parts) {
      const partMark = keyspace.mark();
      const partBefore = this.model;
      for (const one of changes) this.#change(one);
      if (!partRolledBack) continue;
      keyspace.rollbackTo(partMark);
      this.model = partBefore;
    }
    if (!rolledBack) return;
    keyspace.rollbackTo(mark);
    this.model = before;
  }

  #change(one: Change): void {
    const { keyspace } = this;
    const target = keyspace.databases[one.database];
    assert.ok(target !== undefined);
    const copy = this.model.map((map) => new Map(map));
    const map = copy[one.database];
    assert.ok(map !== undefined);
    switch (one.kind) {
      case "set": {
        const { value, expiryMs } = one;
        const record = keyspace.recordToReplace(target.incarnation, KEYS[one.key] ?? "");
        keyspace.change(record, STRING, value, expiryMs);
        map.set(KEYS[one.key] ?? "", { value, expiryMs });
        break;
      }
      case "remove": {
        const record = keyspace.record(target.incarnation, KEYS[one.key] ?? "");
        keyspace.change(record, ABSENT, null, 0);
        map.delete(KEYS[one.key] ?? "");
        break;
      }
      case "look": {
        const record = keyspace.recordToRead(target.incarnation, KEYS[one.key] ?? "");
        assert.equal(record.value, map.get(KEYS[one.key] ?? "")?.value ?? null);
        break;
      }
      case "flush":
        keyspace.flush(target);
        map.clear();
        break;
      case "swap": {
        const other = keyspace.databases[one.other];
        assert.ok(other !== undefined);
        if (one.other === one.database) break;
        keyspace.swap(target, other);
        copy[one.database] = copy[one.other] ?? new Map();
        copy[one.other] = map;
        break;
      }
    }
    this.model = copy;
  }

  #close(): void {
    const ops = new WriteOps();
    const closed = this.keyspace.close(ops);
    this.pending.push({ closed, ops, model: this.model });
  }

  #commit(): void {
    const oldest = this.pending.shift();
    if (oldest === undefined) return;
    this.engine.write(oldest.ops);
    this.keyspace.committed(oldest.closed, oldest.ops);
    this.committed = oldest.model;
    this.checkDisk();
  }

  finish(): void {
    this.#close();
    while (this.pending.length > 0) this.#commit();
    assert.equal(this.keyspace.lastUncommittedBatch(), 0);
    this.checkCounts();
    this.checkSeen();
    this.checkWalks();
  }

  checkCounts(): void {
    if (this.keyspace.lastUncommittedBatch() === 0) {
      assert.deepEqual([...this.keyspace.uncommittedRecords()], []);
    }
    for (const [index, map] of this.model.entries()) {
      const incarnation = this.keyspace.databases[index]?.incarnation;
      assert.equal(incarnation?.keyCount, map.size);
      const expiring = [...map.values()].filter(({ expiryMs }) => expiryMs !== 0);
      assert.equal(incarnation?.expiringCount, expiring.length);
    }
  }

  checkSeen(): void {
    for (const [index, map] of this.model.entries()) {
      const incarnation = this.keyspace.databases[index]?.incarnation;
      assert.ok(incarnation !== undefined);
      for (const name of KEYS) {
        const record = this.keyspace.record(incarnation, name);
        const wanted = map.get(name);
        assert.equal(record.kind, wanted === undefined ? ABSENT : STRING);
        assert.equal(record.value, wanted?.value ?? null);
        assert.equal(record.expiryMs, wanted?.expiryMs ?? 0);
        // A key that differs from the disk is among those that walks lay over it.
        if (wanted !== this.committed[index]?.get(name) && this.#sameIncarnation(index)) {
          assert.ok(this.keyspace.isUncommitted(record));
        }
      }
    }
  }

  /** A walk also forgets slots that it finds empty: the disk's bits must not come to lack one. */
  checkWalks(): void {
    for (const [index, map] of this.model.entries()) {
      const incarnation = this.keyspace.databases[index]?.incarnation;
      assert.ok(incarnation !== undefined);
      const found = allKeys(this.keyspace, { incarnation, nowMs: 0, loads: 0 });
      assert.deepEqual(found.sort(), [...map.keys()].sort());
    }
  }

  #sameIncarnation(index: number): boolean {
    return this.keyspace.databases[index]?.incarnation.id === this.#idOnDisk(index);
  }

  #idOnDisk(index: number): number | undefined {
    const stored = this.engine.get(META, meta.CATALOG_KEY);
    if (typeof stored !== "string") return undefined;
    return meta.decodeCatalog(stored).incarnationIds[index];
  }

  checkDisk(): void {
    const data = entries(this.engine, DATA);
    const expiry = entries(this.engine, EXPIRY);
    this.#checkDropped(data);
    for (const [index, map] of this.committed.entries()) {
      const id = this.#idOnDisk(index);
      const stored = new Map<Bytes, Content>();
      for (const [physical, bytes] of data) {
        const address = decodeDataKey(physical);
        if (address.incarnationId !== id) continue;
        const { value, expiryMs } = readRecord(bytes);
        stored.set(address.key, { value: value ?? "", expiryMs });
      }
      assert.deepEqual(sorted(stored), sorted(map));
      if (id !== undefined) this.#checkFacts(id, map, expiry);
    }
  }

  /** What no database shows is marked for the collector, and nothing else is. */
  #checkDropped(data: readonly Pair[]): void {
    const shown = new Set(this.committed.map((_, index) => this.#idOnDisk(index)));
    for (const [physical] of data) {
      const { incarnationId } = decodeDataKey(physical);
      const dropped = this.engine.get(META, meta.dropKey(incarnationId)) !== null;
      assert.equal(dropped, !shown.has(incarnationId));
    }
  }

  #checkFacts(id: number, map: ReadonlyMap<Bytes, Content>, expiry: readonly Pair[]): void {
    const counts = this.engine.get(META, meta.countKey(id));
    const { keyCount, expiringCount } =
      typeof counts === "string" ? meta.decodeCounts(counts) : { keyCount: 0, expiringCount: 0 };
    assert.equal(keyCount, map.size);

    const indexed = expiry
      .map(([physical]) => decodeExpiryKey(physical))
      .filter(({ target }) => target.incarnationId === id)
      .map(({ expiryMs, target }) => [target.key, expiryMs] as const);
    const expiring = [...map].filter(([, { expiryMs }]) => expiryMs !== 0);
    const wanted = expiring.map(([name, { expiryMs }]) => [name, expiryMs] as const);
    assert.deepEqual(sorted(new Map(indexed)), sorted(new Map(wanted)));
    assert.equal(indexed.length, wanted.length, "no second entry of one key");
    assert.equal(expiringCount, wanted.length);

    const reopened = new Incarnation(id, new WrittenStrings(1));
    for (let chunk = 0; chunk < CHUNK_COUNT; chunk++) {
      const bytes = this.engine.get(META, meta.slotChunkKey(id, chunk));
      if (typeof bytes === "string") reopened.loadChunk(chunk, bytes);
    }
    for (const name of map.keys()) assert.ok(reopened.mayHoldKeys(slotOfKey(name)));
  }
}

const KEYSPACE_EMPTY: Model = Array.from({ length: DATABASE_COUNT }, () => new Map());

type Pair = readonly [Bytes, Bytes];

function entries(engine: MemoryEngine, store: typeof DATA | typeof EXPIRY | typeof META): Pair[] {
  const cursor = engine.cursor(store, {
    lower: "",
    upper: null,
    reverse: false,
    valueBytesMax: Infinity,
    patience: "wait",
  });
  const pairs: Pair[] = [];
  for (;;) {
    const flat = cursor.next(100);
    assert.ok(flat !== undefined);
    if (flat.length === 0) break;
    for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at] ?? "", flat[at + 1] ?? ""]);
  }
  cursor.close();
  return pairs;
}

function sorted<T>(map: ReadonlyMap<Bytes, T>): [Bytes, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

for (const keeping of KEEPINGS) {
  test(`readers see the model at each step, and the disk holds it at each commit: ${JSON.stringify(keeping)}`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const run = new Run(keeping);
        for (const one of steps) run.take(one);
        run.finish();
      }),
      { numRuns: 400 },
    );
  });
}

test("reads alone do not make the cache grow without end", () => {
  const { keyspace } = new Run();
  const [first] = keyspace.databases;
  assert.ok(first !== undefined);
  for (let index = 0; index < 1000; index++) {
    keyspace.trimCache();
    keyspace.record(first.incarnation, `key ${index}`);
    assert.ok(first.incarnation.young.size + first.incarnation.old.size < 10);
  }
});

test("a key written again and again does not push the others out of the cache", () => {
  const { keyspace } = new Run();
  keyspace.cacheBytesMax = 10_000;
  const [first] = keyspace.databases;
  assert.ok(first !== undefined);
  const record = keyspace.record(first.incarnation, "counter");
  for (let index = 0; index < 1000; index++) {
    keyspace.change(record, STRING, "x".repeat(100 + (index % 2)), 0);
    keyspace.trimCache();
  }
  assert.equal(keyspace.rotations, 0);
});

test("flushing an empty database writes nothing", () => {
  const { keyspace } = new Run();
  const [first] = keyspace.databases;
  assert.ok(first !== undefined);
  const mark = keyspace.mark();
  keyspace.flush(first);
  assert.ok(!keyspace.changedSince(mark));
});

test("the expirer hears of an expiry once the index has it, and again when its removal is undone", () => {
  const { keyspace, engine } = new Run();
  const [first] = keyspace.databases;
  assert.ok(first !== undefined);
  const record = keyspace.record(first.incarnation, "a");
  keyspace.change(record, STRING, "1", 1000);
  const ops = new WriteOps();
  const closed = keyspace.close(ops);
  assert.equal(keyspace.earliestDueMs, Infinity);
  engine.write(ops);
  keyspace.committed(closed, ops);
  assert.equal(keyspace.earliestDueMs, 1000);

  for (const isClosed of [false, true]) {
    keyspace.earliestDueMs = Infinity;
    keyspace.change(record, ABSENT, null, 0);
    if (isClosed) keyspace.close(new WriteOps());
    keyspace.undoAll();
    assert.equal(keyspace.earliestDueMs, 1000);
  }
});
