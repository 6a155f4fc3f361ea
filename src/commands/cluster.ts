// The commands of the cluster, on a server that is none: all of them say so, in Redis's words. They are there so
// that rules of access control may name them, and so that clients learn what they talk to.

import { CommandError } from "../resp/errors.ts";
import { block, integer, oneOf, string, word } from "./argument-specs.ts";
import { NO_KEYS, type ArgumentSpec, type CommandRows, type SessionCommand } from "./table.ts";

const NO_CLUSTER = new CommandError("ERR This instance has cluster support disabled");

const refuses = {
  kind: "session",
  keys: NO_KEYS,
  group: "cluster",
  since: "3.0.0",
  complexity: "O(1)",
  run: () => {
    throw NO_CLUSTER;
  },
} as const;
const asks = { ...refuses, arity: 2, flags: ["stale"] } as const;
const manages = {
  ...refuses,
  arity: 2,
  flags: ["admin", "stale", "no_async_loading"],
} as const;
const tells = { ...refuses, arity: 3, flags: ["admin", "stale"] } as const;

const NODE: readonly ArgumentSpec[] = [string("node-id")];
const SLOTS: readonly ArgumentSpec[] = [{ ...integer("slot"), multiple: true }];
const RANGES: readonly ArgumentSpec[] = [
  block("start-slot_end-slot", [integer("start-slot"), integer("end-slot")], { multiple: true }),
];

function row<T extends Pick<SessionCommand, "arity">>(
  shape: T,
  summary: string,
  more: Partial<SessionCommand> = {},
): T & { readonly summary: string } {
  return { ...shape, summary, ...more };
}

// prettier-ignore
const clusterSubcommands: CommandRows = {
  ADDSLOTS: row(manages, "Gives slots to a node.", { arity: -3, arguments: SLOTS }),
  ADDSLOTSRANGE: row(manages, "Gives ranges of slots to a node.",
    { arity: -4, since: "7.0.0", arguments: RANGES }),
  BUMPEPOCH: row(manages, "Takes a new epoch of the configuration."),
  "COUNT-FAILURE-REPORTS": row(tells, "Counts who reports a node as failing.",
    { arguments: NODE }),
  COUNTKEYSINSLOT: row(asks, "Counts the keys of a slot.",
    { arity: 3, arguments: [integer("slot")] }),
  DELSLOTS: row(manages, "Takes slots from a node.", { arity: -3, arguments: SLOTS }),
  DELSLOTSRANGE: row(manages, "Takes ranges of slots from a node.",
    { arity: -4, since: "7.0.0", arguments: RANGES }),
  FAILOVER: row(manages, "Makes a replica the master.", {
    arity: -2,
    arguments: [oneOf("options", [word("FORCE"), word("TAKEOVER")], { optional: true })],
  }),
  FLUSHSLOTS: row(manages, "Takes all slots from a node."),
  FORGET: row(manages, "Forgets a node.", { arity: 3, arguments: NODE }),
  GETKEYSINSLOT: row(asks, "Lists keys of a slot.",
    { arity: 4, arguments: [integer("slot"), integer("count")] }),
  HELP: row(asks, "Lists the subcommands of CLUSTER.",
    { since: "5.0.0", flags: ["loading", "stale"] }),
  INFO: row(asks, "Tells how the cluster is."),
  KEYSLOT: row(asks, "Tells the slot of a key.", { arity: 3, arguments: [string("key")] }),
  LINKS: row(asks, "Lists the connections between nodes.", { since: "7.0.0" }),
  MEET: row(manages, "Makes two nodes know each other.", {
    arity: -4,
    arguments: [
      string("ip"),
      integer("port"),
      { ...integer("cluster_bus_port"), optional: true, since: "4.0.0" },
    ],
  }),
  MYID: row(asks, "Tells the ID of the node."),
  MYSHARDID: row(asks, "Tells the ID of the node's shard.", { since: "7.2.0" }),
  NODES: row(asks, "Lists the nodes."),
  REPLICAS: row(tells, "Lists the replicas of a node.", { since: "5.0.0", arguments: NODE }),
  REPLICATE: row(manages, "Makes the node a replica.", { arity: 3, arguments: NODE }),
  RESET: row(manages, "Makes the node one of no cluster.", {
    arity: -2,
    flags: ["admin", "noscript", "stale"],
    arguments: [oneOf("hard_soft", [word("HARD"), word("SOFT")], { optional: true })],
  }),
  SAVECONFIG: row(manages, "Writes the configuration of the cluster."),
  "SET-CONFIG-EPOCH": row(manages, "Sets the epoch of a new node.",
    { arity: 3, arguments: [integer("config-epoch")] }),
  SETSLOT: row(manages, "Gives a slot to a node, or begins to move it.", {
    arity: -4,
    arguments: [
      integer("slot"),
      oneOf("subcommand", [
        { ...string("node-id"), token: "IMPORTING" },
        { ...string("node-id"), token: "MIGRATING" },
        { ...string("node-id"), token: "NODE" },
        word("STABLE"),
      ]),
    ],
  }),
  SHARDS: row(asks, "Lists the shards and their nodes.", { since: "7.0.0" }),
  SLAVES: row(tells, "The older name of REPLICAS.", { arguments: NODE }),
  SLOTS: row(asks, "Lists the slots and their nodes."),
};

const ofConnection = {
  ...refuses,
  arity: 1,
  flags: ["loading", "stale", "fast"],
  categories: ["connection"],
} as const;

export const clusterCommands: CommandRows = {
  ASKING: row(ofConnection, "Lets the next command ask for a slot that moves here.", {
    flags: ["fast"],
  }),
  CLUSTER: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "cluster",
    since: "3.0.0",
    summary: "Commands about the cluster, which this server is not part of.",
    complexity: "Depends on the subcommand",
    subcommands: clusterSubcommands,
  },
  READONLY: row(ofConnection, "Lets a replica answer reads."),
  READWRITE: row(ofConnection, "Takes READONLY back."),
};
