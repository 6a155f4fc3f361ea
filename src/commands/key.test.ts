// What the transcripts cannot show: keyspace events, exact milliseconds, who is found random, and
// what survives in a dump.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ErrorReply } from "../resp/reply.ts";
import { dataWorld, type DataWorld } from "./testing.ts";

/** A world where the keys `a` and `b` exist and nothing has been told yet. */
function worldOfTwo(): DataWorld {
  const world = dataWorld();
  world.run("MSET", "a", "1", "b", "2");
  world.takeEvents();
  return world;
}

/** The events that one command tells when `a` and `b` exist. */
function eventsOf(...args: string[]): string[] {
  const world = worldOfTwo();
  const reply = world.run(...args);
  assert.ok(!(reply instanceof ErrorReply), args.join(" "));
  return world.takeEvents();
}

test("deletions tell of each key that was there", () => {
  assert.deepEqual(eventsOf("DEL", "a", "nobody", "b", "a"), ["del a", "del b"]);
  assert.deepEqual(eventsOf("UNLINK", "a"), ["del a"]);
  assert.deepEqual(eventsOf("DEL", "nobody"), []);
});

test("a rename tells of both names, and of a new key even over an old one", () => {
  assert.deepEqual(eventsOf("RENAME", "a", "b"), ["new b", "rename_from a", "rename_to b"]);
  assert.deepEqual(eventsOf("RENAMENX", "a", "c"), ["new c", "rename_from a", "rename_to c"]);
  assert.deepEqual(eventsOf("RENAMENX", "a", "b"), []);
  assert.deepEqual(eventsOf("RENAME", "a", "a"), []);
});

test("a copy tells of the copy", () => {
  assert.deepEqual(eventsOf("COPY", "a", "c"), ["new c", "copy_to c"]);
  assert.deepEqual(eventsOf("COPY", "a", "b", "REPLACE"), ["new b", "copy_to b"]);
  assert.deepEqual(eventsOf("COPY", "a", "b"), []);
});

test("a copy into another database is told there", () => {
  const world = worldOfTwo();
  world.run("COPY", "a", "c", "DB", "3");
  assert.deepEqual(
    world.events.map(({ databaseIndex }) => databaseIndex),
    [3, 3],
  );
});

test("a move is told in both databases", () => {
  const world = worldOfTwo();
  assert.equal(world.run("MOVE", "a", "1"), 1);
  assert.deepEqual(
    world.events.map(({ name, databaseIndex }) => `${name} ${databaseIndex}`),
    ["new 1", "move_from 0", "move_to 1"],
  );
});

test("expiries are told, and one in the past as a deletion", () => {
  assert.deepEqual(eventsOf("EXPIRE", "a", "10"), ["expire a"]);
  assert.deepEqual(eventsOf("PEXPIREAT", "a", "33177117420000"), ["expire a"]);
  assert.deepEqual(eventsOf("EXPIRE", "a", "-1"), ["del a"]);
  assert.deepEqual(eventsOf("PEXPIREAT", "a", "1"), ["del a"]);
  assert.deepEqual(eventsOf("EXPIRE", "a", "10", "XX"), []);
  assert.deepEqual(eventsOf("PERSIST", "a"), []);
  const world = worldOfTwo();
  world.run("EXPIRE", "a", "10");
  world.run("PERSIST", "a");
  assert.deepEqual(world.takeEvents(), ["expire a", "persist a"]);
});

test("a restore is told, and over a key by a time in the past as a deletion", () => {
  const dump = worldOfTwo().run("DUMP", "a");
  assert.ok(typeof dump === "string");
  assert.deepEqual(eventsOf("RESTORE", "c", "0", dump), ["new c", "restore c"]);
  assert.deepEqual(eventsOf("RESTORE", "a", "0", dump, "REPLACE"), ["new a", "restore a"]);
  assert.deepEqual(eventsOf("RESTORE", "a", "1", dump, "REPLACE", "ABSTTL"), ["del a"]);
  assert.deepEqual(eventsOf("RESTORE", "c", "1", dump, "ABSTTL"), []);
});

test("looking for a key that is not there is told as a miss, but not by OBJECT", () => {
  for (const command of ["EXISTS", "TOUCH", "TYPE", "TTL", "DUMP"]) {
    assert.deepEqual(eventsOf(command, "nobody"), ["keymiss nobody"]);
  }
  assert.deepEqual(eventsOf("OBJECT", "ENCODING", "nobody"), []);
});

test("a key lives to its last millisecond", () => {
  const world = worldOfTwo();
  world.run("PEXPIRE", "a", "1500");
  assert.equal(world.run("PTTL", "a"), 1500);
  assert.equal(world.run("TTL", "a"), 2);
  world.advance(1001);
  assert.equal(world.run("TTL", "a"), 0);
  world.advance(498);
  assert.equal(world.run("PTTL", "a"), 1);
  assert.equal(world.run("EXISTS", "a"), 1);
  world.advance(1);
  assert.equal(world.run("PTTL", "a"), -2);
  assert.equal(world.run("EXISTS", "a"), 0);
});

