// docs/decisions/0003, 0004 and 0005: the memtable of the family `data`, and the hash in its keys.
// Random writes over 100,000 keys with values of 64 bytes in groups of 64, gets of what is in the
// memtable, a walk over everything; each memtable in a database of its own, taking turns.
//
//   node build/bench/memtable.js

import { WRITE_NO_SLOWDOWN } from "@kept/rocksdb";

import { dataKey, dataPrefix, hashOfKey, SLOT_COUNT, slotOfKey } from "../src/encoding/key.ts";
import { DATA } from "../src/engine/engine.ts";
import { WriteOps } from "../src/engine/write-ops.ts";
import { keyAt } from "./fill.ts";
import { compare, print, type Candidate } from "./measure.ts";
import { openScratch, type Memtable, type Scratch } from "./scratch.ts";

const KEYS = 100_000;
const GROUP = 64;
const WRITES_PER_ROUND = 51_200;
const GETS_PER_ROUND = 20_000;
const WRITE_ROUNDS = 11;
const READ_ROUNDS = 7;
const WALK_ROUNDS = 3;
const ENTRIES_PER_STEP = 1024;
const BYTES_PER_STEP = 1024 * 1024;
const VALUE = `\x10\0${"x".repeat(64)}`;

const PLANS: readonly { readonly memtable: Memtable; readonly megabytes: number }[] = [
  { memtable: "skip list", megabytes: 64 },
  { memtable: "skip list", megabytes: 16 },
  { memtable: "skip list", megabytes: 8 },
  { memtable: "lists by slot", megabytes: 16 },
  { memtable: "chains by slot", megabytes: 64 },
  { memtable: "chains by slot", megabytes: 16 },
  { memtable: "chains by key", megabytes: 16 },
];

function physicalKey(index: number): string {
  const key = keyAt(index);
  return dataKey({ incarnationId: 1, slot: slotOfKey(key), hash: hashOfKey(key) }, key);
}

const physicalKeys = Array.from({ length: KEYS }, (_, index) => physicalKey(index));

function randomKey(): string {
  return physicalKeys[Math.floor(Math.random() * KEYS)] ?? "";
}

function writeGroups({ database }: Scratch): void {
  const ops = new WriteOps();
  for (let written = 0; written < WRITES_PER_ROUND; written += GROUP) {
    ops.clear();
    for (let index = 0; index < GROUP; index++) ops.put(DATA, randomKey(), VALUE);
    const batch = ops.finish();
    database.writeRepresentation(batch, batch.length, WRITE_NO_SLOWDOWN);
  }
}

let sink = 0;

function getSome({ database }: Scratch): void {
  for (let index = 0; index < GETS_PER_ROUND; index++) {
    sink += database.getBinary(DATA, randomKey())?.length ?? 0;
  }
}

/** What it costs to get the keys ready: to be taken off the figures for the writes. */
function encodeOnly(): void {
  const ops = new WriteOps();
  for (let written = 0; written < WRITES_PER_ROUND; written += GROUP) {
    ops.clear();
    for (let index = 0; index < GROUP; index++) ops.put(DATA, randomKey(), VALUE);
    sink += ops.finish().length;
  }
}

function walkInOrder({ database }: Scratch): void {
  const iterator = database.iterator(DATA, { totalOrderSeek: true });
  iterator.seekToFirst();
  let some: readonly string[];
  do {
    some = iterator.nextBinary(ENTRIES_PER_STEP, BYTES_PER_STEP);
    sink += some.length;
  } while (some.length > 0);
  iterator.close();
}

function walkBySlot({ database }: Scratch): void {
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const prefix = dataPrefix(1, slot);
    const iterator = database.iterator(DATA, { lowerBound: prefix, prefixSameAsStart: true });
    if (iterator.seek(prefix)) sink += iterator.nextBinary(ENTRIES_PER_STEP, BYTES_PER_STEP).length;
    iterator.close();
  }
}

async function benchMemtables(): Promise<void> {
  const opened = await Promise.all(
    PLANS.map(async (plan) => ({
      name: `${plan.memtable}, ${plan.megabytes} MB`,
      memtable: plan.memtable,
      scratch: await openScratch(plan.memtable, plan.megabytes),
    })),
  );
  const each = (operations: number, round: (scratch: Scratch) => void): Candidate[] =>
    opened.map(({ name, scratch }) => ({ name, operations, round: () => round(scratch) }));
  await compare("a write, groups of 64, with the log, without fsync", WRITE_ROUNDS, [
    ...each(WRITES_PER_ROUND, writeGroups),
    { name: "(encoding alone)", operations: WRITES_PER_ROUND, round: encodeOnly },
  ]);
  await compare("a get", READ_ROUNDS, each(GETS_PER_ROUND, getSome));
  await compare("a walk over 100,000 keys, an entry", WALK_ROUNDS, [
    ...each(KEYS, walkInOrder).map((one) => ({ ...one, name: `${one.name}, in order` })),
    ...opened
      .filter(({ memtable }) => memtable !== "chains by key")
      .map(({ name, scratch }) => ({
        name: `${name}, slot by slot`,
        operations: KEYS,
        round: () => walkBySlot(scratch),
      })),
  ]);
  for (const { scratch } of opened) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other will do
    await scratch.close();
  }
}

/** The price of the hash in the key: time to compute it, and bytes in the files. */
async function benchHash(): Promise<void> {
  const operations = KEYS;
  const keys = Array.from({ length: KEYS }, (_, index) => keyAt(index));
  await compare("the header of a key of 16 bytes", WRITE_ROUNDS, [
    {
      name: "slot",
      operations,
      round: () => {
        for (const key of keys) sink += slotOfKey(key);
      },
    },
    {
      name: "slot and hash",
      operations,
      round: () => {
        for (const key of keys) sink += slotOfKey(key) + hashOfKey(key);
      },
    },
  ]);
  print("\n100,000 keys of 16 bytes with values of 64 random bytes, in files");
  const plain = await fileBytes((key) => dataPrefix(1, slotOfKey(key)) + key);
  const hashed = await fileBytes((key) => {
    return dataKey({ incarnationId: 1, slot: slotOfKey(key), hash: hashOfKey(key) }, key);
  });
  print(`  slot alone ${plain.toFixed(1)} bytes a key, slot and hash ${hashed.toFixed(1)}`);
}

async function fileBytes(physical: (key: string) => string): Promise<number> {
  const scratch = await openScratch("skip list", 64);
  const { database } = scratch;
  const ops = new WriteOps();
  for (let index = 0; index < KEYS; index++) {
    let value = "";
    while (value.length < 64) value += String.fromCharCode(Math.floor(Math.random() * 256));
    ops.put(DATA, physical(keyAt(index)), value);
  }
  const batch = ops.finish();
  database.writeRepresentation(batch, batch.length);
  await database.flush({ wait: true });
  await database.compactRange(DATA);
  const size = database.intProperty(DATA, "rocksdb.total-sst-files-size") ?? Number.NaN;
  await scratch.close();
  return size / KEYS;
}

await benchMemtables();
await benchHash();
print(`(${sink > 0 ? "done" : "nothing done"})`);
