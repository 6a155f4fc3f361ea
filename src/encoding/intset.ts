// Redis's intset, as dumps hold it: size of a number:u32 (2, 4 or 8), count:u32, then the numbers in
// ascending order, signed; all of it little-endian.

import type { Bytes } from "../base/bytes.ts";

const HEADER_SIZE = 8;

/** Whole numbers of 64 bits, ascending, each once. */
export function encodeIntset(texts: readonly Bytes[]): Bytes {
  const numbers = texts.map(BigInt);
  const size = sizeFor(numbers);
  const target = Buffer.alloc(HEADER_SIZE + size * numbers.length);
  target.writeUInt32LE(size, 0);
  target.writeUInt32LE(numbers.length, 4);
  for (const [index, number] of numbers.entries()) {
    const at = HEADER_SIZE + index * size;
    if (size === 8) target.writeBigInt64LE(number, at);
    else target.writeIntLE(Number(number), at, size);
  }
  return target.latin1Slice();
}

function sizeFor(numbers: readonly bigint[]): 2 | 4 | 8 {
  const fit = (bits: number): boolean =>
    numbers.every((number) => BigInt.asIntN(bits, number) === number);
  if (fit(16)) return 2;
  return fit(32) ? 4 : 8;
}

/** Null when it is not one, or not in order. */
export function decodeIntset(bytes: Bytes): Bytes[] | null {
  const source = Buffer.from(bytes, "latin1");
  if (source.length < HEADER_SIZE) return null;
  const size = source.readUInt32LE(0);
  const count = source.readUInt32LE(4);
  if (size !== 2 && size !== 4 && size !== 8) return null;
  if (count === 0 || source.length !== HEADER_SIZE + size * count) return null;
  const texts: Bytes[] = [];
  let before: bigint | null = null;
  for (let at = HEADER_SIZE; at < source.length; at += size) {
    const number = size === 8 ? source.readBigInt64LE(at) : BigInt(source.readIntLE(at, size));
    if (before !== null && number <= before) return null;
    before = number;
    texts.push(String(number));
  }
  return texts;
}
