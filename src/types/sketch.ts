// A HyperLogLog in memory, in the bytes that Redis keeps it in, so that GET, SET, DUMP and RESTORE
// carry it between the two:
//
//   "HYLL" encoding:u8 (0 dense, 1 sparse) 0 0 0 cardinality:u64le, whose top bit says "out of date"
//
//   dense     16384 registers of 6 bits, the first in the lowest bits of the first byte
//   sparse    a row of runs:   00llllll            l + 1 registers are 0
//                              01llllll llllllll   as well, up to 16384
//                              1vvvvvll            l + 1 registers are v + 1
//
// Redis's steps are followed to the byte, also in which runs are joined after a change: whoever adds the
// same to both servers finds the same string in both.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { hash, murmur64 } from "./murmur.ts";

export const REGISTER_COUNT = 16_384;
/** Bits of a hash that choose the register; the others are counted. */
const INDEX_BITS = 14;
export const VALUE_MAX = 51;
const SEED = 0xadc83b19;

const MAGIC = "HYLL";
const HEADER_SIZE = 16;
const DENSE = 0;
const SPARSE = 1;
const DENSE_SIZE = HEADER_SIZE + (REGISTER_COUNT * 6) / 8;
const ENCODING_AT = 4;
const CARDINALITY_AT = 8;
const OUT_OF_DATE_AT = 15;
const OUT_OF_DATE = 0x80;

const RUN_ZERO_MAX = 64;
const RUN_VALUE_MAX = 4;
const SPARSE_VALUE_MAX = 32;
/** How many runs from the one before the change on are looked at, whether they can be joined. */
const JOINED_RUNS_MAX = 5;

/** What does not decode as registers; the commands know what Redis says to that. */
export class CorruptSketch extends Error {
  override readonly name = "CorruptSketch";
}

/** Whether a string looks like a HyperLogLog, as far as Redis asks before it reads the registers. */
export function isSketch(value: Bytes): boolean {
  if (value.length < HEADER_SIZE || !value.startsWith(MAGIC)) return false;
  const encoding = value.charCodeAt(ENCODING_AT);
  return encoding === SPARSE || (encoding === DENSE && value.length === DENSE_SIZE);
}

/** The cardinality that the header holds; null when it is out of date. */
export function cachedCardinality(value: Bytes): number | null {
  if ((value.charCodeAt(OUT_OF_DATE_AT) & OUT_OF_DATE) !== 0) return null;
  let cardinality = 0;
  for (let at = OUT_OF_DATE_AT; at >= CARDINALITY_AT; at--) {
    cardinality = cardinality * 256 + value.charCodeAt(at);
  }
  return cardinality;
}

/** The same string, with this cardinality in its header. */
export function withCardinality(value: Bytes, cardinality: number): Bytes {
  let text = "";
  let rest = cardinality;
  for (let at = CARDINALITY_AT; at < HEADER_SIZE; at++) {
    text += String.fromCharCode(rest % 256);
    rest = Math.floor(rest / 256);
  }
  return value.slice(0, CARDINALITY_AT) + text + value.slice(HEADER_SIZE);
}

/** Which register an element belongs to, and how far it lifts it. Read it at once. */
export const place = { index: 0, value: 0 };

export function findPlace(element: Bytes): void {
  murmur64(element, SEED);
  place.index = hash.low & (REGISTER_COUNT - 1);
  const low = (hash.low >>> INDEX_BITS) | (hash.high << (32 - INDEX_BITS));
  // A bit behind the last one ends the count.
  const high = (hash.high >>> INDEX_BITS) | (1 << (32 - INDEX_BITS));
  place.value = low === 0 ? 33 + trailingZeros(high) : 1 + trailingZeros(low);
}

