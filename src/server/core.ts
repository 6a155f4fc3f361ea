// The server without its sockets: engine, keyspace, pipeline and what sessions share, wired together.
// The product puts sockets around it (server.ts); tests and the simulation put their own ends to it.

import { AclLog } from "../acl/log.ts";
import { Users } from "../acl/users.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { SlotMap } from "../cluster/slot-map.ts";
import { KEPT_VERSION } from "../base/version.ts";
import { CommandTable, type Command } from "../commands/lookup.ts";
import type { ServerPort } from "../commands/ports.ts";
import { redacted } from "../commands/redact.ts";
import type { Args, CommandRows } from "../commands/table.ts";
import type { Output } from "../commit/reply-queue.ts";
import { LocalLog } from "../commit/local-log.ts";
import { Pipeline, type PipelineSettings } from "../commit/pipeline.ts";
import { plainError } from "../commit/settle.ts";
import { DrillLog } from "../commit/drill-log.ts";
import { DrillEngine, type Drill } from "../engine/drill.ts";
import type { Engine } from "../engine/engine.ts";
import type { KeyspaceOptions } from "../keyspace/keyspace.ts";
import { View, type Limits } from "../keyspace/view.ts";
import { LatencyMonitor } from "../observe/latency.ts";
import { Slowlog } from "../observe/slowlog.ts";
import { Stats } from "../observe/stats.ts";
import { Hub } from "../pubsub/hub.ts";
import { publishKeyEvent } from "../pubsub/key-events.ts";
import { CommandError } from "../resp/errors.ts";
import { collectInside } from "../types/collect.ts";
import { Scripting, type ScriptingSettings } from "../scripting/scripting.ts";
import type { SessionHost, SessionSettings } from "../session/host.ts";
import { BlockedClients } from "../session/blocked.ts";
import {
  LongScripts,
  type LongScriptSettings,
  type ScriptThread,
} from "../session/long-scripts.ts";
import type { LongReader } from "../session/long-reader.ts";
import { LoopWatch } from "../session/loop-watch.ts";
import { Monitors } from "../session/monitors.ts";
import { ClientPause } from "../session/pause.ts";
import { Session } from "../session/session.ts";
import { Tracking } from "../session/tracking.ts";
import { AccessControl } from "./access-control.ts";
import { ABSENT_PORTS } from "./absent-ports.ts";
import { ClientList } from "./client-list.ts";
import { functionStats } from "./function-stats.ts";
import { openKeyspace } from "./open-keyspace.ts";

export interface CoreOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyspace: KeyspaceOptions;
  readonly pipeline: PipelineSettings;
  readonly session: SessionSettings;
  readonly limits: Limits;
  readonly scripting?: ScriptingSettings & LongScriptSettings;
  /** Where scripts go that take long; without one they run to their end on the loop. */
  readonly scriptThread?: ScriptThread | null;
  /** Where reading commands go that take long; without one they run to their end on the loop. */
  readonly reader?: LongReader | null;
  readonly commands: CommandRows;
  /** `rename-command`: lower-case names to new ones; "" takes a command away. */
  readonly renames: ReadonlyMap<string, string>;
  /** With one, faults can be asked for; null keeps it out of the way of every read and write. */
  readonly drill?: Drill | null;
  /** Which slots are ours; null, or nothing, where all are. */
  readonly cluster?: SlotMap | null;
  readonly onBug: (error: unknown) => void;
}

/** What the hooks of the host do; the server fills them in, a bare core leaves them empty. */
export interface CoreHooks {
  permission: SessionHost["permission"];
  /** Refusals beyond the storage's: OOM, READONLY. */
  admission: SessionHost["admission"];
  onErrorReply: SessionHost["onErrorReply"];
  onScriptLog: SessionHost["onScriptLog"];
  /** A command that may have held the event loop for long. */
  onLongCommand: (name: string, microseconds: number) => void;
}

