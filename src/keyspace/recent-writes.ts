// The newest committed batches, as the bytes that went to the log: the strings that were written in them and read by
// nobody yet.
//
// The problem. A string that is kept as an object, and replaced before anybody reads it, is copied twice by the
// collector of young objects, looked at by that of old ones, and was worth nothing. What is written again and again is
// most of what is written.
//
// The way. With its commit the object of such a string goes (`Record.isAway`), and the record remembers where in a ring
// of bytes, to which each batch is copied whole, its encoded form stands. Who reads it makes the object again; the first
// reads only for themselves (`lend`), later ones to stay. Nothing is freed: the ring goes round, and what it has passed over
// is read from the disk, which has the same.
//
// A place is an offset and a lap. It is valid while the lap is this one, or the last and the place is not written over yet.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { STRING, stringOf } from "../encoding/record.ts";
import type { WriteOps } from "../engine/write-ops.ts";
import type { Record } from "./record.ts";

const RING_BYTES_MAX = 32 * 1024 * 1024;
/** Of what the cache may take. */
const RING_SHARE = 4;
/** An object that stays costs the collector about what so many cost that do not. */
const READS_LENT = 4;
/** A larger batch is not copied: it would push out too many others. */
const BATCHES_PER_RING = 32;

export class RecentWrites {
  #ring: Buffer | null = null;
  #capacity = 0;
  #cacheBytesMax = 0;
  #end = 0;
  /** The batch that is taken in, where it stands, once it has been copied, and whether it is too large. */
  #ops: WriteOps | null = null;
  #base = -1;
  #isRefused = false;
  /** A record that was never here has 0, which is valid at no time. */
  #lap = 2;

  /** Bytes that the ring takes of a cache of `cacheBytesMax`. */
  capacityOf(cacheBytesMax: number): number {
    return Math.min(RING_BYTES_MAX, Math.floor(cacheBytesMax / RING_SHARE));
  }

  /** A batch, whose bytes are `ops`, has just been committed. */
  begin(ops: WriteOps, cacheBytesMax: number): void {
    this.#ops = ops;
    this.#base = -1;
    if (cacheBytesMax !== this.#cacheBytesMax) this.#resize(cacheBytesMax);
    this.#isRefused = ops.length > this.#capacity / BATCHES_PER_RING;
  }

  /**
   * Takes in the string of a record that this batch has written last, if it has one that nobody has read since. `sizeAt`:
   * where in the batch its length begins.
   */
  takes(record: Record, sizeAt: number): boolean {
    if (record.reads > 0 || record.kind !== STRING || this.#isRefused) return false;
    // What Redis calls "raw" is so only as long as it is not loaded again.
    if (record.isRaw) return false;
    if (this.#base < 0) this.#base = this.#copy();
    record.recentAt = this.#base + sizeAt;
    record.recentLap = this.#lap;
    record.value = null;
    return true;
  }

  /**
   * Gives a record its string for the unit that runs. False when it is not away, not here, or is read so often that it had
   * better stay.
   */
  lend(record: Record): boolean {
    if (!record.isAway || record.reads >= READS_LENT) return false;
    const text = this.read(record);
    if (text === null) return false;
    record.reads++;
    record.lend(text);
    return true;
  }

  /** Touches where the string of a record would be. What it returns says nothing. */
  near({ recentAt }: Record): number {
    return this.#ring?.[recentAt] ?? 0;
  }

  /** The string of a record that was left here; null when the ring has passed over it. */
  read({ recentAt, recentLap }: Record): Bytes | null {
    const isHere =
      recentLap === this.#lap || (recentLap === this.#lap - 1 && recentAt >= this.#end);
    if (!isHere || this.#ring === null) return null;
    return readString(this.#ring, recentAt);
  }

  /** Where the batch stands now. */
  #copy(): number {
    const ops = this.#ops;
    assert(ops !== null);
    const { length } = ops;
    this.#ring ??= Buffer.allocUnsafeSlow(this.#capacity);
    if (this.#end + length > this.#capacity) {
      this.#end = 0;
      this.#lap++;
    }
    const at = this.#end;
    ops.buffer.copy(this.#ring, at, 0, length);
    this.#end = at + length;
    return at;
  }

  #resize(cacheBytesMax: number): void {
    this.#cacheBytesMax = cacheBytesMax;
    const capacity = this.capacityOf(cacheBytesMax);
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#ring = null;
    this.#end = 0;
    // Nothing of before is valid.
    this.#lap += 2;
  }
}

/** The string in an encoded record that stands behind its length, a varint. */
function readString(ring: Buffer, sizeAt: number): Bytes {
  let size = 0;
  let shift = 0;
  for (let at = sizeAt; ; at++) {
    const byte = ring[at] ?? 0;
    size |= (byte & 0x7f) << shift;
    if (byte < 0x80) return stringOf(ring, at + 1, size);
    shift += 7;
  }
}
