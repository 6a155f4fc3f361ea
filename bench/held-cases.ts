// What held.ts looks at: whatever may keep the event loop for long, one by one. On 100,000 small keys and a
// collection of a million elements of each type (mixes.ts).

import { setTimeout as pause } from "node:timers/promises";

import type { Words } from "./collection-families.ts";
import { keyAt } from "./fill.ts";
import { Crowd, encoded, type Talker } from "./held-client.ts";
import { LARGE_ELEMENTS, largeKey, SMALL_KEYS, VALUE } from "./mixes.ts";

export interface HeldCase {
  readonly name: string;
  /** Not measured. */
  readonly before?: (talker: Talker) => Promise<void>;
  readonly run: (talker: Talker) => Promise<void>;
  readonly after?: (talker: Talker) => Promise<void>;
  /** It changes the data, or takes too long for several rounds. */
  readonly isOnce?: boolean;
}

const MB = 1024 * 1024;
const LIST = largeKey("list");
const SET = largeKey("set");
const ZSET = largeKey("zset");
const HASH = largeKey("hash");
const STREAM = largeKey("stream");
const MANY = 10_000;
const BACKGROUND_MS = 5000;

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function says(...commands: readonly Words[]): (talker: Talker) => Promise<void> {
  return (talker) => talker.say(...commands);
}

function one(name: string, ...commands: readonly Words[]): HeldCase {
  return { name, run: says(...commands) };
}

function once(name: string, ...commands: readonly Words[]): HeldCase {
  return { name, run: says(...commands), isOnce: true };
}

/** Small keys named `prefix:0`, `prefix:1`, ... in pipelines. */
async function keys(
  talker: Talker,
  prefix: string,
  count: number,
  tail: Words = [],
): Promise<void> {
  for (let from = 0; from < count; from += MANY) {
    const commands = numbers(Math.min(MANY, count - from)).map((index) => [
      "SET",
      `${prefix}:${from + index}`,
      VALUE,
      ...tail,
    ]);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await talker.say(...commands);
  }
}

async function withCrowd(
  talker: Talker,
  count: number,
  run: (crowd: Crowd) => Promise<void>,
): Promise<void> {
  const crowd = new Crowd(talker.target, count);
  try {
    await run(crowd);
  } finally {
    crowd.close();
  }
}

let idle: Crowd | null = null;

function crowded(name: string, count: number, ...commands: readonly Words[]): HeldCase {
  return {
    name,
    before: async ({ target }) => {
      idle = new Crowd(target, count);
      await idle.say(["PING"]);
    },
    run: says(...commands),
    after: async () => {
      idle?.close();
      idle = null;
      await pause(500);
    },
  };
}

const WHOLE: readonly HeldCase[] = [
  one("LRANGE of a million", ["LRANGE", LIST, "0", "-1"]),
  one("SMEMBERS of a million", ["SMEMBERS", SET]),
  one("HGETALL of a million", ["HGETALL", HASH]),
  one("HKEYS of a million", ["HKEYS", HASH]),
  one("ZRANGE of a million, with scores", ["ZRANGE", ZSET, "0", "-1", "WITHSCORES"]),
  one("XRANGE of a million", ["XRANGE", STREAM, "-", "+"]),
  one("SMEMBERS in RESP3", ["HELLO", "3"], ["SMEMBERS", SET]),
  one("SUNION with a million", ["SUNION", SET, "none"]),
  one("SINTERCARD of a million", ["SINTERCARD", "2", SET, SET]),
  one("SDIFF of a million", ["SDIFF", SET, SET]),
  one("SORT of a million, LIMIT 0 10", ["SORT", SET, "ALPHA", "LIMIT", "0", "10"]),
  one("LPOS of what is not in a million", ["LPOS", LIST, "nowhere"]),
  one("ZCOUNT of half a million", ["ZCOUNT", ZSET, "-inf", "5000000"]),
  one("HSCAN COUNT 100000", ["HSCAN", HASH, "0", "COUNT", "100000"]),
  one("SRANDMEMBER -100000", ["SRANDMEMBER", SET, "-100000"]),
  one("SRANDMEMBER 100000", ["SRANDMEMBER", SET, "100000"]),
  one("MEMORY USAGE of a million", ["MEMORY", "USAGE", SET, "SAMPLES", "0"]),
  one("DUMP of a million", ["DUMP", HASH]),
  once("SUNIONSTORE of a million", ["SUNIONSTORE", "stored:set", SET, "none"]),
  once("ZUNIONSTORE of a million", ["ZUNIONSTORE", "stored:zset", "1", ZSET]),
  once("COPY of a million", ["COPY", HASH, "stored:hash"]),
  once("SORT STORE of a million", ["SORT", SET, "ALPHA", "STORE", "stored:list"]),
  once("LINSERT into a million", ["LINSERT", LIST, "BEFORE", "e500000", "new"]),
  once("LREM from a million", ["LREM", LIST, "0", "nowhere"]),
  once("RENAME of a million", ["RENAME", "stored:set", "stored:other"]),
  once("SPOP 100000", ["SPOP", "stored:other", "100000"]),
  once("ZPOPMIN 100000", ["ZPOPMIN", "stored:zset", "100000"]),
  once("LPOP 100000", ["LPOP", "stored:list", "100000"]),
  once("ZREMRANGEBYRANK of 100000", ["ZREMRANGEBYRANK", "stored:zset", "0", "99999"]),
  once("LTRIM to one", ["LTRIM", "stored:list", "0", "0"]),
];

