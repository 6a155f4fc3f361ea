// Every setting there is: one table, from which come the parser of configuration files, CONFIG GET,
// SET and REWRITE, kept.conf and docs/configuration.md.

import { commitSettings, dataSettings, snapshotSettings } from "./durability.ts";
import { engineCacheSettings, engineLogSettings, engineSettings } from "./engine.ts";
import { loggingSettings } from "./logging.ts";
import { longReadSettings } from "./long-reads.ts";
import { memorySettings, structureSettings } from "./memory.ts";
import { networkSettings, processSettings } from "./network.ts";
import { clusterSettings, replicationSettings } from "./replication.ts";
import { securitySettings } from "./security.ts";
import type { Setting, SettingGroup } from "./setting.ts";
import { tlsSettings } from "./tls.ts";

export const SETTINGS = {
  ...networkSettings,
  ...dataSettings,
  ...commitSettings,
  ...loggingSettings,
  ...longReadSettings,
  ...securitySettings,
  ...memorySettings,
  ...structureSettings,
  ...engineSettings,
  ...engineCacheSettings,
  ...engineLogSettings,
  ...processSettings,
  ...snapshotSettings,
  ...tlsSettings,
  ...replicationSettings,
  ...clusterSettings,
};

/** The same by subject, in the order of the documentation. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  { title: "Network", settings: networkSettings },
  { title: "Data and durability", settings: dataSettings },
  { title: "Commits", settings: commitSettings },
  { title: "Log, slow log, latency, events", settings: loggingSettings },
  { title: "Long reads", settings: longReadSettings },
  { title: "Security", settings: securitySettings },
  { title: "Memory and expiry", settings: memorySettings },
  { title: "Small collections", settings: structureSettings },
  { title: "RocksDB: writing and merging", settings: engineSettings },
  { title: "RocksDB: files and cache", settings: engineCacheSettings },
  { title: "RocksDB: the write-ahead log", settings: engineLogSettings },
  { title: "Process", settings: processSettings },
  { title: "Snapshots and append-only file", settings: snapshotSettings },
  { title: "TLS", settings: tlsSettings },
  { title: "Replication", settings: replicationSettings },
  { title: "Cluster", settings: clusterSettings },
];

export type SettingName = keyof typeof SETTINGS;
export type ValueOf<Name extends SettingName> =
  (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never;

/** A row with its name, where the type of the value does not matter. */
export interface NamedSetting {
  readonly name: SettingName;
  readonly setting: Setting<unknown>;
}

const BY_NAME = new Map<string, NamedSetting>();
for (const name of Object.keys(SETTINGS)) {
  if (!isSettingName(name)) continue;
  const setting: Setting<unknown> = SETTINGS[name];
  for (const known of [name, ...(setting.aliases ?? [])]) BY_NAME.set(known, { name, setting });
}

/** All names CONFIG GET may answer, aliases among them, in the order of the table. */
export const KNOWN_NAMES: readonly string[] = [...BY_NAME.keys()];

/** By name or alias, in whatever case; null when there is none. */
export function settingNamed(name: string): NamedSetting | null {
  return BY_NAME.get(name.toLowerCase()) ?? null;
}

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}
