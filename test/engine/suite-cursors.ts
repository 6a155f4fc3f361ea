// Promises about walks.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { DATA, ELEMENTS, type CursorRange } from "../../src/engine/engine.ts";
import { P1, P2, P3, WHOLE, batchOf, walk, type Promises } from "./common.ts";

export const CURSORS: Promises = {
  "cursors walk both ways between bounds, in byte order": async (engine) => {
    const keys = ["", "\x00", "a", "a\x00", "b", "\x7f", "\x80", "\xff", "\xff\xff"];
    engine.write(batchOf(ELEMENTS, Object.fromEntries(keys.map((key) => [key, `=${key}`]))));
    const pairs = (some: readonly Bytes[]) => some.flatMap((key) => [key, `=${key}`]);
    assert.deepEqual(walk(engine, ELEMENTS), pairs(keys));
    assert.deepEqual(walk(engine, ELEMENTS, { reverse: true }), pairs(keys.toReversed()));
    const middle = { lower: "a\x00", upper: "\x80" };
    assert.deepEqual(walk(engine, ELEMENTS, middle), pairs(["a\x00", "b", "\x7f"]));
    const back = pairs(["\x7f", "b", "a\x00"]);
    assert.deepEqual(walk(engine, ELEMENTS, { ...middle, reverse: true }), back);
    assert.deepEqual(walk(engine, ELEMENTS, { lower: "c", upper: "d" }), []);
    assert.deepEqual(walk(engine, ELEMENTS, { lower: "c", upper: "d", reverse: true }), []);
    const keysOnly = walk(engine, ELEMENTS, { ...middle, valueBytesMax: 0 });
    assert.deepEqual(keysOnly, ["a\x00", "", "b", "", "\x7f", ""]);
    const oneByte = walk(engine, ELEMENTS, { ...middle, valueBytesMax: 2, reverse: true });
    assert.deepEqual(oneByte, ["\x7f", "=\x7f", "b", "=b", "a\x00", "=a"]);
  },

  "walks over data stay in a prefix or cross prefixes, in memory and on disk": async (engine) => {
    const put = (...keys: Bytes[]) =>
      engine.write(batchOf(DATA, Object.fromEntries(keys.map((key) => [key, "v"]))));
    const keysOf = (range: Partial<CursorRange>) =>
      walk(engine, DATA, range).filter((_part, index) => index % 2 === 0);
    put(`${P1}a`, `${P2}a`, `${P3}a`);
    await engine.flush();
    put(`${P3}b`, `${P2}b`, `${P1}b`, P2);
    const all = [`${P1}a`, `${P1}b`, P2, `${P2}a`, `${P2}b`, `${P3}a`, `${P3}b`];
    assert.deepEqual(keysOf({}), all);
    assert.deepEqual(keysOf({ reverse: true }), all.toReversed());
    for (const reverse of [false, true]) {
      const turned = (keys: Bytes[]) => (reverse ? keys.toReversed() : keys);
      assert.deepEqual(keysOf({ lower: P2, upper: P3, reverse }), turned(all.slice(2, 5)));
      assert.deepEqual(keysOf({ lower: `${P2}a`, upper: `${P2}b`, reverse }), turned([`${P2}a`]));
      assert.deepEqual(
        keysOf({ lower: `${P1}b`, upper: `${P3}b`, reverse }),
        turned(all.slice(1, 6)),
      );
      assert.deepEqual(keysOf({ lower: P2, upper: null, reverse }), turned(all.slice(2)));
    }
    assert.deepEqual(keysOf({ lower: P2, upper: P3, patience: "loop" }).length > 0, true);
  },

  "a cursor shows the store as it was when the cursor was made": async (engine) => {
    engine.write(batchOf(DATA, { [`${P1}a`]: "1", [`${P1}b`]: "1", [`${P1}d`]: "1" }));
    const range = { ...WHOLE, lower: P1, upper: P2 };
    const early = engine.cursor(DATA, range);
    const stepping = engine.cursor(DATA, range);
    assert.deepEqual(stepping.next(1), [`${P1}a`, "1"]);
    const ops = batchOf(DATA, { [`${P1}a`]: "2", [`${P1}c`]: "2" });
    ops.delete(DATA, `${P1}b`);
    engine.write(ops);
    assert.deepEqual(early.next(9), [`${P1}a`, "1", `${P1}b`, "1", `${P1}d`, "1"]);
    assert.deepEqual(stepping.next(9), [`${P1}b`, "1", `${P1}d`, "1"]);
    assert.deepEqual(stepping.next(9), []);
    assert.deepEqual(stepping.next(9), []);
    early.close();
    stepping.close();
    early.close();
    assert.deepEqual(walk(engine, DATA), [`${P1}a`, "2", `${P1}c`, "2", `${P1}d`, "1"]);
  },
};
