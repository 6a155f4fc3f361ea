// From a configuration to a running server, and down again. Whatever fails on the way up closes what
// was opened before it, and says what is wrong and what to do.

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { Collector } from "../background/collector.ts";
import { Expirer } from "../background/expirer.ts";

import { HealthWatcher } from "../background/health.ts";
import { RowFiller } from "../background/row-filler.ts";
import type { BackgroundParts } from "../background/trouble.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { COMMANDS } from "../commands/registry.ts";
import { Durability } from "../commit/durability.ts";
import type { Config } from "../config/config.ts";
import { CorruptMeta } from "../encoding/meta.ts";
import { Drill } from "../engine/drill.ts";
import { SettingRefused, StorageError, type Engine } from "../engine/engine.ts";
import { DirectoryRefused } from "../engine/rocks-directory.ts";
import { openRocksEngine, rocksdbVersion } from "../engine/rocksdb.ts";
import { RowCache } from "../keyspace/row-cache.ts";
import type { Log } from "../observe/log.ts";
import { KEPT_VERSION } from "../base/version.ts";
import { CommandError } from "../resp/errors.ts";
import type { LongReader } from "../session/long-reader.ts";
import type { ScriptThread } from "../session/long-scripts.ts";
import { Admin } from "./admin.ts";
import { Bus } from "./bus.ts";
import { loadUsersAtStart } from "./access-control.ts";
import { Core } from "./core.ts";
import { noteFunctions } from "./function-stats.ts";
import { descriptorLimit, obeyDescriptorLimit } from "./descriptors.ts";
import { rocksSettings } from "./engine-settings.ts";
import { Listener } from "./listener.ts";
import { nodeDirectory, slotMapOf, type NodeRole } from "./node-role.ts";
import { checkIsOfOne, DirectoryForOthers } from "./process-directory.ts";
import { ListenFailed, listenTcp, wordsOf } from "./tcp-listeners.ts";
import { liveSettings, type LiveSettings } from "./live-settings.ts";
import { ForeignStore } from "./open-keyspace.ts";
import { ReadThreads, type ReadThreadSettings } from "./read-thread.ts";
import { WorkerThread } from "./script-thread.ts";
import { Server } from "./server.ts";
import { SilenceWatcher } from "./silence.ts";
import { TlsGate, TlsRefused } from "./tls.ts";

export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Null when the configuration did not come from a file. */
  readonly configFile: string | null;
  /** SHUTDOWN was asked for: the process is to stop as at SIGTERM. */
  readonly onShutdown: () => void;
  /** Our own bug: called once; the process must not go on. */
  readonly onBug: (error: unknown) => void;
  /** Its place among the processes of a server of several; null, or nothing, for the only one. */
  readonly node?: NodeRole | null;
  /** Where scripts go that take long, instead of a thread; null for none: they run on the loop. */
  readonly scriptThread?: ScriptThread | null;
  /** Where reading commands go that take long, instead of threads. */
  readonly reader?: LongReader | null;
  /** What the process takes, in place of asking for it: simulations ask often, and must repeat themselves. */
  readonly memoryUsage?: () => NodeJS.MemoryUsage;
  /** False where turns of the real event loop mean nothing: in simulations. */
  readonly watchesLoop?: boolean;
}

/** Why the server does not start, in words for the operator. */
export class StartFailed extends Error {
  override readonly name = "StartFailed";
}

export interface RunningServer {
  readonly core: Core;
  readonly server: Server;
  readonly durability: Durability;
  readonly expirer: Expirer;
  readonly port: number;
  /** Null for the only process. */
  readonly bus: Bus | null;
  /** Settles what is written, closes connections and the store. */
  stop(): Promise<void>;
}

