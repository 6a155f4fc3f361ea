// From a configuration to a running server, and down again. Whatever fails on the way up closes what
// was opened before it, and says what is wrong and what to do.

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { Collector } from "../background/collector.ts";
import { Expirer } from "../background/expirer.ts";
import { HealthWatcher } from "../background/health.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { Durability } from "../commit/durability.ts";
import type { Config } from "../config/config.ts";
import type { Engine } from "../engine/engine.ts";
import { openRocksEngine } from "../engine/rocksdb.ts";
import type { Log } from "../observe/log.ts";
import { Core } from "./core.ts";
import { rocksSettings } from "./engine-settings.ts";
import { liveSettings, type LiveSettings } from "./live-settings.ts";
import { Server } from "./server.ts";

export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Kept's version and RocksDB's, for the greeting and INFO. */
  readonly version: string;
  readonly rocksdbVersion: string;
  /** Our own bug: called once; the process must not go on. */
  readonly onBug: (error: unknown) => void;
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
  /** Settles what is written, closes connections and the store. */
  stop(): Promise<void>;
}

/** Rejects with StartFailed, or with the engine's own refusal of the directory. */
export async function startServer(
  config: Config,
  environment: Environment,
): Promise<RunningServer> {
  const path = databasePath(config);
  const engine = await openRocksEngine(path, rocksSettings(config));
  try {
    return await startOn(engine, config, environment);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** The database is in a folder of its own inside `dir`. Throws StartFailed. */
function databasePath(config: Config): string {
  const dir = resolve(config.get("dir"));
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw new StartFailed(`Can't make or enter the data directory '${dir}': ${wordsOf(error)}`);
  }
  return join(dir, "db");
}

async function startOn(
  engine: Engine,
  config: Config,
  environment: Environment,
): Promise<RunningServer> {
  const { clock, log, onBug } = environment;
  const settings = liveSettings(config);
  const core = await openCore(engine, { config, settings, environment });
  const { pipeline } = core;
  const durability = new Durability({ pipeline, clock, mode: settings.syncMode, onBug });
  const expirer = new Expirer({ pipeline, clock, onBug });
  const collector = new Collector({ pipeline, clock, onBug });
  const health = new HealthWatcher({ pipeline, clock, log, onBug });
  const background = [durability, expirer, collector, health];
  config.onChange("appendfsync", (mode) => {
    durability.mode = mode;
  });
  const server = new Server(core, settings.server);
  const port = await listen(server, config, log);
  for (const worker of background) worker.start();
  greet(config, environment, port);
  return {
    core,
    server,
    durability,
    expirer,
    port,
    async stop() {
      for (const worker of background) worker.stop();
      await server.stop();
      await engine.close();
    },
  };
}

interface OpenCore {
  readonly config: Config;
  readonly settings: LiveSettings;
  readonly environment: Environment;
}

function openCore(engine: Engine, { config, settings, environment }: OpenCore): Promise<Core> {
  const { clock, random, onBug } = environment;
  const renames = new Map<string, string>();
  for (const [from = "", to = ""] of config.get("rename-command")) {
    renames.set(from.toLowerCase(), to);
  }
  const { keyspace, pipeline, session, limits } = settings;
  return Core.open(
    { engine, clock, random, keyspace, pipeline, session, limits, renames, onBug },
    noHooks(environment),
  );
}

/** Listens on every address of `bind`. Throws StartFailed. */
async function listen(server: Server, config: Config, log: Log): Promise<number> {
  const backlog = config.get("tcp-backlog");
  let port = config.get("port");
  for (const address of config.get("bind")) {
    const isOptional = address.startsWith("-");
    const host = hostOf(isOptional ? address.slice(1) : address);
    try {
      port = await server.listen({ host, port, backlog });
    } catch (error) {
      const words = `Could not create server TCP listening socket ${host}:${port}: ${wordsOf(error)}`;
      if (!isOptional || codeOf(error) === "EADDRINUSE") throw new StartFailed(words);
      log.verbose(`${words}; it is optional`);
    }
  }
  return port;
}

function hostOf(address: string): string {
  if (address === "*") return "0.0.0.0";
  return address === "::*" ? "::" : address;
}

function greet(config: Config, environment: Environment, port: number): void {
  const { log, version, rocksdbVersion } = environment;
  log.notice(
    `Kept ${version} on RocksDB ${rocksdbVersion}, data in ${resolve(config.get("dir"))}, ` +
      `appendfsync ${config.get("appendfsync")}, port ${port}`,
  );
  for (const { name, reason } of config.ineffective()) {
    log.warning(`The setting '${name}' has no effect: ${reason}.`);
  }
  log.notice("Ready to accept connections");
}

function wordsOf(error: unknown): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return "Address already in use";
    case "EACCES":
      return "Permission denied";
    case "EADDRNOTAVAIL":
      return "Cannot assign requested address";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error) return String(error.code);
  return "";
}
