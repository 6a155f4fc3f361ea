// BITFIELD and BITFIELD_RO: all operations are read before the first one runs, and the string grows
// at once to what the farthest of them writes.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, STRING_TOO_LONG, SYNTAX_ERROR } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { FieldBytes, readField, sumFor, valueFor } from "../types/bitfield.ts";
import type { FieldType, Overflow } from "../types/bitfield.ts";
import { parseInteger, type Integer } from "../types/number.ts";
import * as string from "../types/string.ts";
import { at, type Args } from "./table.ts";

export const BIT_OFFSET_INVALID = new CommandError(
  "ERR bit offset is not an integer or out of range",
);
const TYPE_INVALID = new CommandError(
  "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);
const OVERFLOW_INVALID = new CommandError("ERR Invalid OVERFLOW type specified");
const ONLY_GET = new CommandError("ERR BITFIELD_RO only supports the GET subcommand");

interface FieldOperation {
  readonly verb: "GET" | "SET" | "INCRBY";
  readonly type: FieldType;
  /** In bits. */
  readonly offset: number;
  /** Of SET and INCRBY; 0 for GET. */
  readonly operand: Integer;
  readonly overflow: Overflow;
}

export function bitfield(view: View, args: Args): Reply {
  const operations = readOperations(view, args);
  if (operations.every((one) => one.verb === "GET")) return readFields(view, args, operations);
  return changeFields(view, at(args, 1), operations);
}

export function bitfieldRo(view: View, args: Args): Reply {
  const operations = readOperations(view, args);
  if (operations.some((one) => one.verb !== "GET")) throw ONLY_GET;
  return readFields(view, args, operations);
}

function readFields(view: View, args: Args, operations: readonly FieldOperation[]): Reply {
  const value = string.get(view, at(args, 1)) ?? "";
  const replies: Reply[] = [];
  for (const { type, offset } of operations) replies.push(readField(value, type, offset));
  return replies;
}

function changeFields(view: View, key: Bytes, operations: readonly FieldOperation[]): Reply {
  const record = string.find(view, key);
  const before = record === null ? "" : string.bytesOf(record);
  let sizeMin = 0;
  for (const { verb, type, offset } of operations) {
    if (verb === "GET") continue;
    sizeMin = Math.max(sizeMin, Math.ceil((offset + type.width) / 8));
  }
  if (sizeMin > string.bytesMax(view)) throw STRING_TOO_LONG;
  const grows = sizeMin > before.length;
  const bytes = new FieldBytes(before, sizeMin);
  const replies: Reply[] = [];
  let changed = false;
  for (const operation of operations) {
    const { verb, type, offset } = operation;
    const old = bytes.read(type, offset);
    if (verb === "GET") {
      replies.push(old);
      continue;
    }
    const after = outcome(operation, old);
    replies.push(after === null || verb === "INCRBY" ? after : old);
    if (after === null) continue;
    bytes.write(type, offset, after);
    changed ||= grows || after !== old;
  }
  // A string that had to grow stays grown, even if no operation succeeded.
  if (changed || grows) string.storeRaw(view, key, record, bytes.toBytes());
  if (changed) view.notify("string", "setbit", key);
  return replies;
}

function outcome(operation: FieldOperation, old: Integer): Integer | null {
  const { type, operand, overflow } = operation;
  if (operation.verb === "INCRBY") return sumFor(type, old, operand, overflow);
  return valueFor(type, operand, overflow);
}

/** Throws what BITFIELD has to say about its arguments. */
function readOperations(view: View, args: Args): FieldOperation[] {
  const operations: FieldOperation[] = [];
  let overflow: Overflow = "WRAP";
  for (let index = 2; index < args.length;) {
    const verb = at(args, index).toUpperCase();
    const left = args.length - index - 1;
    if (verb === "OVERFLOW" && left >= 1) {
      overflow = overflowOf(at(args, index + 1));
      index += 2;
    } else if (verb === "GET" && left >= 2) {
      const { type, offset } = fieldAt(view, args, index + 1);
      operations.push({ verb, type, offset, operand: 0, overflow });
      index += 3;
    } else if ((verb === "SET" || verb === "INCRBY") && left >= 3) {
      const { type, offset } = fieldAt(view, args, index + 1);
      const operand = parseInteger(at(args, index + 3));
      if (operand === null) throw NOT_AN_INTEGER;
      operations.push({ verb, type, offset, operand, overflow });
      index += 4;
    } else throw SYNTAX_ERROR;
  }
  return operations;
}

function overflowOf(text: Bytes): Overflow {
  switch (text.toUpperCase()) {
    case "WRAP":
      return "WRAP";
    case "SAT":
      return "SAT";
    case "FAIL":
      return "FAIL";
    default:
      throw OVERFLOW_INVALID;
  }
}

function fieldAt(view: View, args: Args, index: number): { type: FieldType; offset: number } {
  const type = fieldType(at(args, index));
  return { type, offset: fieldOffset(view, at(args, index + 1), type.width) };
}

/** "i16", "u8". */
function fieldType(text: Bytes): FieldType {
  const isSigned = text.startsWith("i");
  if (!isSigned && !text.startsWith("u")) throw TYPE_INVALID;
  const width = parseInteger(text.slice(1));
  if (typeof width !== "number" || width < 1 || width > (isSigned ? 64 : 63)) throw TYPE_INVALID;
  return { isSigned, width };
}

/** A count of bits, or "#" and a count of fields of this width. */
function fieldOffset(view: View, text: Bytes, width: number): number {
  const inFields = text.startsWith("#");
  const count = parseInteger(inFields ? text.slice(1) : text);
  if (typeof count !== "number" || count < 0) throw BIT_OFFSET_INVALID;
  const offset = inFields ? count * width : count;
  if (offset / 8 >= view.limits.stringBytesMax) throw BIT_OFFSET_INVALID;
  return offset;
}
