// The rows of consumer groups: XGROUP, XREADGROUP, XACK, XPENDING, XCLAIM and XAUTOCLAIM.

import { block, integer, KEY, KEYS, oneOf, string, tokenInteger, word } from "./argument-specs.ts";
import { helpRow } from "./help.ts";
import * as run from "./stream-group.ts";
import { ofGroups } from "./stream-group.ts";
import { xautoclaim, xclaim, xpending } from "./stream-pending.ts";
import { xreadgroup } from "./stream-read.ts";
import {
  NO_KEYS,
  ONE_KEY_READ,
  oneKey,
  type ArgumentSpec,
  type CommandRows,
  type KeyFlag,
  type KeySpec,
} from "./table.ts";

const optional = { optional: true } as const;
const GROUP = string("group");
const GROUP_NAME = string("groupname");
const CONSUMER_NAME = string("consumername");
const IDS: ArgumentSpec = { name: "id", type: "string", multiple: true };
const COUNT = { ...tokenInteger("COUNT", "count"), optional: true };
const ID_OR_LAST = oneOf("id-selector", [
  string("id"),
  { name: "new-id", type: "pure-token", token: "$" },
]);
const ENTRIES_READ = {
  ...tokenInteger("ENTRIESREAD", "entries-read", "7.0.0"),
  optional: true,
};
const READ_KEYS: readonly KeySpec[] = [
  {
    kind: "keyword",
    word: "STREAMS",
    from: 4,
    last: -1,
    step: 1,
    limit: 2,
    flags: ["RO", "access"],
  },
];

function secondKey(...flags: KeyFlag[]): readonly KeySpec[] {
  return [{ kind: "range", first: 2, last: 2, step: 1, flags }];
}

const writes = { kind: "data", flags: ["write"], group: "stream" } as const;
const writesFast = { ...writes, flags: ["write", "fast"] } as const;
const grows = { ...writes, flags: ["write", "denyoom"] } as const;

const groupRow: CommandRows = {
  XGROUP: {
    kind: "container",
    flags: [],
    keys: NO_KEYS,
    group: "stream",
    arity: -2,
    since: "5.0.0",
    summary: "Makes, changes and removes consumer groups and their consumers.",
    complexity: "that of its subcommands",
    subcommands: {
      CREATE: {
        ...grows,
        keys: secondKey("RW", "insert"),
        arity: -5,
        since: "5.0.0",
        summary: "Makes a consumer group.",
        complexity: "O(1)",
        arguments: [KEY, GROUP_NAME, ID_OR_LAST, word("MKSTREAM", optional), ENTRIES_READ],
        run: run.xgroupCreate,
      },
      CREATECONSUMER: {
        ...grows,
        keys: secondKey("RW", "insert"),
        arity: 5,
        since: "6.2.0",
        summary: "Makes a consumer in a group, unless there is one of that name.",
        complexity: "O(1)",
        arguments: [KEY, GROUP_NAME, CONSUMER_NAME],
        run: ofGroups(run.xgroupCreateconsumer),
      },
      DELCONSUMER: {
        ...writes,
        keys: secondKey("RW", "delete"),
        arity: 5,
        since: "5.0.0",
        summary: "Removes a consumer and what it has pending.",
        complexity: "O(N) with N the number of entries it has pending",
        arguments: [KEY, GROUP_NAME, CONSUMER_NAME],
        run: ofGroups(run.xgroupDelconsumer),
      },
      DESTROY: {
        ...writes,
        keys: secondKey("RW", "delete"),
        arity: 4,
        since: "5.0.0",
        summary: "Removes a consumer group.",
        complexity: "O(1), but for what of the group is in memory",
        arguments: [KEY, GROUP_NAME],
        run: ofGroups(run.xgroupDestroy),
      },
      SETID: {
        ...writes,
        keys: secondKey("RW", "update"),
        arity: -5,
        since: "5.0.0",
        summary: "Sets the last ID that a consumer group has got.",
        complexity: "O(1)",
        arguments: [KEY, GROUP_NAME, ID_OR_LAST, ENTRIES_READ],
        run: ofGroups(run.xgroupSetid),
      },
      HELP: helpRow(
        "XGROUP",
        [
          ["CREATE <key> <groupname> <id|$> [MKSTREAM] [ENTRIESREAD <count>]", "Makes a group."],
          ["CREATECONSUMER <key> <groupname> <consumer>", "Makes a consumer."],
          ["DELCONSUMER <key> <groupname> <consumer>", "Removes a consumer."],
          ["DESTROY <key> <groupname>", "Removes a group."],
          ["SETID <key> <groupname> <id|$> [ENTRIESREAD <count>]", "Sets a group's last ID."],
        ],
        { group: "stream", since: "5.0.0" },
      ),
    },
  },
};

