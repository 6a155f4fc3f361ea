// The numbers of INCRBYFLOAT: Redis computes them in C's long double, on x86-64 the 80-bit format
// with a mantissa of 64 bits, and shows them in decimal with at most 17 places. A double would show
// 3.0 + 1.1 as 4.10000000000000009, so the format is computed here, exactly, in whole numbers:
// each operation is done without loss and then rounded once to 64 bits, to nearest, ties to even.

import type { Bytes } from "../base/bytes.ts";
import { isDecimal, readHexadecimal, roundedShift } from "./number.ts";

/** mantissa * 2^exponent; the mantissa has at most 64 bits. An infinity has an infinite exponent. */
export interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** Exponent of the lowest bit of the smallest number. */
const EXPONENT_MIN = -16445;
/** A number has at most this many bits before the point. */
const BITS_MAX = 16384;
const PLACES = 17;
/** Decimal exponents beyond this are infinity or zero whatever the digits (5 KB of them at most). */
const POWER_OF_TEN_MAX = 20_000;

export const ZERO: LongDouble = { mantissa: 0n, exponent: 0 };

/**
 * A long double as strtold reads it, the whole text. Null for anything else, for NaN, and for what
 * is too large or too small to be told from infinity or zero.
 */
export function parse(text: Bytes): LongDouble | null {
  if (isDecimal(text)) return parseDecimal(text);
  const hexadecimal = readHexadecimal(text);
  if (hexadecimal !== null) {
    const { isNegative, mantissa, exponent } = hexadecimal;
    if (Math.abs(exponent) > 4 * POWER_OF_TEN_MAX) return mantissa === 0n ? ZERO : null;
    return finite(rounded(isNegative ? -mantissa : mantissa, exponent), mantissa);
  }
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinity === null) return null;
  return { mantissa: infinity[1] === "-" ? -1n : 1n, exponent: Infinity };
}

function parseDecimal(text: Bytes): LongDouble | null {
  const exponentAt = text.search(/[eE]/);
  const body = exponentAt < 0 ? text : text.slice(0, exponentAt);
  const pointAt = body.indexOf(".");
  const digits = body.replace(".", "").replace("+", "");
  const mantissa = BigInt(digits.startsWith("-") ? digits.slice(1) : digits);
  if (mantissa === 0n) return ZERO;
  const places = pointAt < 0 ? 0 : body.length - pointAt - 1;
  const power = (exponentAt < 0 ? 0 : Number(text.slice(exponentAt + 1))) - places;
  if (Math.abs(power) > POWER_OF_TEN_MAX) return null;
  const signed = digits.startsWith("-") ? -mantissa : mantissa;
  const value =
    power >= 0
      ? rounded(signed * 10n ** BigInt(power), 0)
      : quotient(signed, 10n ** BigInt(-power));
  return finite(value, mantissa);
}

/** Null where a number that is not zero became infinity or zero. */
function finite(value: LongDouble, source: bigint): LongDouble | null {
  if (value.exponent === Infinity) return null;
  return value.mantissa === 0n && source !== 0n ? null : value;
}

function quotient(numerator: bigint, denominator: bigint): LongDouble {
  const magnitude = numerator < 0n ? -numerator : numerator;
  // Two bits more than the mantissa, and a last one that stands for all that follow.
  const shift = Math.max(0, MANTISSA_BITS + 2 - bitLength(magnitude) + bitLength(denominator));
  const shifted = magnitude << BigInt(shift);
  const whole = shifted / denominator;
  const sticky = (whole << 1n) | (whole * denominator === shifted ? 0n : 1n);
  return rounded(numerator < 0n ? -sticky : sticky, -shift - 1);
}

/** The sum, or null when it is infinite or no number at all. */
export function add(left: LongDouble, right: LongDouble): LongDouble | null {
  if (left.exponent === Infinity || right.exponent === Infinity) return null;
  const exponent = Math.min(left.exponent, right.exponent);
  const sum =
    (left.mantissa << BigInt(left.exponent - exponent)) +
    (right.mantissa << BigInt(right.exponent - exponent));
  const value = rounded(sum, exponent);
  return value.exponent === Infinity ? null : value;
}

/** Decimal without exponent, at most 17 places, no trailing zeros: "3", "-0.1", "1000000". */
export function format(value: LongDouble): Bytes {
  const isNegative = value.mantissa < 0n;
  const scaled = (isNegative ? -value.mantissa : value.mantissa) * 10n ** BigInt(PLACES);
  const { exponent } = value;
  const whole =
    exponent >= 0 ? scaled << BigInt(exponent) : roundedShift(scaled, BigInt(-exponent));
  if (whole === 0n) return "0";
  const digits = whole.toString().padStart(PLACES + 1, "0");
  const before = digits.slice(0, -PLACES);
  const after = digits.slice(-PLACES).replace(/0+$/, "");
  return (isNegative ? "-" : "") + (after === "" ? before : `${before}.${after}`);
}

function rounded(mantissa: bigint, exponent: number): LongDouble {
  if (mantissa === 0n) return ZERO;
  const isNegative = mantissa < 0n;
  let magnitude = isNegative ? -mantissa : mantissa;
  let lowest = exponent;
  const drop = Math.max(bitLength(magnitude) - MANTISSA_BITS, EXPONENT_MIN - exponent);
  if (drop > 0) {
    magnitude = roundedShift(magnitude, BigInt(drop));
    lowest += drop;
  }
  const sign = isNegative ? -1n : 1n;
  if (bitLength(magnitude) + lowest > BITS_MAX) return { mantissa: sign, exponent: Infinity };
  return { mantissa: sign * magnitude, exponent: lowest };
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}
