// The library `struct`: values to binary and back by a format, as Roberto Ierusalimschy's lua-struct 0.2
// with Redis's checks.
//
//   > <        big, little (the usual) endian            !n   align to n, a power of 2 (8)
//   x          a byte of padding                        b B h H l L T   1, 1, 2, 2, 8, 8, 8 bytes, signed/unsigned
//   i I        4 bytes, or as many as follow            f d  float, double
//   s          a string that ends with a zero           cn   n characters; c0: all, or as many as the last number said

import type { Bytes } from "../base/bytes.ts";
import {
  ArgumentError,
  LuaError,
  NUMBER,
  STRING,
  type LuaMachine,
  type Native,
} from "./machine.ts";

export const structLibrary: Readonly<Record<string, Native>> = { pack, unpack, size: sizeOfFormat };

const INTEGER_SIZE_MAX = 32;
const ALIGNMENT_MAX = 8;
const SIZE_LIMIT = 2 ** 31 - 1;
const TWO_64 = 2n ** 64n;

interface Item {
  readonly option: string;
  readonly size: number;
  /** Bytes of padding before it. */
  readonly padding: number;
  readonly isLittle: boolean;
}

/** Goes through a format, one item at a time; `at` is where the next one begins. */
class Format {
  readonly #text: Bytes;
  readonly #ignoresLetters: boolean;
  #index = 0;
  #isLittle = true;
  #alignment = 1;

  /** `ignoresLetters`: whether letters and digits that mean nothing take no room, or are refused. */
  constructor(text: Bytes, ignoresLetters = false) {
    this.#ignoresLetters = ignoresLetters;
    this.#text = text;
  }

