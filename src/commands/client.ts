// CLIENT: what a connection says of itself, and what it may do to others.

import type { Bytes } from "../base/bytes.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { OK, Verbatim, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { integer, oneOf, string, word } from "./argument-specs.ts";
import { killClients, listClients } from "./client-filters.ts";
import { checkedClientName, isPlainWord } from "./connection.ts";
import { helpRow } from "./help.ts";
import type { ServerPort, SessionPort } from "./ports.ts";
import { trackingRows } from "./tracking.ts";
import {
  at,
  NO_KEYS,
  NO_REPLY,
  type Args,
  type CommandRows,
  type NoReply,
  type ServerCommand,
  type SessionCommand,
} from "./table.ts";

const BAD_TIMEOUT = new CommandError("ERR timeout is not an integer or out of range");
const NEGATIVE_TIMEOUT = new CommandError("ERR timeout is negative");

const own = {
  flags: ["noscript", "loading", "stale"],
  keys: NO_KEYS,
  group: "connection",
  complexity: "O(1)",
} as const satisfies Partial<SessionCommand>;

const others = {
  flags: ["admin", "noscript", "loading", "stale"],
  keys: NO_KEYS,
  group: "connection",
} as const satisfies Partial<ServerCommand>;

const ON_OFF = oneOf("enabled", [word("ON"), word("OFF")]);
const TYPE = oneOf(
  "client-type",
  [word("NORMAL"), word("MASTER"), word("REPLICA"), word("PUBSUB")],
  { token: "TYPE", optional: true },
);

const identityRows: CommandRows = {
  ID: {
    ...own,
    kind: "session",
    arity: 2,
    since: "5.0.0",
    summary: "Answers the number of this connection.",
    run: (session) => session.id,
  },
  GETNAME: {
    ...own,
    kind: "session",
    arity: 2,
    since: "2.6.9",
    summary: "Answers the name of this connection.",
    run: (session) => (session.name === "" ? null : session.name),
  },
  SETNAME: {
    ...own,
    kind: "session",
    arity: 3,
    since: "2.6.9",
    summary: "Names this connection, for CLIENT LIST.",
    arguments: [string("connection-name")],
    run(session, args) {
      session.name = checkedClientName(at(args, 2));
      return OK;
    },
  },
  SETINFO: {
    ...own,
    kind: "session",
    arity: 4,
    since: "7.2.0",
    summary: "Tells which client library speaks, for CLIENT LIST.",
    arguments: [
      oneOf("attr", [
        { name: "libname", type: "string", token: "LIB-NAME" },
        { name: "libver", type: "string", token: "LIB-VER" },
      ]),
    ],
    run: setInfo,
  },
  INFO: {
    ...others,
    kind: "server",
    flags: ["noscript", "loading", "stale"],
    arity: 2,
    since: "6.2.0",
    summary: "Describes this connection in a line, as CLIENT LIST does.",
    complexity: "O(1)",
    run: (server, args, { id }) =>
      new Verbatim("txt", server.clients.list({ ids: new Set([id]) }, { id, args })),
  },
};

const behaviourRows: CommandRows = {
  REPLY: {
    ...own,
    kind: "session",
    arity: 3,
    since: "3.2.0",
    summary: "Chooses whether this connection is answered.",
    arguments: [oneOf("action", [word("ON"), word("OFF"), word("SKIP")])],
    run: setReplyMode,
  },
  "NO-EVICT": {
    ...own,
    kind: "session",
    flags: ["admin", "noscript", "loading", "stale"],
    arity: 3,
    since: "7.0.0",
    summary: "Keeps this connection from being closed to save memory.",
    arguments: [ON_OFF],
    run(session, args) {
      session.noEvict = isOn(args);
      return OK;
    },
  },
  "NO-TOUCH": {
    ...own,
    kind: "session",
    arity: 3,
    since: "7.2.0",
    summary: "Chooses whether what this connection looks at counts as used.",
    arguments: [ON_OFF],
    run(session, args) {
      session.touch = !isOn(args);
      return OK;
    },
  },
};

const otherRows: CommandRows = {
  LIST: {
    ...others,
    kind: "server",
    arity: -2,
    since: "2.4.0",
    summary: "Describes the connections, a line each.",
    complexity: "O(N), N being the number of connections",
    arguments: [
      TYPE,
      { name: "client-id", type: "integer", token: "ID", optional: true, multiple: true },
    ],
    run: listClients,
  },
  KILL: {
    ...others,
    kind: "server",
    arity: -3,
    since: "2.4.0",
    summary: "Closes connections.",
    complexity: "O(N), N being the number of connections",
    arguments: [
      oneOf("filter", [
        string("ip:port"),
        oneOf(
          "new-format",
          [
            { name: "client-id", type: "integer", token: "ID", optional: true },
            TYPE,
            { name: "username", type: "string", token: "USER", optional: true },
            { name: "addr", type: "string", token: "ADDR", optional: true },
            { name: "laddr", type: "string", token: "LADDR", optional: true },
            {
              name: "maxage",
              type: "integer",
              token: "MAXAGE",
              optional: true,
              since: "7.4.0",
            },
            oneOf("skipme", [word("YES"), word("NO")], { token: "SKIPME", optional: true }),
          ],
          { multiple: true },
        ),
      ]),
    ],
    run: killClients,
  },
  PAUSE: {
    ...others,
    kind: "server",
    arity: -3,
    since: "3.0.0",
    summary: "Makes commands, or those that write, wait for a while.",
    complexity: "O(1)",
    arguments: [
      integer("timeout"),
      oneOf("mode", [word("WRITE"), word("ALL")], { optional: true, since: "6.2.0" }),
    ],
    run: pause,
  },
  UNPAUSE: {
    ...others,
    kind: "server",
    arity: 2,
    since: "6.2.0",
    summary: "Ends a pause: what waited runs.",
    complexity: "O(N), N being the number of connections that wait",
    run(server) {
      server.pause.end();
      return OK;
    },
  },
  UNBLOCK: {
    ...others,
    kind: "server",
    arity: -3,
    since: "5.0.0",
    summary: "Ends the wait of a connection that waits for a key.",
    complexity: "O(1)",
    arguments: [
      integer("client-id"),
      oneOf("unblock-type", [word("TIMEOUT"), word("ERROR")], { optional: true }),
    ],
    run: unblock,
  },
};