const KEYS: readonly HeldCase[] = [
  one("KEYS *", ["KEYS", "*"]),
  one("KEYS of nothing", ["KEYS", "nothing*"]),
  one("SCAN COUNT 100000", ["SCAN", "0", "COUNT", "100000"]),
  one("DBSIZE, RANDOMKEY", ["DBSIZE"], ["RANDOMKEY"]),
  one("MGET of 10,000", ["MGET", ...numbers(MANY).map(keyAt)]),
  one("MSET of 10,000", ["MSET", ...numbers(MANY).flatMap((index) => [`mset:${index}`, VALUE])]),
  one("MSET of 1,000", ["MSET", ...numbers(1000).flatMap((index) => [`mset:${index}`, VALUE])]),
  one("EXISTS of 10,000", ["EXISTS", ...numbers(MANY).map(keyAt)]),
  one(
    "10,000 SETs in a pipeline",
    ...numbers(MANY).map((index) => ["SET", `pipe:${index}`, VALUE]),
  ),
  one("10,000 GETs in a pipeline", ...numbers(MANY).map((index) => ["GET", keyAt(index)])),
  one(
    "MULTI with 10,000 SETs",
    ["MULTI"],
    ...numbers(MANY).map((index) => ["SET", `multi:${index}`, VALUE]),
    ["EXEC"],
  ),
  one("WATCH of 10,000", ["WATCH", ...numbers(MANY).map(keyAt)]),
  {
    name: "DEL of 10,000 keys in one command",
    before: (talker) => keys(talker, "del", MANY),
    run: says(["DEL", ...numbers(MANY).map((index) => `del:${index}`)]),
  },
  {
    name: "DEL of 10,000 keys in a pipeline",
    before: (talker) => keys(talker, "del", MANY),
    run: says(...numbers(MANY).map((index) => ["DEL", `del:${index}`])),
  },
  {
    name: "100,000 keys expire at once",
    before: (talker) => keys(talker, "expire", 100_000, ["PXAT", String(Date.now() + 15_000)]),
    run: async () => await pause(20_000),
    isOnce: true,
  },
];

const ELEMENTS: readonly HeldCase[] = [
  once("SADD of 10,000", ["SADD", "fresh:set", ...numbers(MANY).map((index) => `m${index}`)]),
  once("HSET of 10,000", ["HSET", "fresh:hash", ...numbers(MANY * 2).map((index) => `m${index}`)]),
  once("ZADD of 10,000", [
    "ZADD",
    "fresh:zset",
    ...numbers(MANY).flatMap((index) => [String(index), `m${index}`]),
  ]),
  once("RPUSH of 100,000", [
    "RPUSH",
    "fresh:list",
    ...numbers(100_000).map((index) => `m${index}`),
  ]),
  once("SREM of 10,000", ["SREM", "fresh:set", ...numbers(MANY).map((index) => `m${index}`)]),
  once(
    "10,000 XADDs in a pipeline",
    ...numbers(MANY).map((index) => ["XADD", "fresh:stream", "*", "field", `m${index}`]),
  ),
  once("XTRIM of 10,000", ["XTRIM", "fresh:stream", "MAXLEN", "0"]),
  {
    name: "RESTORE of 100,000",
    before: async (talker) => {
      await talker.say(
        ["CONFIG", "SET", "client-query-buffer-limit", "2gb"],
        ["RPUSH", "dumped", ...numbers(100_000).map((index) => `m${index}`)],
      );
    },
    run: async (talker) => {
      const reply = await talker.ask(["DUMP", "dumped"]);
      const length = Number(/^\$(\d+)/.exec(reply)?.[1]);
      const start = reply.indexOf("\n") + 1;
      await talker.say(["RESTORE", "restored", "0", reply.slice(start, start + length), "REPLACE"]);
    },
    isOnce: true,
  },
  once("DEL of a list of a million", ["DEL", LIST]),
  once("DEL of a set of a million", ["DEL", SET]),
  once("DEL of a sorted set of a million", ["DEL", ZSET]),
  once("UNLINK of a hash of a million", ["UNLINK", HASH]),
  once("DEL of a stream of a million", ["DEL", STREAM]),
];

