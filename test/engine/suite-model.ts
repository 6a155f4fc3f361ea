// Random batches against the dumbest store there is.

import assert from "node:assert/strict";

import * as fc from "fast-check";

import type { Bytes } from "../../src/base/bytes.ts";
import {
  DATA,
  ELEMENTS,
  META,
  STORES,
  type Engine,
  type StoreId,
} from "../../src/engine/engine.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { ALL_BYTES, ALL_STORES, P1, P2, P3, walk, type OpenEngine } from "./common.ts";

type ModelOp =
  | { readonly kind: "put"; readonly store: StoreId; readonly key: Bytes; readonly value: Bytes }
  | { readonly kind: "delete"; readonly store: StoreId; readonly key: Bytes }
  | {
      readonly kind: "delete-range";
      readonly store: StoreId;
      readonly from: Bytes;
      readonly to: Bytes;
    };

const anyStore = fc.constantFrom<StoreId>(META, DATA, ELEMENTS);
const anyKey = fc
  .tuple(
    fc.constantFrom(P1, P2, P3, "\xff".repeat(6)),
    fc.constantFrom("", "a", "b", "\x00", "\xff\xff"),
  )
  .map(([prefix, rest]) => prefix + rest);
const anyOp: fc.Arbitrary<ModelOp> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(anyStore, anyKey, fc.constantFrom("", "1", ALL_BYTES))
      .map(([store, key, value]): ModelOp => ({ kind: "put", store, key, value })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(anyStore, anyKey)
      .map(([store, key]): ModelOp => ({ kind: "delete", store, key })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(anyStore, anyKey, anyKey).map(([store, one, other]): ModelOp => ({
      kind: "delete-range",
      store,
      from: one < other ? one : other,
      to: one < other ? other : one,
    })),
  },
);
const anyStep = fc.record(
  {
    ops: fc.array(anyOp, { maxLength: 8 }),
    upkeep: fc.constantFrom("nothing", "nothing", "flush", "compact"),
    range: fc.tuple(anyStore, anyKey, fc.option(anyKey), fc.boolean()),
  },
  { noNullPrototype: true },
);

type Step = typeof anyStep extends fc.Arbitrary<infer One> ? One : never;

/** The dumbest store there is: a map for each store, sorted when looked at. */
class Model {
  readonly stores = STORES.map(() => new Map<Bytes, Bytes>());

  apply(op: ModelOp): void {
    const store = this.stores[op.store];
    if (op.kind === "put") store?.set(op.key, op.value);
    else if (op.kind === "delete") store?.delete(op.key);
    else {
      for (const key of store?.keys() ?? []) {
        if (key >= op.from && key < op.to) store?.delete(key);
      }
    }
  }

  walk(store: StoreId, range: { lower: Bytes; upper: Bytes | null; reverse: boolean }): Bytes[] {
    const entries = [...(this.stores[store] ?? [])]
      .filter(([key]) => key >= range.lower && (range.upper === null || key < range.upper))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return (range.reverse ? entries.reverse() : entries).flat();
  }
}

function toOps(list: readonly ModelOp[]): WriteOps {
  const ops = new WriteOps();
  for (const op of list) {
    if (op.kind === "put") ops.put(op.store, op.key, op.value);
    else if (op.kind === "delete") ops.delete(op.store, op.key);
    else ops.deleteRange(op.store, op.from, op.to);
  }
  return ops;
}

export async function agreesWithModel(open: OpenEngine): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 12 }), async (steps) => {
      await using opened = await open();
      await runSteps(opened.engine, steps);
    }),
    { numRuns: 30 },
  );
}

async function runSteps(engine: Engine, steps: readonly Step[]): Promise<void> {
  const model = new Model();
  for (const [index, { ops, upkeep, range }] of steps.entries()) {
    if (index % 2 === 0) engine.write(toOps(ops));
    else await engine.writeAsync(toOps(ops), { sync: false });
    for (const op of ops) model.apply(op);
    if (upkeep === "flush") await engine.flush();
    if (upkeep === "compact") await engine.compact();
    const [store, lower, upper, reverse] = range;
    const expected = model.walk(store, { lower, upper, reverse });
    assert.deepEqual(walk(engine, store, { lower, upper, reverse }), expected);
    const keys = ops.flatMap((op) => (op.kind === "delete-range" ? [op.from, op.to] : [op.key]));
    const loaded = await engine.load(store, keys);
    assert.deepEqual(
      loaded,
      keys.map((key) => model.stores[store]?.get(key) ?? null),
    );
  }
  for (const store of ALL_STORES) {
    const all = model.walk(store, { lower: "", upper: null, reverse: false });
    assert.deepEqual(walk(engine, store), all);
  }
}
