// MIGRATE: keys leave for another server, which may be Redis. What is sent is committed here; a key is removed here
// when the other server has said that it has it, and only if it has not changed meanwhile: others are served while
// the keys travel, where Redis stands still.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { ErrorReply, OK, Status, type Reply } from "../resp/reply.ts";
import { dump } from "../types/dump.ts";
import { parseInteger } from "../types/number.ts";
import { integer, string, word } from "./argument-specs.ts";
import type { ServerPort, SessionPort } from "./ports.ts";
import { at, type Args, type CommandRows, type KeyPosition } from "./table.ts";

const NO_KEY = new Status("NOKEY");
const KEY_NOT_EMPTY = new CommandError(
  "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
);
const NOT_IN_A_TRANSACTION = new CommandError(
  "ERR MIGRATE waits for another server, and so is not possible in a transaction or a script",
);
const CHANGED = new ErrorReply(
  "TRYAGAIN a key was changed while it was on its way: it is at the target as it was, and still here",
);
const KEPT = new ErrorReply(
  "TRYAGAIN the keys are at the target, but could not be removed here; see INFO kept",
);
const DEFAULT_TIMEOUT_MS = 1000;
const FLAGS = ["RW", "access", "delete"] as const;

export const migrateCommands: CommandRows = {
  MIGRATE: {
    kind: "server",
    arity: -6,
    flags: ["write", "movablekeys"],
    keys: [
      {
        kind: "range",
        first: 3,
        last: 3,
        step: 1,
        flags: FLAGS,
      },
      {
        kind: "keyword",
        word: "KEYS",
        from: -2,
        last: -1,
        step: 1,
        flags: ["RW", "access", "delete", "incomplete"],
      },
    ],
    keysInCall: keyPositions,
    group: "generic",
    since: "2.6.0",
    summary: "Moves keys to another server.",
    complexity: "O(N) with N the size of the values",
    arguments: [
      string("host"),
      integer("port"),
      {
        name: "key-selector",
        type: "oneof",
        arguments: [
          { name: "key", type: "key" },
          { name: "empty-string", type: "pure-token", token: '""' },
        ],
      },
      integer("destination-db"),
      integer("timeout"),
      word("COPY", { optional: true, since: "3.0.0" }),
      word("REPLACE", { optional: true, since: "3.0.0" }),
      {
        name: "authentication",
        type: "oneof",
        optional: true,
        arguments: [
          { name: "auth", type: "string", token: "AUTH", since: "4.0.7" },
          {
            name: "auth2",
            type: "block",
            token: "AUTH2",
            since: "6.0.0",
            arguments: [string("username"), string("password")],
          },
        ],
      },
      { name: "keys", type: "key", token: "KEYS", optional: true, multiple: true, since: "3.0.6" },
    ],
    categories: ["keyspace", "dangerous"],
    run: migrate,
  },
};

/** How many arguments follow a word; null for KEYS, which takes the rest. */
const OPTIONS: ReadonlyMap<string, number | null> = new Map([
  ["COPY", 0],
  ["REPLACE", 0],
  ["AUTH", 1],
  ["AUTH2", 2],
  ["KEYS", null],
]);

function keyPositions(args: Args): readonly KeyPosition[] {
  const from = args[3] === "" ? startOfKeys(args) : null;
  if (from === null) return [{ index: 3, flags: FLAGS }];
  return args.slice(from).map((_, offset) => ({ index: from + offset, flags: FLAGS }));
}

/** The first argument behind KEYS, which may also be a password. */
function startOfKeys(args: Args): number | null {
  for (let index = 6; index < args.length; index++) {
    const takes = OPTIONS.get(at(args, index).toUpperCase());
    if (takes === null) return index + 1;
    index += takes ?? 0;
  }
  return null;
}

interface Options {
  readonly host: Bytes;
  readonly port: number;
  readonly database: Bytes;
  readonly timeoutMs: number;
  readonly keys: readonly Bytes[];
  isCopy: boolean;
  replaces: boolean;
  login: readonly Bytes[] | null;
}

