// A map ordered by key with snapshots that cost nothing to take: what the memory engine is made of.
//
// Keys stand in chunks of a few hundred, the chunks in one array. A snapshot shares all of it;
// `#epoch` grows with each snapshot, and a chunk (or the array) made in an earlier epoch is copied
// before it is changed. So a snapshot never changes, and writes without snapshots never copy.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";

const CHUNK_SIZE_MAX = 256;

interface Chunk {
  readonly epoch: number;
  readonly keys: Bytes[];
  readonly values: Bytes[];
}

/** Which keys to visit: from `lower`, to but without `upper`; null for no end. */
export interface KeyRange {
  readonly lower: Bytes;
  readonly upper: Bytes | null;
  readonly reverse: boolean;
}

/** The state of a map at one moment. */
export class OrderedSnapshot {
  readonly chunks: readonly Chunk[];
  readonly size: number;

  constructor(chunks: readonly Chunk[], size: number) {
    this.chunks = chunks;
    this.size = size;
  }

  *entries(range: KeyRange): Generator<readonly [Bytes, Bytes]> {
    yield* range.reverse ? this.#backward(range) : this.#forward(range);
  }

  *#forward({ lower, upper }: KeyRange): Generator<readonly [Bytes, Bytes]> {
    let chunkIndex = chunkFor(this.chunks, lower);
    let index = lowerBound(this.chunks[chunkIndex]?.keys ?? [], lower);
    for (; chunkIndex < this.chunks.length; chunkIndex++) {
      const { keys, values } = chunkAt(this.chunks, chunkIndex);
      for (; index < keys.length; index++) {
        const key = keys[index] ?? "";
        if (upper !== null && key >= upper) return;
        yield [key, values[index] ?? ""];
      }
      index = 0;
    }
  }

  *#backward({ lower, upper }: KeyRange): Generator<readonly [Bytes, Bytes]> {
    let chunkIndex = upper === null ? this.chunks.length - 1 : chunkFor(this.chunks, upper);
    let end = upper === null ? Infinity : lowerBound(this.chunks[chunkIndex]?.keys ?? [], upper);
    for (; chunkIndex >= 0 && chunkIndex < this.chunks.length; chunkIndex--) {
      const { keys, values } = chunkAt(this.chunks, chunkIndex);
      for (let index = Math.min(end, keys.length) - 1; index >= 0; index--) {
        const key = keys[index] ?? "";
        if (key < lower) return;
        yield [key, values[index] ?? ""];
      }
      end = Infinity;
    }
  }
}

export class OrderedMap {
  /** Without empty chunks. */
  #chunks: Chunk[] = [];
  #arrayEpoch = 0;
  #epoch = 0;
  #size = 0;

  /** A map that begins as the snapshot is; the snapshot stays as it is. */
  static of(snapshot: OrderedSnapshot): OrderedMap {
    const map = new OrderedMap();
    // Chunks may carry any epoch of the map they came from, so none may count as our own.
    map.#chunks = snapshot.chunks.map((chunk) => ({ ...chunk, epoch: -1 }));
    map.#size = snapshot.size;
    return map;
  }

  get size(): number {
    return this.#size;
  }

  get(key: Bytes): Bytes | null {
    const chunk = this.#chunks[chunkFor(this.#chunks, key)];
    if (chunk === undefined) return null;
    const index = lowerBound(chunk.keys, key);
    return chunk.keys[index] === key ? (chunk.values[index] ?? null) : null;
  }

  set(key: Bytes, value: Bytes): void {
    if (this.#chunks.length === 0) {
      this.#ownChunks().push({ epoch: this.#epoch, keys: [key], values: [value] });
      this.#size = 1;
      return;
    }
    const chunkIndex = chunkFor(this.#chunks, key);
    const chunk = this.#ownChunk(chunkIndex);
    const index = lowerBound(chunk.keys, key);
    if (chunk.keys[index] === key) {
      chunk.values[index] = value;
      return;
    }
    chunk.keys.splice(index, 0, key);
    chunk.values.splice(index, 0, value);
    this.#size++;
    if (chunk.keys.length > CHUNK_SIZE_MAX) this.#split(chunkIndex, chunk);
  }

  delete(key: Bytes): void {
    const chunkIndex = chunkFor(this.#chunks, key);
    const found = this.#chunks[chunkIndex];
    if (found === undefined) return;
    const index = lowerBound(found.keys, key);
    if (found.keys[index] !== key) return;
    this.#size--;
    if (found.keys.length === 1) {
      this.#ownChunks().splice(chunkIndex, 1);
      return;
    }
    const chunk = this.#ownChunk(chunkIndex);
    chunk.keys.splice(index, 1);
    chunk.values.splice(index, 1);
  }

  /** Deletes every key from `from` up to but without `to`. */
  deleteRange(from: Bytes, to: Bytes): void {
    if (from >= to) return;
    const kept: Chunk[] = [];
    let size = 0;
    for (const chunk of this.#chunks) {
      const start = lowerBound(chunk.keys, from);
      const end = lowerBound(chunk.keys, to);
      if (start === end) kept.push(chunk);
      else if (end - start < chunk.keys.length) kept.push(this.#without(chunk, start, end));
      size += chunk.keys.length - (end - start);
    }
    this.#chunks = kept;
    this.#arrayEpoch = this.#epoch;
    this.#size = size;
  }

  snapshot(): OrderedSnapshot {
    this.#epoch++;
    return new OrderedSnapshot(this.#chunks, this.#size);
  }

  #without(chunk: Chunk, start: number, end: number): Chunk {
    return {
      epoch: this.#epoch,
      keys: [...chunk.keys.slice(0, start), ...chunk.keys.slice(end)],
      values: [...chunk.values.slice(0, start), ...chunk.values.slice(end)],
    };
  }

  #split(chunkIndex: number, chunk: Chunk): void {
    // Keys that come in order fill chunks; the usual half and half would leave them half empty.
    const isLast = chunkIndex === this.#chunks.length - 1;
    const middle = isLast ? chunk.keys.length - 1 : chunk.keys.length >>> 1;
    const keys = chunk.keys.splice(middle);
    const values = chunk.values.splice(middle);
    this.#ownChunks().splice(chunkIndex + 1, 0, { epoch: this.#epoch, keys, values });
  }

  #ownChunks(): Chunk[] {
    if (this.#arrayEpoch < this.#epoch) {
      this.#chunks = this.#chunks.slice();
      this.#arrayEpoch = this.#epoch;
    }
    return this.#chunks;
  }

  #ownChunk(chunkIndex: number): Chunk {
    const chunk = chunkAt(this.#chunks, chunkIndex);
    if (chunk.epoch === this.#epoch) return chunk;
    const { keys, values } = chunk;
    const copy = { epoch: this.#epoch, keys: keys.slice(), values: values.slice() };
    this.#ownChunks()[chunkIndex] = copy;
    return copy;
  }
}

function chunkAt(chunks: readonly Chunk[], chunkIndex: number): Chunk {
  const chunk = chunks[chunkIndex];
  assert(chunk !== undefined);
  return chunk;
}

/** The last chunk that begins at or before `key`, the first one when there is none. */
function chunkFor(chunks: readonly Chunk[], key: Bytes): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunks[middle]?.keys[0] ?? "") <= key) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The index of the first key that is not before `key`. */
function lowerBound(keys: readonly Bytes[], key: Bytes): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
