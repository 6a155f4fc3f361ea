// DUMP and RESTORE: a key's value as bytes that this server and Redis can read again.

import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { OK, type Reply } from "../resp/reply.ts";
import * as dump from "../types/dump.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import { integer, KEY, string, word } from "./argument-specs.ts";
import { at, ONE_KEY_READ, oneKey, type Args, type CommandRows } from "./table.ts";

const BUSY_KEY = new CommandError("BUSYKEY Target key name already exists.");
const BAD_TTL = new CommandError("ERR Invalid TTL value, must be >= 0");
const BAD_IDLE_TIME = new CommandError("ERR Invalid IDLETIME value, must be >= 0");
const BAD_FREQUENCY = new CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255");
const FREQUENCY_MAX = 255;

const restores = {
  kind: "data",
  arity: -4,
  flags: ["write", "denyoom"],
  keys: oneKey("OW", "update"),
  group: "generic",
  since: "2.6.0",
  summary: "Makes a key of what DUMP gave.",
  complexity: "O(N) with N the size of the value",
  arguments: [
    KEY,
    integer("ttl"),
    string("serialized-value"),
    word("REPLACE", { optional: true, since: "3.0.0" }),
    word("ABSTTL", { optional: true, since: "5.0.0" }),
    { name: "seconds", type: "integer", token: "IDLETIME", optional: true, since: "5.0.0" },
    { name: "frequency", type: "integer", token: "FREQ", optional: true, since: "5.0.0" },
  ],
  categories: ["keyspace", "dangerous"],
  run: restore,
} as const;

export const dumpCommands: CommandRows = {
  DUMP: {
    kind: "data",
    arity: 2,
    flags: ["readonly"],
    keys: ONE_KEY_READ,
    group: "generic",
    since: "2.6.0",
    summary: "Gives the value of a key as bytes that RESTORE understands, here or in Redis.",
    complexity: "O(N) with N the size of the value",
    arguments: [KEY],
    categories: ["keyspace"],
    run: dumpKey,
  },
  RESTORE: restores,
  // What MIGRATE sends to a node of a cluster; without one it is the same.
  "RESTORE-ASKING": {
    ...restores,
    flags: ["write", "denyoom", "asking"],
    since: "3.0.0",
    summary: "Makes a key of what DUMP gave, while its slot moves here.",
  },
};

function dumpKey(view: View, args: Args): Reply {
  const record = view.find(at(args, 1));
  return record === null ? null : dump.dump(view, record);
}

interface RestoreOptions {
  replace: boolean;
  absoluteTtl: boolean;
  idleSeconds: number | null;
  frequency: number | null;
}

function restore(view: View, args: Args): Reply {
  const key = at(args, 1);
  const options = restoreOptions(args);
  if (!options.replace && view.peek(key) !== null) throw BUSY_KEY;
  const expiryMs = expiryOf(view, args, options);
  const dumped = dump.read(at(args, 3));
  const replaced = options.replace && view.remove(key);
  if (expiryMs !== 0 && expiryMs <= view.nowMs) {
    if (replaced) view.notify("generic", "del", key);
    return OK;
  }
  const record = dump.restore(view, key, dumped, expiryMs);
  if (options.frequency !== null) record.frequency = options.frequency;
  if (options.idleSeconds !== null) {
    record.accessedAtSeconds = view.nowSeconds - options.idleSeconds;
  }
  view.notify("generic", "restore", key);
  return OK;
}

/** Milliseconds since the epoch, 0 for never. */
function expiryOf(view: View, args: Args, options: RestoreOptions): number {
  const ttl = integerOf(args, 2);
  if (ttl < 0) throw BAD_TTL;
  return ttl === 0 || options.absoluteTtl ? ttl : view.nowMs + ttl;
}

function restoreOptions(args: Args): RestoreOptions {
  const options: RestoreOptions = {
    replace: false,
    absoluteTtl: false,
    idleSeconds: null,
    frequency: null,
  };
  for (let index = 4; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    const hasValue = index + 1 < args.length;
    if (option === "REPLACE") {
      options.replace = true;
    } else if (option === "ABSTTL") {
      options.absoluteTtl = true;
    } else if (option === "IDLETIME" && hasValue && options.frequency === null) {
      options.idleSeconds = integerOf(args, ++index);
      if (options.idleSeconds < 0) throw BAD_IDLE_TIME;
    } else if (option === "FREQ" && hasValue && options.idleSeconds === null) {
      options.frequency = integerOf(args, ++index);
      if (options.frequency < 0 || options.frequency > FREQUENCY_MAX) throw BAD_FREQUENCY;
    } else {
      throw SYNTAX_ERROR;
    }
  }
  return options;
}

/** Beyond 2^53 cut to that: all of it is as good as for ever. */
function integerOf(args: Args, index: number): number {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  return toIndex(value);
}
