// The sections of INFO with fixed fields. Each is a function from what the server knows to its lines.

import { totalmem, type, release, arch } from "node:os";
import { resolve } from "node:path";

import { bytesOfText, type Bytes } from "../base/bytes.ts";
import { KEPT_VERSION, REDIS_VERSION } from "../base/version.ts";
import type { Durability } from "../commit/durability.ts";
import type { Config } from "../config/config.ts";
import { rocksdbVersion } from "../engine/rocksdb.ts";
import type { Core } from "./core.ts";
import { flag, human, number, percent, zeros, type Fields } from "./info-fields.ts";
import type { Meter } from "./meter.ts";
import { rocksdbReport } from "./rocksdb-report.ts";
import type { Server } from "./server.ts";
import type { Storage, UpkeepFacts } from "./storage.ts";

/** What INFO tells of that changes only by command. */
export interface Identity {
  readonly runId: string;
  replicationId: string;
  readonly startMs: number;
  readonly port: number;
  /** Null when there is none. */
  readonly configFile: string | null;
}

export interface InfoParts {
  readonly core: Core;
  readonly config: Config;
  readonly server: Server;
  readonly durability: Durability;
  readonly storage: Storage;
  readonly meter: Meter;
  readonly identity: Identity;
  readonly errorCounts: ReadonlyMap<string, number>;
}

type Report = (parts: InfoParts) => Fields;

const DAY_S = 86_400;
const LRU_CLOCK_MAX = 2 ** 24;

export const reports = {
  server: serverReport,
  clients: clientsReport,
  memory: memoryReport,
  persistence: persistenceReport,
  stats: statsReport,
  replication: replicationReport,
  cpu: cpuReport,
  modules: () => [],
  cluster: ({ core }) => [["cluster_enabled", core.host.cluster === null ? 0 : 1]],
  keyspace: keyspaceReport,
  kept: keptReport,
  rocksdb: ({ core }) => rocksdbReport(core.engine),
} as const satisfies Readonly<Record<string, Report>>;

function serverReport({ core, config, identity, server }: InfoParts): Fields {
  const port = server.tcpListeners[0]?.port ?? identity.port;
  const nowMs = core.host.clock.nowMs();
  const uptime = Math.max(0, Math.floor((nowMs - identity.startMs) / 1000));
  const bind = config.get("bind")[0]?.replace(/^-/, "") ?? "";
  return [
    ["redis_version", REDIS_VERSION],
    ["redis_git_sha1", "00000000"],
    ["redis_git_dirty", 0],
    ["redis_build_id", `kept-${KEPT_VERSION}`],
    ["redis_mode", core.host.cluster === null ? "standalone" : "cluster"],
    ["kept_version", KEPT_VERSION],
    ["rocksdb_version", rocksdbVersion],
    ["node_version", process.versions.node],
    ["os", `${type()} ${release()} ${arch()}`],
    ["arch_bits", 64],
    ["monotonic_clock", "libuv"],
    ["multiplexing_api", "libuv"],
    ["process_id", process.pid],
    ["process_supervised", "no"],
    ["run_id", identity.runId],
    ["tcp_port", port],
    ["server_time_usec", nowMs * 1000],
    ["uptime_in_seconds", uptime],
    ["uptime_in_days", Math.floor(uptime / DAY_S)],
    ["hz", config.get("hz")],
    ["configured_hz", config.get("hz")],
    ["lru_clock", Math.floor(nowMs / 1000) % LRU_CLOCK_MAX],
    ["executable", bytesOfText(process.argv[1] ?? process.execPath)],
    ["config_file", identity.configFile === null ? "" : fullPath(identity.configFile)],
    ["io_threads_active", 0],
    ...listeners(server, bind),
  ];
}

function listeners({ tcpListeners, tlsPort }: Server, bind: string): Fields {
  const lines: string[] = [];
  const tcpPort = tcpListeners[0]?.port ?? 0;
  if (tcpPort !== 0) lines.push(`name=tcp,bind=${bind},port=${tcpPort}`);
  if (tlsPort !== 0) lines.push(`name=tls,bind=${bind},port=${tlsPort}`);
  return lines.map((line, index) => [`listener${index}`, line]);
}

