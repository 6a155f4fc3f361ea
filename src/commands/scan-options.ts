// Cursor and options of SCAN, HSCAN, SSCAN and ZSCAN.

import type { Bytes } from "../base/bytes.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import { at, type Args } from "./table.ts";

const INVALID_CURSOR = new CommandError("ERR invalid cursor");
const COUNT_USUAL = 10;
/** A cursor as Redis's strtoul reads it: "-1" is the greatest, "" is 0. */
const CURSOR = /^(?:[+-]?\d+)?$/;
const CURSOR_MAX = 2n ** 64n - 1n;

/** Cursors that Kept gives out are below 2^47; every other is past the end, however rounded. */
export function cursorOf(text: Bytes): number {
  if (!CURSOR.test(text)) throw INVALID_CURSOR;
  const isNegative = text.startsWith("-");
  const size = BigInt(text.replace(/^[+-]/, ""));
  if (size > CURSOR_MAX) throw INVALID_CURSOR;
  return Number(isNegative ? BigInt.asUintN(64, -size) : size);
}

export interface ScanOptions {
  readonly pattern: Bytes | null;
  readonly countMin: number;
  readonly typeName: string | null;
  readonly noValues: boolean;
}

/** The options from position `from` on; MATCH and COUNT, and those of `words`. */
export function scanOptions(
  args: Args,
  which: { readonly from: number; readonly words: readonly ("TYPE" | "NOVALUES")[] },
): ScanOptions {
  let pattern: Bytes | null = null;
  let countMin = COUNT_USUAL;
  let typeName: string | null = null;
  let noValues = false;
  for (let index = which.from; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    if (option === "NOVALUES" && which.words.includes("NOVALUES")) {
      noValues = true;
      continue;
    }
    index++;
    const value = args[index];
    if (value === undefined) throw SYNTAX_ERROR;
    if (option === "MATCH") pattern = value === "*" ? null : value;
    else if (option === "COUNT") countMin = countOf(value);
    else if (option === "TYPE" && which.words.includes("TYPE")) typeName = value.toLowerCase();
    else throw SYNTAX_ERROR;
  }
  return { pattern, countMin, typeName, noValues };
}

function countOf(text: Bytes): number {
  const count = parseInteger(text);
  if (count === null) throw NOT_AN_INTEGER;
  if (count < 1) throw SYNTAX_ERROR;
  return toIndex(count);
}
