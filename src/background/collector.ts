// The collector: removes what FLUSHDB and FLUSHALL left behind. A flush only begins a new incarnation
// and notes the old one under "drop" in the same batch; here its ranges are deleted, its entries in the
// expiry index swept in small steps, and at last the note itself. A crash in between loses nothing: the
// note is still there at the next start.
//
// And the elements of deleted collections: their keys are gone, and a "gone" note says where they are.
// Few elements are deleted one by one, in pieces; many by their range, since each range deleted is one
// more for every later read of the store to look at.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { internalUnit } from "../commit/unit.ts";
import { afterPrefix } from "../encoding/collection.ts";
import { decodeExpiryKey, readU32, u32 } from "../encoding/key.ts";
import * as meta from "../encoding/meta.ts";
import { DATA, ELEMENTS, EXPIRY, META, ORDER } from "../engine/engine.ts";
import type { CursorRange, StoreId } from "../engine/engine.ts";
import { CHUNK_COUNT } from "../keyspace/incarnation.ts";
import type { Sweep } from "../keyspace/housekeeping.ts";
import { Trouble, type BackgroundParts } from "./trouble.ts";

const ROUND_MS = 1000;
/** The pause when a round has left something: room for whatever else the server has to do. */
const SHORT_ROUND_MS = 2;
const ENTRIES_PER_STEP = 1000;
/**
 * So many elements of deleted collections are looked at in one round, in a third of a millisecond: it is one turn
 * of the loop, and whoever comes in meanwhile waits for all of it.
 */
const ENTRIES_PER_ROUND = 96;
const NOTES_PER_ROUND = 16;
/** From so many on, the elements of a collection go as a range. */
const SINGLY_MAX = 1000;

/** A deleted collection that is being collected, over several rounds when it has many elements. */
interface Remains {
  readonly note: Bytes;
  /** When a batch is undone, all is looked at again. */
  readonly undoCount: number;
  store: typeof ELEMENTS | typeof ORDER;
  /** Read and not deleted yet. */
  readonly keys: Bytes[];
  /** Whether these are all. */
  isRead: boolean;
}

export class Collector {
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #onBug: (error: unknown) => void;
  readonly #trouble: Trouble;
  #timer: Timer | null = null;
  #stopped = false;
  #more = false;
  #remains: Remains | null = null;

