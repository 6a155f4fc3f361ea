// Pub/sub: PUBLISH and SPUBLISH, the six that subscribe and unsubscribe, and PUBSUB.
//
// PUBLISH is a data command, so that it takes part in units of work: in an EXEC its message leaves with
// the commit, or with a refused one not at all (law 5). Its answer counts who is subscribed when it
// runs; who is subscribed when it leaves is told.

import type { Bytes } from "../base/bytes.ts";
import type { Space } from "../keyspace/audience.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import { Status, type Reply } from "../resp/reply.ts";
import { string } from "./argument-specs.ts";
import type { SessionPort, SubscriptionKind } from "./ports.ts";
import {
  at,
  keysToEnd,
  NO_KEYS,
  NO_REPLY,
  oneKey,
  type Args,
  type ArgumentSpec,
  type CommandFlag,
  type CommandRow,
  type CommandRows,
  type NoReply,
} from "./table.ts";

const SUBSCRIBING: readonly CommandFlag[] = ["pubsub", "noscript", "loading", "stale"];
const PUBLISHING: readonly CommandFlag[] = ["pubsub", "loading", "stale", "fast", "may_replicate"];
const LOOKING: readonly CommandFlag[] = ["pubsub", "loading", "stale"];

const SUBNAME_SHOWN_MAX = 128;

const PATTERN: ArgumentSpec = { name: "pattern", type: "pattern", optional: true };

function many(name: string, type: "string" | "pattern"): ArgumentSpec {
  return { name, type, multiple: true };
}

function optionalMany(name: string, type: "string" | "pattern"): ArgumentSpec {
  return { name, type, multiple: true, optional: true };
}

const HELP_LINES: readonly string[] = [
  "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "CHANNELS [<pattern>]",
  "    Channels that have a subscriber, those matching the pattern if one is given.",
  "NUMPAT",
  "    How many different patterns are subscribed to.",
  "NUMSUB [<channel> ...]",
  "    How many are subscribed to each channel by its name, patterns left aside.",
  "SHARDCHANNELS [<pattern>]",
  "    As CHANNELS, for shard channels.",
  "SHARDNUMSUB [<shardchannel> ...]",
  "    As NUMSUB, for shard channels.",
  "HELP",
  "    Print this help.",
];

const subcommands: CommandRows = {
  CHANNELS: {
    kind: "data",
    arity: -2,
    flags: LOOKING,
    keys: NO_KEYS,
    group: "pubsub",
    since: "2.8.0",
    summary: "Lists the channels that somebody is subscribed to by name.",
    complexity: "O(N), N being the number of such channels",
    arguments: [PATTERN],
    run: (view, args) => channels(view, "channel", args),
  },
  NUMPAT: {
    kind: "data",
    arity: 2,
    flags: LOOKING,
    keys: NO_KEYS,
    group: "pubsub",
    since: "2.8.0",
    summary: "Counts the different patterns that are subscribed to.",
    complexity: "O(1)",
    run: (view) => view.audience.patternCount,
  },
  NUMSUB: {
    kind: "data",
    arity: -2,
    flags: LOOKING,
    keys: NO_KEYS,
    group: "pubsub",
    since: "2.8.0",
    summary: "Counts the subscribers of each channel, those of patterns left aside.",
    complexity: "O(N), N being the number of channels asked for",
    arguments: [optionalMany("channel", "string")],
    run: (view, args) => subscriberCounts(view, "channel", args),
  },
  SHARDCHANNELS: {
    kind: "data",
    arity: -2,
    flags: LOOKING,
    keys: NO_KEYS,
    group: "pubsub",
    since: "7.0.0",
    summary: "Lists the shard channels that have a subscriber.",
    complexity: "O(N), N being the number of such channels",
    arguments: [PATTERN],
    run: (view, args) => channels(view, "shard", args),
  },
  SHARDNUMSUB: {
    kind: "data",
    arity: -2,
    flags: LOOKING,
    keys: NO_KEYS,
    group: "pubsub",
    since: "7.0.0",
    summary: "Counts the subscribers of each shard channel.",
    complexity: "O(N), N being the number of channels asked for",
    arguments: [optionalMany("shardchannel", "string")],
    run: (view, args) => subscriberCounts(view, "shard", args),
  },
  HELP: {
    kind: "data",
    arity: 2,
    flags: ["loading", "stale"],
    keys: NO_KEYS,
    group: "pubsub",
    since: "6.2.0",
    summary: "Describes the subcommands.",
    complexity: "O(1)",
    run: () => HELP_LINES.map((line) => new Status(line)),
  },
};

