// Where a reply may be another than that of Debian's redis-server 7.0.15, each with the heading of
// docs/compatibility.md under which the reason stands. Nothing else may differ.

import type { Bytes } from "../../src/base/bytes.ts";
import { EXPIRY_MS_MAX } from "../../src/encoding/record.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import type { WireTarget } from "../conversations/wire.ts";
import { areTied, haveEqualWeights } from "./equal-weights.ts";

export interface Difference {
  readonly args: readonly Bytes[];
  /** What the program said before it. */
  readonly before: readonly (readonly Bytes[])[];
  /** And what it said later, which is heard while the command waits. */
  readonly after: readonly (readonly Bytes[])[];
  /** Replies as compared: format() of what normal.ts makes of them. */
  readonly kept: string;
  readonly redis: string;
}

export interface Known {
  readonly what: string;
  readonly heading: string;
  /** Whether the two hold different data from then on, so that the rest of a program says nothing. */
  readonly ends: boolean;
  readonly applies: (difference: Difference) => boolean;
  /** Asks a server that holds what there was at that moment whether the reason is true. */
  readonly isProved?: (target: WireTarget, difference: Difference) => Promise<boolean>;
  /** Where among the commands before it the moment was, when it was not at the difference itself. */
  readonly momentOf?: (difference: Difference) => number;
}

const isNamed = ({ args }: Difference, ...names: readonly string[]): boolean =>
  names.includes((args[0] ?? "").toUpperCase());

/** Whether such a command came before; scripts may have called it unseen. */
const follows = ({ before }: Difference, pattern: RegExp): boolean =>
  before.some(
    ([name = "", ...rest]) =>
      pattern.test(name) || (CALLS.test(name) && rest.some((word) => pattern.test(word))),
  );
const CALLS = /^(?:EVAL|FCALL|FUNCTION|SCRIPT)/i;
const hasWord = ({ args }: Difference, word: string): boolean =>
  args.some((argument) => argument.toUpperCase() === word);
const isError = ({ kept, redis }: Difference): boolean =>
  kept.startsWith("-") || redis.startsWith("-");

const NO_DOUBLE = "-ERR One or more scores can't be converted into double";
const OUT_OF_RANGE = /5e-324|1e400/;
const NO_OPPOSITE = "-ERR value is out of range, value must between -9223372036854775807";
const withoutConsumers = (text: string): string => text.replaceAll(/"consumers"[,:] \d+/g, "");

const LEX_COMMANDS = "ZRANGE,ZRANGESTORE,ZLEXCOUNT,ZRANGEBYLEX,ZREVRANGEBYLEX,ZREMRANGEBYLEX".split(
  ",",
);

const isEncoding = (difference: Difference): boolean =>
  isNamed(difference, "OBJECT") && (difference.args[1] ?? "").toUpperCase() === "ENCODING";

