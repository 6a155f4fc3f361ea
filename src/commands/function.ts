// FCALL and FUNCTION: libraries of functions. They are data (types/function-library.ts): what FUNCTION changes
// is part of the open batch, and the libraries that a command sees are those of its view.

import type { Bytes } from "../base/bytes.ts";
import * as glob from "../base/glob.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import { MapReply, OK, SetReply, Status, type Reply } from "../resp/reply.ts";
import * as library from "../types/function-library.ts";
import { parseInteger } from "../types/number.ts";
import { integer, KEYS, oneOf, string, word } from "./argument-specs.ts";
import { helpRow, subcommandSyntax } from "./help.ts";
import type { LibraryFunction, ScriptPort } from "./ports.ts";
import { callOf, checkFlushMode } from "./script.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const NO_FUNCTION = new CommandError("ERR Function not found");
const BAD_KEY_COUNT = new CommandError("ERR Bad number of keys provided");
const NO_LIBRARY = new CommandError("ERR Library not found");
const NOT_READONLY = new CommandError(
  "ERR Can not execute a script with write flag using *_ro command.",
);
const BAD_FLUSH = new CommandError("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
const BAD_POLICY = new CommandError(
  "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
);
const ENGINE = "LUA";

const calls = {
  kind: "script",
  arity: -3,
  group: "scripting",
  since: "7.0.0",
  complexity: "Depends on the function",
  arguments: [
    string("function"),
    integer("numkeys"),
    { ...KEYS, optional: true },
    { ...string("arg"), multiple: true, optional: true },
  ],
} as const;
const manages = { kind: "script", group: "scripting", keys: NO_KEYS, since: "7.0.0" } as const;

const functionSubcommands: CommandRows = {
  DELETE: {
    ...manages,
    arity: 3,
    flags: ["write", "noscript"],
    summary: "Deletes a library and its functions.",
    complexity: "O(1)",
    arguments: [string("library-name")],
    run: deleteLibrary,
  },
  DUMP: {
    ...manages,
    arity: 2,
    flags: ["noscript"],
    summary: "Gives all libraries as bytes that FUNCTION RESTORE understands, here or in Redis.",
    complexity: "O(N) with N the number of libraries",
    run: (_scripts: ScriptPort, view: View) => library.dump(view),
  },
  FLUSH: {
    ...manages,
    arity: -2,
    flags: ["write", "noscript"],
    summary: "Deletes all libraries.",
    complexity: "O(N) with N the number of libraries",
    arguments: [oneOf("flush-type", [word("ASYNC"), word("SYNC")], { optional: true })],
    run: flush,
  },
  KILL: {
    kind: "server",
    group: "scripting",
    keys: NO_KEYS,
    since: "7.0.0",
    arity: 2,
    flags: ["noscript", "allow_busy"],
    summary: "Ends the function that runs, if it has not written yet.",
    complexity: "O(1)",
    run: (server) => server.scripts.kill("function"),
  },
  LIST: {
    ...manages,
    arity: -2,
    flags: ["noscript"],
    summary: "Lists libraries and their functions.",
    complexity: "O(N) with N the number of functions",
    arguments: [
      { ...string("library-name-pattern"), token: "LIBRARYNAME", optional: true },
      word("WITHCODE", { optional: true }),
    ],
    run: list,
  },
  LOAD: {
    ...manages,
    arity: -3,
    flags: ["write", "denyoom", "noscript"],
    summary: "Loads a library: runs it, and keeps the functions that it registers.",
    complexity: "O(1), and what the library does when it is loaded",
    arguments: [word("REPLACE", { optional: true }), string("function-code")],
    run: load,
  },
  RESTORE: {
    ...manages,
    arity: -3,
    flags: ["write", "denyoom", "noscript"],
    summary: "Loads the libraries that FUNCTION DUMP gave.",
    complexity: "O(N) with N the number of functions",
    arguments: [
      string("serialized-value"),
      oneOf("policy", [word("FLUSH"), word("APPEND"), word("REPLACE")], { optional: true }),
    ],
    run: restore,
  },
  STATS: {
    kind: "server",
    group: "scripting",
    keys: NO_KEYS,
    since: "7.0.0",
    arity: 2,
    flags: ["noscript", "allow_busy"],
    summary: "Tells which function runs, and how many libraries and functions there are.",
    complexity: "O(1)",
    run: (server) => server.scripts.stats(),
  },
  HELP: helpRow(
    "FUNCTION",
    [
      ["DELETE <library-name>", "Deletes a library."],
      ["DUMP", "Gives all libraries as bytes for RESTORE."],
      ["FLUSH [ASYNC|SYNC]", "Deletes all libraries."],
      ["KILL", "Ends the function that runs, if it has not written yet."],
      ["LIST [LIBRARYNAME <pattern>] [WITHCODE]", "Lists libraries and their functions."],
      ["LOAD [REPLACE] <code>", "Loads a library."],
      ["RESTORE <payload> [FLUSH|APPEND|REPLACE]", "Loads what DUMP gave."],
      ["STATS", "What runs, and how much there is."],
    ],
    { group: "scripting", since: "7.0.0" },
  ),
};

export const functionCommands: CommandRows = {
  FCALL: {
    ...calls,
    flags: [
      "noscript",
      "stale",
      "skip_monitor",
      "may_replicate",
      "no_mandatory_keys",
      "movablekeys",
    ],
    keys: [{ kind: "count", countAt: 2, first: 3, flags: ["RW", "access", "update"] }],
    summary: "Calls a function of a library.",
    run: (scripts: ScriptPort, view: View, args: Args) =>
      call(scripts, view, args, { isReadonly: false }),
  },
  FCALL_RO: {
    ...calls,
    flags: ["readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
    keys: [{ kind: "count", countAt: 2, first: 3, flags: ["RO", "access"] }],
    summary: "Calls a function that must not write.",
    run: (scripts: ScriptPort, view: View, args: Args) =>
      call(scripts, view, args, { isReadonly: true }),
  },
  FUNCTION: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "scripting",
    since: "7.0.0",
    summary: "Commands about libraries of functions.",
    complexity: "Depends on the subcommand",
    subcommands: functionSubcommands,
  },
};

function call(
  scripts: ScriptPort,
  view: View,
  args: Args,
  { isReadonly }: { readonly isReadonly: boolean },
): Reply {
  const found = scripts.functionNamed(library.read(view), at(args, 1));
  if (found === null) throw NO_FUNCTION;
  const { code, name } = found;
  if (parseInteger(at(args, 2)) === null) throw BAD_KEY_COUNT;
  const given = callOf(args, isReadonly);
  const isWriting = !found.flags.includes("no-writes");
  if (isReadonly && isWriting) throw NOT_READONLY;
  return scripts.runFunction(view, { code, name }, { ...given, isReadonly: !isWriting });
}

const quoted = (name: Bytes): Bytes => `'${name}'`;

function indexOfLibrary(codes: readonly Bytes[], name: Bytes): number {
  return codes.findIndex((code) => library.nameOf(code) === name);
}

function load(scripts: ScriptPort, view: View, args: Args): Reply {
  const options = args.slice(2, -1);
  const unknown = options.find((option) => option.toUpperCase() !== "REPLACE");
  if (unknown !== undefined) throw new CommandError(`ERR Unknown option given: ${unknown}`);
  const replaces = options.length > 0;
  const code = at(args, args.length - 1);
  const codes = addLibrary(scripts, library.read(view), { code, replaces, taken: quoted });
  write(scripts, view, codes);
  view.stats.changes++;
  return library.nameOf(code);
}

/** The libraries with one more. Throws CommandError when it cannot be loaded or is in the way of another. */
function addLibrary(
  scripts: ScriptPort,
  codes: readonly Bytes[],
  added: {
    readonly code: Bytes;
    readonly replaces: boolean;
    /** How the error spells a name that is taken: LOAD quotes it, RESTORE does not. */
    readonly taken: (name: Bytes) => Bytes;
  },
): readonly Bytes[] {
  const { code, replaces, taken } = added;
  const name = library.nameOf(code);
  const before = indexOfLibrary(codes, name);
  if (before !== -1 && !replaces)
    throw new CommandError(`ERR Library ${taken(name)} already exists`);
  const functions = scripts.functionsOf(code);
  const others = codes.filter((_, index) => index !== before);
  const names = new Set(
    others.flatMap((other) => scripts.functionsOf(other).map((one) => one.name.toLowerCase())),
  );
  for (const one of functions) {
    if (!names.has(one.name.toLowerCase())) continue;
    throw new CommandError(`ERR Function ${one.name} already exists`);
  }
  return [...others, code];
}

function write(scripts: ScriptPort, view: View, codes: readonly Bytes[]): void {
  library.write(view, codes);
  scripts.noteLibraries(library.read(view));
}

function deleteLibrary(scripts: ScriptPort, view: View, args: Args): Reply {
  const codes = library.read(view);
  const index = indexOfLibrary(codes, at(args, 2));
  if (index === -1) throw NO_LIBRARY;
  write(
    scripts,
    view,
    codes.filter((_, other) => other !== index),
  );
  view.stats.changes++;
  return OK;
}

function flush(scripts: ScriptPort, view: View, args: Args): Reply {
  if (args.length > 3) throw subcommandSyntax(args);
  checkFlushMode(args[2], BAD_FLUSH);
  if (library.read(view).length > 0) write(scripts, view, []);
  view.stats.changes++;
  return OK;
}

function restore(scripts: ScriptPort, view: View, args: Args): Reply {
  const policy = (args[3] ?? "APPEND").toUpperCase();
  if (args.length > 4) throw subcommandSyntax(args);
  if (policy !== "APPEND" && policy !== "REPLACE" && policy !== "FLUSH") throw BAD_POLICY;
  const replaces = policy === "REPLACE";
  let codes = policy === "FLUSH" ? [] : library.read(view);
  const restored = library.undump(at(args, 2));
  // What cannot be loaded, or not together, is told before what is in the way.
  let together: readonly Bytes[] = [];
  for (const code of restored) {
    together = addLibrary(scripts, together, { code, replaces: false, taken: quoted });
  }
  for (const code of restored) {
    codes = addLibrary(scripts, codes, { code, replaces, taken: (name) => name });
  }
  write(scripts, view, codes);
  view.stats.changes++;
  return OK;
}

function list(scripts: ScriptPort, view: View, args: Args): Reply {
  let pattern: Bytes | null = null;
  let withCode = false;
  for (let index = 2; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    if (option === "WITHCODE" && !withCode) withCode = true;
    else if (option === "LIBRARYNAME" && pattern === null) {
      index++;
      if (index === args.length) throw new CommandError("ERR library name argument was not given");
      pattern = at(args, index);
    } else throw new CommandError(`ERR Unknown argument ${at(args, index)}`);
  }
  const wanted = pattern;
  return library
    .read(view)
    .filter((code) => wanted === null || glob.matches(wanted, library.nameOf(code)))
    .map((code) => described(scripts, code, withCode));
}

function described(scripts: ScriptPort, code: Bytes, withCode: boolean): Reply {
  const facts: Reply[] = [
    "library_name",
    library.nameOf(code),
    "engine",
    ENGINE,
    "functions",
    scripts.functionsOf(code).map(describedFunction),
  ];
  if (withCode) facts.push("library_code", code);
  return new MapReply(facts);
}

function describedFunction({ name, description, flags }: LibraryFunction): Reply {
  const shown = new SetReply(flags.map((flag) => new Status(flag)));
  return new MapReply(["name", name, "description", description, "flags", shown]);
}
