// The expirer among the fields of hashes: what has died goes, in bounded rounds, from the elements, their
// order and the index; a hash whose last field has died goes with it; events are Redis's. The index
// holds one entry a key, whatever dies first, and `check` agrees with it at every turn.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Expirer } from "../../src/background/expirer.ts";
import { u48 } from "../../src/encoding/key.ts";
import { ELEMENTS, EXPIRY, ORDER, type StoreId } from "../../src/engine/engine.ts";
import { EVENT_CLASSES } from "../../src/keyspace/event.ts";
import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import { checkStore } from "../../src/server/check.ts";
import { openWorld, START_MS, type Talker, type World } from "../support/world.ts";

const EVENTS = EVENT_CLASSES.hash | EVENT_CLASSES.generic | EVENT_CLASSES.expired;

interface Scene extends AsyncDisposable {
  readonly world: World;
  readonly expirer: Expirer;
  readonly events: string[];
  readonly talker: Talker;
  /** Lets some time go by, and the expirer have a round. */
  round(afterMs: number): Promise<number>;
  ask(...lines: string[]): Promise<string[]>;
}

/** `entriesMax`: fields up to which a hash stays inline. */
async function scene(entriesMax: number, from?: World): Promise<Scene> {
  const collections = { ...usualCollectionLimits(), hashEntriesMax: entriesMax };
  const limits = { notifyMask: EVENTS, collections };
  const world = await openWorld(
    from === undefined ? { limits } : { limits, engine: from.engine, clock: from.clock },
  );
  const { pipeline } = world.core;
  const onBug = (bug: unknown): unknown => world.bugs.push(bug);
  const expirer = new Expirer({ pipeline, clock: world.clock, onTrouble: onBug, onBug });
  const events: string[] = [];
  world.core.view.onKeyEvent = (event) => events.push(`${event.name} ${event.key}`);
  const talker = world.connect();
  return {
    world,
    expirer,
    events,
    talker,
    async round(afterMs) {
      world.clock.advance(afterMs);
      const met = await expirer.round();
      await world.settle();
      return met;
    },
    async ask(...lines) {
      for (const line of lines) talker.say(line);
      await world.settle();
      return talker.heard();
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

function entries(world: World, store: StoreId): string[] {
  const range = { lower: "", upper: null, reverse: false, valueBytesMax: 0, patience: "wait" };
  const cursor = world.engine.cursor(store, { ...range, patience: "wait" });
  const flat = cursor.next(1_000_000) ?? [];
  cursor.close();
  return flat.filter((_, index) => index % 2 === 0);
}

/** The moments in the index, after START_MS. */
function moments(world: World): number[] {
  return entries(world, EXPIRY).map((entry) => {
    for (let ms = 0; ms <= 10_000; ms++) if (entry.startsWith(u48(START_MS + ms))) return ms;
    return Number.NaN;
  });
}

function checked(world: World): void {
  assert.deepEqual(checkStore(world.engine).damage, []);
}

for (const [form, entriesMax] of [
  ["inline", 100],
  ["exploded", 0],
] as const) {
  test(`fields die, and the hash with the last of them (${form})`, async () => {
    await using at = await scene(entriesMax);
    const { world, events } = at;
    await at.ask("HSET h a 1 b 2 c 3", "HPEXPIRE h 100 FIELDS 1 a", "HPEXPIRE h 200 FIELDS 2 b c");
    assert.deepEqual(moments(world), [100]);
    checked(world);
    events.length = 0;
    world.clock.advance(100);
    const lines = [
      "HGET h a",
      "HEXISTS h a",
      "HGETALL h",
      "HLEN h",
      "HPTTL h FIELDS 2 a b",
      "HSCAN h 0",
    ];
    const [value, exists, all, length, left, scanned] = await at.ask(...lines);
    assert.deepEqual([value, exists, length], ["nil", "0", "3"], "dead, and still counted");
    assert.deepEqual(left, "[ -2, 100 ]");
    assert.ok(!/"a"/.test(`${all} ${scanned}`));
    assert.deepEqual(events, []);
    await at.round(0);
    assert.deepEqual(events, ["hexpired h"]);
    assert.equal(world.core.stats.expiredFields, 1);
    assert.deepEqual(await at.ask("HLEN h"), ["2"]);
    assert.deepEqual(moments(world), [200]);
    checked(world);
    await at.round(100);
    assert.deepEqual(events.slice(1), ["hexpired h", "del h"]);
    assert.deepEqual(await at.ask("EXISTS h", "DBSIZE"), ["0", "0"]);
    assert.deepEqual(moments(world), []);
    checked(world);
  });

  test(`the index follows the hash: persisted, renamed, copied, moved, overwritten (${form})`, async () => {
    await using at = await scene(entriesMax);
    const { world } = at;
    await at.ask("HSET h a 1 b 2", "HPEXPIRE h 100 FIELDS 1 a", "HPEXPIRE h 300 FIELDS 1 b");
    await at.ask("RENAME h i", "COPY i j", "SELECT 1", "HSET k a 1", "SELECT 0", "MOVE j 1");
    assert.deepEqual(moments(world), [100, 100]);
    checked(world);
    await at.ask("HPERSIST i FIELDS 1 a");
    checked(world);
    await at.round(100);
    assert.deepEqual(moments(world), [300, 300], "nothing died in the one, and it is found again");
    checked(world);
    await at.ask("PEXPIRE i 50");
    assert.deepEqual(moments(world), [150, 300], "the key dies before its field");
    checked(world);
    await at.ask("PERSIST i", "HSET i b 3");
    await at.round(500);
    assert.deepEqual(await at.ask("HGETALL i"), ['[ "a", "1", "b", "3" ]']);
    assert.deepEqual(moments(world), []);
    await at.ask("DEL i");
    checked(world);
    assert.deepEqual(await at.ask("DBSIZE", "SELECT 1", "KEYS *"), ["0", "OK", '[ "k" ]']);
  });

  test(`a refused commit leaves fields and index as they were (${form})`, async () => {
    await using at = await scene(entriesMax);
    const { world } = at;
    await at.ask("HSET h a 1 b 2", "HPEXPIRE h 100 FIELDS 1 a");
    world.engine.refuseCommits("stall", 1);
    const [refused] = await at.ask("HPEXPIRE h 50 FIELDS 2 a b");
    assert.match(refused ?? "", /^-TRYAGAIN/);
    assert.deepEqual(await at.ask("HPTTL h FIELDS 2 a b"), ["[ 100, -1 ]"]);
    world.engine.refuseCommits("stall", 1);
    await at.round(100);
    assert.deepEqual(await at.ask("HLEN h"), ["2"], "the expirer was refused as well");
    assert.deepEqual(at.events, ["hset h", "hexpire h"]);
    await at.round(0);
    assert.deepEqual(await at.ask("HLEN h"), ["1"]);
    assert.deepEqual(moments(world), []);
    checked(world);
  });

  test(`what dies is known after a restart (${form})`, async () => {
    const before = await scene(entriesMax);
    await before.ask("HSET h a 1 b 2", "HPEXPIRE h 100 FIELDS 1 a");
    assert.deepEqual(before.world.bugs, []);
    await using after = await scene(entriesMax, before.world);
    await after.ask("HPEXPIRE h 50 FIELDS 1 b");
    assert.deepEqual(moments(after.world), [50], "the entry of the life before is replaced");
    checked(after.world);
    await after.round(50);
    await after.round(50);
    assert.deepEqual(await after.ask("EXISTS h"), ["0"]);
    checked(after.world);
  });
}

test("very many fields that die at once go in rounds, on a disk that is cold", async () => {
  await using at = await scene(10);
  const { world } = at;
  const fields = Array.from({ length: 2000 }, (_, index) => `f${index}`);
  await at.ask(`HSET h ${fields.map((field) => `${field} v`).join(" ")}`, "HSET h stays 1");
  await at.ask(`HPEXPIRE h 100 FIELDS 2000 ${fields.join(" ")}`);
  assert.equal(entries(world, ORDER).length, 2000);
  world.core.pipeline.keyspace.dropCache();
  world.engine.coldKeys("all");
  world.engine.cool();
  at.expirer.keysPerRound = 500;
  let rounds = 0;
  for (let met = await at.round(100); met > 0; met = await at.round(1)) {
    rounds++;
    checked(world);
    assert.ok(rounds < 10);
  }
  assert.equal(rounds, 4);
  assert.deepEqual(await at.ask("HGETALL h", "HLEN h"), ['[ "stays", "1" ]', "1"]);
  assert.deepEqual([entries(world, ORDER).length, entries(world, ELEMENTS).length], [0, 1]);
  assert.deepEqual(moments(world), []);
});

test("HRANDFIELD and HSCAN of a large hash pass over the dead", async () => {
  await using at = await scene(10);
  const fields = Array.from({ length: 300 }, (_, index) => `f${index}`);
  await at.ask(`HSET h ${fields.map((field) => `${field} v`).join(" ")} x 1 y 1 z 1`);
  await at.ask(`HPEXPIRE h 1 FIELDS 300 ${fields.join(" ")}`);
  at.world.clock.advance(5);
  for (const line of [
    "HRANDFIELD h",
    "HRANDFIELD h 2",
    "HRANDFIELD h -9",
    "HRANDFIELD h 500",
    "HKEYS h",
  ]) {
    const [reply = ""] = await at.ask(line);
    assert.match(reply, /"[xyz]"/, line);
    assert.ok(!reply.includes('"f'), `${line}: ${reply}`);
  }
  const found: string[] = [];
  for (let cursor = "0", steps = 0; ; steps++) {
    assert.ok(steps < 100, "steps through the dead have their size too");
    const [reply = ""] = await at.ask(`HSCAN h ${cursor} COUNT 10 NOVALUES`);
    const words = [...reply.matchAll(/"([^"]*)"/g)].map(([, word = ""]) => word);
    found.push(...words.slice(1));
    cursor = words[0] ?? "0";
    if (cursor === "0") break;
  }
  assert.deepEqual(found.sort(), ["x", "y", "z"]);
});
