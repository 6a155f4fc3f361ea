// Goal: no call, however wrong, and no moment of closing ends the process.
//
// Method: every method of every object this package makes is called at random, with arguments that
// are right, nearly right or absurd, while asynchronous calls are in flight and objects are closed at
// random moments. What a call answers does not matter as long as it answers: a value, an Error, or a
// promise that settles. KEPT_STRESS_SEED repeats a run, KEPT_STRESS_ROUNDS makes a longer one.

import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { BlockCache, Database, type FamilyOptions } from "@kept/rocksdb";
import { removeDirectory, representationOf, temporaryDirectory } from "./helpers.ts";

const seed = Number(process.env["KEPT_STRESS_SEED"] ?? Math.floor(performance.now() * 1000));
const rounds = Number(process.env["KEPT_STRESS_ROUNDS"] ?? 12);
const CALLS_PER_ROUND = 1000;

/** mulberry32: small, seeded, good enough to choose calls with. */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = randomFrom(seed);

function pick<T>(from: readonly T[]): T {
  const chosen = from[Math.floor(random() * from.length)];
  assert.ok(chosen !== undefined || from.length > 0);
  return chosen as T; // oxlint-disable-line typescript/no-unsafe-type-assertion
}

/** What is in play; anything in it may be closed already. */
interface Scene {
  readonly path: string;
  readonly objects: object[];
  readonly pending: Promise<unknown>[];
}

function detached(): Uint8Array {
  const buffer = new ArrayBuffer(16);
  const view = new Uint8Array(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  return view;
}

function representation(): Uint8Array {
  const records = Array.from(
    { length: Math.floor(random() * 5) },
    () => [pick([0, 1, 2]), `prefix${Math.floor(random() * 50)}`, pick(["v", null])] as const,
  );
  const bytes = representationOf(records);
  if (random() < 0.5) return bytes;
  for (let i = 0; i < 3; i++) bytes[Math.floor(random() * bytes.length)] = random() * 256;
  return bytes.subarray(0, Math.floor(random() * (bytes.length + 1)));
}

const ABSURD: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => Number.NaN,
  () => -1,
  () => 1.5,
  () => 2 ** 32,
  () => 2 ** 53,
  () => Number.POSITIVE_INFINITY,
  () => 10n,
  () => true,
  () => Symbol("s"),
  () => ({}),
  () => [],
  () => [1, "a", null],
  () => () => 7,
  () => new Int32Array(4),
  () => new Float64Array(4),
  () => new DataView(new ArrayBuffer(8)),
  () => detached(),
  () => new Uint8Array(new SharedArrayBuffer(8)),
  () => new Proxy({}, {}),
  () => "\u{1f600}".repeat(3),
];

const PLAUSIBLE: readonly (() => unknown)[] = [
  () => 0,
  () => 1,
  () => Math.floor(random() * 20),
  () => `prefix${Math.floor(random() * 50)}`,
  () => Buffer.from(`prefix${Math.floor(random() * 50)}`),
  () => "p",
  () => "x".repeat(Math.floor(random() * 600)),
  () => Buffer.alloc(Math.floor(random() * 300)),
  () => new Int32Array(8),
  () => ["prefix1", Buffer.from("prefix2")],
  () => [["a", "b"]],
  () => representation(),
  () => ({ lowerBound: "prefix1", upperBound: "prefix3" }),
  () => ({ readTier: Math.floor(random() * 4) }),
  () => ({ totalOrderSeek: true, pinData: random() < 0.5, prefixSameAsStart: random() < 0.5 }),
  () => ({ disable_auto_compactions: pick(["true", "false"]) }),
  () => ({ write_buffer_size: pick(["65536", "x", "-1", "99999999999999999999"]) }),
  () => "first",
  () => ({ key: "prefix7" }),
  () => "rocksdb.stats",
  () => false,
];

function argument(scene: Scene): unknown {
  const chance = random();
  if (chance < 0.25) return pick(scene.objects);
  if (chance < 0.35) return { snapshot: pick(scene.objects), readTier: pick([0, 1, "1"]) };
  if (chance < 0.4) return join(scene.path, pick(["copy", "", "no/such/dir"]));
  return pick(chance < 0.85 ? PLAUSIBLE : ABSURD)();
}

/** Slow, or the end of the run for everything else: chosen seldom. */
const RARE = new Set([
  "close",
  "cancelAllBackgroundWork",
  "pauseBackgroundWork",
  "checkpoint",
  "compactRange",
  "deleteFilesInRange",
  "createFamily",
  "dropFamily",
  "setOptions",
  "setDBOptions",
  "syncWal",
]);

function methodsOf(object: object): (string | symbol)[] {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (typeof prototype !== "object" || prototype === null) return [];
  return Reflect.ownKeys(prototype).filter((name) => name !== "constructor");
}

