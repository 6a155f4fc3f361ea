// One life of a database, from a flush to the next. FLUSHDB does not delete keys: it begins a new
// incarnation, whose id is the front of every key on disk, and the old one's range is collected in the
// background. SWAPDB exchanges the incarnations of two databases.

import type { Bytes } from "../base/bytes.ts";
import { KeyTable } from "../base/key-table.ts";
import { SLOT_COUNT } from "../encoding/key.ts";
import { CorruptMeta } from "../encoding/meta.ts";
import type { Record } from "./record.ts";
import { Watches } from "./watches.ts";
import type { WrittenStrings } from "./written-strings.ts";

/** Slots whose "may hold keys" bits are stored together: 64 bytes, a small put. */
export const SLOTS_PER_CHUNK = 512;
export const CHUNK_COUNT = SLOT_COUNT / SLOTS_PER_CHUNK;
const CHUNK_BYTES = SLOTS_PER_CHUNK / 8;

export class Incarnation {
  readonly id: number;
  readonly written: WrittenStrings;
  /** Records used since the last rotation of the cache, and those used in the one before. */
  young = new KeyTable<Record>();
  old = new KeyTable<Record>();
  /** Keys present, those included that have expired and are not yet collected (as Redis counts). */
  keyCount = 0;
  /** Keys present that have an expiry. */
  expiringCount = 0;
  /** What the count record on disk, or in a batch on its way, says; NaN when that is not known. */
  storedKeyCount = 0;
  storedExpiringCount = 0;
  /** One bit a slot: set before the first key of the slot is written, so that walks skip the rest. */
  readonly slotBits = new Uint8Array(SLOT_COUNT / 8);
  /** Those of the database that shows it. */
  watches = new Watches();
  /** RANDOMKEY's place, 0 to 1, while it waits for the disk: a new one each time might never be warm. */
  pendingDraw: number | null = null;
  /** Where a walk has met a cold block last, as a cursor; it should be in memory when it is begun anew. */
  coldPlace = -1;
  /** The slot in which it was not, last. */
  outsizeSlot = -1;
  /** Chunks of `slotBits` that the next batch has to store. */
  readonly dirtyChunks = new Set<number>();

  constructor(id: number, written: WrittenStrings) {
    this.id = id;
    this.written = written;
  }

  mayHoldKeys(slot: number): boolean {
    return ((this.slotBits[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0;
  }

  noteSlot(slot: number): void {
    const index = slot >> 3;
    const bits = this.slotBits[index] ?? 0;
    const bit = 1 << (slot & 7);
    if ((bits & bit) !== 0) return;
    this.slotBits[index] = bits | bit;
    this.dirtyChunks.add(Math.floor(slot / SLOTS_PER_CHUNK));
  }

  chunk(index: number): Bytes {
    const from = index * CHUNK_BYTES;
    return Buffer.from(this.slotBits.subarray(from, from + CHUNK_BYTES)).latin1Slice();
  }

  /** Throws CorruptMeta. */
  loadChunk(index: number, bytes: Bytes): void {
    if (bytes.length !== CHUNK_BYTES) {
      throw new CorruptMeta(`the slots of a database do not decode: ${bytes.length} bytes`);
    }
    this.slotBits.set(Buffer.from(bytes, "latin1"), index * CHUNK_BYTES);
  }

  /** For a slot found empty; setting the bit again stores the chunk again. */
  forgetSlot(slot: number): void {
    const index = slot >> 3;
    this.slotBits[index] = (this.slotBits[index] ?? 0) & ~(1 << (slot & 7));
  }

  /** The first slot from `from` on that may hold keys; SLOT_COUNT when there is none. */
  nextSlot(from: number): number {
    let slot = from;
    while (slot < SLOT_COUNT) {
      if ((slot & 7) === 0 && this.slotBits[slot >> 3] === 0) {
        slot += 8;
        continue;
      }
      if (this.mayHoldKeys(slot)) return slot;
      slot++;
    }
    return SLOT_COUNT;
  }
}
