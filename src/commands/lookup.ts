// Finding the command of a request, and what is worked out once per row so that dispatch need not.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { Histogram } from "../base/histogram.ts";
import { CommandError, wrongArity } from "../resp/errors.ts";
import type { Args, CommandRow, CommandRows, ContainerCommand } from "./table.ts";

/** How often a command ran and how that went: INFO commandstats. */
export interface CommandStats {
  calls: number;
  /** Whole microseconds in the handler. */
  microseconds: number;
  /** Refused before it ran. */
  rejectedCalls: number;
  /** Ran and answered an error. */
  failedCalls: number;
  /** Calls by microseconds: LATENCY HISTOGRAM. */
  readonly histogram: Histogram;
}

/** Gives every command and subcommand of a table its number. */
interface Counter {
  next: number;
}

/** Those that read if they are not told to store what they found. */
const MAY_STORE = new Set(["sort", "georadius", "georadiusbymember"]);
const STORE_WORDS = new Set(["STORE", "STOREDIST"]);
const AT_ONCE_IN_MULTI = new Set(["exec", "discard", "multi", "watch", "quit", "reset"]);

export class Command {
  /** From 0, its own in its table; `bare` has that of its container. */
  readonly number: number;
  /** Lower case; subcommands as "config|get". */
  readonly name: string;
  readonly row: CommandRow;
  readonly parent: Command | null;
  readonly isWrite: boolean;
  readonly isReadonly: boolean;
  readonly deniesOom: boolean;
  readonly needsNoAuth: boolean;
  readonly isNoMulti: boolean;
  /** Inside MULTI it runs, where others are queued. */
  readonly runsAtOnceInMulti: boolean;
  /** It may give a Wait. */
  readonly isBlocking: boolean;
  /** The flag protected: DEBUG, which the configuration may lock away. */
  readonly isProtected: boolean;
  /** It may send a message: PUBLISH, SPUBLISH. */
  readonly publishes: boolean;
  /** The flag allow_busy: it runs while a script takes long. */
  readonly isAllowedWhenBusy: boolean;
  /** It reads, unless it is told where to store; and it may do so on another thread (commit/long-reads.ts). */
  readonly mayLeave: boolean;
  /** A script: what it runs may write or publish. */
  readonly runsOthers: boolean;
  readonly stats: CommandStats = {
    calls: 0,
    microseconds: 0,
    rejectedCalls: 0,
    failedCalls: 0,
    histogram: new Histogram(),
  };
  /** The flags skip_monitor and admin: MONITOR does not show it. */
  readonly isHiddenFromMonitor: boolean;
  readonly isHiddenFromSlowlog: boolean;
  /** It may change data here or say something to replicas: CLIENT PAUSE WRITE holds it back. */
  readonly isHeldByWritePause: boolean;
  /** What the name of a container alone runs; null where a subcommand must follow. */
  readonly bare: Command | null;
  /** By upper-case subname; empty for plain commands. */
  readonly subcommands = new Map<string, Command>();

  constructor(name: string, row: CommandRow, parent: Command | null, counter: Counter) {
    this.number = counter.next++;
    this.name = name;
    this.row = row;
    this.parent = parent;
    this.isWrite = row.flags.includes("write");
    this.isReadonly = row.flags.includes("readonly");
    this.deniesOom = row.flags.includes("denyoom");
    this.needsNoAuth = row.flags.includes("no_auth");
    this.isBlocking = row.flags.includes("blocking");
    this.runsAtOnceInMulti = AT_ONCE_IN_MULTI.has(name);
    this.isNoMulti = row.flags.includes("no_multi");
    this.mayLeave = row.kind === "data" && (this.isReadonly || MAY_STORE.has(name));
    this.isProtected = row.flags.includes("protected");
    this.isAllowedWhenBusy = row.flags.includes("allow_busy");
    this.runsOthers = row.kind === "script" && !this.isReadonly;
    this.publishes = row.kind === "data" && row.flags.includes("pubsub");
    const { flags } = row;
    this.isHiddenFromMonitor = flags.includes("skip_monitor") || flags.includes("admin");
    this.isHiddenFromSlowlog = flags.includes("skip_slowlog");
    this.isHeldByWritePause = this.isWrite || flags.includes("may_replicate");
    const bare = row.kind === "container" ? row.bare : undefined;
    this.bare = bare === undefined ? null : new Command(name, bare, null, { next: this.number });
    if (row.kind !== "container") return;
    for (const [subname, subrow] of Object.entries(row.subcommands)) {
      const subcommand = new Command(`${name}|${subname.toLowerCase()}`, subrow, this, counter);
      this.subcommands.set(subname, subcommand);
    }
  }
}