export const pubsubCommands: CommandRows = {
  PUBLISH: {
    kind: "data",
    arity: 3,
    flags: [...PUBLISHING, "sentinel"],
    keys: NO_KEYS,
    group: "pubsub",
    since: "2.0.0",
    summary: "Sends a message to a channel and counts its receivers.",
    complexity: "O(N+M), N being the channel's subscribers and M the subscribed patterns",
    arguments: [string("channel"), string("message")],
    run: (view, args) => view.publish("channel", at(args, 1), at(args, 2)),
  },
  SPUBLISH: {
    kind: "data",
    arity: 3,
    flags: PUBLISHING,
    keys: oneKey("not_key"),
    group: "pubsub",
    since: "7.0.0",
    summary: "Sends a message to a shard channel and counts its receivers.",
    complexity: "O(N), N being the channel's subscribers",
    arguments: [string("shardchannel"), string("message")],
    run: (view, args) => view.publish("shard", at(args, 1), at(args, 2)),
  },
  SUBSCRIBE: subscribing("channel", {
    summary: "Listens to channels.",
    complexity: "O(N), N being the number of channels",
    arguments: [many("channel", "string")],
  }),
  PSUBSCRIBE: subscribing("pattern", {
    summary: "Listens to every channel that matches one of the patterns.",
    complexity: "O(N), N being the number of patterns",
    arguments: [many("pattern", "pattern")],
  }),
  SSUBSCRIBE: subscribing("shard", {
    summary: "Listens to shard channels.",
    complexity: "O(N), N being the number of channels",
    arguments: [many("shardchannel", "string")],
  }),
  UNSUBSCRIBE: unsubscribing("channel", {
    summary: "Stops listening to channels, to all of them if none is named.",
    complexity: "O(N), N being the number of channels",
    arguments: [optionalMany("channel", "string")],
  }),
  PUNSUBSCRIBE: unsubscribing("pattern", {
    summary: "Stops listening to patterns, to all of them if none is named.",
    complexity: "O(N), N being the number of patterns",
    arguments: [optionalMany("pattern", "pattern")],
  }),
  SUNSUBSCRIBE: unsubscribing("shard", {
    summary: "Stops listening to shard channels, to all of them if none is named.",
    complexity: "O(N), N being the number of channels",
    arguments: [optionalMany("shardchannel", "string")],
  }),
  PUBSUB: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "pubsub",
    since: "2.8.0",
    summary: "Tells who is subscribed to what.",
    complexity: "Depends on the subcommand",
    subcommands,
  },
};

type Words = Pick<CommandRow, "summary" | "complexity"> & { arguments: readonly ArgumentSpec[] };

function subscribing(kind: SubscriptionKind, words: Words): CommandRow {
  return {
    kind: "session",
    arity: -2,
    run: (session, args) => subscribe(session, kind, args),
    ...shared(kind),
    ...words,
  };
}

function unsubscribing(kind: SubscriptionKind, words: Words): CommandRow {
  return {
    kind: "session",
    arity: -1,
    run: (session, args) => unsubscribe(session, kind, args),
    ...shared(kind),
    ...words,
  };
}

function shared(kind: SubscriptionKind): Pick<CommandRow, "flags" | "keys" | "group" | "since"> {
  const isShard = kind === "shard";
  return {
    flags: isShard ? SUBSCRIBING : [...SUBSCRIBING, "sentinel"],
    // A shard channel lives where a key of its name would.
    keys: isShard ? keysToEnd("not_key") : NO_KEYS,
    group: "pubsub",
    since: isShard ? "7.0.0" : "2.0.0",
  };
}

function subscribe(session: SessionPort, kind: SubscriptionKind, args: Args): Reply | NoReply {
  return session.subscribe(kind, args.slice(1)) ?? NO_REPLY;
}

function unsubscribe(session: SessionPort, kind: SubscriptionKind, args: Args): Reply | NoReply {
  return session.unsubscribe(kind, args.slice(1)) ?? NO_REPLY;
}

function channels(view: View, space: Space, args: Args): Reply {
  if (args.length > 3) {
    const subname = at(args, 1).slice(0, SUBNAME_SHOWN_MAX);
    throw new CommandError(
      `ERR unknown subcommand or wrong number of arguments for '${subname}'. Try PUBSUB HELP.`,
    );
  }
  return view.audience.channels(space, args[2] ?? null);
}

function subscriberCounts(view: View, space: Space, args: Args): Reply {
  const counts: (Bytes | number)[] = [];
  for (let index = 2; index < args.length; index++) {
    const channel = at(args, index);
    counts.push(channel, view.audience.subscriberCount(space, channel));
  }
  return counts;
}