const BIG = "x".repeat(20 * MB);
const LARGE_VALUES: readonly HeldCase[] = [
  { name: "SET of 20 MB", run: (talker) => talker.sayBytes(encoded(["SET", "big", BIG])) },
  one("GET of 20 MB", ["GET", "big"]),
  one("GETRANGE of 20 MB", ["GETRANGE", "big", "0", "-1"]),
  one("APPEND to 20 MB", ["APPEND", "big", "x"]),
  one("SETRANGE in 20 MB", ["SETRANGE", "big", "1000", "y"]),
  one("SETBIT in 20 MB", ["SETBIT", "big", "100000", "1"]),
  one("BITCOUNT of 20 MB", ["BITCOUNT", "big"]),
  one("BITOP NOT of 20 MB", ["BITOP", "NOT", "big:not", "big"]),
  one("STRLEN, EXPIRE of 20 MB", ["STRLEN", "big"], ["EXPIRE", "big", "1000"]),
  one("DUMP of 20 MB", ["DUMP", "big"]),
  one("COPY of 20 MB", ["COPY", "big", "big:copy", "REPLACE"]),
  { name: "SET of 1 MB", run: says(["SET", "middle", "x".repeat(MB)]) },
  one("GET of 1 MB", ["GET", "middle"]),
  one("ten GETs of 1 MB", ...numbers(10).map(() => ["GET", "middle"])),
  one("APPEND to 1 MB", ["APPEND", "middle", "x"]),
  {
    name: "ECHO of 20 MB",
    run: (talker) => talker.sayBytes(encoded(["ECHO", BIG])),
  },
  {
    name: "PUBLISH of 1 MB to 100",
    run: (talker) =>
      withCrowd(talker, 100, async (crowd) => {
        await Promise.all(
          crowd.talkers.map((each) => each.ask(["SUBSCRIBE", "news"]).catch(() => "")),
        );
        await talker.say(["PUBLISH", "news", "x".repeat(MB)]);
        await pause(1000);
      }),
    isOnce: true,
  },
];

const SCRIPTS: readonly HeldCase[] = [
  one("EVAL that counts to ten million", [
    "EVAL",
    "local n = 0 for i = 1, 1e7 do n = n + i end return n",
    "0",
  ]),
  one("EVAL with 10,000 SETs", [
    "EVAL",
    "for i = 1, 10000 do redis.call('SET', KEYS[1], i) end",
    "1",
    "lua:string",
  ]),
  one("EVAL that returns 100,000", [
    "EVAL",
    "local t = {} for i = 1, 100000 do t[i] = i end return t",
    "0",
  ]),
  one("EVAL with SMEMBERS of 10,000", [
    "EVAL",
    "for i = 1, 10000 do redis.call('SADD', KEYS[1], i) end return #redis.call('SMEMBERS', KEYS[1])",
    "1",
    "lua:set",
  ]),
  one("EVAL with HGETALL of a million", [
    "EVAL",
    "return #redis.call('HGETALL', KEYS[1])",
    "1",
    HASH,
  ]),
];

