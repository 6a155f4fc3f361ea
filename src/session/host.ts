// What all sessions share: the pipeline, the command table, the settings they obey, and the places
// where what they do is counted and watched.

import type { AclLog } from "../acl/log.ts";
import type { Users } from "../acl/users.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { SlotMap } from "../cluster/slot-map.ts";
import type { Command, CommandTable } from "../commands/lookup.ts";
import type { ServerPort } from "../commands/ports.ts";
import type { Args } from "../commands/table.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import type { ExecFailureReply } from "../commit/settle.ts";
import type { Stats } from "../observe/stats.ts";
import type { Hub } from "../pubsub/hub.ts";
import type { LogLevel } from "../scripting/redis-library.ts";
import type { Scripting } from "../scripting/scripting.ts";
import type { CommandError } from "../resp/errors.ts";
import type { BlockedClients } from "./blocked.ts";
import type { LongReader } from "./long-reader.ts";
import type { LongScripts } from "./long-scripts.ts";
import type { Monitors } from "./monitors.ts";
import type { ClientPause } from "./pause.ts";
import type { Session } from "./session.ts";
import type { Tracking } from "./tracking.ts";

export interface SessionSettings {
  /** `requirepass` at the start: the default user's password, "" for none. */
  readonly requirePass: Bytes;
  execFailureReply: ExecFailureReply;
  /** `once-retention`, milliseconds. */
  onceRetentionMs: number;
  /** Bytes of queued commands that one MULTI may hold; `client-query-buffer-limit`. */
  transactionBytesMax: number;
  /** `script-atomicity all-or-nothing`: an error that ends a script undoes what it wrote. */
  scriptsUndo: boolean;
  /** DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call what is refused to scripts. */
  scriptsMayCallAll: boolean;
  /** Commands that take at least this long, in microseconds, are reported; Infinity for none. */
  slowUs: number;
}

export interface SessionHost {
  readonly pipeline: Pipeline;
  readonly commands: CommandTable;
  readonly clock: Clock;
  readonly stats: Stats;
  readonly settings: SessionSettings;
  readonly server: ServerPort;
  readonly users: Users;
  readonly aclLog: AclLog;
  readonly hub: Hub;
  readonly scripting: Scripting;
  readonly longScripts: LongScripts;
  /** Where reading commands run that take long; null for nowhere. */
  readonly reader: LongReader | null;
  /** Why a command is refused before it runs (or is queued in MULTI): OOM, READONLY, MISCONF; null when it may run. */
  admission(command: Command, isQueued: boolean): CommandError | null;
  /** Why nobody, or not this session, may run the command, whoever it speaks as; null when it may. */
  permission(session: Session, command: Command, args: Args): CommandError | null;
  /** Which slots are ours; null where all are. */
  readonly cluster: SlotMap | null;
  readonly pause: ClientPause;
  readonly monitors: Monitors;
  readonly tracking: Tracking;
  /** Who waits for a key. */
  readonly blocked: BlockedClients;
  /** A command that took `settings.slowUs` or longer. */
  onSlow(session: Session, command: Command, args: Args, microseconds: number): void;
  /** redis.log of a script. */
  onScriptLog(level: LogLevel, text: Bytes): void;
  /** An error reply has been given: its first word is counted. */
  onErrorReply(text: Bytes): void;
  /** Our own bug: the server stops. */
  onBug(error: unknown): void;
}
