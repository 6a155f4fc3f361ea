// Records as they are on disk, by their keys, in memory that is not V8's: what has left the objects of the
// keyspace (keyspace.ts) is found here at the cost of two waits for memory, where RocksDB waits for some
// fifty, and ten million of them cost the collector of garbage nothing.
//
// Rows lie one behind the other in segments, in the order in which they came; when all segments are full,
// the oldest is emptied for what comes next. An index of buckets, each as large as a line of the
// processor's caches, says where the row of a hash lies: one of its bucket or of the one beside it, where both are
// full the oldest row is lost (one in some thousands, where one in 250 was without the second). This is a cache:
// whoever does not find a row asks the engine.
//
//   row       key length:u16 value length:u16 incarnation:u32 hash:u32 key value, filled up to UNIT_BYTES
//   bucket    8 places of hash:u32 address:u32, the address in units, counted from 1; 0 for a free place
//
// Invariants
//   - what a place of the index points at is a row of that hash
//   - a row that no place points at is dead, and goes with its segment
//
// What may be in here, the keyspace says: nothing but what is committed.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";

const UNIT_BYTES = 8;
const HEADER_BYTES = 12;
/** Emptied in one go: some ten thousand rows, a millisecond or two. */
const SEGMENT_UNITS = 1 << 17;
/** Memory is taken in pieces of so many segments. */
const SLAB_SEGMENTS = 16;
const SLAB_UNITS = SLAB_SEGMENTS * SEGMENT_UNITS;
const SLAB_SHIFT = 21;
const PLACES = 8;
const BUCKET_WORDS = 2 * PLACES;
/** So many bytes of rows to a place: with rows of 96 bytes two places in three are taken. */
const BYTES_PER_PLACE = 64;
/** A larger row is not kept: two lengths of 16 bits, and no segment filled by a few. */
export const ROW_BYTES_MAX = 4096;
/** Addresses are 30 bits. */
export const ROW_CACHE_BYTES_MAX = 8 * 1024 ** 3;

interface Slab {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

export class RowCache {
  readonly #index: Int32Array;
  readonly #bucketCount: number;
  readonly #slabs: Slab[] = [];
  readonly #segmentCount: number;
  /** How far each segment is filled, in units. */
  readonly #filled: Int32Array;
  #segment = 0;
  /** Where the next row of that segment goes. */
  #next = 0;
  #rowCount = 0;
  /** Segments emptied so far: what was in there may be gone. */
  evictions = 0;

  /** Takes `bytesMax` at most, in whole segments: less than one holds nothing. */
  constructor(bytesMax: number) {
    assert(bytesMax <= ROW_CACHE_BYTES_MAX, "addresses of rows are 30 bits");
    const segmentBytes = SEGMENT_UNITS * UNIT_BYTES;
    const bucketCount = 2 * Math.ceil(bytesMax / (2 * BYTES_PER_PLACE * PLACES));
    const left = bytesMax - bucketCount * BUCKET_WORDS * Int32Array.BYTES_PER_ELEMENT;
    this.#segmentCount = Math.max(0, Math.floor(left / segmentBytes));
    this.#bucketCount = bucketCount;
    this.#index = new Int32Array(this.#segmentCount === 0 ? 0 : bucketCount * BUCKET_WORDS);
    this.#filled = new Int32Array(this.#segmentCount);
  }

