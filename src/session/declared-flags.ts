// What a script or function says of itself in advance: CLIENT PAUSE WRITE lets pass who cannot write. Asked only
// while there is a pause.

import { CommandError } from "../resp/errors.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args } from "../commands/table.ts";
import type { Scripting } from "../scripting/scripting.ts";
import { scriptFlags } from "../scripting/shebang.ts";

/** Whether CLIENT PAUSE WRITE holds the command back: it may write, and nothing says that it does not. */
export function isHeldByWritePause(scripting: Scripting, command: Command, args: Args): boolean {
  return command.isHeldByWritePause && !declaresNoWrites(scripting, command, args);
}

/** Whether the command runs a script with the flag no-writes. One that is not known may write. */
function declaresNoWrites(scripting: Scripting, command: Command, args: Args): boolean {
  const what = args[1] ?? "";
  switch (command.name) {
    case "eval":
      return saysNoWrites(what);
    case "evalsha":
      return scripting.cache.bySha(what)?.flags.noWrites ?? false;
    case "fcall":
      return scripting.knownFunction(what)?.flags.includes("no-writes") ?? false;
    default:
      return false;
  }
}

function saysNoWrites(source: string): boolean {
  try {
    return scriptFlags(source).noWrites;
  } catch (error) {
    // A first line that is wrong says nothing; its script is refused when it runs.
    if (error instanceof CommandError) return false;
    throw error;
  }
}
