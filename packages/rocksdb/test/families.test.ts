// Column families and their options: memtables, filters, caches, creating and dropping.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import {
  BlockCache,
  Database,
  type FamilyOptions,
  type IteratorOptions,
  type OpenOptions,
} from "@kept/rocksdb";
import {
  put,
  removeDirectory,
  representationOf,
  temporaryDirectory,
  withDatabase,
} from "./helpers.ts";

const CHAINED: FamilyOptions = {
  memtable: { kind: "hash-chains", bucketCount: 64 },
  options: { prefix_extractor: "fixed:6" },
};
const TRIE: FamilyOptions = { memtable: "burst-trie" };
const HASHED: FamilyOptions = {
  memtable: { kind: "hash-skip-list", bucketCount: 256 },
  options: { prefix_extractor: "fixed:6" },
};

test("a hash skip list finds keys, walks a prefix, and walks all of it when asked", async () => {
  await withDatabase({ families: { data: HASHED } }, (database) => {
    const data = database.family("data");
    const records = ["ns0002b", "ns0001a", "ns0001c", "ns0001b"].map(
      (key) => [data, key, `v${key}`] as const,
    );
    const bytes = representationOf(records);
    database.writeRepresentation(bytes, bytes.length);
    assert.equal(database.getBinary(data, "ns0001b"), "vns0001b");
    assert.equal(database.getBinary(data, "ns0003b"), null);
    const walk = database.iterator(data, { prefixSameAsStart: true });
    walk.seek("ns0001");
    assert.deepEqual(walk.nextBinary(9, 99, 2), ["ns0001a", "ns0001b", "ns0001c"]);
    const all = database.iterator(data, { totalOrderSeek: true });
    all.seekToFirst();
    assert.deepEqual(all.nextBinary(9, 99, 2), ["ns0001a", "ns0001b", "ns0001c", "ns0002b"]);
  });
});

/** The rest of a key, mostly from so few that keys are written again and again. */
function drawTail(draw: (below: number) => number): string {
  return String.fromCharCode(97 + draw(5)).repeat(draw(3)) + String(draw(40));
}

test("hash chains answer as a sorted map would, short or long, before and after a flush", async () => {
  const options = { ...CHAINED.options, write_buffer_size: "65536" };

  await withDatabase(
    { families: { plain: { options }, chained: { ...CHAINED, options } } },
    async (database) => {
      const families = ["plain", "chained"].map((name) => database.family(name));
      let state = 12345;
      const draw = (below: number): number => {
        state = (state * 1103515245 + 12345) % 2 ** 31;
        return Math.floor((state / 2 ** 31) * below);
      };
      const walk = (family: number, prefix: string): string[][] => {
        const inPrefix = database.iterator(family, { prefixSameAsStart: true });
        const all = database.iterator(family, { totalOrderSeek: true });
        inPrefix.seek(prefix + drawn);
        all.seekForPrev(prefix + drawn);
        const found = [inPrefix.nextBinary(20, 9999, 0), all.nextBinary(20, 9999, 1)];
        inPrefix.seek(prefix);
        inPrefix.seek(`${prefix}a`);
        if (inPrefix.state === "more") found.push(inPrefix.nextBinary(3, 9999, 0));
        inPrefix.close();
        all.close();
        return found;
      };
      let drawn = "";
      for (let step = 0; step < 4000; step++) {
        // One prefix is hot: its chain becomes a list.
        const prefix = draw(3) === 0 ? "hot000" : `ns${String(1000 + draw(100))}`;
        drawn = drawTail(draw);
        const value = draw(5) === 0 ? null : "v".repeat(draw(60)) + String(step);
        for (const family of families) {
          const bytes = representationOf([[family, prefix + drawn, value]]);
          database.writeRepresentation(bytes, bytes.length);
        }
        drawn = drawTail(draw);
        const [wanted, got] = families.map((family) => [
          database.getBinary(family, prefix + drawn),
          step % 10 === 0 ? walk(family, prefix) : [],
        ]);
        assert.deepEqual(got, wanted);
        if (step % 1500 === 1400) await database.flush();
      }
      const [wanted, got] = families.map((family) => {
        const all = database.iterator(family, { totalOrderSeek: true });
        all.seekToFirst();
        const found = all.nextBinary(100_000, 10_000_000, 0);
        all.close();
        return found;
      });
      assert.deepEqual(got, wanted);
    },
  );
});

/** Keys of every length and kind: none, one the front of another, alike for long, written again. */
function drawKey(draw: (below: number) => number): string {
  const byte = (): string => String.fromCharCode(draw(3) === 0 ? draw(256) : draw(4) * 85);
  const fronts = ["", "", "\0", "same for the first so many bytes/", "hot", "\xff\xff"];
  const front = fronts[draw(fronts.length)] ?? "";
  if (front === "hot" && draw(3) > 0) return front;
  return front + Array.from({ length: draw(5) }, byte).join("") + (draw(4) === 0 ? "\0" : "");
}

