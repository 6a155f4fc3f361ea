// ACL: users and what they may do. The rules themselves are in src/acl.

import type { Bytes } from "../base/bytes.ts";
import { CommandError, NOT_AN_INTEGER, wrongArity } from "../resp/errors.ts";
import { Double, MapReply, OK, SetReply, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { ACL_CATEGORIES, aclCategories } from "./acl-categories.ts";
import { integer, oneOf, string, word } from "./argument-specs.ts";
import { helpRow, subcommandSyntax } from "./help.ts";
import { arityFits, type Command, type CommandTable } from "./lookup.ts";
import type { Outcome, SelectorFacts, ServerPort, SessionPort } from "./ports.ts";
import {
  at,
  NO_KEYS,
  type Args,
  type ArgumentSpec,
  type CommandRows,
  type ServerCommand,
} from "./table.ts";

const LOG_COUNT_DEFAULT = 10;
const PASSWORD_BITS_DEFAULT = 256;
const PASSWORD_BITS_MAX = 4096;
const BITS_IN_A_DIGIT = 4;

const BAD_NAME = new CommandError("ERR Usernames can't contain spaces or null characters");
const DEFAULT_STAYS = new CommandError("ERR The 'default' user cannot be removed");
const BAD_BITS = new CommandError(
  "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up " +
    `to ${PASSWORD_BITS_MAX}`,
);

const everyones = {
  kind: "server",
  flags: ["noscript", "loading", "stale"],
  keys: NO_KEYS,
  group: "server",
  since: "6.0.0",
  complexity: "O(1)",
} as const satisfies Partial<ServerCommand>;

const admins = {
  ...everyones,
  flags: ["admin", "noscript", "loading", "stale"],
  complexity: "O(N), N being the number of users",
} as const satisfies Partial<ServerCommand>;

const MANY_NAMES: ArgumentSpec = { name: "username", type: "string", multiple: true };

const userRows: CommandRows = {
  SETUSER: {
    ...admins,
    arity: -3,
    summary: "Makes a user, or changes what he may do.",
    complexity: "O(N), N being the number of rules",
    arguments: [
      string("username"),
      { name: "rule", type: "string", optional: true, multiple: true },
    ],
    run: setUser,
  },
  GETUSER: {
    ...admins,
    arity: 3,
    summary: "Shows a user's rules.",
    complexity: "O(N), N being the number of rules",
    arguments: [string("username")],
    run: getUser,
  },
  DELUSER: {
    ...admins,
    arity: -3,
    summary: "Deletes users and cuts their connections.",
    complexity: "O(N), N being the number of connections",
    arguments: [MANY_NAMES],
    run: deleteUsers,
  },
  USERS: {
    ...admins,
    arity: 2,
    summary: "Names the users.",
    run: (server: ServerPort) => server.acl.names(),
  },
  LIST: {
    ...admins,
    arity: 2,
    summary: "Shows all users as lines of an ACL file.",
    run: (server: ServerPort) => server.acl.lines(),
  },
  LOAD: {
    ...admins,
    arity: 2,
    summary: "Takes the users from the ACL file, all of them or none.",
    run: (server: ServerPort, _args: Args, session: SessionPort) =>
      done(server.acl.load(session.id)),
  },
  SAVE: {
    ...admins,
    arity: 2,
    summary: "Writes the users to the ACL file.",
    run: (server: ServerPort) => done(server.acl.save()),
  },
};

const otherRows: CommandRows = {
  CAT: {
    ...everyones,
    arity: -2,
    summary: "Names the categories of commands, or the commands of one.",
    arguments: [{ name: "category", type: "string", optional: true }],
    run: categories,
  },
  WHOAMI: {
    ...everyones,
    arity: 2,
    summary: "Names the user this connection speaks as.",
    run: (_server: ServerPort, _args: Args, session: SessionPort) => session.user,
  },
  GENPASS: {
    ...everyones,
    arity: -2,
    summary: "Makes up a password that nobody guesses.",
    arguments: [{ name: "bits", type: "integer", optional: true }],
    run: generatePassword,
  },
  LOG: {
    ...admins,
    arity: -2,
    summary: "Shows what was denied lately, or forgets it.",
    complexity: "O(N), N being the number of entries shown",
    arguments: [oneOf("operation", [integer("count"), word("RESET")], { optional: true })],
    run: log,
  },
  DRYRUN: {
    ...admins,
    arity: -4,
    since: "7.0.0",
    summary: "Tells whether a user may run a command, without running it.",
    complexity: "O(1)",
    arguments: [
      string("username"),
      string("command"),
      { name: "arg", type: "string", optional: true, multiple: true },
    ],
    run: dryRun,
  },
};

export const aclCommands: CommandRows = {
  ACL: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "server",
    since: "6.0.0",
    summary: "Users, and what they may do.",
    complexity: "Depends on the subcommand",
    subcommands: {
      ...userRows,
      ...otherRows,
      HELP: helpRow(
        "ACL",
        [
          ["CAT [<category>]", "Names the categories, or the commands of one."],
          ["DELUSER <username> [<username> ...]", "Deletes users."],
          [
            "DRYRUN <username> <command> [<arg> ...]",
            "Tells whether the user may run the command.",
          ],
          ["GENPASS [<bits>]", "Makes up a password, of 256 bits or as many as are given."],
          ["GETUSER <username>", "Shows a user's rules."],
          ["LIST", "Shows all users as lines of an ACL file."],
          ["LOAD", "Takes the users from the ACL file."],
          ["LOG [<count>|RESET]", "Shows what was denied lately, or forgets it."],
          ["SAVE", "Writes the users to the ACL file."],
          ["SETUSER <username> [<rule> ...]", "Makes or changes a user."],
          ["USERS", "Names the users."],
          ["WHOAMI", "Names the user this connection speaks as."],
        ],
        { group: "server", since: "6.0.0" },
      ),
    },
  },
};

