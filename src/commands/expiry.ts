// When keys die: EXPIRE, TTL and their kin. A time that has already passed deletes the key at once.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, invalidExpireTime, NOT_AN_INTEGER } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { expiryMsOf, type TimeUnit } from "../types/expiry.ts";
import { parseInteger } from "../types/number.ts";
import { integer, KEY, oneOf, word } from "./argument-specs.ts";
import {
  at,
  ONE_KEY_READ,
  oneKey,
  type Args,
  type CommandRows,
  type DataCommand,
} from "./table.ts";

const KEYSPACE = ["keyspace"] as const;
const CONDITION = oneOf("condition", [word("NX"), word("XX"), word("GT"), word("LT")], {
  optional: true,
  since: "7.0.0",
});

const NX_WITH_OTHERS = new CommandError(
  "ERR NX and XX, GT or LT options at the same time are not compatible",
);
const GT_WITH_LT = new CommandError("ERR GT and LT options at the same time are not compatible");
const NO_KEY = -2;
const NO_EXPIRY = -1;

export const expiryCommands: CommandRows = {
  EXPIRE: expireRow(
    "expire",
    { unit: "s", from: "now" },
    {
      since: "1.0.0",
      summary: "Lets a key live for a number of seconds from now.",
    },
  ),
  PEXPIRE: expireRow(
    "pexpire",
    { unit: "ms", from: "now" },
    {
      since: "2.6.0",
      summary: "Lets a key live for a number of milliseconds from now.",
    },
  ),
  EXPIREAT: expireRow(
    "expireat",
    { unit: "s", from: "epoch" },
    {
      since: "1.2.0",
      summary: "Lets a key live until a moment given in seconds since the Unix epoch.",
    },
  ),
  PEXPIREAT: expireRow(
    "pexpireat",
    { unit: "ms", from: "epoch" },
    {
      since: "2.6.0",
      summary: "Lets a key live until a moment given in milliseconds since the Unix epoch.",
    },
  ),
  TTL: lifeRow({
    since: "1.0.0",
    summary: "Tells the seconds that a key has left: -1 when it does not expire, -2 without a key.",
    run: (view, args) => lifeOf(view, args, (expiryMs) => toSeconds(expiryMs - view.nowMs)),
  }),
  PTTL: lifeRow({
    since: "2.6.0",
    summary:
      "Tells the milliseconds that a key has left: -1 when it does not expire, -2 without one.",
    run: (view, args) => lifeOf(view, args, (expiryMs) => expiryMs - view.nowMs),
  }),
  EXPIRETIME: lifeRow({
    since: "7.0.0",
    summary: "Tells when a key dies, in seconds since the Unix epoch; -1 and -2 as TTL.",
    run: (view, args) => lifeOf(view, args, toSeconds),
  }),
  PEXPIRETIME: lifeRow({
    since: "7.0.0",
    summary: "Tells when a key dies, in milliseconds since the Unix epoch; -1 and -2 as TTL.",
    run: (view, args) => lifeOf(view, args, (expiryMs) => expiryMs),
  }),
  PERSIST: {
    kind: "data",
    arity: 2,
    flags: ["write", "fast"],
    keys: oneKey("RW", "update"),
    group: "generic",
    since: "2.2.0",
    summary: "Takes the expiry off a key.",
    complexity: "O(1)",
    arguments: [KEY],
    categories: KEYSPACE,
    run: persist,
  },
};

/** How a command states a moment. */
interface Scale {
  readonly unit: TimeUnit;
  readonly from: "now" | "epoch";
}

function expireRow(
  name: string,
  scale: Scale,
  facts: { readonly since: string; readonly summary: string },
): DataCommand {
  const unit = scale.unit === "ms" ? "milliseconds" : "seconds";
  return {
    kind: "data",
    arity: -3,
    flags: ["write", "fast"],
    keys: oneKey("RW", "update"),
    group: "generic",
    complexity: "O(1)",
    arguments: [
      KEY,
      scale.from === "now" ? integer(unit) : { name: `unix-time-${unit}`, type: "unix-time" },
      CONDITION,
    ],
    categories: KEYSPACE,
    ...facts,
    run: (view, args) => expire(view, args, { name, scale }),
  };
}

function lifeRow(facts: Pick<DataCommand, "since" | "summary" | "run">): DataCommand {
  return {
    kind: "data",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY_READ,
    group: "generic",
    complexity: "O(1)",
    arguments: [KEY],
    categories: KEYSPACE,
    ...facts,
  };
}

interface Conditions {
  nx: boolean;
  xx: boolean;
  gt: boolean;
  lt: boolean;
}

function expire(view: View, args: Args, command: { name: string; scale: Scale }): Reply {
  const conditions = conditionsOf(args);
  const expiryMs = momentOf(view, at(args, 2), command);
  const record = view.find(at(args, 1));
  if (record === null || !allows(conditions, record.expiryMs, expiryMs)) return 0;
  if (expiryMs <= view.nowMs) {
    view.remove(record.key);
    view.notify("generic", "del", record.key);
    return 1;
  }
  view.setExpiry(record, expiryMs);
  view.notify("generic", "expire", record.key);
  return 1;
}

function conditionsOf(args: Args): Conditions {
  const conditions = { nx: false, xx: false, gt: false, lt: false };
  for (let index = 3; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    if (option === "NX") conditions.nx = true;
    else if (option === "XX") conditions.xx = true;
    else if (option === "GT") conditions.gt = true;
    else if (option === "LT") conditions.lt = true;
    else throw new CommandError(`ERR Unsupported option ${at(args, index)}`);
  }
  const { nx, xx, gt, lt } = conditions;
  if (nx && (xx || gt || lt)) throw NX_WITH_OTHERS;
  if (gt && lt) throw GT_WITH_LT;
  return conditions;
}

/** `beforeMs` is 0 for a key that does not expire: later than every time, for GT and LT. */
function allows(conditions: Conditions, beforeMs: number, expiryMs: number): boolean {
  const { nx, xx, gt, lt } = conditions;
  if (nx && beforeMs !== 0) return false;
  if (xx && beforeMs === 0) return false;
  if (gt && (beforeMs === 0 || expiryMs <= beforeMs)) return false;
  return !lt || beforeMs === 0 || expiryMs < beforeMs;
}

/** Milliseconds since the epoch; times before it are possible, and long past. */
function momentOf(view: View, text: Bytes, command: { name: string; scale: Scale }): number {
  const amount = parseInteger(text);
  if (amount === null) throw NOT_AN_INTEGER;
  const expiryMs = expiryMsOf({ amount, ...command.scale }, view.nowMs);
  if (expiryMs === null) throw invalidExpireTime(command.name);
  return expiryMs;
}

function lifeOf(view: View, args: Args, life: (expiryMs: number) => number): Reply {
  const record = view.peek(at(args, 1));
  if (record === null) return NO_KEY;
  return record.expiryMs === 0 ? NO_EXPIRY : life(record.expiryMs);
}

/** Rounded as Redis rounds. */
function toSeconds(timeMs: number): number {
  return Math.floor((timeMs + 500) / 1000);
}

function persist(view: View, args: Args): Reply {
  const record = view.find(at(args, 1));
  if (record === null || record.expiryMs === 0) return 0;
  view.setExpiry(record, 0);
  view.notify("generic", "persist", record.key);
  return 1;
}
