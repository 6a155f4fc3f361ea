// Arguments that several stream commands share: IDs of ranges, counts, and how to trim.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import {
  idAfter,
  idBefore,
  idOf,
  INVALID_ID,
  looseIdOf,
  parseId,
  type StreamId,
  U64_MAX,
} from "../types/stream-id.ts";
import type { RefPolicy } from "../types/stream-references.ts";
import type { Trim, WantedId } from "../types/stream.ts";
import { at, type Args } from "./table.ts";

const INVALID_START = new CommandError("ERR invalid start ID for the interval");
const INVALID_END = new CommandError("ERR invalid end ID for the interval");
const BOTH_STRATEGIES = new CommandError(
  "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
);
const NEGATIVE_MAXLEN = new CommandError("ERR The MAXLEN argument must be >= 0.");
const NEGATIVE_LIMIT = new CommandError("ERR The LIMIT argument must be >= 0.");
const LIMIT_ALONE = new CommandError(
  "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
);
const LIMIT_WITHOUT_TILDE = new CommandError(
  "ERR syntax error, LIMIT cannot be used without the special ~ option",
);
const NO_STRATEGY = new CommandError(
  "ERR syntax error, XTRIM must be called with a trimming strategy",
);
/** An approximate trim looks at so many nodes, if they are full. */
const TRIM_NODES_MAX = 100;
const TRIM_LIMIT_USUAL = 10_000;
const TRIM_LIMIT_MAX = 1_000_000;

/** A whole number of 64 bits, cut to what is exact. Throws `error`. */
export function countOf(text: Bytes, error: CommandError = NOT_AN_INTEGER): number {
  const value = parseInteger(text);
  if (value === null) throw error;
  return toIndex(value);
}

/** The start of a range, `(` for one past it. Throws CommandError. */
export function startOf(text: Bytes): StreamId {
  if (!isExclusive(text)) return looseIdOf(text, 0);
  const id = idAfter(exclusiveOf(text, 0));
  if (id === null) throw INVALID_START;
  return id;
}

/** The end of a range, as `startOf`. Throws CommandError. */
export function endOf(text: Bytes): StreamId {
  if (!isExclusive(text)) return looseIdOf(text, U64_MAX);
  const id = idBefore(exclusiveOf(text, U64_MAX));
  if (id === null) throw INVALID_END;
  return id;
}

function isExclusive(text: Bytes): boolean {
  return text.length > 1 && text.startsWith("(");
}

function exclusiveOf(text: Bytes, missing: number | bigint): StreamId {
  const id = parseId(text.slice(1), missing);
  if (id === null) throw INVALID_ID;
  return id;
}

export interface TrimArguments {
  readonly trim: Trim | null;
  readonly references: RefPolicy;
}

export interface AddArguments extends TrimArguments {
  readonly makesStream: boolean;
  readonly id: WantedId;
  /** Where the first field stands. */
  readonly fieldsAt: number;
}

const AUTOMATIC: WantedId = { ms: null, seq: null };
const PLAIN: AddArguments = {
  trim: null,
  references: "KEEPREF",
  makesStream: true,
  id: AUTOMATIC,
  fieldsAt: 3,
};

/** What XADD's arguments say before the fields. Throws CommandError. */
export function addArguments(view: View, args: Args): AddArguments {
  if (args[2] === "*") return PLAIN;
  const options = new TrimOptions(args);
  let makesStream = true;
  let id = AUTOMATIC;
  let index = 2;
  for (; index < args.length; index++) {
    const word = at(args, index);
    if (word === "*") break;
    const taken = options.take(index);
    if (taken > 0) {
      index += taken - 1;
    } else if (word.toUpperCase() === "NOMKSTREAM") {
      makesStream = false;
    } else {
      id = wantedId(word);
      break;
    }
  }
  const trim = options.trim(view);
  return { trim, references: options.references, makesStream, id, fieldsAt: index + 1 };
}

function wantedId(text: Bytes): WantedId {
  if (text.endsWith("-*")) {
    const id = parseId(text.slice(0, -2), 0);
    if (id === null || text.indexOf("-") !== text.length - 2) throw INVALID_ID;
    return { ms: id.ms, seq: null };
  }
  return idOf(text);
}

/** How XTRIM is to trim. Throws CommandError. */
export function trimArguments(view: View, args: Args): TrimArguments & { readonly trim: Trim } {
  const options = new TrimOptions(args);
  for (let index = 2; index < args.length;) {
    const taken = options.take(index);
    if (taken === 0) throw SYNTAX_ERROR;
    index += taken;
  }
  const trim = options.trim(view, NO_STRATEGY);
  if (trim === null) throw NO_STRATEGY;
  return { trim, references: options.references };
}

class TrimOptions {
  readonly #args: Args;
  #until: Trim["until"] | null = null;
  #isApproximate = false;
  #limit: number | null = null;
  references: RefPolicy = "KEEPREF";

  constructor(args: Args) {
    this.#args = args;
  }

  /** How many arguments from `index` on were an option of trimming. Throws CommandError. */
  take(index: number): number {
    const args = this.#args;
    const word = at(args, index).toUpperCase();
    if (word === "KEEPREF" || word === "DELREF" || word === "ACKED") {
      this.references = word;
      return 1;
    }
    const more = args.length - 1 - index;
    if (more === 0) return 0;
    if (word === "LIMIT") {
      this.#limit = countOf(at(args, index + 1));
      if (this.#limit < 0) throw NEGATIVE_LIMIT;
      return 2;
    }
    return word === "MAXLEN" || word === "MINID" ? this.#takeStrategy(word, index) : 0;
  }

  #takeStrategy(word: "MAXLEN" | "MINID", index: number): number {
    const args = this.#args;
    const more = args.length - 1 - index;
    if (this.#until !== null) throw BOTH_STRATEGIES;
    const sign = at(args, index + 1);
    const hasSign = more >= 2 && (sign === "~" || sign === "=");
    this.#isApproximate = hasSign && sign === "~";
    const value = at(args, index + (hasSign ? 2 : 1));
    this.#until = word === "MAXLEN" ? { length: lengthOf(value) } : { id: idOf(value) };
    return hasSign ? 3 : 2;
  }

  trim(view: View, missing: CommandError | null = null): Trim | null {
    const until = this.#until;
    const limit = this.#limit ?? 0;
    if (until === null) {
      if (limit !== 0) throw LIMIT_ALONE;
      if (missing !== null) throw missing;
      if (this.#limit !== null) throw LIMIT_WITHOUT_TILDE;
      return null;
    }
    if (this.#limit !== null && !this.#isApproximate) throw LIMIT_WITHOUT_TILDE;
    const isApproximate = this.#isApproximate;
    if (this.#limit !== null || !isApproximate) return { until, isApproximate, limit };
    return { until, isApproximate, limit: usualLimit(view) };
  }
}

function lengthOf(text: Bytes): number {
  const length = countOf(text);
  if (length < 0) throw NEGATIVE_MAXLEN;
  return length;
}

function usualLimit(view: View): number {
  const entries = TRIM_NODES_MAX * view.limits.collections.streamNodeEntriesMax;
  return entries <= 0 ? TRIM_LIMIT_USUAL : Math.min(entries, TRIM_LIMIT_MAX);
}

export function isGiven(id: WantedId): boolean {
  return id.ms !== null && id.seq !== null;
}
