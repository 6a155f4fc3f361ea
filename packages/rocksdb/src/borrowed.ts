// A moment of a database that another thread of this process has opened: `Database.lend()` there gives a number,
// `Database.borrow(number)` here the database as it was then, to be read and nothing else. The lender may close
// whenever he likes: reading then is an error, ERR_ROCKSDB_CLOSED.

import { READ_ALL } from "./constants.ts";
import { RocksIterator, type IteratorOptions } from "./iterator.ts";
import { abandoned, KIND_DATABASE, native, type Bytes, type Handle } from "./native.ts";

export class BorrowedDatabase {
  readonly #handle: Handle;

  private constructor(handle: Handle) {
    this.#handle = handle;
    abandoned.register(this, { handle, kind: KIND_DATABASE }, this);
  }

  /** For `Database.borrow`. */
  static take(loan: number): BorrowedDatabase {
    return new BorrowedDatabase(native.borrow(loan));
  }

  /** As `Database.getBinary`. */
  getBinary(family: number, key: Bytes, readTier: number = READ_ALL): string | null | undefined {
    return native.getBinary(this.#handle, family, key, readTier, 0);
  }

  /** As `Database.iterator`; its steps are on this thread. */
  iterator(family: number, options: Omit<IteratorOptions, "snapshot"> = {}): RocksIterator {
    return RocksIterator.open({ database: this, handle: this.#handle }, family, options);
  }

  /** Gives it back: RocksDB may forget this moment. Twice is fine. */
  close(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_DATABASE);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
