// What the memory engine does beyond the port: failing, waiting and dying on command.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DATA, StorageError, type StoreId } from "./engine.ts";
import { MemoryEngine } from "./memory.ts";
import { WriteOps } from "./write-ops.ts";

function batchOf(entries: Record<string, string>): WriteOps {
  const ops = new WriteOps();
  for (const [key, value] of Object.entries(entries)) ops.put(DATA, key, value);
  return ops;
}

function refusal(kind: string, fate: string) {
  return (error: unknown) =>
    error instanceof StorageError && error.kind === kind && error.fate === fate;
}

const wholeStore = {
  lower: "",
  upper: null,
  reverse: false,
  valueBytesMax: Infinity,
  patience: "loop",
} as const;

test("refused commits leave nothing, and only as many as asked for", () => {
  const engine = new MemoryEngine();
  engine.refuseCommits("stall", 2, "Low priority write stall");
  for (let attempt = 0; attempt < 2; attempt++) {
    assert.throws(() => engine.write(batchOf({ a: "1" })), refusal("stall", "refused"));
  }
  assert.equal(engine.get(DATA, "a"), null);
  assert.equal(engine.sequence(), 0);
  engine.write(batchOf({ a: "2" }));
  assert.equal(engine.get(DATA, "a"), "2");
});

for (const outcome of ["applied", "absent"] as const) {
  test(`an unknown commit that proves to be ${outcome}`, async () => {
    const engine = new MemoryEngine();
    engine.write(batchOf({ a: "1" }));
    let changes = 0;
    engine.onHealth(() => changes++);
    engine.unknownCommits(outcome);
    engine.failSettling(1);

    assert.throws(() => engine.write(batchOf({ a: "2" })), refusal("io", "unknown"));
    assert.equal(engine.health().error?.kind, "io");
    assert.equal(changes, 1);
    assert.throws(() => engine.write(batchOf({ b: "1" })), refusal("io", "refused"));
    await assert.rejects(engine.sync(), refusal("io", "refused"));
    await assert.rejects(engine.settleUnknown(), refusal("io", "refused"));

    assert.equal(await engine.settleUnknown(), outcome);
    assert.equal(engine.health().error, null);
    assert.equal(changes, 2);
    assert.equal(engine.get(DATA, "a"), outcome === "applied" ? "2" : "1");
    assert.equal(engine.sequence(), outcome === "applied" ? 2 : 1);
    engine.write(batchOf({ b: "1" }));
    assert.equal(engine.get(DATA, "b"), "1");
  });
}

test("a stall refuses writers and tells, reads go on", () => {
  const engine = new MemoryEngine();
  engine.write(batchOf({ a: "1" }));
  const states: string[] = [];
  engine.onHealth(() => states.push(engine.health().stall));
  engine.stall("stopped");
  assert.throws(() => engine.write(batchOf({ a: "2" })), refusal("stall", "refused"));
  assert.equal(engine.get(DATA, "a"), "1");
  engine.stall("none");
  engine.write(batchOf({ a: "3" }));
  assert.deepEqual(states, ["stopped", "none"]);
});

test("cold keys are answered after load, warm, or a write", async () => {
  const engine = new MemoryEngine();
  engine.write(batchOf({ a: "1", b: "2", c: "3", d: "4" }));
  engine.coldKeys((store: StoreId, key) => store === DATA && key !== "c");
  assert.equal(engine.get(DATA, "a"), undefined);
  assert.equal(engine.get(DATA, "absent"), undefined);
  assert.equal(engine.get(DATA, "c"), "3");
  assert.deepEqual(await engine.load(DATA, ["a", "absent"]), ["1", null]);
  assert.equal(engine.get(DATA, "a"), "1");
  assert.equal(engine.get(DATA, "absent"), null);

  const cursor = engine.cursor(DATA, wholeStore);
  assert.deepEqual(cursor.next(10), ["a", "1"]);
  assert.equal(cursor.next(10), undefined);
  cursor.close();
  const waiting = engine.cursor(DATA, { ...wholeStore, patience: "wait" });
  assert.equal(waiting.next(10)?.length, 8);
  waiting.close();

  await engine.warm(DATA, wholeStore, 3);
  const warmed = engine.cursor(DATA, wholeStore);
  assert.deepEqual(warmed.next(10), ["a", "1", "b", "2", "c", "3"]);
  warmed.close();
  engine.write(batchOf({ d: "5" }));
  assert.equal(engine.get(DATA, "d"), "5");
  engine.cool();
  assert.equal(engine.get(DATA, "d"), undefined);
});

