// Whole numbers of 1 to 64 bits that lie anywhere in a string, and what becomes of a number that is
// too large for its field. Numbers of up to 52 bits are computed as such, wider ones as bigints.

import type { Bytes } from "../base/bytes.ts";
import { INT64_MAX, normal, type Integer } from "./number.ts";

export interface FieldType {
  readonly isSigned: boolean;
  /** In bits: 1 to 64 when signed, to 63 otherwise. */
  readonly width: number;
}

export type Overflow = "WRAP" | "SAT" | "FAIL";

/** Up to here the sum of a field and a number of as many bits is exact as a number. */
const NUMBER_WIDTH_MAX = 52;

/** The bytes of a string while fields are written: copied once, however many fields. */
export class FieldBytes {
  readonly #bytes: Buffer;

  /** `sizeMin`: zeros are added up to this length. */
  constructor(bytes: Bytes, sizeMin: number) {
    this.#bytes = Buffer.alloc(Math.max(bytes.length, sizeMin));
    this.#bytes.latin1Write(bytes, 0, bytes.length);
  }

  read(type: FieldType, offset: number): Integer {
    const { length } = this.#bytes;
    const firstByte = Math.min(Math.floor(offset / 8), length);
    const around = this.#bytes.latin1Slice(firstByte, Math.min(firstByte + 9, length));
    return readField(around, type, offset - firstByte * 8);
  }

  write(type: FieldType, offset: number, value: Integer): void {
    const { width } = type;
    if (typeof value === "bigint" || width > NUMBER_WIDTH_MAX) {
      const low = BigInt.asUintN(32, BigInt(value));
      const high = BigInt.asUintN(64, BigInt(value)) >> 32n;
      this.#writeBits(offset + width - 32, 32, Number(low));
      this.#writeBits(offset, width - 32, Number(high));
      return;
    }
    this.#writeBits(offset, width, value < 0 ? value + 2 ** width : value);
  }

  /** The lowest `width` bits of `value`, from the last to the first. */
  #writeBits(offset: number, width: number, value: number): void {
    let rest = value;
    for (let at = offset + width - 1; at >= offset; at--) {
      const byteAt = Math.floor(at / 8);
      const mask = 0x80 >> (at % 8);
      const byte = this.#bytes[byteAt] ?? 0;
      this.#bytes[byteAt] = rest % 2 === 1 ? byte | mask : byte & ~mask;
      rest = Math.floor(rest / 2);
    }
  }

  toBytes(): Bytes {
    return this.#bytes.latin1Slice();
  }
}

/** The number at `offset`, a count of bits; past the end of the string all bits are zero. */
export function readField(bytes: Bytes, type: FieldType, offset: number): Integer {
  const { isSigned, width } = type;
  if (width <= NUMBER_WIDTH_MAX) {
    const value = readBits(bytes, offset, width);
    return isSigned && value >= 2 ** (width - 1) ? value - 2 ** width : value;
  }
  const high = BigInt(readBits(bytes, offset, width - 32));
  const value = (high << 32n) | BigInt(readBits(bytes, offset + width - 32, 32));
  return normal(isSigned ? BigInt.asIntN(width, value) : value);
}

/** At most 53 bits. */
function readBits(bytes: Bytes, offset: number, width: number): number {
  let value = 0;
  for (let at = offset; at < offset + width; at++) {
    const byteAt = Math.floor(at / 8);
    const byte = byteAt < bytes.length ? bytes.charCodeAt(byteAt) : 0;
    value = value * 2 + ((byte >> (7 - (at % 8))) & 1);
  }
  return value;
}

/** What an INCRBY stores in the field; null when it would not fit and the rule is FAIL. */
export function sumFor(
  type: FieldType,
  before: Integer,
  by: Integer,
  overflow: Overflow,
): Integer | null {
  if (typeof before === "number" && typeof by === "number") {
    const sum = before + by;
    if (Number.isSafeInteger(sum)) return fit(type, sum, overflow);
  }
  return fit(type, BigInt(before) + BigInt(by), overflow);
}

/**
 * What a SET stores in the field; null when it does not fit and the rule is FAIL. To an unsigned
 * field Redis reads a negative number as one beyond 2^63, so SAT makes it the largest, not 0.
 */
export function valueFor(type: FieldType, value: Integer, overflow: Overflow): Integer | null {
  if (value < 0 && !type.isSigned && overflow === "SAT") {
    return fit(type, BigInt.asUintN(64, BigInt(value)), overflow);
  }
  if (overflow === "SAT" && type.isSigned && isTooFarDown(type, value)) {
    return fit(type, INT64_MAX, overflow);
  }
  return fit(type, value, overflow);
}

/**
 * So far below the smallest that its distance to the largest has no place in 64 bits: Redis then takes it
 * for one above the largest.
 */
function isTooFarDown({ width }: FieldType, value: Integer): boolean {
  if (typeof value === "number" || width === 64) return false;
  return value < 2n ** BigInt(width - 1) - 1n - INT64_MAX;
}

function fit(type: FieldType, value: Integer, overflow: Overflow): Integer | null {
  const { isSigned, width } = type;
  if (typeof value === "bigint" || width > NUMBER_WIDTH_MAX) {
    return fitBigint(type, BigInt(value), overflow);
  }
  const max = 2 ** (isSigned ? width - 1 : width) - 1;
  const min = isSigned ? -max - 1 : 0;
  if (value >= min && value <= max) return value;
  if (overflow === "FAIL") return null;
  if (overflow === "SAT") return value > max ? max : min;
  const span = 2 ** width;
  const wrapped = ((value % span) + span) % span;
  return wrapped > max ? wrapped - span : wrapped;
}

function fitBigint(type: FieldType, value: bigint, overflow: Overflow): Integer | null {
  const { isSigned, width } = type;
  const wrapped = isSigned ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  if (wrapped === value) return normal(value);
  if (overflow === "FAIL") return null;
  if (overflow === "WRAP") return normal(wrapped);
  const max = 2n ** BigInt(isSigned ? width - 1 : width) - 1n;
  if (value > max) return normal(max);
  return isSigned ? normal(-max - 1n) : 0;
}