/** Rejects with StartFailed. */
export async function startServer(
  config: Config,
  environment: Environment,
): Promise<RunningServer> {
  // The port first: when it is in use, no directory is made.
  const listeners = await listenAll(config, environment);
  try {
    const engine = await openRocksEngine(
      databasePath(config, nodeOf(environment)),
      rocksSettings(config),
    );
    try {
      return await startOn(engine, listeners, { config, environment });
    } catch (error) {
      await engine.close();
      throw error;
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw startFailure(error);
  }
}

function startFailure(error: unknown): unknown {
  const isForOperator =
    error instanceof DirectoryRefused ||
    error instanceof DirectoryForOthers ||
    error instanceof ForeignStore ||
    error instanceof CorruptMeta ||
    error instanceof SettingRefused ||
    error instanceof StorageError;
  return isForOperator ? new StartFailed(error.message) : error;
}

/** The database is in a folder of its own inside `dir`. Throws StartFailed. */
function databasePath(config: Config, node: NodeRole | null): string {
  const whole = dataDirectory(config);
  if (node === null) checkIsOfOne(whole);
  const dir = node === null ? whole : nodeDirectory(whole, node.index);
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw new StartFailed(`Can't make or enter the data directory '${dir}': ${wordsOf(error)}`);
  }
  return join(dir, "db");
}

function nodeOf({ node = null }: Environment): NodeRole | null {
  return node;
}

function dataDirectory(config: Config): string {
  return resolve(config.get("dir"));
}

interface Given {
  readonly config: Config;
  readonly environment: Environment;
}

/** The whole server on an engine that is open; the simulation gives it one without a disk. */
export async function startOn(
  engine: Engine,
  listeners: readonly Listener[],
  given: Given,
): Promise<RunningServer> {
  const { config, environment } = given;
  const { clock, log } = environment;
  let isStopping = false;
  const onBug = (error: unknown): void => {
    // What was under way in the background meets a closed store; everything else is our bug.
    if (isStopping && error instanceof StorageError && error.kind === "closed") return;
    environment.onBug(error);
  };
  obeyDescriptorLimit(config, log, descriptorLimit());
  const settings = liveSettings(config);
  const core = await openCore(engine, settings, given);
  const { pipeline } = core;
  await noteFunctionsAtStart(core, log);
  const badUsers = loadUsersAtStart(core.users, config);
  if (badUsers !== null) throw new StartFailed(badUsers);
  const durability = new Durability({ pipeline, clock, mode: settings.syncMode, onBug });
  const onTrouble = (words: string): void => log.warning(words);
  const expirer = new Expirer({ pipeline, clock, onTrouble, onBug });
  expirer.isHeld = () => core.pause.kind !== "none";
  const collector = new Collector({ pipeline, clock, onTrouble, onBug });
  const filler = rowFiller({ pipeline, clock, onTrouble, onBug }, config);
  const health = new HealthWatcher({ pipeline, clock, log, onBug });
  config.onChange("appendfsync", (mode) => {
    durability.mode = mode;
  });
  const server = new Server(core, settings.server);
  const bus = await startBus(core, given);
  const silence = new SilenceWatcher(server, clock);
  const port = listeners[0]?.port ?? 0;
  const admin = Admin.install({ ...environment, core, server, config, durability, expirer, port });
  obeySlowSettings(core, config);
  obeyClientSettings(server, config);
  obeyExpirySettings(expirer, config);
  const background = [durability, expirer, collector, filler, health, silence, admin];
  greet({ config, environment }, port);
  for (const worker of background) worker.start();
  for (const listener of listeners) server.serve(listener);
  sayReady(listeners, log);
  return {
    core,
    server,
    durability,
    expirer,
    port,
    bus,
    async stop() {
      isStopping = true;
      core.endLongRuns();
      for (const worker of background) worker.stop();
      await server.stop();
      // What the last commits publish has been given to it.
      bus?.stop();
      core.drill?.stop();
      await engine.close();
    },
  };
}

