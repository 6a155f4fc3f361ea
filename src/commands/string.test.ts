// What the transcripts (test/conversations) cannot show: events and their order, time passing,
// limits, rollback, and that what is stored is read back from the engine. Replies are theirs.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ErrorReply, MapReply, OK } from "../resp/reply.ts";
import { dataWorld, type DataWorld } from "./testing.ts";

function eventsOf(world: DataWorld, ...commands: string[]): string[] {
  world.takeEvents();
  for (const command of commands) world.run(...command.split(" "));
  return world.takeEvents();
}

test("each write tells its events, in Redis's order", () => {
  const world = dataWorld();
  const told: readonly [string, readonly string[]][] = [
    ["SET a 1", ["new a", "set a"]],
    ["SET a 1 EX 10", ["set a", "expire a"]],
    ["SET a 1 NX", []],
    ["SET a 1 KEEPTTL", ["set a"]],
    ["SETEX a 10 1", ["set a", "expire a"]],
    ["PSETEX a 10 1", ["set a", "expire a"]],
    ["SETNX a 1", []],
    ["SETNX b 1", ["new b", "set b"]],
    ["GETSET a 1", ["set a"]],
    ["GETEX a EX 10", ["expire a"]],
    ["GETEX a PERSIST", ["persist a"]],
    ["GETEX a PERSIST", []],
    ["GETEX a", []],
    ["GETEX a EXAT 1", ["del a"]],
    ["GETDEL b", ["del b"]],
    ["MSET a 1 b 2 a 3", ["new a", "set a", "new b", "set b", "set a"]],
    ["MSETNX a 1 c 2", []],
    ["MSETNX c 1 d 2", ["new c", "set c", "new d", "set d"]],
    ["INCR a", ["incrby a"]],
    ["DECRBY a 5", ["incrby a"]],
    ["INCRBYFLOAT a 0.5", ["incrbyfloat a"]],
    ["APPEND a x", ["append a"]],
    ["SETRANGE a 1 y", ["setrange a"]],
    ["INCR a", []],
    ["GET nobody", ["keymiss nobody"]],
  ];
  for (const [command, events] of told) {
    assert.deepEqual(eventsOf(world, command), events, command);
  }
});

test("a key with an expiry is there until its moment and not after", () => {
  const world = dataWorld();
  world.run("SET", "a", "1", "PX", "1000");
  world.advance(999);
  assert.equal(world.run("GET", "a"), "1");
  world.advance(1);
  assert.equal(world.run("GET", "a"), null);
  assert.equal(world.run("INCR", "a"), 1);
  assert.deepEqual(world.takeEvents().slice(-4), ["keymiss a", "expired a", "new a", "incrby a"]);
  world.advance(1_000_000);
  assert.equal(world.run("GET", "a"), "1");
});

test("writes that change a value keep its expiry, writes that replace it do not", () => {
  const keeping = ["INCR a", "INCRBYFLOAT a 1", "APPEND a 1", "SETRANGE a 0 1", "SETBIT a 1 1"];
  const dropping = ["SET a 1", "GETSET a 1", "MSET a 1", "BITOP NOT a a"];
  for (const command of [...keeping, ...dropping]) {
    const world = dataWorld();
    world.run("SET", "a", "1", "PX", "1000");
    assert.ok(!(world.run(...command.split(" ")) instanceof ErrorReply));
    world.advance(1000);
    assert.equal(world.run("GET", "a") === null, keeping.includes(command), command);
  }
});

test("a time that has passed leaves a key that nobody sees", () => {
  const world = dataWorld();
  assert.equal(world.run("SET", "a", "1", "EXAT", "1"), OK);
  assert.equal(world.run("GET", "a"), null);
  assert.equal(world.run("SET", "a", "2", "XX"), null);
  assert.equal(world.run("SET", "a", "2", "NX"), OK);
  assert.equal(world.run("GET", "a"), "2");
});

