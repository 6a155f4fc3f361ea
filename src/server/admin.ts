// What operators and tools ask of the whole server, behind the ports of commands/: CONFIG, INFO, SAVE,
// MEMORY, DEBUG, SHUTDOWN, WAITAOF. Put around a core with `Admin.install`.

import { bytesOfText, textOfBytes, type Bytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Expirer } from "../background/expirer.ts";
import type { Command } from "../commands/lookup.ts";
import type { Durability } from "../commit/durability.ts";
import { internalUnit } from "../commit/unit.ts";
import type { Config } from "../config/config.ts";
import type { View } from "../keyspace/view.ts";
import type { Log } from "../observe/log.ts";
import { Stats } from "../observe/stats.ts";
import { CommandError, INVALID_DB_INDEX } from "../resp/errors.ts";
import { Admission } from "./admission.ts";
import { AccessControl, type AclFile, aclPathOf, obeyAclSettings } from "./access-control.ts";
import { rewriteConfigFile } from "./config-file.ts";
import type { Core } from "./core.ts";
import { Info } from "./info.ts";
import type { Identity, InfoParts } from "./info-reports.ts";
import { peers } from "./peer.ts";
import { LoopMonitor } from "./loop-monitor.ts";
import { Meter } from "./meter.ts";
import type { Server } from "./server.ts";
import { SettingChanges } from "./setting-changes.ts";
import { Storage } from "./storage.ts";
import { Rebinding } from "./tcp-listeners.ts";

export interface AdminParts {
  readonly core: Core;
  readonly server: Server;
  readonly config: Config;
  readonly durability: Durability;
  readonly expirer: Expirer;
  readonly log: Log;
  readonly random: Random;
  readonly port: number;
  readonly configFile: string | null;
  /** SHUTDOWN: the process is to stop as at SIGTERM. */
  readonly onShutdown: () => void;
  readonly memoryUsage?: (() => NodeJS.MemoryUsage) | undefined;
  readonly watchesLoop?: boolean | undefined;
}

/** Kinds of errors counted for INFO errorstats; a client makes up no more. */
const ERROR_KINDS_MAX = 128;
const UNREADABLE = new CommandError("ERR the keys could not be read: see the server's log");
const NO_CONFIG_FILE = "ERR The server is running without a config file";
const DEBUG_LOCKED = new CommandError(
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run ' +
    "it from a local connection, otherwise you need to set this option in the configuration file, " +
    "and then restart the server.",
);
const NO_DRILLS = new CommandError(
  "ERR this server was started without enable-debug-command, so its storage cannot be made to fail",
);

export class Admin {
  readonly meter: Meter;
  readonly storage: Storage;
  readonly admission: Admission;
  readonly #parts: AdminParts;
  readonly #identity: Identity;
  readonly #errorCounts = new Map<string, number>();

  private constructor(parts: AdminParts) {
    this.#parts = parts;
    const { core, server, config, random } = parts;
    const { pipeline, stats } = core;
    const { clock } = core.host;
    this.meter = new Meter({
      pipeline,
      stats,
      clock,
      clientBytes: () => clientBytes(server),
      memoryUsage: parts.memoryUsage ?? (() => process.memoryUsage()),
      loop: new LoopMonitor(parts.watchesLoop ?? true),
    });
    this.storage = new Storage({ pipeline, stats, clock, log: parts.log });
    this.admission = new Admission(parts.durability);
    this.#identity = {
      runId: hexadecimal(random),
      replicationId: hexadecimal(random),
      startMs: clock.nowMs(),
      port: parts.port,
      configFile: parts.configFile,
    };
    this.admission.isReadOnly = config.get("read-only");
    config.onChange("read-only", (value) => {
      this.admission.isReadOnly = value;
    });
    this.meter.onSample = ({ used }) => this.#checkMemory(used);
    config.onChange("maxmemory", () => this.#checkMemory(this.meter.memory().used));
  }

  static install(parts: AdminParts): Admin {
    const admin = new Admin(parts);
    const { core, config } = parts;
    const infoParts: InfoParts = {
      ...parts,
      storage: admin.storage,
      meter: admin.meter,
      identity: admin.#identity,
      errorCounts: admin.#errorCounts,
    };
    const { ports, hooks } = core;
    ports.info = new Info(infoParts);
    ports.storage = admin.storage;
    ports.peers = peers;
    ports.life = { shutdown: (options) => admin.#shutdown(options) };
    ports.durability = {
      isSynced: (batch) => batch <= parts.durability.syncedBatch,
      waitSynced: (batch) => parts.durability.waitSynced(batch),
    };
    ports.memory = {
      facts: () => admin.meter.memory(),
      purge: () => core.pipeline.keyspace.trimCache(),
    };
    const { connections } = parts.server;
    const acl = new AccessControl(core, { connections, file: aclFileOf(config, parts.log) });
    ports.acl = acl;
    obeyAclSettings(core, config);
    ports.config = admin.#configPort(acl);
    ports.debug = admin.#debugPort();
    hooks.admission = (command, isQueued) => admin.admission.refusal(command, isQueued);
    const debugFor = config.get("enable-debug-command");
    hooks.permission = (session, command) =>
      mayRun(command, debugFor, session) ? null : DEBUG_LOCKED;
    hooks.onErrorReply = (text) => admin.#countError(text);
    const { loop } = admin.meter;
    loop.onLong = (words) => parts.log.verbose(`The event loop was held for long: ${words}`);
    hooks.onLongCommand = (name, microseconds) => loop.noteCommand(name, microseconds);
    hooks.onScriptLog = (level, text) => admin.#parts.log[level](text);
    return admin;
  }

  start(): void {
    this.meter.start();
  }

  stop(): void {
    this.meter.stop();
  }

  #configPort(acl: AccessControl): Core["ports"]["config"] {
    const { core, config, log } = this.#parts;
    const { server } = this.#parts;
    const rebinding = new Rebinding({ server, config, log });
    const changes = new SettingChanges(config, { engine: core.engine, rebinding });
    return {
      matching: (patterns) => config.matching(patterns),
      takesTime: (assignments) => changes.takesTime(assignments),
      set: (assignments, asker) => changes.set(assignments, asker),
      rewrite: (isWhole) => {
        const { configFile } = this.#identity;
        if (configFile === null) return NO_CONFIG_FILE;
        const problem = rewriteConfigFile(configFile, config, {
          users: acl.configLines(config),
          isWhole,
        });
        if (problem === null) {
          log.notice("CONFIG REWRITE executed with success.");
          return null;
        }
        log.warning(`CONFIG REWRITE failed: ${problem}`);
        return bytesOfText(`ERR Rewriting config file: ${problem}`);
      },
      resetStatistics: () => this.#resetStatistics(),
    };
  }