/** Whether a call of a command that may leave stores what it finds. */
export function stores(command: Command, args: Args): boolean {
  return command.isWrite && args.some((arg) => STORE_WORDS.has(arg.toUpperCase()));
}

const ARGUMENT_SHOWN_MAX = 128;

export class CommandTable {
  /** By upper-case and by lower-case name: the two spellings that clients send. */
  readonly #byName = new Map<string, Command>();
  /** By lower-case name, whatever they are called here: what rules of access control name. */
  readonly #originals = new Map<string, Command>();
  readonly all: readonly Command[];
  /** Commands and subcommands together; their numbers are below it. */
  readonly count: number;

  constructor(rows: CommandRows, renames: ReadonlyMap<string, string> = new Map()) {
    const all: Command[] = [];
    const counter: Counter = { next: 0 };
    for (const [name, row] of Object.entries(rows)) {
      const command = new Command(name.toLowerCase(), row, null, counter);
      all.push(command);
      this.#originals.set(command.name, command);
      const spoken = renames.get(name.toLowerCase()) ?? name;
      if (spoken === "") continue;
      this.#byName.set(spoken.toUpperCase(), command);
      this.#byName.set(spoken.toLowerCase(), command);
    }
    this.all = all;
    this.count = counter.next;
  }

  /** The command or subcommand by its full name, before `rename-command`; null when there is none. */
  original(fullName: string): Command | null {
    const [name = "", subname, ...more] = fullName.toLowerCase().split("|");
    const command = this.#originals.get(name) ?? null;
    if (command === null || subname === undefined) return command;
    return more.length > 0 ? null : (command.subcommands.get(subname.toUpperCase()) ?? null);
  }

  /** The top-level command by name, in any case; null when there is none. */
  named(name: Bytes): Command | null {
    return this.#byName.get(name) ?? this.#byName.get(name.toUpperCase()) ?? null;
  }

  /** The command or subcommand by its full name, as "config|get"; null when there is none. */
  byFullName(fullName: string): Command | null {
    const [name = "", subname, ...more] = fullName.split("|");
    const command = this.named(name);
    if (more.length > 0) return null;
    if (command === null || subname === undefined) return command;
    return command.subcommands.get(subname.toUpperCase()) ?? null;
  }

  /** The command that `args` calls, arity checked. Throws CommandError in Redis's words. */
  find(args: Args): Command {
    const [name] = args;
    assert(name !== undefined, "the decoder never gives an empty request");
    const command = this.named(name);
    if (command === null) throw unknownCommand(args);
    const { row } = command;
    if (row.kind === "container") return findSubcommand(command, row, args);
    checkArity(command, args);
    return command;
  }
}

function findSubcommand(container: Command, row: ContainerCommand, args: Args): Command {
  const subname = args[1];
  if (subname === undefined) {
    if (container.bare !== null) return container.bare;
    throw wrongArity(container.name);
  }
  const command = container.subcommands.get(subname.toUpperCase());
  if (command === undefined) {
    const shown = untilZero(subname).slice(0, ARGUMENT_SHOWN_MAX);
    throw new CommandError(
      `ERR unknown subcommand '${shown}'. Try ${container.name.toUpperCase()} HELP.`,
    );
  }
  assert(row.kind === "container");
  checkArity(command, args);
  return command;
}

function checkArity(command: Command, args: Args): void {
  if (arityFits(command.row.arity, args.length)) return;
  command.stats.rejectedCalls++;
  throw wrongArity(command.name);
}

export function arityFits(arity: number, count: number): boolean {
  return arity >= 0 ? count === arity : count >= -arity;
}

/** Redis shows the name and as many arguments as fit in 128 bytes. */
/** As far as Redis shows what a client sent: to it a zero byte ends a text. */
function untilZero(text: Bytes): Bytes {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

function unknownCommand(args: Args): CommandError {
  let shown = "";
  for (let index = 1; index < args.length && shown.length < ARGUMENT_SHOWN_MAX; index++) {
    const argument = untilZero(args[index] ?? "");
    shown += `'${argument.slice(0, ARGUMENT_SHOWN_MAX - shown.length)}' `;
  }
  const name = untilZero(args[0] ?? "").slice(0, ARGUMENT_SHOWN_MAX);
  return new CommandError(`ERR unknown command '${name}', with args beginning with: ${shown}`);
}
