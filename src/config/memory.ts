// Settings of memory, eviction, expiry, and of the encodings Redis keeps small values in.

import { runtime } from "./setting.ts";
import { oomScores } from "./special-types.ts";
import { choice, clamped, flag, INT_MAX, integer, memory, MOST } from "./value-types.ts";

const MB = 1024 ** 2;
const noEviction = { noEffect: "nothing is evicted: data lives on disk" };
const background = { noEffect: "removal is always in the background" };
const noDefragmentation = { noEffect: "the allocator does not offer it" };

export const memorySettings = {
  maxmemory: runtime(
    memory(0, MOST),
    0,
    "Memory of the process above which commands that would need more are refused with OOM; 0 is no " +
      "limit. Data lives on disk: see object-cache-size and rocksdb.block_cache_size first.",
  ),
  "maxmemory-policy": runtime(
    choice(
      "volatile-lru",
      "volatile-lfu",
      "volatile-random",
      "volatile-ttl",
      "allkeys-lru",
      "allkeys-lfu",
      "allkeys-random",
      "noeviction",
    ),
    "noeviction",
    "Nothing is evicted, since data lives on disk; but with one of the lfu policies uses are " +
      "counted and OBJECT FREQ answers, with the others OBJECT IDLETIME does.",
  ),
  "maxmemory-samples": runtime(integer(1, 64), 5, "Keys looked at to evict one.", noEviction),
  "maxmemory-eviction-tenacity": runtime(integer(0, 100), 10, "Effort of eviction.", noEviction),
  "lfu-log-factor": runtime(
    integer(0, INT_MAX),
    10,
    "How slowly the use count of OBJECT FREQ grows; a greater factor tells busier keys apart.",
  ),
  "lfu-decay-time": runtime(integer(0, INT_MAX), 1, "Minutes that halve it.", {
    noEffect: "use counts only grow",
  }),
  "lazyfree-lazy-eviction": runtime(flag, false, "Evict in the background.", noEviction),
  "lazyfree-lazy-expire": runtime(
    flag,
    false,
    "Remove expired keys in the background.",
    background,
  ),
  "lazyfree-lazy-server-del": runtime(flag, false, "Remove replaced keys so.", background),
  "lazyfree-lazy-user-del": runtime(flag, false, "Let DEL remove so.", background),
  "lazyfree-lazy-user-flush": runtime(flag, false, "Let FLUSHALL remove so.", background),
  hz: runtime(
    clamped(1, 500),
    10,
    "How many times a second active expiry looks for keys whose time has come.",
  ),
  "dynamic-hz": runtime(flag, true, "Whether many connections raise hz.", {
    noEffect: "connections need no rounds",
  }),
  "active-expire-effort": runtime(
    integer(1, 10),
    1,
    "How much active expiry does each time, from 1 to 10: it removes 256 keys times this at most, " +
      "and comes back within 5 ms while there are more.",
  ),
  activerehashing: runtime(flag, true, "Whether tables are rehashed when idle.", {
    noEffect: "there are no such tables",
  }),
  activedefrag: runtime(flag, false, "Whether memory is defragmented.", noDefragmentation),
  "active-defrag-ignore-bytes": runtime(
    memory(1, MOST),
    100 * MB,
    "Waste below which nothing is done.",
    noDefragmentation,
  ),
  "active-defrag-threshold-lower": runtime(
    integer(0, 1000),
    10,
    "Percentage of waste that starts it.",
    noDefragmentation,
  ),
  "active-defrag-threshold-upper": runtime(
    integer(0, 1000),
    100,
    "Percentage of full effort.",
    noDefragmentation,
  ),
  "active-defrag-cycle-min": runtime(integer(1, 99), 1, "Least effort.", noDefragmentation),
  "active-defrag-cycle-max": runtime(integer(1, 99), 25, "Most effort.", noDefragmentation),
  "active-defrag-max-scan-fields": runtime(
    integer(1, MOST),
    1000,
    "Fields looked at in one go.",
    noDefragmentation,
  ),
  "tracking-table-max-keys": runtime(
    integer(0, MOST),
    1_000_000,
    "Keys remembered for client-side caching; 0 is no limit.",
  ),
  "oom-score-adj": runtime(
    choice("no", "yes", "relative", "absolute"),
    "no",
    "Whether to tell the kernel how soon to kill this process.",
    { noEffect: "use the supervisor's setting" },
  ),
  "oom-score-adj-values": runtime(oomScores, [0, 200, 800], "What to tell it.", {
    noEffect: "use the supervisor's setting",
  }),
};

export const structureSettings = {
  "hash-max-listpack-entries": runtime(
    integer(0, MOST),
    512,
    "Fields up to which a hash is kept as one value.",
    { aliases: ["hash-max-ziplist-entries"] },
  ),
  "hash-max-listpack-value": runtime(
    memory(0, MOST),
    64,
    "Bytes up to which its fields and values may go to be called a listpack.",
    { aliases: ["hash-max-ziplist-value"] },
  ),
  "list-max-listpack-size": runtime(
    integer(-INT_MAX, INT_MAX),
    -2,
    "Size of a node of a list: a number of elements, or -1 to -5 for 4, 8, 16, 32, 64 KB.",
    { aliases: ["list-max-ziplist-size"] },
  ),
  "list-compress-depth": runtime(integer(0, INT_MAX), 0, "Nodes at both ends not compressed.", {
    noEffect: "RocksDB compresses; see rocksdb.compression",
  }),
  "set-max-intset-entries": runtime(
    integer(0, MOST),
    512,
    "Members up to which a set of whole numbers is kept as one value.",
  ),
  "set-max-listpack-entries": runtime(
    integer(0, MOST),
    128,
    "Members up to which any set is kept as one value.",
  ),
  "set-max-listpack-value": runtime(
    memory(0, MOST),
    64,
    "Bytes up to which its members may go to be called a listpack.",
  ),
  "zset-max-listpack-entries": runtime(
    integer(0, MOST),
    128,
    "Members up to which a sorted set is kept as one value.",
    { aliases: ["zset-max-ziplist-entries"] },
  ),
  "zset-max-listpack-value": runtime(
    memory(0, MOST),
    64,
    "Bytes up to which its members may go for that.",
    { aliases: ["zset-max-ziplist-value"] },
  ),
  "hll-sparse-max-bytes": runtime(
    memory(0, MOST),
    3000,
    "Bytes up to which a HyperLogLog is kept sparse.",
  ),
  "stream-node-max-bytes": runtime(memory(0, MOST), 4096, "Bytes of a node of a stream; 0: any."),
  "stream-node-max-entries": runtime(integer(0, MOST), 100, "Entries of such a node; 0: any."),
};
