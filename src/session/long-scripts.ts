// The script that takes long: it runs on a thread of its own (ScriptThread), where it can be stopped at
// any moment, and asks the event loop for each command. Nobody else's commands run meanwhile, so it is
// one unit all the same (commit/pipeline.ts); after `busy-reply-threshold` they are told BUSY.
//
// SCRIPT KILL ends a script that has not written. What is out of time (`script-time-max`), or in the way of a
// shutdown, is ended even then: its writes are undone, which Redis could not do.

import type { Bytes } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args } from "../commands/table.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { CommandError } from "../resp/errors.ts";
import { ErrorReply, MapReply, OK, type Reply } from "../resp/reply.ts";
import { ScriptAborted } from "../scripting/interpreter.ts";
import type { LogLevel } from "../scripting/redis-library.ts";

/** What is sent to the thread. */
export type LongJob = { readonly keys: readonly Bytes[]; readonly argv: readonly Bytes[] } & (
  | { readonly kind: "script"; readonly sha: string; readonly source: Bytes }
  | { readonly kind: "function"; readonly code: Bytes; readonly name: Bytes }
);

/** What the thread asks while it runs a job. */
export interface LongHost {
  call(args: Args): Promise<Reply>;
  mayCall(args: Args): boolean;
  log(level: LogLevel, text: Bytes): void;
}

export interface ScriptThread {
  /** Rejects with ScriptAborted when it was stopped or died. */
  run(job: LongJob, host: LongHost): Promise<Reply>;
  /** Ends the job that runs, wherever it is. */
  stop(why: ScriptAborted): void;
}

export interface LongScriptSettings {
  /** `busy-reply-threshold`, milliseconds; 0 for never. */
  busyMs: number;
  /** `script-time-max`, milliseconds; 0 for no limit. */
  timeMsMax: number;
}

interface Running {
  readonly job: LongJob;
  readonly command: Args;
  readonly startUs: number;
  readonly hasWritten: () => boolean;
  isBusy: boolean;
  /** Whether its writes go with it. */
  isUndone: boolean;
}

const NOT_BUSY = new ErrorReply("NOTBUSY No scripts in execution right now.");
const UNKILLABLE = new ErrorReply(
  "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the " +
    "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
);
const BUSY = {
  script: new CommandError(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
  ),
  function: new CommandError(
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
  ),
};

export class LongScripts {
  /** Null where there is no thread: scripts then run to their end where they are. */
  thread: ScriptThread | null = null;
  readonly #clock: Clock;
  readonly #pipeline: Pipeline;
  readonly #settings: LongScriptSettings;
  #running: Running | null = null;

  constructor(parts: { clock: Clock; pipeline: Pipeline; settings: LongScriptSettings }) {
    this.#clock = parts.clock;
    this.#pipeline = parts.pipeline;
    this.#settings = parts.settings;
  }

  /** Why a command is refused because of the script that runs; null when it is not. */
  busyRefusal(command: Command): CommandError | null {
    const running = this.#running;
    if (running === null || !running.isBusy || command.isAllowedWhenBusy) return null;
    return BUSY[running.job.kind];
  }

  /** Runs a job; `isUndone` tells whether what it wrote must be taken back. */
  async run(
    job: LongJob,
    about: { readonly command: Args; readonly hasWritten: () => boolean },
    host: LongHost,
  ): Promise<{ readonly reply: Reply; readonly isUndone: boolean }> {
    const { thread } = this;
    if (thread === null) throw new ScriptAborted("ERR there is no thread for long scripts");
    const startUs = this.#clock.monotonicUs();
    const running: Running = { job, ...about, startUs, isBusy: false, isUndone: false };
    this.#running = running;
    const timers = this.#startTimers(running);
    try {
      return { reply: await thread.run(job, host), isUndone: false };
    } catch (error) {
      if (!(error instanceof ScriptAborted)) throw error;
      return { reply: error.reply, isUndone: running.isUndone };
    } finally {
      for (const timer of timers) timer.cancel();
      this.#running = null;
    }
  }

  #startTimers(running: Running): Timer[] {
    const { busyMs, timeMsMax } = this.#settings;
    const timers: Timer[] = [];
    if (busyMs > 0) {
      const becomeBusy = (): void => {
        running.isBusy = true;
        this.#pipeline.wakeTurnWaiters();
      };
      timers.push(this.#clock.after(busyMs, becomeBusy));
    }
    if (timeMsMax > 0) {
      const end = (): void =>
        this.#end(running, `ERR script-time-max: the script ran for ${timeMsMax} ms`);
      timers.push(this.#clock.after(timeMsMax, end));
    }
    return timers;
  }

  #end(running: Running, why: Bytes): void {
    running.isUndone = true;
    this.thread?.stop(new ScriptAborted(why));
  }

  /** SCRIPT KILL and FUNCTION KILL. */
  kill(what: "script" | "function"): Reply {
    const running = this.#running;
    if (running === null) return NOT_BUSY;
    if (running.job.kind !== what) return BUSY[running.job.kind].reply;
    if (running.hasWritten()) return UNKILLABLE;
    const words =
      what === "script"
        ? "Script killed by user with SCRIPT KILL."
        : "Script killed by user with FUNCTION KILL.";
    this.#end(running, `ERR ${words}`);
    return OK;
  }

  /** The server stops. */
  stop(): void {
    if (this.#running !== null) this.#end(this.#running, "ERR the server is shutting down");
  }

  /** What FUNCTION STATS tells of the script that runs. */
  describe(): Reply {
    const running = this.#running;
    if (running === null) return null;
    const { job, command, startUs } = running;
    const name = job.kind === "function" ? job.name : job.sha;
    const ms = Math.floor((this.#clock.monotonicUs() - startUs) / 1000);
    return new MapReply(["name", name, "command", command, "duration_ms", ms]);
  }
}
