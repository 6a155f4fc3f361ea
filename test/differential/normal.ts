// What of a reply is compared. Replies that have no order are sorted, choices by chance keep only
// their shape, times that run keep only that they run.

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, MapReply, SetReply, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";

type Rule =
  | "unordered"
  | "pairs"
  | "random"
  | "scan"
  | "scan-pairs"
  | "runs"
  | "soon"
  | "idle"
  | "script"
  | "deep";

const RULES: Readonly<Record<string, Rule>> = {
  KEYS: "unordered",
  SMEMBERS: "unordered",
  SINTER: "unordered",
  SUNION: "unordered",
  SDIFF: "unordered",
  SPOP: "unordered",
  HKEYS: "unordered",
  HVALS: "unordered",
  "PUBSUB CHANNELS": "unordered",
  HGETALL: "pairs",
  RANDOMKEY: "random",
  SRANDMEMBER: "random",
  HRANDFIELD: "random",
  ZRANDMEMBER: "random",
  SCAN: "scan",
  SSCAN: "scan",
  HSCAN: "scan-pairs",
  ZSCAN: "scan-pairs",
  TTL: "runs",
  PTTL: "runs",
  EXPIRETIME: "soon",
  PEXPIRETIME: "soon",
  XPENDING: "idle",
  EVAL: "script",
  EVAL_RO: "script",
  EVALSHA: "script",
  EVALSHA_RO: "script",
  FCALL: "script",
  FCALL_RO: "script",
  "FUNCTION LIST": "deep",
  // Two servers may write the same libraries otherwise: what they hold is compared by cross.ts.
  "FUNCTION DUMP": "random",
};

/** Commands whose replies hold scores or places: Redis 7.0 writes 17 digits, 7.2 as few as are needed. */
const WITH_NUMBERS = /^(?:Z|BZ|GEO)/;
// oxlint-disable-next-line no-control-regex -- it is what is looked for
const ZERO_AND_ON = /\0[^']*/g;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

export function ruleOf(args: readonly Bytes[]): Rule | undefined {
  const name = (args[0] ?? "").toUpperCase();
  return RULES[name] ?? RULES[`${name} ${(args[1] ?? "").toUpperCase()}`];
}

/** The reply to `args` as it is compared. */
export function normal(args: readonly Bytes[], reply: Reply): string {
  if (reply instanceof ErrorReply) return format(untilZeros(reply));
  const name = (args[0] ?? "").toUpperCase();
  const rule = ruleOf(args);
  const told = WITH_NUMBERS.test(name) ? shortNumbers(reply) : reply;
  switch (rule) {
    case "unordered":
      return sorted(itemsOf(told).map(format), told);
    case "pairs":
      return sorted(pairsOf(itemsOf(told)), told);
    case "random":
      return shape(told);
    case "scan":
    case "scan-pairs": {
      const [cursor = null, found = null] = itemsOf(told);
      const items = itemsOf(found);
      const listed = rule === "scan" ? items.map(format) : pairsOf(items);
      return `${format(cursor)} ${sorted(listed, found)}`;
    }
    case "runs":
      return typeof told === "number" && told > 0 ? "runs" : format(told);
    case "soon":
      return typeof told === "number" && isSoon(told) ? "soon" : format(told);
    case "idle":
      return format(withoutIdle(told));
    case "script":
      return ofScript(told);
    case "deep":
      return deeplySorted(told);
    case undefined:
    default:
      return format(told);
  }
}

/** A time that was given as a span and not as a moment; moments are long past or in the year 2100 and later. */
function isSoon(time: number): boolean {
  const seconds = time > 1e12 ? time / 1000 : time;
  return seconds > 1e9 && seconds < 4_102_444_800;
}

/** What an error quotes ends at a zero byte in Redis, whose texts are C strings. */
function untilZeros({ text }: ErrorReply): ErrorReply {
  // Of several functions that are in the way, Redis names any.
  const told = text.replace(/^ERR Function \S+ already exists$/, "ERR Function already exists");
  return new ErrorReply(told.replaceAll(ZERO_AND_ON, ""));
}

function itemsOf(reply: Reply): readonly Reply[] {
  if (Array.isArray(reply)) return reply;
  if (reply instanceof SetReply) return reply.items;
  if (reply instanceof MapReply) return reply.flat;
  return [reply];
}

function pairsOf(items: readonly Reply[]): string[] {
  const pairs: string[] = [];
  for (let at = 0; at < items.length; at += 2) {
    pairs.push(`${format(items[at] ?? null)} ${format(items[at + 1] ?? null)}`);
  }
  return pairs;
}

function sorted(texts: readonly string[], reply: Reply): string {
  const kind = typeof reply === "object" && reply !== null ? reply.constructor.name : typeof reply;
  return `${kind}(${texts.toSorted().join(", ")})`;
}

/** Scripts put into one form themselves what has no order, but for maps and sets, which Lua shuffles. */
function ofScript(reply: Reply): string {
  if (reply instanceof ErrorReply) return format(untilZeros(reply));
  if (Array.isArray(reply)) return `[${reply.map((item) => ofScript(item)).join(", ")}]`;
  if (reply instanceof SetReply) return `~${reply.items.map(ofScript).toSorted().join(", ")}`;
  if (!(reply instanceof MapReply)) return format(reply);
  const entries: string[] = [];
  for (let at = 0; at < reply.flat.length; at += 2) {
    entries.push(`${ofScript(reply.flat[at] ?? null)}: ${ofScript(reply.flat[at + 1] ?? null)}`);
  }
  return `{${entries.toSorted().join(", ")}}`;
}

/** For replies whose lists are sets, at every level. */
export function deeplySorted(reply: Reply): string {
  if (reply === null || typeof reply !== "object") return format(reply);
  const items = itemsOf(reply);
  if (items[0] === reply) return format(reply);
  return `(${items
    .map((item) => deeplySorted(item))
    .toSorted()
    .join(" ")})`;
}

function shape(reply: Reply): string {
  if (Array.isArray(reply)) return `[${reply.map((item) => shape(item)).join(" ")}]`;
  return reply === null ? "nil" : typeof reply;
}

function withoutIdle(reply: Reply): Reply {
  if (!Array.isArray(reply)) return reply;
  return reply.map((item) =>
    Array.isArray(item) && item.length === 4
      ? [item[0] ?? null, item[1] ?? null, item[3] ?? null]
      : item,
  );
}

function shortNumbers(reply: Reply): Reply {
  if (Array.isArray(reply)) return reply.map((item) => shortNumbers(item));
  if (typeof reply !== "string" || !NUMBER.test(reply)) return reply;
  return String(Number(reply));
}
