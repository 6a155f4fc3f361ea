// Runs data commands in tests as the server does, without the server: the row is looked up, arity
// checked, the handler run on a real keyspace over the memory engine, a refusal rolled back.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { testWorld, type TestWorld } from "../keyspace/testing.ts";
import { CommandError, wrongArity } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { COMMANDS } from "./registry.ts";
import { answerAtOnce } from "./wait.ts";
import { at, type CommandRow, type DataCommand } from "./table.ts";

export interface DataWorld extends TestWorld {
  /** The reply, an ErrorReply where the command is refused. */
  run(...args: Bytes[]): Reply;
  /** The events told since the last call, as "name key". */
  takeEvents(): string[];
}

export function dataWorld(): DataWorld {
  const world = testWorld();
  return {
    ...world,
    run(...args) {
      try {
        const row = dataRow(args);
        world.view.countLookups = row.flags.includes("readonly");
        return answerAtOnce(world.unit((view) => row.run(view, args)));
      } catch (error) {
        if (error instanceof CommandError) return error.reply;
        throw error;
      }
    },
    takeEvents() {
      const taken = world.events.map((event) => `${event.name} ${event.key}`);
      world.events.length = 0;
      return taken;
    },
  };
}

/** Throws the error for wrong arity, and asserts that there is such a command. */
function dataRow(args: readonly Bytes[]): DataCommand {
  const name = at(args, 0).toUpperCase();
  let row: CommandRow | undefined = COMMANDS[name];
  assert(row !== undefined, "a command of the registry");
  let fullName = name.toLowerCase();
  if (row.kind === "container" && args.length > 1) {
    const subname = at(args, 1);
    fullName += `|${subname.toLowerCase()}`;
    row = row.subcommands[subname.toUpperCase()];
    assert(row !== undefined, "a subcommand of the registry");
  }
  const { arity } = row;
  if (arity < 0 ? args.length < -arity : args.length !== arity) throw wrongArity(fullName);
  assert(row.kind === "data", "a command on data");
  return row;
}
