// A whole server in this process, on a free port: what users run, without the command line.
//
//   await using kept = await startKept({ engine: "memory" });
//   const client = await kept.client();
//   assert.deepEqual(await client.send("SET", "a", "b"), OK);
//
// Clients are closed and the server is stopped at the end of the block; a bug of ours that surfaced
// meanwhile fails the test there.

import assert from "node:assert/strict";

import { Expirer } from "../../src/background/expirer.ts";
import { machineClock, type Clock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { COMMANDS } from "../../src/commands/registry.ts";
import type { CommandRows } from "../../src/commands/table.ts";
import { Durability } from "../../src/commit/durability.ts";
import type { PipelineSettings } from "../../src/commit/pipeline.ts";
import { Config } from "../../src/config/config.ts";
import type { Drill } from "../../src/engine/drill.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { openRocksEngine } from "../../src/engine/rocksdb.ts";
import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import type { Limits } from "../../src/keyspace/view.ts";
import { Log } from "../../src/observe/log.ts";
import { Admin } from "../../src/server/admin.ts";
import type { ConnectionLimits } from "../../src/server/connection.ts";
import { Core } from "../../src/server/core.ts";
import { Server } from "../../src/server/server.ts";
import type { SessionSettings } from "../../src/session/host.ts";
import { PLAIN_SETTINGS, TemporaryDirectory } from "../engine/temporary.ts";
import { RawClient } from "./raw-client.ts";

export interface KeptSettings {
  /**
   * Default "memory"; "rocksdb" is on a new directory that is removed at the end. An engine of the
   * test's own is closed here all the same.
   */
  readonly engine?: "memory" | "rocksdb" | Engine;
  readonly clock?: Clock;
  readonly pipeline?: Partial<PipelineSettings>;
  readonly session?: Partial<SessionSettings>;
  readonly limits?: Partial<Limits>;
  readonly connection?: Partial<ConnectionLimits>;
  readonly maxClients?: number;
  readonly cacheBytesMax?: number;
  readonly commands?: CommandRows;
  readonly renames?: ReadonlyMap<string, string>;
  /** What CONFIG and INFO know; only what the administration obeys takes effect. */
  readonly config?: Config;
  readonly configFile?: string;
  /** DEBUG STORAGE-FAULT works. */
  readonly drill?: Drill;
}

export interface Kept extends AsyncDisposable {
  readonly port: number;
  readonly engine: Engine;
  readonly core: Core;
  readonly server: Server;
  /** Our own bugs that surfaced. */
  readonly bugs: readonly unknown[];
  /** CONFIG, INFO, DEBUG and so on; its meter does not run by itself. */
  readonly admin: Admin;
  readonly config: Config;
  readonly durability: Durability;
  /** Lines of the server's log. */
  readonly logged: readonly string[];
  /** How often SHUTDOWN asked the process to stop. */
  readonly shutdowns: number;
  client(options?: { allowHalfOpen?: boolean }): Promise<RawClient>;
  /** Stops the server and closes the engine; done by the end of the `using` block otherwise. */
  stop(): Promise<void>;
}

const MEGABYTE = 1024 * 1024;

export async function startKept(settings: KeptSettings = {}): Promise<Kept> {
  const { engine: wanted = "memory" } = settings;
  const directory = wanted === "rocksdb" ? new TemporaryDirectory() : null;
  const engine = await openEngine(wanted, directory);
  const bugs: unknown[] = [];
  const core = await openCore(engine, settings, (error) => bugs.push(error));
  const server = new Server(core, {
    maxClients: settings.maxClients ?? 10_000,
    silenceMsMax: 0,
    keepAliveSeconds: 0,
    isProtected: true,
    connection: {
      bulkBytesMax: 512 * MEGABYTE,
      queryBufferBytesMax: 1024 * MEGABYTE,
      output: {
        normal: { hardBytes: 0, softBytes: 0, softMs: 0 },
        pubsub: { hardBytes: 32 * MEGABYTE, softBytes: 8 * MEGABYTE, softMs: 60_000 },
      },
      ...settings.connection,
    },
  });
  const port = await server.listen({ host: "127.0.0.1", port: 0, backlog: 511 });
  const house = administration(settings, { core, server, port, bugs });
  const clients: RawClient[] = [];
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    for (const client of clients) client[Symbol.dispose]();
    house.durability.stop();
    house.admin.stop();
    await server.stop();
    await engine.close();
    directory?.[Symbol.dispose]();
  };
  return {
    port,
    engine,
    core,
    server,
    bugs,
    ...house,
    get shutdowns() {
      return house.shutdowns();
    },
    async client(options = {}) {
      const client = await RawClient.connect(port, options);
      clients.push(client);
      return client;
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      assert.deepEqual(bugs, []);
    },
  };
}

interface House {
  readonly admin: Admin;
  readonly config: Config;
  readonly durability: Durability;
  readonly logged: readonly string[];
  readonly shutdowns: () => number;
}

function administration(
  settings: KeptSettings,
  given: { core: Core; server: Server; port: number; bugs: unknown[] },
): House {
  const { core, server, port, bugs } = given;
  const config = settings.config ?? new Config();
  const { clock } = core.host;
  const onBug = (error: unknown): void => void bugs.push(error);
  const workers = { pipeline: core.pipeline, clock, onBug };
  const durability = new Durability({ ...workers, mode: config.get("appendfsync") });
  const logged: string[] = [];
  const write = (line: string): void => void logged.push(line);
  let shutdowns = 0;
  const admin = Admin.install({
    core,
    server,
    config,
    durability,
    expirer: new Expirer({ ...workers, onTrouble: (words) => logged.push(words) }),
    log: new Log({ write, nowMs: () => clock.nowMs(), processId: process.pid }),
    random: new SeededRandom(2),
    port,
    configFile: settings.configFile ?? null,
    onShutdown: () => void shutdowns++,
  });
  return { admin, config, durability, logged, shutdowns: () => shutdowns };
}

async function openEngine(
  wanted: "memory" | "rocksdb" | Engine,
  directory: TemporaryDirectory | null,
): Promise<Engine> {
  if (directory !== null) return openRocksEngine(directory.join("data"), PLAIN_SETTINGS);
  return typeof wanted === "string" ? new MemoryEngine() : wanted;
}

function openCore(
  engine: Engine,
  settings: KeptSettings,
  onBug: (error: unknown) => void,
): Promise<Core> {
  return Core.open(
    {
      engine,
      clock: settings.clock ?? machineClock,
      random: new SeededRandom(1),
      keyspace: { databaseCount: 16, cacheBytesMax: settings.cacheBytesMax ?? 64 * MEGABYTE },
      pipeline: {
        sync: false,
        stallWaitMs: 0,
        backgroundBytes: MEGABYTE,
        groupBytesMax: 4 * MEGABYTE,
        unknownTimeoutMs: 5000,
        ...settings.pipeline,
      },
      session: {
        execFailureReply: "attributed",
        onceRetentionMs: 86_400_000,
        transactionBytesMax: MEGABYTE,
        slowUs: Infinity,
        requirePass: "",
        scriptsUndo: false,
        scriptsMayCallAll: false,
        ...settings.session,
      },
      limits: {
        stringBytesMax: 512 * MEGABYTE,
        unitBytesMax: 0,
        notifyMask: 0,
        countFrequency: false,
        lfuLogFactor: 10,
        collections: usualCollectionLimits(),
        ...settings.limits,
      },
      commands: settings.commands ?? COMMANDS,
      renames: settings.renames ?? new Map(),
      drill: settings.drill ?? null,
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
}
