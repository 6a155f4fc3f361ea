// From the configuration to the objects that the rooms below obey, kept up to date by CONFIG SET.
// Each room has a small plain object; nothing on the hot path looks a setting up by name.

import type { SyncMode } from "../commit/durability.ts";
import type { PipelineSettings } from "../commit/pipeline.ts";
import type { Config } from "../config/config.ts";
import type { OutputLimit } from "../config/special-types.ts";
import type { KeyspaceOptions } from "../keyspace/keyspace.ts";
import { usualCollectionLimits, type CollectionLimits } from "../keyspace/limits.ts";
import type { Limits } from "../keyspace/view.ts";
import { parseNotifyFlags } from "../pubsub/notify-flags.ts";
import type { ScriptingSettings } from "../scripting/scripting.ts";
import type { LongScriptSettings } from "../session/long-scripts.ts";
import type { SessionSettings } from "../session/host.ts";
import type { OutputLimits } from "./connection.ts";
import type { ReadThreadSettings } from "./read-thread.ts";
import type { ServerLimits } from "./server.ts";

export interface LiveSettings {
  readonly scripting: ScriptingSettings & LongScriptSettings;
  readonly keyspace: KeyspaceOptions;
  readonly pipeline: PipelineSettings;
  readonly session: SessionSettings;
  readonly limits: Limits;
  readonly server: ServerLimits;
  readonly syncMode: SyncMode;
  readonly longReads: ReadThreadSettings;
}

export function liveSettings(config: Config): LiveSettings {
  return {
    keyspace: {
      databaseCount: config.get("databases"),
      cacheBytesMax: config.get("object-cache-size"),
      rowBytesMax: config.get("row-cache-size"),
    },
    pipeline: pipelineSettings(config),
    session: sessionSettings(config),
    scripting: scriptingSettings(config),
    limits: limits(config),
    server: serverLimits(config),
    syncMode: config.get("appendfsync"),
    longReads: longReadSettings(config),
  };
}

function pipelineSettings(config: Config): PipelineSettings {
  const settings: PipelineSettings = {
    sync: syncs(config),
    stallWaitMs: stallWaitMs(config),
    backgroundBytes: config.get("commit-background-bytes"),
    groupBytesMax: config.get("commit-group-bytes-max"),
    unknownTimeoutMs: config.get("unknown-outcome-timeout"),
  };
  const sync = (): void => {
    settings.sync = syncs(config);
  };
  config.onChange("appendfsync", sync);
  config.onChange("rocksdb.write_options.sync", sync);
  const stall = (): void => {
    settings.stallWaitMs = stallWaitMs(config);
  };
  config.onChange("write-stall-policy", stall);
  config.onChange("rocksdb.write_options.no_slowdown", stall);
  config.onChange("commit-background-bytes", (bytes) => {
    settings.backgroundBytes = bytes;
  });
  config.onChange("commit-group-bytes-max", (bytes) => {
    settings.groupBytesMax = bytes;
  });
  config.onChange("unknown-outcome-timeout", (ms) => {
    settings.unknownTimeoutMs = ms;
  });
  return settings;
}

function syncs(config: Config): boolean {
  return config.get("appendfsync") === "always" || config.get("rocksdb.write_options.sync");
}

/** Kvrocks's no_slowdown asks for what write-stall-policy calls fail. */
function stallWaitMs(config: Config): number {
  const policy = config.get("write-stall-policy");
  if (policy.kind === "fail" || config.get("rocksdb.write_options.no_slowdown")) return 0;
  return policy.limitMs;
}

function sessionSettings(config: Config): SessionSettings {
  const settings: SessionSettings = {
    execFailureReply: config.get("exec-failure-reply"),
    onceRetentionMs: config.get("once-retention") * 1000,
    transactionBytesMax: config.get("client-query-buffer-limit"),
    scriptsUndo: config.get("script-atomicity") === "all-or-nothing",
    scriptsMayCallAll: false,
    // Set by Core.setSlow, which knows of both settings it comes from.
    slowUs: Infinity,
    requirePass: config.get("requirepass"),
  };
  config.onChange("exec-failure-reply", (value) => {
    settings.execFailureReply = value;
  });
  config.onChange("once-retention", (seconds) => {
    settings.onceRetentionMs = seconds * 1000;
  });
  config.onChange("script-atomicity", (value) => {
    settings.scriptsUndo = value === "all-or-nothing";
  });
  config.onChange("client-query-buffer-limit", (bytes) => {
    settings.transactionBytesMax = bytes;
  });
  return settings;
}

function scriptingSettings(config: Config): LiveSettings["scripting"] {
  const settings = {
    memoryBytesMax: config.get("script-memory-max"),
    busyMs: config.get("busy-reply-threshold"),
    timeMsMax: config.get("script-time-max"),
  };
  config.onChange("busy-reply-threshold", (ms) => {
    settings.busyMs = ms;
  });
  config.onChange("script-time-max", (ms) => {
    settings.timeMsMax = ms;
  });
  return settings;
}

