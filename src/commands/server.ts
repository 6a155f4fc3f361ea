// The server as a whole: its clock, its files, its role. On a disk store SAVE writes what is in memory
// to files, which makes the next start faster; no answered write needs it.

import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, OK, Status, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { block, integer, oneOf, string, word } from "./argument-specs.ts";
import type { ServerPort, SessionPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const SAVE_RUNNING = new CommandError("ERR Background save already in progress");
const REWRITE_RUNNING = new CommandError(
  "ERR Background append only file rewriting already in progress",
);
const SAVE_STARTED = new Status("Background saving started");
const REWRITE_STARTED = new Status("Background append only file rewriting started");
const NO_REPLICATION = new CommandError(
  "ERR Kept does not replicate from a Redis server; load its data with redis-cli --pipe",
);
const BAD_MASTER_PORT = new CommandError("ERR Invalid master port");
const NO_REPLICAS = new CommandError("ERR FAILOVER requires connected replicas.");
const NO_FAILOVER = new CommandError("ERR No failover in progress.");
const NOT_IN_A_TRANSACTION = new CommandError("ERR SAVE takes a while: not possible here");
const PORT_MAX = 65_535;

export const serverCommands: CommandRows = {
  TIME: {
    kind: "server",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    keys: NO_KEYS,
    group: "server",
    since: "2.6.0",
    summary: "Tells the time: seconds since the epoch, and the microseconds of the second.",
    complexity: "O(1)",
    run: time,
  },
  LASTSAVE: {
    kind: "server",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Tells when memory was last written to files, in seconds since the epoch.",
    complexity: "O(1)",
    categories: ["admin", "dangerous"],
    run: (server) => server.storage.lastSaveSeconds,
  },
  SAVE: {
    kind: "server",
    arity: 1,
    flags: ["admin", "noscript", "no_async_loading", "no_multi"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Writes what is in memory to files, and answers when that is done.",
    complexity: "O(N), N being the bytes in memory",
    run: save,
  },
  BGSAVE: {
    kind: "server",
    arity: -1,
    flags: ["admin", "noscript", "no_async_loading"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Begins to write what is in memory to files.",
    complexity: "O(1)",
    arguments: [word("SCHEDULE", { optional: true, since: "3.2.2" })],
    run: saveInBackground,
  },
  BGREWRITEAOF: {
    kind: "server",
    arity: 1,
    flags: ["admin", "noscript", "no_async_loading"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "Begins to merge all files of the store, which gives back the space of what is gone.",
    complexity: "O(1)",
    run: compactInBackground,
  },
  ROLE: {
    kind: "server",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "sentinel"],
    keys: NO_KEYS,
    group: "server",
    since: "2.8.12",
    summary: "Tells the part this server plays in a replication.",
    complexity: "O(1)",
    categories: ["admin", "dangerous"],
    run: () => ["master", 0, EMPTY_ARRAY],
  },
  REPLICAOF: {
    kind: "server",
    arity: 3,
    flags: ["admin", "noscript", "stale", "no_async_loading"],
    keys: NO_KEYS,
    group: "server",
    since: "5.0.0",
    summary: "Makes this server a primary; to follow another one is not possible yet.",
    complexity: "O(1)",
    arguments: [
      oneOf("args", [
        block("host-port", [string("host"), integer("port")]),
        block("no-one", [word("NO"), word("ONE")]),
      ]),
    ],
    run: replicaOf,
  },
  SLAVEOF: {
    kind: "server",
    arity: 3,
    flags: ["admin", "noscript", "stale", "no_async_loading"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    deprecatedSince: "5.0.0",
    replacedBy: "`REPLICAOF`",
    summary: "The same as REPLICAOF.",
    complexity: "O(1)",
    arguments: [
      oneOf("args", [
        block("host-port", [string("host"), integer("port")]),
        block("no-one", [word("NO"), word("ONE")]),
      ]),
    ],
    run: replicaOf,
  },
  FAILOVER: {
    kind: "server",
    arity: -1,
    flags: ["admin", "noscript", "stale"],
    keys: NO_KEYS,
    group: "server",
    since: "6.2.0",
    summary: "Would hand over to a replica; there is none.",
    complexity: "O(1)",
    arguments: [
      block("target", [string("host"), integer("port"), word("FORCE", { optional: true })], {
        token: "TO",
        optional: true,
      }),
      word("ABORT", { optional: true }),
      { name: "milliseconds", type: "integer", token: "TIMEOUT", optional: true },
    ],
    run: failover,
  },
};

function time(server: ServerPort): Reply {
  const nowMs = server.nowMs();
  return [String(Math.floor(nowMs / 1000)), String((nowMs % 1000) * 1000)];
}

async function save(server: ServerPort, _args: Args, session: SessionPort): Promise<Reply> {
  if (session.isInExec) throw NOT_IN_A_TRANSACTION;
  if (server.storage.isSaving) throw SAVE_RUNNING;
  await server.storage.save();
  return OK;
}

function saveInBackground(server: ServerPort, args: Args): Reply {
  if (args.length > 2) throw SYNTAX_ERROR;
  if (args.length === 2 && at(args, 1).toUpperCase() !== "SCHEDULE") throw SYNTAX_ERROR;
  if (server.storage.isSaving) throw SAVE_RUNNING;
  void server.storage.save().catch(isTold);
  return SAVE_STARTED;
}

function compactInBackground(server: ServerPort): Reply {
  if (server.storage.isCompacting) throw REWRITE_RUNNING;
  void server.storage.compact().catch(isTold);
  return REWRITE_STARTED;
}

/** INFO persistence and the log tell of a failure in the background. */
function isTold(error: unknown): void {
  if (!(error instanceof CommandError)) throw error;
}

function replicaOf(_server: ServerPort, args: Args): Reply {
  if (at(args, 1).toUpperCase() === "NO" && at(args, 2).toUpperCase() === "ONE") return OK;
  const port = parseInteger(at(args, 2));
  if (port === null || port < 0 || port > PORT_MAX) throw BAD_MASTER_PORT;
  throw NO_REPLICATION;
}

function failover(_server: ServerPort, args: Args): Reply {
  if (args.length === 2 && at(args, 1).toUpperCase() === "ABORT") throw NO_FAILOVER;
  throw NO_REPLICAS;
}
