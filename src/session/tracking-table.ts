// Which connections have read which keys: whom an invalidation concerns. A key is forgotten when its
// invalidation is sent; a connection that has gone is met no more, and its entries go with their keys.

import type { Bytes } from "../base/bytes.ts";

/** Most keys are read by one connection: its number stands alone. */
type Readers = number | Set<number>;

export class TrackingTable {
  readonly #readers = new Map<Bytes, Readers>();
  itemCount = 0;

  get keyCount(): number {
    return this.#readers.size;
  }

  add(key: Bytes, id: number): void {
    const readers = this.#readers.get(key);
    if (readers === id || (typeof readers === "object" && readers.has(id))) return;
    this.itemCount++;
    if (readers === undefined) this.#readers.set(key, id);
    else if (typeof readers === "number") this.#readers.set(key, new Set([readers, id]));
    else readers.add(id);
  }

  /** Those who have read the key; they are forgotten. */
  take(key: Bytes): readonly number[] {
    const readers = this.#readers.get(key);
    if (readers === undefined) return [];
    this.#readers.delete(key);
    const ids = typeof readers === "number" ? [readers] : [...readers];
    this.itemCount -= ids.length;
    return ids;
  }

  /** The key that has been here longest; null when there is none. */
  oldest(): Bytes | null {
    for (const key of this.#readers.keys()) return key;
    return null;
  }

  clear(): void {
    this.#readers.clear();
    this.itemCount = 0;
  }
}
