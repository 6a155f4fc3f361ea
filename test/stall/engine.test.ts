// The engine in a real write stall, by both recipes: writes are refused at once and certainly not
// applied, health says so, reads go on, and when compaction catches up writes are taken again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DATA, StorageError } from "../../src/engine/engine.ts";
import { openRocksEngine } from "../../src/engine/rocksdb.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { batchOf } from "../engine/common.ts";
import { until } from "../engine/until.ts";
import { PERMANENT_STALL, TRANSIENT_STALL, floodKey, floodUntilRefused } from "./recipes.ts";
import type { StallRecipe } from "./recipes.ts";

const PREFIX = "\x00\x00\x00\x10\x00\x01";

async function inStall(recipe: StallRecipe) {
  const directory = new TemporaryDirectory();
  const engine = await openRocksEngine(directory.path, recipe.settings);
  const changes: string[] = [];
  engine.onHealth(() => changes.push(engine.health().stall));
  const flood = await floodUntilRefused(engine, recipe, { store: DATA, prefix: PREFIX });
  return {
    ...flood,
    engine,
    changes,
    async [Symbol.asyncDispose]() {
      await engine.close();
      directory[Symbol.dispose]();
    },
  };
}

for (const [name, recipe] of Object.entries({
  permanent: PERMANENT_STALL,
  transient: TRANSIENT_STALL,
})) {
  test(`in the ${name} stall a write is refused, not applied, and reads go on`, async () => {
    await using stalled = await inStall(recipe);
    const { engine, refusal, written } = stalled;
    assert.equal(refusal.kind, "stall");
    assert.equal(refusal.fate, "refused");
    assert.equal(refusal.message, recipe.words);
    assert.notEqual(engine.health().stall, "none");
    assert.equal(engine.health().error, null);

    const last = floodKey(PREFIX, written - 1);
    const refused = floodKey(PREFIX, written);
    const [first, lastValue, absent] = await engine.load(DATA, [
      floodKey(PREFIX, 0),
      last,
      refused,
    ]);
    assert.equal(first?.length, recipe.valueBytes);
    assert.equal(lastValue?.length, recipe.valueBytes);
    assert.equal(absent, null);
    assert.equal(engine.get(DATA, last)?.length, recipe.valueBytes);
  });
}

test("the permanent stall lasts, for writes on a thread too, and ends by a setting", async () => {
  await using stalled = await inStall(PERMANENT_STALL);
  const { engine } = stalled;
  const before = engine.sequence();
  for (let attempt = 0; attempt < 3; attempt++) {
    await assert.rejects(engine.writeAsync(batchOf(DATA, { [PREFIX]: "" }), { sync: true }), {
      kind: "stall",
      fate: "refused",
      message: PERMANENT_STALL.words,
    });
  }
  assert.equal(engine.sequence(), before);
  assert.deepEqual(await engine.load(DATA, [PREFIX]), [null]);

  await engine.configure("low_pri", "false");
  await engine.configure("disable_auto_compactions", "false");
  await until(() => {
    engine.write(batchOf(DATA, { [PREFIX]: "after" }));
    return true;
  });
  assert.equal(engine.get(DATA, PREFIX), "after");
  await until(() => engine.health().stall === "none");
});

test("the transient stall ends by itself, and the listener hears of it", async () => {
  await using stalled = await inStall(TRANSIENT_STALL);
  const { engine, changes } = stalled;
  await until(() => {
    engine.write(batchOf(DATA, { [PREFIX]: "after" }));
    return true;
  });
  assert.equal(engine.get(DATA, PREFIX), "after");
  await until(() => engine.health().stall === "none" && changes.at(-1) === "none");
});

test("a close in the middle of a stall with writes in flight ends soon and tells each its fate", async () => {
  await using stalled = await inStall(TRANSIENT_STALL);
  const { engine } = stalled;
  const writes = ["a", "b", "c"].map((key) =>
    engine.writeAsync(batchOf(DATA, { [PREFIX + key]: "" }), { sync: false }),
  );
  const closed = engine.close();
  for (const outcome of await Promise.allSettled(writes)) {
    if (outcome.status === "fulfilled") continue;
    const reason: unknown = outcome.reason;
    assert(reason instanceof StorageError);
    assert.equal(reason.fate, "refused");
  }
  await closed;
});
