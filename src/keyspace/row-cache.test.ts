// The cache of rows against a plain map: what it finds is what was put last, however small it is and however
// often it is emptied; and what it does not find may only be missing because something had to go.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { SeededRandom } from "../base/random.ts";
import { ROW_BYTES_MAX, RowCache, type RowKey } from "./row-cache.ts";

const MB = 1024 * 1024;

function row(key: string, hash: number, id = 1): RowKey {
  return { incarnation: { id }, hash, key };
}

function found(cache: RowCache, { incarnation, hash, key }: RowKey): string | null {
  const address = cache.find(incarnation.id, hash, key);
  return address < 0 ? null : cache.valueAt(address);
}

test("a row is found with the bytes that were put last, by its key and incarnation", () => {
  const cache = new RowCache(4 * MB);
  const one = row("\0\xff", 7);
  const other = row("\0\xff", 7, 2);
  cache.put(one, "\x11\0", "value");
  assert.equal(found(cache, one), "\x11\0value");
  assert.equal(found(cache, other), null);
  cache.put(other, "", "\x11\0other");
  cache.put(one, "\x11\x01", "x".repeat(100));
  assert.equal(found(cache, one), `\x11\x01${"x".repeat(100)}`);
  assert.equal(found(cache, other), "\x11\0other");
  const address = cache.find(1, 7, "\0\xff");
  assert.equal(cache.headAt(address), 0x1101);
  assert.equal(cache.valueAt(address, 2), "x".repeat(100));
  cache.delete(1, 7, "\0\xff");
  assert.equal(found(cache, one), null);
  assert.equal(cache.rowCount, 1);
  cache.clear();
  assert.equal(found(cache, other), null);
  assert.equal(cache.rowCount, 0);
});

test("what is too large is not kept, nor is what was kept of its key before", () => {
  const cache = new RowCache(4 * MB);
  cache.put(row("k", 1), "", "small");
  cache.put(row("k", 1), "", "x".repeat(ROW_BYTES_MAX));
  assert.equal(found(cache, row("k", 1)), null);
});

test("one with room for nothing keeps nothing", () => {
  const cache = new RowCache(1000);
  assert.ok(cache.isOff);
  cache.put(row("k", 1), "", "v");
  assert.equal(found(cache, row("k", 1)), null);
  cache.delete(1, 1, "k");
  cache.clear();
  assert.equal(cache.bytes, 0);
});

test("what is added does not take the place of what is there", () => {
  const cache = new RowCache(4 * MB);
  cache.add(row("k", 1), "first");
  cache.add(row("k", 1), "second");
  assert.equal(found(cache, row("k", 1)), "first");
});

test("the oldest go first, and what is in place of them is whole", () => {
  const cache = new RowCache(3 * MB);
  const value = (index: number): string => String(index).padStart(1000, "v");
  const key = (index: number): RowKey => row(`key:${index}`, Math.imul(index, 0x9e3779b1));
  const count = 10_000;
  for (let index = 0; index < count; index++) cache.put(key(index), "", value(index));
  assert.ok(cache.evictions > 0 && cache.bytes <= 3 * MB);
  assert.equal(found(cache, key(0)), null);
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const bytes = found(cache, key(index));
    if (bytes === null) continue;
    kept++;
    assert.equal(bytes, value(index));
  }
  assert.equal(kept, cache.rowCount);
  assert.ok(kept > 1000, `${kept} rows`);
});

test("whatever is put, deleted and emptied, what is found is what was put last", () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(2, 3, 5), (seed, megabytes) => {
      const random = new SeededRandom(seed);
      const cache = new RowCache(megabytes * MB);
      const model = new Map<string, string>();
      const below = (end: number): number => Math.floor(random.next() * end);
      for (let step = 0; step < 20_000; step++) {
        const number = below(5000);
        // Few hashes, so that buckets overflow and keys are told apart.
        const key = row(`k${number}`, number % 700, 1 + (number % 2));
        const name = `${key.incarnation.id} ${key.key}`;
        const bytes = found(cache, key);
        if (bytes !== null) assert.equal(bytes, model.get(name));
        if (below(5) === 0) {
          cache.delete(key.incarnation.id, key.hash, key.key);
          model.delete(name);
          assert.equal(found(cache, key), null);
        } else {
          const value = String(step).repeat(1 + below(100));
          cache.put(key, "", value);
          model.set(name, value);
          assert.equal(found(cache, key), value);
        }
      }
    }),
    { numRuns: 20 },
  );
});