export const clientCommands: CommandRows = {
  CLIENT: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "connection",
    since: "2.4.0",
    summary: "Connections: this one and the others.",
    complexity: "Depends on the subcommand",
    subcommands: {
      ...identityRows,
      ...behaviourRows,
      ...trackingRows,
      ...otherRows,
      HELP: helpRow(
        "CLIENT",
        [
          ["CACHING (YES|NO)", "Chooses whether the next command's keys are tracked."],
          ["GETNAME", "Answers the name of this connection."],
          ["GETREDIR", "Answers which connection gets the invalidations of this one."],
          ["ID", "Answers the number of this connection."],
          ["INFO", "Describes this connection."],
          ["KILL <ip:port>", "Closes the connection from there."],
          ["KILL <filter> <value> [...]", "Closes the connections that fit all filters:"],
          ["  ADDR (<ip:port>|<unixsocket>:0)", "Where it comes from."],
          ["  LADDR (<ip:port>|<unixsocket>:0)", "Where it came to."],
          ["  TYPE (NORMAL|MASTER|REPLICA|PUBSUB)", "What it does."],
          ["  USER <username>", "Whom it speaks as."],
          ["  ID <client-id>", "Its number."],
          ["  MAXAGE <seconds>", "It has been connected for at least so long."],
          ["  SKIPME (YES|NO)", "Whether this connection is left out (default: yes)."],
          ["LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)]", "Describes the connections."],
          ["LIST ID <client-id> [...]", "Describes these connections."],
          ["NO-EVICT (ON|OFF)", "Keeps this connection from being closed to save memory."],
          ["NO-TOUCH (ON|OFF)", "Keeps look-ups of this connection from counting."],
          ["PAUSE <timeout> [WRITE|ALL]", "Makes commands wait for <timeout> milliseconds."],
          ["REPLY (ON|OFF|SKIP)", "Chooses whether this connection is answered."],
          ["SETINFO (LIB-NAME|LIB-VER) <value>", "Tells which library speaks."],
          ["SETNAME <name>", "Names this connection."],
          [
            "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
            "Chooses whether this",
          ],
          ["         [OPTIN] [OPTOUT] [NOLOOP]", "connection is told of keys that change."],
          ["TRACKINGINFO", "Describes how this connection is tracked."],
          ["UNBLOCK <client-id> [TIMEOUT|ERROR]", "Ends the wait of a blocked connection."],
          ["UNPAUSE", "Ends a pause."],
        ],
        { group: "connection", since: "5.0.0" },
      ),
    },
  },
};

function setInfo(session: SessionPort, args: Args): Reply {
  const attribute = at(args, 2);
  const value = at(args, 3);
  const name = attribute.toLowerCase();
  if (name !== "lib-name" && name !== "lib-ver") {
    throw new CommandError(`ERR Unrecognized option '${attribute}'`);
  }
  if (!isPlainWord(value)) {
    throw new CommandError(`ERR ${name} cannot contain spaces, newlines or special characters.`);
  }
  if (name === "lib-name") session.libraryName = value;
  else session.libraryVersion = value;
  return OK;
}

function setReplyMode(session: SessionPort, args: Args): Reply | NoReply {
  switch (at(args, 2).toUpperCase()) {
    case "ON":
      session.setReplyMode("on");
      return OK;
    case "OFF":
      session.setReplyMode("off");
      return NO_REPLY;
    case "SKIP":
      session.setReplyMode("skip");
      return NO_REPLY;
    default:
      throw SYNTAX_ERROR;
  }
}

function isOn(args: Args): boolean {
  const wanted = at(args, 2).toUpperCase();
  if (wanted !== "ON" && wanted !== "OFF") throw SYNTAX_ERROR;
  return wanted === "ON";
}

function pause(server: ServerPort, args: Args): Reply {
  if (args.length > 4) throw SYNTAX_ERROR;
  const mode = args[3]?.toUpperCase() ?? "ALL";
  if (mode !== "WRITE" && mode !== "ALL") {
    throw new CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const timeoutMs = parseInteger(at(args, 2));
  const endMs = typeof timeoutMs === "number" ? server.nowMs() + timeoutMs : Infinity;
  if (timeoutMs === null || !Number.isSafeInteger(endMs)) throw BAD_TIMEOUT;
  if (timeoutMs < 0) throw NEGATIVE_TIMEOUT;
  server.pause.begin(mode === "ALL" ? "all" : "write", endMs);
  return OK;
}

function unblock(server: ServerPort, args: Args): Reply {
  if (args.length > 4) throw SYNTAX_ERROR;
  const how: Bytes = args[3]?.toUpperCase() ?? "TIMEOUT";
  if (how !== "TIMEOUT" && how !== "ERROR") {
    throw new CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const id = parseInteger(at(args, 2));
  if (id === null) throw NOT_AN_INTEGER;
  return server.clients.unblock(Number(id), how === "ERROR" ? "error" : "timeout") ? 1 : 0;
}
