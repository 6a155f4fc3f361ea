// The scripts of one connection: what EVAL, FCALL and their kin ask (ScriptPort), and what the running script
// asks in turn (ScriptHost). A script is a run of commands inside the open batch: each has its own
// savepoint (law 4), all belong to one unit (law 3), and what the script answers is the unit's reply.

import { denialOf } from "../acl/permission.ts";
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Command, CommandStats } from "../commands/lookup.ts";
import type { FoundFunction, LibraryFunction, ScriptCall, ScriptPort } from "../commands/ports.ts";
import { NO_REPLY, type Args, type ScriptCommand } from "../commands/table.ts";
import type { LoadCold } from "../commit/unit.ts";
import type { Database, Mark } from "../keyspace/keyspace.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import { ErrorReply, type Reply } from "../resp/reply.ts";
import { ScriptAborted } from "../scripting/interpreter.ts";
import type { LogLevel, ScriptHost } from "../scripting/redis-library.ts";
import type { Script } from "../scripting/script-cache.ts";
import { flagsOf, type ScriptFlags } from "../scripting/shebang.ts";
import type { LongJob } from "./long-scripts.ts";
import { loading } from "./long-steps.ts";
import type { Session } from "./session.ts";
import { NO_CLUSTER_FLAG, ScriptSlots } from "./slots.ts";

const NO_SCRIPT = new CommandError("NOSCRIPT No matching script. Please use EVAL.");
const UNKNOWN_COMMAND = new ErrorReply("ERR Unknown Redis command called from script");
const WRONG_ARITY = new ErrorReply("ERR Wrong number of args calling Redis command from script");
const NOT_FROM_SCRIPT = new ErrorReply("ERR This Redis command is not allowed from script");
const NOT_DECLARED_READONLY = new CommandError(
  "ERR Can not execute a script with write flag using *_ro command.",
);
const SCRIPT_OUT_OF_MEMORY = new CommandError(
  "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
);
const READONLY_SCRIPT = new ErrorReply(
  "ERR Write commands are not allowed from read-only scripts.",
);