test("no string grows past the limit", () => {
  const world = dataWorld();
  world.view.limits.stringBytesMax = 100;
  const tooLong = new ErrorReply("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  world.run("SET", "a", "x".repeat(99));
  assert.equal(world.run("APPEND", "a", "y"), 100);
  assert.deepEqual(world.run("APPEND", "a", "z"), tooLong);
  assert.deepEqual(world.run("SETRANGE", "a", "100", "z"), tooLong);
  assert.deepEqual(world.run("SETRANGE", "b", "99", "zz"), tooLong);
  assert.equal(world.run("SETRANGE", "b", "99", "z"), 100);
  assert.equal(world.run("STRLEN", "a"), 100);
});

test("where the limit is more than the machine can hold, the machine's is the limit", () => {
  const world = dataWorld();
  world.view.limits.stringBytesMax = 2 ** 40;
  const tooLong = new ErrorReply("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  world.run("SET", "a", "x");
  assert.deepEqual(world.run("SETRANGE", "a", String(2 ** 39), "z"), tooLong);
  assert.deepEqual(world.run("SETBIT", "a", String(2 ** 39), "1"), tooLong);
  assert.deepEqual(world.run("BITFIELD", "a", "SET", "u8", String(2 ** 39), "1"), tooLong);
  assert.equal(world.run("GET", "a"), "x");
});

test("the table of LCS takes no more memory than the limit", () => {
  const world = dataWorld();
  world.view.limits.stringBytesMax = 400;
  world.run("MSET", "a", "x".repeat(9), "b", "x".repeat(10));
  assert.equal(world.run("LCS", "a", "a", "LEN"), 9);
  assert.ok(world.run("LCS", "a", "b", "LEN") instanceof ErrorReply);
});

test("LCS with IDX is a map, for RESP3", () => {
  const world = dataWorld();
  world.run("MSET", "a", "xay", "b", "bab");
  assert.deepEqual(
    world.run("LCS", "a", "b", "IDX"),
    new MapReply([
      "matches",
      [
        [
          [1, 1],
          [1, 1],
        ],
      ],
      "len",
      1,
    ]),
  );
});

// Kvrocks 3555: a command that failed half-way left its first half.
test("a command refused half-way leaves nothing, and no event", () => {
  const world = dataWorld();
  world.run("SET", "a", "before");
  world.takeEvents();
  world.view.limits.unitBytesMax = 200;
  const long = "x".repeat(150);
  assert.ok(world.run("MSET", "a", "1", "b", long, "c", long) instanceof ErrorReply);
  assert.deepEqual(world.run("MGET", "a", "b", "c"), ["before", null, null]);
  assert.deepEqual(
    world.takeEvents().filter((event) => !event.startsWith("keymiss")),
    [],
  );
  assert.equal(world.view.keyCount(), 1);
});

test("a counter is exact from one end of 64 bits to the other", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(fc.array(int64, { minLength: 1, maxLength: 10 }), (steps) => {
      const world = dataWorld();
      let wanted = 0n;
      for (const step of steps) {
        const sum = wanted + step;
        const fits = sum === BigInt.asIntN(64, sum);
        const reply = world.run("INCRBY", "n", String(step));
        assert.equal(reply instanceof ErrorReply, !fits);
        if (fits) wanted = sum;
        assert.equal(world.run("GET", "n") ?? "0", String(wanted));
      }
    }),
  );
});

test("any bytes are read back as they were set, in whole and in part", () => {
  const bytes = fc
    .array(fc.integer({ min: 0, max: 255 }))
    .map((codes) => String.fromCharCode(...codes));
  const index = fc.integer({ min: -40, max: 40 });
  fc.assert(
    fc.property(bytes, bytes, index, index, (first, second, start, end) => {
      const world = dataWorld();
      world.run("SET", "a", first);
      world.run("APPEND", "a", second);
      const whole = first + second;
      assert.equal(world.run("GET", "a"), whole);
      const from = start < 0 ? Math.max(0, whole.length + start) : start;
      const last = end < 0 ? Math.max(0, whole.length + end) : end;
      const isBackward = start < 0 && end < 0 && start > end;
      const wanted = isBackward ? "" : whole.slice(from, last + 1);
      assert.equal(world.run("GETRANGE", "a", String(start), String(end)), wanted);
    }),
  );
});
