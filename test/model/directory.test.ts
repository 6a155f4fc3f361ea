// The counted directory against a plain array of nodes. Goal: whatever is inserted, counted and removed,
// fails half-way, is refused by the disk, is cold or forgotten, each node is at its place with all that
// is before it; nothing but the pages in use is on disk. Method: pages of very few entries, so that they
// split, merge and vanish all the time, and a header that is written like that of a collection.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { SeededRandom } from "../../src/base/random.ts";
import { coldWork, loadCold, type ColdHistory } from "../../src/commit/cold-loader.ts";
import { HOME_SIZE, writeHome } from "../../src/encoding/collection.ts";
import { readRoot } from "../../src/encoding/directory.ts";
import { CorruptRecord, LIST } from "../../src/encoding/record.ts";
import { PayloadReader } from "../../src/encoding/varint.ts";
import { ELEMENTS } from "../../src/engine/engine.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { ColdRead } from "../../src/keyspace/cold.ts";
import type { Home } from "../../src/keyspace/home.ts";
import type { ClosedBatch, Keyspace } from "../../src/keyspace/keyspace.ts";
import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import type { Record } from "../../src/keyspace/record.ts";
import { Packed, type Collection } from "../../src/keyspace/value.ts";
import { View } from "../../src/keyspace/view.ts";
import { Stats } from "../../src/observe/stats.ts";
import { openKeyspace } from "../../src/server/open-keyspace.ts";
import { Directory, USUAL_SIZES, type DirectorySizes } from "../../src/types/directory.ts";

const RUNS = Number(process.env["KEPT_MODEL_RUNS"] ?? 300);

interface Node {
  readonly key: string;
  readonly count: number;
}
type State = readonly Node[];

type Operation =
  | { readonly kind: "insert"; readonly key: string; readonly count: number }
  | { readonly kind: "add"; readonly at: number; readonly by: number }
  | { readonly kind: "remove"; readonly at: number; readonly run: number }
  | { readonly kind: "look"; readonly key: string; readonly at: number };

type Step =
  | { readonly kind: "unit"; readonly operations: Operation[]; readonly fails: boolean }
  | { readonly kind: "close" | "commit" | "refuse" | "cool" };

/** A collection that is nothing but its directory. */
class Sequence implements Collection {
  readonly home: Home;
  readonly directory: Directory;

  constructor(home: Home, directory: Directory) {
    this.home = home;
    this.directory = directory;
  }

  get payloadSize(): number {
    return HOME_SIZE + this.directory.payloadSize;
  }

  get memoryBytes(): number {
    return this.directory.memoryBytes;
  }

  writePayload(target: Buffer, at: number): void {
    this.directory.write(target, writeHome(target, at, this.home));
  }
}

class Run {
  readonly engine: MemoryEngine;
  readonly #keyspace: Keyspace;
  readonly #view: View;
  readonly #sizes: DirectorySizes;
  #committed: State = [];
  #current: State = [];
  #closed: { readonly batch: ClosedBatch; readonly ops: WriteOps; readonly state: State } | null =
    null;