/** From when on something counts as slow. */
export interface SlowSettings {
  /** `slowlog-log-slower-than`, microseconds; negative for nothing. */
  readonly slowlogUs: number;
  /** `latency-monitor-threshold`, milliseconds; 0 for nothing. */
  readonly latencyMs: number;
}

const USUAL_SCRIPTING = { memoryBytesMax: 256 * 1024 * 1024, busyMs: 5000, timeMsMax: 60_000 };
/** From so many microseconds on a command counts when it is asked what held the event loop. */
const LONG_COMMAND_US = 2000;
const SLOWLOG_LENGTH_MAX = 128;
const ACL_LOG_LENGTH_MAX = 128;

export class Core {
  readonly engine: Engine;
  readonly drill: Drill | null;
  readonly pipeline: Pipeline;
  readonly view: View;
  readonly stats: Stats;
  readonly commands: CommandTable;
  readonly hub = new Hub();
  readonly host: SessionHost;
  readonly hooks: CoreHooks;
  readonly slowlog = new Slowlog(SLOWLOG_LENGTH_MAX);
  readonly latency = new LatencyMonitor();
  readonly users: Users;
  readonly aclLog = new AclLog(ACL_LOG_LENGTH_MAX);
  readonly pause: ClientPause;
  /** What commands may ask; who knows of sockets and settings puts his sections in. */
  readonly ports: { -readonly [Section in keyof ServerPort]: ServerPort[Section] };
  readonly #settings: SessionSettings;
  #slowlogUs = -1;
  #nextSessionId = 1;

  private constructor(
    options: CoreOptions,
    parts: { pipeline: Pipeline; view: View; stats: Stats; hooks: CoreHooks },
  ) {
    const { pipeline, hooks } = parts;
    this.engine = pipeline.keyspace.engine;
    this.drill = options.drill ?? null;
    this.pipeline = pipeline;
    this.view = parts.view;
    this.stats = parts.stats;
    this.hooks = hooks;
    this.commands = new CommandTable(options.commands, options.renames);
    this.users = new Users(this.commands);
    this.users.setDefaultPassword(options.session.requirePass);
    parts.view.audience = this.hub;
    parts.view.isClustered = (options.cluster ?? null) !== null;
    parts.view.collectInside = collectInside;
    parts.view.onKeyEvent = (event) => publishKeyEvent(this.hub, options.limits.notifyMask, event);
    this.pause = new ClientPause(options.clock);
    pipeline.mayBury = () => this.pause.kind === "none";
    this.#settings = options.session;
    this.ports = this.#ownPorts(options.clock);
    const { ports } = this;
    const { scripting, longScripts } = scriptsOf(options, pipeline);
    ports.scripts = {
      kill: (what) => longScripts.kill(what),
      stats: () => functionStats(this, scripting),
    };
    this.host = {
      pipeline,
      commands: this.commands,
      clock: options.clock,
      stats: parts.stats,
      hub: this.hub,
      scripting,
      longScripts,
      reader: options.reader ?? null,
      settings: options.session,
      users: this.users,
      aclLog: this.aclLog,
      server: ports,
      cluster: options.cluster ?? null,
      pause: this.pause,
      monitors: new Monitors(),
      // Before those that wait for keys: what they write comes later than what woke them.
      tracking: new Tracking(pipeline, options.clock),
      blocked: new BlockedClients(pipeline, this.pause),
      admission: (command, isQueued) =>
        storageRefusal(pipeline, command) ?? hooks.admission(command, isQueued),
      permission: (session, command, args) => hooks.permission(session, command, args),
      onSlow: (session, command, args, microseconds) => {
        this.#noteSlow({ session, command, args, microseconds });
      },
      onScriptLog: (level, text) => hooks.onScriptLog(level, text),
      onErrorReply: (text: Bytes) => {
        parts.stats.totalErrorReplies++;
        hooks.onErrorReply(text);
      },
      onBug: options.onBug,
    };
  }

