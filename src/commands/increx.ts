// INCREX: adds to the number in a key, within bounds, and sets when the key dies. What would leave the
// bounds, or the type, is not done at all, or with SATURATE done as far as it goes.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import {
  CommandError,
  INCREMENT_OVERFLOW,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  SYNTAX_ERROR,
} from "../resp/errors.ts";
import { Double, type Reply } from "../resp/reply.ts";
import * as longDouble from "../types/long-double.ts";
import { INT64_MAX, INT64_MIN, normal, parseInteger } from "../types/number.ts";
import * as string from "../types/string.ts";
import { expiryOf, expiryWordsOf, type ExpiryWords } from "./set-options.ts";
import { at, type Args } from "./table.ts";

const CROSSED = new CommandError("ERR LBOUND can't be greater than UBOUND");
const LOWEST: longDouble.LongDouble = { mantissa: -1n, exponent: Infinity };
const HIGHEST: longDouble.LongDouble = { mantissa: 1n, exponent: Infinity };
const NOT_FINITE = new CommandError("ERR increment would produce NaN or Infinity");

interface Options {
  kind: "integer" | "float" | null;
  by: Bytes;
  lower: Bytes | null;
  upper: Bytes | null;
  saturates: boolean;
  expiry: ExpiryWords | null;
  persists: boolean;
  onlyWithoutExpiry: boolean;
}

/** What is in the key afterwards, and what was added; null text: nothing is done. */
interface Outcome {
  readonly text: Bytes | null;
  readonly reply: readonly [Reply, Reply];
}

export function increx(view: View, args: Args): Reply {
  const options = readOptions(args);
  const key = at(args, 1);
  const expiryMs = options.expiry === null ? 0 : expiryOf(options.expiry, view.nowMs, "increx");
  const record = string.find(view, key);
  const before = record === null ? "0" : string.bytesOf(record);
  const isFloat = options.kind === "float";
  const { text, reply } = isFloat ? addFloat(before, options) : addInteger(before, options);
  if (text === null) return reply;
  string.store(view, key, record, text);
  view.notify("string", isFloat ? "incrbyfloat" : "incrby", key);
  setLife(view, key, record, { options, expiryMs });
  return reply;
}

function setLife(
  view: View,
  key: Bytes,
  before: Record | null,
  { options, expiryMs }: { readonly options: Options; readonly expiryMs: number },
): void {
  const record = before ?? view.find(key);
  assert(record !== null, "it has just been written");
  if (options.persists && record.expiryMs !== 0) {
    view.setExpiry(record, 0);
    view.notify("generic", "persist", key);
  }
  if (options.expiry === null || (options.onlyWithoutExpiry && record.expiryMs !== 0)) return;
  if (expiryMs <= view.nowMs) {
    view.remove(key);
    view.notify("generic", "del", key);
    return;
  }
  view.setExpiry(record, expiryMs);
  view.notify("generic", "expire", key);
}

function integerOf(text: Bytes): bigint {
  const value = parseInteger(text);
  if (value === null) throw NOT_AN_INTEGER;
  return BigInt(value);
}

function addInteger(before: Bytes, options: Options): Outcome {
  const by = integerOf(options.by);
  const lower = options.lower === null ? INT64_MIN : integerOf(options.lower);
  const upper = options.upper === null ? INT64_MAX : integerOf(options.upper);
  if (lower > upper) throw CROSSED;
  const value = integerOf(before);
  let sum = value + by;
  if (sum < lower || sum > upper) {
    if (!options.saturates) return { text: null, reply: [normal(value), 0] };
    sum = sum < lower ? lower : upper;
  }
  const added = sum - value;
  if (added < INT64_MIN || added > INT64_MAX) throw INCREMENT_OVERFLOW;
  return { text: String(sum), reply: [normal(sum), normal(added)] };
}

function floatOf(text: Bytes): longDouble.LongDouble {
  const value = longDouble.parse(text);
  if (value === null) throw NOT_A_FLOAT;
  return value;
}

function addFloat(before: Bytes, options: Options): Outcome {
  const by = floatOf(options.by);
  const lower = options.lower === null ? LOWEST : floatOf(options.lower);
  const upper = options.upper === null ? HIGHEST : floatOf(options.upper);
  if (isLess(upper, lower)) throw CROSSED;
  const value = floatOf(before);
  // Beyond the type: in the direction of the increment.
  let sum = longDouble.add(value, by) ?? (by.mantissa < 0n ? LOWEST : HIGHEST);
  const isBelow = isLess(sum, lower) || sum === LOWEST;
  if (isBelow || isLess(upper, sum) || sum === HIGHEST) {
    if (!options.saturates) return { text: null, reply: [shown(value), shown(longDouble.ZERO)] };
    sum = isBelow ? lower : upper;
  }
  const added = longDouble.add(sum, negated(value));
  if (added === null) throw NOT_FINITE;
  return { text: longDouble.format(sum), reply: [shown(sum), shown(added)] };
}

function negated({ mantissa, exponent }: longDouble.LongDouble): longDouble.LongDouble {
  return { mantissa: -mantissa, exponent };
}

function isLess(left: longDouble.LongDouble, right: longDouble.LongDouble): boolean {
  if (right.exponent === Infinity) return right.mantissa > 0n && left !== right;
  if (left.exponent === Infinity) return left.mantissa < 0n;
  const exponent = Math.min(left.exponent, right.exponent);
  const leftMantissa = left.mantissa << BigInt(left.exponent - exponent);
  return leftMantissa < right.mantissa << BigInt(right.exponent - exponent);
}

function shown(value: longDouble.LongDouble): Reply {
  return new Double(Number(longDouble.format(value)));
}

function readOptions(args: Args): Options {
  const options: Options = {
    kind: null,
    by: "1",
    lower: null,
    upper: null,
    saturates: false,
    expiry: null,
    persists: false,
    onlyWithoutExpiry: false,
  };
  for (let index = 2; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    if (readSwitch(options, word)) continue;
    const text = args[++index];
    if (text === undefined || !readValue(options, word, text)) throw SYNTAX_ERROR;
  }
  const { expiry, persists, onlyWithoutExpiry } = options;
  if (persists && (expiry !== null || onlyWithoutExpiry)) throw SYNTAX_ERROR;
  if (onlyWithoutExpiry && expiry === null) throw SYNTAX_ERROR;
  return options;
}

/** A word that stands alone. */
function readSwitch(options: Options, word: string): boolean {
  switch (word) {
    case "SATURATE":
      options.saturates = true;
      return true;
    case "PERSIST":
      options.persists = true;
      return true;
    case "ENX":
      options.onlyWithoutExpiry = true;
      return true;
    default:
      return false;
  }
}

/** A word with something behind it. */
function readValue(options: Options, word: string, text: Bytes): boolean {
  switch (word) {
    case "BYINT":
    case "BYFLOAT":
      if (options.kind !== null) return false;
      options.kind = word === "BYINT" ? "integer" : "float";
      options.by = text;
      return true;
    case "LBOUND":
      options.lower = text;
      return true;
    case "UBOUND":
      options.upper = text;
      return true;
    default: {
      const expiry = expiryWordsOf(word, text);
      if (expiry === null || options.expiry !== null) return false;
      options.expiry = expiry;
      return true;
    }
  }
}
