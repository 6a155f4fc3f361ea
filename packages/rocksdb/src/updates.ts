// A walk through the write-ahead log: what was written, batch by batch, as it was written.

import type { Database } from "./database.ts";
import { abandoned, KIND_UPDATES, native, type Handle } from "./native.ts";

export interface Update {
  /** The sequence number of the first record. */
  readonly sequence: number;
  /** The batch in RocksDB's representation. */
  readonly representation: Buffer;
}

/** Made by `Database.updatesSince()`. */
export class Updates {
  readonly #handle: Handle;
  /** Held, so that the database is not collected, and closed, under this. */
  readonly database: Database;

  private constructor(database: Database, handle: Handle) {
    this.database = database;
    this.#handle = handle;
    abandoned.register(this, { handle, kind: KIND_UPDATES }, this);
  }

  /** For this package only. */
  static async open(database: Database, owner: Handle, sequence: number): Promise<Updates> {
    return new Updates(database, await native.updatesOpen(owner, sequence));
  }

  /**
   * The next batches, at most `maxBatches` and about `maxBytes`; none when everything written so far
   * has been given. Ask again later for what came since. Rejects with TryAgain when RocksDB wants a
   * new walk from where this one stopped.
   */
  async next(maxBatches: number, maxBytes: number = 1 << 20): Promise<Update[]> {
    const flat = await native.updatesNext(this.#handle, maxBatches, maxBytes);
    const updates: Update[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const sequence = flat[i];
      const representation = flat[i + 1];
      if (typeof sequence !== "number" || typeof representation !== "object") continue;
      updates.push({ sequence, representation });
    }
    return updates;
  }

  /** Twice is fine. */
  close(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_UPDATES);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
