// Which files of Redis's suite are run, and why the others are not. A file counts for the figure
// unless it is `apart`: what belongs to a later issue is run and shown, but counted by itself.

export interface SuiteFile {
  readonly name: string;
  readonly isApart: boolean;
}

// prettier-ignore
const TYPES = [
  "string", "incr", "list", "list-2", "list-3", "set", "zset", "hash", "stream", "stream-cgroups",
];

// prettier-ignore
const UNITS = [
  "printver", "dump", "auth", "protocol", "keyspace", "scan", "info", "info-command", "sort",
  "expire", "other", "multi", "quit", "acl", "acl-v2", "latency-monitor", "pubsub",
  "pubsubshard", "slowlog", "maxmemory", "introspection", "introspection-2", "limits",
  "obuf-limits", "bitops", "bitfield", "geo", "memefficiency", "hyperloglog", "lazyfree", "wait",
  "pause", "querybuf", "pendingquerybuf", "tls", "tracking", "oom-score-adj", "shutdown",
  "networking", "client-eviction", "violations", "replybufsize", "aofrw",
];

const INTEGRATION = [
  "redis-cli",
  "redis-benchmark",
  "convert-zipmap-hash-on-load",
  "convert-ziplist-hash-on-load",
  "convert-ziplist-zset-on-load",
  "logging",
];

const RUN: readonly string[] = [
  ...TYPES.map((name) => `unit/type/${name}`),
  ...UNITS.map((name) => `unit/${name}`),
  ...INTEGRATION.map((name) => `integration/${name}`),
];

/** Lua scripts and functions: issue of their own. */
const APART: readonly string[] = ["unit/scripting", "unit/functions"];

/** Left out as a whole. */
export const NOT_RUN: readonly (readonly [string, string])[] = [
  ["unit/cluster, unit/cluster/*, unit/cluster-scripting", "Redis Cluster: a later issue"],
  ["unit/moduleapi/*", "modules are libraries for the insides of Redis"],
  [
    "integration/replication*, psync2*, block-repl, failover",
    "replication of Redis, with its replication stream",
  ],
  ["integration/aof*, rdb, corrupt-dump*, dismiss-mem", "the files and the memory of Redis itself"],
  ["integration/shutdown", "shutting down with replicas"],
];

export const SUITE_FILES: readonly SuiteFile[] = [
  ...RUN.map((name) => ({ name, isApart: false })),
  ...APART.map((name) => ({ name, isApart: true })),
];