  constructor(keyspace: Keyspace, engine: MemoryEngine, sizes: DirectorySizes) {
    this.#keyspace = keyspace;
    this.engine = engine;
    this.#sizes = sizes;
    this.#view = new View({
      keyspace,
      stats: new Stats(),
      limits: {
        stringBytesMax: 512 * 1024 * 1024,
        unitBytesMax: 0,
        notifyMask: 0,
        countFrequency: false,
        lfuLogFactor: 10,
        collections: usualCollectionLimits(),
      },
      random: new SeededRandom(1),
    });
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "unit":
        await this.unit(step.operations, step.fails);
        break;
      case "close":
        this.#close();
        break;
      case "commit":
        this.commit();
        break;
      case "refuse":
        this.#keyspace.undoAll();
        this.#closed = null;
        this.#current = this.#committed;
        break;
      case "cool":
        this.engine.cool();
        break;
    }
  }

  #close(): void {
    if (this.#closed !== null || this.#keyspace.openIsEmpty) return;
    const ops = new WriteOps();
    this.#closed = { batch: this.#keyspace.close(ops), ops, state: this.#current };
  }

  commit(): void {
    this.#close();
    if (this.#closed === null) return;
    const { batch, ops, state } = this.#closed;
    this.engine.write(ops);
    this.#keyspace.committed(batch, ops);
    this.#committed = state;
    this.#closed = null;
  }

  async unit(operations: readonly Operation[], fails: boolean): Promise<void> {
    const before = this.#current;
    await this.#inUnit(() => {
      this.#current = before;
      for (const operation of operations) this.#operate(operation);
      return fails;
    });
    if (fails) this.#current = before;
  }

  async #inUnit(action: () => boolean): Promise<void> {
    const history: ColdHistory = { elements: [] };
    for (let rounds = 0; ; rounds++) {
      assert.ok(rounds < 200, "a unit comes to its end");
      this.#keyspace.trimCache();
      const mark = this.#keyspace.mark();
      try {
        if (action()) this.#keyspace.rollbackTo(mark);
        return;
      } catch (error) {
        this.#keyspace.rollbackTo(mark);
        if (!(error instanceof ColdRead)) throw error;
        assert.ok(error.request !== null);
        await loadCold(coldWork(this.#keyspace, queueMicrotask), error.request, {
          history,
          unit: { keysWanted: () => [] },
        });
      }
    }
  }

  #open(): { readonly record: Record; readonly directory: Directory } {
    const view = this.#view;
    const record = view.find("k") ?? view.set("k", { kind: LIST, value: "", expiryMs: 0 });
    let { value } = record;
    const sizes = this.#sizes;
    if (typeof value === "string") {
      const home = view.newHome(record);
      const place = { elements: home.elements, prefix: "\xfe", sizes };
      value = new Sequence(home, Directory.empty(place));
      view.replace(record, value);
    } else if (value instanceof Packed && value.home !== null) {
      const { home, payload } = value;
      const reader = new PayloadReader(payload, HOME_SIZE, () => new CorruptRecord("short"));
      const place = { elements: home.elements, prefix: "\xfe", sizes };
      value = new Sequence(home, new Directory(place, readRoot(reader)));
      view.unpack(record, value);
    }
    assert.ok(value instanceof Sequence);
    return { record, directory: value.directory };
  }

  #operate(operation: Operation): void {
    const view = this.#view;
    const { record, directory } = this.#open();
    const nodes = [...this.#current];
    if (operation.kind === "insert") {
      const { key, count } = operation;
      if (nodes.some((node) => node.key === key)) return;
      directory.insert(view, record, key, count);
      nodes.push({ key, count });
      nodes.sort((a, b) => (a.key < b.key ? -1 : 1));
    } else if (operation.kind === "look") {
      this.#look(directory, operation);
    } else if (operation.kind === "add") {
      const index = operation.at % nodes.length;
      const node = nodes[index];
      if (node === undefined) return;
      const by = Math.max(operation.by, 1 - node.count);
      directory.add(view, record, node.key, by);
      nodes[index] = { key: node.key, count: node.count + by };
    } else {
      const index = operation.at % nodes.length;
      for (const { key } of nodes.splice(index, operation.run)) directory.remove(view, record, key);
    }
    this.#current = nodes;
  }

  #look(directory: Directory, { key, at }: { readonly key: string; readonly at: number }): void {
    const view = this.#view;
    const placed = placesOf(this.#current);
    const total = placed.reduce((sum, { count }) => sum + count, 0);
    assert.equal(directory.total, total);
    const found = directory.atKey(view, key);
    assert.deepEqual(found, placed.findLast((place) => place.key <= key) ?? null);
    const position = total === 0 ? 0 : at % total;
    const place = directory.atPosition(view, position);
    const expected = placed.findLast(({ before }) => before <= position) ?? null;
    assert.deepEqual(place, expected);
    assert.equal(directory.atPosition(view, total), null);
    assert.equal(directory.atPosition(view, -1), null);
    const index = placed.findIndex((one) => one.key === place?.key);
    if (place === null) return;
    assert.deepEqual(directory.previous(view, place), placed[index - 1] ?? null);
    assert.deepEqual(directory.next(view, place), placed[index + 1] ?? null);
  }

  async compareAll(): Promise<void> {
    await this.#inUnit(() => {
      const { directory } = this.#open();
      const view = this.#view;
      const placed = placesOf(this.#current);
      const forth = [];
      for (let at = directory.first(view); at !== null; at = directory.next(view, at)) {
        forth.push(at);
      }
      assert.deepEqual(forth, placed);
      const back = [];
      for (let at = directory.last(view); at !== null; at = directory.previous(view, at)) {
        back.push(at);
      }
      assert.deepEqual(back.reverse(), placed);
      for (const place of placed) assert.deepEqual(directory.atKey(view, place.key), place);
      return false;
    });
  }

  /** Many nodes of one element each; the model is told of them at once. */
  async fill(count: number, keyOf: (index: number) => string): Promise<void> {
    await this.#inUnit(() => {
      const { record, directory } = this.#open();
      for (let index = 0; index < count; index++) {
        directory.insert(this.#view, record, keyOf(index), 1);
      }
      return false;
    });
    const keys = Array.from({ length: count }, (_, index) => keyOf(index)).sort();
    this.#current = keys.map((key) => ({ key, count: 1 }));
    await this.compareAll();
  }

  async removeAll(): Promise<void> {
    await this.unit([{ kind: "remove", at: 0, run: Infinity }], false);
  }

  /** As a new process finds it. */
  async reopened(): Promise<Run> {
    const run = await begin(this.engine, this.#sizes, { cacheBytesMax: 1_000_000 });
    run.#current = this.#committed;
    run.#committed = this.#committed;
    return run;
  }

  async pageCount(): Promise<number> {
    const range = { lower: "", upper: null, reverse: false, valueBytesMax: 0 };
    await this.engine.warm(ELEMENTS, { ...range, patience: "wait" }, 10_000);
    const flat = this.engine.cursor(ELEMENTS, { ...range, patience: "wait" }).next(10_000) ?? [];
    return flat.length / 2;
  }
}