  #ownPorts(clock: Clock): Core["ports"] {
    return {
      version: KEPT_VERSION,
      nowMs: () => clock.nowMs(),
      commands: this.commands,
      clients: new ClientList(new Map(), { clock, users: this.users }),
      pause: this.pause,
      slowlog: this.slowlog,
      latency: this.latency,
      acl: new AccessControl(this, { connections: new Map(), file: null }),
      ...ABSENT_PORTS,
    };
  }

  /** Throws ForeignStore, CorruptMeta, StorageError; the engine stays the caller's to close. */
  static async open(options: CoreOptions, hooks: CoreHooks): Promise<Core> {
    const { clock, drill = null } = options;
    const engine = drill === null ? options.engine : new DrillEngine(options.engine, drill);
    const keyspace = await openKeyspace(engine, options.keyspace);
    const stats = new Stats();
    const view = new View({ keyspace, stats, limits: options.limits, random: options.random });
    const local = new LocalLog(options.engine);
    const log = drill === null ? local : new DrillLog(local, drill);
    const lease = await log.acquire(0, "server", Infinity);
    const pipeline = new Pipeline({
      keyspace,
      view,
      lease,
      clock,
      stats,
      settings: options.pipeline,
      lastSeq: engine.sequence(),
      onBug: options.onBug,
    });
    engine.onHealth(() => pipeline.healthChanged());
    return new Core(options, { pipeline, view, stats, hooks });
  }

  /** Sets what counts as slow; `slowlog.lengthMax` may be set as it is. */
  setSlow({ slowlogUs, latencyMs }: SlowSettings): void {
    this.#slowlogUs = slowlogUs;
    this.latency.thresholdMs = latencyMs;
    const slowlogFrom = slowlogUs < 0 ? Infinity : slowlogUs;
    const latencyFrom = latencyMs === 0 ? Infinity : latencyMs * 1000;
    this.#settings.slowUs = Math.min(slowlogFrom, latencyFrom, LONG_COMMAND_US);
  }

  #noteSlow(call: SlowCommand): void {
    const { session, command, microseconds } = call;
    const atSeconds = Math.floor(session.host.clock.nowMs() / 1000);
    if (!command.isHiddenFromSlowlog && this.#slowlogUs >= 0 && microseconds >= this.#slowlogUs) {
      this.slowlog.add({
        atSeconds,
        microseconds: Math.floor(microseconds),
        args: redacted(command, call.args),
        address: session.address,
        clientName: session.name,
      });
    }
    if (microseconds >= LONG_COMMAND_US) this.hooks.onLongCommand(command.name, microseconds);
    const event = command.row.flags.includes("fast") ? "fast-command" : "command";
    this.latency.add(event, Math.floor(microseconds / 1000), atSeconds);
  }

  /** What runs on threads of its own for clients: it is in the way of a stop. */
  endLongRuns(): void {
    this.host.longScripts.stop();
    this.host.reader?.close();
  }

  openSession(output: Output & { closeAfterFlush(): void }): Session {
    return new Session(this.host, this.takeSessionId(), output);
  }

  takeSessionId(): number {
    return this.#nextSessionId++;
  }
}

function scriptsOf(
  options: CoreOptions,
  pipeline: Pipeline,
): Pick<SessionHost, "scripting" | "longScripts"> {
  const { clock, scripting: settings = USUAL_SCRIPTING, scriptThread = null } = options;
  const watch = new LoopWatch(clock);
  const longScripts = new LongScripts({ clock, pipeline, settings });
  longScripts.thread = scriptThread;
  watch.canMove = scriptThread !== null;
  return { scripting: new Scripting(settings, watch), longScripts };
}

interface SlowCommand {
  readonly session: Session;
  readonly command: Command;
  readonly args: Args;
  readonly microseconds: number;
}

/** Redis's MISCONF, before anything runs: the disk refuses writes and retrying will not help. */
function storageRefusal(pipeline: Pipeline, command: Command): CommandError | null {
  if (!command.isWrite) return null;
  const { refusal } = pipeline;
  return refusal === null ? null : new CommandError(plainError(refusal).text);
}
