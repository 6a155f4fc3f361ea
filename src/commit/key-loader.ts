// Cold keys, read in parcels. All that the units of one turn find cold is read together: to wake a thread
// and to hear from it costs more than to read a key from the system's page cache, so several keys share
// one thread; where each waits for the disk, one or two do, so that many reads are under way at once. What
// a key takes, the engine has measured.

import type { Bytes } from "../base/bytes.ts";
import { dataKey, hashOfKey, slotOfKey } from "../encoding/key.ts";
import { DATA } from "../engine/engine.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { readFailure } from "./settle.ts";

export interface WantedKey {
  readonly incarnation: Incarnation;
  readonly key: Bytes;
}

/** A thread is given work for about so long. */
const PARCEL_US = 200;
const PARCEL_KEYS_MAX = 32;
/** More than there are threads would only wait for one. */
const PARCELS_MAX = 16;
/** While nothing has been measured. */
const PARCEL_KEYS_FIRST = 4;

/** Somebody who waits for several keys. */
interface Waiter {
  missing: number;
  error: unknown;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Entry extends WantedKey {
  readonly waiter: Waiter;
}

export class KeyLoader {
  readonly #keyspace: Keyspace;
  readonly #soon: (action: () => void) => void;
  #asked: Entry[] = [];

  constructor(keyspace: Keyspace, soon: (action: () => void) => void) {
    this.#keyspace = keyspace;
    this.#soon = soon;
  }

  /** Resolves when all of them are in memory, or rejects when one cannot be read. */
  load(wanted: readonly WantedKey[]): Promise<void> {
    if (wanted.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { missing: wanted.length, error: null, resolve, reject };
      if (this.#asked.length === 0) this.#soon(() => this.#send());
      for (const { incarnation, key } of wanted) this.#asked.push({ incarnation, key, waiter });
    });
  }

  #send(): void {
    const asked = this.#asked;
    this.#asked = [];
    const each = this.#keyspace.engine.loadMicros();
    const fitting = each === 0 ? PARCEL_KEYS_FIRST : Math.round(PARCEL_US / each);
    const least = Math.ceil(asked.length / PARCELS_MAX);
    const size = Math.min(PARCEL_KEYS_MAX, Math.max(least, fitting));
    for (let from = 0; from < asked.length; from += size) {
      void this.#read(asked.slice(from, from + size));
    }
  }

  async #read(parcel: readonly Entry[]): Promise<void> {
    try {
      await this.#readAll(parcel);
    } catch (error) {
      if (parcel.length === 1 || readFailure(error) === null) {
        for (const { waiter } of parcel) settle(waiter, error);
        return;
      }
      // One of them cannot be read: each hears of his own.
      for (const entry of parcel) void this.#read([entry]);
      return;
    }
    for (const { waiter } of parcel) settle(waiter, null);
  }

  async #readAll(parcel: readonly Entry[]): Promise<void> {
    const { stored } = this.#keyspace;
    stored.readers++;
    try {
      await this.#install(parcel);
    } finally {
      stored.readers--;
    }
  }

  async #install(parcel: readonly Entry[]): Promise<void> {
    const keyspace = this.#keyspace;
    const rotationsBefore = keyspace.rotations;
    const asOf = keyspace.committedBatch;
    const loaded = await keyspace.engine.load(DATA, parcel.map(physicalKey));
    // A record changed while the load was under way lives in the cache for at least one full turn; two
    // turns later it may have been written and dropped, and what was loaded would be stale.
    if (keyspace.rotations - rotationsBefore >= 2) return;
    for (const [index, { incarnation, key }] of parcel.entries()) {
      keyspace.installLoaded(incarnation, key, { bytes: loaded[index] ?? null, asOf });
    }
  }
}

function settle(waiter: Waiter, error: unknown): void {
  waiter.error ??= error;
  if (--waiter.missing > 0) return;
  if (waiter.error === null) waiter.resolve();
  else waiter.reject(waiter.error);
}

function physicalKey({ incarnation, key }: WantedKey): Bytes {
  const address = { incarnationId: incarnation.id, slot: slotOfKey(key), hash: hashOfKey(key) };
  return dataKey(address, key);
}