const pendingRows: CommandRows = {
  XACK: {
    ...writesFast,
    keys: oneKey("RW", "update"),
    arity: -4,
    since: "5.0.0",
    summary: "Says that entries were dealt with: they are pending no more.",
    complexity: "O(log N) for each entry, with N the number of pending ones",
    arguments: [KEY, GROUP, IDS],
    run: ofGroups(run.xack),
  },
  XAUTOCLAIM: {
    ...writesFast,
    keys: oneKey("RW", "delete"),
    arity: -6,
    since: "6.2.0",
    summary: "Gives a consumer entries that others have had pending for too long.",
    complexity: "O(N) with N ten times COUNT",
    arguments: [
      KEY,
      GROUP,
      string("consumer"),
      string("min-idle-time"),
      string("start"),
      COUNT,
      word("JUSTID", optional),
    ],
    run: ofGroups(xautoclaim),
  },
  XCLAIM: {
    ...writesFast,
    keys: oneKey("RW", "update"),
    arity: -6,
    since: "5.0.0",
    summary: "Gives a consumer entries that another has pending.",
    complexity: "O(log N) for each entry, with N the number of pending ones",
    arguments: [
      KEY,
      GROUP,
      string("consumer"),
      string("min-idle-time"),
      IDS,
      { name: "ms", type: "integer", token: "IDLE", optional: true },
      { name: "unix-time-milliseconds", type: "unix-time", token: "TIME", optional: true },
      { name: "count", type: "integer", token: "RETRYCOUNT", optional: true },
      word("FORCE", optional),
      word("JUSTID", optional),
      { name: "lastid", type: "string", token: "LASTID", optional: true },
    ],
    run: ofGroups(xclaim),
  },
  XPENDING: {
    kind: "data",
    flags: ["readonly"],
    group: "stream",
    keys: ONE_KEY_READ,
    arity: -3,
    since: "5.0.0",
    summary: "Tells what the consumers of a group have pending.",
    complexity: "O(N) with N the entries listed; without a range, the number of consumers",
    arguments: [
      KEY,
      GROUP,
      block(
        "filters",
        [
          { ...tokenInteger("IDLE", "min-idle-time", "6.2.0"), optional: true },
          string("start"),
          string("end"),
          integer("count"),
          { name: "consumer", type: "string", optional: true },
        ],
        optional,
      ),
    ],
    run: xpending,
  },
  XREADGROUP: {
    ...writes,
    flags: ["write", "blocking"],
    keys: READ_KEYS,
    arity: -7,
    since: "5.0.0",
    summary: "Gives a consumer what its group has not got yet, or what it has pending.",
    complexity: "O(log N + M) for each stream, with N its length and M the entries given",
    arguments: [
      block("group-block", [GROUP, string("consumer")], { token: "GROUP" }),
      COUNT,
      { name: "milliseconds", type: "integer", token: "BLOCK", optional: true },
      word("NOACK", optional),
      block("streams", [KEYS, IDS], { token: "STREAMS" }),
    ],
    run: ofGroups(xreadgroup),
  },
};

export const streamGroupCommands: CommandRows = { ...groupRow, ...pendingRows };