  constructor(parts: BackgroundParts) {
    this.#pipeline = parts.pipeline;
    this.#clock = parts.clock;
    this.#onBug = parts.onBug;
    this.#trouble = new Trouble((words) => parts.onTrouble(`What was flushed stays: ${words}`));
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(this.#more ? SHORT_ROUND_MS : ROUND_MS, () => {
      void this.#beat().catch(this.#onBug);
    });
  }

  async #beat(): Promise<void> {
    try {
      await this.round();
      this.#trouble.over();
    } catch (error) {
      if (!this.#trouble.met(error)) throw error;
    }
    this.#schedule();
  }

  /** Collects every flushed incarnation there is; stops early when writes are refused. */
  async round(): Promise<void> {
    const { keyspace } = this.#pipeline;
    this.#more = false;
    const dropped = await this.#dropped();
    for (const [index, id] of dropped.entries()) {
      this.#tell(dropped.length - index, 0);
      if (this.#stopped || !this.#mayWrite()) return;
      const { undoCount } = keyspace;
      await this.#sweep(rangesOf(id));
      if (!(await this.#sweepExpiry(id))) return;
      // The note goes only behind all sweeps: was one of them refused, it is all done again.
      if (keyspace.undoCount !== undoCount) return;
      await this.#sweep([{ store: META, from: meta.dropKey(id), to: null }]);
      this.#tell(dropped.length - index - 1, 1);
    }
    await this.#collectGone();
  }

  /** For INFO: how much it has before it, and what it has just done. */
  #tell(pending: number, freed: number): void {
    const { stats } = this.#pipeline.view;
    stats.lazyPending = pending;
    stats.lazyFreed += freed;
  }

  /** A step of bounded length; `#more` tells whether there is more to do. */
  async #collectGone(): Promise<void> {
    const prefix = meta.GONE_PREFIX;
    const bounds = { lower: prefix, upper: afterPrefix(prefix) };
    const notes = await this.#read(META, bounds, NOTES_PER_ROUND);
    let left = ENTRIES_PER_ROUND;
    for (const [index, note] of notes.entries()) {
      this.#tell(notes.length - index, 0);
      if (this.#stopped || !this.#mayWrite()) return;
      const { undoCount } = this.#pipeline.keyspace;
      if (this.#remains?.note !== note || this.#remains.undoCount !== undoCount) {
        this.#remains = { note, undoCount, store: ELEMENTS, keys: [], isRead: false };
      }
      left = await this.#sweepRemains(this.#remains, left);
      if (left <= 0) {
        this.#more = true;
        return;
      }
      // As above: behind all sweeps.
      if (this.#pipeline.keyspace.undoCount !== undoCount) return;
      await this.#sweep([{ store: META, from: note, to: null }]);
      this.#tell(notes.length - index - 1, 1);
    }
    this.#more = notes.length === NOTES_PER_ROUND;
  }

  /** Looks at so many entries, and returns how many it might have looked at besides: 0 when it is not done. */
  async #sweepRemains(remains: Remains, count: number): Promise<number> {
    let left = count - 1;
    while (left > 0) {
      if (!remains.isRead) {
        left -= await this.#readRemains(remains, left);
      } else if (remains.keys.length > 0) {
        const { store } = remains;
        const keys = remains.keys.splice(-left);
        left -= keys.length;
        await this.#sweep(keys.map((from) => ({ store, from, to: null })));
      } else if (remains.store === ELEMENTS) {
        remains.store = ORDER;
        remains.isRead = false;
      } else {
        return left;
      }
    }
    return 0;
  }

  /** So many more of the keys; when there are too many for one by one, all go at once. */
  async #readRemains(remains: Remains, count: number): Promise<number> {
    const { store, keys } = remains;
    const prefix = meta.goneElementPrefix(remains.note);
    const upper = afterPrefix(prefix);
    const last = keys.at(-1);
    const lower = last === undefined ? prefix : `${last}\0`;
    const found = await this.#read(store, { lower, upper }, count);
    for (const key of found) keys.push(key);
    remains.isRead = found.length < count;
    if (keys.length >= SINGLY_MAX) {
      assert(upper !== null, "ids stay below their limit");
      await this.#sweep([{ store, from: prefix, to: upper }]);
      remains.isRead = true;
      remains.keys.length = 0;
    }
    return found.length;
  }

  #mayWrite(): boolean {
    const pipeline = this.#pipeline;
    return pipeline.refusal === null && !pipeline.isStalled && !pipeline.isFull;
  }

  async #dropped(): Promise<number[]> {
    const lower = meta.DROP_PREFIX;
    const upper = `${lower}\xff\xff\xff\xff\xff`;
    const flat = await this.#read(META, { lower, upper }, ENTRIES_PER_STEP);
    return flat.map((key) => readU32(key, lower.length));
  }

  /** Keys of a range, `count` at most, read on the loop once they are in the cache. */
  async #read(
    store: StoreId,
    bounds: { lower: Bytes; upper: Bytes | null },
    count: number,
  ): Promise<Bytes[]> {
    const { engine } = this.#pipeline.keyspace;
    const range: Omit<CursorRange, "patience"> = { ...bounds, reverse: false, valueBytesMax: 0 };
    for (;;) {
      const cursor = engine.cursor(store, { ...range, patience: "loop" });
      try {
        const flat = cursor.next(count);
        if (flat !== undefined) return flat.filter((_, index) => index % 2 === 0);
      } finally {
        cursor.close();
      }
      await engine.warm(store, { ...range, patience: "wait" }, count);
    }
  }

  /** False when it had to stop before the end. */
  async #sweepExpiry(id: number): Promise<boolean> {
    let lower: Bytes = "";
    for (;;) {
      if (this.#stopped || !this.#mayWrite()) return false;
      const keys = await this.#read(EXPIRY, { lower, upper: null }, ENTRIES_PER_STEP);
      const last = keys.at(-1);
      if (last === undefined) return true;
      const dead = keys.filter((key) => decodeExpiryKey(key).target.incarnationId === id);
      await this.#sweep(dead.map((from) => ({ store: EXPIRY, from, to: null })));
      lower = `${last}\0`;
    }
  }

  #sweep(sweeps: readonly Sweep[]): Promise<void> {
    if (sweeps.length === 0) return Promise.resolve();
    const { keyspace } = this.#pipeline;
    const unit = internalUnit(
      keyspace.system,
      () => {
        for (const sweep of sweeps) keyspace.sweep(sweep);
      },
      () => [],
    );
    return this.#pipeline.perform(unit);
  }
}

function rangesOf(id: number): Sweep[] {
  const from = u32(id);
  const to = u32(id + 1);
  const lastChunk = meta.slotChunkKey(id, CHUNK_COUNT);
  return [
    { store: DATA, from, to },
    { store: ELEMENTS, from, to },
    { store: ORDER, from, to },
    { store: META, from: meta.countKey(id), to: null },
    { store: META, from: meta.slotChunkKey(id, 0), to: lastChunk },
  ];
}
