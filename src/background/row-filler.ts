// Fills the cache of rows (keyspace/row-cache.ts) from the disk, slot by slot, after the start and whenever it gets
// another size, until all keys are in it or it is full: rows that came in by being asked for would take
// as many reads of cold keys as there are keys.
//
// Each slot is read on a thread into the block cache, and taken from there in one go: what a cursor shows at
// that moment is committed, or of a key whose record has changes that are not.

import type { Clock } from "../base/clock.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { dataPrefix, decodeDataKey, SLOT_COUNT } from "../encoding/key.ts";
import { DATA, type CursorRange } from "../engine/engine.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import { ROW_BYTES_MAX } from "../keyspace/row-cache.ts";
import { Trouble, type BackgroundParts } from "./trouble.ts";

/** The event loop is held for half a millisecond at most. */
const ENTRIES_PER_STEP = 256;
/** Read on a thread in one go. */
const WARM_ENTRIES = 1024;
/** How often a range is warmed that is cold again when it is looked at. */
const WARMINGS_MAX = 4;

export class RowFiller {
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #onBug: (error: unknown) => void;
  readonly #trouble: Trouble;
  #stopped = false;

  constructor(parts: BackgroundParts) {
    this.#pipeline = parts.pipeline;
    this.#clock = parts.clock;
    this.#onBug = parts.onBug;
    this.#trouble = new Trouble((words) => parts.onTrouble(`Rows are not brought in: ${words}`));
  }

  /** Begins, if there is something to fill. */
  start(): void {
    const { stored } = this.#pipeline.keyspace;
    if (stored.isFilling || stored.rows.isOff) return;
    stored.isFilling = true;
    void this.fill()
      .catch((error: unknown) => {
        if (!this.#trouble.met(error)) this.#onBug(error);
      })
      .finally(() => {
        stored.isFilling = false;
      });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when all is in that there is room for. */
  async fill(): Promise<void> {
    const { keyspace } = this.#pipeline;
    const { rows } = keyspace.stored;
    const { evictions } = rows;
    const goesOn = (): boolean =>
      !this.#stopped && keyspace.stored.rows === rows && rows.evictions === evictions;
    for (const { incarnation } of keyspace.databases) {
      let slot = incarnation.nextSlot(0);
      while (slot < SLOT_COUNT && goesOn()) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other leaves room for clients
        await this.#fillSlot(incarnation, slot, goesOn);
        slot = incarnation.nextSlot(slot + 1);
      }
    }
  }

  async #fillSlot(incarnation: Incarnation, slot: number, goesOn: () => boolean): Promise<void> {
    const { keyspace } = this.#pipeline;
    const upper = dataPrefix(incarnation.id, slot + 1);
    let lower = dataPrefix(incarnation.id, slot);
    for (let warmings = 0; warmings < WARMINGS_MAX && goesOn();) {
      const range = { lower, upper, reverse: false, valueBytesMax: ROW_BYTES_MAX } as const;
      const taken = this.#take(incarnation, { ...range, patience: "loop" });
      if (taken === null) {
        warmings++;
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await keyspace.engine.warm(DATA, { ...range, patience: "wait" }, WARM_ENTRIES);
        continue;
      }
      if (taken.count === 0) return;
      lower = `${taken.last}\0`;
      warmings = 0;
      // oxlint-disable-next-line no-await-in-loop -- whoever has something to say comes between
      await new Promise<void>((resolve) => this.#clock.soon(resolve));
    }
  }

  /** Takes in what a step of the range holds; null when that would wait for the disk. */
  #take(
    incarnation: Incarnation,
    range: CursorRange,
  ): { readonly count: number; readonly last: string } | null {
    const { keyspace } = this.#pipeline;
    const cursor = keyspace.engine.cursor(DATA, range);
    try {
      const flat = cursor.next(ENTRIES_PER_STEP);
      if (flat === undefined) return null;
      for (let index = 0; index + 1 < flat.length; index += 2) {
        const { key, hash } = decodeDataKey(flat[index] ?? "");
        keyspace.keepRow({ incarnation, hash, key }, flat[index + 1] ?? "");
      }
      return { count: flat.length / 2, last: flat.at(-2) ?? "" };
    } finally {
      cursor.close();
    }
  }
}
