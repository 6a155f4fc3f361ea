// Borrows what the engine on disk has lent (`Engine.lend`), on another thread of the process.

import {
  Database,
  READ_ALL,
  RocksDBError,
  STEP_KEYS_ONLY,
  STEP_REVERSE,
  type BorrowedDatabase,
} from "@kept/rocksdb";

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { BorrowedEngine, type Moment } from "./borrowed.ts";
import type { Cursor, CursorRange, Engine, StoreId } from "./engine.ts";
import { iteratorOptions, RocksCursor } from "./rocks-cursor.ts";
import { closedOr, plainError } from "./storage-errors.ts";

const STEP_FLAGS = { reverse: STEP_REVERSE, keysOnly: STEP_KEYS_ONLY };

/** Throws StorageError "closed" when the loan has ended. */
export function borrowRocksEngine(loan: number): Engine {
  try {
    return new BorrowedEngine(new RocksMoment(Database.borrow(loan)));
  } catch (error) {
    throw closedOr(error);
  }
}

class RocksMoment implements Moment {
  readonly #database: BorrowedDatabase;

  constructor(database: BorrowedDatabase) {
    this.#database = database;
  }

  get(store: StoreId, key: Bytes): Bytes | null {
    try {
      const value = this.#database.getBinary(store, key, READ_ALL);
      if (value === undefined) throw new AssertionFailed("a read that waits is never incomplete");
      return value;
    } catch (error) {
      throw readFailure(error);
    }
  }

  cursor(store: StoreId, range: CursorRange): Cursor {
    try {
      const options = { ...iteratorOptions(store, range), readTier: READ_ALL };
      const steps = this.#database.iterator(store, options);
      return new RocksCursor(steps, range, { flags: STEP_FLAGS, translate: readFailure });
    } catch (error) {
      throw readFailure(error);
    }
  }

  close(): void {
    this.#database.close();
  }
}

function readFailure(error: unknown): unknown {
  return error instanceof RocksDBError ? plainError(error) : closedOr(error);
}
