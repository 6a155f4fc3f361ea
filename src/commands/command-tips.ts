// Tips of COMMAND INFO: what a proxy or a client of a cluster should know of a command beyond its flags,
// in Redis's words. `request_policy` says to whom it has to be sent, `response_policy` how the replies
// become one; the others, that the same call may be answered otherwise, or in another order.

/** Who shares the same tips, by full name. */
const COMMANDS_BY_TIPS: readonly (readonly [tips: readonly string[], names: string])[] = [
  [
    ["nondeterministic_output"],
    "client|info client|list cluster|bumpepoch cluster|count-failure-reports " +
      "cluster|getkeysinslot cluster|info cluster|links cluster|nodes cluster|replicas " +
      "cluster|shards cluster|slaves cluster|slots dump hrandfield hscan lastsave migrate " +
      "object|encoding object|freq object|idletime object|refcount pttl spop srandmember " +
      "sscan time ttl xadd xautoclaim xclaim xinfo|consumers xpending xtrim zrandmember zscan",
  ],
  [["request_policy:multi_shard", "response_policy:all_succeeded"], "mset"],
  [["request_policy:all_shards", "response_policy:agg_sum"], "dbsize"],
  [
    ["request_policy:all_shards", "response_policy:all_succeeded"],
    "flushall flushdb function|delete function|flush function|load function|restore " +
      "memory|purge ping",
  ],
  [["request_policy:multi_shard", "response_policy:agg_sum"], "del exists touch unlink"],
  [
    ["nondeterministic_output_order"],
    "command command|docs command|info command|list function|list hgetall hkeys hvals " +
      "module|list sdiff sinter smembers sunion",
  ],
  [
    ["request_policy:all_nodes", "response_policy:all_succeeded"],
    "config|set latency|reset script|flush script|load slowlog|reset",
  ],
  [["request_policy:multi_shard"], "mget"],
  [["request_policy:all_shards", "response_policy:one_succeeded"], "function|kill script|kill"],
  [["request_policy:all_shards", "response_policy:agg_logical_and"], "script|exists"],
  [["request_policy:all_shards", "nondeterministic_output_order"], "keys"],
  [["request_policy:all_nodes", "nondeterministic_output"], "slowlog|get"],
  [
    ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    "slowlog|len",
  ],
  [
    ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    "function|stats info memory|doctor memory|malloc-stats memory|stats",
  ],
  [
    ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    "latency|doctor latency|graph latency|histogram latency|history latency|latest",
  ],
  [["nondeterministic_output", "request_policy:special"], "scan"],
  [["request_policy:all_shards", "response_policy:agg_min"], "wait waitaof"],
  [["request_policy:multi_shard", "response_policy:agg_min"], "msetnx"],
  [["request_policy:all_shards", "nondeterministic_output"], "randomkey"],
];

const TIPS = new Map<string, readonly string[]>();
for (const [tips, names] of COMMANDS_BY_TIPS) {
  for (const name of names.split(" ")) TIPS.set(name, tips);
}

const NONE: readonly string[] = [];

/** `fullName` as in "config|set". */
export function tipsOf(fullName: string): readonly string[] {
  return TIPS.get(fullName) ?? NONE;
}