test("held work ends only when released, in the order of the test's choice", async () => {
  const engine = new MemoryEngine();
  engine.holdAsync();
  const ops = batchOf({ a: "1" });
  const written = engine.writeAsync(ops, { sync: false });
  ops.clear();
  const loaded = engine.load(DATA, ["a"]);
  await Promise.resolve();
  assert.deepEqual(engine.held(), ["write", "load"]);
  assert.equal(engine.get(DATA, "a"), null);
  assert.equal(engine.releaseOne("load"), true);
  assert.deepEqual(await loaded, [null]);
  assert.equal(engine.releaseOne("load"), false);
  engine.stopHolding();
  await written;
  assert.equal(engine.get(DATA, "a"), "1");
});

test("the death of the process keeps every write, the death of the machine what was synced", async () => {
  const prepared = async () => {
    const engine = new MemoryEngine();
    await engine.writeAsync(batchOf({ a: "1" }), { sync: true });
    engine.write(batchOf({ b: "2" }));
    engine.write(batchOf({ c: "3" }));
    engine.holdAsync();
    void engine.writeAsync(batchOf({ d: "4" }), { sync: true });
    return engine;
  };
  const keysAfter = async (options: Parameters<MemoryEngine["crash"]>[0]) => {
    const before = await prepared();
    const after = before.crash(options);
    assert.throws(() => before.write(batchOf({ x: "" })), refusal("closed", "refused"));
    return ["a", "b", "c", "d"].filter((key) => after.get(DATA, key) !== null).join("");
  };
  assert.equal(await keysAfter({ survive: "process" }), "abc");
  assert.equal(await keysAfter({ survive: "process", inFlightKept: 1 }), "abcd");
  assert.equal(await keysAfter({ survive: "machine" }), "a");
  assert.equal(await keysAfter({ survive: "machine", unsyncedKept: 1 }), "ab");
  assert.equal(await keysAfter({ survive: "machine", unsyncedKept: 1, inFlightKept: 1 }), "ab");
  assert.equal(await keysAfter({ survive: "machine", unsyncedKept: 2, inFlightKept: 1 }), "abcd");
});

test("wherever the end of the log is torn off, a batch is there whole or not at all, and none without those before", async () => {
  const prepared = async () => {
    const engine = new MemoryEngine();
    await engine.writeAsync(batchOf({ a: "1" }), { sync: true });
    engine.write(batchOf({ b: "2", c: "3" }));
    engine.write(batchOf({ d: "4", e: "5" }));
    engine.holdAsync();
    void engine.writeAsync(batchOf({ f: "6", g: "7" }), { sync: true });
    return engine;
  };
  const found = new Set<string>();
  for (let unsyncedBytesKept = 0; unsyncedBytesKept < 200; unsyncedBytesKept++) {
    const before = await prepared();
    const after = before.crash({ survive: "machine", unsyncedBytesKept });
    found.add(
      "abcdefg"
        .split("")
        .filter((key) => after.get(DATA, key) !== null)
        .join(""),
    );
  }
  assert.deepEqual([...found], ["a", "abc", "abcde", "abcdefg"]);
});

test("an fsync that fails makes nothing safe; the next one does", async () => {
  const engine = new MemoryEngine();
  engine.write(batchOf({ a: "1" }));
  engine.failSyncs(1);
  await assert.rejects(engine.sync(), refusal("io", "refused"));
  assert.equal(engine.durableSequence, 0);
  await engine.sync();
  assert.equal(engine.durableSequence, engine.sequence());
});

test("a crash finds an unknown write exactly when it was to prove applied", () => {
  for (const outcome of ["applied", "absent"] as const) {
    const engine = new MemoryEngine();
    engine.unknownCommits(outcome);
    assert.throws(() => engine.write(batchOf({ a: "1" })), refusal("io", "unknown"));
    const after = engine.crash({ survive: "process" });
    assert.equal(after.get(DATA, "a"), outcome === "applied" ? "1" : null);
  }
});

test("reads fail on command", async () => {
  const engine = new MemoryEngine();
  engine.failReads("corruption", 2);
  assert.throws(() => engine.get(DATA, "a"), refusal("corruption", "refused"));
  await assert.rejects(engine.load(DATA, ["a"]), refusal("corruption", "refused"));
  assert.equal(engine.get(DATA, "a"), null);
});
