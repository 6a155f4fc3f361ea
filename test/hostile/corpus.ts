// What hostile inputs are made from: right ones of every kind.

import type { Bytes } from "../../src/base/bytes.ts";
import { encodeFunctions } from "../../src/encoding/rdb-functions.ts";
import { encodeDump, type DumpedValue } from "../../src/encoding/rdb.ts";
import { request } from "../support/raw-client.ts";
import type { Corpus } from "./mutate.ts";

/** RDB's footer is put on again behind what was changed: a wrong checksum would end it all. */
const FOOTER_SIZE = 10;

const LINES = `SET k v EX 100
GET k
APPEND k v
SETRANGE k 4 v
GETRANGE k 0 -1
SETBIT k 77 1
BITFIELD k SET u8 #1 200 OVERFLOW SAT INCRBY i5 100 1
BITCOUNT k 0 -1 BIT
INCRBYFLOAT k 1.5
MSET k 1 other 2
LCS k other IDX
HSET k f v g w
HGETALL k
HINCRBY k f 1
HRANDFIELD k 3 WITHVALUES
HSCAN k 0 MATCH * COUNT 10
HEXPIRE k 100 FIELDS 1 f
RPUSH k a b c
LRANGE k 0 -1
LINSERT k BEFORE b x
LPOS k a RANK -1 COUNT 0
LMPOP 2 k other LEFT COUNT 2
LMOVE k other LEFT RIGHT
SADD k a b 1 2
SINTERCARD 2 k other LIMIT 1
SRANDMEMBER k 2
SPOP k 1
ZADD k GT CH 1 a 2.5 b
ZRANGE k (1 +inf BYSCORE LIMIT 0 10 WITHSCORES
ZRANGESTORE other k 0 -1 REV
ZUNION 2 k other WEIGHTS 1 2 AGGREGATE MAX
ZRANDMEMBER k 2 WITHSCORES
GEOADD k 13.3 38.1 here
GEOSEARCH k FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 3 ANY
PFADD k a b c
PFCOUNT k other
XADD k MAXLEN ~ 10 * f v
XREAD COUNT 2 STREAMS k 0
XGROUP CREATE k g $ MKSTREAM
XREADGROUP GROUP g c COUNT 1 STREAMS k >
XAUTOCLAIM k g c 0 0-0 COUNT 10 JUSTID
XPENDING k g IDLE 1 - + 10 c
SORT k BY nosort GET # LIMIT 0 5 ALPHA STORE other
SCAN 0 MATCH k* COUNT 100 TYPE string
EXPIRE k 100 NX
RENAME k other
COPY k other REPLACE
OBJECT ENCODING k
MULTI
EXEC
WATCH k
ONCE token
DISCARD
SUBSCRIBE c
PSUBSCRIBE c*
UNSUBSCRIBE
PUBLISH c m
CLIENT TRACKING ON BCAST PREFIX k
CLIENT LIST TYPE normal
CLIENT SETNAME n
CLIENT REPLY OFF
HELLO 3 AUTH default x SETNAME n
COMMAND INFO get
COMMAND GETKEYS SET k v
ACL SETUSER u on >p ~k* %R~x &c* +@read -get (+set ~y)
ACL DRYRUN default get k
ACL LOG
CONFIG GET *
FUNCTION STATS
SCRIPT EXISTS abc
SELECT 1
SWAPDB 0 1
DUMP k
RESTORE k 0 abc REPLACE ABSTTL
MEMORY USAGE k SAMPLES 5
WAIT 0 0
DBSIZE
RESET`;

export const COMMAND_CORPUS: Corpus = {
  whole: [
    ...LINES.split("\n").map((line) => request(...line.split(" "))),
    `${LINES.split("\n").slice(0, 3).join("\r\n")}\r\n`,
    "SET \"k\\x00\" 'v\\''\r\n",
    "*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n",
  ],
  words: [
    "*",
    "$",
    "\r\n",
    "*3\r\n",
    "$-1\r\n",
    "$1000000\r\n",
    "*2147483647\r\n",
    "*1048577\r\n",
    "-inf",
    "+inf",
    "(",
    "[",
    "k",
    "other",
    "$1\r\nk\r\n",
    '"',
    "'",
    "\\x",
    " ",
  ],
};