  next(at: number): Item | null {
    while (this.#index < this.#text.length) {
      const option = this.#text.charAt(this.#index++);
      if (this.#control(option)) continue;
      const size = this.#sizeOf(option);
      return { option, size, padding: this.#padding(option, size, at), isLittle: this.#isLittle };
    }
    return null;
  }

  #control(option: string): boolean {
    switch (option) {
      case " ":
        return true;
      case ">":
        this.#isLittle = false;
        return true;
      case "<":
        this.#isLittle = true;
        return true;
      case "!": {
        const alignment = this.#number(ALIGNMENT_MAX);
        if (alignment === 0 || (alignment & (alignment - 1)) !== 0) {
          throw new LuaError(`alignment ${alignment} is not a power of 2`);
        }
        this.#alignment = alignment;
        return true;
      }
      default:
        return false;
    }
  }

  #sizeOf(option: string): number {
    switch (option) {
      case "b":
      case "B":
      case "x":
        return 1;
      case "h":
      case "H":
        return 2;
      case "f":
        return 4;
      case "l":
      case "L":
      case "T":
      case "d":
        return 8;
      case "s":
        return 0;
      case "c":
        return this.#number(1);
      case "i":
      case "I": {
        const size = this.#number(4);
        if (size > INTEGER_SIZE_MAX) {
          throw new LuaError(`integral size ${size} is larger than limit of ${INTEGER_SIZE_MAX}`);
        }
        return size;
      }
      default:
        if (this.#ignoresLetters && /[0-9A-Za-z]/.test(option)) return 0;
        throw new ArgumentError(1, `invalid format option '${option}'`);
    }
  }

  #padding(option: string, size: number, at: number): number {
    if (size === 0 || option === "c" || option === "x") return 0;
    const alignment = Math.min(size, this.#alignment);
    if (alignment <= 1) return 0;
    return (alignment - (at & (alignment - 1))) & (alignment - 1);
  }

  #number(otherwise: number): number {
    let digits = "";
    while (/\d/.test(this.#text.charAt(this.#index))) digits += this.#text.charAt(this.#index++);
    if (digits === "") return otherwise;
    const value = Number(digits);
    if (value > SIZE_LIMIT) throw new LuaError("integral size overflow");
    return value;
  }
}

function textOf(lua: LuaMachine, index: number): Bytes {
  const type = lua.type(index);
  if (type === STRING || type === NUMBER) return lua.string(index);
  throw new ArgumentError(index, `string expected, got ${typeName(lua, index)}`);
}

function numberOf(lua: LuaMachine, index: number): number {
  if (lua.isNumber(index)) return lua.number(index);
  throw new ArgumentError(index, `number expected, got ${typeName(lua, index)}`);
}

/** What is missing is a nil to this library. */
function typeName(lua: LuaMachine, index: number): string {
  return index > lua.top ? "nil" : lua.typeName(index);
}

function pack(lua: LuaMachine): number {
  const format = new Format(textOf(lua, 1));
  let out = "";
  let argument = 1;
  const take = (): number => ++argument;
  for (let item = format.next(0); item !== null; item = format.next(out.length)) {
    out += "\0".repeat(item.padding) + packed(lua, item, take);
  }
  lua.pushString(out);
  return 1;
}

function packed(lua: LuaMachine, item: Item, take: () => number): Bytes {
  switch (item.option) {
    case "x":
      return "\0";
    case "f":
    case "d":
      return floatBytes(numberOf(lua, take()), item);
    case "s":
      return `${textOf(lua, take())}\0`;
    case "c": {
      const index = take();
      const text = textOf(lua, index);
      const size = item.size === 0 ? text.length : item.size;
      if (text.length < size) throw new ArgumentError(index + 1, "string too short");
      return text.slice(0, size);
    }
    default:
      return integerBytes(numberOf(lua, take()), item);
  }
}

function integerBytes(value: number, { size, isLittle }: Item): Bytes {
  const whole = Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
  let rest = BigInt.asUintN(64, whole);
  let out = "";
  for (let index = 0; index < size; index++) {
    out += String.fromCharCode(Number(rest & 0xffn));
    rest >>= 8n;
  }
  return isLittle ? out : reversed(out);
}

function reversed(text: Bytes): Bytes {
  return Buffer.from(text, "latin1").reverse().latin1Slice();
}

function floatBytes(value: number, { size, isLittle }: Item): Bytes {
  const buffer = Buffer.alloc(size);
  if (size === 4) buffer.writeFloatLE(value);
  else buffer.writeDoubleLE(value);
  const bytes = buffer.latin1Slice();
  return isLittle ? bytes : reversed(bytes);
}

function unpack(lua: LuaMachine): number {
  const format = new Format(textOf(lua, 1));
  const data = textOf(lua, 2);
  let at = lua.top >= 3 ? numberOf(lua, 3) - 1 : 0;
  if (at < 0) throw new LuaError("offset must be 1 or greater");
  let count = 0;
  for (let item = format.next(at); item !== null; item = format.next(at)) {
    at += item.padding;
    if (at + item.size > data.length) throw new ArgumentError(2, "data string too short");
    lua.reserve(2);
    at = unpackItem(lua, item, { data, at, count });
    if (item.option !== "x") count++;
    if (item.option === "c" && item.size === 0) count--;
  }
  lua.pushNumber(at + 1);
  return count + 1;
}

/** Pushes a value; returns where the next one begins. */
function unpackItem(
  lua: LuaMachine,
  item: Item,
  source: { data: Bytes; at: number; count: number },
): number {
  const { data, at } = source;
  const end = at + item.size;
  switch (item.option) {
    case "x":
      return end;
    case "f":
    case "d":
      lua.pushNumber(floatOf(data.slice(at, end), item));
      return end;
    case "s": {
      const zero = data.indexOf("\0", at);
      if (zero === -1) throw new LuaError("unfinished string in data");
      lua.pushString(data.slice(at, zero));
      return zero + 1;
    }
    case "c":
      return unpackCharacters(lua, item, source);
    default:
      lua.pushNumber(integerOf(data.slice(at, end), item));
      return end;
  }
}

function unpackCharacters(
  lua: LuaMachine,
  item: Item,
  { data, at, count }: { data: Bytes; at: number; count: number },
): number {
  let { size } = item;
  if (size === 0) {
    if (count === 0 || lua.type(-1) !== NUMBER) {
      throw new LuaError("format 'c0' needs a previous size");
    }
    size = sizeOfNumber(lua.number(-1));
    lua.pop(1);
    if (size < 0 || at + size > data.length) throw new ArgumentError(2, "data string too short");
  }
  lua.pushString(data.slice(at, at + size));
  return at + size;
}

/** As Redis's builds for x86-64 turn a double into a size: what is beyond 2^64 becomes 0. */
function sizeOfNumber(value: number): number {
  if (Number.isNaN(value)) return Infinity;
  return value >= 2 ** 64 ? 0 : Math.trunc(value);
}

function integerOf(bytes: Bytes, { option, isLittle }: Item): number {
  const ordered = isLittle ? bytes : reversed(bytes);
  let value = 0n;
  for (let index = Math.min(ordered.length, 8) - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(ordered.charCodeAt(index));
  }
  const isSigned = option === option.toLowerCase();
  if (isSigned) return Number(BigInt.asIntN(Math.min(ordered.length, 8) * 8, value));
  return Number(value % TWO_64);
}

function floatOf(bytes: Bytes, { size, isLittle }: Item): number {
  const buffer = Buffer.from(isLittle ? bytes : reversed(bytes), "latin1");
  return size === 4 ? buffer.readFloatLE() : buffer.readDoubleLE();
}

function sizeOfFormat(lua: LuaMachine): number {
  const format = new Format(textOf(lua, 1), true);
  let at = 0;
  for (let item = format.next(at); item !== null; item = format.next(at)) {
    if (item.option === "s") throw new ArgumentError(1, "option 's' has no fixed size");
    if (item.option === "c" && item.size === 0) {
      throw new ArgumentError(1, "option 'c0' has no fixed size");
    }
    at += item.padding + item.size;
  }
  lua.pushNumber(at);
  return 1;
}
