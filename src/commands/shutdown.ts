// SHUTDOWN: as SIGTERM, what is written is settled and the process ends with 0.

import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { oneOf, word } from "./argument-specs.ts";
import type { ServerPort, SessionPort } from "./ports.ts";
import { NO_KEYS, NO_REPLY, type Args, type CommandRows, type NoReply } from "./table.ts";

const NOTHING_TO_ABORT = new CommandError("ERR No shutdown in progress.");
const ALREADY_STOPPING = new CommandError("ERR the server is shutting down already");

export const shutdownCommands: CommandRows = {
  SHUTDOWN: {
    kind: "server",
    arity: -1,
    flags: ["admin", "noscript", "loading", "stale", "no_multi", "sentinel", "allow_busy"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Settles what is written and ends the process.",
    complexity: "O(N), N being the bytes in memory, with SAVE; O(1) otherwise",
    arguments: [
      oneOf("save-selector", [word("NOSAVE"), word("SAVE")], { optional: true }),
      word("NOW", { optional: true, since: "7.0.0" }),
      word("FORCE", { optional: true, since: "7.0.0" }),
      word("ABORT", { optional: true, since: "7.0.0" }),
    ],
    run: shutdown,
  },
};

function shutdown(server: ServerPort, args: Args, session: SessionPort): NoReply {
  const words = new Set(args.slice(1).map((arg) => arg.toUpperCase()));
  for (const known of ["NOSAVE", "SAVE", "NOW", "FORCE", "ABORT"]) {
    if (words.has(known) && args.slice(1).filter((arg) => arg.toUpperCase() === known).length > 1) {
      throw SYNTAX_ERROR;
    }
  }
  const { size } = words;
  const isAbort = words.delete("ABORT");
  const isNoSave = words.delete("NOSAVE");
  const saves = words.delete("SAVE");
  words.delete("NOW");
  words.delete("FORCE");
  const contradicts = (isAbort && size > 1) || (isNoSave && saves);
  if (words.size > 0 || contradicts) throw SYNTAX_ERROR;
  // There are no replicas to wait for, so once begun it does not wait for anything that could change.
  if (isAbort) throw NOTHING_TO_ABORT;
  if (!server.life.shutdown({ saves })) throw ALREADY_STOPPING;
  session.closeAfterReply();
  return NO_REPLY;
}
