// Keys whatever they hold: DEL, EXISTS, TYPE, RENAME, COPY, MOVE, OBJECT and their kin. When keys
// die stands in expiry.ts, walks over all of them in scan.ts, DUMP and RESTORE in dump.ts.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import {
  CommandError,
  INVALID_DB_INDEX,
  NO_SUCH_KEY,
  NOT_AN_INTEGER,
  SYNTAX_ERROR,
} from "../resp/errors.ts";
import { OK, Status, type Reply } from "../resp/reply.ts";
import * as key from "../types/key.ts";
import { parseInteger } from "../types/number.ts";
import { integer, KEY, KEYS, word } from "./argument-specs.ts";
import {
  at,
  keysToEnd,
  NO_KEYS,
  oneKey,
  type Args,
  type CommandRows,
  type DataCommand,
  type KeyFlag,
  type KeySpec,
} from "./table.ts";

const KEYSPACE = ["keyspace"] as const;
const INT32_MAX = 2 ** 31 - 1;
const INT32_MIN = -(2 ** 31);

const SAME_OBJECT = new CommandError("ERR source and destination objects are the same");
const NOT_AN_INT32 = new CommandError(
  `ERR value is out of range, value must between ${INT32_MIN} and ${INT32_MAX}`,
);
const FREQUENCY_NOT_KEPT = new CommandError(
  "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that " +
    "when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);
const IDLE_TIME_NOT_KEPT = new CommandError(
  "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when " +
    "switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

export const keyCommands: CommandRows = {
  DEL: {
    kind: "data",
    arity: -2,
    flags: ["write"],
    keys: keysToEnd("RM", "delete"),
    group: "generic",
    since: "1.0.0",
    summary: "Deletes keys and tells how many of them were there.",
    complexity: "O(N) with N the number of keys; a large collection costs no more than a small one",
    arguments: [KEYS],
    categories: KEYSPACE,
    run: remove,
  },
  UNLINK: {
    kind: "data",
    arity: -2,
    flags: ["write", "fast"],
    keys: keysToEnd("RM", "delete"),
    group: "generic",
    since: "4.0.0",
    summary: "Deletes keys and tells how many of them were there; the same as DEL here.",
    complexity: "O(N) with N the number of keys",
    arguments: [KEYS],
    categories: KEYSPACE,
    run: remove,
  },
  EXISTS: {
    kind: "data",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: keysToEnd("RO"),
    group: "generic",
    since: "1.0.0",
    summary: "Counts how many of the named keys exist; a key named twice counts twice.",
    complexity: "O(N) with N the number of keys",
    arguments: [KEYS],
    categories: KEYSPACE,
    run: exists,
  },
  TOUCH: {
    kind: "data",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: keysToEnd("RO"),
    group: "generic",
    since: "3.2.1",
    summary: "Marks keys as used just now and tells how many of them exist.",
    complexity: "O(N) with N the number of keys",
    arguments: [KEYS],
    categories: KEYSPACE,
    run: touch,
  },
  TYPE: {
    kind: "data",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey("RO"),
    group: "generic",
    since: "1.0.0",
    summary: "Names the type of the value that a key holds.",
    complexity: "O(1)",
    arguments: [KEY],
    categories: KEYSPACE,
    run: type,
  },
  RENAME: {
    kind: "data",
    arity: 3,
    flags: ["write"],
    keys: twoKeys(["RW", "access", "delete"], ["OW", "update"]),
    group: "generic",
    since: "1.0.0",
    summary: "Gives a key another name, over whatever had that name before.",
    complexity: "O(1)",
    arguments: [KEY, { name: "newkey", type: "key" }],
    categories: KEYSPACE,
    run: rename,
  },
  RENAMENX: {
    kind: "data",
    arity: 3,
    flags: ["write", "fast"],
    keys: twoKeys(["RW", "access", "delete"], ["OW", "insert"]),
    group: "generic",
    since: "1.0.0",
    summary: "Gives a key another name unless that name is taken.",
    complexity: "O(1)",
    arguments: [KEY, { name: "newkey", type: "key" }],
    categories: KEYSPACE,
    run: renameIfFree,
  },
  COPY: {
    kind: "data",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: twoKeys(["RO", "access"], ["OW", "update"]),
    group: "generic",
    since: "6.2.0",
    summary: "Copies a key's value and expiry to another name, or to another database.",
    complexity: "O(N) with N the size of the value",
    arguments: [
      { name: "source", type: "key" },
      { name: "destination", type: "key" },
      { name: "destination-db", type: "integer", token: "DB", optional: true },
      word("REPLACE", { optional: true }),
    ],
    categories: KEYSPACE,
    run: copy,
  },
  MOVE: {
    kind: "data",
    arity: 3,
    flags: ["write", "fast"],
    keys: oneKey("RW", "access", "update"),
    group: "generic",
    since: "1.0.0",
    summary: "Moves a key to another database unless that one has such a key.",
    complexity: "O(1)",
    arguments: [KEY, integer("db")],
    categories: KEYSPACE,
    run: move,
  },
  OBJECT: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "generic",
    since: "2.2.3",
    summary: "Looks at how a key is kept.",
    complexity: "As its subcommands",
    subcommands: {
      ENCODING: objectRow({
        since: "2.2.3",
        summary: "Names the encoding that Redis would keep the value in.",
        run: (view, args) => inspect(view, args, key.encodingName),
      }),
      FREQ: objectRow({
        since: "4.0.0",
        summary: "Tells how often a key is used, on a logarithmic scale of 0 to 255.",
        run: (view, args) => inspect(view, args, frequencyOf),
      }),
      IDLETIME: objectRow({
        since: "2.2.3",
        summary: "Tells for how many seconds a key has not been used.",
        run: (view, args) => inspect(view, args, idleTimeOf),
      }),
      REFCOUNT: objectRow({
        since: "2.2.3",
        summary: "Tells how many references Redis would hold to the value.",
        run: (view, args) => inspect(view, args, key.referenceCount),
      }),
      HELP: {
        kind: "data",
        arity: 2,
        flags: ["loading", "stale"],
        keys: NO_KEYS,
        group: "generic",
        since: "6.2.0",
        summary: "Lists the subcommands.",
        complexity: "O(1)",
        categories: KEYSPACE,
        run: () => OBJECT_HELP,
      },
    },
  },
};

const OBJECT_HELP: readonly Reply[] = [
  "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "ENCODING <key>",
  "    The name of the encoding of the value of <key>.",
  "FREQ <key>",
  "    How often <key> is used, on a logarithmic scale.",
  "IDLETIME <key>",
  "    The seconds since <key> was last used.",
  "REFCOUNT <key>",
  "    The number of references to the value of <key>.",
  "HELP",
  "    This help.",
].map((line) => new Status(line));

function twoKeys(source: readonly KeyFlag[], target: readonly KeyFlag[]): readonly KeySpec[] {
  return [
    { kind: "range", first: 1, last: 1, step: 1, flags: source },
    { kind: "range", first: 2, last: 2, step: 1, flags: target },
  ];
}

function objectRow(facts: Pick<DataCommand, "since" | "summary" | "run">): DataCommand {
  return {
    kind: "data",
    arity: 3,
    flags: ["readonly"],
    keys: [{ kind: "range", first: 2, last: 2, step: 1, flags: ["RO"] }],
    group: "generic",
    complexity: "O(1)",
    arguments: [KEY],
    categories: KEYSPACE,
    ...facts,
  };
}

function remove(view: View, args: Args): Reply {
  let removed = 0;
  for (let index = 1; index < args.length; index++) {
    const name = at(args, index);
    if (!view.remove(name)) continue;
    view.notify("generic", "del", name);
    removed++;
  }
  return removed;
}

function exists(view: View, args: Args): Reply {
  let found = 0;
  for (let index = 1; index < args.length; index++) {
    if (view.peek(at(args, index)) !== null) found++;
  }
  return found;
}

function touch(view: View, args: Args): Reply {
  let found = 0;
  for (let index = 1; index < args.length; index++) {
    if (view.find(at(args, index)) !== null) found++;
  }
  return found;
}

function type(view: View, args: Args): Reply {
  const record = view.peek(at(args, 1));
  return new Status(record === null ? "none" : key.typeName(record.kind));
}

function rename(view: View, args: Args): Reply {
  const from = at(args, 1);
  const to = at(args, 2);
  const source = view.find(from);
  if (source === null) throw NO_SUCH_KEY;
  if (from !== to) renameFound(view, source, to);
  return OK;
}

function renameIfFree(view: View, args: Args): Reply {
  const from = at(args, 1);
  const to = at(args, 2);
  const source = view.find(from);
  if (source === null) throw NO_SUCH_KEY;
  if (from === to || view.peek(to) !== null) return 0;
  renameFound(view, source, to);
  return 1;
}

function renameFound(view: View, source: Record, to: Bytes): void {
  key.putMoved(view, source, to);
  view.notify("generic", "rename_from", source.key);
  view.notify("generic", "rename_to", to);
}

const COPY_REFUSED = new CommandError(
  "ERR Copying to another database is not allowed in cluster mode",
);
const MOVE_REFUSED = new CommandError("ERR MOVE is not allowed in cluster mode");

function copy(view: View, args: Args): Reply {
  const from = at(args, 1);
  const to = at(args, 2);
  const options = copyOptions(view, args);
  if (options.databaseIndex === view.database.index && from === to) throw SAME_OBJECT;
  const source = view.find(from);
  if (source === null) return 0;
  return view.inDatabase(options.databaseIndex, () => {
    if (!options.replace && view.peek(to) !== null) return 0;
    key.putCopy(view, source, to);
    view.notify("generic", "copy_to", to);
    return 1;
  });
}

function copyOptions(view: View, args: Args): { databaseIndex: number; replace: boolean } {
  let databaseIndex = view.database.index;
  let replace = false;
  for (let index = 3; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    if (option === "REPLACE") {
      replace = true;
    } else if (option === "DB" && index + 1 < args.length) {
      index++;
      databaseIndex = databaseArgument(view, at(args, index));
      if (databaseIndex !== view.database.index && view.isClustered) throw COPY_REFUSED;
    } else {
      throw SYNTAX_ERROR;
    }
  }
  return { databaseIndex, replace };
}

function databaseArgument(view: View, text: Bytes): number {
  const index = parseInteger(text);
  if (index === null) throw NOT_AN_INTEGER;
  if (typeof index !== "number" || index > INT32_MAX || index < INT32_MIN) throw NOT_AN_INT32;
  if (view.keyspace.databases[index] === undefined) throw INVALID_DB_INDEX;
  return index;
}

function move(view: View, args: Args): Reply {
  if (view.isClustered) throw MOVE_REFUSED;
  const name = at(args, 1);
  const databaseIndex = databaseArgument(view, at(args, 2));
  if (databaseIndex === view.database.index) throw SAME_OBJECT;
  const source = view.find(name);
  if (source === null) return 0;
  const isTaken = view.inDatabase(databaseIndex, () => {
    if (view.peek(name) !== null) return true;
    key.putMoved(view, source, name);
    return false;
  });
  if (isTaken) return 0;
  view.notify("generic", "move_from", name);
  view.inDatabase(databaseIndex, () => view.notify("generic", "move_to", name));
  return 1;
}

function inspect(view: View, args: Args, fact: (record: Record, view: View) => Reply): Reply {
  const record = view.inspect(at(args, 2));
  return record === null ? null : fact(record, view);
}

function frequencyOf(record: Record, view: View): Reply {
  if (!view.limits.countFrequency) throw FREQUENCY_NOT_KEPT;
  return record.frequency;
}

function idleTimeOf(record: Record, view: View): Reply {
  if (view.limits.countFrequency) throw IDLE_TIME_NOT_KEPT;
  return view.nowSeconds - record.accessedAtSeconds;
}
