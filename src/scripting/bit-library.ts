// The library `bit`, as Lua BitOp 1.0.2 defines it: 32-bit operations whose results are signed.

import { ArgumentError, type LuaMachine, type Native } from "./machine.ts";

export const bitLibrary: Readonly<Record<string, Native>> = {
  tobit: unary((value) => value),
  bnot: unary((value) => ~value),
  bswap: unary(
    (value) =>
      ((value & 0xff) << 24) |
      ((value & 0xff00) << 8) |
      ((value >>> 8) & 0xff00) |
      ((value >>> 24) & 0xff),
  ),
  band: fold((left, right) => left & right),
  bor: fold((left, right) => left | right),
  bxor: fold((left, right) => left ^ right),
  lshift: shift((value, by) => value << by),
  rshift: shift((value, by) => value >>> by),
  arshift: shift((value, by) => value >> by),
  rol: shift((value, by) => (value << by) | (value >>> (32 - by))),
  ror: shift((value, by) => (value >>> by) | (value << (32 - by))),
  tohex,
};

/**
 * Modulo 2^32, as the library rounds it: to the nearest, ties to even; beyond 2^51 what its way of doing that
 * leaves.
 */
function bits(lua: LuaMachine, index: number): number {
  if (!lua.isNumber(index)) {
    throw new ArgumentError(index, `number expected, got ${lua.typeName(index)}`);
  }
  double[0] = lua.number(index) + ROUNDING;
  return words[0] ?? 0;
}

/** Added to a number, it leaves the whole bits of it in the low word of the sum. */
const ROUNDING = 2 ** 52 + 2 ** 51;
const double = new Float64Array(1);
const words = new Int32Array(double.buffer);

function unary(operation: (value: number) => number): Native {
  return (lua) => {
    lua.pushNumber(operation(bits(lua, 1)) | 0);
    return 1;
  };
}

function fold(operation: (left: number, right: number) => number): Native {
  return (lua) => {
    let result = bits(lua, 1);
    const { top } = lua;
    for (let index = 2; index <= top; index++) result = operation(result, bits(lua, index));
    lua.pushNumber(result | 0);
    return 1;
  };
}

function shift(operation: (value: number, by: number) => number): Native {
  return (lua) => {
    lua.pushNumber(operation(bits(lua, 1), bits(lua, 2) & 31) | 0);
    return 1;
  };
}

function tohex(lua: LuaMachine): number {
  const value = bits(lua, 1) >>> 0;
  const wanted = lua.top >= 2 ? bits(lua, 2) : 8;
  const digits = Math.min(Math.abs(wanted), 8);
  const text = digits === 0 ? "" : value.toString(16).padStart(8, "0").slice(-digits);
  lua.pushString(wanted < 0 ? text.toUpperCase() : text);
  return 1;
}
