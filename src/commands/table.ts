// The shape of a row in the command table. One row holds all facts of a command: dispatch, arity,
// flags, key positions, ACL categories, COMMAND, COMMAND DOCS and docs/commands.md read it.
//
// The parameter of a handler is its capability (see docs/architecture.md):
//   data      run(view, args)      synchronous; sees and changes keys, nothing else
//   session   run(session, args)   the connection: MULTI, WATCH, SUBSCRIBE, CLIENT ...
//   script    run(scripts, view, args)     as data, by way of other commands: EVAL, FCALL
//   server    run(server, args, session)   the whole server: INFO, CONFIG, SHUTDOWN ...; may wait

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import type { Reply } from "../resp/reply.ts";
import type { ScriptPort, ServerPort, SessionPort } from "./ports.ts";
import type { Wait } from "./wait.ts";

/** The command as sent: args[0] is the name. */
export type Args = readonly Bytes[];

/** Redis's flags, by Redis's names (COMMAND INFO). */
export type CommandFlag =
  | "write"
  | "readonly"
  | "denyoom"
  | "admin"
  | "pubsub"
  | "noscript"
  | "blocking"
  | "loading"
  | "stale"
  | "skip_monitor"
  | "skip_slowlog"
  | "asking"
  | "fast"
  | "no_auth"
  | "may_replicate"
  | "sentinel"
  | "only_sentinel"
  | "no_mandatory_keys"
  | "protected"
  | "no_async_loading"
  | "no_multi"
  | "allow_busy"
  | "module"
  | "touches-arbitrary-keys"
  | "movablekeys";

export type KeyFlag =
  | "RW"
  | "RO"
  | "OW"
  | "RM"
  | "access"
  | "update"
  | "insert"
  | "delete"
  | "not_key"
  | "incomplete"
  | "variable_flags";

/**
 * Where keys stand, in Redis's terms; the name is position 0. `range`: from `first` to `last`
 * (negative counts from the end) in steps of `step`. `count`: a number of keys at `first`, then the
 * keys. `keyword`: as `range`, starting after the word, sought from `from`.
 */
export type KeySpec = {
  readonly flags: readonly KeyFlag[];
} & (
  | { readonly kind: "range"; readonly first: number; readonly last: number; readonly step: number }
  | {
      readonly kind: "count";
      readonly countAt: number;
      readonly first: number;
      /** 1 if it is not told. */
      readonly step?: number;
    }
  | {
      readonly kind: "keyword";
      readonly word: string;
      readonly from: number;
      /** 2: only the first half of what is left are keys. */
      readonly limit?: 2;
      readonly last: number;
      readonly step: number;
    }
  | {
      readonly kind: "unknown";
      /** Positions of keys that Redis's terms have no words for: SORT's STORE. */
      readonly find?: (args: Args) => readonly number[];
    }
);

/** A key of one call: the argument, and what is done with it. */
export interface KeyPosition {
  readonly index: number;
  readonly flags: readonly KeyFlag[];
}

/** One argument in COMMAND DOCS. */
export interface ArgumentSpec {
  readonly name: string;
  readonly type:
    | "string"
    | "integer"
    | "double"
    | "key"
    | "pattern"
    | "unix-time"
    | "pure-token"
    | "oneof"
    | "block";
  readonly token?: string;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  /** The token stands before each of several. */
  readonly multipleToken?: boolean;
  readonly since?: string;
  readonly arguments?: readonly ArgumentSpec[];
}

export type CommandGroup =
  | "bitmap"
  | "cluster"
  | "connection"
  | "generic"
  | "geo"
  | "hash"
  | "hyperloglog"
  | "list"
  | "pubsub"
  | "scripting"
  | "server"
  | "set"
  | "sorted-set"
  | "stream"
  | "string"
  | "transactions";

interface CommandFacts {
  /** As in Redis: positive is exact, negative is at least; the name counts. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keys: readonly KeySpec[];
  /** Where `keys` do not say all: what the keys of one call are, and what becomes of them. */
  readonly keysInCall?: (args: Args) => readonly KeyPosition[];
  readonly group: CommandGroup;
  /** The Redis version that brought it. */
  readonly since: string;
  /** One sentence of our own. */
  readonly summary: string;
  /** As in "O(1)". */
  readonly complexity: string;
  readonly arguments?: readonly ArgumentSpec[];
  /** ACL categories beyond those that follow from flags and group, without the @. */
  readonly categories?: readonly string[];
  /** Redis counts it to a group whose ACL category it has not: SORT is no @keyspace. */
  readonly isWithoutGroupCategory?: boolean;
  readonly deprecatedSince?: string;
  readonly replacedBy?: string;
}

export interface DataCommand extends CommandFacts {
  readonly kind: "data";
  /** A Wait when it finds nothing yet and is to be run again when there is something. */
  readonly run: (view: View, args: Args) => Reply | Wait;
}

export interface SessionCommand extends CommandFacts {
  readonly kind: "session";
  readonly run: (session: SessionPort, args: Args) => Reply | NoReply | Promise<Reply | NoReply>;
}

export interface ServerCommand extends CommandFacts {
  readonly kind: "server";
  readonly run: (
    server: ServerPort,
    args: Args,
    session: SessionPort,
  ) => Reply | NoReply | Promise<Reply | NoReply>;
}

/** Runs commands of its own on the view: EVAL, FCALL and what manages their code. */
export interface ScriptCommand extends CommandFacts {
  readonly kind: "script";
  readonly run: (scripts: ScriptPort, view: View, args: Args) => Reply;
}

/** What runs on a view, as a unit of its own or in an EXEC. */
export type ViewCommand = DataCommand | ScriptCommand;

/** A command that is only a family of subcommands, as CONFIG or CLIENT: args[1] names the row. */
export interface ContainerCommand extends CommandFacts {
  readonly kind: "container";
  readonly subcommands: CommandRows;
  /** What the name alone runs, where it means something: COMMAND. */
  readonly bare?: ServerCommand;
}

export type CommandRow =
  | DataCommand
  | ScriptCommand
  | SessionCommand
  | ServerCommand
  | ContainerCommand;
/** By upper-case name; subcommands by upper-case subname. */
export type CommandRows = Readonly<Record<string, CommandRow>>;

/** The handler has answered by itself or answers later (SUBSCRIBE, CLIENT REPLY OFF, MONITOR). */
export const NO_REPLY = Symbol("no reply");
export type NoReply = typeof NO_REPLY;

/** The argument at `index`; arity has been checked, so its absence is our fault. */
export function at(args: Args, index: number): Bytes {
  const argument = args[index];
  assert(argument !== undefined, "an argument that arity promised");
  return argument;
}

const read = ["RO", "access"] as const;

/** Key specs that many rows share. */
export const NO_KEYS: readonly KeySpec[] = [];

export function oneKey(...flags: KeyFlag[]): readonly KeySpec[] {
  return [{ kind: "range", first: 1, last: 1, step: 1, flags }];
}

export function keysToEnd(...flags: KeyFlag[]): readonly KeySpec[] {
  return [{ kind: "range", first: 1, last: -1, step: 1, flags }];
}

export const ONE_KEY_READ: readonly KeySpec[] = oneKey(...read);