test("a burst trie answers as a skip list, in both directions, old snapshots included", async () => {
  const small = { options: { write_buffer_size: "65536" } };
  const families = { plain: small, trie: { ...TRIE, ...small } };
  await withDatabase({ families }, async (database) => {
    const both = ["plain", "trie"].map((name) => database.family(name));
    let state = 4711;
    const draw = (below: number): number => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    const walksOf = (options: IteratorOptions, from: string): string[][] => {
      const [wanted, got] = both.map((family) => {
        const found: string[][] = [];
        for (const reverse of [false, true]) {
          const walk = database.iterator(family, options);
          if (reverse) walk.seekForPrev(from);
          else walk.seek(from);
          while (walk.state === "more") found.push(walk.nextBinary(30, 99_999, reverse ? 1 : 0));
          walk.close();
        }
        const ends = database.iterator(family, options);
        ends.seekToLast();
        if (ends.state === "more") found.push(ends.nextBinary(1, 999, 0));
        ends.close();
        return found;
      });
      assert.deepEqual(got, wanted);
      return got ?? [];
    };
    let old = database.snapshot();
    for (let step = 0; step < 6000; step++) {
      const key = drawKey(draw);
      const value = draw(5) === 0 ? null : "v".repeat(draw(40)) + String(step);
      for (const family of both) {
        const bytes = representationOf([[family, key, value]]);
        database.writeRepresentation(bytes, bytes.length);
      }
      const asked = drawKey(draw);
      const [wanted, got] = both.map((family) => database.getBinary(family, asked));
      assert.equal(got, wanted);
      if (step % 20 === 0) walksOf({}, asked);
      if (step % 100 === 7) walksOf({ snapshot: old }, asked);
      if (step % 500 === 250) {
        old.release();
        old = database.snapshot();
      }
      if (step % 1700 === 1600) await database.flush();
    }
    old.release();
    assert.ok(walksOf({}, "").flat().length > 200);
  });
});

for (const [name, memtable] of [
  ["hash chains", CHAINED],
  ["a burst trie", TRIE],
] as const) {
  test(`${name}: read on threads while it is written`, () => readWhileWritten(memtable));
}

async function readWhileWritten(memtable: FamilyOptions): Promise<void> {
  await withDatabase({ families: { data: memtable } }, async (database) => {
    const data = database.family("data");
    const writes: Promise<number>[] = [];
    const reads: Promise<(string | null | undefined)[]>[] = [];
    const keys = Array.from({ length: 60 }, (_, index) => `ns${1000 + (index % 4)}k${index}`);
    for (let round = 0; round < 300; round++) {
      const records = keys.map((key) => [data, key, `${key}=${round}`] as const);
      const bytes = representationOf(records);
      writes.push(database.writeRepresentationAsync(bytes, bytes.length));
      reads.push(database.multiGetBinary(data, keys));
      if (round % 20 === 0) await Promise.all(writes);
    }
    await Promise.all(writes);
    for (const values of await Promise.all(reads)) {
      for (const [index, value] of values.entries()) {
        assert.ok(
          value === null || (value ?? "").startsWith(`${keys[index]}=`),
          `${keys[index]}: ${value}`,
        );
      }
    }
    assert.deepEqual(
      await database.multiGetBinary(data, keys),
      keys.map((key) => `${key}=299`),
    );
  });
}

test("a key without the prefix of a hash memtable is refused wherever it comes from", async () => {
  await withDatabase({ families: { data: HASHED } }, async (database) => {
    const data = database.family("data");
    const refused = { code: "InvalidArgument", message: /no prefix for the hash memtable/ };
    const bytes = representationOf([[data, "short", "1"]]);
    assert.throws(() => database.writeRepresentation(bytes, bytes.length), refused);
    assert.throws(() => database.getBinary(data, "short"), refused);
    await assert.rejects(database.multiGetBinary(data, ["short"]), refused);
    assert.throws(() => database.iterator(data).seek("x"), refused);
    assert.throws(() => database.indexedBatch().getBinary(data, "short"), refused);
    await assert.rejects(database.setOptions(data, { prefix_extractor: "fixed:3" }), {
      code: "NotSupported",
    });
  });
});

test("every memtable takes a write; what RocksDB could not do with one is refused at open", async () => {
  const kinds: FamilyOptions[] = [
    { memtable: "skip-list" },
    { memtable: "vector" },
    HASHED,
    { ...HASHED, memtable: { kind: "hash-linked-list", bucketCount: 64 } },
    CHAINED,
    TRIE,
  ];
  for (const kind of kinds) {
    await withDatabase({ families: { default: kind } }, (database) => {
      put(database, "prefix-key", "v");
      assert.equal(database.getBinary(0, "prefix-key"), "v");
    });
  }
  const path = temporaryDirectory();
  const open = (options: OpenOptions): Promise<Database> =>
    Database.open(path, { createIfMissing: true, ...options });
  await assert.rejects(
    open({ families: { default: { memtable: { kind: "hash-skip-list", bucketCount: 9 } } } }),
    { code: "InvalidArgument", message: /prefix_extractor/ },
  );
  await assert.rejects(
    open({ families: { default: { memtable: { kind: "hash-chains", bucketCount: 9 } } } }),
    { code: "InvalidArgument", message: /prefix_extractor/ },
  );
  await assert.rejects(
    open({ families: { default: CHAINED }, options: { allow_concurrent_memtable_write: "true" } }),
    { code: "InvalidArgument" },
  );
  await assert.rejects(
    open({ families: { default: HASHED }, options: { allow_concurrent_memtable_write: "true" } }),
    { code: "InvalidArgument" },
  );
  await assert.rejects(
    open({
      families: { default: { options: { comparator: "leveldb.BytewiseComparator.u64ts" } } },
    }),
    { code: /NotSupported|InvalidArgument/ },
  );
  removeDirectory(path);
});