export class SessionScripts implements ScriptPort {
  readonly #session: Session;
  /** Set while a handler is asked what it would run. */
  #isCapturing = false;
  #captured: Start | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  runScript(view: View, source: Bytes, call: ScriptCall): Reply {
    const { cache } = this.#session.host.scripting;
    const isNew = !cache.hasEvaluated(source);
    const script = cache.evaluated(source);
    if (isNew) this.#compile(script);
    return this.#runScript(view, script, call);
  }

  /** Throws CommandError, and forgets the script, when it does not compile. */
  #compile(script: Script): void {
    const { scripting } = this.#session.host;
    const problem = scripting.compileError(script);
    if (problem === null) return;
    scripting.cache.forget(script);
    throw new CommandError(`ERR Error compiling script (new function): ${problem}`);
  }

  runRemembered(view: View, sha: Bytes, call: ScriptCall): Reply {
    const script = this.#session.host.scripting.cache.bySha(sha);
    if (script === null) throw NO_SCRIPT;
    return this.#runScript(view, script, call);
  }

  #runScript(view: View, script: Script, call: ScriptCall): Reply {
    const { sha, source, flags } = script;
    if (call.isReadonly && flags.isDeclared && !flags.noWrites) throw NOT_DECLARED_READONLY;
    const { keys, argv } = call;
    const rules = { flags, isReadonly: call.isReadonly || flags.noWrites };
    return this.#run(view, { job: { kind: "script", sha, source, keys, argv }, rules, call });
  }

  runFunction(
    view: View,
    target: { readonly code: Bytes; readonly name: Bytes },
    call: ScriptCall,
  ): Reply {
    const found = this.functionsOf(target.code).find((one) => one.name === target.name);
    assert(found !== undefined, "the library was found by its function");
    const flags = flagsOf(new Set(found.flags));
    const { keys, argv } = call;
    const rules = { flags, isReadonly: call.isReadonly || flags.noWrites };
    return this.#run(view, { job: { kind: "function", ...target, keys, argv }, rules, call });
  }

  #run(view: View, start: Start): Reply {
    if (this.#isCapturing) {
      this.#captured = start;
      return null;
    }
    const session = this.#session;
    const { database } = session;
    const refused = this.#refusal(start.rules);
    if (refused !== null) return refused.reply;
    const run = new ScriptRun(session, view, start);
    let reply: Reply;
    try {
      reply = this.#runOnLoop(start.job, run);
    } catch (error) {
      if (!(error instanceof ScriptAborted)) throw error;
      reply = error.reply;
    } finally {
      run.end(database);
    }
    return this.#ended(run, reply, start.call);
  }

  /** Who says by a first line what the script does is told at once that it may not do it now. */
  #refusal({ flags }: RunRules): CommandError | null {
    if (flags.noCluster && this.#session.isClustered) return NO_CLUSTER_FLAG;
    if (!flags.isDeclared || flags.allowOom) return null;
    const { host } = this.#session;
    return host.admission(host.commands.find(["set", "", ""]), false)?.message.startsWith("OOM") ===
      true
      ? SCRIPT_OUT_OF_MEMORY
      : null;
  }

  #runOnLoop(job: LongJob, host: ScriptRun): Reply {
    const { scripting } = this.#session.host;
    const call = { keys: job.keys, argv: job.argv, host };
    return job.kind === "script"
      ? scripting.runScript(job, call)
      : scripting.runFunction(job, call);
  }

  /**
   * A script that an error ends has written what it had written before it; `script-atomicity
   * all-or-nothing` undoes that: who throws is rolled back.
   */
  #ended(run: ScriptRun, reply: Reply, { args }: ScriptCall): Reply {
    const { monitors } = this.#session.host;
    if (!monitors.isEmpty) monitors.show(this.#session, args);
    run.noteCalls();
    if (reply instanceof ErrorReply && this.#session.host.settings.scriptsUndo) {
      throw new CommandError(reply.text);
    }
    return reply;
  }

  /**
   * The same on the thread for long scripts, when the loop has had enough of it. The handler runs once more to say
   * what it would run, and its script is run there. What is refused becomes the reply.
   */
  async runLong(
    call: { readonly row: ScriptCommand; readonly args: Args },
    view: View,
    load: LoadCold,
  ): Promise<Reply> {
    const { keyspace } = view;
    const mark = keyspace.mark();
    try {
      const start = await loading(view, load, () => this.#capture(view, call));
      return "job" in start
        ? await this.#runOnThread(start, { view, load, command: call.args, mark })
        : start.reply;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      keyspace.rollbackTo(mark);
      return error.reply;
    }
  }

  #capture(
    view: View,
    { row, args }: { readonly row: ScriptCommand; readonly args: Args },
  ): Start | { readonly reply: Reply } {
    this.#isCapturing = true;
    this.#captured = null;
    try {
      const reply = row.run(this, view, args);
      return this.#captured ?? { reply };
    } finally {
      this.#isCapturing = false;
    }
  }

  async #runOnThread(
    start: Start,
    about: {
      readonly view: View;
      readonly load: LoadCold;
      readonly command: Args;
      readonly mark: Mark;
    },
  ): Promise<Reply> {
    const session = this.#session;
    const { view, load, command, mark } = about;
    const { keyspace } = view;
    const { database } = session;
    const run = new ScriptRun(session, view, start);
    const hasWritten = (): boolean => keyspace.changedSince(mark);
    try {
      const { reply, isUndone } = await session.host.longScripts.run(
        start.job,
        { command, hasWritten },
        {
          call: (args) => loading(view, load, () => run.call(args)),
          mayCall: (args) => run.mayCall(args),
          log: (level, text) => session.host.onScriptLog(level, text),
        },
      );
      if (isUndone) keyspace.rollbackTo(mark);
      return this.#ended(run, reply, start.call);
    } finally {
      run.end(database);
    }
  }

  remember(source: Bytes): string {
    const script = this.#session.host.scripting.cache.load(source);
    this.#compile(script);
    return script.sha;
  }

  isRemembered(sha: Bytes): boolean {
    return this.#session.host.scripting.cache.bySha(sha) !== null;
  }

  forgetScripts(): void {
    this.#session.host.scripting.forgetScripts();
  }

  functionNamed(codes: readonly Bytes[], name: Bytes): FoundFunction | null {
    return this.#session.host.scripting.functionNamed(codes, name);
  }

  noteLibraries(codes: readonly Bytes[]): void {
    this.#session.host.scripting.note(codes);
  }

  functionsOf(code: Bytes): readonly LibraryFunction[] {
    return this.#session.host.scripting.functionsOf(code);
  }
}

/** A script about to run. */
interface Start {
  readonly job: LongJob;
  readonly call: ScriptCall;
  readonly rules: RunRules;
}

interface RunRules {
  readonly flags: ScriptFlags;
  readonly isReadonly: boolean;
}

interface Tally {
  calls: number;
  failed: number;
  microseconds: number;
}

/** One run of one script. A cold read ends it, and another takes its place. */
class ScriptRun implements ScriptHost {
  readonly #session: Session;
  readonly #view: View;
  readonly #rules: RunRules;
  /** Null where all slots are ours. */
  readonly #slots: ScriptSlots | null;
  readonly #countLookups: boolean;
  readonly #tallies = new Map<Command, Tally>();
  readonly #logged: { readonly level: LogLevel; readonly text: Bytes }[] = [];
  readonly #shown: { readonly command: Command; readonly args: Args }[] = [];

  constructor(session: Session, view: View, { rules, job }: Start) {
    this.#session = session;
    this.#view = view;
    this.#rules = rules;
    const { cluster } = session.host;
    const mayCross = rules.flags.mayCrossSlots;
    this.#slots = cluster === null ? null : new ScriptSlots(cluster, { mayCross, keys: job.keys });
    this.#countLookups = view.countLookups;
  }

