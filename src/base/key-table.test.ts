// The table of keys against a Map, through every size at which it is made anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom } from "./random.ts";
import { KeyTable, TOUCHED_MAX } from "./key-table.ts";

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

test("many keys looked up at once give what each gives alone, no more of them than said, and nothing else is touched", () => {
  for (const size of [0, 1, 40, 30_000]) {
    const table = new KeyTable<Item>();
    for (let serial = 0; serial < size; serial++) table.set({ key: `${serial}`, serial });
    const keys: string[] = [];
    for (let index = 0; index < TOUCHED_MAX + 9; index++) keys.push(`${index * 700}`);
    const found: (Item | undefined)[] = [];
    table.getAll(keys, found);
    assert.deepEqual(
      found,
      keys.slice(0, TOUCHED_MAX).map((key) => table.get(key)),
    );
    table.getAll(["0"], found);
    assert.deepEqual(found.slice(0, 2), [table.get("0"), table.get(keys[1] ?? "")]);
  }
});

test("of two keys with one hash each finds its own", () => {
  const [first, second] = twins();
  const table = new KeyTable<Item>();
  table.set({ key: first, serial: 1 });
  table.set({ key: second, serial: 2 });
  const found: (Item | undefined)[] = [];
  table.getAll([second, first, `${first}x`], found);
  assert.deepEqual(
    found.map((item) => item?.serial),
    [2, 1, undefined],
  );
});

/** FNV-1a, as key-table.ts begins when nobody has drawn a seed: two of some 100,000 keys agree. */
function twins(): [string, string] {
  const seen = new Map<number, string>();
  for (let serial = 0; ; serial++) {
    const key = `twin:${serial}`;
    let hash = 0x811c9dc5;
    for (let index = 0; index < key.length; index++) {
      hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
    }
    const other = seen.get(hash);
    if (other !== undefined) return [other, key];
    seen.set(hash, key);
  }
}

test("an item is taken out only if it is the one under its key", () => {
  const table = new KeyTable<Item>();
  const item = { key: "a", serial: 1 };
  assert.equal(table.deleteItem(item), false);
  table.set(item);
  assert.equal(table.deleteItem({ key: "a", serial: 1 }), false);
  assert.equal(table.get("a"), item);
  assert.equal(table.deleteItem(item), true);
  assert.equal(table.size, 0);
});
