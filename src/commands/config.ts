// CONFIG: the settings of the running server. What there is to set, and what a value may be, stands in
// the room config; changes of several settings are made together or not at all.

import type { Bytes } from "../base/bytes.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { MapReply, OK, type Reply } from "../resp/reply.ts";
import { block, string } from "./argument-specs.ts";
import { helpRow } from "./help.ts";
import type { Outcome, ServerPort, SessionPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows, type ServerCommand } from "./table.ts";

const NOT_IN_A_TRANSACTION = new CommandError(
  "ERR CONFIG SET of a setting of the storage engine takes a while, and so is not possible in a " +
    "transaction",
);

export const configCommands: CommandRows = {
  CONFIG: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "server",
    since: "2.0.0",
    summary: "The settings of the running server.",
    complexity: "Depends on the subcommand",
    subcommands: {
      GET: configRow({
        arity: -3,
        summary: "Shows the settings whose names match one of the patterns.",
        complexity: "O(N), N being the number of settings",
        arguments: [{ name: "parameter", type: "string", multiple: true }],
        run: (server, args) => new MapReply(server.config.matching(args.slice(2))),
      }),
      SET: configRow({
        arity: -4,
        summary: "Gives settings other values: all of those named, or none when one is refused.",
        complexity: "O(N), N being the number of settings named",
        arguments: [block("data", [string("parameter"), string("value")], { multiple: true })],
        run: set,
      }),
      REWRITE: configRow({
        since: "2.8.0",
        arity: 2,
        summary: "Brings the configuration file up to what is set; comments and order stay.",
        complexity: "O(N), N being the number of settings",
        run: (server) => done(server.config.rewrite(false)),
      }),
      RESETSTAT: configRow({
        arity: 2,
        summary: "Begins to count anew what INFO shows.",
        complexity: "O(1)",
        run(server) {
          server.config.resetStatistics();
          return OK;
        },
      }),
      HELP: helpRow(
        "CONFIG",
        [
          ["GET <pattern> [<pattern> ...]", "Shows names and values of the settings that match."],
          ["SET <name> <value> [<name> <value> ...]", "Changes settings, all of them or none."],
          ["RESETSTAT", "Begins to count anew what INFO shows."],
          ["REWRITE", "Brings the configuration file up to date."],
        ],
        { group: "server", since: "5.0.0" },
      ),
    },
  },
};

type ConfigFacts = Pick<ServerCommand, "arity" | "summary" | "complexity" | "arguments" | "run"> & {
  readonly since?: string;
};

function configRow(facts: ConfigFacts): ServerCommand {
  return {
    kind: "server",
    since: "2.0.0",
    flags: ["admin", "noscript", "loading", "stale"],
    keys: NO_KEYS,
    group: "server",
    ...facts,
  };
}

function set(server: ServerPort, args: Args, session: SessionPort): Reply | Promise<Reply> {
  if (args.length % 2 !== 0) throw SYNTAX_ERROR;
  const assignments: [Bytes, Bytes][] = [];
  for (let index = 2; index < args.length; index += 2) {
    assignments.push([at(args, index), at(args, index + 1)]);
  }
  if (session.isInExec && server.config.takesTime(assignments)) throw NOT_IN_A_TRANSACTION;
  const outcome = server.config.set(assignments, { isLocal: session.isLocal });
  return outcome instanceof Promise ? doneLater(outcome) : done(outcome);
}

async function doneLater(outcome: Promise<Outcome>): Promise<Reply> {
  return done(await outcome);
}

function done(outcome: Outcome): Reply {
  if (outcome !== null) throw new CommandError(outcome);
  return OK;
}
