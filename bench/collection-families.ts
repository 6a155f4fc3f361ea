// The families of the curve (collections.ts): how a collection of each type is filled, and which
// operations on it are looked at.

export const KEY = "collection";
/** Elements of one command of a filling. */
export const BURST = 100;

export type Words = readonly string[];

export interface Operation {
  readonly name: string;
  /** The command of one round on `key`; leaves the size of the collection about as it is. */
  readonly command: (key: string, size: number, round: number) => Words;
  /** Fewer rounds, for what Redis too does in O(N). */
  readonly isLinear?: boolean;
}

export interface Family {
  readonly name: string;
  /** Commands that add the elements from `from` up to `to` to `key`. */
  readonly fill: (key: string, from: number, to: number) => readonly Words[];
  readonly operations: readonly Operation[];
}

const MIDDLE = (size: number): number => Math.floor(size / 2);

const LIST: Family = {
  name: "list",
  fill: (key, from, to) => [["RPUSH", key, ...elements(from, to)]],
  operations: [
    { name: "RPUSH", command: (key) => ["RPUSH", key, "pushed"] },
    { name: "LPOP", command: (key) => ["LPOP", key] },
    { name: "LINDEX middle", command: (key, size, at) => ["LINDEX", key, `${MIDDLE(size) - at}`] },
    {
      name: "LRANGE 100 middle",
      command: (key, size) => ["LRANGE", key, `${MIDDLE(size)}`, `${MIDDLE(size) + 99}`],
    },
    {
      name: "LSET middle",
      command: (key, size, at) => ["LSET", key, `${MIDDLE(size)}`, `set${at}`],
    },
    {
      name: "LINSERT middle",
      command: (key, size) => ["LINSERT", key, "BEFORE", `e${MIDDLE(size) + 5}`, "new"],
      isLinear: true,
    },
    { name: "LPOS absent", command: (key) => ["LPOS", key, "nowhere"], isLinear: true },
  ],
};

const SORTED_SET: Family = {
  name: "zset",
  fill: (key, from, to) => [
    ["ZADD", key, ...elements(from, to).flatMap((name) => [scoreOf(name), name])],
  ],
  operations: [
    { name: "ZADD new", command: (key, _, at) => ["ZADD", key, `${at * 7}`, `new${fresh++}`] },
    {
      name: "ZADD another score",
      command: (key, size) => ["ZADD", key, `${serial++}`, anyOf(size)],
    },
    { name: "ZREM", command: (key, size) => ["ZREM", key, anyOf(size)] },
    { name: "ZSCORE", command: (key, size) => ["ZSCORE", key, anyOf(size)] },
    {
      name: "ZRANGE 10 middle",
      command: (key, size) => ["ZRANGE", key, `${MIDDLE(size)}`, `${MIDDLE(size) + 9}`],
    },
    {
      name: "ZRANGEBYSCORE 10",
      command: (key, size) => [
        "ZRANGEBYSCORE",
        key,
        scoreOf(anyOf(size)),
        "+inf",
        "LIMIT",
        "0",
        "10",
      ],
    },
    { name: "ZRANK", command: (key, size) => ["ZRANK", key, anyOf(size)] },
    { name: "ZCOUNT half", command: (key, size) => ["ZCOUNT", key, "-inf", scoreOf(anyOf(size))] },
    { name: "ZPOPMIN", command: (key) => ["ZPOPMIN", key] },
    { name: "ZRANDMEMBER", command: (key) => ["ZRANDMEMBER", key] },
    { name: "ZSCAN step", command: (key) => ["ZSCAN", key, "0"] },
  ],
};

const SET: Family = {
  name: "set",
  fill: (key, from, to) => [["SADD", key, ...elements(from, to)]],
  operations: [
    { name: "SADD new", command: (key) => ["SADD", key, `new${fresh++}`] },
    { name: "SREM", command: (key, size) => ["SREM", key, anyOf(size)] },
    { name: "SISMEMBER", command: (key, size) => ["SISMEMBER", key, anyOf(size)] },
    { name: "SRANDMEMBER", command: (key) => ["SRANDMEMBER", key] },
    { name: "SPOP", command: (key) => ["SPOP", key] },
    { name: "SSCAN step", command: (key) => ["SSCAN", key, "0"] },
  ],
};

const HASH: Family = {
  name: "hash",
  fill: (key, from, to) => [["HSET", key, ...elements(from, to).flatMap((name) => [name, name])]],
  operations: [
    { name: "HSET new", command: (key) => ["HSET", key, `new${fresh++}`, "value"] },
    { name: "HSET", command: (key, size) => ["HSET", key, anyOf(size), `${serial++}`] },
    { name: "HGET", command: (key, size) => ["HGET", key, anyOf(size)] },
    { name: "HDEL", command: (key, size) => ["HDEL", key, anyOf(size)] },
    { name: "HRANDFIELD", command: (key) => ["HRANDFIELD", key] },
    { name: "HSCAN step", command: (key) => ["HSCAN", key, "0"] },
  ],
};

const STREAM: Family = {
  name: "stream",
  fill: (key, from, to) =>
    elements(from, to).map((name, index) => ["XADD", key, `${from + index + 1}-0`, "field", name]),
  operations: [
    { name: "XADD", command: (key) => ["XADD", key, "*", "field", "value"] },
    { name: "XDEL", command: (key, size) => ["XDEL", key, anyId(size)] },
    { name: "XRANGE one", command: (key, size) => ["XRANGE", key, anyId(size), "+", "COUNT", "1"] },
    { name: "XRANGE 10", command: (key, size) => ["XRANGE", key, anyId(size), "+", "COUNT", "10"] },
    {
      name: "XREVRANGE 10",
      command: (key, size) => ["XREVRANGE", key, anyId(size), "-", "COUNT", "10"],
    },
    {
      name: "XREAD 10",
      command: (key, size) => ["XREAD", "COUNT", "10", "STREAMS", key, anyId(size)],
    },
    { name: "XLEN", command: (key) => ["XLEN", key] },
    { name: "XTRIM one", command: (key, size, at) => ["XTRIM", key, "MAXLEN", `${size - 1 - at}`] },
  ],
};

let serial = 0;
/** Of members that are new. */
let fresh = 0;

/** Where the members by chance begin: from the same place come the same ones. */
export function chanceFrom(place: number): void {
  serial = place;
}

/** A number by chance, the same in each run. */
function any(size: number): number {
  return (serial++ * 7_919_003) % size;
}

function anyOf(size: number): string {
  return `e${any(size)}`;
}

function anyId(size: number): string {
  return `${any(size) + 1}-0`;
}

/** Scattered over as many numbers as there are members. */
function scoreOf(name: string): string {
  return `${(Number(name.slice(1)) * 7_919) % 10_000_019}`;
}

export const FAMILIES: readonly Family[] = [LIST, SORTED_SET, SET, HASH, STREAM];

function elements(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `e${from + index}`);
}
