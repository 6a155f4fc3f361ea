// SORT and SORT_RO: the elements of a list, set or sorted set in another order, or what other keys hold
// for them. How it is looked up and compared is in types/sort.ts.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, type Reply } from "../resp/reply.ts";
import * as list from "../types/list.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import * as sort from "../types/sort.ts";
import { block, integer, KEY, oneOf, word } from "./argument-specs.ts";
import { at, ONE_KEY_READ, type Args, type ArgumentSpec, type CommandRows } from "./table.ts";

const OPTIONS: readonly ArgumentSpec[] = [
  KEY,
  { name: "by-pattern", type: "pattern", token: "BY", optional: true },
  block("limit", [integer("offset"), integer("count")], { token: "LIMIT", optional: true }),
  { name: "get-pattern", type: "pattern", token: "GET", optional: true, multiple: true },
  oneOf("order", [word("ASC"), word("DESC")], { optional: true }),
  word("ALPHA", { name: "sorting", optional: true }),
];
const PATTERNS = { kind: "unknown", flags: ["RO", "access"] } as const;
const COMPLEXITY = "O(N+M*log(M)) with N the number of elements and M that of those answered";

export const sortCommands: CommandRows = {
  SORT: {
    kind: "data",
    arity: -2,
    flags: ["write", "denyoom"],
    keys: [
      ...ONE_KEY_READ,
      PATTERNS,
      { kind: "unknown", flags: ["OW", "update"], find: storePositions },
    ],
    group: "generic",
    since: "1.0.0",
    summary: "Sorts the elements of a list, set or sorted set, and can store the result as a list.",
    complexity: COMPLEXITY,
    arguments: [...OPTIONS, { name: "destination", type: "key", token: "STORE", optional: true }],
    categories: ["set", "sortedset", "list", "dangerous"],
    isWithoutGroupCategory: true,
    run: (view, args) => sorted(view, args, true),
  },
  SORT_RO: {
    kind: "data",
    arity: -2,
    flags: ["readonly"],
    keys: [...ONE_KEY_READ, PATTERNS],
    group: "generic",
    since: "7.0.0",
    summary: "Sorts the elements of a list, set or sorted set.",
    complexity: COMPLEXITY,
    arguments: OPTIONS,
    categories: ["set", "sortedset", "list", "dangerous"],
    isWithoutGroupCategory: true,
    run: (view, args) => sorted(view, args, false),
  },
};

/** Arguments that an option takes, for those that take any. */
const TAKES: ReadonlyMap<string, number> = new Map([
  ["LIMIT", 2],
  ["GET", 1],
  ["BY", 1],
  ["STORE", 1],
]);

/** Where the arguments of an option stand. */
function positionsAfter(args: Args, names: readonly string[]): number[] {
  const positions: number[] = [];
  for (let index = 2; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    if (names.includes(option) && index + 1 < args.length) positions.push(index + 1);
    index += TAKES.get(option) ?? 0;
  }
  return positions;
}

/** The last STORE is the one that counts. */
function storePositions(args: Args): readonly number[] {
  return positionsAfter(args, ["STORE"]).slice(-1);
}

interface SortOptions {
  by: sort.Pattern | null;
  /** BY without a `*`. */
  isUnsorted: boolean;
  offset: number;
  /** Negative for all. */
  limit: number;
  readonly get: sort.Pattern[];
  isAlphabetic: boolean;
  isDescending: boolean;
  store: Bytes | null;
}

function optionsOf(args: Args, mayStore: boolean): SortOptions {
  const options: SortOptions = {
    by: null,
    isUnsorted: false,
    offset: 0,
    limit: -1,
    get: [],
    isAlphabetic: false,
    isDescending: false,
    store: null,
  };
  for (let index = 2; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    const takes = TAKES.get(option) ?? 0;
    if (index + takes >= args.length) throw SYNTAX_ERROR;
    if (takes > 0) {
      if (option === "STORE" && !mayStore) throw SYNTAX_ERROR;
      takeValue(options, option, args.slice(index + 1, index + 1 + takes));
      index += takes;
    } else if (option === "ALPHA") {
      options.isAlphabetic = true;
    } else if (option === "ASC" || option === "DESC") {
      options.isDescending = option === "DESC";
    } else {
      throw SYNTAX_ERROR;
    }
  }
  return options;
}

function takeValue(options: SortOptions, option: string, values: Args): void {
  const value = at(values, 0);
  switch (option) {
    case "BY":
      options.by = sort.parsePattern(value);
      options.isUnsorted = !value.includes("*");
      break;
    case "GET":
      options.get.push(sort.parsePattern(value));
      break;
    case "STORE":
      options.store = value;
      break;
    default:
      assert(option === "LIMIT", "one of those that take values");
      options.offset = numberAt(values, 0);
      options.limit = numberAt(values, 1);
  }
}

function numberAt(values: Args, index: number): number {
  const number = parseInteger(at(values, index));
  if (number === null) throw NOT_AN_INTEGER;
  return toIndex(number);
}

function sorted(view: View, args: Args, mayStore: boolean): Reply {
  const options = optionsOf(args, mayStore);
  if (view.isClustered) refuseOtherKeys(options);
  const record = sort.find(view, at(args, 1));
  const chosen = record === null ? [] : chosenOf(view, record, options);
  const found = options.get.length === 0 ? chosen : lookedUp(view, options.get, chosen);
  if (options.store !== null) return stored(view, options.store, found);
  return found.length === 0 ? EMPTY_ARRAY : found;
}

/** Keys by a pattern could be anywhere; as Redis has it, "#" counts as a pattern, too. */
function refuseOtherKeys({ by, isUnsorted, get }: SortOptions): void {
  if (by !== null && !isUnsorted)
    throw new CommandError("ERR BY option of SORT denied in Cluster mode.");
  if (get.length > 0) throw new CommandError("ERR GET option of SORT denied in Cluster mode.");
}

/** The elements that LIMIT leaves, in the order that is asked for. */
function chosenOf(view: View, record: Record, options: SortOptions): Bytes[] {
  const total = sort.size(view, record);
  const from = Math.min(Math.max(0, options.offset), total);
  const to = options.limit < 0 ? total : Math.min(total, from + options.limit);
  if (!options.isUnsorted) {
    const { by, isAlphabetic, isDescending } = options;
    const order = { by, isAlphabetic, isDescending };
    return sort.sorted(view, sort.elements(view, record), order).slice(from, to);
  }
  if (!sort.hasOrder(record) && (options.store !== null || view.isInScript)) {
    // What is stored, or what a script goes by, must not depend on the order that a set happens to have.
    const order = { by: null, isAlphabetic: true, isDescending: options.isDescending };
    return sort.sorted(view, sort.elements(view, record), order).slice(from, to);
  }
  return sort.slice(view, record, { from, to, isReverse: options.isDescending });
}

function lookedUp(
  view: View,
  patterns: readonly sort.Pattern[],
  chosen: readonly Bytes[],
): (Bytes | null)[] {
  sort.want(view, patterns, chosen);
  return chosen.flatMap((element) =>
    patterns.map((pattern) => sort.valueOf(view, pattern, element)),
  );
}

function stored(view: View, key: Bytes, found: readonly (Bytes | null)[]): number {
  if (found.length === 0) {
    if (view.remove(key)) view.notify("generic", "del", key);
    return 0;
  }
  const { changes } = view.stats;
  list.restore(
    view,
    key,
    found.map((text) => text ?? ""),
    0,
  );
  view.stats.changes = changes + found.length;
  view.notify("list", "sortstore", key);
  return found.length;
}