export const KNOWN: readonly Known[] = [
  {
    what: "OBJECT ENCODING of a sorted set that SORT has looked at",
    heading: "SORT",
    ends: false,
    applies: (difference) =>
      isEncoding(difference) &&
      difference.kept === '"listpack"' &&
      difference.redis === '"skiplist"' &&
      hasBeenSorted(difference),
  },
  {
    what: "SORT ALPHA of texts with a zero byte, which end there in Redis",
    heading: "SORT",
    // With STORE the lists differ in their order from then on.
    ends: true,
    applies: (difference) =>
      isNamed(difference, "SORT", "SORT_RO") &&
      difference.args.some((argument) => argument.toUpperCase() === "ALPHA") &&
      (difference.redis.includes("\\x00") || difference.kept.includes("\\x00")),
  },
  {
    what: "SORT BY weights that are equal: of a set in the order of the set, which has none; of a sorted set or with LIMIT in any",
    heading: "SORT",
    // With STORE the lists differ in their order from then on.
    ends: true,
    applies: (difference) =>
      isNamed(difference, "SORT", "SORT_RO") && hasWord(difference, "BY") && !isError(difference),
    isProved: haveEqualWeights,
  },
  {
    what: "times end in the year 10889",
    heading: "Keys",
    ends: false,
    applies: ({ args: [name = ""], kept, redis }) => {
      const unit = { EXPIRETIME: 1000, PEXPIRETIME: 1 }[name.toUpperCase()];
      const last = Math.round(EXPIRY_MS_MAX / (unit ?? 1));
      return unit !== undefined && kept === String(last) && BigInt(redis) > BigInt(last);
    },
  },
  {
    what: "SORT in Redis trips over the error that a number out of range left before, in the same read",
    heading: "SORT",
    ends: true,
    applies: (difference) =>
      isNamed(difference, "SORT", "SORT_RO") &&
      difference.redis === NO_DOUBLE &&
      !difference.kept.startsWith("-") &&
      difference.before.some((words) => words.some((word) => OUT_OF_RANGE.test(word))),
  },
  {
    what: "LTRIM that trims nothing is no change that a WATCH is lost by",
    heading: "Lists",
    ends: true,
    applies: (difference) => losesWatch(difference, "redis", "LTRIM"),
  },
  {
    what: "BITFIELD that only lengthens a string is a change that a WATCH is lost by",
    heading: "Strings",
    ends: true,
    applies: (difference) =>
      losesWatch(difference, "kept", "BITFIELD") &&
      !difference.redis.startsWith("nil") &&
      difference.before.some((words) => words.some((word) => /\bFAIL\b/i.test(word))),
  },
  {
    what: "who waits in XREADGROUP for a stream that goes is told what is now, since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: false,
    applies: (difference) =>
      isNamed(difference, "XREADGROUP") &&
      /^-(?:NOGROUP|WRONGTYPE)/.test(difference.kept) &&
      /^-UNBLOCKED|this client was blocked on/.test(difference.redis),
  },
  {
    what: "who waits for several keys is run again from the first of them, since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: true,
    applies: (difference) =>
      /^B(?:[LR]|Z)/i.test(difference.args[0] ?? "") &&
      difference.kept.startsWith("-WRONGTYPE") &&
      !difference.redis.startsWith("-"),
  },
  {
    what: "who waits for several keys that one EXEC feeds is served from the first of them, since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: true,
    applies: ({ args, kept, redis }) => {
      const [ours = -1, theirs = -1] = [kept, redis].map((reply) =>
        args.indexOf(servedKey(reply) ?? "", 1),
      );
      return /^B(?:[LR]|Z)/i.test(args[0] ?? "") && ours > 0 && theirs > ours;
    },
    isProved: async (target, { args }) => (await target.send(["EXISTS", ...args.slice(1)])) === 0,
  },
  {
    what: "who waits in XREAD for several streams is answered all that one EXEC has fed, since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: true,
    applies: (difference) =>
      isNamed(difference, "XREAD", "XREADGROUP") &&
      hasWord(difference, "BLOCK") &&
      streamsIn(difference.kept).length > 1 &&
      streamsIn(difference.redis).length === 1 &&
      difference.kept.includes(difference.redis.slice(2, -2)),
    isProved: hadToWait,
  },
  {
    what: "a list or sorted set that takes the place of a value of another type serves who waits for it",
    heading: "Waiting for a key",
    ends: true,
    applies: (difference) =>
      /^B(?:[LR]|Z)/i.test(difference.args[0] ?? "") &&
      difference.redis.startsWith("nil") &&
      !/^(?:nil|-)/.test(difference.kept) &&
      [...difference.before, ...difference.after].some(
        ([name, key = ""]) => name === "SET" && difference.args.includes(key),
      ) &&
      difference.after.some(
        ([name = "", ...rest]) =>
          /^(?:SORT|RENAME|COPY|RESTORE|Z.*STORE)/i.test(name) &&
          rest.some((key) => difference.args.includes(key)),
      ),
  },
  {
    what: "OBJECT ENCODING of a whole number that INCRBYFLOAT has made",
    heading: "Strings",
    ends: false,
    applies: (difference) =>
      isEncoding(difference) &&
      difference.redis === '"embstr"' &&
      difference.kept === '"int"' &&
      follows(difference, /\bINCRBYFLOAT\b/i),
  },
  {
    what: "OBJECT REFCOUNT in a transaction and of what was changed in place",
    heading: "Strings",
    ends: false,
    applies: (difference) =>
      isNamed(difference, "OBJECT") &&
      (difference.args[1] ?? "").toUpperCase() === "REFCOUNT" &&
      ((difference.kept === "1" && difference.redis === "2") ||
        (difference.kept === "2147483647" && difference.redis === "1")),
  },
  {
    what: "short lists are listpacks since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: false,
    applies: (difference) =>
      isEncoding(difference) &&
      difference.redis === '"quicklist"' &&
      difference.kept === '"listpack"',
  },
  {
    what: "the smallest number of 64 bits is no count of LREM and no rank of LPOS since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: true,
    applies: (difference) =>
      isNamed(difference, "LREM", "LPOS") && difference.kept.startsWith(NO_OPPOSITE),
  },
  {
    what: "ZRANK and ZREVRANK know WITHSCORE since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: true,
    applies: (difference) =>
      isNamed(difference, "ZRANK", "ZREVRANK") &&
      difference.redis.startsWith("-ERR wrong number of arguments"),
  },
  {
    what: "a zero byte ends the bound of a range of scores",
    heading: "Sorted sets",
    ends: true,
    applies: (difference) =>
      difference.kept.includes("-ERR min or max is not a float") &&
      difference.args.some((word) => word.includes("\0")),
  },
  {
    what: "ranges by the bytes of members where scores differ are not specified",
    heading: "Sorted sets",
    ends: true,
    applies: (difference) =>
      !isError(difference) &&
      difference.args.some((word) => /^(?:BYLEX|Z\w*LEX\w*)$/i.test(word)) &&
      isNamed(difference, ...LEX_COMMANDS),
    isProved: haveScoresThatDiffer,
  },
  {
    what: "PFCOUNT remembers its result, which is no change that a WATCH is lost by",
    heading: "HyperLogLogs",
    ends: true,
    applies: (difference) => losesWatch(difference, "redis", "PFCOUNT"),
  },
  {
    what: "which of two errors of ZMPOP and BZMPOP is told",
    heading: "Sorted sets",
    ends: false,
    applies: (difference) =>
      isNamed(difference, "ZMPOP", "BZMPOP") &&
      difference.kept === "-ERR syntax error" &&
      difference.redis === "-ERR count should be greater than 0",
  },
  {
    what: "XSETID refuses an id below one that was deleted since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: true,
    applies: (difference) =>
      isNamed(difference, "XSETID") &&
      difference.kept.endsWith("is smaller than current max_deleted_entry_id"),
  },
  {
    what: "small sets are listpacks since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: false,
    applies: (difference) =>
      isEncoding(difference) &&
      difference.redis === '"hashtable"' &&
      difference.kept === '"listpack"',
  },
  {
    what: "XREAD and XREADGROUP name themselves since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: false,
    applies: (difference) =>
      isNamed(difference, "XREAD", "XREADGROUP") &&
      difference.redis.startsWith("-ERR Unbalanced XREAD list"),
  },
  {
    what: "XREADGROUP, XCLAIM and XAUTOCLAIM make the consumer even if they find nothing since Redis 7.2",
    heading: "What Redis 7.0 answers otherwise",
    ends: true,
    applies: (difference) =>
      (isNamed(difference, "XINFO", "CROSS") &&
        withoutConsumers(difference.kept) === withoutConsumers(difference.redis)) ||
      (isNamed(difference, "XGROUP") && difference.kept === "0" && difference.redis === "1"),
  },
  {
    what: "what SORT BY has stored whose weights are equal, read later",
    heading: "SORT",
    ends: true,
    applies: (difference) => !isError(difference) && storesSorted(difference) >= 0,
    momentOf: storesSorted,
    isProved: (target, difference) =>
      areTied(target, difference.before[storesSorted(difference)] ?? []),
  },
];

