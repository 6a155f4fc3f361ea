// How many file descriptors the process may have, and how many of them clients may take. Sockets must
// leave some for the files of the store, the threads of scripts and /proc: without one, RocksDB
// cannot flush, and Node cannot even say how much memory it uses.

import { readFileSync } from "node:fs";

import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";

/** What the process has open without clients and large data, twice over. */
const OWN_DESCRIPTORS = 64;
/** Of the rest, this part is for the files of the store, up to so many. */
const STORE_PART = 4;
const STORE_DESCRIPTORS_MAX = 4096;

/** Clients for whom there is room within `limit` descriptors; at least one. */
export function clientRoom(limit: number): number {
  const forStore = Math.min(Math.floor(limit / STORE_PART), STORE_DESCRIPTORS_MAX);
  return Math.max(1, limit - OWN_DESCRIPTORS - forStore);
}

/** The soft limit of this process, which Node has raised to the hard one; Infinity if none is known. */
export function descriptorLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}

/** Takes `maxclients` down to what the system permits, as Redis does, and refuses to raise it above. */
export function obeyDescriptorLimit(config: Config, log: Log, limit: number): void {
  if (limit === Infinity) return;
  const room = clientRoom(limit);
  const wanted = config.get("maxclients");
  if (wanted > room) {
    config.set([["maxclients", String(room)]], { isLocal: true });
    log.warning(
      `The limit of ${limit} open files leaves room for ${room} clients: maxclients is ${room}, ` +
        `not ${wanted}. Raise it with ulimit -n, or LimitNOFILE of systemd.`,
    );
  }
  config.onApply("maxclients", (count) => {
    if (count <= room) return null;
    return (
      "The operating system is not able to handle the specified number of clients, " +
      `try with ${room}`
    );
  });
}