function clientsReport({ core, server, config }: InfoParts): Fields {
  let blocked = 0;
  let maxInput = 0;
  let maxOutput = 0;
  let pubsub = 0;
  for (const connection of server.connections.values()) {
    if (connection.session.waits.isBlocked) blocked++;
    if (connection.session.subscriptionCount > 0) pubsub++;
    maxInput = Math.max(maxInput, connection.inputBytes);
    maxOutput = Math.max(maxOutput, connection.outputBytes);
  }
  const waiting = core.host.blocked;
  return [
    ["connected_clients", server.connections.size],
    ["cluster_connections", 0],
    ["maxclients", config.get("maxclients")],
    ["client_recent_max_input_buffer", maxInput],
    ["client_recent_max_output_buffer", maxOutput],
    ["blocked_clients", blocked + core.pause.waitingCount],
    ["tracking_clients", core.host.tracking.clientCount],
    ["pubsub_clients", pubsub],
    ["clients_in_timeout_table", 0],
    ["total_blocking_keys", waiting.keyCount],
    ["total_blocking_keys_on_nokey", waiting.removalKeyCount],
  ];
}

/** One interpreter serves scripts and functions: its memory is told as that of scripts. */
function scriptsReport(core: Core): Fields {
  const { scripting } = core.host;
  const { cache, usedBytes, libraryBytes } = scripting;
  return [
    ["used_memory_lua", usedBytes],
    ["used_memory_vm_eval", usedBytes],
    ["used_memory_lua_human", human(usedBytes)],
    ["used_memory_scripts_eval", cache.sourceBytes],
    ["number_of_cached_scripts", cache.count],
    ["number_of_functions", scripting.functionCount],
    ["number_of_libraries", scripting.libraryCount],
    ...zeros("used_memory_vm_functions"),
    ["used_memory_vm_total", usedBytes],
    ["used_memory_vm_total_human", human(usedBytes)],
    ["used_memory_functions", libraryBytes],
    ["used_memory_scripts", cache.sourceBytes + libraryBytes],
    ["used_memory_scripts_human", human(cache.sourceBytes + libraryBytes)],
  ];
}

function memoryReport({ meter, config, core }: InfoParts): Fields {
  const facts = meter.memory();
  const { used, resident, peak, startup } = facts;
  const overhead = used - facts.objectCache - facts.blockCache - facts.memtables;
  const dataset = Math.max(0, used - overhead);
  const total = totalmem();
  const max = config.get("maxmemory");
  return [
    ["used_memory", used],
    ["used_memory_human", human(used)],
    ["used_memory_rss", resident],
    ["used_memory_rss_human", human(resident)],
    ["used_memory_peak", peak],
    ["used_memory_peak_human", human(peak)],
    ["used_memory_peak_perc", percent(used, peak)],
    ["used_memory_overhead", overhead],
    ["used_memory_startup", startup],
    ["used_memory_dataset", dataset],
    ["used_memory_dataset_perc", percent(dataset, used - startup)],
    ["allocator_allocated", used],
    ["allocator_active", facts.heapTotal + facts.outsideHeap],
    ["allocator_resident", resident],
    ["total_system_memory", total],
    ["total_system_memory_human", human(total)],
    ...scriptsReport(core),
    ["maxmemory", max],
    ["maxmemory_human", human(max)],
    ["maxmemory_policy", config.formatted("maxmemory-policy")],
    ["mem_fragmentation_ratio", number(resident / Math.max(1, used), 2)],
    ["mem_fragmentation_bytes", resident - used],
    ...zeros(
      "mem_not_counted_for_evict",
      "mem_replication_backlog",
      "mem_total_replication_buffers",
    ),
    ["mem_clients_slaves", 0],
    ["mem_clients_normal", facts.clients],
    ...zeros("mem_cluster_links", "mem_aof_buffer"),
    ["mem_allocator", "v8+libc"],
    ["active_defrag_running", 0],
    ["lazyfree_pending_objects", core.stats.lazyPending],
    ["lazyfreed_objects", core.stats.lazyFreed],
    ["v8_heap_used", facts.heapUsed],
    ["v8_heap_total", facts.heapTotal],
    ["v8_external", facts.outsideHeap],
    ["object_cache_bytes", facts.objectCache],
    ["object_cache_bytes_max", core.pipeline.keyspace.cacheBytesMax],
    ["row_cache_bytes", core.pipeline.keyspace.stored.rows.bytes],
    ["row_cache_rows", core.pipeline.keyspace.stored.rows.rowCount],
    ["row_cache_filling", Number(core.pipeline.keyspace.stored.isFilling)],
    ["rocksdb_block_cache_bytes", facts.blockCache],
    ["rocksdb_memtables_bytes", facts.memtables],
    ["rocksdb_table_readers_bytes", facts.tableReaders],
  ];
}