  #debugPort(): Core["ports"]["debug"] {
    const { expirer, log, core } = this.#parts;
    const { drill } = core;
    if (drill !== null) {
      drill.onOver = (fault) =>
        log.warning(`The storage fault on purpose, ${fault.kind}, is over.`);
    }
    return {
      get storageFault() {
        return { fault: drill?.fault ?? null, hits: drill?.hits ?? 0 };
      },
      setStorageFault(fault) {
        if (drill === null) throw NO_DRILLS;
        drill.set(fault);
        log.warning(`DEBUG STORAGE-FAULT ${fault?.kind ?? "off"}`);
      },
      setActiveExpire(enabled) {
        expirer.enabled = enabled;
      },
      setScriptsMayCallAll: (enabled) => {
        this.#parts.core.host.settings.scriptsMayCallAll = enabled;
      },
      log: (text) => log.warning(`DEBUG LOG: ${textOfBytes(text)}`),
      changeReplicationId: () => {
        this.#identity.replicationId = hexadecimal(this.#parts.random);
      },
      sleep: holdEventLoop,
      databaseCount: core.pipeline.keyspace.databases.length,
      look: (index, keys, action) => this.#look(index, keys, action),
    };
  }

  async #look<T>(index: number, keys: readonly Bytes[], action: (view: View) => T): Promise<T> {
    const { pipeline } = this.#parts.core;
    const { keyspace } = pipeline;
    const database = keyspace.databases[index];
    if (database === undefined) throw INVALID_DB_INDEX;
    let result: { readonly value: T } | { readonly error: CommandError } | null = null;
    const run = (view: View): void => {
      view.database = database;
      try {
        result = { value: action(view) };
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        result = { error };
      }
    };
    const wanted = keys.map((key) => ({ database, key }));
    await pipeline.perform(internalUnit(keyspace.system, run, () => wanted));
    await pipeline.whenIdle();
    const settled = settledResult<T>(result);
    if ("error" in settled) throw settled.error;
    return settled.value;
  }

  #shutdown({ saves }: { readonly saves: boolean }): boolean {
    const { log, onShutdown } = this.#parts;
    log.notice("User requested shutdown...");
    if (!saves) {
      onShutdown();
      return true;
    }
    // What is in memory is in the log as well: a failure to write it to files loses nothing.
    void this.storage.save().then(onShutdown, (error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      log.warning(`Could not save before the shutdown: ${error.message}`);
      onShutdown();
    });
    return true;
  }

  #checkMemory(used: number): void {
    const max = this.#parts.config.get("maxmemory");
    this.admission.isOutOfMemory = max !== 0 && used > max;
  }

  #countError(text: string): void {
    const end = text.indexOf(" ");
    const code = end === -1 ? text : text.slice(0, end);
    const count = this.#errorCounts.get(code);
    if (count === undefined && this.#errorCounts.size >= ERROR_KINDS_MAX) return;
    this.#errorCounts.set(code, (count ?? 0) + 1);
  }

  #resetStatistics(): void {
    const { stats, commands } = this.#parts.core;
    const { changes, changesAtFlush, lazyPending } = stats;
    Object.assign(stats, new Stats(), { changes, changesAtFlush, lazyPending });
    for (const command of commands.all) {
      for (const one of [command, ...command.subcommands.values()]) resetCommand(one);
    }
    this.#errorCounts.clear();
    this.meter.reset();
  }
}

function resetCommand({ stats }: Command): void {
  stats.calls = 0;
  stats.microseconds = 0;
  stats.rejectedCalls = 0;
  stats.failedCalls = 0;
  stats.histogram.clear();
}

function mayRun(
  command: Command,
  who: "no" | "yes" | "local",
  session: { readonly isLocal: boolean },
): boolean {
  if (!command.isProtected || who === "yes") return true;
  return who === "local" && session.isLocal;
}

function aclFileOf(config: Config, log: Log): AclFile | null {
  const path = aclPathOf(config);
  return path === null ? null : { path, log };
}

function clientBytes(server: Server): number {
  let sum = 0;
  for (const { memoryBytes } of server.connections.values()) sum += memoryBytes;
  return sum;
}

/** What the unit has left behind. */
function settledResult<T>(
  result: { readonly value: T } | { readonly error: CommandError } | null,
): { readonly value: T } | { readonly error: CommandError } {
  // It has not run at all: the disk could not be read.
  return result ?? { error: UNREADABLE };
}

function hexadecimal(random: Random): string {
  let text = "";
  for (let index = 0; index < 40; index++) text += random.below(16).toString(16);
  return text;
}

/** As Redis's DEBUG SLEEP does: nobody is served meanwhile. */
function holdEventLoop(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}