function placesOf(state: State): { key: string; before: number; count: number }[] {
  let before = 0;
  return state.map(({ key, count }) => {
    const place = { key, before, count };
    before += count;
    return place;
  });
}

async function begin(
  engine: MemoryEngine,
  sizes: DirectorySizes,
  options: { readonly cacheBytesMax: number },
): Promise<Run> {
  const keyspace = await openKeyspace(engine, { databaseCount: 1, ...options });
  return new Run(keyspace, engine, sizes);
}

const key = fc.oneof(
  fc.integer({ min: 0, max: 99 }).map((number) => String(number).padStart(2, "0")),
  fc.constantFrom("", "\0", "5", "\xff", "a rather longer key than the others are"),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("insert" as const),
      key,
      count: fc.integer({ min: 1, max: 300 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      at: fc.nat(),
      by: fc.integer({ min: -3, max: 200 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("remove" as const),
      at: fc.nat(),
      run: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("look" as const), key, at: fc.nat() }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("unit" as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 20 }),
      fails: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("close" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("commit" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("refuse" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cool" as const) }) },
);
const setup = fc.record({
  sizes: fc.constantFrom({ rootMax: 2, pageMax: 4 }, { rootMax: 3, pageMax: 8 }),
  isCold: fc.boolean(),
  cacheBytesMax: fc.constantFrom(0, 4000, 1_000_000),
});

const insertAll = (...keys: string[]): Step => ({
  kind: "unit",
  operations: keys.map((name) => ({ kind: "insert", key: name, count: 1 })),
  fails: false,
});
const removeRun = (at: number, run: number): Step => ({
  kind: "unit",
  operations: [{ kind: "remove", at, run }],
  fails: false,
});
const SMALL = { sizes: { rootMax: 2, pageMax: 4 }, isCold: false, cacheBytesMax: 0 };
/** Each was found by chance once: keys before all others, and a page that comes to stand in the middle. */
const FOUND: [typeof SMALL, Step[]][] = [
  [SMALL, [insertAll("00", "a", "03", "02", "", "\0", "01")]],
  [
    SMALL,
    [
      insertAll("05", "06", "50", "07", "00", "a", "02", "5", "08", "01", "03", "04"),
      removeRun(1, 6),
      insertAll("00", "05"),
      removeRun(0, 3),
    ],
  ],
];

test("a directory is an array of nodes, whatever fails, is refused, is cold or is forgotten", async () => {
  await fc.assert(
    fc.asyncProperty(setup, fc.array(step, { maxLength: 30 }), async (chosen, steps) => {
      const engine = new MemoryEngine();
      const run = await begin(engine, chosen.sizes, chosen);
      engine.coldKeys(chosen.isCold ? "all" : "none");
      for (const one of steps) await run.take(one);
      await run.compareAll();
      run.commit();
      const after = await run.reopened();
      await after.compareAll();
      await after.removeAll();
      after.commit();
      assert.equal(await after.pageCount(), 0, "no page is left of an empty directory");
    }),
    { numRuns: RUNS, examples: FOUND, includeErrorInReport: true },
  );
});

test("twenty thousand nodes take few pages to find, in whatever order they came", async () => {
  const orders = {
    ascending: (index: number) => index,
    descending: (index: number) => 19_999 - index,
    mixed: (index: number) => (index * 7919) % 20_000,
  };
  for (const [name, order] of Object.entries(orders)) {
    const engine = new MemoryEngine();
    const run = await begin(engine, USUAL_SIZES, { cacheBytesMax: 64 * 1024 * 1024 });
    await run.fill(20_000, (index) => String(order(index)).padStart(6, "0"));
    run.commit();
    const pages = await run.pageCount();
    assert.ok(pages < (20_000 / USUAL_SIZES.pageMax) * 2.2, `${pages} pages when ${name}`);
    await run.removeAll();
    run.commit();
    assert.equal(await run.pageCount(), 0);
  }
});