function optionsOf(args: Args): Options {
  const keys = keyPositions(args).map(({ index }) => at(args, index));
  const [port, timeout] = [wholeAt(args, 2), wholeAt(args, 5)];
  const options: Options = {
    host: at(args, 1),
    port,
    database: String(wholeAt(args, 4)),
    timeoutMs: timeout <= 0 ? DEFAULT_TIMEOUT_MS : timeout,
    keys,
    isCopy: false,
    replaces: false,
    login: null,
  };
  for (let index = 6; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    const takes = OPTIONS.get(option);
    if (takes === undefined) throw SYNTAX_ERROR;
    if (takes === null) {
      if (at(args, 3) !== "") throw KEY_NOT_EMPTY;
      return options;
    }
    if (index + takes >= args.length) throw SYNTAX_ERROR;
    takeOption(options, option, args.slice(index + 1, index + 1 + takes));
    index += takes;
  }
  return options;
}

function takeOption(options: Options, option: string, values: Args): void {
  if (option === "COPY") options.isCopy = true;
  else if (option === "REPLACE") options.replaces = true;
  else options.login = ["AUTH", ...values];
}

function wholeAt(args: Args, index: number): number {
  const value = parseInteger(at(args, index));
  if (typeof value !== "number") throw NOT_AN_INTEGER;
  return value;
}

interface Traveller {
  readonly key: Bytes;
  readonly payload: Bytes;
  readonly expiryMs: number;
}

async function migrate(server: ServerPort, args: Args, session: SessionPort): Promise<Reply> {
  if (session.isInExec) throw NOT_IN_A_TRANSACTION;
  const options = optionsOf(args);
  const index = session.databaseIndex;
  const travellers = await server.debug.look(index, options.keys, (view) =>
    options.keys.flatMap((key) => packed(view, key)),
  );
  if (travellers.length === 0) return NO_KEY;
  const opening = [
    ...(options.login === null ? [] : [options.login]),
    ["SELECT", options.database],
  ];
  const requests = travellers.map((one) => restoring(one, options, server.nowMs()));
  const { host, port, timeoutMs } = options;
  const replies = await server.peers.ask({ host, port, timeoutMs }, [...opening, ...requests]);
  const refused = replies.find((reply) => reply instanceof ErrorReply);
  const answer =
    refused instanceof ErrorReply
      ? new ErrorReply(`ERR Target instance replied with error: ${refused.text}`)
      : OK;
  if (options.isCopy || replies.slice(0, opening.length).some(isError)) return answer;
  const arrived = travellers.filter((_, at_) => !isError(replies[opening.length + at_] ?? null));
  const left = await remove(server, index, arrived);
  return answer === OK ? left : answer;
}

function isError(reply: Reply): boolean {
  return reply instanceof ErrorReply;
}

function packed(view: View, key: Bytes): Traveller[] {
  const record = view.find(key);
  if (record === null) return [];
  return [{ key, payload: dump(view, record), expiryMs: record.expiryMs }];
}

function restoring(one: Traveller, { replaces }: Options, nowMs: number): readonly Bytes[] {
  const ttl = one.expiryMs === 0 ? 0 : Math.max(1, one.expiryMs - nowMs);
  const request = ["RESTORE", one.key, String(ttl), one.payload];
  return replaces ? [...request, "REPLACE"] : request;
}

/** Removes what has arrived, if it is still what was sent. */
async function remove(
  server: ServerPort,
  index: number,
  arrived: readonly Traveller[],
): Promise<Reply> {
  const keys = arrived.map(({ key }) => key);
  const gone = await server.debug.look(index, keys, (view) => {
    const same = arrived.filter(({ key, payload, expiryMs }) =>
      packed(view, key).every((now) => now.payload === payload && now.expiryMs === expiryMs),
    );
    for (const { key } of same) if (view.remove(key)) view.notify("generic", "del", key);
    return same;
  });
  // A commit that was refused has put them back.
  const left = await server.debug.look(index, keys, (view) =>
    gone.filter((one) => packed(view, one.key).some(({ payload }) => payload === one.payload)),
  );
  if (left.length > 0) return KEPT;
  return gone.length === arrived.length ? OK : CHANGED;
}
