// What the latency bench asks for: requests by chance over a hundred thousand small keys, and, one in a
// hundred where it is wanted, over collections of a million elements, one of each type.

import { SeededRandom } from "../src/base/random.ts";
import { keyAt } from "./fill.ts";

export const MIXES = ["reads", "writes", "mixed"] as const;
export type Mix = (typeof MIXES)[number];

export const SMALL_KEYS = 100_000;
export const LARGE_ELEMENTS = 1_000_000;
export const VALUE = "x".repeat(64);
/** Of a hundred requests, those for large collections, when there are such. */
const LARGE_PERCENT = 1;

export type LargeKey = "list" | "zset" | "set" | "hash" | "stream";
export const LARGE_KEYS: readonly LargeKey[] = ["list", "zset", "set", "hash", "stream"];

export function largeKey(type: LargeKey): string {
  return `large:${type}`;
}

export interface MixOptions {
  readonly mix: Mix;
  readonly large: boolean;
  readonly seed: number;
}

type Words = readonly string[];
type Make = (pick: (limit: number) => number) => Words;

/** Makes request after request, encoded. */
export function requestMaker({ mix, large, seed }: MixOptions): () => string {
  const random = new SeededRandom(seed);
  const pick = (limit: number): number => random.below(limit);
  const small = mix === "reads" ? READS : mix === "writes" ? WRITES : [...READS, ...MIXED];
  const big = mix === "reads" ? LARGE_READS : mix === "writes" ? LARGE_WRITES : LARGE_BOTH;
  return () => {
    const some = large && pick(100) < LARGE_PERCENT ? big : small;
    const make = some[pick(some.length)] ?? READS[0];
    return encoded(make === undefined ? [] : make(pick));
  };
}

const READS: readonly Make[] = [(pick) => ["GET", keyAt(pick(SMALL_KEYS))]];
const WRITES: readonly Make[] = [(pick) => ["SET", keyAt(pick(SMALL_KEYS)), VALUE]];
/** Beside as many reads. */
const MIXED: readonly Make[] = [
  (pick) =>
    MIXED_WRITES[pick(MIXED_WRITES.length)]?.(pick) ?? ["SET", keyAt(pick(SMALL_KEYS)), VALUE],
];
const MIXED_WRITES: readonly Make[] = [
  ...Array.from({ length: 6 }, () => WRITES).flat(),
  (pick) => ["INCR", `count:${pick(SMALL_KEYS)}`],
  (pick) => ["HSET", `hash:${pick(10_000)}`, `f${pick(20)}`, VALUE],
  (pick) => ["ZADD", `zset:${pick(10_000)}`, `${pick(1_000_000)}`, `m${pick(50)}`],
  (pick) => ["LPUSH", `list:${pick(10_000)}`, VALUE],
  (pick) => ["RPOP", `list:${pick(10_000)}`],
];

const LARGE_READS: readonly Make[] = [
  (pick) => ["ZSCORE", largeKey("zset"), element(pick)],
  (pick) => ["ZRANK", largeKey("zset"), element(pick)],
  (pick) => {
    const from = pick(LARGE_ELEMENTS - 10);
    return ["ZRANGE", largeKey("zset"), `${from}`, `${from + 9}`];
  },
  (pick) => ["HGET", largeKey("hash"), element(pick)],
  (pick) => ["SISMEMBER", largeKey("set"), element(pick)],
  (pick) => {
    // Redis walks to a place from the nearer end: not to the middle, which would be about Redis.
    const from = pick(1000);
    return ["LRANGE", largeKey("list"), `${from}`, `${from + 9}`];
  },
  (pick) => ["XRANGE", largeKey("stream"), `${pick(LARGE_ELEMENTS)}-0`, "+", "COUNT", "10"],
];

const LARGE_WRITES: readonly Make[] = [
  (pick) => ["ZADD", largeKey("zset"), `${pick(10_000_019)}`, element(pick)],
  (pick) => ["HSET", largeKey("hash"), element(pick), `${pick(1_000_000)}`],
  (pick) => ["SADD", largeKey("set"), `n${pick(1_000_000)}`],
  (pick) => ["SREM", largeKey("set"), `n${pick(1_000_000)}`],
  () => ["RPUSH", largeKey("list"), "pushed"],
  () => ["LPOP", largeKey("list")],
  () => ["XADD", largeKey("stream"), "*", "field", "value"],
];

const LARGE_BOTH: readonly Make[] = [...LARGE_READS, ...LARGE_WRITES];

/** The members of bench/collection-families.ts. */
function element(pick: (limit: number) => number): string {
  return `e${pick(LARGE_ELEMENTS)}`;
}

function encoded(words: Words): string {
  let text = `*${words.length}\r\n`;
  for (const word of words) text += `$${word.length}\r\n${word}\r\n`;
  return text;
}