const SERVER: readonly HeldCase[] = [
  {
    name: "1,000 connections at once",
    run: (talker) => withCrowd(talker, 1000, (crowd) => crowd.say(["PING"])),
  },
  {
    name: "1,000 connections go at once",
    before: async ({ target }) => {
      idle = new Crowd(target, 1000);
      await idle.say(["PING"]);
    },
    run: async () => {
      idle?.close();
      await pause(500);
    },
  },
  crowded("CLIENT LIST of 1,000", 1000, ["CLIENT", "LIST"]),
  crowded("CLIENT LIST of 5,000", 5000, ["CLIENT", "LIST"]),
  crowded("CLIENT KILL of 1,000", 1000, ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]),
  crowded("INFO with 5,000 connections", 5000, ["INFO", "everything"]),
  one("INFO everything", ["INFO", "everything"]),
  one("CONFIG GET *", ["CONFIG", "GET", "*"]),
  one("COMMAND", ["COMMAND"]),
  one("COMMAND DOCS", ["COMMAND", "DOCS"]),
  one("COMMAND LIST", ["COMMAND", "LIST"]),
  one("MEMORY STATS, DOCTOR", ["MEMORY", "STATS"], ["MEMORY", "DOCTOR"], ["MEMORY", "PURGE"]),
  one("LATENCY HISTOGRAM", ["LATENCY", "HISTOGRAM"]),
  {
    name: "SLOWLOG of 10,000",
    before: async (talker) => {
      await talker.say(
        ["CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "10000"],
        ...numbers(MANY).map((index) => ["SET", `slow:${index}`, VALUE]),
      );
    },
    run: says(["SLOWLOG", "GET", "-1"]),
    after: says(
      ["CONFIG", "SET", "slowlog-log-slower-than", "10000", "slowlog-max-len", "128"],
      ["SLOWLOG", "RESET"],
    ),
  },
  {
    name: "PUBLISH to 1,000",
    run: (talker) =>
      withCrowd(talker, 1000, async (crowd) => {
        await Promise.all(
          crowd.talkers.map((each) => each.ask(["SUBSCRIBE", "news"]).catch(() => "")),
        );
        await talker.say(["PUBLISH", "news", "x".repeat(1000)]);
        await pause(500);
      }),
  },
  {
    name: "1,000 wait for a key",
    run: (talker) =>
      withCrowd(talker, 1000, async (crowd) => {
        const all = crowd.say(["BLPOP", "wanted", "20"]);
        await pause(1000);
        await talker.say(["RPUSH", "wanted", ...numbers(1000).map(String)]);
        await all;
      }),
  },
  {
    name: "SUBSCRIBE to 10,000",
    run: (talker) =>
      withCrowd(talker, 1, (crowd) =>
        crowd.say(["HELLO", "3"], ["SUBSCRIBE", ...numbers(MANY).map(String)]),
      ),
  },
  {
    name: "invalidations of 10,000 keys",
    run: (talker) =>
      withCrowd(talker, 1, async (crowd) => {
        await crowd.say(
          ["HELLO", "3"],
          ["CLIENT", "TRACKING", "ON"],
          ["MGET", ...numbers(MANY).map(keyAt)],
        );
        await talker.say(["MSET", ...numbers(MANY).flatMap((index) => [keyAt(index), VALUE])]);
        await pause(500);
      }),
  },
];

/** While something is done in the background, small commands of all kinds. */
async function busy(talker: Talker, forMs: number): Promise<void> {
  const end = performance.now() + forMs;
  for (let round = 0; performance.now() < end; round++) {
    const commands: Words[] = [];
    for (let index = 0; index < 100; index++) {
      const at = (round * 7919 + index * 104_729) % SMALL_KEYS;
      commands.push(index % 2 === 0 ? ["SET", keyAt(at), VALUE] : ["GET", keyAt(at)]);
    }
    // oxlint-disable-next-line no-await-in-loop -- one burst after the other
    await talker.say(...commands);
  }
}

const BACKGROUND: readonly HeldCase[] = [
  { name: "SETs and GETs", run: (talker) => busy(talker, BACKGROUND_MS), isOnce: true },
  {
    name: "SETs and GETs of 50 connections",
    run: (talker) =>
      withCrowd(talker, 50, async (crowd) => {
        await Promise.all(crowd.talkers.map((each) => busy(each, BACKGROUND_MS)));
      }),
    isOnce: true,
  },
  ...["SAVE", "BGSAVE", "BGREWRITEAOF"].map((word): HeldCase => ({
    name: `${word}, beside SETs and GETs`,
    run: async (talker) => {
      await talker.say([word]);
      await withCrowd(talker, 1, async ({ talkers }) => {
        await Promise.all(talkers.map((each) => busy(each, BACKGROUND_MS)));
      });
    },
    isOnce: true,
  })),
  {
    name: "what DEL has left is collected, beside SETs and GETs",
    before: async (talker) => {
      for (let index = 0; index < 100; index++) {
        const members = numbers(2000).map((at) => `m${at}`);
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await talker.say(["SADD", `gone:${index}`, ...members]);
      }
    },
    run: async (talker) => {
      await talker.say(["DEL", ...numbers(100).map((index) => `gone:${index}`)]);
      await busy(talker, BACKGROUND_MS);
    },
    isOnce: true,
  },
  {
    name: "a million keys come in",
    run: (talker) => keys(talker, "come", LARGE_ELEMENTS),
    isOnce: true,
  },
  once("FLUSHDB of a million keys", ["FLUSHDB"]),
  { name: "what FLUSHDB has left is collected", run: (talker) => busy(talker, 3000), isOnce: true },
  {
    name: "FLUSHALL SYNC of 100,000",
    before: (talker) => keys(talker, "flush", 100_000),
    run: says(["FLUSHALL", "SYNC"]),
  },
];

export const CASES: readonly HeldCase[] = [
  ...WHOLE,
  ...KEYS,
  ...LARGE_VALUES,
  ...SCRIPTS,
  ...SERVER,
  ...ELEMENTS,
  ...BACKGROUND,
];
