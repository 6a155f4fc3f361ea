// Thousands of random commands on sorted sets and places, told to the handlers and to Debian's redis-server:
// every reply must be the same. Once with the usual limits, once with none, so that all sets here are
// exploded, in buckets of a few members.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom, type Random } from "../../src/base/random.ts";
import { dataWorld } from "../../src/commands/testing.ts";
import { asResp2, format, quoted } from "./notation.ts";
import { isOracleInstalled, startOracle } from "./oracle.ts";

const COMMAND_COUNT = 4000;
const SCORES = ["1", "2", "3", "-1", "1.5", "inf", "-inf", "0", "7", "10", "5"];
const LEX_LOW = ["-", "[x1", "(x2", "[x3"];
const LEX_HIGH = ["+", "[x39", "(x3", "[x2"];

type Maker = (random: Random) => string[];

function pick<T>(random: Random, all: readonly T[]): T {
  const one = all[random.below(all.length)];
  assert.ok(one !== undefined);
  return one;
}

/** The words, half of the time. */
function perhaps(random: Random, ...words: string[]): string[] {
  return random.below(2) === 0 ? words : [];
}

const key = (random: Random): string => pick(random, ["a", "b", "c"]);
const member = (random: Random): string => `x${random.below(40)}`;
const score = (random: Random): string => pick(random, SCORES);
const bound = (random: Random): string => perhaps(random, "(").join("") + score(random);
const position = (random: Random): string => String(random.below(20) - 10);
const pairs = (random: Random): string[] => [
  score(random),
  member(random),
  score(random),
  member(random),
  score(random),
  member(random),
];

const CHANGES: readonly Maker[] = [
  (random) => ["ZADD", key(random), ...pairs(random)],
  (random) => ["ZADD", key(random), ...pairs(random)],
  (random) => ["ZADD", key(random), pick(random, ["NX", "XX", "GT", "LT", "CH"]), ...pairs(random)],
  (random) => [
    "ZADD",
    key(random),
    pick(random, ["GT", "XX", "LT"]),
    "INCR",
    score(random),
    member(random),
  ],
  (random) => ["ZADD", "l", "0", member(random), "0", member(random)],
  (random) => ["ZINCRBY", key(random), score(random), member(random)],
  (random) => ["ZREM", key(random), member(random), member(random), member(random)],
  (random) => [
    pick(random, ["ZPOPMIN", "ZPOPMAX"]),
    key(random),
    ...perhaps(random, pick(random, ["0", "1", "3"])),
  ],
  (random) => ["ZMPOP", "2", key(random), key(random), pick(random, ["MIN", "MAX"]), "COUNT", "2"],
  (random) => ["ZREMRANGEBYRANK", key(random), position(random), position(random)],
  (random) => ["ZREMRANGEBYSCORE", key(random), bound(random), bound(random)],
  (random) => ["ZREMRANGEBYLEX", "l", pick(random, LEX_LOW), pick(random, LEX_HIGH)],
  (random) => ["ZRANGESTORE", key(random), key(random), "0", position(random)],
  (random) => [
    pick(random, ["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]),
    key(random),
    "2",
    key(random),
    key(random),
  ],
];

const READS: readonly Maker[] = [
  (random) => [pick(random, ["ZRANK", "ZREVRANK", "ZSCORE"]), key(random), member(random)],
  (random) => ["ZMSCORE", key(random), member(random), member(random)],
  (random) => [
    "ZRANGE",
    key(random),
    position(random),
    position(random),
    ...perhaps(random, "WITHSCORES"),
    ...perhaps(random, "REV"),
  ],
  (random) => [
    "ZRANGE",
    key(random),
    bound(random),
    bound(random),
    "BYSCORE",
    ...perhaps(random, "WITHSCORES"),
    ...perhaps(random, "REV"),
    ...perhaps(random, "LIMIT", position(random), position(random)),
  ],
  (random) => [
    "ZRANGE",
    "l",
    pick(random, LEX_LOW),
    pick(random, LEX_HIGH),
    "BYLEX",
    ...perhaps(random, "LIMIT", "1", "3"),
  ],
  (random) => ["ZREVRANGEBYLEX", "l", pick(random, LEX_HIGH), pick(random, LEX_LOW)],
  (random) => ["ZLEXCOUNT", "l", pick(random, LEX_LOW), pick(random, LEX_HIGH)],
  (random) => ["ZCOUNT", key(random), bound(random), bound(random)],
  (random) => [
    pick(random, ["ZUNION", "ZINTER"]),
    "2",
    key(random),
    key(random),
    ...perhaps(random, "WEIGHTS", score(random), score(random)),
    ...perhaps(random, "AGGREGATE", pick(random, ["SUM", "MIN", "MAX"])),
    "WITHSCORES",
  ],
  (random) => ["ZDIFF", "2", key(random), key(random), "WITHSCORES"],
  (random) => ["ZINTERCARD", "2", key(random), key(random), "LIMIT", pick(random, ["0", "1", "5"])],
  (random) => ["OBJECT", "ENCODING", key(random)],
];

const place = (random: Random): string => `p${random.below(300)}`;
const point = (random: Random): string[] => [
  (random.next() * 360 - 180).toFixed(6),
  (random.next() * 170 - 85).toFixed(6),
];
const reach = (random: Random): string => String(Math.floor(10 ** (random.next() * 7.5)));

const PLACES: readonly Maker[] = [
  (random) => ["GEOADD", "g", ...point(random), place(random), ...point(random), place(random)],
  (random) => ["GEODIST", "g", place(random), place(random), pick(random, ["m", "km", "mi", "ft"])],
  (random) => [pick(random, ["GEOPOS", "GEOHASH"]), "g", place(random), place(random)],
  (random) => [
    "GEOSEARCH",
    "g",
    ...pick(random, [
      ["FROMMEMBER", place(random)],
      ["FROMLONLAT", ...point(random)],
    ]),
    ...pick(random, [
      ["BYRADIUS", reach(random), "m"],
      ["BYBOX", reach(random), reach(random), "m"],
    ]),
    ...perhaps(random, pick(random, ["ASC", "DESC"])),
    ...perhaps(random, "WITHDIST", "WITHCOORD", "WITHHASH"),
    ...perhaps(random, "COUNT", pick(random, ["1", "5", "20"]), ...perhaps(random, "ANY")),
  ],
];

async function agree(limits: { readonly entriesMax: number; readonly bucketMax: number }) {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = new SeededRandom(seed);
  await using oracle = await startOracle();
  const setting = ["CONFIG", "SET", "zset-max-listpack-entries", String(limits.entriesMax)];
  await oracle.target.send(setting);
  const world = dataWorld();
  world.view.limits.collections.sortedSetEntriesMax = limits.entriesMax;
  world.view.limits.collections.sortedSetBucketMax = limits.bucketMax;
  const said: string[] = [];
  for (let count = 0; count < COMMAND_COUNT; count++) {
    const args = pick(random, pick(random, [CHANGES, READS, PLACES]))(random);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const wanted = format(await oracle.target.send(args));
    said.push(`> ${args.map(quoted).join(" ")}\n${wanted}`);
    const context = `seed ${seed}\n${said.slice(-12).join("\n")}`;
    assert.equal(format(asResp2(world.run(...args))), wanted, context);
  }
}

if (isOracleInstalled()) {
  test("random commands on small sorted sets are answered as Redis answers them", async () => {
    await agree({ entriesMax: 128, bucketMax: 192 });
  });

  test("random commands on exploded sorted sets are answered as Redis answers them", async () => {
    await agree({ entriesMax: 0, bucketMax: 4 });
  });
}
