// What two servers hold after a program, and whether each understands the other's dumps: every key is dumped by
// both, each dump restored on the other side, and all four must be the same data. The same with the
// libraries of functions.

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, MapReply, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import type { WireTarget } from "../conversations/wire.ts";
import type { Difference } from "./known.ts";
import { deeplySorted, normal } from "./normal.ts";

const DATABASES = ["0", "1"];
/** No program has such a key. */
const RESTORED: Bytes = "\x01restored";

interface Pair {
  readonly kept: WireTarget;
  readonly redis: WireTarget;
}

/** Null when both hold the same, and each takes what the other gives. */
export async function crossed(pair: Pair, hasScripts: boolean): Promise<Difference | null> {
  for (const target of [pair.kept, pair.redis]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const words of [["RESET"], ["HELLO", "2"]]) await target.send(words);
  }
  for (const database of DATABASES) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const difference = await crossDatabase(pair, database);
    if (difference !== null) return difference;
  }
  return hasScripts ? await crossFunctions(pair) : null;
}

async function crossDatabase(pair: Pair, database: string): Promise<Difference | null> {
  const { kept, redis } = pair;
  await Promise.all([kept.send(["SELECT", database]), redis.send(["SELECT", database])]);
  const [ours, theirs] = await Promise.all([kept.send(["KEYS", "*"]), redis.send(["KEYS", "*"])]);
  const found = [normal(["KEYS"], ours), normal(["KEYS"], theirs)];
  if (found[0] !== found[1]) return told(["KEYS", "*"], found);
  if (!Array.isArray(theirs)) return null;
  for (const key of theirs) {
    if (typeof key !== "string") continue;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const difference = await crossKey(pair, key);
    if (difference !== null) return difference;
  }
  return null;
}

async function crossKey({ kept, redis }: Pair, key: Bytes): Promise<Difference | null> {
  const [ours, theirs] = await Promise.all([content(kept, key), content(redis, key)]);
  if (ours !== theirs) return told(["content", key], [ours, theirs]);
  const [our, their] = await Promise.all([kept.send(["DUMP", key]), redis.send(["DUMP", key])]);
  if (typeof our !== "string" || typeof their !== "string") return null;
  const restore = (dump: Bytes): Bytes[] => ["RESTORE", RESTORED, "0", dump, "REPLACE"];
  const taken = await Promise.all([kept.send(restore(their)), redis.send(restore(our))]);
  const answers = taken.map(format);
  if (answers.some((answer) => answer !== "OK")) return told(["RESTORE", key], answers);
  const copies = await Promise.all([content(kept, RESTORED), content(redis, RESTORED)]);
  await Promise.all([kept.send(["DEL", RESTORED]), redis.send(["DEL", RESTORED])]);
  const isSame = copies.every((copy) => copy === ours);
  return isSame ? null : told(["restored", key, ours], copies);
}

async function crossFunctions({ kept, redis }: Pair): Promise<Difference | null> {
  const list = async (target: WireTarget): Promise<string> =>
    deeplySorted(await target.send(["FUNCTION", "LIST", "WITHCODE"]));
  const before = [await list(kept), await list(redis)];
  if (before[0] !== before[1]) return told(["FUNCTION", "LIST"], before);
  const dump = ["FUNCTION", "DUMP"];
  const [our, their] = await Promise.all([kept.send(dump), redis.send(dump)]);
  if (typeof our !== "string" || typeof their !== "string") return null;
  const restore = (bytes: Bytes): Bytes[] => ["FUNCTION", "RESTORE", bytes, "FLUSH"];
  const taken = await Promise.all([kept.send(restore(their)), redis.send(restore(our))]);
  const answers = taken.map(format);
  if (answers.some((answer) => answer !== "OK")) return told(["FUNCTION", "RESTORE"], answers);
  const after = [await list(kept), await list(redis)];
  const isSame = after.every((one) => one === before[0]);
  return isSame ? null : told(["FUNCTION", "RESTORE"], after);
}

function told(args: readonly Bytes[], [kept = "", redis = ""]: readonly string[]): Difference {
  return { args: ["CROSS", ...args], before: [], after: [], kept, redis };
}

/** All that a key holds, in one form. */
async function content(target: WireTarget, key: Bytes): Promise<string> {
  const type = format(await target.send(["TYPE", key]));
  const commands = READS[type]?.(key) ?? [];
  const replies = await Promise.all(commands.map((command) => target.send(command)));
  const texts = replies.map((reply, index) => normal(commands[index] ?? [], withoutFacts(reply)));
  return `${type} ${texts.join(" | ")}`;
}

const READS: Readonly<Record<string, (key: Bytes) => readonly (readonly Bytes[])[]>> = {
  string: (key) => [["GET", key]],
  list: (key) => [["LRANGE", key, "0", "-1"]],
  hash: (key) => [["HGETALL", key]],
  set: (key) => [["SMEMBERS", key]],
  zset: (key) => [["ZRANGE", key, "0", "-1", "WITHSCORES"]],
  stream: (key) => [
    ["XRANGE", key, "-", "+"],
    ["XINFO", "STREAM", key],
    ["XINFO", "GROUPS", key],
  ],
};

/** XINFO tells of how nodes lie, too. */
function withoutFacts(reply: Reply): Reply {
  if (reply instanceof ErrorReply || reply instanceof MapReply || !Array.isArray(reply)) {
    return reply;
  }
  const at = reply.findIndex((item) => item === "radix-tree-keys");
  return at < 0 ? reply : [...reply.slice(0, at), ...reply.slice(at + 4)];
}
