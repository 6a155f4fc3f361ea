// The rows of streams: what COMMAND, ACL, dispatch and docs/commands.md know of them. Those that concern
// consumer groups are in stream-group-rows.ts.

import { block, KEY, KEYS, oneOf, string, tokenInteger, word } from "./argument-specs.ts";
import * as run from "./stream.ts";
import { REFERENCES, streamDeleteCommands } from "./stream-delete-rows.ts";
import { ofGroups } from "./stream-group.ts";
import { streamGroupCommands } from "./stream-group-rows.ts";
import { xinfoConsumers, xinfoGroups, xinfoStream } from "./stream-info.ts";
import { xread } from "./stream-read.ts";
import { helpRow } from "./help.ts";
import {
  NO_KEYS,
  ONE_KEY_READ,
  oneKey,
  type ArgumentSpec,
  type CommandRows,
  type KeySpec,
} from "./table.ts";

const writesFast = { kind: "data", flags: ["write", "fast"], group: "stream" } as const;
const reads = { kind: "data", flags: ["readonly"], group: "stream", keys: ONE_KEY_READ } as const;
const optional = { optional: true } as const;
const COUNT = { ...tokenInteger("COUNT", "count"), optional: true };
const IDS: ArgumentSpec = { name: "id", type: "string", multiple: true };
const TRIM_PARTS = [
  oneOf("strategy", [word("MAXLEN"), word("MINID", { since: "6.2.0" })]),
  oneOf(
    "operator",
    [
      { name: "equal", type: "pure-token", token: "=" },
      { name: "approximately", type: "pure-token", token: "~" },
    ],
    optional,
  ),
  string("threshold"),
  { ...tokenInteger("LIMIT", "count", "6.2.0"), optional: true },
];

/** The keys are the first half of what follows STREAMS. */
export function streamKeys(from: number): readonly KeySpec[] {
  const flags = ["RO", "access"] as const;
  return [{ kind: "keyword", word: "STREAMS", from, last: -1, step: 1, limit: 2, flags }];
}

export const STREAMS = block("streams", [KEYS, IDS], { token: "STREAMS" });

const writingRows: CommandRows = {
  XADD: {
    ...writesFast,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    arity: -5,
    since: "5.0.0",
    summary: "Adds an entry to a stream and tells its ID.",
    complexity: "O(1); O(N) when it trims, with N the number of entries removed",
    arguments: [
      KEY,
      word("NOMKSTREAM", { optional: true, since: "6.2.0" }),
      REFERENCES,
      block("trim", TRIM_PARTS, optional),
      oneOf("id_or_auto", [{ name: "auto_id", type: "pure-token", token: "*" }, string("id")]),
      block("field_value", [string("field"), string("value")], { multiple: true }),
    ],
    run: run.xadd,
  },
  XDEL: {
    ...writesFast,
    keys: oneKey("RW", "delete"),
    arity: -3,
    since: "5.0.0",
    summary: "Removes entries from a stream and tells how many of them were there.",
    complexity: "O(log N) for each entry, with N the length of the stream",
    arguments: [KEY, IDS],
    run: run.xdel,
  },
  XSETID: {
    ...writesFast,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "update"),
    arity: -3,
    since: "5.0.0",
    summary: "Sets the last ID of a stream, and its counters.",
    complexity: "O(1)",
    arguments: [
      KEY,
      string("last-id"),
      { ...tokenInteger("ENTRIESADDED", "entries-added", "7.0.0"), optional: true },
      {
        name: "max-deleted-id",
        type: "string",
        token: "MAXDELETEDID",
        optional: true,
        since: "7.0.0",
      },
    ],
    run: ofGroups(run.xsetid),
  },
  XTRIM: {
    ...writesFast,
    flags: ["write"],
    keys: oneKey("RW", "delete"),
    arity: -4,
    since: "5.0.0",
    summary: "Removes the oldest entries of a stream and tells how many.",
    complexity: "O(N) with N the number of entries removed",
    arguments: [KEY, block("trim", TRIM_PARTS), REFERENCES],
    run: run.xtrim,
  },
};

const readingRows: CommandRows = {
  XLEN: {
    ...reads,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    arity: 2,
    since: "5.0.0",
    summary: "Counts the entries of a stream.",
    complexity: "O(1)",
    arguments: [KEY],
    run: run.xlen,
  },
  XRANGE: {
    ...reads,
    arity: -4,
    since: "5.0.0",
    summary: "Lists the entries of a stream between two IDs.",
    complexity: "O(log N + M) with N the length of the stream and M the entries listed",
    arguments: [KEY, string("start"), string("end"), COUNT],
    run: run.xrange,
  },
  XREAD: {
    ...reads,
    flags: ["readonly", "blocking"],
    keys: streamKeys(1),
    arity: -4,
    since: "5.0.0",
    summary: "Lists what several streams have behind given IDs; waits for it if so asked.",
    complexity: "O(log N + M) for each stream, with N its length and M the entries listed",
    arguments: [
      COUNT,
      { name: "milliseconds", type: "integer", token: "BLOCK", optional: true },
      STREAMS,
    ],
    run: xread,
  },
  XREVRANGE: {
    ...reads,
    arity: -4,
    since: "5.0.0",
    summary: "Lists the entries of a stream between two IDs, the last one first.",
    complexity: "O(log N + M) with N the length of the stream and M the entries listed",
    arguments: [KEY, string("end"), string("start"), COUNT],
    run: run.xrevrange,
  },
};

const inspects = {
  kind: "data",
  flags: ["readonly"],
  group: "stream",
  keys: [{ kind: "range", first: 2, last: 2, step: 1, flags: ["RO", "access"] }],
} as const;

const infoRow: CommandRows = {
  XINFO: {
    kind: "container",
    flags: [],
    keys: NO_KEYS,
    group: "stream",
    arity: -2,
    since: "5.0.0",
    summary: "Tells what a stream, its groups or their consumers are like.",
    complexity: "that of its subcommands",
    subcommands: {
      CONSUMERS: {
        ...inspects,
        arity: 4,
        since: "5.0.0",
        summary: "Lists the consumers of a group.",
        complexity: "O(N) with N the number of consumers",
        arguments: [KEY, string("groupname")],
        run: xinfoConsumers,
      },
      GROUPS: {
        ...inspects,
        arity: 3,
        since: "5.0.0",
        summary: "Lists the consumer groups of a stream.",
        complexity: "O(N) with N the number of groups",
        arguments: [KEY],
        run: xinfoGroups,
      },
      STREAM: {
        ...inspects,
        arity: -3,
        since: "5.0.0",
        summary:
          "Tells what a stream is like: its counters, its ends, with FULL its groups as well.",
        complexity: "O(1); with FULL, O(N) with N what is listed",
        arguments: [KEY, block("full-block", [word("FULL"), COUNT], optional)],
        run: xinfoStream,
      },
      HELP: helpRow(
        "XINFO",
        [
          ["CONSUMERS <key> <groupname>", "Lists the consumers of a group."],
          ["GROUPS <key>", "Lists the consumer groups of a stream."],
          ["STREAM <key> [FULL [COUNT <count>]]", "Tells what a stream is like."],
        ],
        { group: "stream", since: "5.0.0" },
      ),
    },
  },
};

export const streamCommands: CommandRows = {
  ...writingRows,
  ...readingRows,
  ...infoRow,
  ...streamGroupCommands,
  ...streamDeleteCommands,
};
