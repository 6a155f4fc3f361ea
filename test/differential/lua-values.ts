// Lua by chance: literals, values of every kind that a script may answer, and calls of the libraries
// that scripts have (cjson, cmsgpack, struct, bit). Everything here is an expression, as text.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { pick } from "./template.ts";

const STRINGS = [
  "",
  "a",
  "ab",
  "12",
  "-5",
  "1.5",
  "OK",
  "\x00\xff\r\n",
  "caf\xc3\xa9",
  "x y",
  '"\\/',
];
const NUMBERS = [
  ..."0,1,-1,2,7,255,256,3.99,-3.99,0.1,1e15,2^31,-2^31,2^32+5,2^53,2^53+1,2^62,-2^63".split(","),
  ..."1e100,-0.5,1/3,100,65536,1e-7,123456789012".split(","),
];
/** Written alike with 17 digits and with as few as are needed. */
const DOUBLES = ["0", "1", "-1", "0.5", "-0.25", "100", "2^31", "1/0", "-1/0", "-2^31"];
const ODD_NUMBERS = ["1/0", "-1/0", "0/0", "2^63", "2^64", "-2^64", "1e300"];
const JSON_TEXTS = [
  ...'1|-1.5e3|"a"|null|true|false|[]|{}|[1,2,[3]]|{"a":1}|{"a":{"b":[null,1]}}|[1e400]'.split("|"),
  ...String.raw`"\u0041\u00e9\ud83d\ude00\n"|"\ud83d"|[1,]|{"a"}|nul|"|"\x"|01|1.|-|[[|0x10|nan`.split(
    "|",
  ),
  ...'Infinity|-inf| [ 1 , 2 ] |{"1":2}|[1] x||12345678901234567890|"\t"|tru'.split("|"),
];
const FORMATS = "b,B,h,H,l,L,i4,I4,i2,I3,i8,I8,T,f,d,s,c0,c3,x,<,>,=,!4,!,i,I,z,i33,!3,c".split(
  ",",
);
const PACKED = [
  ..."\x00,\x7f,\xff,\xc0,\xc2,\xc3,\x93\x01\x02\x03,\x81\xa1a\x01,\x92\x01,\xa3abc,\xa5ab".split(
    ",",
  ),
  ..."\xcb?\xf0\x00\x00\x00\x00\x00\x00,\xca?\x80\x00\x00,\xcd\x01\x00,\xd1\xff\xfe,\xd9\x02ab".split(
    ",",
  ),
  ..."\xcf\xff\xff\xff\xff\xff\xff\xff\xff,\xdc\x00\x01\x05,\xde\x00\x01\x01\x02,\xc1,\x01\x02\x03".split(
    ",",
  ),
];
const BITS = ["band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "bnot", "bswap"];

/** Bytes as a Lua string. */
export function literal(bytes: Bytes): string {
  let text = "";
  for (const char of bytes) {
    if (char === '"' || char === "\\") text += `\\${char}`;
    else if (char >= " " && char <= "~") text += char;
    else text += `\\${String(char.charCodeAt(0)).padStart(3, "0")}`;
  }
  return `"${text}"`;
}

/** Any value; arrays and tables at most `depth` deep. */
export function value(random: Random, depth: number): string {
  switch (random.below(depth > 0 ? 12 : 6)) {
    case 0:
    case 1:
      return literal(pick(random, STRINGS));
    case 2:
    case 3:
      return pick(random, random.below(8) === 0 ? ODD_NUMBERS : NUMBERS);
    case 4:
      return pick(random, ["true", "false", "nil", "false"]);
    case 5:
      return pick(random, ["cjson.null", "print_", "redis.LOG_WARNING", "#ARGV", "ARGV[1]"]);
    case 6:
    case 7:
    case 8:
      return `{${several(random, 4, () => value(random, depth - 1))}}`;
    default:
      return tagged(random, depth);
  }
}

/** Values without what cannot be encoded or has no order: for JSON and MessagePack. */
function plain(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 8 : 5);
  if (kind < 2) return literal(pick(random, STRINGS));
  if (kind < 4) return pick(random, random.below(10) === 0 ? ODD_NUMBERS : NUMBERS);
  if (kind === 4) return pick(random, ["true", "false", "nil", "cjson.null"]);
  if (kind === 5) return `{[${literal(pick(random, STRINGS))}]=${plain(random, depth - 1)}}`;
  if (kind === 6 && random.below(4) === 0) return `{[${pick(random, NUMBERS)}]=1}`;
  return `{${several(random, 4, () => plain(random, depth - 1))}}`;
}