function done(problem: Outcome): Reply {
  if (problem !== null) throw new CommandError(problem);
  return OK;
}

function setUser(server: ServerPort, args: Args, session: SessionPort): Reply {
  const name = at(args, 2);
  if (/[\s\0]/.test(name)) throw BAD_NAME;
  server.acl.set(name, args.slice(3), session.id);
  return OK;
}

function getUser(server: ServerPort, args: Args): Reply {
  const user = server.acl.user(at(args, 2));
  if (user === null) return null;
  const [own, ...more] = user.selectors;
  return new MapReply([
    "flags",
    new SetReply(user.flags),
    "passwords",
    user.passwords,
    ...(own === undefined ? [] : selectorFields(own)),
    "selectors",
    more.map((selector) => new MapReply(selectorFields(selector))),
  ]);
}

function selectorFields({ commandRules, keyRules, channelRules }: SelectorFacts): Bytes[] {
  return ["commands", commandRules, "keys", keyRules, "channels", channelRules];
}

function deleteUsers(server: ServerPort, args: Args, session: SessionPort): Reply {
  const names = args.slice(2);
  if (names.includes("default")) throw DEFAULT_STAYS;
  return server.acl.delete(names, session.id);
}

function categories(server: ServerPort, args: Args): Reply {
  if (args.length > 3) throw subcommandSyntax(args);
  const name = args[2];
  if (name === undefined) return [...ACL_CATEGORIES];
  const wanted = name.toLowerCase();
  if (!ACL_CATEGORIES.some((category) => category === wanted)) {
    throw new CommandError(`ERR Unknown category '${name}'`);
  }
  return everyCommand(server.commands)
    .filter(({ row }) => aclCategories(row).includes(wanted))
    .map((command) => command.name);
}

function everyCommand(commands: CommandTable): Command[] {
  return commands.all.flatMap((command) => [command, ...command.subcommands.values()]);
}

function generatePassword(server: ServerPort, args: Args): Reply {
  if (args.length > 3) throw subcommandSyntax(args);
  let bits: number | bigint = PASSWORD_BITS_DEFAULT;
  if (args[2] !== undefined) {
    const wanted = parseInteger(args[2]);
    if (wanted === null) throw NOT_AN_INTEGER;
    if (wanted <= 0 || wanted > PASSWORD_BITS_MAX) throw BAD_BITS;
    bits = wanted;
  }
  return server.acl.password(Math.ceil(Number(bits) / BITS_IN_A_DIGIT));
}

function log(server: ServerPort, args: Args): Reply {
  if (args.length > 3) throw subcommandSyntax(args);
  const operation = args[2];
  if (operation?.toUpperCase() === "RESET") {
    server.acl.clearLog();
    return OK;
  }
  const count = operation === undefined ? LOG_COUNT_DEFAULT : parseInteger(operation);
  if (count === null) throw NOT_AN_INTEGER;
  const nowMs = server.nowMs();
  return server.acl
    .log(Math.max(0, Number(count)))
    .map(
      (entry) =>
        new MapReply([
          "count",
          entry.count,
          "reason",
          entry.reason,
          "context",
          entry.context,
          "object",
          entry.object,
          "username",
          entry.userName,
          "age-seconds",
          new Double((nowMs - entry.updatedMs) / 1000),
          "client-info",
          entry.client,
          "entry-id",
          entry.id,
          "timestamp-created",
          entry.createdMs,
          "timestamp-last-updated",
          entry.updatedMs,
        ]),
    );
}

function dryRun(server: ServerPort, args: Args): Reply {
  const [name, call] = [at(args, 2), args.slice(3)];
  if (server.acl.user(name) === null) throw new CommandError(`ERR User '${name}' not found`);
  const command = called(server.commands, call);
  if (command === null) throw new CommandError(`ERR Command '${at(call, 0)}' not found`);
  if (!arityFits(command.row.arity, call.length)) throw wrongArity(command.name);
  return server.acl.denial(name, command, call) ?? OK;
}

/** A container alone, or with a subcommand that it does not have, is no command. */
function called(commands: CommandTable, call: Args): Command | null {
  const command = commands.named(at(call, 0));
  if (command === null || command.row.kind !== "container") return command;
  const subname = call[1];
  if (subname === undefined) return command;
  return command.subcommands.get(subname.toUpperCase()) ?? null;
}