function value(dumped: DumpedValue): Bytes {
  return encodeDump(dumped).slice(0, -FOOTER_SIZE);
}

/** Dumps without their footers: made by us, and the older forms that Redis writes. */
export function dumpCorpus(): Corpus {
  const own = [
    value({ kind: 1, value: "plain" }),
    value({ kind: 1, value: "12345" }),
    value({ kind: 1, value: "compressible ".repeat(40) }),
  ];
  const redis = REDIS_DUMPS.map((hex) => Buffer.from(hex, "hex").toString("latin1"));
  return {
    whole: [...own, ...redis],
    words: [...COMMAND_CORPUS.words.slice(8), "\xc3\x10\x40\xff"],
  };
}

const SOURCES = [
  `#!lua name=one\nredis.register_function("f", function(keys, args)
  return redis.call("SET", keys[1], args[1]) end)`,
  `#!lua name=two\nredis.register_function{function_name="g", callback=function() return 1 end,
  flags={"no-writes"}}\nredis.register_function("h", function() return server end)`,
];

export function libraryCorpus(): Corpus {
  const whole = [[], [SOURCES[0] ?? ""], SOURCES].map((codes) =>
    encodeFunctions(codes).slice(0, -FOOTER_SIZE),
  );
  return { whole, words: [...SCRIPT_CORPUS.words, "\xf5", "\xf6", "#!lua name=x\n"] };
}

export const SCRIPT_CORPUS: Corpus = {
  whole: [
    'return redis.call("GET", KEYS[1])',
    'local t = {} for i = 1, 9 do t[i] = redis.call("INCR", KEYS[1]) end return t',
    'return redis.pcall("LPUSH", KEYS[1], ARGV[1], unpack(ARGV))',
    'return cjson.encode({a = {1, 2, cjson.null}, b = cjson.decode(\'[1,{"x":"\\\\u00e9"}]\')})',
    'return cmsgpack.unpack(cmsgpack.pack({1, "two", {3, nil, true}}))',
    'return struct.pack(">I2i4sd", 1, -2, "s", 3.5) .. struct.unpack("<H", "ab")',
    "redis.setresp(3) return {map = {a = 1}, double = 1.5, set = {x = true}}",
    'return {err = "ERR " .. tostring(KEYS), ok = "x"}',
    "return bit.bxor(0xff, bit.lshift(1, 31)) + bit.tohex(5, -4):len()",
    'local s = string.format("%5.2f %q %s", 1.5, "a\\0b", {}) return s:gsub("%d+", "%0%0")',
    "return tostring(setmetatable({}, {__index = function(t, k) return k end}).x)",
    'return redis.sha1hex("a") .. redis.status_reply("OK").ok .. redis.error_reply("E").err',
    "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(50)",
    'return {pcall(error, {1}), select("#", 1, nil), #ARGV, next({}), os.clock()}',
    'return redis.call("ZADD", KEYS[2], 1, "a"), redis.call("XADD", KEYS[1], "*", "f", "v")',
    'redis.log(redis.LOG_WARNING, "x") return loadstring("return 1 + 1")()',
    'return coroutine ~= nil and table.concat({1, 2, 3}, ",", 1, 3) or string.dump == nil',
  ],
  words: [
    "nil",
    "true",
    "{}",
    "(",
    ")",
    "end",
    "..",
    "#",
    "%",
    '"',
    "KEYS",
    "ARGV",
    "redis",
    "[1]",
    "function() end",
    "pcall",
    "error",
    "_G",
    "getmetatable",
    "rawset",
    "setfenv",
    "0/0",
    "1e308",
    "'\\255'",
    "--[[",
    "]]",
    "cjson.decode",
    "cmsgpack.unpack",
    "struct.unpack",
    "unpack",
    "...",
  ],
};

