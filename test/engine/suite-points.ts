// Promises about single keys and batches.

import assert from "node:assert/strict";

import { DATA, ELEMENTS, EXPIRY, META, STORES, type StoreId } from "../../src/engine/engine.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { ALL_BYTES, P1, P2, P3, WHOLE, batchOf, walk, type Promises } from "./common.ts";

export const POINTS: Promises = {
  "what is put is got, what is deleted is gone, in each store for itself": async (engine) => {
    const stores: StoreId[] = [META, DATA, ELEMENTS, 3, EXPIRY];
    for (const store of stores) engine.write(batchOf(store, { [P1]: `in ${store}` }));
    for (const store of stores) assert.equal(engine.get(store, P1), `in ${store}`);
    const ops = new WriteOps();
    ops.delete(ELEMENTS, P1);
    engine.write(ops);
    assert.equal(engine.get(ELEMENTS, P1), null);
    assert.equal(engine.get(EXPIRY, P1), "in 4");
    assert.equal(engine.get(DATA, P2), null);
    assert.equal(stores.length, STORES.length);
  },

  "a range is deleted from its first key to before its last": async (engine) => {
    engine.write(batchOf(ELEMENTS, { a: "", b: "", ba: "", c: "", d: "" }));
    engine.write(batchOf(DATA, { [`${P1}a`]: "", [`${P2}b`]: "", [`${P3}c`]: "" }));
    const ops = new WriteOps();
    ops.deleteRange(ELEMENTS, "b", "c");
    ops.deleteRange(DATA, P1, P3);
    engine.write(ops);
    assert.deepEqual(walk(engine, ELEMENTS), ["a", "", "c", "", "d", ""]);
    assert.deepEqual(walk(engine, DATA), [`${P3}c`, ""]);
  },

  "within a batch the later record wins, and an empty batch is nothing": async (engine) => {
    const ops = batchOf(ELEMENTS, { a: "1" });
    ops.deleteRange(ELEMENTS, "a", "z");
    ops.put(ELEMENTS, "a", "2");
    ops.put(ELEMENTS, "b", "1");
    ops.delete(ELEMENTS, "b");
    engine.write(ops);
    assert.deepEqual(walk(engine, ELEMENTS), ["a", "2"]);
    engine.write(new WriteOps());
    await engine.writeAsync(new WriteOps(), { sync: true });
    assert.deepEqual(walk(engine, ELEMENTS), ["a", "2"]);
  },

  "keys and values of every byte, the empty value, and 10 MB": async (engine) => {
    engine.write(batchOf(DATA, { [P1 + ALL_BYTES]: ALL_BYTES, [`${P1}empty`]: "" }));
    assert.equal(engine.get(DATA, P1 + ALL_BYTES), ALL_BYTES);
    assert.equal(engine.get(DATA, `${P1}empty`), "");
    const large = ALL_BYTES.repeat((10 * 1024 * 1024) / 256);
    await engine.writeAsync(batchOf(DATA, { [`${P1}large`]: large }), { sync: false });
    const [loaded] = await engine.load(DATA, [`${P1}large`]);
    assert(loaded === large);
    const cut = walk(engine, DATA, { lower: `${P1}large`, upper: `${P1}m`, valueBytesMax: 7 });
    assert.deepEqual(cut, [`${P1}large`, ALL_BYTES.slice(0, 7)]);
  },

  "load answers in the order of its keys, absent and repeated ones too": async (engine) => {
    engine.write(batchOf(DATA, { [`${P1}a`]: "1", [`${P2}b`]: "2" }));
    const keys = [`${P2}b`, `${P1}none`, `${P1}a`, `${P2}b`];
    assert.deepEqual(await engine.load(DATA, keys), ["2", null, "1", "2"]);
    assert.deepEqual(await engine.load(DATA, []), []);
  },

  "what was flushed is cold or right, and hot once loaded": async (engine) => {
    engine.write(batchOf(DATA, { [`${P1}a`]: "1", [`${P2}b`]: "2" }));
    await engine.flush();
    assert([undefined, "1"].includes(engine.get(DATA, `${P1}a`) ?? undefined));
    await engine.load(DATA, [`${P1}a`, `${P2}b`]);
    assert.equal(engine.get(DATA, `${P1}a`), "1");
    await engine.warm(DATA, WHOLE, 10);
    await engine.warm(DATA, { ...WHOLE, reverse: true }, 10);
    assert.deepEqual(walk(engine, DATA, { patience: "loop", lower: P2 }), [`${P2}b`, "2"]);
  },
};
