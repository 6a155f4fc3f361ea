// Settings of where data is, when it is safe, and what is said when a commit fails. Kept has neither
// snapshots nor an append-only file beside its store, so most of Redis's settings for those are
// accepted and change nothing.

import { immutable, runtime } from "./setting.ts";
import { savePoints, stallPolicy } from "./special-types.ts";
import { choice, fileName, flag, INT_MAX, integer, memory, MOST, path } from "./value-types.ts";

const KB = 1024;
const MB = 1024 ** 2;
const kept = { from: "kept" } as const;
const noSnapshots = { noEffect: "there are no snapshots: every commit is on disk" };
const noAppendOnlyFile = { noEffect: "RocksDB's write-ahead log takes the place of the AOF" };

export const dataSettings = {
  dir: immutable(
    path,
    "kept-data",
    "Folder of the data, relative to where the server is started. Made when it is not there; " +
      "one server at a time.",
    { guarded: true },
  ),
  databases: immutable(integer(1, INT_MAX), 16, "How many databases SELECT can choose from."),
  appendfsync: runtime(
    choice("always", "everysec", "no"),
    "everysec",
    "When a commit is forced to the disk itself. always: before the answer, survives a power cut. " +
      "everysec: within a second, which is what a power cut may cost. no: when the system likes. " +
      "The death of the process alone loses nothing in any mode.",
  ),
  "read-only": runtime(
    flag,
    false,
    "Whether commands that write are refused with READONLY; reads go on.",
    { from: "kept" },
  ),
  appendonly: runtime(flag, true, "Whether writes are logged before they are answered.", {
    noEffect: "they always are; no would be unsafe and changes nothing",
  }),
  save: runtime(
    savePoints,
    [],
    "When to take snapshots. There are none, every write is in the log; but as if there were, FLUSHALL " +
      "sets rdb_changes_since_last_save to 0 if any is set.",
  ),
  dbfilename: runtime(fileName, "dump.rdb", "Name of the snapshot.", {
    ...noSnapshots,
    guarded: true,
  }),
};

export const commitSettings = {
  "exec-failure-reply": runtime(
    choice("attributed", "every", "abort"),
    "attributed",
    "What EXEC answers when its commit is refused. attributed: an array in which commands that " +
      "wrote, or saw what was written, have the error, and reads of committed data their answer. " +
      "every: an array of errors. abort: one error in place of the array.",
    kept,
  ),
  "write-stall-policy": runtime(
    stallPolicy,
    { kind: "wait", limitMs: 10_000 },
    "What happens to writers when the disk cannot keep up. wait: they queue for so many " +
      "milliseconds at most, then get TRYAGAIN. fail: TRYAGAIN at once. Reads go on either way.",
    kept,
  ),
  "once-retention": runtime(
    integer(1, INT_MAX),
    86_400,
    "Seconds the outcome of a transaction with ONCE is kept for a retry.",
    kept,
  ),
  "unknown-outcome-timeout": runtime(
    integer(1, INT_MAX),
    5000,
    "Milliseconds answers are held when the log failed half-way and nobody can say whether the " +
      "commit is in it; then the connections are closed, and nothing is guessed.",
    kept,
  ),
  "commit-background-bytes": runtime(
    memory(0, MOST),
    16 * KB,
    "A batch of at least so many bytes commits on a thread instead of the event loop.",
    kept,
  ),
  "commit-group-bytes-max": runtime(
    memory(KB, 1024 * MB),
    4 * MB,
    "Bytes at which a group commit is closed and the next one opened.",
    kept,
  ),
  "object-cache-size": runtime(
    memory(0, MOST),
    128 * MB,
    "Memory for decoded hot keys, before RocksDB is asked.",
    kept,
  ),
  "row-cache-size": runtime(
    memory(0, 8 * 1024 * MB),
    0,
    "Memory for records as they are stored, behind the decoded ones and outside of V8's heap: for " +
      "millions of small keys that are asked for evenly. Filled from the disk after the start. 0 is none.",
    kept,
  ),
  "cold-read-threads": immutable(
    integer(1, 256),
    16,
    "Threads that read from the disk what is not in memory: so many reads are under way at once.",
    kept,
  ),
  "max-db-size": runtime(
    integer(0, INT_MAX),
    0,
    "Gigabytes the data folder may grow to, after which writes are refused; 0 is no limit.",
    { from: "kvrocks", noEffect: "not enforced; watch the disk" },
  ),
};

export const snapshotSettings = {
  "stop-writes-on-bgsave-error": runtime(
    flag,
    true,
    "Whether a failed snapshot stops writes.",
    noSnapshots,
  ),
  rdbcompression: runtime(flag, true, "Whether snapshots are compressed.", noSnapshots),
  rdbchecksum: immutable(flag, true, "Whether snapshots carry a checksum.", noSnapshots),
  "rdb-del-sync-files": runtime(flag, false, "Whether files of a full sync go.", noSnapshots),
  "rdb-save-incremental-fsync": runtime(
    flag,
    true,
    "Whether a snapshot is synced bit by bit.",
    noSnapshots,
  ),
  "rdb-key-save-delay": runtime(integer(-INT_MAX, INT_MAX), 0, "Microseconds a snapshot rests.", {
    ...noSnapshots,
    hidden: true,
  }),
  "key-load-delay": runtime(integer(-INT_MAX, INT_MAX), 0, "Microseconds loading rests.", {
    ...noSnapshots,
    hidden: true,
  }),
  "sanitize-dump-payload": runtime(
    choice("no", "yes", "clients"),
    "no",
    "Whether RESTORE looks into what it is given.",
    { noEffect: "it always does" },
  ),
  appendfilename: immutable(fileName, "appendonly.aof", "Name of the AOF.", noAppendOnlyFile),
  appenddirname: immutable(fileName, "appendonlydir", "Folder of the AOF.", noAppendOnlyFile),
  "no-appendfsync-on-rewrite": runtime(
    flag,
    false,
    "Whether a rewrite suspends syncing.",
    noAppendOnlyFile,
  ),
  "auto-aof-rewrite-percentage": runtime(
    integer(0, INT_MAX),
    100,
    "Growth of the AOF that starts a rewrite.",
    noAppendOnlyFile,
  ),
  "auto-aof-rewrite-min-size": runtime(
    memory(0, MOST),
    64 * MB,
    "Size of the AOF below which none starts.",
    noAppendOnlyFile,
  ),
  "aof-load-truncated": runtime(flag, true, "Whether a cut-off AOF is read.", noAppendOnlyFile),
  "aof-use-rdb-preamble": runtime(
    flag,
    true,
    "Whether an AOF starts with a snapshot.",
    noAppendOnlyFile,
  ),
  "aof-timestamp-enabled": runtime(flag, false, "Whether an AOF has times.", noAppendOnlyFile),
  "aof-rewrite-incremental-fsync": runtime(
    flag,
    true,
    "Whether a rewrite is synced bit by bit.",
    noAppendOnlyFile,
  ),
  "aof-disable-auto-gc": runtime(flag, false, "Whether old AOFs stay.", noAppendOnlyFile),
};
