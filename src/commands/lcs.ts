// LCS: the options and the three shapes of its reply. The search is in types/lcs.ts.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { MapReply, type Reply } from "../resp/reply.ts";
import { findRuns, tableBytes, type Run } from "../types/lcs.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import * as string from "../types/string.ts";
import { at, type Args } from "./table.ts";

const NOT_STRINGS = new CommandError("ERR The specified keys must contain string values");
const LENGTH_AND_INDEXES = new CommandError(
  "ERR If you want both the length and indexes, please just use IDX.",
);
const TABLE_TOO_LARGE = new CommandError(
  "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
);

interface LcsOptions {
  readonly shape: "string" | "length" | "indexes";
  readonly matchLengthMin: number;
  readonly withMatchLength: boolean;
}

export function lcs(view: View, args: Args): Reply {
  const first = stringOrEmpty(view, at(args, 1));
  const second = stringOrEmpty(view, at(args, 2));
  const options = readOptions(args);
  const bytes = tableBytes(first.length, second.length);
  if (bytes > view.limits.stringBytesMax) throw TABLE_TOO_LARGE;
  const runs = findRuns(first, second);
  if (options.shape === "string") return subsequence(first, runs);
  let length = 0;
  for (const run of runs) length += run.length;
  return options.shape === "length" ? length : indexes(runs, length, options);
}

function stringOrEmpty(view: View, key: Bytes): Bytes {
  if (view.find(key) === null) return "";
  const value = string.getIfString(view, key);
  if (value === null) throw NOT_STRINGS;
  return value;
}

function readOptions(args: Args): LcsOptions {
  let wantsLength = false;
  let wantsIndexes = false;
  let matchLengthMin = 0;
  let withMatchLength = false;
  for (let index = 3; index < args.length; index++) {
    switch (at(args, index).toUpperCase()) {
      case "LEN":
        wantsLength = true;
        break;
      case "IDX":
        wantsIndexes = true;
        break;
      case "WITHMATCHLEN":
        withMatchLength = true;
        break;
      case "MINMATCHLEN": {
        const text = args[++index];
        if (text === undefined) throw SYNTAX_ERROR;
        const length = parseInteger(text);
        if (length === null) throw NOT_AN_INTEGER;
        matchLengthMin = toIndex(length);
        break;
      }
      default:
        throw SYNTAX_ERROR;
    }
  }
  if (wantsLength && wantsIndexes) throw LENGTH_AND_INDEXES;
  const shape = wantsIndexes ? "indexes" : wantsLength ? "length" : "string";
  return { shape, matchLengthMin, withMatchLength };
}

function subsequence(first: Bytes, runs: readonly Run[]): Bytes {
  let whole = "";
  for (const run of runs) whole = first.slice(run.first, run.first + run.length) + whole;
  return whole;
}

function indexes(runs: readonly Run[], length: number, options: LcsOptions): Reply {
  const matches: Reply[] = [];
  for (const run of runs) {
    if (run.length < options.matchLengthMin) continue;
    const match: Reply[] = [
      [run.first, run.first + run.length - 1],
      [run.second, run.second + run.length - 1],
    ];
    if (options.withMatchLength) match.push(run.length);
    matches.push(match);
  }
  return new MapReply(["matches", matches, "len", length]);
}
