// A point in time of a database, for reads and iterators.

import type { Database } from "./database.ts";
import { abandoned, KIND_SNAPSHOT, native, type Handle } from "./native.ts";

/** Made by `Database.snapshot()`. While it lives, RocksDB keeps what it shows. */
export class Snapshot {
  readonly #handle: Handle;
  /** Held, so that the database is not collected, and closed, under what was opened on it. */
  readonly database: Database;
  /** The sequence number of the last write that it shows. */
  readonly sequence: number;

  private constructor(database: Database, handle: Handle, sequence: number) {
    this.database = database;
    this.#handle = handle;
    this.sequence = sequence;
    abandoned.register(this, { handle, kind: KIND_SNAPSHOT }, this);
  }

  /** Lets RocksDB forget this point in time; using it afterwards is an error. Twice is fine. */
  release(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_SNAPSHOT);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** For this package only. */
  static take(database: Database, owner: Handle): Snapshot {
    const [handle, sequence] = native.snapshotCreate(owner);
    return new Snapshot(database, handle, sequence);
  }

  /** For this package only: 0 for no snapshot. Throws TypeError for anything that is not one. */
  static handleOf(snapshot: Snapshot | undefined): Handle {
    if (snapshot === undefined) return 0;
    if (!(snapshot instanceof Snapshot)) throw new TypeError("snapshot must be a Snapshot");
    return snapshot.#handle;
  }
}
