// The commands of the cluster. On a server of one process all of them say that it is none, in Redis's words. Where
// slots are shared out among processes (the setting `processes`) they tell who has which; the map is settled when the
// server starts, so what would change it is refused. What is told stands in cluster-facts.ts.

import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER } from "../resp/errors.ts";
import { EMPTY_ARRAY, OK, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { block, integer, oneOf, string, word } from "./argument-specs.ts";
import * as facts from "./cluster-facts.ts";
import { helpRow } from "./help.ts";
import type { ClusterPort, ServerPort, SessionPort } from "./ports.ts";
import {
  at,
  NO_KEYS,
  type Args,
  type ArgumentSpec,
  type CommandRows,
  type DataCommand,
  type ServerCommand,
} from "./table.ts";

const NO_CLUSTER = new CommandError("ERR This instance has cluster support disabled");
const FIXED = new CommandError(
  "ERR the processes of this server share out the slots when it starts, for good: see the setting processes",
);
const BAD_SLOT = new CommandError("ERR Invalid slot");
const BAD_SLOT_OR_COUNT = new CommandError("ERR Invalid slot or number of keys");

type Run = (cluster: ClusterPort, args: Args, session: SessionPort) => Reply;

/** For those that a server of one process refuses. */
function clustered(run: Run): ServerCommand["run"] {
  return ({ cluster }: ServerPort, args, session) => {
    if (cluster === null) throw NO_CLUSTER;
    return run(cluster, args, session);
  };
}

const refuses = {
  kind: "server",
  keys: NO_KEYS,
  group: "cluster",
  since: "3.0.0",
  complexity: "O(1)",
  run: clustered(() => {
    throw FIXED;
  }),
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

function row<T extends Pick<ServerCommand, "arity">>(
  shape: T,
  summary: string,
  more: Partial<ServerCommand> = {},
): T & { readonly summary: string } {
  return { ...shape, summary, ...more };
}

/** About the keys of a slot: it takes part in units like any read. */
function ofSlot(
  summary: string,
  more: Pick<DataCommand, "arity" | "arguments" | "run">,
): DataCommand {
  const { keys, group, since } = refuses;
  const complexity = "O(N), N being the number of keys in the slot";
  return { kind: "data", flags: ["stale"], keys, group, since, complexity, summary, ...more };
}

function slotAt(args: Args, index: number): number {
  const slot = parseInteger(at(args, index));
  if (slot === null) throw NOT_AN_INTEGER;
  return typeof slot === "number" ? slot : -1;
}

function isSlot(slot: number): boolean {
  return slot >= 0 && slot < facts.SLOT_COUNT;
}

function countKeys(view: View, args: Args): Reply {
  if (!view.isClustered) throw NO_CLUSTER;
  const slot = slotAt(args, 2);
  if (!isSlot(slot)) throw BAD_SLOT;
  return view.keysOfSlot(slot, Infinity).length;
}

function listKeys(view: View, args: Args): Reply {
  if (!view.isClustered) throw NO_CLUSTER;
  const slot = slotAt(args, 2);
  const count = slotAt(args, 3);
  if (!isSlot(slot) || count < 0) throw BAD_SLOT_OR_COUNT;
  return count === 0 ? EMPTY_ARRAY : view.keysOfSlot(slot, count);
}

/** Throws for a node that there is not, as Redis says it. */
function checkNode(cluster: ClusterPort, args: Args, session: SessionPort): void {
  const id = at(args, 2);
  if (cluster.nodes(session).some((node) => node.id === id)) return;
  throw new CommandError(`ERR Unknown node ${id}`);
}

function replicas(cluster: ClusterPort, args: Args, session: SessionPort): Reply {
  checkNode(cluster, args, session);
  return EMPTY_ARRAY;
}

const HELP = helpRow(
  "CLUSTER",
  [
    ["COUNTKEYSINSLOT <slot>", "How many keys this process has in a slot."],
    ["GETKEYSINSLOT <slot> <count>", "Keys that this process has in a slot."],
    ["INFO", "How the cluster is."],
    ["KEYSLOT <key>", "The slot of a key."],
    ["LINKS", "The connections by which this process and the others pass messages on."],
    ["MYID", "The ID of this process."],
    ["MYSHARDID", "The same: a process is a shard."],
    ["NODES", "The processes, a line each."],
    ["REPLICAS <node-id>", "The replicas of a process: there are none."],
    ["SHARDS", "The slots and the process that has them, with its health."],
    ["SLOTS", "The same, as older clients ask."],
  ],
  { group: "cluster", since: "5.0.0" },
);

function help(
  { cluster }: ServerPort,
  args: Args,
  session: SessionPort,
): ReturnType<typeof HELP.run> {
  if (cluster === null) throw NO_CLUSTER;
  return HELP.run(session, args);
}

// prettier-ignore
const clusterSubcommands: CommandRows = {
  ADDSLOTS: row(manages, "Gives slots to a node.", { arity: -3, arguments: SLOTS }),
  ADDSLOTSRANGE: row(manages, "Gives ranges of slots to a node.",
    { arity: -4, since: "7.0.0", arguments: RANGES }),
  BUMPEPOCH: row(manages, "Takes a new epoch of the configuration."),
  "COUNT-FAILURE-REPORTS": row(tells, "Counts who reports a node as failing.",
    { arguments: NODE, run: clustered((cluster, args, session) => {
      checkNode(cluster, args, session);
      return 0;
    }) }),
  COUNTKEYSINSLOT: ofSlot("Counts the keys of a slot.",
    { arity: 3, arguments: [integer("slot")], run: countKeys }),
  DELSLOTS: row(manages, "Takes slots from a node.", { arity: -3, arguments: SLOTS }),
  DELSLOTSRANGE: row(manages, "Takes ranges of slots from a node.",
    { arity: -4, since: "7.0.0", arguments: RANGES }),
  FAILOVER: row(manages, "Makes a replica the master.", {
    arity: -2,
    arguments: [oneOf("options", [word("FORCE"), word("TAKEOVER")], { optional: true })],
  }),
  FLUSHSLOTS: row(manages, "Takes all slots from a node."),
  FORGET: row(manages, "Forgets a node.", { arity: 3, arguments: NODE }),
  GETKEYSINSLOT: ofSlot("Lists keys of a slot.",
    { arity: 4, arguments: [integer("slot"), integer("count")], run: listKeys }),
  HELP: row(asks, "Lists the subcommands of CLUSTER.",
    { since: "5.0.0", flags: ["loading", "stale"], run: help }),
  INFO: row(asks, "Tells how the cluster is.", { run: clustered(facts.info) }),
  KEYSLOT: row(asks, "Tells the slot of a key.", { arity: 3, arguments: [string("key")], run: clustered((cluster, args) => cluster.slotOf(at(args, 2))) }),
  LINKS: row(asks, "Lists the connections between nodes.", { since: "7.0.0", run: clustered(facts.links) }),
  MEET: row(manages, "Makes two nodes know each other.", {
    arity: -4,
    arguments: [
      string("ip"),
      integer("port"),
      { ...integer("cluster_bus_port"), optional: true, since: "4.0.0" },
    ],
  }),
  MYID: row(asks, "Tells the ID of the node.", { run: clustered(facts.myId) }),
  MYSHARDID: row(asks, "Tells the ID of the node's shard.", { since: "7.2.0", run: clustered(facts.myId) }),
  NODES: row(asks, "Lists the nodes.", { run: clustered(facts.nodes) }),
  REPLICAS: row(tells, "Lists the replicas of a node.", { since: "5.0.0", arguments: NODE, run: clustered(replicas) }),
  REPLICATE: row(manages, "Makes the node a replica.", { arity: 3, arguments: NODE }),
  RESET: row(manages, "Makes the node one of no cluster.", {
    arity: -2,
    flags: ["admin", "noscript", "stale"],
    arguments: [oneOf("hard_soft", [word("HARD"), word("SOFT")], { optional: true })],
  }),
  SAVECONFIG: row(manages, "Writes the configuration of the cluster.", { run: clustered(() => OK) }),
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
  SHARDS: row(asks, "Lists the shards and their nodes.", { since: "7.0.0", run: clustered(facts.shards) }),
  SLAVES: row(tells, "The older name of REPLICAS.", { arguments: NODE, run: clustered(replicas) }),
  SLOTS: row(asks, "Lists the slots and their nodes.", { run: clustered(facts.slots) }),
};

const ofConnection = {
  ...refuses,
  arity: 1,
  flags: ["loading", "stale", "fast"],
  categories: ["connection"],
  // Nothing moves and there are no replicas: nothing follows from it.
  run: clustered(() => OK),
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
    summary: "Commands about the processes that share out the slots.",
    complexity: "Depends on the subcommand",
    subcommands: clusterSubcommands,
  },
  READONLY: row(ofConnection, "Lets a replica answer reads."),
  READWRITE: row(ofConnection, "Takes READONLY back."),
};
