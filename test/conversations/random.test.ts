// Random strings, bitmaps and numbers, told to the handlers and to Debian's redis-server: every
// reply must be the same. What the transcripts did not think of is found here. A failure names the
// seed and the commands on the key up to it.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { SeededRandom, type Random } from "../../src/base/random.ts";
import { asResp2, format, quoted } from "./notation.ts";
import { isOracleInstalled, startOracle } from "./oracle.ts";
import { handlersTarget } from "./targets.ts";

const COMMAND_COUNT = 6000;

const KEYS = ["k1", "k2", "k3"];
const NUMBERS = [
  ..."0,1,-1,7,8,9,10,31,32,63,64,100,-100,9007199254740991,9007199254740992".split(","),
  ..."-9007199254740991,-9007199254740993,9223372036854775807,-9223372036854775808".split(","),
  ..."9223372036854775808,007,-0,,one,1.5, 1".split(","),
];
const SMALL = ["0", "1", "2", "3", "5", "8", "13", "16", "40", "-1", "-2", "-3", "-9", "-40", "x"];
const FLOATS = [
  ..."0.1,-0.1,1e3,3.0e-3,1234.5678,-7,0.30000000000000004,1e-17,123456789012345678".split(","),
  ..."1e18,0x1p-3,.5,5.,inf,nan,one,1e400,0.000001".split(","),
];
const VALUES = ["", "a", "foobar", "\x00", "\xff\xff", "\x00\x00\x01\x80", "12", "-5", "1.5"];
const TYPES = ["u1", "i1", "u4", "i5", "u8", "i8", "i16", "u31", "i32", "u33", "i48", "i52", "u52"];
const WIDE_TYPES = ["u53", "i53", "i54", "u60", "i63", "u63", "i64", "u64", "i65", "u0", "x3"];
const SPANS = ["BYTE", "BIT", "bit", "BITS"];
const ENDS = [
  "EXAT 4102444800",
  "PXAT 4102444800123",
  "PERSIST",
  "KEEPTTL",
  "EX 0",
  "PX -1",
  "EX x",
];

function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)];
  assert.ok(choice !== undefined);
  return choice;
}

function fieldWords(random: Random): Bytes[] {
  const type = pick(random, random.below(3) === 0 ? WIDE_TYPES : TYPES);
  const offset = (random.below(4) === 0 ? "#" : "") + String(random.below(70));
  switch (random.below(4)) {
    case 0:
      return ["GET", type, offset];
    case 1:
      return ["SET", type, offset, pick(random, NUMBERS)];
    case 2:
      return ["INCRBY", type, offset, pick(random, NUMBERS)];
    default:
      return ["OVERFLOW", pick(random, ["WRAP", "SAT", "FAIL", "SAT", "FAIL", "NONE"])];
  }
}

function some(random: Random, most: number, make: () => readonly Bytes[]): Bytes[] {
  const words: Bytes[] = [];
  for (let count = random.below(most + 1); count > 0; count--) words.push(...make());
  return words;
}

type Make = (random: Random, key: Bytes) => Bytes[];

const MAKERS: readonly Make[] = [
  (random, key) => ["SET", key, pick(random, [...VALUES, ...NUMBERS, ...FLOATS])],
  (random, key) => [
    "SET",
    key,
    pick(random, VALUES),
    ...some(random, 3, () =>
      pick(random, [["NX"], ["XX"], ["GET"], pick(random, ENDS).split(" ")]),
    ),
  ],
  (random, key) => ["GETEX", key, ...some(random, 2, () => pick(random, ENDS).split(" "))],
  (_random, key) => ["PEXPIRETIME", key],
  (_random, key) => ["GET", key],
  (_random, key) => ["GETDEL", key],
  (random, key) => ["GETSET", key, pick(random, VALUES)],
  (_random, key) => ["MGET", key, ...KEYS],
  (random, key) => ["MSETNX", key, "1", pick(random, KEYS), "2"],
  (random, key) => ["APPEND", key, pick(random, VALUES)],
  (_random, key) => ["STRLEN", key],
  (random, key) => ["GETRANGE", key, pick(random, SMALL), pick(random, SMALL)],
  (random, key) => ["SETRANGE", key, pick(random, SMALL), pick(random, VALUES)],
  (_random, key) => ["INCR", key],
  (random, key) => ["INCRBY", key, pick(random, NUMBERS)],
  (random, key) => ["DECRBY", key, pick(random, NUMBERS)],
  (random, key) => ["INCRBYFLOAT", key, pick(random, FLOATS)],
  (random, key) => ["LCS", key, pick(random, KEYS), "IDX", "MINMATCHLEN", pick(random, SMALL)],
  (random, key) => ["LCS", key, pick(random, KEYS)],
  (random, key) => ["SETBIT", key, pick(random, SMALL), pick(random, ["0", "1", "1", "2"])],
  (random, key) => ["GETBIT", key, pick(random, SMALL)],
  (random, key) => [
    "BITCOUNT",
    key,
    ...some(random, 1, () => [pick(random, SMALL), pick(random, SMALL)]),
    ...some(random, 1, () => [pick(random, SPANS)]),
  ],
  (random, key) => [
    "BITPOS",
    key,
    pick(random, ["0", "1"]),
    ...some(random, 2, () => [pick(random, SMALL)]),
    ...some(random, 1, () => [pick(random, SPANS)]),
  ],
  (random, key) => [
    "BITOP",
    pick(random, ["AND", "OR", "XOR", "NOT"]),
    key,
    pick(random, KEYS),
    ...some(random, 2, () => [pick(random, KEYS)]),
  ],
  (random, key) => ["BITFIELD", key, ...some(random, 4, () => fieldWords(random))],
  (random, key) => ["BITFIELD_RO", key, ...some(random, 2, () => fieldWords(random))],
];

if (isOracleInstalled()) {
  test("random commands are answered as Debian's redis-server answers them", async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = new SeededRandom(seed);
    await using oracle = await startOracle();
    const handlers = handlersTarget();
    const said: string[] = [];
    for (let count = 0; count < COMMAND_COUNT; count++) {
      const args = pick(random, MAKERS)(random, pick(random, KEYS));
      const [wanted, got] = await Promise.all([oracle.target.send(args), handlers.send(args)]);
      said.push(`> ${args.map(quoted).join(" ")}\n${format(wanted)}`);
      const context = `seed ${seed}\n${said.slice(-12).join("\n")}`;
      assert.equal(format(asResp2(got)), format(wanted), context);
    }
  });
}
