// INFO: the state of the server as text for people and for tools. What stands in it is made by the server
// (server/info.ts).

import { Verbatim, type Reply } from "../resp/reply.ts";
import type { ServerPort } from "./ports.ts";
import { NO_KEYS, type Args, type CommandRows } from "./table.ts";

export const infoCommands: CommandRows = {
  INFO: {
    kind: "server",
    arity: -1,
    flags: ["loading", "stale", "sentinel"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Tells what the server knows about itself: all, or the sections named.",
    complexity: "O(1)",
    arguments: [{ name: "section", type: "string", optional: true, multiple: true }],
    categories: ["dangerous"],
    run: info,
  },
};

function info(server: ServerPort, args: Args): Reply {
  return new Verbatim("txt", server.info.text(args.length === 1 ? null : args.slice(1)));
}