  get isOff(): boolean {
    return this.#segmentCount === 0;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** What has been taken of memory so far. */
  get bytes(): number {
    const segments = Math.min(this.#segmentCount, this.#slabs.length * SLAB_SEGMENTS);
    return this.#index.byteLength + segments * SEGMENT_UNITS * UNIT_BYTES;
  }

  /** Where the row of a key lies; -1 for nowhere. Valid until the next change. */
  find(incarnationId: number, hash: number, key: Bytes): number {
    const place = this.#placeOf(incarnationId, hash, key);
    return place < 0 ? -1 : (this.#index[place + 1] ?? 0) - 1;
  }

  /**
   * Begins to bring the rows of these hashes near: what is returned says nothing, and is to be handed on to `nearer`,
   * after all were begun.
   */
  near(incarnationId: number, hash: number): number {
    return this.#index[this.#bucketOf(incarnationId, hash)] ?? 0;
  }

  /** The second step: the row itself. */
  nearer(incarnationId: number, hash: number): number {
    const index = this.#index;
    const bucket = this.#bucketOf(incarnationId, hash);
    const tag = hash | 0;
    for (let place = bucket; place < bucket + BUCKET_WORDS; place += 2) {
      const address = (index[place + 1] ?? 0) - 1;
      if (index[place] !== tag || address < 0) continue;
      const { words } = this.#slabAt(address);
      const at = wordAt(address);
      return (words[at] ?? 0) ^ (words[at + 16] ?? 0);
    }
    return 0;
  }

  /** The bytes of the record at `address`, from `skipped` on. */
  valueAt(address: number, skipped = 0): Bytes {
    const { bytes, words } = this.#slabAt(address);
    const lengths = words[wordAt(address)] ?? 0;
    const at = byteAt(address) + HEADER_BYTES + (lengths & 0xffff);
    return bytes.latin1Slice(at + skipped, at + (lengths >>> 16));
  }

  /** The first two bytes of the record at `address`, the first one times 256. */
  headAt(address: number): number {
    const { bytes, words } = this.#slabAt(address);
    const at = byteAt(address) + HEADER_BYTES + ((words[wordAt(address)] ?? 0) & 0xffff);
    return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }

  /**
   * Keeps a record: `head` and `tail` are its bytes. One that is too large is not kept, and what there was of
   * the key is gone.
   */
  put(row: RowKey, head: Bytes, tail: Bytes): void {
    const { hash, key } = row;
    const incarnationId = row.incarnation.id;
    const valueBytes = head.length + tail.length;
    const size = HEADER_BYTES + key.length + valueBytes;
    if (this.#segmentCount === 0 || size > ROW_BYTES_MAX) {
      this.delete(incarnationId, hash, key);
      return;
    }
    const units = Math.ceil(size / UNIT_BYTES);
    let place = this.#placeOf(incarnationId, hash, key);
    let address = place < 0 ? -1 : (this.#index[place + 1] ?? 0) - 1;
    if (address < 0 || this.#unitsAt(address) !== units) {
      address = this.#room(units);
      // Emptying a segment may have taken the place, or made a better one.
      place = this.#placeOf(incarnationId, hash, key);
      if (place < 0) place = this.#placeFor(incarnationId, hash);
      this.#index[place] = hash | 0;
      this.#index[place + 1] = address + 1;
      this.#writeKey(address, row);
    }
    const { bytes, words } = this.#slabAt(address);
    words[wordAt(address)] = key.length | (valueBytes << 16);
    const at = byteAt(address) + HEADER_BYTES + key.length;
    for (let index = 0; index < head.length; index++) bytes[at + index] = head.charCodeAt(index);
    if (tail.length > 0) bytes.latin1Write(tail, at + head.length, tail.length);
  }

  /** Keeps a record of which there is no row. */
  add(row: RowKey, value: Bytes): void {
    if (this.find(row.incarnation.id, row.hash, row.key) < 0) this.put(row, "", value);
  }

  delete(incarnationId: number, hash: number, key: Bytes): void {
    const place = this.#placeOf(incarnationId, hash, key);
    if (place < 0) return;
    this.#index[place + 1] = 0;
    this.#rowCount--;
  }

  clear(): void {
    this.#index.fill(0);
    this.#filled.fill(0);
    this.#segment = 0;
    this.#next = 0;
    this.#rowCount = 0;
    this.evictions++;
  }

  #bucketOf(incarnationId: number, hash: number): number {
    const mixed = Math.imul(hash ^ Math.imul(incarnationId, 0x9e3779b1), 0x85ebca6b);
    return Math.floor(((mixed >>> 0) * this.#bucketCount) / 2 ** 32) * BUCKET_WORDS;
  }

  /** The place of the index that points at the row of a key; -1 for none. */
  #placeOf(incarnationId: number, hash: number, key: Bytes): number {
    const bucket = this.#bucketOf(incarnationId, hash);
    const place = this.#placeIn(bucket, incarnationId, hash, key);
    return place >= 0 ? place : this.#placeIn(bucket ^ BUCKET_WORDS, incarnationId, hash, key);
  }

  #placeIn(bucket: number, incarnationId: number, hash: number, key: Bytes): number {
    const index = this.#index;
    const tag = hash | 0;
    for (let place = bucket; place < bucket + BUCKET_WORDS; place += 2) {
      if (index[place] !== tag) continue;
      const address = (index[place + 1] ?? 0) - 1;
      if (address >= 0 && this.#isOf(address, incarnationId, key)) return place;
    }
    return -1;
  }

  #isOf(address: number, incarnationId: number, key: Bytes): boolean {
    const { bytes, words } = this.#slabAt(address);
    const word = wordAt(address);
    if (((words[word] ?? 0) & 0xffff) !== key.length || words[word + 1] !== (incarnationId | 0)) {
      return false;
    }
    const at = byteAt(address) + HEADER_BYTES;
    for (let index = 0; index < key.length; index++) {
      if (bytes[at + index] !== key.charCodeAt(index)) return false;
    }
    return true;
  }

  /** A place for a new row: a free one, or that of the row that has been there longest. */
  #placeFor(incarnationId: number, hash: number): number {
    const index = this.#index;
    const bucket = this.#bucketOf(incarnationId, hash);
    let oldest = bucket;
    let oldestAge = -1;
    for (let step = 0; step < 2 * BUCKET_WORDS; step += 2) {
      const place = placeAt(bucket, step);
      const address = (index[place + 1] ?? 0) - 1;
      if (address < 0) {
        this.#rowCount++;
        return place;
      }
      const age = this.#ageOf(address);
      if (age <= oldestAge) continue;
      oldest = place;
      oldestAge = age;
    }
    return oldest;
  }

  /** How many segments ago a row came. */
  #ageOf(address: number): number {
    const segments = this.#segmentCount;
    return (this.#segment - Math.floor(address / SEGMENT_UNITS) + segments) % segments;
  }

  /** An address at which so many units are free. */
  #room(units: number): number {
    if (this.#next + units > SEGMENT_UNITS) {
      this.#filled[this.#segment] = this.#next;
      this.#segment = (this.#segment + 1) % this.#segmentCount;
      this.#next = 0;
      if ((this.#filled[this.#segment] ?? 0) > 0) this.#empty(this.#segment);
    }
    const address = this.#segment * SEGMENT_UNITS + this.#next;
    this.#next += units;
    return address;
  }

  #empty(segment: number): void {
    const start = segment * SEGMENT_UNITS;
    const end = start + (this.#filled[segment] ?? 0);
    for (let address = start; address < end; address += this.#unitsAt(address)) {
      this.#unlink(address);
    }
    this.#filled[segment] = 0;
    this.evictions++;
  }

  #unlink(address: number): void {
    const { words } = this.#slabAt(address);
    const word = wordAt(address);
    const index = this.#index;
    const bucket = this.#bucketOf(words[word + 1] ?? 0, words[word + 2] ?? 0);
    for (let step = 0; step < 2 * BUCKET_WORDS; step += 2) {
      const place = placeAt(bucket, step);
      if (index[place + 1] !== address + 1) continue;
      index[place + 1] = 0;
      this.#rowCount--;
      return;
    }
  }

  #unitsAt(address: number): number {
    const lengths = this.#slabAt(address).words[wordAt(address)] ?? 0;
    return Math.ceil((HEADER_BYTES + (lengths & 0xffff) + (lengths >>> 16)) / UNIT_BYTES);
  }

  #writeKey(address: number, { incarnation, hash, key }: RowKey): void {
    const { bytes, words } = this.#slabAt(address);
    const word = wordAt(address);
    words[word + 1] = incarnation.id;
    words[word + 2] = hash;
    const at = byteAt(address) + HEADER_BYTES;
    for (let index = 0; index < key.length; index++) bytes[at + index] = key.charCodeAt(index);
  }

  #slabAt(address: number): Slab {
    const number = address >>> SLAB_SHIFT;
    return this.#slabs[number] ?? this.#addSlab(number);
  }

  #addSlab(number: number): Slab {
    assert(number === this.#slabs.length, "slabs are taken in order");
    const segments = Math.min(SLAB_SEGMENTS, this.#segmentCount - number * SLAB_SEGMENTS);
    const memory = new ArrayBuffer(segments * SEGMENT_UNITS * UNIT_BYTES);
    const slab = { bytes: Buffer.from(memory), words: new Int32Array(memory) };
    this.#slabs.push(slab);
    return slab;
  }
}

/** A record of the keyspace is one. */
export interface RowKey {
  readonly incarnation: { readonly id: number };
  readonly hash: number;
  readonly key: Bytes;
}

/** The place `step` words on, in a bucket or then in the one beside it. */
function placeAt(bucket: number, step: number): number {
  return step < BUCKET_WORDS ? bucket + step : (bucket ^ BUCKET_WORDS) + step - BUCKET_WORDS;
}

function wordAt(address: number): number {
  return (address & (SLAB_UNITS - 1)) * 2;
}

function byteAt(address: number): number {
  return (address & (SLAB_UNITS - 1)) * UNIT_BYTES;
}
