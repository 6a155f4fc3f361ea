// EVAL and SCRIPT: scripts. What a script may do and how it is run lies behind ScriptPort
// (session/scripts.ts, room scripting); here the arguments are read.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER } from "../resp/errors.ts";
import { OK, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { integer, KEYS, oneOf, string, word } from "./argument-specs.ts";
import { helpRow } from "./help.ts";
import type { ScriptCall, ScriptPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows, type KeySpec } from "./table.ts";

const NEGATIVE_KEY_COUNT = new CommandError("ERR Number of keys can't be negative");
const TOO_MANY_KEYS = new CommandError("ERR Number of keys can't be greater than number of args");

const COUNTED_KEYS: readonly KeySpec[] = [
  { kind: "count", countAt: 2, first: 3, flags: ["RW", "access", "update"] },
];
const COUNTED_KEYS_READ: readonly KeySpec[] = [
  { kind: "count", countAt: 2, first: 3, flags: ["RO", "access"] },
];
const CALL_ARGUMENTS = [
  integer("numkeys"),
  { ...KEYS, optional: true },
  { ...string("arg"), multiple: true, optional: true },
];
const runs = {
  kind: "script",
  arity: -3,
  group: "scripting",
  flags: ["noscript", "stale", "skip_monitor", "may_replicate", "no_mandatory_keys", "movablekeys"],
  keys: COUNTED_KEYS,
  complexity: "Depends on the script",
} as const;
const runsReadonly = {
  ...runs,
  flags: ["readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
  keys: COUNTED_KEYS_READ,
} as const;
const manages = {
  kind: "script",
  group: "scripting",
  keys: NO_KEYS,
  flags: ["noscript"],
} as const;

const scriptSubcommands: CommandRows = {
  DEBUG: {
    ...manages,
    arity: 3,
    since: "3.2.0",
    summary: "Sets how the script debugger works; there is none here.",
    complexity: "O(1)",
    run: (_scripts: ScriptPort, _view: View, args: Args) => {
      const mode = at(args, 2).toUpperCase();
      if (mode === "NO") return OK;
      if (mode !== "YES" && mode !== "SYNC") {
        throw new CommandError("ERR Use SCRIPT DEBUG yes/sync/no");
      }
      throw new CommandError("ERR SCRIPT DEBUG: this server has no script debugger");
    },
  },
  EXISTS: {
    ...manages,
    arity: -3,
    since: "2.6.0",
    summary: "Tells of each SHA-1 whether EVALSHA would find its script.",
    complexity: "O(N) with N the number of digests",
    arguments: [{ ...string("sha1"), multiple: true }],
    run: (scripts: ScriptPort, _view: View, args: Args) =>
      args.slice(2).map((sha: Bytes) => (scripts.isRemembered(sha) ? 1 : 0)),
  },
  FLUSH: {
    ...manages,
    arity: -2,
    flags: ["noscript"],
    since: "2.6.0",
    summary: "Forgets all scripts.",
    complexity: "O(N) with N the number of scripts",
    arguments: [oneOf("flush-type", [word("ASYNC"), word("SYNC")], { optional: true })],
    run: scriptFlush,
  },
  LOAD: {
    ...manages,
    arity: 3,
    flags: ["noscript", "stale"],
    since: "2.6.0",
    summary: "Compiles a script and remembers it for EVALSHA.",
    complexity: "O(N) with N the length of the script",
    arguments: [string("script")],
    run: (scripts: ScriptPort, _view: View, args: Args) => scripts.remember(at(args, 2)),
  },
  KILL: {
    kind: "server",
    group: "scripting",
    keys: NO_KEYS,
    arity: 2,
    flags: ["noscript", "allow_busy"],
    since: "2.6.0",
    summary: "Ends the script that runs, if it has not written yet.",
    complexity: "O(1)",
    run: (server) => server.scripts.kill("script"),
  },
  HELP: helpRow(
    "SCRIPT",
    [
      ["DEBUG (YES|SYNC|NO)", "Accepted for NO; this server has no script debugger."],
      ["EXISTS <sha1> [<sha1> ...]", "Whether EVALSHA would find the scripts of these digests."],
      ["FLUSH [ASYNC|SYNC]", "Forgets all scripts."],
      ["KILL", "Ends the script that runs, if it has not written yet."],
      ["LOAD <script>", "Remembers a script and answers its digest."],
    ],
    { group: "scripting", since: "5.0.0" },
  ),
};

export const scriptCommands: CommandRows = {
  EVAL: {
    ...runs,
    since: "2.6.0",
    summary: "Runs a Lua script as one atomic batch.",
    arguments: [string("script"), ...CALL_ARGUMENTS],
    run: (scripts: ScriptPort, view: View, args: Args) =>
      scripts.runScript(view, at(args, 1), callOf(args, false)),
  },
  EVAL_RO: {
    ...runsReadonly,
    since: "7.0.0",
    summary: "Runs a Lua script that must not write.",
    arguments: [string("script"), ...CALL_ARGUMENTS],
    run: (scripts: ScriptPort, view: View, args: Args) =>
      scripts.runScript(view, at(args, 1), callOf(args, true)),
  },
  EVALSHA: {
    ...runs,
    since: "2.6.0",
    summary: "Runs a script that is known by its SHA-1.",
    arguments: [string("sha1"), ...CALL_ARGUMENTS],
    run: (scripts: ScriptPort, view: View, args: Args) =>
      scripts.runRemembered(view, shaOf(args), callOf(args, false)),
  },
  EVALSHA_RO: {
    ...runsReadonly,
    since: "7.0.0",
    summary: "Runs a known script that must not write.",
    arguments: [string("sha1"), ...CALL_ARGUMENTS],
    run: (scripts: ScriptPort, view: View, args: Args) =>
      scripts.runRemembered(view, shaOf(args), callOf(args, true)),
  },
  SCRIPT: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "scripting",
    since: "2.6.0",
    summary: "Commands about scripts.",
    complexity: "Depends on the subcommand",
    subcommands: scriptSubcommands,
  },
};

/** What cannot be a digest is told before a bad count of keys. Throws CommandError. */
function shaOf(args: Args): Bytes {
  const sha = at(args, 1);
  if (sha.length !== 40) throw new CommandError("NOSCRIPT No matching script. Please use EVAL.");
  return sha;
}

/** Keys and arguments behind the script or the function's name. Throws CommandError. */
export function callOf(args: Args, isReadonly: boolean): ScriptCall {
  const count = parseInteger(at(args, 2));
  if (count === null) throw NOT_AN_INTEGER;
  if (count > args.length - 3) throw TOO_MANY_KEYS;
  if (count < 0) throw NEGATIVE_KEY_COUNT;
  const end = 3 + Number(count);
  return { args, keys: args.slice(3, end), argv: args.slice(end), isReadonly };
}

/** Whether SYNC, ASYNC or nothing was said; all the same here. Throws `problem`. */
export function checkFlushMode(mode: Bytes | undefined, problem: CommandError): void {
  const how = mode?.toUpperCase();
  if (how !== undefined && how !== "ASYNC" && how !== "SYNC") throw problem;
}

const BAD_FLUSH = new CommandError("ERR SCRIPT FLUSH only support SYNC|ASYNC option");

function scriptFlush(scripts: ScriptPort, _view: View, args: Args): Reply {
  if (args.length > 3) throw BAD_FLUSH;
  checkFlushMode(args[2], BAD_FLUSH);
  scripts.forgetScripts();
  return OK;
}