function persistenceReport({ core, storage, durability, config }: InfoParts): Fields {
  const { changes, changesAtFlush } = core.stats;
  // With `save`, Redis takes a snapshot of the empty data.
  const flushed = config.get("save").length > 0 ? changesAtFlush : 0;
  const isHealthy = core.engine.health().error === null && durability.failure === null;
  const logBytes = core.engine.property("rocksdb.cur-size-all-mem-tables", "all") ?? 0;
  return [
    ...zeros("loading", "async_loading"),
    ...zeros("current_cow_peak", "current_cow_size", "current_cow_size_age"),
    ["current_fork_perc", "0.00"],
    ...zeros("current_save_keys_processed", "current_save_keys_total"),
    ["rdb_changes_since_last_save", changes - Math.max(flushed, storage.changesAtSave)],
    ["rdb_bgsave_in_progress", flag(storage.isSaving)],
    ["rdb_last_save_time", storage.lastSaveSeconds],
    ["rdb_last_bgsave_status", storage.saves.lastSucceeded ? "ok" : "err"],
    ["rdb_last_bgsave_time_sec", storage.saves.lastSeconds],
    ["rdb_current_bgsave_time_sec", currentSeconds(storage.saves, core)],
    ["rdb_saves", storage.saves.count],
    ...zeros("rdb_last_cow_size", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded"),
    ["aof_enabled", 1],
    ["aof_rewrite_in_progress", flag(storage.isCompacting)],
    ["aof_rewrite_scheduled", 0],
    ["aof_last_rewrite_time_sec", storage.compactions.lastSeconds],
    ["aof_current_rewrite_time_sec", currentSeconds(storage.compactions, core)],
    ["aof_last_bgrewrite_status", storage.compactions.lastSucceeded ? "ok" : "err"],
    ["aof_rewrites", storage.compactions.count],
    ["aof_rewrites_consecutive_failures", flag(!storage.compactions.lastSucceeded)],
    ["aof_last_write_status", isHealthy ? "ok" : "err"],
    ["aof_last_cow_size", 0],
    ...zeros("module_fork_in_progress", "module_fork_last_cow_size"),
    ["aof_current_size", logBytes],
    ...zeros("aof_base_size", "aof_pending_rewrite", "aof_buffer_length"),
    ...zeros("aof_pending_bio_fsync", "aof_delayed_fsync"),
  ];
}

function currentSeconds({ startedMs }: UpkeepFacts, core: Core): number {
  return startedMs === 0 ? -1 : Math.floor((core.host.clock.nowMs() - startedMs) / 1000);
}

function statsReport({ core, meter }: InfoParts): Fields {
  const { stats, hub } = core;
  const rates = meter.rates();
  const loop = meter.loopTotals();
  return [
    ["total_connections_received", stats.totalConnectionsReceived],
    ["total_commands_processed", stats.totalCommandsProcessed],
    ["instantaneous_ops_per_sec", rates.commands],
    ["total_net_input_bytes", stats.totalNetInputBytes],
    ["total_net_output_bytes", stats.totalNetOutputBytes],
    ...zeros("total_net_repl_input_bytes", "total_net_repl_output_bytes"),
    ["instantaneous_input_kbps", number(rates.inputKilobytes, 2)],
    ["instantaneous_output_kbps", number(rates.outputKilobytes, 2)],
    ["instantaneous_input_repl_kbps", "0.00"],
    ["instantaneous_output_repl_kbps", "0.00"],
    ["rejected_connections", stats.rejectedConnections],
    ...zeros("sync_full", "sync_partial_ok", "sync_partial_err"),
    ["expired_keys", stats.expiredKeys],
    ["expired_subkeys", stats.expiredFields],
    ["expired_stale_perc", "0.00"],
    ...zeros("expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"),
    ["evicted_keys", 0],
    ["evicted_clients", stats.evictedClients],
    ["total_eviction_exceeded_time", 0],
    ["current_eviction_exceeded_time", 0],
    ["keyspace_hits", stats.keyspaceHits],
    ["keyspace_misses", stats.keyspaceMisses],
    ["pubsub_channels", hub.channels("channel", null).length],
    ["pubsub_patterns", hub.patternCount],
    ["pubsubshard_channels", hub.channels("shard", null).length],
    ...zeros("latest_fork_usec", "total_forks", "migrate_cached_sockets"),
    ...zeros("slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses"),
    ...zeros("active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time"),
    ...zeros("current_active_defrag_time"),
    ["tracking_total_keys", core.host.tracking.keyCount],
    ["tracking_total_items", core.host.tracking.itemCount],
    ["tracking_total_prefixes", core.host.tracking.prefixCount],
    ["unexpected_error_replies", stats.unexpectedErrorReplies],
    ["total_error_replies", stats.totalErrorReplies],
    ...zeros("dump_payload_sanitizations", "total_reads_processed", "total_writes_processed"),
    ...zeros("io_threaded_reads_processed", "io_threaded_writes_processed"),
    ...zeros("reply_buffer_shrinks", "reply_buffer_expands"),
    ["eventloop_cycles", loop.turnCount],
    ["eventloop_duration_sum", Math.round(loop.busyUs)],
    ["eventloop_duration_cmd_sum", Math.round(stats.commandsUs)],
    ["instantaneous_eventloop_cycles_per_sec", rates.turns],
    ["instantaneous_eventloop_duration_usec", rates.turnUs],
    ["acl_access_denied_auth", stats.aclAccessDeniedAuth],
    ["acl_access_denied_cmd", stats.aclAccessDeniedCommand],
    ["acl_access_denied_key", stats.aclAccessDeniedKey],
    ["acl_access_denied_channel", stats.aclAccessDeniedChannel],
  ];
}

function replicationReport({ core, identity }: InfoParts): Fields {
  return [
    ["role", "master"],
    ["connected_slaves", 0],
    ["master_failover_state", "no-failover"],
    ["master_replid", identity.replicationId],
    ["master_replid2", "0".repeat(40)],
    ["master_repl_offset", core.engine.sequence()],
    ["second_repl_offset", -1],
    ...zeros("repl_backlog_active", "repl_backlog_size"),
    ...zeros("repl_backlog_first_byte_offset", "repl_backlog_histlen"),
  ];
}

function cpuReport(): Fields {
  const { user, system } = process.cpuUsage();
  return [
    ["used_cpu_sys", number(system / 1e6, 6)],
    ["used_cpu_user", number(user / 1e6, 6)],
    ["used_cpu_sys_children", "0.000000"],
    ["used_cpu_user_children", "0.000000"],
  ];
}

function keyspaceReport({ core }: InfoParts): Fields {
  const fields: [string, string][] = [];
  for (const { index, incarnation } of core.pipeline.keyspace.databases) {
    const { keyCount, expiringCount } = incarnation;
    if (keyCount === 0) continue;
    fields.push([`db${index}`, `keys=${keyCount},expires=${expiringCount},avg_ttl=0`]);
  }
  return fields;
}

function keptReport({ core, config, meter, durability }: InfoParts): Fields {
  const { stats, pipeline, engine } = core;
  const { keyspace } = pipeline;
  const { stall, error } = engine.health();
  return [
    ["data_directory", fullPath(config.get("dir"))],
    ["appendfsync", config.get("appendfsync")],
    ["read_only", flag(config.get("read-only"))],
    ["writes", writesTold(stall, error !== null || durability.failure !== null)],
    ["writes_refused_because", oneLine(error?.words ?? durability.failure?.words ?? "")],
    ["commits", stats.commits],
    ["commits_in_background", stats.commitsInBackground],
    ["commits_refused", stats.commitsRefused],
    ["commits_unknown", stats.commitsUnknown],
    ["commit_in_doubt", flag(pipeline.isInDoubt)],
    ["stall_retries", stats.stallRetries],
    ["committed_batch", keyspace.committedBatch],
    ["synced_batch", durability.syncedBatch],
    ["open_batch_bytes", keyspace.openBytes],
    ["log_sequence", engine.sequence()],
    ["changes", stats.changes],
    ["once_replayed", stats.onceReplayed],
    ["cold_reads", stats.coldReads],
    ["long_reads", pipeline.longReads.totalCount],
    ["long_reads_running", pipeline.longReads.running],
    ["long_reads_waiting", pipeline.longReads.waitingCount],
    ["object_cache_bytes", keyspace.cacheBytes],
    ["object_cache_rotations", keyspace.rotations],
    ...loopReport(meter),
    ["client_output_limit_disconnections", stats.clientOutputBufferLimitDisconnections],
    ["client_query_limit_disconnections", stats.clientQueryBufferLimitDisconnections],
    ["storage_fault", core.drill?.fault?.kind ?? "none"],
    ["storage_fault_hits", core.drill?.hits ?? 0],
    ["slowlog_len", core.slowlog.length],
    ["monitors", core.host.monitors.count],
  ];
}

/** How long the event loop was held, beside what Redis's own fields tell of it (INFO stats). */
function loopReport(meter: Meter): Fields {
  meter.loopTotals();
  const { turns } = meter.loop;
  return [
    ["event_loop_longest_usec", Math.round(turns.longestUs)],
    ["event_loop_longest_usec_last_minute", Math.round(meter.loopLastMinuteUs)],
    ["event_loop_turns_over_10ms", turns.longCount],
    ["event_loop_turns_over_10ms_off_processor", turns.offProcessorCount],
    ["event_loop_turns_over_10ms_gc", turns.garbageCount],
    ["event_loop_last_over_10ms", turns.lastLong],
  ];
}

function fullPath(path: string): Bytes {
  return bytesOfText(resolve(path));
}

function writesTold(stall: "none" | "delayed" | "stopped", isRefused: boolean): string {
  if (isRefused) return "refused";
  return stall === "none" ? "ok" : stall;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}