function longReadSettings(config: Config): ReadThreadSettings {
  const settings = { memoryBytesMax: config.get("long-read-memory-max") };
  config.onChange("long-read-memory-max", (bytes) => {
    settings.memoryBytesMax = bytes;
  });
  return settings;
}

/** Which setting each limit of collections obeys. */
export const COLLECTION_SETTINGS = {
  hashEntriesMax: "hash-max-listpack-entries",
  hashValueBytesMax: "hash-max-listpack-value",
  listNodeSize: "list-max-listpack-size",
  setIntegersMax: "set-max-intset-entries",
  setEntriesMax: "set-max-listpack-entries",
  setValueBytesMax: "set-max-listpack-value",
  sparseSketchBytesMax: "hll-sparse-max-bytes",
  sortedSetEntriesMax: "zset-max-listpack-entries",
  sortedSetValueBytesMax: "zset-max-listpack-value",
  streamNodeBytesMax: "stream-node-max-bytes",
  streamNodeEntriesMax: "stream-node-max-entries",
} as const;

function collectionLimits(config: Config): CollectionLimits {
  const values = usualCollectionLimits();
  const follow = (limit: keyof typeof COLLECTION_SETTINGS): void => {
    const setting = COLLECTION_SETTINGS[limit];
    values[limit] = config.get(setting);
    config.onChange(setting, (value) => {
      values[limit] = value;
    });
  };
  follow("hashEntriesMax");
  follow("hashValueBytesMax");
  follow("listNodeSize");
  follow("setIntegersMax");
  follow("setEntriesMax");
  follow("setValueBytesMax");
  follow("sparseSketchBytesMax");
  follow("sortedSetEntriesMax");
  follow("sortedSetValueBytesMax");
  follow("streamNodeBytesMax");
  follow("streamNodeEntriesMax");
  return values;
}

function limits(config: Config): Limits {
  const values: Limits = {
    stringBytesMax: config.get("proto-max-bulk-len"),
    unitBytesMax: config.get("rocksdb.write_options.write_batch_max_bytes"),
    notifyMask: parseNotifyFlags(config.get("notify-keyspace-events")) ?? 0,
    countFrequency: config.get("maxmemory-policy").includes("lfu"),
    lfuLogFactor: config.get("lfu-log-factor"),
    collections: collectionLimits(config),
  };
  config.onChange("proto-max-bulk-len", (bytes) => {
    values.stringBytesMax = bytes;
  });
  config.onChange("rocksdb.write_options.write_batch_max_bytes", (bytes) => {
    values.unitBytesMax = bytes;
  });
  config.onChange("notify-keyspace-events", (flags) => {
    values.notifyMask = parseNotifyFlags(flags) ?? 0;
  });
  config.onChange("maxmemory-policy", (policy) => {
    values.countFrequency = policy.includes("lfu");
  });
  config.onChange("lfu-log-factor", (factor) => {
    values.lfuLogFactor = factor;
  });
  return values;
}

function serverLimits(config: Config): ServerLimits {
  const output = config.get("client-output-buffer-limit");
  const connection = {
    bulkBytesMax: config.get("proto-max-bulk-len"),
    queryBufferBytesMax: config.get("client-query-buffer-limit"),
    output: { normal: outputLimits(output.normal), pubsub: outputLimits(output.pubsub) },
  };
  const values: ServerLimits = {
    maxClients: config.get("maxclients"),
    silenceMsMax: config.get("timeout") * 1000,
    // Changed by Server.keepAlive, which tells the sockets that are there.
    keepAliveSeconds: config.get("tcp-keepalive"),
    isProtected: config.get("protected-mode"),
    connection,
  };
  config.onChange("timeout", (seconds) => {
    values.silenceMsMax = seconds * 1000;
  });
  config.onChange("protected-mode", (isOn) => {
    values.isProtected = isOn;
  });
  config.onChange("maxclients", (count) => {
    values.maxClients = count;
  });
  config.onChange("proto-max-bulk-len", (bytes) => {
    connection.bulkBytesMax = bytes;
  });
  config.onChange("client-query-buffer-limit", (bytes) => {
    connection.queryBufferBytesMax = bytes;
  });
  config.onChange("client-output-buffer-limit", (changed) => {
    connection.output.normal = outputLimits(changed.normal);
    connection.output.pubsub = outputLimits(changed.pubsub);
  });
  return values;
}

function outputLimits(limit: OutputLimit): OutputLimits {
  return {
    hardBytes: limit.hard,
    softBytes: limit.soft,
    softMs: limit.softSeconds * 1000,
  };
}
