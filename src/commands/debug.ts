// DEBUG: what public test suites and tools ask of a server under test. Locked away by
// enable-debug-command unless the configuration opens it.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import {
  CommandError,
  NO_SUCH_KEY,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  SYNTAX_ERROR,
} from "../resp/errors.ts";
import {
  Attributed,
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  OK,
  Push,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "../resp/reply.ts";
import * as digest from "../types/digest.ts";
import { dump } from "../types/dump.ts";
import { encodingName } from "../types/key.ts";
import * as string from "../types/string.ts";
import { parseInteger } from "../types/number.ts";
import { subcommandSyntax } from "./help.ts";
import type { ServerPort, SessionPort } from "./ports.ts";
import { storageFault } from "./storage-fault.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

type Handler = (server: ServerPort, args: Args, session: SessionPort) => Reply | Promise<Reply>;

interface Subcommand {
  /** Arguments after the subcommand. */
  readonly min: number;
  readonly max: number;
  readonly help: readonly [form: string, what: string] | null;
  readonly run: Handler;
}

const NOT_IN_A_TRANSACTION = new CommandError(
  "ERR this DEBUG subcommand takes a while, and so is not possible in a transaction",
);
const WRONG_TYPE_NAME = new CommandError(
  "ERR Wrong protocol type name. Please use one of the following: " +
    "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);
const NOT_IN_RESP2 = new CommandError("ERR RESP2 is not supported by this command");
const POPULATE_REFUSED = new CommandError("TRYAGAIN not all keys could be written; see INFO kept");
const RELOAD_OPTIONS = new Set(["MERGE", "NOFLUSH", "NOSAVE"]);
const NOT_LOADED = new CommandError("ERR Error trying to load the RDB dump, check server logs.");
/** Keys of one unit of work of DIGEST and POPULATE. */
const KEYS_PER_UNIT = 50;
const SLEEP_SECONDS_MAX = 3600;
const NO_DIGEST = "0".repeat(40);
/** What DUMP puts around a value: its type, a version, a checksum. */
const DUMP_FRAME_BYTES = 11;

const PROTOCOL_REPLIES: Readonly<{ [name: string]: Reply }> = {
  string: "Hello World",
  integer: 12345,
  // oxlint-disable-next-line oxc/approx-constant -- what Redis answers, digit by digit
  double: new Double(3.141),
  bignum: new BigNumber("1234567999999999999999999999999999999"),
  null: null,
  array: [0, 1, 2],
  set: new SetReply([0, 1, 2]),
  map: new MapReply([0, false, 1, true, 2, false]),
  attrib: new Attributed(
    ["key-popularity", ["key:123", 90]],
    "Some real reply following the attribute",
  ),
  verbatim: new Verbatim("txt", "This is a verbatim\nstring"),
  true: true,
  false: false,
};

const accepted: Handler = () => OK;

function fail(): never {
  throw new AssertionFailed("asked for by DEBUG");
}

const SUBCOMMANDS: Readonly<{ [name: string]: Subcommand }> = {
  ASSERT: {
    min: 0,
    max: 0,
    help: ["ASSERT", "Fails as a bug of the server would: it stops at once, with 1."],
    run: fail,
  },
  "CHANGE-REPL-ID": {
    min: 0,
    max: 0,
    help: ["CHANGE-REPL-ID", "Chooses another replication id."],
    run(server) {
      server.debug.changeReplicationId();
      return OK;
    },
  },
  "CONFIG-REWRITE-FORCE-ALL": {
    min: 0,
    max: 0,
    help: ["CONFIG-REWRITE-FORCE-ALL", "As CONFIG REWRITE, with a line for every setting."],
    run(server) {
      const problem = server.config.rewrite(true);
      return problem === null ? OK : new ErrorReply(problem);
    },
  },
  DIGEST: {
    min: 0,
    max: 0,
    help: ["DIGEST", "A hash of everything in all databases; does not depend on order."],
    run: digestAll,
  },
  "DIGEST-VALUE": {
    min: 1,
    max: Infinity,
    help: ["DIGEST-VALUE <key> [<key> ...]", "A hash of the value of each key."],
    run: digestValues,
  },
  DROPCACHE: {
    min: 0,
    max: 0,
    help: ["DROPCACHE", "Forgets decoded keys, so that they are read from RocksDB again."],
    run(server) {
      server.storage.dropCache();
      return OK;
    },
  },
  ERROR: {
    min: 1,
    max: 1,
    help: ["ERROR <text>", "Answers with the text as an error."],
    run: (_server, args) => new ErrorReply(at(args, 2).replaceAll(/[\r\n]/g, " ")),
  },
  LOADAOF: {
    min: 0,
    max: 0,
    help: ["LOADAOF", "The same as RELOAD."],
    run: reload,
  },
  LOG: {
    min: 1,
    max: 1,
    help: ["LOG <text>", "Writes the text to the server's log."],
    run(server, args) {
      server.debug.log(at(args, 2));
      return OK;
    },
  },
  OBJECT: {
    min: 1,
    max: 2,
    help: ["OBJECT <key>", "How a key is kept."],
    run: object,
  },
  PANIC: {
    min: 0,
    max: 0,
    help: ["PANIC", "The same as ASSERT."],
    run: fail,
  },
  POPULATE: {
    min: 1,
    max: 3,
    help: ["POPULATE <count> [<prefix>] [<size>]", "Writes keys prefix:0, prefix:1 ..."],
    run: populate,
  },
  PROTOCOL: {
    min: 1,
    max: 1,
    help: ["PROTOCOL <type>", "Answers with a value of a type of the protocol."],
    run: protocol,
  },
  RELOAD: {
    min: 0,
    max: 3,
    help: ["RELOAD", "Writes memory to files and forgets decoded keys."],
    run: reload,
  },
  "SET-ACTIVE-EXPIRE": {
    min: 1,
    max: 1,
    help: ["SET-ACTIVE-EXPIRE <0|1>", "Whether keys are removed when their time comes."],
    run(server, args) {
      server.debug.setActiveExpire(at(args, 2) !== "0");
      return OK;
    },
  },
  "SET-DISABLE-DENY-SCRIPTS": {
    min: 1,
    max: 1,
    help: ["SET-DISABLE-DENY-SCRIPTS <0|1>", "Whether scripts may call what is refused to them."],
    run(server, args) {
      server.debug.setScriptsMayCallAll(at(args, 2) !== "0");
      return OK;
    },
  },
  SLEEP: {
    min: 1,
    max: 1,
    help: ["SLEEP <seconds>", "Stops the whole server for so long."],
    run: sleep,
  },
  "STORAGE-FAULT": {
    min: 0,
    max: Infinity,
    help: [
      "STORAGE-FAULT [stall|refuse-commit|unknown-commit|no-space|io-error|slow|off [options]]",
      "Has the storage fail on purpose; options: PROBABILITY, COUNT, SECONDS, MILLISECONDS, ON, AS, OUTCOME.",
    ],
    run: storageFault,
  },
  "STRINGMATCH-LEN": {
    min: 2,
    max: 2,
    help: ["STRINGMATCH-LEN <pattern> <text>", "Whether the text fits the pattern."],
    run: (_server, args) => (matches(at(args, 2), at(args, 3)) ? 1 : 0),
  },
  // Redis's own insides, for which there is nothing to set or to tell here.
  HTSTATS: { min: 1, max: 2, help: null, run: noTable },
  "HTSTATS-KEY": { min: 1, max: 2, help: null, run: noTable },
  JMAP: { min: 0, max: 0, help: null, run: accepted },
  "DICT-RESIZING": { min: 1, max: 1, help: null, run: accepted },
  LISTPACK: { min: 1, max: 1, help: null, run: accepted },
  "PAUSE-CRON": { min: 1, max: 1, help: null, run: accepted },
  "QUICKLIST-PACKED-THRESHOLD": { min: 1, max: 1, help: null, run: accepted },
  REPLYBUFFER: { min: 2, max: 2, help: null, run: accepted },
};

export const debugCommands: CommandRows = {
  DEBUG: {
    kind: "server",
    arity: -2,
    flags: ["admin", "noscript", "loading", "stale", "protected"],
    keys: NO_KEYS,
    group: "server",
    since: "1.0.0",
    summary: "What test suites ask of a server under test; see enable-debug-command.",
    complexity: "Depends on the subcommand",
    arguments: [
      { name: "subcommand", type: "string" },
      { name: "argument", type: "string", optional: true, multiple: true },
    ],
    run: debug,
  },
};

function debug(server: ServerPort, args: Args, session: SessionPort): Reply | Promise<Reply> {
  const name = at(args, 1).toUpperCase();
  if (name === "HELP" && args.length === 2) return help();
  const subcommand = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  const count = args.length - 2;
  if (subcommand === undefined || count < subcommand.min || count > subcommand.max) {
    throw subcommandSyntax(args);
  }
  return subcommand.run(server, args, session);
}

function help(): Reply {
  const lines = ["DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"];
  for (const { help: text } of Object.values(SUBCOMMANDS)) {
    if (text !== null) lines.push(text[0], `    ${text[1]}`);
  }
  return [...lines, "HELP", "    Shows this list."].map((line) => new Status(line));
}

function protocol(_server: ServerPort, args: Args, session: SessionPort): Reply {
  const name = at(args, 2).toLowerCase();
  if (name === "push") {
    if (session.protocol === 2) throw NOT_IN_RESP2;
    return new Push(["server-cpu-usage", 42]);
  }
  const reply = Object.hasOwn(PROTOCOL_REPLIES, name) ? PROTOCOL_REPLIES[name] : undefined;
  if (reply === undefined) throw WRONG_TYPE_NAME;
  return reply;
}

/** Keys are not in hash tables of our own: there is nothing to tell of their filling. */
function noTable(): Reply {
  return new Verbatim("txt", "[Dictionary HT]\nNo stats available for empty dictionaries\n");
}

function sleep(server: ServerPort, args: Args): Reply {
  const seconds = Number(at(args, 2));
  if (!Number.isFinite(seconds) || seconds < 0) throw NOT_A_FLOAT;
  server.debug.sleep(Math.min(seconds, SLEEP_SECONDS_MAX));
  return OK;
}

/** What is there stays there: with NOFLUSH Redis would load it on top of itself, and MERGE has to allow that. */
async function reload(server: ServerPort, args: Args, session: SessionPort): Promise<Reply> {
  if (session.isInExec) throw NOT_IN_A_TRANSACTION;
  const options = args.slice(2).map((option) => option.toUpperCase());
  if (options.some((option) => !RELOAD_OPTIONS.has(option))) throw SYNTAX_ERROR;
  if (options.includes("NOFLUSH") && !options.includes("MERGE")) throw NOT_LOADED;
  await server.storage.save();
  server.storage.dropCache();
  return OK;
}

async function object(server: ServerPort, args: Args, session: SessionPort): Promise<Reply> {
  if (session.isInExec) throw NOT_IN_A_TRANSACTION;
  const key = at(args, 2);
  const index = session.databaseIndex;
  return await server.debug.look(index, [key], (view) => {
    const record = view.exhume(key);
    if (record === null) throw NO_SUCH_KEY;
    return new Status(describe(record, view));
  });
}

function describe(record: Record, view: View): string {
  const idle = Math.max(0, view.nowSeconds - record.accessedAtSeconds);
  return (
    `Value at:0x${record.hash.toString(16).padStart(8, "0")} refcount:1 encoding:${encodingName(record, view)} ` +
    `serializedlength:${dump(view, record).length - DUMP_FRAME_BYTES} lru:${record.accessedAtSeconds} ` +
    `lru_seconds_idle:${idle} slot:${record.slot} batch:${record.batch}`
  );
}

async function digestValues(server: ServerPort, args: Args, session: SessionPort): Promise<Reply> {
  if (session.isInExec) throw NOT_IN_A_TRANSACTION;
  const keys = args.slice(2);
  const index = session.databaseIndex;
  const digests: string[] = [];
  for (const some of chunks(keys)) {
    // oxlint-disable-next-line no-await-in-loop -- in bounded units, so that others get their turn
    const found = await server.debug.look(index, some, (view) =>
      some.map((key) => {
        const record = view.inspect(key);
        return record === null ? NO_DIGEST : digest.digestOf(view, record).toString("hex");
      }),
    );
    digests.push(...found);
  }
  return digests;
}

async function digestAll(server: ServerPort, _args: Args, session: SessionPort): Promise<Reply> {
  if (session.isInExec) throw NOT_IN_A_TRANSACTION;
  const sum = Buffer.alloc(digest.DIGEST_BYTES);
  for (let index = 0; index < server.debug.databaseCount; index++) {
    // oxlint-disable-next-line no-await-in-loop -- in bounded units, so that others get their turn
    const keys = await server.debug.look(index, [], (view) => view.keys());
    for (const some of chunks(keys)) {
      // oxlint-disable-next-line no-await-in-loop -- the same
      const digests = await server.debug.look(index, some, (view) =>
        some.map((key) => digestOf(view, index, key)),
      );
      for (const one of digests) digest.mix(sum, one);
    }
  }
  return sum.toString("hex");
}

function digestOf(view: View, index: number, key: Bytes): Buffer {
  const record = view.inspect(key);
  if (record === null) return Buffer.alloc(digest.DIGEST_BYTES);
  const value = digest.digestOf(view, record).latin1Slice();
  return digest.hashOf([String(index), key, record.expiryMs === 0 ? "" : "expires", value]);
}

async function populate(server: ServerPort, args: Args, session: SessionPort): Promise<Reply> {
  if (session.isInExec) throw NOT_IN_A_TRANSACTION;
  const count = parseInteger(at(args, 2));
  const size = parseInteger(args[4] ?? "0");
  if (typeof count !== "number" || typeof size !== "number") throw NOT_AN_INTEGER;
  if (count < 0 || size < 0) throw NOT_AN_INTEGER;
  const prefix = args[3] ?? "key";
  const index = session.databaseIndex;
  for (let from = 0; from < count; from += KEYS_PER_UNIT) {
    const numbers: number[] = [];
    for (let n = from; n < Math.min(count, from + KEYS_PER_UNIT); n++) numbers.push(n);
    const keys = numbers.map((n) => `${prefix}:${n}`);
    const write = (view: View): void => {
      for (const n of numbers) putNew(view, `${prefix}:${n}`, valueOf(n, size));
    };
    // oxlint-disable-next-line no-await-in-loop -- in bounded units, so that others get their turn
    await server.debug.look(index, keys, write);
    // oxlint-disable-next-line no-await-in-loop -- the same; a refused commit has taken them back
    const isThere = await server.debug.look(index, keys, (view) =>
      keys.every((key) => view.inspect(key) !== null),
    );
    if (!isThere) throw POPULATE_REFUSED;
  }
  return OK;
}

function putNew(view: View, key: Bytes, value: Bytes): void {
  if (view.inspect(key) === null) string.store(view, key, null, value);
}

/** As Redis fills them: "value:n", cut or filled up with zero bytes to the size. */
function valueOf(n: number, size: number): Bytes {
  const text = `value:${n}`;
  return size === 0 ? text : text.slice(0, size).padEnd(size, "\0");
}

function* chunks(keys: readonly Bytes[]): Generator<readonly Bytes[]> {
  for (let from = 0; from < keys.length; from += KEYS_PER_UNIT) {
    yield keys.slice(from, from + KEYS_PER_UNIT);
  }
}
