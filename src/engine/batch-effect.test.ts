// Whether a batch is in is told by what it would have left.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isApplied } from "./batch-effect.ts";
import { DATA, ELEMENTS } from "./engine.ts";
import { MemoryEngine } from "./memory.ts";
import { WriteOps } from "./write-ops.ts";

function before(): MemoryEngine {
  const engine = new MemoryEngine();
  const ops = new WriteOps();
  for (const key of ["a", "b", "c", "d"]) ops.put(ELEMENTS, key, "old");
  engine.write(ops);
  return engine;
}

const batches: Record<string, (ops: WriteOps) => void> = {
  "a put": (ops) => ops.put(ELEMENTS, "a", "new"),
  "a put of a new key": (ops) => ops.put(DATA, "prefix", ""),
  "a delete": (ops) => ops.delete(ELEMENTS, "a"),
  "a range": (ops) => ops.deleteRange(ELEMENTS, "b", "d"),
  "a range that spares what came after": (ops) => {
    ops.put(ELEMENTS, "b", "gone again");
    ops.deleteRange(ELEMENTS, "b", "d");
    ops.put(ELEMENTS, "c", "new");
  },
  "a put that is undone within the batch, and another": (ops) => {
    ops.put(ELEMENTS, "x", "1");
    ops.delete(ELEMENTS, "x");
    ops.put(ELEMENTS, "d", "new");
  },
  "more keys than one read takes": (ops) => {
    for (let index = 0; index < 3000; index++) ops.put(DATA, `prefix${index}`, "1");
  },
};

for (const [name, fill] of Object.entries(batches)) {
  test(`${name}: absent before the batch is written, applied afterwards`, async () => {
    const engine = before();
    const ops = new WriteOps();
    fill(ops);
    const batch = Buffer.from(ops.finish());
    assert.equal(await isApplied(engine, batch), false);
    engine.write(ops);
    assert.equal(await isApplied(engine, batch), true);
  });
}

test("a batch that is only half there is not applied", async () => {
  const engine = before();
  const ops = new WriteOps();
  ops.put(ELEMENTS, "a", "new");
  const half = Buffer.from(ops.finish());
  ops.put(ELEMENTS, "b", "new");
  const whole = Buffer.from(ops.finish());
  const written = new WriteOps();
  written.put(ELEMENTS, "a", "new");
  engine.write(written);
  assert.equal(await isApplied(engine, half), true);
  assert.equal(await isApplied(engine, whole), false);
});
