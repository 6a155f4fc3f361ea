// A block cache that several databases and column families may share.

import { abandoned, KIND_CACHE, native, type Handle } from "./native.ts";

export interface BlockCacheOptions {
  /** Bytes. */
  readonly capacity: number;
  /** The cache has 2^shardBits parts with a lock each; -1, the default, lets RocksDB choose. */
  readonly shardBits?: number;
  /** Inserting into a full cache of pinned blocks fails instead of growing. Default false. */
  readonly strict?: boolean;
  /** The share of the capacity kept for index and filter blocks, 0 to 1. Default 0.5. */
  readonly highPriorityRatio?: number;
}

/** RocksDB's LRU cache. It lives as long as this object or a database that uses it. */
export class BlockCache {
  readonly #handle: Handle;

  /** Throws TypeError or RangeError for bad options. */
  constructor(options: BlockCacheOptions) {
    const { capacity, shardBits = -1, strict = false, highPriorityRatio = 0.5 } = options;
    this.#handle = native.cacheCreate(capacity, shardBits, strict, highPriorityRatio);
    abandoned.register(this, { handle: this.#handle, kind: KIND_CACHE });
  }

  /** Bytes; may be set at any time, blocks beyond it are let go. */
  get capacity(): number {
    return native.cacheInfo(this.#handle)[0];
  }

  set capacity(bytes: number) {
    native.cacheSetCapacity(this.#handle, bytes);
  }

  /** Bytes in the cache now. */
  get usage(): number {
    return native.cacheInfo(this.#handle)[1];
  }

  /** Bytes in the cache that are in use and cannot be let go. */
  get pinnedUsage(): number {
    return native.cacheInfo(this.#handle)[2];
  }

  /** For this package only: what `Database.open` passes on. */
  static handleOf(cache: BlockCache): Handle {
    return cache.#handle;
  }
}
