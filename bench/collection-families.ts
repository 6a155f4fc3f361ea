// The families of the curve (collections.ts): how a collection of each type is filled, and which
// operations on it are looked at.

export const KEY = "collection";
/** Elements of one command of a filling. */
export const BURST = 100;

export type Words = readonly string[];

export interface Operation {
  readonly name: string;
  /** The command of one round; leaves the size of the collection about as it is. */
  readonly command: (size: number, round: number) => Words;
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
    { name: "RPUSH", command: () => ["RPUSH", KEY, "pushed"] },
    { name: "LPOP", command: () => ["LPOP", KEY] },
    { name: "LINDEX middle", command: (size, at) => ["LINDEX", KEY, `${MIDDLE(size) - at}`] },
    {
      name: "LRANGE 100 middle",
      command: (size) => ["LRANGE", KEY, `${MIDDLE(size)}`, `${MIDDLE(size) + 99}`],
    },
    { name: "LSET middle", command: (size, at) => ["LSET", KEY, `${MIDDLE(size)}`, `set${at}`] },
    {
      name: "LINSERT middle",
      command: (size) => ["LINSERT", KEY, "BEFORE", `e${MIDDLE(size) + 5}`, "new"],
      isLinear: true,
    },
    { name: "LPOS absent", command: () => ["LPOS", KEY, "nowhere"], isLinear: true },
  ],
};

const SORTED_SET: Family = {
  name: "zset",
  fill: (key, from, to) => [
    ["ZADD", key, ...elements(from, to).flatMap((name) => [scoreOf(name), name])],
  ],
  operations: [
    { name: "ZADD new", command: (_, at) => ["ZADD", KEY, `${at * 7}`, `new${serial++}`] },
    { name: "ZADD another score", command: (size) => ["ZADD", KEY, `${serial++}`, anyOf(size)] },
    { name: "ZREM", command: (size) => ["ZREM", KEY, anyOf(size)] },
    { name: "ZSCORE", command: (size) => ["ZSCORE", KEY, anyOf(size)] },
    {
      name: "ZRANGE 10 middle",
      command: (size) => ["ZRANGE", KEY, `${MIDDLE(size)}`, `${MIDDLE(size) + 9}`],
    },
    {
      name: "ZRANGEBYSCORE 10",
      command: (size) => ["ZRANGEBYSCORE", KEY, scoreOf(anyOf(size)), "+inf", "LIMIT", "0", "10"],
    },
    { name: "ZRANK", command: (size) => ["ZRANK", KEY, anyOf(size)] },
    { name: "ZCOUNT half", command: (size) => ["ZCOUNT", KEY, "-inf", scoreOf(anyOf(size))] },
    { name: "ZPOPMIN", command: () => ["ZPOPMIN", KEY] },
    { name: "ZSCAN step", command: () => ["ZSCAN", KEY, "0"] },
  ],
};

const SET: Family = {
  name: "set",
  fill: (key, from, to) => [["SADD", key, ...elements(from, to)]],
  operations: [
    { name: "SADD new", command: () => ["SADD", KEY, `new${serial++}`] },
    { name: "SREM", command: (size) => ["SREM", KEY, anyOf(size)] },
    { name: "SISMEMBER", command: (size) => ["SISMEMBER", KEY, anyOf(size)] },
    { name: "SRANDMEMBER", command: () => ["SRANDMEMBER", KEY] },
    { name: "SPOP", command: () => ["SPOP", KEY] },
    { name: "SSCAN step", command: () => ["SSCAN", KEY, "0"] },
  ],
};

const HASH: Family = {
  name: "hash",
  fill: (key, from, to) => [["HSET", key, ...elements(from, to).flatMap((name) => [name, name])]],
  operations: [
    { name: "HSET new", command: () => ["HSET", KEY, `new${serial++}`, "value"] },
    { name: "HSET", command: (size) => ["HSET", KEY, anyOf(size), `${serial++}`] },
    { name: "HGET", command: (size) => ["HGET", KEY, anyOf(size)] },
    { name: "HDEL", command: (size) => ["HDEL", KEY, anyOf(size)] },
    { name: "HRANDFIELD", command: () => ["HRANDFIELD", KEY] },
    { name: "HSCAN step", command: () => ["HSCAN", KEY, "0"] },
  ],
};

const STREAM: Family = {
  name: "stream",
  fill: (key, from, to) =>
    elements(from, to).map((name, index) => ["XADD", key, `${from + index + 1}-0`, "field", name]),
  operations: [
    { name: "XADD", command: () => ["XADD", KEY, "*", "field", "value"] },
    { name: "XDEL", command: (size) => ["XDEL", KEY, anyId(size)] },
    { name: "XRANGE one", command: (size) => ["XRANGE", KEY, anyId(size), "+", "COUNT", "1"] },
    { name: "XRANGE 10", command: (size) => ["XRANGE", KEY, anyId(size), "+", "COUNT", "10"] },
    {
      name: "XREVRANGE 10",
      command: (size) => ["XREVRANGE", KEY, anyId(size), "-", "COUNT", "10"],
    },
    { name: "XREAD 10", command: (size) => ["XREAD", "COUNT", "10", "STREAMS", KEY, anyId(size)] },
    { name: "XLEN", command: () => ["XLEN", KEY] },
    { name: "XTRIM one", command: (size, at) => ["XTRIM", KEY, "MAXLEN", `${size - 1 - at}`] },
  ],
};

let serial = 0;

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