  call(args: Args): Reply {
    const { host } = this.#session;
    const command = this.#find(args);
    if (command instanceof ErrorReply) return command;
    const refusal = this.#refusal(command, args);
    if (refusal !== null) {
      command.stats.rejectedCalls++;
      host.onErrorReply(refusal.text);
      return refusal;
    }
    const startUs = host.clock.monotonicUs();
    const reply = this.#runCommand(command, args);
    this.#note(command, args, {
      isError: reply instanceof ErrorReply,
      microseconds: host.clock.monotonicUs() - startUs,
    });
    if (reply instanceof ErrorReply) host.onErrorReply(reply.text);
    return reply;
  }

  #find(args: Args): Command | ErrorReply {
    const { commands } = this.#session.host;
    try {
      return commands.find(args);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return commands.named(args[0] ?? "") === null || !isArity(error)
        ? UNKNOWN_COMMAND
        : WRONG_ARITY;
    }
  }

  #refusal(command: Command, args: Args): ErrorReply | null {
    const { host } = this.#session;
    const { scriptsMayCallAll } = host.settings;
    if (!scriptsMayCallAll && command.row.flags.includes("noscript")) return NOT_FROM_SCRIPT;
    // What a replica would be told of counts as a write here, as in Redis: PUBLISH, PFCOUNT.
    if (command.isHeldByWritePause && this.#rules.isReadonly) return READONLY_SCRIPT;
    const denied = host.permission(this.#session, command, args) ?? this.#denial(command, args);
    if (denied !== null) return denied.reply;
    const elsewhere = this.#slots?.refusal(command, args) ?? null;
    if (elsewhere !== null || !command.isWrite) return elsewhere;
    const refused = host.admission(command, false);
    if (refused === null) return null;
    return this.#rules.flags.allowOom && refused.message.startsWith("OOM") ? null : refused.reply;
  }

  #denial(command: Command, args: Args): CommandError | null {
    const { account, denials } = this.#session;
    return account.isUnrestricted ? null : denials.refusal(command, args, "lua");
  }

  #runCommand(command: Command, args: Args): Reply {
    const session = this.#session;
    const view = this.#view;
    const { row } = command;
    view.countLookups = command.isReadonly;
    if (row.kind === "data") {
      view.isInScript = true;
      let reply: Reply;
      try {
        reply = session.callData(row, args, view);
      } finally {
        view.isInScript = false;
      }
      if (session.tracking !== null) session.host.tracking.remember(session, command, args);
      return reply;
    }
    if (row.kind === "script") return NOT_FROM_SCRIPT;
    const { isInExec } = session;
    session.isInExec = true;
    const answer = session.callOutside(command, args);
    session.isInExec = isInExec;
    // SELECT is the script's own: it ends with it.
    view.database = session.database;
    if (answer instanceof Promise) return NOT_FROM_SCRIPT;
    return answer === NO_REPLY ? null : answer;
  }

  /** What SELECT chose was for the script alone. */
  end(database: Database): void {
    this.#view.countLookups = this.#countLookups;
    if (this.#session.database === database) return;
    this.#session.database = database;
    this.#view.database = database;
  }

  mayCall(args: Args): boolean {
    const { host, account } = this.#session;
    const command = host.commands.find(args);
    const isLocked = host.permission(this.#session, command, args) !== null;
    return !isLocked && denialOf(account, command, args) === null;
  }

  log(level: LogLevel, text: Bytes): void {
    this.#logged.push({ level, text });
  }

  #note(
    command: Command,
    args: Args,
    call: { readonly isError: boolean; readonly microseconds: number },
  ): void {
    let tally = this.#tallies.get(command);
    if (tally === undefined) {
      tally = { calls: 0, failed: 0, microseconds: 0 };
      this.#tallies.set(command, tally);
    }
    tally.calls++;
    tally.microseconds += call.microseconds;
    if (call.isError) tally.failed++;
    if (!this.#session.host.monitors.isEmpty) this.#shown.push({ command, args });
  }

  /** Only now: had a cold read stopped the script, all of it would run again. */
  noteCalls(): void {
    for (const [{ stats }, tally] of this.#tallies) addTally(stats, tally);
    const { monitors } = this.#session.host;
    for (const { level, text } of this.#logged) this.#session.host.onScriptLog(level, text);
    for (const { command, args } of this.#shown) {
      monitors.feed(this.#session, command, args, { isLua: true });
    }
  }
}

function addTally(stats: CommandStats, tally: Tally): void {
  stats.calls += tally.calls;
  stats.failedCalls += tally.failed;
  stats.microseconds += tally.microseconds;
  const each = tally.microseconds / tally.calls;
  for (let count = 0; count < tally.calls; count++) stats.histogram.add(each);
}

function isArity({ message }: CommandError): boolean {
  return message.startsWith("ERR wrong number of arguments");
}