test("filters, block sizes and a shared cache are RocksDB's own, and the cache fills", async () => {
  const cache = new BlockCache({ capacity: 8 << 20 });
  const family: FamilyOptions = {
    blockCache: cache,
    blockSize: 16_384,
    filter: { kind: "ribbon", bitsPerKey: 10 },
    cacheIndexAndFilterBlocks: true,
    wholeKeyFiltering: true,
    tableOptions: { format_version: "5" },
    options: { compression: "kNoCompression" },
  };
  const bloom: FamilyOptions = { ...family, filter: { kind: "bloom", bitsPerKey: 12.5 } };
  const options = { families: { default: family, other: bloom }, statistics: true };
  await withDatabase(options, async (database) => {
    for (let i = 0; i < 1000; i++) put(database, `key${i}`, "x".repeat(100));
    await database.flush();
    const before = cache.usage;
    assert.equal(database.getBinary(0, "key500")?.length, 100);
    assert.ok(cache.usage > before + 16_000);
    assert.equal(cache.capacity, 8 << 20);
    cache.capacity = 0;
    assert.equal(cache.usage - cache.pinnedUsage, 0);
    for (let i = 0; i < 100; i++) assert.equal(database.getBinary(0, `absent${i}`), null);
    const { tickers } = database.statistics();
    assert.ok((tickers["rocksdb.bloom.filter.useful"] ?? 0) > 50);
  });
  assert.throws(() => new BlockCache({ capacity: -1 }), RangeError);
});

test("families are created, listed and dropped; a dropped one takes no writes", async () => {
  const path = temporaryDirectory();
  const database = await Database.open(path, { createIfMissing: true });
  const id = await database.createFamily("second", { options: { write_buffer_size: "65536" } });
  assert.equal(database.family("second"), id);
  const bytes = representationOf([[id, "a", "1"]]);
  database.writeRepresentation(bytes, bytes.length);
  assert.equal(database.getBinary(id, "a"), "1");
  assert.deepEqual((await Database.listColumnFamilies(path)).sort(), ["default", "second"]);
  await assert.rejects(database.createFamily("second"), { code: "InvalidArgument" });
  await assert.rejects(database.createFamily("third", HASHED), {
    code: "InvalidArgument",
    message: /allow_concurrent_memtable_write=false/,
  });
  await database.dropFamily(id);
  assert.throws(() => database.family("second"), RangeError);
  assert.throws(() => database.writeRepresentation(bytes, bytes.length), {
    code: "ColumnFamilyDropped",
  });
  await database.close();
  await Database.destroy(path);
  assert.equal(existsSync(`${path}/CURRENT`), false);
  removeDirectory(path);
});

test("a database must name its families, and may be opened to be read only", async () => {
  await withDatabase({ families: { second: {} } }, async (database, path) => {
    put(database, "a", "1");
    await database.close();
    await assert.rejects(Database.open(path), { code: "InvalidArgument", message: /second/ });
    const reader = await Database.open(path, { readOnly: true });
    assert.equal(reader.getBinary(0, "a"), "1");
    assert.throws(() => put(reader, "b", "2"), { code: "NotSupported" });
    await reader.close();
  });
});

test("options of the wrong shape are TypeErrors and RangeErrors with the option's name", async () => {
  const path = temporaryDirectory();
  const wrong: [unknown, RegExp][] = [
    [{ options: { max_open_files: 7 } }, /max_open_files must be a string/],
    [{ families: { default: { memtable: "hash-skip-list" } } }, /needs a bucketCount/],
    [{ families: { default: { memtable: "hash-chains" } } }, /needs a bucketCount/],
    [{ families: { default: { memtable: "heap" } } }, /memtable must be one of/],
    [{ families: { default: { filter: { kind: "x", bitsPerKey: 1 } } } }, /filter.kind/],
    [{ families: { default: { filter: { kind: "bloom", bitsPerKey: "1" } } } }, /bitsPerKey/],
    [{ families: { default: { blockCache: {} } } }, /blockCache/],
    [{ families: { default: { blockSize: 1.5 } } }, /blockSize/],
    [{ families: { default: 7 } }, /column family default/],
    [{ readThreads: 0 }, /readThreads/],
    [{ listener: 7 }, /listener/],
  ];
  for (const [options, message] of wrong) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
    const opening = (): Promise<Database> => Database.open(path, options as OpenOptions);
    await assert.rejects(opening, { message });
  }
  removeDirectory(path);
});
