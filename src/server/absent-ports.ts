// What a core answers for that nobody has put a server around: there is no configuration, no log, no
// process to stop. The product replaces all of it (admin.ts); the simulation lives with it.

import type { ServerPort } from "../commands/ports.ts";
import { CommandError } from "../resp/errors.ts";

type AdminPorts = Pick<
  ServerPort,
  | "config"
  | "info"
  | "cluster"
  | "scripts"
  | "storage"
  | "life"
  | "peers"
  | "durability"
  | "memory"
  | "debug"
>;

function absent(): never {
  throw new CommandError("ERR this server has no administration");
}

export const ABSENT_PORTS: AdminPorts = {
  config: {
    matching: absent,
    takesTime: absent,
    set: absent,
    rewrite: absent,
    resetStatistics: absent,
  },
  info: { text: absent },
  cluster: null,
  storage: {
    lastSaveSeconds: 0,
    isSaving: false,
    isCompacting: false,
    save: absent,
    compact: absent,
    dropCache: absent,
  },
  life: { shutdown: absent },
  peers: { ask: absent },
  scripts: { kill: absent, stats: absent },
  durability: { isSynced: absent, waitSynced: absent },
  memory: { facts: absent, purge: absent },
  debug: {
    storageFault: { fault: null, hits: 0 },
    setStorageFault: absent,
    setActiveExpire: absent,
    setScriptsMayCallAll: absent,
    log: absent,
    changeReplicationId: absent,
    sleep: absent,
    databaseCount: 0,
    look: absent,
  },
};
