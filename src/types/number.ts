// Numbers as clients write them, and back: strict whole numbers of 64 bits, and floating point as
// C's strtod reads it. What every type of value shares; long-double.ts has INCRBYFLOAT's numbers.
//
// A whole number of 64 bits is an `Integer`: a number while it is exact as one (below 2^53), a
// bigint beyond, never a bigint for what a number can hold. So the common case stays cheap and
// equal values are equal.

import type { Bytes } from "../base/bytes.ts";

export type Integer = number | bigint;

export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const MINUS = 0x2d;
/** The longest run of digits that cannot pass 2^53. */
const SAFE_DIGITS = 15;
/** "-9223372036854775808" */
const INTEGER_LENGTH_MAX = 20;

/**
 * A whole number in the one spelling that Redis takes: digits with at most a minus before them, no
 * leading zero, no plus, no space, within 64 bits. Null for anything else.
 */
export function parseInteger(text: Bytes): Integer | null {
  const { length } = text;
  if (length === 0 || length > INTEGER_LENGTH_MAX) return null;
  const isNegative = text.charCodeAt(0) === MINUS;
  const start = isNegative ? 1 : 0;
  const first = text.charCodeAt(start);
  if (first === DIGIT_0) return length === 1 ? 0 : null;
  if (start === length) return null;
  let value = 0;
  for (let index = start; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code < DIGIT_0 || code > DIGIT_9) return null;
    value = value * 10 + (code - DIGIT_0);
  }
  // Rounding is monotonic: what is rounded to a safe number was that number.
  if (length - start <= SAFE_DIGITS || value <= Number.MAX_SAFE_INTEGER) {
    return isNegative ? -value : value;
  }
  return inInt64(BigInt(text));
}

/** `value` as an Integer, or null when it does not fit in 64 bits with a sign. */
export function inInt64(value: bigint): Integer | null {
  if (value > INT64_MAX || value < INT64_MIN) return null;
  return normal(value);
}

/** The one form of an Integer: a number wherever that is exact. */
export function normal(value: bigint): Integer {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}

/** The sum, or null when it leaves 64 bits. */
export function addInt64(left: Integer, right: Integer): Integer | null {
  if (typeof left === "number" && typeof right === "number") {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return inInt64(BigInt(left) + BigInt(right));
}

/** The opposite, or null for the one number that has none. */
export function negateInt64(value: Integer): Integer | null {
  if (typeof value === "number") return value === 0 ? 0 : -value;
  return inInt64(-value);
}

/** A whole number that may be used as an index: beyond 2^53 it is cut to the nearest end. */
export function toIndex(value: Integer): number {
  if (typeof value === "number") return value;
  return value > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL =
  /^([+-]?)0[xX](?:([\da-fA-F]+)\.?([\da-fA-F]*)|\.([\da-fA-F]+))(?:[pP]([+-]?\d+))?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
/** Long enough for every double written out, short enough to be nobody's weapon. */
const FLOAT_LENGTH_MAX = 5 * 1024;

/**
 * A double as strtod reads it, decimal, hexadecimal or infinite, the whole text and no space before
 * it. Null for anything else, for NaN, and for decimals too large or too small to be told from
 * infinity or zero.
 */
export function parseDouble(text: Bytes): number | null {
  const plain = parseInteger(text);
  if (typeof plain === "number") return plain;
  if (text.length > FLOAT_LENGTH_MAX) return null;
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) return null;
    return value === 0 && /[1-9]/.test(mantissaOf(text)) ? null : value;
  }
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? -Infinity : Infinity;
  return parseHexadecimal(text);
}

function mantissaOf(text: Bytes): Bytes {
  const exponentAt = text.search(/[eE]/);
  return exponentAt < 0 ? text : text.slice(0, exponentAt);
}

function parseHexadecimal(text: Bytes): number | null {
  const parts = readHexadecimal(text);
  if (parts === null) return null;
  const { isNegative, mantissa, exponent } = parts;
  const value = scaled(mantissa, exponent);
  if (value === null) return null;
  return isNegative ? -value : value;
}

/** mantissa * 2^exponent, rounded once; null when it overflows, or vanishes. */
function scaled(mantissa: bigint, exponent: number): number | null {
  if (mantissa === 0n) return 0;
  // Sixty-odd leading bits decide the rounding, the last of them standing for all that follow.
  const excess = mantissa.toString(2).length - 62;
  let head = mantissa;
  let shift = exponent;
  if (excess > 0) {
    head = mantissa >> BigInt(excess);
    if (head << BigInt(excess) !== mantissa) head |= 1n;
    shift += excess;
  }
  if (shift < -1200) return null;
  const top = head.toString(2).length + shift;
  // Below the normal doubles the mantissa is shorter: round it to that here, not twice.
  if (top < -1021) {
    const drop = BigInt(-1074 - shift);
    const rounded = drop > 0n ? roundedShift(head, drop) : head << -drop;
    return rounded === 0n ? null : Number(rounded) * 2 ** -1074;
  }
  const value =
    shift > 900 ? Number(head) * 2 ** 900 * 2 ** (shift - 900) : timesPower(head, shift);
  return Number.isFinite(value) ? value : null;
}

function timesPower(head: bigint, shift: number): number {
  return shift < -900 ? Number(head) * 2 ** -900 * 2 ** (shift + 900) : Number(head) * 2 ** shift;
}

/** `value` without its lowest `bits`, to nearest, ties to even. */
export function roundedShift(value: bigint, bits: bigint): bigint {
  const kept = value >> bits;
  const rest = value - (kept << bits);
  const half = 1n << (bits - 1n);
  return rest > half || (rest === half && (kept & 1n) === 1n) ? kept + 1n : kept;
}

export interface HexadecimalFloat {
  readonly isNegative: boolean;
  readonly mantissa: bigint;
  /** Of two. */
  readonly exponent: number;
}

/** "0x1.8p3" and its like, exactly; null for anything else. */
export function readHexadecimal(text: Bytes): HexadecimalFloat | null {
  const match = HEXADECIMAL.exec(text);
  if (match === null) return null;
  const [, sign = "", whole = "", fraction = "", bare = "", power = "0"] = match;
  const digits = whole + fraction + bare;
  return {
    isNegative: sign === "-",
    mantissa: BigInt(`0x${digits}`),
    exponent: Number(power) - 4 * (fraction.length + bare.length),
  };
}

/** What strtod takes for a decimal: "1", "-1.5e3", ".5", "5.", "+1". */
export function isDecimal(text: Bytes): boolean {
  return text.length <= FLOAT_LENGTH_MAX && DECIMAL.test(text);
}

/** Above it JavaScript writes an exponent, printf all digits. */
const DIGITS_IN_FULL_MAX = 1e21;

/** As printf writes it with `%.<decimals>f`. */
export function formatFixed(value: number, decimals: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (size === Infinity) return `${sign}inf`;
  if (size < DIGITS_IN_FULL_MAX) return sign + size.toFixed(decimals);
  return `${sign}${BigInt(size)}.${"0".repeat(decimals)}`;
}