function trailingZeros(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

export class Sketch {
  #bytes: Buffer;
  #size: number;
  readonly #sparseBytesMax: number;

  private constructor(bytes: Buffer, size: number, sparseBytesMax: number) {
    this.#bytes = bytes;
    this.#size = size;
    this.#sparseBytesMax = sparseBytesMax;
  }

  static empty(sparseBytesMax: number): Sketch {
    const last = REGISTER_COUNT - 1;
    const run = String.fromCharCode(0x40 | (last >>> 8), last & 0xff);
    return Sketch.of(`${MAGIC}\x01${"\0".repeat(11)}${run}`, sparseBytesMax);
  }

  /** Of a string for which `isSketch` is true. `sparseBytesMax`: `hll-sparse-max-bytes`. */
  static of(value: Bytes, sparseBytesMax: number): Sketch {
    const bytes = Buffer.allocUnsafe(value.length + 64);
    bytes.latin1Write(value, 0, value.length);
    return new Sketch(bytes, value.length, sparseBytesMax);
  }

  get isDense(): boolean {
    return this.#bytes[ENCODING_AT] === DENSE;
  }

  toBytes(): Bytes {
    return this.#bytes.latin1Slice(0, this.#size);
  }

  /** Adds an element; true when that changes a register. Throws CorruptSketch. */
  add(element: Bytes): boolean {
    findPlace(element);
    return this.raise(place.index, place.value);
  }

  /** Lifts a register to a value; false when it is there already. Throws CorruptSketch. */
  raise(index: number, value: number): boolean {
    return this.isDense ? this.#raiseDense(index, value) : this.#raiseSparse(index, value);
  }

  markOutOfDate(): void {
    this.#bytes[OUT_OF_DATE_AT] = this.#byte(OUT_OF_DATE_AT) | OUT_OF_DATE;
  }

  /** Tells `visit` of the runs of registers that are the same, in order. Throws CorruptSketch. */
  forEachRun(visit: (value: number, length: number) => void): void {
    if (this.isDense) {
      for (let index = 0; index < REGISTER_COUNT; index++) visit(this.#dense(index), 1);
      return;
    }
    let first = 0;
    let at = HEADER_SIZE;
    while (at < this.#size) {
      const length = this.#runLength(at);
      first += length;
      if (first > REGISTER_COUNT) break;
      visit(this.#runValue(at), length);
      at += this.#runSize(at);
    }
    if (first !== REGISTER_COUNT)
      throw new CorruptSketch("not as many registers as there should be");
  }

  /** The runs of a sparse one as PFDEBUG DECODE writes them. */
  describeRuns(): string {
    const words: string[] = [];
    for (let at = HEADER_SIZE; at < this.#size; at += this.#runSize(at)) {
      const value = this.#runValue(at);
      const letter = this.#runSize(at) === 2 ? "Z" : "z";
      const length = this.#runLength(at);
      words.push(value === 0 ? `${letter}:${length}` : `v:${value},${length}`);
    }
    return words.join(" ");
  }

  /** Throws CorruptSketch. */
  makeDense(): void {
    if (this.isDense) return;
    const dense = new Sketch(Buffer.alloc(DENSE_SIZE), DENSE_SIZE, this.#sparseBytesMax);
    this.#bytes.copy(dense.#bytes, 0, 0, HEADER_SIZE);
    dense.#bytes[ENCODING_AT] = DENSE;
    let index = 0;
    this.forEachRun((value, length) => {
      for (const end = index + length; index < end; index++) {
        if (value !== 0) dense.#setDense(index, value);
      }
    });
    this.#bytes = dense.#bytes;
    this.#size = DENSE_SIZE;
  }

  #byte(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  #dense(index: number): number {
    const bit = index * 6;
    const at = HEADER_SIZE + (bit >>> 3);
    const shift = bit & 7;
    // Behind the last register there is nothing that counts.
    const next = shift > 2 ? this.#byte(at + 1) : 0;
    return ((this.#byte(at) >>> shift) | (next << (8 - shift))) & 0x3f;
  }

  #setDense(index: number, value: number): void {
    const bit = index * 6;
    const at = HEADER_SIZE + (bit >>> 3);
    const shift = bit & 7;
    const bytes = this.#bytes;
    bytes[at] = (this.#byte(at) & ~(0x3f << shift)) | (value << shift);
    if (shift <= 2) return;
    const rest = 8 - shift;
    bytes[at + 1] = (this.#byte(at + 1) & ~(0x3f >>> rest)) | (value >>> rest);
  }

  #raiseDense(index: number, value: number): boolean {
    if (this.#dense(index) >= value) return false;
    this.#setDense(index, value);
    return true;
  }

  #runSize(at: number): number {
    return (this.#byte(at) & 0xc0) === 0x40 ? 2 : 1;
  }

  #runLength(at: number): number {
    const byte = this.#byte(at);
    if ((byte & 0x80) !== 0) return (byte & 3) + 1;
    const high = byte & 0x3f;
    return (byte & 0x40) === 0 ? high + 1 : ((high << 8) | this.#byte(at + 1)) + 1;
  }

  /** 0 for a run of zeros. */
  #runValue(at: number): number {
    const byte = this.#byte(at);
    return (byte & 0x80) === 0 ? 0 : ((byte >>> 2) & 0x1f) + 1;
  }

  #raiseSparse(index: number, value: number): boolean {
    if (value > SPARSE_VALUE_MAX) return this.#raiseAsDense(index, value);
    let first = 0;
    let before = HEADER_SIZE;
    let at = HEADER_SIZE;
    let length = 0;
    while (at < this.#size) {
      length = this.#runLength(at);
      if (index < first + length) break;
      before = at;
      at += this.#runSize(at);
      first += length;
    }
    if (at >= this.#size) throw new CorruptSketch("the runs end before the register");
    const present = this.#runValue(at);
    if (present >= value) return false;
    const sequence = splitRun({ value: present, first, length }, index, value);
    const growth = sequence.length - this.#runSize(at);
    if (growth > 0 && this.#size + growth > this.#sparseBytesMax) {
      return this.#raiseAsDense(index, value);
    }
    this.#splice(at, sequence, growth);
    this.#joinRuns(before);
    this.markOutOfDate();
    return true;
  }

  #raiseAsDense(index: number, value: number): boolean {
    this.makeDense();
    return this.#raiseDense(index, value);
  }

  /** Puts a sequence in the place of the run at `at`. */
  #splice(at: number, sequence: readonly number[], growth: number): void {
    if (this.#size + growth > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(this.#bytes.length * 2);
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    const end = at + sequence.length;
    this.#bytes.copyWithin(end, end - growth, this.#size);
    for (const [offset, byte] of sequence.entries()) this.#bytes[at + offset] = byte;
    this.#size += growth;
  }

  /** Joins runs of one value that stand side by side, near the change. */
  #joinRuns(from: number): void {
    let at = from;
    for (let left = JOINED_RUNS_MAX; left > 0 && at < this.#size; left--) {
      const value = this.#runValue(at);
      if (value === 0) {
        at += this.#runSize(at);
        continue;
      }
      const length = this.#runLength(at) + this.#runLength(at + 1);
      const isJoined =
        at + 1 < this.#size && this.#runValue(at + 1) === value && length <= RUN_VALUE_MAX;
      if (!isJoined) {
        at++;
        continue;
      }
      this.#bytes[at + 1] = valueRun(value, length);
      this.#bytes.copyWithin(at, at + 1, this.#size);
      this.#size--;
    }
  }
}

/** What stands for a run once the register `index` in it has a value of its own. */
function splitRun(
  run: { readonly value: number; readonly first: number; readonly length: number },
  index: number,
  value: number,
): number[] {
  const sequence: number[] = [];
  const before = index - run.first;
  const behind = run.length - before - 1;
  if (before > 0) pushRun(sequence, run.value, before);
  sequence.push(valueRun(value, 1));
  if (behind > 0) pushRun(sequence, run.value, behind);
  return sequence;
}

function pushRun(sequence: number[], value: number, length: number): void {
  if (value !== 0) sequence.push(valueRun(value, length));
  else if (length <= RUN_ZERO_MAX) sequence.push(length - 1);
  else sequence.push(0x40 | ((length - 1) >>> 8), (length - 1) & 0xff);
}

function valueRun(value: number, length: number): number {
  if (length < 1 || length > RUN_VALUE_MAX) throw new AssertionFailed("a run of a value is short");
  return 0x80 | ((value - 1) << 2) | (length - 1);
}
