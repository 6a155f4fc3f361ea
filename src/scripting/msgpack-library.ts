// The library `cmsgpack`: Lua values to MessagePack and back, as Salvatore Sanfilippo's lua-cmsgpack 0.4 does it.

import type { Bytes } from "../base/bytes.ts";
import {
  BOOLEAN,
  ArgumentError,
  LuaError,
  NIL,
  NUMBER,
  STRING,
  TABLE,
  type LuaMachine,
  type Native,
} from "./machine.ts";

/** What lies deeper is packed as nil. */
const NESTING_MAX = 16;
const SLOTS = 8;
const TWO_32 = 2 ** 32;
const INT64_LIMIT = 2 ** 63;

export const msgpackLibrary: Readonly<Record<string, Native>> = {
  pack,
  unpack: (lua) => unpackMany(lua, { limit: 0, offset: 0, tellsOffset: false }),
  unpack_one: (lua) =>
    unpackMany(lua, { limit: 1, offset: optionalNumber(lua, 2, 0), tellsOffset: true }),
  unpack_limit: (lua) => {
    if (lua.top < 2) throw new ArgumentError(2, "number expected, got no value");
    const limit = optionalNumber(lua, 2, 0);
    return unpackMany(lua, { limit, offset: optionalNumber(lua, 3, 0), tellsOffset: true });
  },
};

function optionalNumber(lua: LuaMachine, index: number, otherwise: number): number {
  return lua.top >= index && lua.type(index) === NUMBER ? Math.trunc(lua.number(index)) : otherwise;
}

// Packing

function pack(lua: LuaMachine): number {
  const { top } = lua;
  if (top === 0) {
    throw new ArgumentError(0, "MessagePack pack needs input.");
  }
  let out = "";
  for (let index = 1; index <= top; index++) {
    lua.pushValue(index);
    out += packed(lua, 0);
    lua.pop(1);
  }
  lua.pushString(out);
  return 1;
}

function packed(lua: LuaMachine, level: number): Bytes {
  switch (lua.type(-1)) {
    case STRING:
      return stringBytes(lua.string(-1));
    case BOOLEAN:
      return lua.boolean(-1) ? "\xc3" : "\xc2";
    case NUMBER:
      return numberBytes(lua.number(-1));
    case TABLE:
      if (level >= NESTING_MAX) return "\xc0";
      lua.reserve(SLOTS);
      return tableBytes(lua, level);
    default:
      return "\xc0";
  }
}

function byte(value: number): Bytes {
  return String.fromCharCode(value & 0xff);
}

function u16(value: number): Bytes {
  return byte(value >>> 8) + byte(value);
}

function u32(value: number): Bytes {
  return u16(value >>> 16) + u16(value & 0xffff);
}

function stringBytes(text: Bytes): Bytes {
  const { length } = text;
  if (length < 32) return byte(0xa0 | length) + text;
  if (length < 0x100) return `\xd9${byte(length)}${text}`;
  if (length < 0x10000) return `\xda${u16(length)}${text}`;
  return `\xdb${u32(length)}${text}`;
}

function numberBytes(value: number): Bytes {
  if (Number.isInteger(value) && value >= -INT64_LIMIT && value < INT64_LIMIT) {
    return integerBytes(value);
  }
  const isSingle = Math.fround(value) === value;
  const buffer = Buffer.alloc(isSingle ? 4 : 8);
  if (isSingle) buffer.writeFloatBE(value);
  else buffer.writeDoubleBE(value);
  return (isSingle ? "\xca" : "\xcb") + buffer.latin1Slice();
}

function integerBytes(value: number): Bytes {
  if (value >= 0) {
    if (value < 0x80) return byte(value);
    if (value < 0x100) return `\xcc${byte(value)}`;
    if (value < 0x10000) return `\xcd${u16(value)}`;
    if (value < TWO_32) return `\xce${u32(value)}`;
    return `\xcf${u64(BigInt(value))}`;
  }
  if (value >= -32) return byte(value);
  if (value >= -0x80) return `\xd0${byte(value)}`;
  if (value >= -0x8000) return `\xd1${u16(value & 0xffff)}`;
  if (value >= -0x80000000) return `\xd2${u32(value)}`;
  return `\xd3${u64(BigInt.asUintN(64, BigInt(value)))}`;
}

function u64(value: bigint): Bytes {
  return u32(Number(value >> 32n)) + u32(Number(value & 0xffffffffn));
}

function tableBytes(lua: LuaMachine, level: number): Bytes {
  const length = arrayLength(lua);
  if (length !== null) {
    let out = header(length, { fix: 0x90, short: "\xdc", long: "\xdd" });
    for (let index = 1; index <= length; index++) {
      lua.rawGetAt(-1, index);
      out += packed(lua, level + 1);
      lua.pop(1);
    }
    return out;
  }
  let count = 0;
  let out = "";
  lua.pushNil();
  while (lua.next(-2)) {
    lua.pushValue(-2);
    out += packed(lua, level + 1);
    lua.pop(1);
    out += packed(lua, level + 1);
    lua.pop(1);
    count++;
  }
  return header(count, { fix: 0x80, short: "\xde", long: "\xdf" }) + out;
}

function header(count: number, tags: { fix: number; short: string; long: string }): Bytes {
  if (count < 16) return byte(tags.fix | count);
  return count < 0x10000 ? tags.short + u16(count) : tags.long + u32(count);
}

