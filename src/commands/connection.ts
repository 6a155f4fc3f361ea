// The connection itself: who speaks, in which protocol, to which database. CLIENT is in client.ts.

import type { Bytes } from "../base/bytes.ts";
import { REDIS_VERSION } from "../base/version.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR, wrongArity } from "../resp/errors.ts";
import { EMPTY_ARRAY, MapReply, OK, PONG, Status, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { block, integer, string } from "./argument-specs.ts";
import type { SessionPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const RESET_DONE = new Status("RESET");
const INT32_MAX = 2 ** 31 - 1;
const INT32_MIN = -(2 ** 31);

const NO_PROTOCOL = new CommandError("NOPROTO unsupported protocol version");
const PROTOCOL_NOT_A_NUMBER = new CommandError(
  "ERR Protocol version is not an integer or out of range",
);
const HELLO_UNAUTHENTICATED = new CommandError(
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> " +
    "AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol " +
    "version at the same time",
);
const BAD_CLIENT_NAME = new CommandError(
  "ERR Client names cannot contain spaces, newlines or special characters.",
);

export const connectionCommands: CommandRows = {
  PING: {
    kind: "session",
    arity: -1,
    flags: ["fast", "sentinel"],
    keys: NO_KEYS,
    group: "connection",
    since: "1.0.0",
    summary: "Answers PONG, or what it was given: a sign of life.",
    complexity: "O(1)",
    arguments: [{ name: "message", type: "string", optional: true }],
    run: ping,
  },
  ECHO: {
    kind: "session",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    keys: NO_KEYS,
    group: "connection",
    since: "1.0.0",
    summary: "Answers what it was given.",
    complexity: "O(1)",
    arguments: [string("message")],
    run: (_session, args) => at(args, 1),
  },
  SELECT: {
    kind: "session",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    keys: NO_KEYS,
    group: "connection",
    since: "1.0.0",
    summary: "Chooses the database that the connection's commands are about.",
    complexity: "O(1)",
    arguments: [integer("index")],
    run: select,
  },
  AUTH: {
    kind: "session",
    arity: -2,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "sentinel", "allow_busy"],
    keys: NO_KEYS,
    group: "connection",
    since: "1.0.0",
    summary: "Tells who speaks, with a password.",
    complexity: "O(1)",
    arguments: [
      { name: "username", type: "string", optional: true, since: "6.0.0" },
      string("password"),
    ],
    run: auth,
  },
  HELLO: {
    kind: "session",
    arity: -1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "sentinel", "allow_busy"],
    keys: NO_KEYS,
    group: "connection",
    since: "6.0.0",
    summary:
      "Chooses the protocol, may authenticate and name the connection, and describes the server.",
    complexity: "O(1)",
    arguments: [
      block(
        "arguments",
        [
          integer("protover"),
          block("auth", [string("username"), string("password")], {
            token: "AUTH",
            optional: true,
          }),
          { name: "clientname", type: "string", token: "SETNAME", optional: true },
        ],
        { optional: true },
      ),
    ],
    run: hello,
  },
  QUIT: {
    kind: "session",
    arity: -1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    keys: NO_KEYS,
    group: "connection",
    since: "1.0.0",
    summary: "Closes the connection once everything asked before is answered.",
    complexity: "O(1)",
    deprecatedSince: "7.2.0",
    replacedBy: "just closing the connection",
    run(session) {
      session.closeAfterReply();
      return OK;
    },
  },
  RESET: {
    kind: "session",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    keys: NO_KEYS,
    group: "connection",
    since: "6.2.0",
    summary: "Puts the connection back into the state of a new one.",
    complexity: "O(1)",
    run(session) {
      session.reset();
      return RESET_DONE;
    },
  },
};

function ping(session: SessionPort, args: Args): Reply {
  if (args.length > 2) throw wrongArity("ping");
  const message = args[1];
  // In RESP2 a subscriber can tell a pong from a message only by its shape.
  if (session.subscriptionCount > 0 && session.protocol === 2) return ["pong", message ?? ""];
  return message ?? PONG;
}

function select(session: SessionPort, args: Args): Reply {
  const index = parseInteger(at(args, 1));
  if (index === null) throw NOT_AN_INTEGER;
  if (typeof index !== "number" || index > INT32_MAX || index < INT32_MIN) {
    throw new CommandError(
      `ERR value is out of range, value must between ${INT32_MIN} and ${INT32_MAX}`,
    );
  }
  session.databaseIndex = index;
  return OK;
}

function auth(session: SessionPort, args: Args): Reply {
  if (args.length > 3) throw SYNTAX_ERROR;
  const isNamed = args.length === 3;
  session.authenticate({
    user: isNamed ? at(args, 1) : null,
    password: at(args, isNamed ? 2 : 1),
    command: at(args, 0),
  });
  return OK;
}

interface HelloOptions {
  readonly protocol: 2 | 3 | null;
  readonly credentials: { readonly user: Bytes; readonly password: Bytes } | null;
  readonly name: Bytes | null;
}

function hello(session: SessionPort, args: Args): Reply {
  const { protocol, credentials, name } = helloOptions(args);
  if (credentials !== null) session.authenticate({ ...credentials, command: at(args, 0) });
  if (session.mustAuthenticate) throw HELLO_UNAUTHENTICATED;
  if (protocol !== null) session.protocol = protocol;
  if (name !== null) session.name = name;
  return new MapReply([
    "server",
    "redis",
    "version",
    REDIS_VERSION,
    "proto",
    session.protocol,
    "id",
    session.id,
    "mode",
    session.isClustered ? "cluster" : "standalone",
    "role",
    "master",
    "modules",
    EMPTY_ARRAY,
  ]);
}

/** Everything is checked before anything is done. */
function helloOptions(args: Args): HelloOptions {
  if (args.length === 1) return { protocol: null, credentials: null, name: null };
  const protocol = parseInteger(at(args, 1));
  if (protocol === null) throw PROTOCOL_NOT_A_NUMBER;
  if (protocol !== 2 && protocol !== 3) throw NO_PROTOCOL;
  let credentials: HelloOptions["credentials"] = null;
  let name: Bytes | null = null;
  for (let index = 2; index < args.length; index++) {
    const option = at(args, index);
    const left = args.length - 1 - index;
    if (option.toUpperCase() === "AUTH" && left >= 2) {
      credentials = { user: at(args, index + 1), password: at(args, index + 2) };
      index += 2;
    } else if (option.toUpperCase() === "SETNAME" && left >= 1) {
      name = checkedClientName(at(args, index + 1));
      index++;
    } else throw new CommandError(`ERR Syntax error in HELLO option '${option}'`);
  }
  return { protocol, credentials, name };
}

/** Whether a name would break the lines of CLIENT LIST. */
export function isPlainWord(text: Bytes): boolean {
  return /^[!-~]*$/.test(text);
}

/** Throws CommandError for a name that would break the lines of CLIENT LIST. */
export function checkedClientName(name: Bytes): Bytes {
  if (!isPlainWord(name)) throw BAD_CLIENT_NAME;
  return name;
}
