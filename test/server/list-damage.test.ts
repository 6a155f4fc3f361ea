// What a large list does with damage: elements that are missing or not what the header and the directory
// count are never served as data. All else is proved in test/model/lists.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dataWorld, type DataWorld } from "../../src/commands/testing.ts";
import { ELEMENTS } from "../../src/engine/engine.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { CorruptRecord } from "../../src/encoding/record.ts";

const ONE_EMPTY_TEXT = "\0\x01\0";

/** A list of several nodes, on disk alone, of which `damage` has changed every node. */
function damaged(damage: (ops: WriteOps, key: string) => void): DataWorld {
  const world = dataWorld();
  world.run("RPUSH", "l", ...Array.from({ length: 30 }, (_, at) => `${at}`.repeat(200)));
  const range = { lower: "", upper: null, reverse: false, valueBytesMax: 0 };
  const flat = world.engine.cursor(ELEMENTS, { ...range, patience: "loop" }).next(100) ?? [];
  const ops = new WriteOps();
  for (const [index, key] of flat.entries()) if (index % 2 === 0) damage(ops, key);
  assert.ok(ops.count > 3);
  world.engine.write(ops);
  world.keyspace.dropCache();
  return world;
}

const COMMANDS = ["LINDEX l 0", "LINDEX l 15", "LSET l 15 x", "LRANGE l 3 20", "LRANGE l 0 -1"];

test("a node that is missing is damage", () => {
  const world = damaged((ops, key) => ops.delete(ELEMENTS, key));
  for (const command of [...COMMANDS, "LPOP l", "RPUSH l x"]) {
    assert.throws(() => world.run(...command.split(" ")), CorruptRecord, command);
  }
});

test("a node of another count is damage", () => {
  const world = damaged((ops, key) => ops.put(ELEMENTS, key, ONE_EMPTY_TEXT));
  for (const command of COMMANDS) {
    assert.throws(() => world.run(...command.split(" ")), CorruptRecord, command);
  }
});

test("a node that does not decode is damage", () => {
  const world = damaged((ops, key) => ops.put(ELEMENTS, key, "\x07"));
  for (const command of [...COMMANDS, "RPOP l", "LPOS l x", "LREM l 0 x"]) {
    assert.throws(() => world.run(...command.split(" ")), CorruptRecord, command);
  }
});
