// Active expiry: removes keys whose time has come, in the order of their times, from the index that
// the keyspace keeps. Reads check expiry by themselves; this is what gives the space back and tells
// the "expired" events.
//
// Each round removes a bounded number of keys as one unit in the open batch, like any command. It
// stands back while writes are refused or the pipeline is full: dead keys can wait, clients cannot.

import type { Bytes } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { internalUnit } from "../commit/unit.ts";
import { decodeExpiryKey, u48 } from "../encoding/key.ts";
import { EXPIRY } from "../engine/engine.ts";
import type { Database } from "../keyspace/keyspace.ts";
import type { View } from "../keyspace/view.ts";

/** While there is a backlog the next round comes sooner. */
const BACKLOG_ROUND_MS = 5;
const KEYS_PER_EFFORT = 256;
const DEFAULT_ROUND_MS = 100;
/** Entries warmed at least when the front of the index is not in the cache. */
const WARM_ENTRIES_MIN = 1024;

export class Expirer {
  /** DEBUG SET-ACTIVE-EXPIRE. */
  enabled = true;
  /** Milliseconds from one round to the next; what `hz` makes of a second. */
  roundMs = DEFAULT_ROUND_MS;
  /** Keys a round removes at most. */
  keysPerRound = KEYS_PER_EFFORT;
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #onBug: (error: unknown) => void;
  /** Everything before this time has been removed: tombstones that need not be walked again. */
  #fromMs = 0;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: { pipeline: Pipeline; clock: Clock; onBug: (error: unknown) => void }) {
    this.#pipeline = parts.pipeline;
    this.#clock = parts.clock;
    this.#onBug = parts.onBug;
  }

  /** `hz`: rounds a second. */
  set hz(rounds: number) {
    this.roundMs = 1000 / rounds;
  }

  /** `active-expire-effort`, from 1 to 10. */
  set effort(effort: number) {
    this.keysPerRound = effort * KEYS_PER_EFFORT;
  }

  start(): void {
    this.#schedule(this.roundMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(delayMs, () => {
      void this.round().then(
        (met) => this.#schedule(met < this.keysPerRound ? this.roundMs : this.#backlogMs),
        (error: unknown) => this.#onBug(error),
      );
    });
  }

  get #backlogMs(): number {
    return Math.min(this.roundMs, BACKLOG_ROUND_MS);
  }

  /** Removes what is due, up to `keysPerRound`; resolves with how many index entries were met. */
  async round(): Promise<number> {
    const pipeline = this.#pipeline;
    const idle = pipeline.refusal === null && !pipeline.isStalled && !pipeline.isFull;
    if (!this.enabled || !idle) return 0;
    const nowMs = this.#clock.nowMs();
    const { keyspace } = pipeline;
    this.#fromMs = Math.min(this.#fromMs, keyspace.earliestExpiryMs);
    keyspace.earliestExpiryMs = Infinity;
    const due = await this.#due(nowMs);
    if (due.length === 0) {
      this.#fromMs = nowMs;
      return 0;
    }
    await this.#remove(due);
    const last = due.at(-1);
    if (last !== undefined) this.#fromMs = decodeExpiryKey(last).expiryMs;
    return due.length;
  }

  /** Index entries of times up to now, earliest first. */
  async #due(nowMs: number): Promise<Bytes[]> {
    const { engine } = this.#pipeline.keyspace;
    const range = {
      lower: u48(this.#fromMs),
      upper: u48(nowMs + 1),
      reverse: false,
      valueBytesMax: 0,
    };
    for (;;) {
      const cursor = engine.cursor(EXPIRY, { ...range, patience: "loop" });
      try {
        const flat = cursor.next(this.keysPerRound);
        if (flat !== undefined) return flat.filter((_, index) => index % 2 === 0);
      } finally {
        cursor.close();
      }
      const warmed = Math.max(WARM_ENTRIES_MIN, this.keysPerRound);
      await engine.warm(EXPIRY, { ...range, patience: "wait" }, warmed);
    }
  }

  #remove(entries: readonly Bytes[]): Promise<void> {
    const { keyspace } = this.#pipeline;
    const places = new Map<number, Database>();
    for (const database of [...keyspace.databases, keyspace.system]) {
      places.set(database.incarnation.id, database);
    }
    const wanted: { database: Database; key: Bytes }[] = [];
    for (const entry of entries) {
      const { target } = decodeExpiryKey(entry);
      const database = places.get(target.incarnationId);
      // Of a flushed incarnation: the collector's business.
      if (database !== undefined) wanted.push({ database, key: target.key });
    }
    const unit = internalUnit(
      keyspace.system,
      (view) => removeAll(view, wanted),
      () => wanted,
    );
    return this.#pipeline.perform(unit);
  }
}

function removeAll(
  view: View,
  wanted: readonly { readonly database: Database; readonly key: Bytes }[],
): void {
  for (const { database, key } of wanted) {
    view.database = database;
    view.removeExpired(key);
  }
}
