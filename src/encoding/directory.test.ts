import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import * as directory from "./directory.ts";
import { CorruptRecord } from "./record.ts";
import { PayloadReader } from "./varint.ts";

const key = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw).latin1Slice());
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 64 });

function written(size: number, write: (target: Buffer) => number): Buffer {
  const target = Buffer.alloc(size + 1, 0xee);
  assert.equal(write(target), size);
  assert.equal(target[size], 0xee, "no more is written than was announced");
  return target.subarray(0, size);
}

function page(parts: directory.PageParts): Buffer {
  return written(directory.pageSize(parts), (target) => directory.writePage(target, 0, parts));
}

function root(nextPage: number, parts: directory.PageParts): Buffer {
  return written(directory.rootSize(nextPage, parts), (target) =>
    directory.writeRoot(target, 0, nextPage, parts),
  );
}

function readRoot(bytes: Buffer): directory.RootParts {
  const reader = new PayloadReader(bytes.latin1Slice(), 0, () => new CorruptRecord("short"));
  const parts = directory.readRoot(reader);
  reader.end();
  return parts;
}

function pageOf(level: number, names: readonly string[], seed: number): directory.DecodedPage {
  return {
    level,
    keys: [...names].sort((a, b) => (a < b ? -1 : 1)),
    counts: names.map((_, index) => 1 + ((seed + index * 7919) % 2 ** 40)),
    pages: level === 0 ? [] : names.map((_, index) => (seed + index * 31) % 2 ** 31),
  };
}

test("pages and roots are read back", () => {
  fc.assert(
    fc.property(keys, fc.nat(3), fc.nat(), (names, level, seed) => {
      const parts = pageOf(level, names, seed);
      assert.deepEqual(directory.readPage(page(parts).latin1Slice()), parts);
      assert.deepEqual(readRoot(root(2 ** 32, parts)), { nextPage: 2 ** 32, root: parts });
    }),
  );
});

test("version 1 is frozen: pages written today open tomorrow", () => {
  const leaf = { level: 0, keys: ["", "key"], counts: [1, 1000], pages: [] };
  assert.equal(page(leaf).toString("hex"), "00020001036b6579e807");
  const above = { level: 1, keys: ["a"], counts: [70_000], pages: [300] };
  assert.equal(page(above).toString("hex"), "01010161f0a204ac02");
  assert.equal(root(301, above).toString("hex"), "ad0201010161f0a204ac02");
  const subkey = Buffer.from(directory.pageSubkey("\xfe", 0x01020304), "latin1");
  assert.equal(subkey.toString("hex"), "fe01020304");
});

test("pages that are cut, disordered or without elements are corruption", () => {
  const whole = page(pageOf(1, ["a", "b", "long enough to be cut"], 5)).latin1Slice();
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => directory.readPage(whole.slice(0, length)), CorruptRecord);
  }
  const bad = [
    { level: 0, keys: [], counts: [], pages: [] },
    { level: 0, keys: ["b", "a"], counts: [1, 1], pages: [] },
    { level: 0, keys: ["a", "a"], counts: [1, 1], pages: [] },
    { level: 0, keys: ["a"], counts: [0], pages: [] },
    { level: 17, keys: ["a"], counts: [1], pages: [0] },
  ];
  for (const parts of bad) {
    assert.throws(() => directory.readPage(page(parts).latin1Slice()), CorruptRecord);
  }
  assert.throws(() => directory.readPage(`${whole}\0`), CorruptRecord);
  assert.throws(
    () => readRoot(root(3, { level: 1, keys: ["a"], counts: [1], pages: [3] })),
    CorruptRecord,
  );
});
