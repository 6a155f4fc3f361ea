// Which arguments of a request are keys, read from the key specs of its row.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";
import type { Args, CommandRow, KeyPosition, KeySpec } from "./table.ts";

/** Positions of all keys in `args`, in order of the specs. Throws CommandError for a bad key count. */
export function keyPositions(row: CommandRow, args: Args): readonly KeyPosition[] {
  if (row.keysInCall !== undefined) return row.keysInCall(args);
  const positions: KeyPosition[] = [];
  for (const spec of row.keys) {
    for (const index of positionsOf(spec, args)) positions.push({ index, flags: spec.flags });
  }
  return positions;
}

export function keysOf(row: CommandRow, args: Args): Bytes[] {
  return keyPositions(row, args).map(({ index }) => args[index] ?? "");
}

/** The keys that can be told: none of a call whose count of keys is wrong, which the command itself refuses. */
export function keysToLoad(row: CommandRow, args: Args): Bytes[] {
  return positionsToTell(row, args).map(({ index }) => args[index] ?? "");
}

/** Where they stand. */
export function positionsToTell(row: CommandRow, args: Args): readonly KeyPosition[] {
  try {
    return keyPositions(row, args);
  } catch (error) {
    if (error instanceof CommandError) return [];
    throw error;
  }
}

function positionsOf(spec: KeySpec, args: Args): readonly number[] {
  switch (spec.kind) {
    case "range":
      return steps(spec.first, endOf(spec.last, args.length), spec.step);
    case "count": {
      const count = Number(args[spec.countAt] ?? "");
      const { step = 1 } = spec;
      const last = spec.first + (count - 1) * step;
      if (!Number.isInteger(count) || count < 0 || last >= args.length) {
        throw new CommandError("ERR Invalid arguments specified for command");
      }
      return steps(spec.first, last, step);
    }
    case "keyword": {
      for (let index = spec.from; index < args.length; index++) {
        if (args[index]?.toUpperCase() !== spec.word) continue;
        const last = spec.last < 0 ? endOf(spec.last, args.length) : index + 1 + spec.last;
        const count = Math.max(0, last - index);
        return steps(index + 1, spec.limit === 2 ? index + Math.floor(count / 2) : last, spec.step);
      }
      return [];
    }
    case "unknown":
      return spec.find?.(args) ?? [];
    default:
      return assertNever(spec);
  }
}

function endOf(last: number, count: number): number {
  return last < 0 ? count + last : Math.min(last, count - 1);
}

function steps(first: number, last: number, step: number): number[] {
  assert(step > 0);
  const indexes: number[] = [];
  for (let index = first; index <= last; index += step) indexes.push(index);
  return indexes;
}

function assertNever(spec: never): never {
  throw new Error(`unreachable: ${String(spec)}`);
}
