// Replies to Lua values and back, by Redis's rules ("Scripting with Lua", data type conversion), in both protocols that a
// script may choose with redis.setresp.

import { unreachable } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { formatDouble } from "../resp/double.ts";
import {
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "../resp/reply.ts";
import { DEPTH_MAX } from "../resp/writer.ts";
import { BOOLEAN, NIL, NUMBER, STRING, TABLE, type LuaMachine } from "./machine.ts";

export type Protocol = 2 | 3;

const STACK_LIMIT = "ERR reached lua stack limit";
/** A reply nests in an EXEC at most. */
const NESTING_MAX = DEPTH_MAX - 4;
/** Slots that one level of nesting takes. */
const LEVEL_SLOTS = 8;

export function pushError(lua: LuaMachine, text: Bytes): void {
  lua.newTable(0, 2);
  lua.pushString(text);
  lua.setField(-2, "err");
}

/** An error of a command, in the script's hands: it has been counted when it happened. */
export function pushCountedError(lua: LuaMachine, text: Bytes): void {
  pushError(lua, text);
  lua.pushBoolean(true);
  lua.setField(-2, "ignore_error_stats_update");
}

/** Whether the error table on top says that. */
export function isCountedError(lua: LuaMachine): boolean {
  lua.field(-1, "ignore_error_stats_update");
  const isCounted = lua.type(-1) === BOOLEAN && lua.boolean(-1);
  lua.pop(1);
  return isCounted;
}

/** Pushes what a command answered. */
export function pushReply(lua: LuaMachine, reply: Reply, protocol: Protocol): void {
  lua.reserve(LEVEL_SLOTS);
  if (typeof reply === "string") lua.pushString(reply);
  else if (typeof reply === "number") lua.pushNumber(reply);
  else if (typeof reply === "bigint") lua.pushNumber(Number(reply));
  else if (reply === null) pushNull(lua, protocol);
  else if (typeof reply === "boolean") pushBoolean(lua, reply, protocol);
  else if (isArray(reply)) pushArray(lua, reply, protocol);
  else pushSpecial(lua, reply, protocol);
}

function pushNull(lua: LuaMachine, protocol: Protocol): void {
  if (protocol === 3) lua.pushNil();
  else lua.pushBoolean(false);
}

function pushBoolean(lua: LuaMachine, value: boolean, protocol: Protocol): void {
  if (protocol === 3) lua.pushBoolean(value);
  else lua.pushNumber(value ? 1 : 0);
}

function pushArray(lua: LuaMachine, items: readonly Reply[], protocol: Protocol): void {
  lua.newTable(protocol === 3 && items.some(isNull) ? 0 : items.length, 0);
  for (let index = 0; index < items.length; index++) {
    pushReply(lua, items[index] ?? null, protocol);
    lua.rawSetAt(-2, index + 1);
  }
}

/**
 * It becomes nil in RESP3. What `#` says of a table with a hole depends on how the table grew: in Redis from
 * nothing, element by element.
 */
function isNull(reply: Reply): boolean {
  return (
    reply === null || (typeof reply === "object" && !isArray(reply) && reply.kind === "null-array")
  );
}

type Special = Exclude<
  Reply,
  null | string | number | bigint | boolean | readonly Reply[] | undefined
>;

function pushSpecial(lua: LuaMachine, reply: Special, protocol: Protocol): void {
  switch (reply.kind) {
    case "status":
      pushTagged(lua, "ok", () => lua.pushString(reply.text));
      break;
    case "error":
      pushCountedError(lua, reply.text);
      break;
    case "null-array":
      pushNull(lua, protocol);
      break;
    case "double":
      if (protocol === 2) lua.pushString(formatDouble(reply.value));
      else pushTagged(lua, "double", () => lua.pushNumber(reply.value));
      break;
    case "big-number":
      if (protocol === 2) lua.pushString(reply.digits);
      else pushTagged(lua, "big_number", () => lua.pushString(reply.digits));
      break;
    case "map":
      if (protocol === 2) pushArray(lua, reply.flat, protocol);
      else pushTagged(lua, "map", () => pushMap(lua, reply.flat));
      break;
    case "keyed":
      if (protocol === 2) pushArray(lua, reply.nested(), protocol);
      else pushTagged(lua, "map", () => pushMap(lua, reply.flat));
      break;
    case "pairs":
      pushArray(lua, protocol === 2 ? reply.flat : reply.nested(), protocol);
      break;
    case "set":
      if (protocol === 2) pushArray(lua, reply.items, protocol);
      else pushTagged(lua, "set", () => pushMembers(lua, reply.items));
      break;
    case "push":
      pushArray(lua, reply.items, protocol);
      break;
    case "attributed":
      pushReply(lua, reply.reply, protocol);
      break;
    case "verbatim":
      if (protocol === 2) lua.pushString(reply.text);
      else pushTagged(lua, "verbatim_string", () => pushVerbatim(lua, reply));
      break;
    default:
      unreachable(reply);
  }
}

function pushTagged(lua: LuaMachine, tag: string, push: () => void): void {
  lua.newTable(0, 1);
  push();
  lua.setField(-2, tag);
}

function pushMap(lua: LuaMachine, flat: readonly Reply[]): void {
  lua.newTable(0, flat.length / 2);
  for (let index = 0; index + 1 < flat.length; index += 2) {
    pushReply(lua, flat[index] ?? null, 3);
    pushReply(lua, flat[index + 1] ?? null, 3);
    lua.rawSet(-3);
  }
}

function pushMembers(lua: LuaMachine, items: readonly Reply[]): void {
  lua.newTable(0, items.length);
  for (const item of items) {
    pushReply(lua, item, 3);
    lua.pushBoolean(true);
    lua.rawSet(-3);
  }
}

function pushVerbatim(lua: LuaMachine, reply: Verbatim): void {
  lua.newTable(0, 2);
  lua.pushString(reply.text);
  lua.setField(-2, "string");
  lua.pushString(reply.format);
  lua.setField(-2, "format");
}

/** What a script returned, from the value on top, which stays there. */
export function replyOf(lua: LuaMachine, protocol: Protocol, depth = 0): Reply {
  switch (lua.type(-1)) {
    case STRING:
      return lua.string(-1);
    case NUMBER:
      return wholeOf(lua.number(-1));
    case BOOLEAN:
      if (protocol === 3) return lua.boolean(-1);
      return lua.boolean(-1) ? 1 : null;
    case TABLE:
      if (depth >= NESTING_MAX) return new ErrorReply(STACK_LIMIT);
      lua.reserve(LEVEL_SLOTS);
      return tableReply(lua, protocol, depth);
    default:
      return null;
  }
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Cut towards zero; what does not fit is the smallest number, as C's conversion has it. */
function wholeOf(value: number): number | bigint {
  const whole = Math.trunc(value);
  if (Number.isSafeInteger(whole)) return whole === 0 ? 0 : whole;
  if (!Number.isFinite(whole)) return INT64_MIN;
  const exact = BigInt(whole);
  return exact > INT64_MAX || exact < INT64_MIN ? INT64_MIN : exact;
}

function errorOf(lua: LuaMachine): Reply | undefined {
  const isCounted = isCountedError(lua);
  return textField(lua, "err", (text) => new ErrorReply(errorLine(text), isCounted));
}

/** Tables with one of these fields are something else than an array; the first that fits counts. */
function tableReply(lua: LuaMachine, protocol: Protocol, depth: number): Reply {
  return (
    errorOf(lua) ??
    textField(lua, "ok", (text) => new Status(oneLine(text))) ??
    doubleOf(lua) ??
    nestedField(lua, "map", () => new MapReply(pairsOf(lua, protocol, depth))) ??
    nestedField(lua, "set", () => new SetReply(keysOf(lua, protocol, depth))) ??
    textField(lua, "big_number", (text) => new BigNumber(oneLine(text))) ??
    nestedField(lua, "verbatim_string", () => verbatimOf(lua)) ??
    arrayOf(lua, protocol, depth)
  );
}

/** An error loses the ends of lines around it, and has spaces for those inside. */
export function errorLine(text: Bytes): Bytes {
  return oneLine(text.replaceAll(/^[\r\n]+|[\r\n]+$/g, ""));
}

function oneLine(text: Bytes): Bytes {
  return text.replaceAll(/[\r\n]/g, " ");
}

function textField(lua: LuaMachine, name: string, make: (text: Bytes) => Reply): Reply | undefined {
  lua.field(-1, name);
  const reply = lua.type(-1) === STRING ? make(lua.string(-1)) : undefined;
  lua.pop(1);
  return reply;
}

function doubleOf(lua: LuaMachine): Reply | undefined {
  lua.field(-1, "double");
  const reply = lua.type(-1) === NUMBER ? new Double(lua.number(-1)) : undefined;
  lua.pop(1);
  return reply;
}

function nestedField(
  lua: LuaMachine,
  name: string,
  make: () => Reply | undefined,
): Reply | undefined {
  lua.field(-1, name);
  const reply = lua.type(-1) === TABLE ? make() : undefined;
  lua.pop(1);
  return reply;
}

function verbatimOf(lua: LuaMachine): Reply | undefined {
  lua.field(-1, "string");
  lua.field(-2, "format");
  const isWhole = lua.type(-1) === STRING && lua.type(-2) === STRING;
  const reply = isWhole ? new Verbatim(formatOf(lua.string(-1)), lua.string(-2)) : undefined;
  lua.pop(2);
  return reply;
}

function formatOf(format: Bytes): "txt" | "mkd" {
  return format.startsWith("mkd") ? "mkd" : "txt";
}

function pairsOf(lua: LuaMachine, protocol: Protocol, depth: number): Reply[] {
  const flat: Reply[] = [];
  eachEntry(lua, () => {
    // A number must stay one for the walk: its copy is looked at.
    lua.pushValue(-2);
    flat.push(replyOf(lua, protocol, depth + 1));
    lua.pop(1);
    flat.push(replyOf(lua, protocol, depth + 1));
  });
  return flat;
}

function keysOf(lua: LuaMachine, protocol: Protocol, depth: number): Reply[] {
  const items: Reply[] = [];
  eachEntry(lua, () => {
    lua.pushValue(-2);
    items.push(replyOf(lua, protocol, depth + 1));
    lua.pop(1);
  });
  return items;
}

/** Visits with key and value on top. */
export function eachEntry(lua: LuaMachine, visit: () => void): void {
  lua.pushNil();
  while (lua.next(-2)) {
    visit();
    lua.pop(1);
  }
}

/** Up to the first nil. */
function arrayOf(lua: LuaMachine, protocol: Protocol, depth: number): Reply {
  const items: Reply[] = [];
  for (let index = 1; ; index++) {
    lua.rawGetAt(-1, index);
    if (lua.type(-1) === NIL) {
      lua.pop(1);
      return items;
    }
    const item = replyOf(lua, protocol, depth + 1);
    lua.pop(1);
    if (item instanceof ErrorReply && item.text === STACK_LIMIT) return item;
    items.push(item);
  }
}

function isArray(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}