test("an expired key is as good as none to every command", () => {
  const dead = (): DataWorld => {
    const world = worldOfTwo();
    world.run("PEXPIRE", "a", "1");
    world.advance(1);
    return world;
  };
  assert.equal(dead().run("DEL", "a"), 0);
  assert.equal(dead().run("TOUCH", "a"), 0);
  assert.equal(dead().run("PERSIST", "a"), 0);
  assert.equal(dead().run("EXPIRE", "a", "100"), 0);
  assert.equal(dead().run("MOVE", "a", "1"), 0);
  assert.equal(dead().run("COPY", "a", "c"), 0);
  assert.equal(dead().run("COPY", "b", "a"), 1);
  assert.equal(dead().run("RENAMENX", "b", "a"), 1);
  assert.equal(dead().run("DUMP", "a"), null);
  assert.equal(dead().run("RANDOMKEY"), "b");
  assert.deepEqual(dead().run("KEYS", "*"), ["b"]);
  assert.deepEqual(dead().run("SCAN", "0"), ["0", ["b"]]);
  assert.ok(dead().run("RENAME", "a", "c") instanceof ErrorReply);
  const dump = worldOfTwo().run("DUMP", "a");
  assert.ok(typeof dump === "string");
  assert.ok(!(dead().run("RESTORE", "a", "0", dump) instanceof ErrorReply));
});

test("idle time counts from the last access, and EXISTS and TTL are none", () => {
  const world = worldOfTwo();
  world.advance(30_000);
  assert.equal(world.run("OBJECT", "IDLETIME", "a"), 30);
  world.run("EXISTS", "a");
  world.run("TTL", "a");
  assert.equal(world.run("OBJECT", "IDLETIME", "a"), 30);
  world.run("TOUCH", "a");
  assert.equal(world.run("OBJECT", "IDLETIME", "a"), 0);
});

test("frequency is told under a policy that counts it, and idle time is not", () => {
  const world = worldOfTwo();
  world.view.limits.countFrequency = true;
  assert.equal(world.run("OBJECT", "FREQ", "b"), 5);
  for (let round = 0; round < 200; round++) world.run("TOUCH", "a");
  const frequency = world.run("OBJECT", "FREQ", "a");
  assert.ok(typeof frequency === "number" && frequency > 5 && frequency < 50);
  assert.ok(world.run("OBJECT", "IDLETIME", "a") instanceof ErrorReply);
});

test("whatever a string holds, its dump restores it under another name", () => {
  const world = dataWorld();
  const values = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw).latin1Slice());
  fc.assert(
    fc.property(values, (value) => {
      world.run("SET", "from", value);
      const dump = world.run("DUMP", "from");
      assert.ok(typeof dump === "string");
      assert.ok(!(world.run("RESTORE", "to", "0", dump, "REPLACE") instanceof ErrorReply));
      assert.equal(world.run("GET", "to"), value);
    }),
  );
});

test("KEYS and SCAN find the same by a pattern", () => {
  const world = dataWorld();
  const names = ["hello", "hallo", "hxllo", "hllo", "heeeello", "h\xffllo", "Hello", "h*llo"];
  for (const name of names) world.run("SET", name, "1");
  for (const pattern of ["h?llo", "h*llo", "h[ae]llo", "h[^e]llo", "h\\*llo", "*", "nothing"]) {
    const found = world.run("KEYS", pattern);
    const scanned = world.run("SCAN", "0", "MATCH", pattern, "COUNT", "1000");
    assert.deepEqual(scanned, ["0", found]);
  }
  assert.deepEqual(world.run("KEYS", "h\\*llo"), ["h*llo"]);
});

test("every cursor of 64 bits is taken, and those past the end find nothing", () => {
  const world = worldOfTwo();
  assert.deepEqual(world.run("SCAN", "18446744073709551615"), ["0", []]);
  assert.deepEqual(world.run("SCAN", "-1"), ["0", []]);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (cursor) => {
      assert.ok(!(world.run("SCAN", String(cursor)) instanceof ErrorReply));
    }),
  );
});

test("a flush empties its own database, FLUSHALL every one", () => {
  const world = worldOfTwo();
  world.run("MOVE", "b", "1");
  world.run("FLUSHDB");
  assert.equal(world.run("DBSIZE"), 0);
  world.run("SWAPDB", "0", "1");
  assert.equal(world.run("GET", "b"), "2");
  world.run("SWAPDB", "0", "1");
  world.run("FLUSHALL");
  world.run("SWAPDB", "0", "1");
  assert.equal(world.run("DBSIZE"), 0);
});
