// Whether a draw is even is seen by drawing often: the sum of squared deviations (chi square) of 500
// elements stays below what a fair draw exceeds once in a million runs, and the seed is fixed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom } from "../base/random.ts";
import { u32, hashOfKey } from "../encoding/key.ts";
import { HASH } from "../encoding/record.ts";
import { randomDistinctElements, randomElements, type RandomPlace } from "./element-random.ts";
import { Packed } from "./value.ts";
import { testWorld } from "./testing.ts";

function placeWith(count: number): RandomPlace {
  const { keyspace, unit } = testWorld();
  const elements = unit((view) => {
    const record = view.set("key", { kind: HASH, value: new Packed("\0", null, 0), expiryMs: 0 });
    const home = view.newHome(record);
    for (let index = 0; index < count; index++) {
      const subkey = u32(hashOfKey(`e${index}`)) + index;
      view.setElement(record, home.elements.known(subkey, null), String(index));
    }
    return home.elements;
  });
  return { engine: keyspace.engine, elements, loads: 0, count };
}

for (const count of [1, 2, 7, 8, 16, 500]) {
  test(`each of ${count} elements has the same chance`, () => {
    const place = placeWith(count);
    const random = new SeededRandom(7);
    const drawsEach = 200;
    const seen = new Map<string, number>();
    for (let draw = 0; draw < drawsEach; draw++) {
      for (const { value } of randomElements(place, random, count)) {
        seen.set(value, (seen.get(value) ?? 0) + 1);
      }
    }
    let chiSquare = 0;
    for (let index = 0; index < count; index++) {
      chiSquare += ((seen.get(String(index)) ?? 0) - drawsEach) ** 2 / drawsEach;
    }
    const freedom = count - 1;
    assert.ok(chiSquare <= freedom + 5 * Math.sqrt(2 * freedom) + 10, `chi square ${chiSquare}`);
  });
}

test("different elements are different, and as many as asked for", () => {
  const place = placeWith(300);
  const drawn = randomDistinctElements(place, new SeededRandom(3), 90);
  assert.equal(new Set(drawn.map(({ subkey }) => subkey)).size, 90);
  assert.equal(place.elements.pendingSeed, null);
});

test("more elements than a reply can hold are refused before one is drawn", () => {
  const place = placeWith(2);
  const random = new SeededRandom(3);
  assert.throws(() => randomElements(place, random, 1e9), /ERR at most 1048576 random elements/);
  assert.equal(place.elements.pendingSeed, null);
});

test("cells that are read in one walk are those that are found one by one", () => {
  const count = 2000;
  const place = placeWith(count);
  const oneByOne = randomElements(place, new SeededRandom(11), 60);
  const together = randomElements(place, new SeededRandom(11), 70);
  assert.deepEqual(together.slice(0, 60), oneByOne);
  const all = randomDistinctElements(place, new SeededRandom(11), count - 1);
  assert.equal(new Set(all.map(({ value }) => value)).size, count - 1);
});