/** Keys 1 to n and nothing else; null for a map. An empty table is a map of none, as in C: an array. */
function arrayLength(lua: LuaMachine): number | null {
  let highest = 0;
  let count = 0;
  lua.pushNil();
  while (lua.next(-2)) {
    lua.pop(1);
    const key = lua.type(-1) === NUMBER ? lua.number(-1) : 0;
    if (!Number.isInteger(key) || key < 1) {
      lua.pop(1);
      return null;
    }
    highest = Math.max(highest, key);
    count++;
  }
  return highest === count ? count : null;
}

// Unpacking

function unpackMany(
  lua: LuaMachine,
  options: { limit: number; offset: number; tellsOffset: boolean },
): number {
  const { limit, offset, tellsOffset } = options;
  const type = lua.top >= 1 ? lua.type(1) : NIL;
  if (type !== STRING && type !== NUMBER) {
    throw new ArgumentError(1, `string expected, got ${lua.typeName(1)}`);
  }
  const text = lua.string(1);
  if (offset < 0 || limit < 0) {
    throw new LuaError(
      `Invalid request to unpack with offset of ${offset} and limit of ${text.length}.`,
    );
  }
  if (offset > text.length) {
    throw new LuaError(`Start offset ${offset} greater than input length ${text.length}.`);
  }
  lua.settop(0);
  if (tellsOffset) lua.pushNumber(0);
  const reader = new Reader(lua, text, offset);
  const most = limit === 0 ? Infinity : limit;
  let count = 0;
  for (; reader.at < text.length && count < most; count++) {
    lua.reserve(SLOTS);
    reader.value();
  }
  if (!tellsOffset) return count;
  lua.pushNumber(reader.at >= text.length ? -1 : reader.at);
  lua.insert(1);
  lua.remove(2);
  return count + 1;
}

class Reader {
  readonly #lua: LuaMachine;
  readonly #text: Bytes;
  at: number;

  constructor(lua: LuaMachine, text: Bytes, at: number) {
    this.#lua = lua;
    this.#text = text;
    this.at = at;
  }

  #take(size: number): Bytes {
    const end = this.at + size;
    if (end > this.#text.length) throw new LuaError("Missing bytes in input.");
    const bytes = this.#text.slice(this.at, end);
    this.at = end;
    return bytes;
  }

  #buffer(size: number): Buffer {
    return Buffer.from(this.#take(size), "latin1");
  }

  #unsigned(size: number): number {
    return this.#buffer(size).readUIntBE(0, size);
  }

  /** Pushes one value. */
  value(): void {
    const lua = this.#lua;
    const tag = this.#unsigned(1);
    if (tag < 0x80) lua.pushNumber(tag);
    else if (tag >= 0xe0) lua.pushNumber(tag - 0x100);
    else if (tag >= 0xa0 && tag < 0xc0) lua.pushString(this.#take(tag & 0x1f));
    else if (tag >= 0x90 && tag < 0xa0) this.#array(tag & 0x0f);
    else if (tag >= 0x80 && tag < 0x90) this.#map(tag & 0x0f);
    else this.#tagged(tag);
  }

  #tagged(tag: number): void {
    const lua = this.#lua;
    switch (tag) {
      case 0xc0:
        lua.pushNil();
        return;
      case 0xc2:
      case 0xc3:
        lua.pushBoolean(tag === 0xc3);
        return;
      case 0xca:
        lua.pushNumber(this.#buffer(4).readFloatBE());
        return;
      case 0xcb:
        lua.pushNumber(this.#buffer(8).readDoubleBE());
        return;
      case 0xcc:
      case 0xcd:
      case 0xce:
        lua.pushNumber(this.#unsigned(1 << (tag - 0xcc)));
        return;
      case 0xcf:
        // As in Redis, where Lua's integers have a sign.
        lua.pushNumber(Number(this.#buffer(8).readBigInt64BE()));
        return;
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const size = 1 << (tag - 0xd0);
        lua.pushNumber(this.#buffer(size).readIntBE(0, size));
        return;
      }
      case 0xd3:
        lua.pushNumber(Number(this.#buffer(8).readBigInt64BE()));
        return;
      default:
        this.#sized(tag);
    }
  }

  #sized(tag: number): void {
    const lua = this.#lua;
    switch (tag) {
      case 0xd9:
        lua.pushString(this.#take(this.#unsigned(1)));
        return;
      case 0xda:
        lua.pushString(this.#take(this.#unsigned(2)));
        return;
      case 0xdb:
        lua.pushString(this.#take(this.#unsigned(4)));
        return;
      case 0xdc:
        this.#array(this.#unsigned(2));
        return;
      case 0xdd:
        this.#array(this.#unsigned(4));
        return;
      case 0xde:
        this.#map(this.#unsigned(2));
        return;
      case 0xdf:
        this.#map(this.#unsigned(4));
        return;
      default:
        throw new LuaError("Bad data format in input.");
    }
  }

  #array(length: number): void {
    this.#lua.reserve(SLOTS);
    this.#lua.newTable(0, 0);
    for (let index = 1; index <= length; index++) {
      this.value();
      this.#lua.rawSetAt(-2, index);
    }
  }

  #map(length: number): void {
    const lua = this.#lua;
    lua.reserve(SLOTS);
    lua.newTable(0, 0);
    for (let left = length; left > 0; left--) {
      this.value();
      const isNil = lua.type(-1) === NIL;
      this.value();
      if (isNil) throw new LuaError("table index is nil");
      lua.rawSet(-3);
    }
  }
}
