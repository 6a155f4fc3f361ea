import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../base/bytes.ts";
import { STRING } from "../encoding/record.ts";
import { StorageError } from "../engine/engine.ts";
import { testWorld } from "../keyspace/testing.ts";
import { KeyLoader, type WantedKey } from "./key-loader.ts";

/** Keys that are on disk and no longer in memory; `loads` is what was read in one go, each time. */
function coldWorld(keys: readonly Bytes[], broken: Bytes | null) {
  const { keyspace, engine, unit, view } = testWorld();
  unit(() => keys.forEach((key) => view.set(key, { kind: STRING, value: `v${key}`, expiryMs: 0 })));
  keyspace.dropCache();
  const loads: number[] = [];
  const load = engine.load.bind(engine);
  engine.load = (store, physical) => {
    loads.push(physical.length);
    if (broken === null || !physical.some((key) => key.endsWith(broken))) {
      return load(store, physical);
    }
    return Promise.reject(new StorageError("corruption", "refused", "checksum mismatch"));
  };
  const [database] = keyspace.databases;
  assert.ok(database !== undefined);
  const { incarnation } = database;
  const wanted = (key: Bytes): WantedKey => ({ incarnation, key });
  const loader = new KeyLoader(keyspace, queueMicrotask);
  return { keyspace, engine, incarnation, unit, view, loads, loader, wanted };
}

test("what is asked for at once is read together, in parcels as large as the disk allows", async () => {
  const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
  const { keyspace, engine, incarnation, loads, loader, wanted } = coldWorld(keys, null);
  engine.loadMicros = () => 10;
  await Promise.all(keys.map((key) => loader.load([wanted(key)])));
  assert.deepEqual(loads, [20, 20]);
  for (const key of keys) assert.equal(keyspace.record(incarnation, key).value, `v${key}`);
  keyspace.dropCache();
  engine.loadMicros = () => 300;
  await loader.load(keys.slice(0, 3).map(wanted));
  assert.deepEqual(loads.slice(2), [1, 1, 1]);
});

test("a key that cannot be read is told to who asked for it, and to nobody else", async () => {
  const { keyspace, incarnation, loader, wanted } = coldWorld(["a", "b", "broken", "c"], "broken");
  const good = loader.load([wanted("a"), wanted("b")]);
  const bad = loader.load([wanted("broken")]);
  const both = loader.load([wanted("c"), wanted("broken")]);
  await good;
  await assert.rejects(bad, StorageError);
  await assert.rejects(both, StorageError);
  assert.equal(keyspace.record(incarnation, "a").value, "va");
  assert.equal(keyspace.record(incarnation, "c").value, "vc");
});

test("what is read while the key is written and committed does not count, though nobody asked for the key lately", async () => {
  const { keyspace, engine, incarnation, unit, view, loader, wanted } = coldWorld(["k"], null);
  keyspace.stored.wasAsked = () => false;
  const load = engine.load.bind(engine);
  let goOn = (): void => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  engine.load = async (store, keys) => {
    const loaded = await load(store, keys);
    await held;
    return loaded;
  };
  const reading = loader.load([wanted("k")]);
  // The memory engine has read by then.
  await new Promise(setImmediate);
  unit(() => view.set("k", { kind: STRING, value: "newer", expiryMs: 0 }));
  goOn();
  await reading;
  assert.equal(keyspace.record(incarnation, "k").value, "newer");
});

test("who asks for nothing does not wait", async () => {
  const { loader, loads } = coldWorld([], null);
  await loader.load([]);
  assert.deepEqual(loads, []);
});
