// HyperLogLogs: PFADD, PFCOUNT, PFMERGE, and what Redis has for looking into them.

import type { Bytes } from "../base/bytes.ts";
import { SeededRandom } from "../base/random.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import { OK, Status, type Reply } from "../resp/reply.ts";
import * as hyperloglog from "../types/hyperloglog.ts";
import { KEY, KEYS, string } from "./argument-specs.ts";
import { at, keysToEnd, NO_KEYS, oneKey, type Args, type CommandRows } from "./table.ts";

const NO_SUCH_KEY = new CommandError("ERR The specified key does not exist");
const NOT_SPARSE = new CommandError("ERR HLL encoding is not sparse");
const SELF_TEST_FAILED = new CommandError("ERR TESTFAILED the estimate is too far off");
/** Elements of the self-test; its error is below 2 % with next to certainty. */
const TESTED_ELEMENTS = 20_000;
const TESTED_ERROR_MAX = 0.05;

export const hyperloglogCommands: CommandRows = {
  PFADD: {
    kind: "data",
    arity: -2,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey("RW", "insert"),
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Adds elements to a HyperLogLog, and tells whether that changes its estimate.",
    complexity: "O(1) for each element",
    arguments: [KEY, { ...string("element"), optional: true, multiple: true }],
    run: pfadd,
  },
  PFCOUNT: {
    kind: "data",
    arity: -2,
    flags: ["readonly", "may_replicate"],
    keys: keysToEnd("RW", "access"),
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Estimates how many different elements were added to HyperLogLogs together.",
    complexity: "O(1) for one key, O(N) for several with N their number",
    arguments: [KEYS],
    run: pfcount,
  },
  PFDEBUG: {
    kind: "data",
    arity: 3,
    flags: ["write", "denyoom", "admin"],
    keys: [{ kind: "range", first: 2, last: 2, step: 1, flags: ["RW", "access"] }],
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Shows how a HyperLogLog is kept.",
    complexity: "N/A",
    arguments: [string("subcommand"), KEY],
    run: pfdebug,
  },
  PFMERGE: {
    kind: "data",
    arity: -2,
    flags: ["write", "denyoom"],
    keys: [
      ...oneKey("RW", "access", "insert"),
      { kind: "range", first: 2, last: -1, step: 1, flags: ["RO", "access"] },
    ],
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Adds to a HyperLogLog what others have seen.",
    complexity: "O(N) with N the number of keys",
    arguments: [
      { name: "destkey", type: "key" },
      { name: "sourcekey", type: "key", optional: true, multiple: true },
    ],
    run: pfmerge,
  },
  PFSELFTEST: {
    kind: "data",
    arity: 1,
    flags: ["admin"],
    keys: NO_KEYS,
    group: "hyperloglog",
    since: "2.8.9",
    summary: "Tests the estimates of HyperLogLogs.",
    complexity: "N/A",
    run: pfselftest,
  },
};

function pfadd(view: View, args: Args): Reply {
  const key = at(args, 1);
  if (!hyperloglog.add(view, key, args, 2)) return 0;
  view.notify("string", "pfadd", key);
  return 1;
}

function pfcount(view: View, args: Args): Reply {
  if (args.length === 2) {
    const record = hyperloglog.find(view, at(args, 1));
    return record === null ? 0 : hyperloglog.count(view, record);
  }
  const union = new hyperloglog.Union();
  takeAll(view, args.slice(1), union);
  return union.count();
}

/** Whether one of them is dense. */
function takeAll(view: View, keys: readonly Bytes[], union: hyperloglog.Union): boolean {
  let isDense = false;
  for (const key of keys) {
    const record = hyperloglog.find(view, key);
    if (record === null) continue;
    const sketch = hyperloglog.sketchOf(view, record);
    if (sketch.isDense) isDense = true;
    union.take(sketch);
  }
  return isDense;
}

function pfmerge(view: View, args: Args): Reply {
  const union = new hyperloglog.Union();
  const isDense = takeAll(view, args.slice(1), union);
  const key = at(args, 1);
  const record = hyperloglog.find(view, key);
  const sketch = hyperloglog.sketchOf(view, record);
  if (isDense) hyperloglog.reading(() => sketch.makeDense());
  union.raise(sketch);
  sketch.markOutOfDate();
  hyperloglog.store(view, key, { record, sketch, changes: 1 });
  view.notify("string", "pfadd", key);
  return OK;
}

function pfdebug(view: View, args: Args): Reply {
  const key = at(args, 2);
  const record = hyperloglog.find(view, key);
  if (record === null) throw NO_SUCH_KEY;
  const sketch = hyperloglog.sketchOf(view, record);
  switch (at(args, 1).toUpperCase()) {
    case "ENCODING":
      return new Status(sketch.isDense ? "dense" : "sparse");
    case "DECODE":
      if (sketch.isDense) throw NOT_SPARSE;
      return sketch.describeRuns();
    case "TODENSE":
      return makeDense(view, record) ? 1 : 0;
    case "GETREG":
      makeDense(view, record);
      return registersOf(view, record);
    default:
      throw new CommandError(`ERR Unknown PFDEBUG subcommand '${at(args, 1)}'`);
  }
}

/** False when it is dense already. */
function makeDense(view: View, record: Record): boolean {
  const sketch = hyperloglog.sketchOf(view, record);
  if (sketch.isDense) return false;
  hyperloglog.reading(() => sketch.makeDense());
  hyperloglog.store(view, record.key, { record, sketch, changes: 1 });
  return true;
}

function registersOf(view: View, record: Record): Reply {
  const registers: number[] = [];
  hyperloglog.sketchOf(view, record).forEachRun((value) => {
    registers.push(value);
  });
  return registers;
}

function pfselftest(): Reply {
  const random = new SeededRandom(TESTED_ELEMENTS);
  const estimator = new hyperloglog.Estimator();
  const added = new Set<number>();
  while (added.size < TESTED_ELEMENTS) {
    const number = random.below(2 ** 32);
    added.add(number);
    estimator.add(String(number));
  }
  const error = Math.abs(estimator.count() / TESTED_ELEMENTS - 1);
  if (error > TESTED_ERROR_MAX) throw SELF_TEST_FAILED;
  return OK;
}
