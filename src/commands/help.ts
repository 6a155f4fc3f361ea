// HELP of the containers: each is a list of lines, ours, in the shape that people know from Redis.

import { CommandError } from "../resp/errors.ts";
import { Status, type Reply } from "../resp/reply.ts";
import {
  at,
  NO_KEYS,
  type Args,
  type CommandFlag,
  type CommandGroup,
  type SessionCommand,
} from "./table.ts";

/** A subcommand was given arguments that make no sense together. */
export function subcommandSyntax(args: Args): CommandError {
  const [container, subcommand] = [at(args, 0).toUpperCase(), at(args, 1).slice(0, 128)];
  return new CommandError(
    `ERR unknown subcommand or wrong number of arguments for '${subcommand}'. ` +
      `Try ${container} HELP.`,
  );
}

interface HelpFacts {
  readonly group: CommandGroup;
  readonly since: string;
  readonly flags?: readonly CommandFlag[];
  readonly categories?: readonly string[];
}

/** The row of HELP; `lines` alternate between a form and what it does. */
export function helpRow(
  container: string,
  lines: readonly (readonly [form: string, what: string])[],
  facts: HelpFacts,
): SessionCommand {
  const reply: readonly Reply[] = [
    `${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`,
    ...lines.flatMap(([form, what]) => [form, `    ${what}`]),
    "HELP",
    "    Shows this list.",
  ].map((line) => new Status(line));
  return {
    kind: "session",
    arity: 2,
    flags: facts.flags ?? ["loading", "stale"],
    keys: NO_KEYS,
    group: facts.group,
    since: facts.since,
    summary: `Lists the subcommands of ${container}.`,
    complexity: "O(1)",
    categories: facts.categories ?? [],
    run: () => reply,
  };
}
