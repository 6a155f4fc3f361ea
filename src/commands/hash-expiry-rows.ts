// The rows of the commands about fields that die.

import {
  block,
  integer,
  KEY,
  oneOf,
  string,
  tokenInteger,
  tokenTime,
  word,
} from "./argument-specs.ts";
import * as run from "./hash-expiry.ts";
import {
  ONE_KEY_READ,
  oneKey,
  type ArgumentSpec,
  type CommandRows,
  type DataCommand,
} from "./table.ts";

const FIELDS = block("fields", [integer("numfields"), { ...string("field"), multiple: true }], {
  token: "FIELDS",
});
const PAIRS = block(
  "fields",
  [integer("numfields"), block("data", [string("field"), string("value")], { multiple: true })],
  { token: "FIELDS" },
);
const CONDITION = oneOf("condition", [word("NX"), word("XX"), word("GT"), word("LT")], {
  optional: true,
});
const TIMES = [
  tokenInteger("EX", "seconds"),
  tokenInteger("PX", "milliseconds"),
  tokenTime("EXAT", "unix-time-seconds"),
  tokenTime("PXAT", "unix-time-milliseconds"),
];
const NAMED = "O(N) with N the number of fields named";

const writes = {
  kind: "data",
  group: "hash",
  flags: ["write", "fast"],
  keys: oneKey("RW", "update"),
  complexity: NAMED,
} as const;

function expireRow(summary: string, time: ArgumentSpec, kind: run.TimeKind): DataCommand {
  return {
    ...writes,
    flags: ["write", "denyoom", "fast"],
    arity: -6,
    since: "7.4.0",
    summary,
    arguments: [KEY, time, CONDITION, FIELDS],
    run: run.expire(kind),
  };
}

function leftRow(summary: string, kind: run.TimeKind): DataCommand {
  return {
    kind: "data",
    group: "hash",
    flags: ["readonly", "fast"],
    keys: ONE_KEY_READ,
    arity: -5,
    since: "7.4.0",
    summary,
    complexity: NAMED,
    arguments: [KEY, FIELDS],
    run: run.timeLeft(kind),
  };
}

const SECONDS_LEFT: run.TimeKind = { unit: "seconds", isRelative: true };
const MILLISECONDS_LEFT: run.TimeKind = { unit: "milliseconds", isRelative: true };
const SECOND: run.TimeKind = { unit: "seconds", isRelative: false };
const MILLISECOND: run.TimeKind = { unit: "milliseconds", isRelative: false };

export const hashExpiryCommands: CommandRows = {
  HEXPIRE: expireRow(
    "Gives fields of a hash some seconds to live.",
    integer("seconds"),
    SECONDS_LEFT,
  ),
  HPEXPIRE: expireRow(
    "Gives fields of a hash some milliseconds to live.",
    integer("milliseconds"),
    MILLISECONDS_LEFT,
  ),
  HEXPIREAT: expireRow(
    "Sets the second at which fields of a hash die.",
    { name: "unix-time-seconds", type: "unix-time" },
    SECOND,
  ),
  HPEXPIREAT: expireRow(
    "Sets the millisecond at which fields of a hash die.",
    { name: "unix-time-milliseconds", type: "unix-time" },
    MILLISECOND,
  ),
  HTTL: leftRow("Tells how many seconds fields of a hash have to live.", SECONDS_LEFT),
  HPTTL: leftRow("Tells how many milliseconds fields of a hash have to live.", MILLISECONDS_LEFT),
  HEXPIRETIME: leftRow("Tells the second at which fields of a hash die.", SECOND),
  HPEXPIRETIME: leftRow("Tells the millisecond at which fields of a hash die.", MILLISECOND),
  HPERSIST: {
    ...writes,
    arity: -5,
    since: "7.4.0",
    summary: "Lets fields of a hash live for ever.",
    arguments: [KEY, FIELDS],
    run: run.hpersist,
  },
  HGETDEL: {
    ...writes,
    keys: oneKey("RW", "access", "delete"),
    arity: -5,
    since: "8.0.0",
    summary: "Reads fields of a hash and deletes them.",
    arguments: [KEY, FIELDS],
    run: run.hgetdel,
  },
  HGETEX: {
    ...writes,
    keys: oneKey("RW", "access", "update"),
    arity: -5,
    since: "8.0.0",
    summary: "Reads fields of a hash and sets when they die.",
    arguments: [KEY, oneOf("expiration", [...TIMES, word("PERSIST")], { optional: true }), FIELDS],
    run: run.hgetex,
  },
  HSETEX: {
    ...writes,
    flags: ["write", "denyoom", "fast"],
    arity: -6,
    since: "8.0.0",
    summary: "Sets fields of a hash and when they die.",
    arguments: [
      KEY,
      oneOf("condition", [word("FNX"), word("FXX")], { optional: true }),
      oneOf("expiration", [...TIMES, word("KEEPTTL")], { optional: true }),
      PAIRS,
    ],
    run: run.hsetex,
  },
};