/** The key that a reply to somebody who waited names first. */
function servedKey(reply: string): string | undefined {
  return /^\[ "([^"]*)"/.exec(reply)?.[1];
}

/** The streams of the pairs' programs that a reply of XREAD names. */
function streamsIn(reply: string): readonly string[] {
  return reply.match(/"x\d"(?=[:,] \[)/g) ?? [];
}

/** Whether an EXEC is lost here, or there, after such a call on a key that was watched. */
function losesWatch(difference: Difference, where: "kept" | "redis", command: string): boolean {
  return (
    isNamed(difference, "EXEC") &&
    difference[where].startsWith("nil") &&
    callsOnWatched(difference, command)
  );
}

/** Somebody has said this command of a key that was watched; or a script, which may name it by chance. */
function callsOnWatched({ before }: Difference, command: string): boolean {
  const watched = new Set<Bytes>();
  for (const [name = "", ...rest] of before) {
    if (/^WATCH$/i.test(name)) for (const key of rest) watched.add(key);
    if (name.toUpperCase() === command && rest.some((key) => watched.has(key))) return true;
    if (CALLS.test(name) && rest.some((word) => word.toUpperCase().includes(command))) return true;
  }
  return false;
}

/**
 * Somebody has sorted this very key, or the one that it was copied from: by SORT itself, or in a script, which
 * may name it by chance.
 */
function hasBeenSorted({ args, before }: Difference): boolean {
  const keys = new Set([args[2] ?? ""]);
  return before.toReversed().some(([name = "", source = "", target = ""]) => {
    if (/^(?:COPY|RENAME(?:NX)?)$/i.test(name) && keys.has(target)) keys.add(source);
    return (
      (/^SORT(?:_RO)?$/i.test(name) && keys.has(source)) ||
      (CALLS.test(name) && source.includes("SORT") && [...keys].some((key) => source.includes(key)))
    );
  });
}

/** Where the last SORT with BY and STORE stands among the commands before. */
function storesSorted({ before }: Difference): number {
  return before.findLastIndex(
    (words) =>
      /^SORT$/i.test(words[0] ?? "") &&
      ["BY", "STORE"].every((option) => words.some((word) => word.toUpperCase() === option)),
  );
}

/** When it was asked there was nothing, so that one commit has brought all that came. */
async function hadToWait(target: WireTarget, { args }: Difference): Promise<boolean> {
  const at = args.findIndex((word) => word.toUpperCase() === "BLOCK");
  return format(await target.send(args.toSpliced(at, 2))).startsWith("nil");
}

async function haveScoresThatDiffer(target: WireTarget, { args }: Difference): Promise<boolean> {
  const key = /^ZRANGESTORE$/i.test(args[0] ?? "") ? args[2] : args[1];
  const members = await target.send(["ZRANGE", key ?? "", "0", "-1", "WITHSCORES"]);
  if (!Array.isArray(members)) return false;
  const scores = members
    .flat()
    .map((item: Reply) => format(item))
    .filter((_, index) => index % 2 === 1);
  return new Set(scores).size > 1;
}

export function reasonsFor(difference: Difference): readonly Known[] {
  return KNOWN.filter(({ applies }) => applies(difference));
}
