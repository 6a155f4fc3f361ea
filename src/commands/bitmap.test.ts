// What the transcripts (test/conversations) cannot show of bitmaps: events, limits, and that what
// changes nothing writes nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ErrorReply } from "../resp/reply.ts";
import { dataWorld } from "./testing.ts";

test("each write tells its events, and what changes nothing tells and writes nothing", () => {
  const world = dataWorld();
  const told: readonly [string, readonly string[]][] = [
    ["SETBIT a 7 1", ["new a", "setbit a"]],
    ["SETBIT a 7 1", []],
    ["SETBIT a 6 0", []],
    ["SETBIT a 8 0", ["setbit a"]],
    ["BITOP AND b a", ["new b", "set b"]],
    ["BITOP AND b nobody", ["del b"]],
    ["BITOP AND b nobody", []],
    ["BITFIELD a SET u8 0 1", []],
    ["BITFIELD a GET u8 0", []],
    ["BITFIELD a INCRBY u8 0 1 INCRBY u8 0 1", ["setbit a"]],
    ["BITFIELD a SET u8 100 0", ["setbit a"]],
    ["BITFIELD c OVERFLOW FAIL SET u2 0 9", ["new c"]],
  ];
  for (const [command, events] of told) {
    const changesBefore = world.view.stats.changes;
    world.run(...command.split(" "));
    const tells = world.takeEvents().filter((event) => !event.startsWith("keymiss"));
    assert.deepEqual(tells, events, command);
    assert.equal(world.view.stats.changes > changesBefore, events.length > 0, command);
  }
});

test("offsets end where the longest string ends", () => {
  const world = dataWorld();
  world.view.limits.stringBytesMax = 100;
  const refusal = new ErrorReply("ERR bit offset is not an integer or out of range");
  assert.equal(world.run("SETBIT", "a", "799", "1"), 0);
  assert.deepEqual(world.run("SETBIT", "a", "800", "1"), refusal);
  assert.deepEqual(world.run("GETBIT", "a", "800"), refusal);
  assert.deepEqual(world.run("BITFIELD", "a", "GET", "u8", "#100"), refusal);
  assert.deepEqual(world.run("BITFIELD", "a", "SET", "u8", "800", "1"), refusal);
  assert.ok(world.run("BITFIELD", "a", "SET", "u8", "799", "1") instanceof ErrorReply);
  assert.equal(world.run("STRLEN", "a"), 100);
  assert.equal(world.run("BITCOUNT", "a"), 1);
});

test("a bitmap holds exactly the bits that were set", () => {
  const offsets = fc.array(fc.nat({ max: 3000 }), { maxLength: 40 });
  fc.assert(
    fc.property(offsets, offsets, (set, cleared) => {
      const world = dataWorld();
      const bits = new Set<number>();
      for (const offset of set) {
        assert.equal(world.run("SETBIT", "a", String(offset), "1"), bits.has(offset) ? 1 : 0);
        bits.add(offset);
      }
      for (const offset of cleared) {
        assert.equal(world.run("SETBIT", "a", String(offset), "0"), bits.has(offset) ? 1 : 0);
        bits.delete(offset);
      }
      assert.equal(world.run("BITCOUNT", "a"), bits.size);
      assert.equal(world.run("BITPOS", "a", "1"), bits.size === 0 ? -1 : Math.min(...bits));
    }),
  );
});
