// SLOWLOG: the commands that took longest to run, newest first. What is kept is in observe/slowlog.ts.

import { CommandError } from "../resp/errors.ts";
import { OK, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { helpRow, subcommandSyntax } from "./help.ts";
import type { ServerPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const COUNT_DEFAULT = 10;
const BAD_COUNT = new CommandError("ERR count should be greater than or equal to -1");

export const slowlogCommands: CommandRows = {
  SLOWLOG: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "server",
    since: "2.2.12",
    summary: "The log of commands that took long.",
    complexity: "Depends on the subcommand",
    subcommands: {
      GET: {
        kind: "server",
        arity: -2,
        flags: ["admin", "loading", "stale"],
        keys: NO_KEYS,
        group: "server",
        since: "2.2.12",
        summary: "Shows the newest entries of the slow log.",
        complexity: "O(N), N being the number of entries shown",
        arguments: [{ name: "count", type: "integer", optional: true }],
        run: newest,
      },
      LEN: {
        kind: "server",
        arity: 2,
        flags: ["admin", "loading", "stale"],
        keys: NO_KEYS,
        group: "server",
        since: "2.2.12",
        summary: "Counts the entries of the slow log.",
        complexity: "O(1)",
        run: (server) => server.slowlog.length,
      },
      RESET: {
        kind: "server",
        arity: 2,
        flags: ["admin", "loading", "stale"],
        keys: NO_KEYS,
        group: "server",
        since: "2.2.12",
        summary: "Empties the slow log.",
        complexity: "O(1)",
        run(server) {
          server.slowlog.clear();
          return OK;
        },
      },
      HELP: helpRow(
        "SLOWLOG",
        [
          ["GET [<count>]", "Shows the newest entries: 10 of them, or <count>, -1 for all."],
          ["LEN", "Counts the entries."],
          ["RESET", "Empties the log."],
        ],
        { group: "server", since: "6.2.0" },
      ),
    },
  },
};

function newest(server: ServerPort, args: Args): Reply {
  let count = COUNT_DEFAULT;
  if (args.length > 3) throw subcommandSyntax(args);
  if (args.length === 3) {
    const wanted = parseInteger(at(args, 2));
    if (wanted === null || wanted < -1) throw BAD_COUNT;
    count = wanted === -1 ? server.slowlog.length : Number(wanted);
  }
  return server.slowlog
    .newest(count)
    .map((entry) => [
      entry.id,
      entry.atSeconds,
      entry.microseconds,
      entry.args,
      entry.address,
      entry.clientName,
    ]);
}
