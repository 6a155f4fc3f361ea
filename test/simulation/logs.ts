// Logs: keys of every kind of collection to which operations only ever add, each value once in the
// whole run. Whoever reads a log sees which operations came before him, so the history can be
// judged by the answers alone (history.ts; the method is Elle's, Kingsbury and Alvaro 2020).

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { ErrorReply, MapReply, NullArray, SetReply, type Reply } from "../../src/resp/reply.ts";
import { pick } from "../differential/template.ts";
import type { LogStep } from "./operation.ts";

interface LogKind {
  /** Whether a read shows the order in which values were added. */
  readonly isOrdered: boolean;
  readonly add: (key: Bytes, value: Bytes) => Bytes[];
  readonly read: (key: Bytes) => Bytes[];
  readonly values: (reply: Reply) => Bytes[];
}

const KINDS: Readonly<Record<string, LogKind>> = {
  list: {
    isOrdered: true,
    add: (key, value) => ["RPUSH", key, value],
    read: (key) => ["LRANGE", key, "0", "-1"],
    values: stringsIn,
  },
  string: {
    isOrdered: true,
    add: (key, value) => ["APPEND", key, `${value},`],
    read: (key) => ["GET", key],
    values: (reply) => (typeof reply === "string" ? reply.split(",").slice(0, -1) : []),
  },
  stream: {
    isOrdered: true,
    add: (key, value) => ["XADD", key, "*", value, "1"],
    read: (key) => ["XRANGE", key, "-", "+"],
    values: (reply) => itemsOf(reply).flatMap((entry) => stringsIn(itemsOf(entry)[1] ?? null, 2)),
  },
  set: {
    isOrdered: false,
    add: (key, value) => ["SADD", key, value],
    read: (key) => ["SMEMBERS", key],
    values: stringsIn,
  },
  hash: {
    isOrdered: false,
    add: (key, value) => ["HSET", key, value, "1"],
    read: (key) => ["HGETALL", key],
    values: (reply) => stringsIn(reply, 2),
  },
  zset: {
    isOrdered: false,
    add: (key, value) => ["ZADD", key, "1", value],
    read: (key) => ["ZRANGE", key, "0", "-1"],
    values: stringsIn,
  },
};

export const LOG_KEYS: readonly Bytes[] = [
  "log:list:a",
  "log:list:b",
  "log:string:a",
  "log:stream:a",
  "log:set:a",
  "log:hash:a",
  "log:zset:a",
];

function kindOf(key: Bytes): LogKind {
  const kind = KINDS[key.split(":")[1] ?? ""];
  if (kind === undefined) throw new Error(`no log: ${key}`);
  return kind;
}

export function isOrdered(key: Bytes): boolean {
  return kindOf(key).isOrdered;
}

export function commandOf({ key, value }: LogStep): Bytes[] {
  const kind = kindOf(key);
  return value === null ? kind.read(key) : kind.add(key, value);
}

/** What a read of a log has seen; null when it was answered with an error. */
export function valuesIn(key: Bytes, reply: Reply): Bytes[] | null {
  return reply instanceof ErrorReply ? null : kindOf(key).values(reply);
}

/** Steps of one operation: some add, some read. `id` makes the values unique. */
export function randomSteps(random: Random, id: number, count: number): LogStep[] {
  const steps: LogStep[] = [];
  for (let index = 0; index < count; index++) {
    const key = pick(random, LOG_KEYS);
    const value = random.below(5) < 3 ? `v${id}.${index}` : null;
    steps.push({ key, value });
  }
  return steps;
}

function itemsOf(reply: Reply): readonly Reply[] {
  if (Array.isArray(reply)) return reply;
  if (reply instanceof SetReply) return reply.items;
  if (reply instanceof MapReply) return reply.flat;
  if (reply === null || reply instanceof NullArray) return [];
  throw new Error(`not a collection: ${JSON.stringify(reply)}`);
}

/** Every `step`th string. */
function stringsIn(reply: Reply, step = 1): Bytes[] {
  const found: Bytes[] = [];
  for (const [index, item] of itemsOf(reply).entries()) {
    if (index % step === 0 && typeof item === "string") found.push(item);
  }
  return found;
}
