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
import { Trouble, type BackgroundParts } from "./trouble.ts";
import type { Database, Keyspace } from "../keyspace/keyspace.ts";

/** While there is a backlog the next round comes sooner. */
const BACKLOG_ROUND_MS = 5;
const KEYS_PER_EFFORT = 256;
const DEFAULT_ROUND_MS = 100;
/** Entries warmed at least when the front of the index is not in the cache. */
const WARM_ENTRIES_MIN = 1024;

export class Expirer {
  /** DEBUG SET-ACTIVE-EXPIRE. */
  enabled = true;
  /** CLIENT PAUSE: while clients may not write, the data stays as it is. */
  isHeld: () => boolean = () => false;
  /** Milliseconds from one round to the next; what `hz` makes of a second. */
  roundMs = DEFAULT_ROUND_MS;
  /** Keys a round removes at most. */
  keysPerRound = KEYS_PER_EFFORT;
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #onBug: (error: unknown) => void;
  readonly #trouble: Trouble;
  /** Entries of the index before this one have been seen to: tombstones, not to be walked again. */
  #from: Bytes = "";
  #timer: Timer | null = null;
  #stopped = false;
  /** The last round has left dead items in a collection: its next round is in the index again. */
  #hasMore = false;

  constructor(parts: BackgroundParts) {
    this.#pipeline = parts.pipeline;
    this.#clock = parts.clock;
    this.#onBug = parts.onBug;
    this.#trouble = new Trouble((words) => parts.onTrouble(`Expired keys stay: ${words}`));
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
      void this.#beat().catch(this.#onBug);
    });
  }

  async #beat(): Promise<void> {
    let met = 0;
    try {
      met = await this.round();
      this.#trouble.over();
    } catch (error) {
      if (!this.#trouble.met(error)) throw error;
    }
    this.#schedule(met < this.keysPerRound ? this.roundMs : this.#backlogMs);
  }

  get #backlogMs(): number {
    return Math.min(this.roundMs, BACKLOG_ROUND_MS);
  }

  /**
   * Removes what is due, up to `keysPerRound`; resolves with how many index entries were met, or with
   * `keysPerRound` when a collection has more in it.
   */
  async round(): Promise<number> {
    const pipeline = this.#pipeline;
    const idle = pipeline.refusal === null && !pipeline.isStalled && !pipeline.isFull;
    if (!this.enabled || !idle || this.isHeld()) return 0;
    const nowMs = this.#clock.nowMs();
    const { keyspace } = pipeline;
    this.#goBackTo(keyspace.earliestDueMs);
    keyspace.earliestDueMs = Infinity;
    const due = await this.#due(nowMs);
    const last = due.at(-1);
    if (last === undefined) {
      this.#from = u48(nowMs);
      return 0;
    }
    this.#hasMore = false;
    const left = await this.#remove(due);
    this.#from = `${last}\0`;
    if (left !== null) this.#goBackTo(left);
    return this.#hasMore ? this.keysPerRound : due.length;
  }

  #goBackTo(expiryMs: number): void {
    if (expiryMs === Infinity) return;
    const from = u48(expiryMs);
    if (from < this.#from) this.#from = from;
  }

  /** Index entries of times up to now, earliest first. */
  async #due(nowMs: number): Promise<Bytes[]> {
    const { engine } = this.#pipeline.keyspace;
    const range = {
      lower: this.#from,
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

  /** The earliest time of what cannot be removed now, because it cannot be read; null for none. */
  async #remove(entries: readonly Bytes[]): Promise<number | null> {
    const due = entries.map(dueOf);
    if (await this.#removeTogether(due)) return null;
    // One of them cannot be read: the others need not wait for it.
    let leftMs: number | null = null;
    for (const one of due) {
      if (!(await this.#removeTogether([one]))) leftMs ??= one.expiryMs;
    }
    return leftMs;
  }

  /** False when they could not be read: nothing has happened then. */
  async #removeTogether(due: readonly Due[]): Promise<boolean> {
    const { keyspace } = this.#pipeline;
    let hasRun = false;
    const itemsMax = Math.max(1, Math.floor(this.keysPerRound / due.length));
    const unit = internalUnit(
      keyspace.system,
      (view) => {
        for (const { database, key } of placed(keyspace, due)) {
          view.database = database;
          if (view.removeExpired(key, itemsMax)) this.#hasMore = true;
        }
        hasRun = true;
      },
      () => placed(keyspace, due),
    );
    await this.#pipeline.perform(unit);
    return hasRun;
  }
}

interface Due {
  readonly incarnationId: number;
  readonly key: Bytes;
  readonly expiryMs: number;
}

function dueOf(entry: Bytes): Due {
  const { expiryMs, target } = decodeExpiryKey(entry);
  return { incarnationId: target.incarnationId, key: target.key, expiryMs };
}

/** Where keys are at this moment: databases may be swapped while something is loaded. */
function* placed(
  keyspace: Keyspace,
  due: readonly Due[],
): Generator<{ readonly database: Database; readonly key: Bytes }> {
  const places = new Map<number, Database>();
  for (const database of [...keyspace.databases, keyspace.system]) {
    places.set(database.incarnation.id, database);
  }
  for (const { incarnationId, key } of due) {
    const database = places.get(incarnationId);
    // Of a flushed incarnation: the collector's business. Or of a database configured away.
    if (database !== undefined) yield { database, key };
  }
}