function keep(scene: Scene, value: unknown): void {
  if (value instanceof Promise) {
    const settled = value.then(
      (result) => keep(scene, result),
      (error: unknown) => assert.ok(error instanceof Error),
    );
    scene.pending.push(settled);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const ours = Object.getPrototypeOf(value)?.constructor?.name ?? "";
  if (/^(RocksIterator|Snapshot|WriteBatch|IndexedWriteBatch|Updates)$/.test(String(ours))) {
    if (scene.objects.length < 200) scene.objects.push(value);
    else scene.objects[Math.floor(random() * scene.objects.length)] = value;
  }
}

function callOnce(scene: Scene): void {
  const object = pick(scene.objects);
  const name = pick(methodsOf(object));
  if (name === undefined) return;
  if (RARE.has(String(name)) && random() > 0.03) return;
  const parameters = Array.from({ length: Math.floor(random() * 5) }, () => argument(scene));
  // A string at random would be a directory beside the sources.
  if (name === "checkpoint") parameters[0] = join(scene.path, pick(["copy", "", "no/such/dir"]));
  try {
    const member: unknown = Reflect.get(object, name, object);
    keep(scene, typeof member === "function" ? Reflect.apply(member, object, parameters) : member);
  } catch (error) {
    assert.ok(error instanceof Error, `${String(name)} threw what is no Error`);
  }
}

/** The same database once more, borrowed; after its close there is none. */
function borrow(scene: Scene, database: Database): void {
  try {
    scene.objects.push(Database.borrow(database.lend()));
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error, String(error));
  }
}

async function playRound(): Promise<void> {
  const path = temporaryDirectory();
  const hashed: FamilyOptions = {
    memtable: { kind: random() < 0.3 ? "hash-skip-list" : "hash-chains", bucketCount: 64 },
    options: { prefix_extractor: "fixed:6", write_buffer_size: "65536" },
  };
  const trie: FamilyOptions = {
    memtable: "burst-trie",
    options: { write_buffer_size: "65536" },
  };
  const cache = new BlockCache({ capacity: 1 << 20 });
  const database = await Database.open(path, {
    createIfMissing: true,
    createMissingColumnFamilies: true,
    statistics: true,
    families: { default: { blockCache: cache }, hashed, plain: {}, trie },
    listener: () => {},
  });
  const scene: Scene = { path, objects: [database, cache], pending: [] };
  for (let i = 0; i < 8; i++) scene.objects.push(database);
  const closeAt = Math.floor(random() * CALLS_PER_ROUND * 1.5);
  for (let i = 0; i < CALLS_PER_ROUND; i++) {
    if (i === closeAt) scene.pending.push(database.close());
    callOnce(scene);
    if (random() < 0.005) borrow(scene, database);
    if (random() < 0.02) await new Promise((resolve) => setImmediate(resolve));
  }
  await database.continueBackgroundWork().catch(() => {});
  await database.close();
  await Promise.all(scene.pending);
  assert.throws(() => database.latestSequenceNumber, { code: "ERR_ROCKSDB_CLOSED" });
  removeDirectory(path);
}

test(`random calls with random arguments never crash (seed ${seed})`, async (context) => {
  context.diagnostic(`KEPT_STRESS_SEED=${seed} KEPT_STRESS_ROUNDS=${rounds}`);
  for (let round = 0; round < rounds; round++) await playRound();
});

/** Every native function, with handles made up and handles of the wrong kind. */
test(`a forged handle is an error (seed ${seed})`, async () => {
  const { native } = await import(new URL("../native.js", import.meta.url).href);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whatever it exports is called
  const functions = Object.entries(native as Record<string, unknown>).filter(
    (entry): entry is [string, (...any: unknown[]) => unknown] =>
      typeof entry[1] === "function" && !["setup", "nothing"].includes(entry[0]),
  );
  const path = temporaryDirectory();
  const database = await Database.open(path, { createIfMissing: true });
  const scene: Scene = { path, objects: [database.batch(), database.snapshot()], pending: [] };
  for (let i = 0; i < rounds * CALLS_PER_ROUND; i++) {
    const [name, call] = pick(functions);
    // Those that take a path would work beside the sources.
    if (["open", "destroy", "repair", "close", "release", "checkpoint"].includes(name)) continue;
    const index = Math.floor(random() * 40);
    const handle = pick([index + 2 ** 22, index + 2 ** 23, index, 2 ** 52 + index]);
    const rest = Array.from({ length: 9 }, () => argument(scene));
    try {
      keep(scene, call(handle, ...rest));
    } catch (error) {
      assert.ok(error instanceof Error, `${name} threw what is no Error`);
    }
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(scene.pending);
  await database.close();
  removeDirectory(path);
});