/** Where there are other processes. Throws StartFailed. */
async function startBus(core: Core, { config, environment }: Given): Promise<Bus | null> {
  const { clock, log } = environment;
  const node = nodeOf(environment);
  const map = core.host.cluster;
  if (node === null || map === null) return null;
  map.announcedHost = config.get("cluster-announce-ip");
  config.onChange("cluster-announce-ip", (host) => {
    map.announcedHost = host;
  });
  const bus = new Bus({ map, folder: node.busFolder, hub: core.hub, clock, log });
  try {
    await bus.start();
  } catch (error) {
    throw new StartFailed(`The bus between the processes cannot be opened: ${wordsOf(error)}`);
  }
  core.ports.cluster = bus;
  return bus;
}

/** INFO tells of them, and CLIENT PAUSE asks what they may do, before anybody has called one. */
async function noteFunctionsAtStart(core: Core, log: Log): Promise<void> {
  try {
    await noteFunctions(core);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    log.warning(`A library of functions cannot be loaded: ${error.message}`);
  }
}

function newReader(
  settings: ReadThreadSettings,
  { clock, reader }: Environment,
): LongReader | null {
  return reader === undefined ? new ReadThreads(clock, settings) : reader;
}

/** How many commands may read for long at a time, and what is long. */
function obeyLongReadSettings(core: Core, config: Config): void {
  const { longReads } = core.pipeline;
  const obey = (): void => {
    longReads.seatCount = core.host.reader === null ? 0 : config.get("long-read-threads");
    longReads.elementsMax = config.get("long-read-elements");
  };
  config.onChange("long-read-threads", obey);
  config.onChange("long-read-elements", obey);
  obey();
}

/** What counts as slow, for the slow log and LATENCY. */
function obeySlowSettings(core: Core, config: Config): void {
  const obey = (): void => {
    core.setSlow({
      slowlogUs: config.get("slowlog-log-slower-than"),
      latencyMs: config.get("latency-monitor-threshold"),
    });
    core.slowlog.lengthMax = config.get("slowlog-max-len");
  };
  config.onChange("slowlog-log-slower-than", obey);
  config.onChange("latency-monitor-threshold", obey);
  config.onChange("slowlog-max-len", obey);
  obey();
  const { tracking } = core.host;
  tracking.keysMax = config.get("tracking-table-max-keys");
  config.onChange("tracking-table-max-keys", (count) => {
    tracking.keysMax = count;
    tracking.trim();
  });
  const { keyspace } = core.pipeline;
  config.onChange("object-cache-size", (bytes) => {
    keyspace.cacheBytesMax = bytes;
  });
}

function rowFiller(parts: BackgroundParts, config: Config): RowFiller {
  const filler = new RowFiller(parts);
  config.onChange("row-cache-size", (bytes) => {
    parts.pipeline.keyspace.stored.rows = new RowCache(bytes);
    filler.start();
  });
  return filler;
}

/** What all connections may hold; in percent of `maxmemory`, which without one is no limit. */
function obeyClientSettings(server: Server, config: Config): void {
  config.onChange("tcp-keepalive", (seconds) => server.keepAlive(seconds));
  const { memory } = server;
  const obey = (): void => {
    const bytes = config.get("maxmemory-clients");
    const share = -bytes / 100;
    memory.limitBytes = bytes < 0 ? Math.floor(config.get("maxmemory") * share) : bytes;
  };
  config.onChange("maxmemory-clients", obey);
  config.onChange("maxmemory", obey);
  obey();
}

/** How often active expiry looks around, and how much it does then. */
function obeyExpirySettings(expirer: Expirer, config: Config): void {
  const obey = (): void => {
    expirer.hz = config.get("hz");
    expirer.effort = config.get("active-expire-effort");
  };
  config.onChange("hz", obey);
  config.onChange("active-expire-effort", obey);
  obey();
}

