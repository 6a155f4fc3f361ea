// MONITOR: a connection is shown every command that runs, as it runs. The feed is in
// session/monitors.ts.

import { CommandError } from "../resp/errors.ts";
import { OK } from "../resp/reply.ts";
import { NO_KEYS, NO_REPLY, type CommandRows } from "./table.ts";

const IN_EXEC = new CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client");

export const monitorCommands: CommandRows = {
  MONITOR: {
    kind: "session",
    arity: 1,
    flags: ["admin", "noscript", "loading", "stale"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Shows this connection every command that the server runs.",
    complexity: "O(1), and then something for every command of every client",
    run(session) {
      if (session.isInExec) throw IN_EXEC;
      if (session.isMonitor) return NO_REPLY;
      session.startMonitoring();
      return OK;
    },
  },
};
