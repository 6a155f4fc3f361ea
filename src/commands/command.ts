// COMMAND: the command table, told to clients. How a row is shown is in command-facts.ts.

import { matchesIgnoringCase } from "../base/glob.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, MapReply, SetReply, Status, type Reply } from "../resp/reply.ts";
import { aclCategories } from "./acl-categories.ts";
import { oneOf, string } from "./argument-specs.ts";
import { docsOf, infoOf } from "./command-facts.ts";
import { helpRow } from "./help.ts";
import { keyPositions } from "./key-positions.ts";
import { arityFits, type Command, type CommandTable } from "./lookup.ts";
import type { ServerPort } from "./ports.ts";
import {
  at,
  NO_KEYS,
  type Args,
  type CommandRows,
  type KeyPosition,
  type ServerCommand,
} from "./table.ts";

const NO_SUCH_COMMAND = new CommandError("ERR Invalid command specified");
const NO_KEYS_IN_IT = new CommandError("ERR The command has no key arguments");
const BAD_COUNT = new CommandError("ERR Invalid number of arguments specified for command");

const common = {
  flags: ["loading", "stale"],
  keys: NO_KEYS,
  group: "server",
  categories: ["connection"],
} as const satisfies Partial<ServerCommand>;

const NAMES = { name: "command-name", type: "string", optional: true, multiple: true } as const;
const CALL = [
  string("command"),
  { name: "arg", type: "string", multiple: true, optional: true },
] as const;

const subcommands: CommandRows = {
  COUNT: {
    ...common,
    kind: "server",
    arity: 2,
    since: "2.8.13",
    summary: "Counts the commands there are.",
    complexity: "O(1)",
    run: (server) => server.commands.all.length,
  },
  INFO: {
    ...common,
    kind: "server",
    arity: -2,
    since: "2.8.13",
    summary: "Describes some commands, or all, for programs.",
    complexity: "O(N), N being the number of commands",
    arguments: [NAMES],
    run: info,
  },
  DOCS: {
    ...common,
    kind: "server",
    arity: -2,
    since: "7.0.0",
    summary: "Describes some commands, or all, for people.",
    complexity: "O(N), N being the number of commands",
    arguments: [NAMES],
    run: docs,
  },
  LIST: {
    ...common,
    kind: "server",
    arity: -2,
    since: "7.0.0",
    summary: "Names the commands, or those that a filter lets through.",
    complexity: "O(N), N being the number of commands",
    arguments: [
      oneOf(
        "filterby",
        [
          { name: "module-name", type: "string", token: "MODULE" },
          { name: "category", type: "string", token: "ACLCAT" },
          { name: "pattern", type: "pattern", token: "PATTERN" },
        ],
        { token: "FILTERBY", optional: true },
      ),
    ],
    run: list,
  },
  GETKEYS: {
    ...common,
    kind: "server",
    arity: -3,
    since: "2.8.13",
    summary: "Tells which arguments of a command are keys.",
    complexity: "O(N), N being the number of arguments",
    arguments: CALL,
    run: (server, args) => keysIn(server, args).map(({ key }) => key),
  },
  GETKEYSANDFLAGS: {
    ...common,
    kind: "server",
    arity: -3,
    since: "7.0.0",
    summary: "Tells which arguments of a command are keys, and what is done with each.",
    complexity: "O(N), N being the number of arguments",
    arguments: CALL,
    run: (server, args) =>
      keysIn(server, args).map(({ key, position }) => [
        key,
        new SetReply(position.flags.map((flag) => new Status(flag))),
      ]),
  },
  HELP: helpRow(
    "COMMAND",
    [
      ["(no subcommand)", "Describes every command."],
      ["COUNT", "Counts the commands."],
      ["DOCS [<command-name> ...]", "Describes commands for people."],
      ["GETKEYS <full-command>", "Tells which arguments are keys."],
      ["GETKEYSANDFLAGS <full-command>", "The same, and what is done with each."],
      ["INFO [<command-name> ...]", "Describes commands for programs."],
      ["LIST [FILTERBY (MODULE|ACLCAT|PATTERN) <value>]", "Names commands."],
    ],
    { group: "server", since: "5.0.0", categories: ["connection"] },
  ),
};

export const commandCommands: CommandRows = {
  COMMAND: {
    ...common,
    kind: "container",
    arity: -1,
    since: "2.8.13",
    summary: "Describes every command.",
    complexity: "O(N), N being the number of commands",
    subcommands,
    bare: {
      ...common,
      kind: "server",
      arity: -1,
      since: "2.8.13",
      summary: "Describes every command.",
      complexity: "O(N), N being the number of commands",
      run: (server) => server.commands.all.map(infoOf),
    },
  },
};

function info(server: ServerPort, args: Args): Reply {
  if (args.length === 2) return server.commands.all.map(infoOf);
  return args.slice(2).map((name) => {
    const command = server.commands.byFullName(name);
    return command === null ? null : infoOf(command);
  });
}

/** What is not known is left out. */
function docs(server: ServerPort, args: Args): Reply {
  if (args.length === 2) return new MapReply(server.commands.all.flatMap(docsOf));
  const found = args.slice(2).flatMap((name) => server.commands.byFullName(name) ?? []);
  return new MapReply(found.flatMap(docsOf));
}

function list(server: ServerPort, args: Args): Reply {
  const all = everyCommand(server.commands);
  if (args.length === 2) return new SetReply(all.map(({ name }) => name));
  if (at(args, 2).toUpperCase() !== "FILTERBY" || args.length !== 5) throw SYNTAX_ERROR;
  const value = at(args, 4);
  switch (at(args, 3).toUpperCase()) {
    case "MODULE":
      return EMPTY_ARRAY;
    case "ACLCAT":
      return all
        .filter(({ row }) => aclCategories(row).includes(value.toLowerCase()))
        .map(({ name }) => name);
    case "PATTERN":
      return all.filter(({ name }) => matchesIgnoringCase(value, name)).map(({ name }) => name);
    default:
      throw SYNTAX_ERROR;
  }
}

function everyCommand(commands: CommandTable): Command[] {
  return commands.all.flatMap((command) => [command, ...command.subcommands.values()]);
}

function keysIn(
  server: ServerPort,
  args: Args,
): { readonly key: string; readonly position: KeyPosition }[] {
  const call = args.slice(2);
  const command = called(server.commands, call);
  if (command === null) throw NO_SUCH_COMMAND;
  if (command.row.keys.length === 0) throw NO_KEYS_IN_IT;
  if (!arityFits(command.row.arity, call.length)) throw BAD_COUNT;
  const positions = keyPositions(command.row, call);
  const mayHaveNone = command.row.flags.includes("no_mandatory_keys");
  if (positions.length === 0 && !mayHaveNone) throw NO_KEYS_IN_IT;
  return positions.map((position) => ({ key: at(call, position.index), position }));
}

function called(commands: CommandTable, call: Args): Command | null {
  const command = commands.named(at(call, 0));
  const [, subname] = call;
  if (command === null || command.subcommands.size === 0 || subname === undefined) return command;
  return command.subcommands.get(subname.toUpperCase()) ?? null;
}