/** The tables that mean something else than an array. */
function tagged(random: Random, depth: number): string {
  // A status and an error end at a zero byte in Redis.
  const text = literal(pick(random, STRINGS).replaceAll("\0", ""));
  const inside = value(random, depth - 1);
  switch (random.below(9)) {
    case 0:
      return `{ok=${text}}`;
    case 1:
      return `{err=${text}}`;
    case 2:
      return `{double=${pick(random, DOUBLES)}}`;
    case 3:
      return `{map={[${text}]=${inside},x=${value(random, depth - 1)}}}`;
    case 4:
      return `{set={[${text}]=true,x=true}}`;
    case 5:
      return `{big_number=${literal(pick(random, ["1", "-12345678901234567890", "0"]))}}`;
    case 6:
      return `{verbatim_string={format=${pick(random, ['"txt"', '"mkd"'])},string=${text}}}`;
    case 7:
      return pick(random, ["{ok=1}", "{err={}}", "{double='x'}", "{map=1}", "{set=2}", "{[2]=1}"]);
    default:
      return `{[1]=${inside},[3]=1,k=2}`;
  }
}

function several(random: Random, most: number, make: () => string): string {
  return Array.from({ length: random.below(most + 1) }, make).join(",");
}

/** A call of a library, or of what the sandbox leaves of Lua's own, as arguments of pcall. */
export function libraryCall(random: Random): string {
  switch (random.below(9)) {
    case 0:
      return `cjson.encode,${plain(random, 3)}`;
    case 1:
      return `cjson.decode,${literal(mutated(random, pick(random, JSON_TEXTS)))}`;
    case 2:
      return `function() return cjson.decode(cjson.encode(${plain(random, 3)})) end`;
    case 3:
      return `cmsgpack.pack,${several(random, 3, () => plain(random, 3))}`.replace(/,$/, "");
    case 4:
      return `${pick(random, ["cmsgpack.unpack", "cmsgpack.unpack_one"])},${literal(mutated(random, pick(random, PACKED)))}`;
    case 5:
      return `function() return cmsgpack.unpack(cmsgpack.pack(${plain(random, 3)},1)) end`;
    case 6:
      return structCall(random);
    case 7:
      return bitCall(random);
    default:
      return otherCall(random);
  }
}

function mutated(random: Random, bytes: Bytes): Bytes {
  if (random.below(4) !== 0 || bytes === "") return bytes;
  const at = random.below(bytes.length);
  if (random.below(2) === 0) return bytes.slice(0, at);
  return bytes.slice(0, at) + String.fromCharCode(random.below(256)) + bytes.slice(at + 1);
}

function structCall(random: Random): string {
  const format = Array.from({ length: 1 + random.below(4) }, () => pick(random, FORMATS)).join("");
  switch (random.below(3)) {
    case 0:
      return `struct.size,${literal(format)}`;
    case 1: {
      const bytes = Array.from({ length: random.below(20) }, () => random.below(256));
      return `struct.unpack,${literal(format)},${literal(String.fromCharCode(...bytes))}`;
    }
    default: {
      const any = (): string =>
        random.below(3) === 0 ? literal(pick(random, STRINGS)) : pick(random, NUMBERS);
      return `struct.pack,${literal(format)},${any()},${any()},${any()},${any()}`;
    }
  }
}

function bitCall(random: Random): string {
  const any = (): string => pick(random, random.below(12) === 0 ? ODD_NUMBERS : NUMBERS);
  if (random.below(4) === 0) return `bit.tohex,${any()},${pick(random, ["8", "-8", "2", "0"])}`;
  if (random.below(8) === 0) return `bit.tobit,${pick(random, ["'x'", "'12'", "nil", "true"])}`;
  return `bit.${pick(random, BITS)},${any()},${any()}`;
}

function otherCall(random: Random): string {
  const text = literal(pick(random, STRINGS));
  return pick(random, [
    `redis.sha1hex,${text}`,
    `redis.error_reply,${text}`,
    `redis.status_reply,${text}`,
    "redis.error_reply,1,2",
    `redis.setresp,${pick(random, ["1", "'3'", "nil", "4", "2.5"])}`,
    `redis.set_repl,${pick(random, ["redis.REPL_ALL", "99", "0", "'x'"])}`,
    `redis.log,${pick(random, ["redis.LOG_DEBUG", "99", "'x'"])},${text}`,
    `redis.acl_check_cmd,${pick(random, ["'get','k'", "'nosuch'", "", "{}"])}`,
    `string.format,"%5.1f|%d|%s|%q|%x",${pick(random, NUMBERS)},${pick(random, ["-3", "7.5"])},${text},${text},7`,
    `string.rep,${text},3`,
    `tonumber,${text}`,
    `tostring,${pick(random, NUMBERS)}`,
    `table.concat,{${text},1,2.5},","`,
    `unpack,{1,2,3},${pick(random, ["1", "2", "0"])}`,
    `select,${pick(random, ["1", "-1", "'#'", "0"])},1,2`,
    `string.gsub,${text},".","%0%0"`,
    `string.byte,${text},1,-1`,
    `setmetatable,${pick(random, ["_G", "{}", "string", "redis"])},{}`,
    `rawset,${pick(random, ["_G", "redis", "{}"])},"a",1`,
    `loadstring,${pick(random, ["'return 1'", "'return ('"])}`,
    "math.random,0",
    "math.floor,-2.5",
    `math.fmod,${pick(random, NUMBERS)},3`,
  ]).replace(/,$/, "");
}