export const CONFIG_CORPUS: Corpus = {
  whole: [
    "port 6379\nbind 127.0.0.1 -::1\nmaxmemory 100mb\n",
    'requirepass "a b\\x00"\nrename-command FLUSHALL ""\n',
    "client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit pubsub 32mb 8mb 60\n",
    "save 900 1 300 10\nappendfsync always\n# comment\n\nmaxmemory-policy allkeys-lru\n",
    "include other.conf\nloadmodule x.so\n",
    "user alice on >pass ~* +@all\nuser bob off\n",
    "rocksdb.write_buffer_size 64\nobject-cache-size 25%\nwrite-stall-policy wait 500\n",
    "notify-keyspace-events KEA\nunixsocketperm 700\ntls-port 0\nhz 10\n",
    "latency-tracking-info-percentiles 50 99 99.9\noom-score-adj-values 0 200 800\n",
  ],
  words: [
    "\n",
    "\r\n",
    " ",
    '"',
    "'",
    "\\",
    "yes",
    "no",
    "mb",
    "kb",
    "%",
    "-1",
    "1e9",
    "0777",
    "\t",
    "port",
    "maxclients ",
    "appendfsync ",
    "include ",
    "18446744073709551616",
  ],
};

export const ACL_CORPUS: Corpus = {
  whole: [
    "user default on nopass ~* &* +@all\n",
    "user alice on >secret #" +
      "a".repeat(64) +
      " ~app:* %R~x* %RW~y resetchannels &c* +get +set\n",
    "user bob off sanitize-payload -@all +@read -@dangerous +config|get (+set ~z*) (%W~w +@write)\n",
    "user a on\nuser b on\nuser a off\n",
    "user x allkeys allchannels allcommands nocommands resetpass clearselectors reset\n",
  ],
  words: [
    "\n",
    " ",
    "+",
    "-",
    "@",
    "|",
    "~",
    "%",
    "&",
    ">",
    "<",
    "#",
    "!",
    "(",
    ")",
    "user ",
    "on",
    "+@all",
    "-@all",
    "config|",
    "nopass",
    "%R~",
    "%~",
    "reset",
  ],
};

/** Bytes as encoding.md gives them, roughly: most of the readers refuse most of it. */
export const STORED_CORPUS: Corpus = {
  whole: [
    "\x01\x01hello",
    "\x05\x00\x01\x05" + "\x02".repeat(20),
    "\0\x02\x01a\x01b\x01c\x01d",
    "\x01\0\0\0\0\0\0\0\x01\0\x05",
    "\0\0\x03\x01a\x01b\x01c" + "\0".repeat(24),
    "\0\x01" + "\0".repeat(40),
    "kept\x01",
    "\x01\0\0\0\0\0\0\0\0\0\0\x10",
    "\x01".repeat(30),
    "\0\x04" + "\x80\x01".repeat(12),
  ],
  words: ["\0", "\x01", "\x02", "\x05a", "\x10", "\xff\xff", "\x80\x80", "\x81\x01"],
};

/** What redis-server 7.0 answers to DUMP, without the footer: every type it writes. */
const REDIS_DUMPS: readonly Bytes[] = [
  "1201021c1c00000005008161028162027b01dffb02f4ffe776481700000009ff",
  "1204021111000000020083656c300483656c3104ff021111000000020083656c320483656c3304ff02111100" +
    "0000020083656c340483656c3504ff021111000000020083656c360483656c3704ff",
  "0b0e0200000003000000010002000300",
  "0b2008000000030000000100000000000000701101000000000000f2052a01000000",
  "020201610162",
  "0203c00101630162",
  "111d1d0000000600816302842d696e6605816102010181620283322e3504ff",
  "05030163000000000000f07f016200000000000004400161000000000000f03f",
  "10121200000004008166028176028167021101ff",
  "0402016601760167c011",
  "13011000000000000000010000000000000001c3405e406a076a000000270005014000078166020001020100" +
    "200106827630030401032015400b0031200b00022001400b0032600b0003600b0033600b0004600b0034200b" +
    "020001082003160201856f74686572068178028374776f048179020801ff0509010101020106010167030181" +
    "ffffffffffffffff02000000000000000100000000000000010cc8b71ba20100000100000000000000030000" +
    "0000000000010cc8b71ba2010000010101630cc8b71ba2010000020000000000000001000000000000000100" +
    "000000000000030000000000000001",
  "00c30940c8017878e0bb00017878",
  "00c290eefeff",
  "001848594c4c01000000000000000000008071a6844bfb80425a",
];
