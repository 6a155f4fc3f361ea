// What the list commands tell the outside: keyspace events in Redis's order, and how many changes each
// counts (INFO's rdb_changes_since_last_save). Both were compared with redis-server 7.0.15.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dataWorld } from "./testing.ts";

test("events are told in Redis's order, and changes counted as Redis counts them", () => {
  const world = dataWorld();
  const steps: readonly (readonly [string, readonly string[], number])[] = [
    ["RPUSH l a b c", ["new l", "rpush l"], 3],
    ["LPUSH l z", ["lpush l"], 1],
    ["RPUSHX none a", [], 0],
    ["LSET l 0 y", ["lset l"], 1],
    ["LINSERT l BEFORE a x", ["linsert l"], 1],
    ["LINSERT l BEFORE none x", [], 0],
    ["LREM l 0 none", [], 0],
    ["LREM l 0 x", ["lrem l"], 1],
    ["LTRIM l 0 -1", ["ltrim l"], 0],
    ["LTRIM l 1 -1", ["ltrim l"], 1],
    ["LPOP l 0", [], 0],
    ["LPOP l", ["lpop l"], 1],
    ["LMOVE l m LEFT RIGHT", ["new m", "rpush m", "lpop l"], 1],
    ["LMOVE l l LEFT RIGHT", ["rpush l", "lpop l"], 1],
    ["RPOPLPUSH l m", ["lpush m", "rpop l", "del l"], 1],
    ["LMPOP 2 l m RIGHT COUNT 5", ["rpop m", "del m"], 2],
    ["RPUSH l a b", ["new l", "rpush l"], 2],
    ["RPOP l 2", ["rpop l", "del l"], 2],
    ["RPUSH l a b", ["new l", "rpush l"], 2],
    ["LTRIM l 5 6", ["ltrim l", "del l"], 2],
    ["RPUSH l a a", ["new l", "rpush l"], 2],
    ["LREM l 0 a", ["lrem l", "del l"], 2],
    ["RPUSH l a b c", ["new l", "rpush l"], 3],
    ["BLPOP l 0", ["lpop l"], 1],
    ["BLMOVE l m RIGHT LEFT 0", ["new m", "lpush m", "rpop l"], 1],
    ["LMOVEM l m LEFT RIGHT COUNT 2 OBO", ["rpush m", "lpop l", "del l"], 1],
  ];
  for (const [line, events, changes] of steps) {
    const before = world.view.stats.changes;
    world.run(...line.split(" "));
    assert.deepEqual(world.takeEvents(), events, line);
    assert.equal(world.view.stats.changes - before, changes, line);
  }
});

test("a large list is exploded and comes back without that being counted as a change", () => {
  const world = dataWorld();
  const { stats } = world.view;
  const long = "x".repeat(900);
  world.run("RPUSH", "l", ...Array.from({ length: 20 }, () => long));
  assert.equal(stats.changes, 20);
  world.run("LTRIM", "l", "0", "0");
  assert.equal(stats.changes, 39);
  world.run("DEL", "l");
  assert.equal(stats.changes, 40);
});