async function openCore(
  engine: Engine,
  settings: LiveSettings,
  { config, environment }: Given,
): Promise<Core> {
  const { clock, random, onBug } = environment;
  const renames = new Map<string, string>();
  for (const [from = "", to = ""] of config.get("rename-command")) {
    renames.set(from.toLowerCase(), to);
  }
  const { keyspace, pipeline, session, scripting, limits } = settings;
  const node = nodeOf(environment);
  const core = await Core.open(
    {
      engine,
      clock,
      random,
      keyspace,
      pipeline,
      session,
      limits,
      scripting,
      reader: newReader(settings.longReads, environment),
      scriptThread:
        environment.scriptThread === undefined
          ? new WorkerThread(scripting.memoryBytesMax)
          : environment.scriptThread,
      commands: COMMANDS,
      renames,
      drill: config.get("enable-debug-command") === "no" ? null : new Drill(clock, random),
      cluster: node === null ? null : slotMapOf(node),
      onBug,
    },
    {
      permission: () => null,
      admission: () => null,
      onErrorReply: () => {},
      onScriptLog: () => {},
      onLongCommand: () => {},
    },
  );
  obeyLongReadSettings(core, config);
  return core;
}

/** Listens on every address of `bind`, and at `unixsocket`. Throws StartFailed. */
async function listenAll(config: Config, environment: Environment): Promise<Listener[]> {
  const { log } = environment;
  const path = config.get("unixsocket");
  const gate = config.get("tls-port") === 0 ? null : newGate(config, log);
  const ports = portsOf(config, nodeOf(environment));
  const isWithoutTcp = (path !== "" || gate !== null) && ports.port === 0;
  const listeners: Listener[] = [];
  try {
    if (!isWithoutTcp) listeners.push(...(await listenAtStart(config, log, ports.port)));
    if (gate !== null) listeners.push(...(await listenAtStart(config, log, { gate, ...ports })));
    if (path !== "") listeners.push(await listenUnix(config, resolve(path)));
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
}

/** Throws StartFailed. */
function newGate(config: Config, log: Log): TlsGate {
  try {
    return new TlsGate(config, log);
  } catch (error) {
    if (!(error instanceof TlsRefused)) throw error;
    throw new StartFailed(`Failed to configure TLS: ${error.message}`);
  }
}

async function listenUnix(config: Config, path: string): Promise<Listener> {
  const mode = config.get("unixsocketperm");
  const backlog = config.get("tcp-backlog");
  try {
    return await Listener.open({ path, mode, backlog });
  } catch (error) {
    throw new StartFailed(`Failed opening Unix socket ${path}: ${wordsOf(error)}`);
  }
}

function portsOf(
  config: Config,
  node: NodeRole | null,
): { readonly port: number; readonly tlsPort: number } {
  const mine = node?.nodes[node.index];
  return mine ?? { port: config.get("port"), tlsPort: config.get("tls-port") };
}

/** On every address: TCP as it is at a port, or behind the gate. */
async function listenAtStart(
  config: Config,
  log: Log,
  where: number | { readonly gate: TlsGate; readonly tlsPort: number },
): Promise<Listener[]> {
  const addresses = config.get("bind");
  const backlog = config.get("tcp-backlog");
  const [port, gate] = typeof where === "number" ? [where, null] : [where.tlsPort, where.gate];
  try {
    return await listenTcp({ addresses, port, backlog, gate }, log);
  } catch (error) {
    throw error instanceof ListenFailed ? new StartFailed(error.message) : error;
  }
}

function sayReady(listeners: readonly Listener[], log: Log): void {
  const ways = listeners.map(({ path, isEncrypted }) => {
    if (path !== null) return `unix at ${path}`;
    return isEncrypted ? "tls" : "tcp";
  });
  for (const way of new Set(ways)) log.notice(`Ready to accept connections ${way}`);
}

function greet({ config, environment }: Given, port: number): void {
  const { log } = environment;
  const node = nodeOf(environment);
  const whole = dataDirectory(config);
  const dir = node === null ? whole : nodeDirectory(whole, node.index);
  log.notice(
    `Kept ${KEPT_VERSION} on RocksDB ${rocksdbVersion}, data in ${dir}, ` +
      `appendfsync ${config.get("appendfsync")}, port ${port}`,
  );
  for (const { name, reason } of config.ineffective()) {
    log.warning(`The setting '${name}' has no effect: ${reason}.`);
  }
}
