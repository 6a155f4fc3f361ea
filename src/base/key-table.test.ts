// The table of keys against a Map, through every size at which it is made anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom } from "./random.ts";
import { KeyTable } from "./key-table.ts";

interface Item {
  readonly key: string;
  readonly serial: number;
}

function isSame(table: KeyTable<Item>, map: ReadonlyMap<string, Item>): void {
  assert.equal(table.size, map.size);
  for (const [key, item] of map) assert.equal(table.get(key), item);
  const listed = [...table];
  assert.equal(listed.length, map.size);
  assert.deepEqual(new Set(listed), new Set(map.values()));
}

test("what is set and deleted at random is what a map has", () => {
  const seed = 20261127;
  const random = new SeededRandom(seed);
  for (const range of [1, 3, 20, 500, 60_000]) {
    const table = new KeyTable<Item>();
    const map = new Map<string, Item>();
    for (let step = 0; step < range * 6; step++) {
      const key = `key:${random.below(range)}`;
      const isGrowing = step < range * 3;
      if (random.below(4) < (isGrowing ? 3 : 1)) {
        const item = { key, serial: step };
        table.set(item);
        map.set(key, item);
      } else {
        assert.equal(table.delete(key), map.delete(key), `seed ${seed}, step ${step}`);
      }
      assert.equal(table.get(key), map.get(key), `seed ${seed}, step ${step}`);
    }
    isSame(table, map);
  }
});

test("a table that only grows past the size at which it is cut keeps all", () => {
  const table = new KeyTable<Item>();
  const map = new Map<string, Item>();
  for (let serial = 0; serial < 40_000; serial++) {
    const item = { key: `${serial}`, serial };
    table.set(item);
    map.set(item.key, item);
  }
  isSame(table, map);
  for (let serial = 0; serial < 40_000; serial += 2) assert.ok(table.delete(`${serial}`));
  for (let serial = 0; serial < 40_000; serial++) {
    assert.equal(table.has(`${serial}`), serial % 2 === 1);
  }
});

test("an empty table has nothing, and nothing can be taken from it", () => {
  const table = new KeyTable<Item>();
  assert.equal(table.get(""), undefined);
  assert.equal(table.delete("a"), false);
  assert.deepEqual([...table], []);
  assert.equal(table.size, 0);
});
