// Whole numbers of as many bytes as they need: seven bits a byte, lowest first, the high bit says that
// more follow (LEB128). Up to 2^53. And the bytes of short texts, which most collections are full of.

import type { Bytes } from "../base/bytes.ts";

/** A native write costs more than so many bytes written one by one. */
const BY_HAND_MAX = 24;

export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let size = 3;
  for (let rest = Math.floor(value / 0x20_0000); rest > 0; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Returns the offset after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let offset = at;
  while (rest >= 0x80) {
    target[offset++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[offset++] = rest;
  return offset;
}

/** Returns the offset after them. */
export function writeBytes(target: Buffer, at: number, bytes: Bytes): number {
  const { length } = bytes;
  if (length > BY_HAND_MAX) {
    target.latin1Write(bytes, at, length);
  } else {
    for (let index = 0; index < length; index++) target[at + index] = bytes.charCodeAt(index);
  }
  return at + length;
}

/** A varint for the length, then the bytes. */
export function sizedSize(bytes: Bytes): number {
  return varintSize(bytes.length) + bytes.length;
}

/** Returns the offset after it. */
export function writeSized(target: Buffer, at: number, bytes: Bytes): number {
  return writeBytes(target, writeVarint(target, at, bytes.length), bytes);
}

/** Reads a payload from front to back; `at` is where it stands. Throws what `corrupt` makes. */
export class PayloadReader {
  readonly source: Bytes;
  at: number;
  readonly #corrupt: () => Error;

  constructor(source: Bytes, at: number, corrupt: () => Error) {
    this.source = source;
    this.at = at;
    this.#corrupt = corrupt;
  }

  get isAtEnd(): boolean {
    return this.at === this.source.length;
  }

  byte(): number {
    if (this.at >= this.source.length) throw this.#corrupt();
    return this.source.charCodeAt(this.at++);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 0x80;
      if (scale > Number.MAX_SAFE_INTEGER) throw this.#corrupt();
    }
    return value;
  }

  take(size: number): Bytes {
    const end = this.at + size;
    if (end > this.source.length) throw this.#corrupt();
    const bytes = this.source.slice(this.at, end);
    this.at = end;
    return bytes;
  }

  /** What `writeSized` wrote. */
  sized(): Bytes {
    return this.take(this.varint());
  }

  /** Nothing may follow. */
  end(): void {
    if (!this.isAtEnd) throw this.#corrupt();
  }
}
