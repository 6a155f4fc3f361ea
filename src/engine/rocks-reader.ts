// Reads a damaged database as far as it can be read: opened for reading alone, so that not a byte of it
// changes, with tables that are missing or damaged left to the reads that need them, and with a log that
// is read on behind its damage. A walk goes around what does not check, block by block, and says what it
// left out; what it gives has RocksDB's checksums behind it. For `kept check --salvage` and for nobody else.

import { Database, RocksDBError, type RocksIterator } from "@kept/rocksdb";

import type { Bytes } from "../base/bytes.ts";
import { StorageError, type StoreId } from "./engine.ts";
import { FAMILY_NAMES, familyPlans, type RocksSettings } from "./rocks-settings.ts";
import { plainError } from "./storage-errors.ts";

/** A range of a store that cannot be read. */
export interface Gap {
  readonly store: StoreId;
  /** The last key read before it, "" for the beginning. */
  readonly after: Bytes;
  /** The first key read behind it; null for the end. */
  readonly before: Bytes | null;
  readonly words: string;
}

const ENTRIES_PER_STEP = 256;
const BYTES_PER_STEP = 1024 * 1024;
/** So many bytes of a key are told apart when the end of a damaged block is looked for. */
const PLACE_BYTES = 28;
/** A damaged stretch is left by ever longer steps, up to this. */
const STRIDE_BYTES_MAX = 1024 * 1024;

export class RocksReader {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Rejects with StorageError when there is no way in. */
  static async open(path: string, settings: RocksSettings): Promise<RocksReader> {
    const plans = [...familyPlans(settings)].map(([name, plan]) => {
      // Whatever the order of tables says, the newest of a key is found by its number.
      const options = { ...plan.options, force_consistency_checks: "false" };
      return [name, { ...plan, options }] as const;
    });
    try {
      const database = await Database.open(path, {
        options: {
          paranoid_checks: "false",
          wal_recovery_mode: "kSkipAnyCorruptedRecords",
          max_open_files: "512",
          allow_concurrent_memtable_write: "false",
        },
        families: Object.fromEntries(plans),
        readOnly: true,
        withoutMessageLog: true,
      });
      if (FAMILY_NAMES.every((name, id) => database.families.get(name) === id)) {
        return new RocksReader(database);
      }
      await database.close();
      throw new StorageError("corruption", "refused", "its column families are not Kept's");
    } catch (error) {
      if (error instanceof RocksDBError) throw plainError(error);
      throw error;
    }
  }

  /** The numbers of the tables that this database is made of. */
  tables(): Set<number> {
    const found = new Set<number>();
    for (const family of this.#database.families.values()) {
      const text = this.#database.property(family, "rocksdb.sstables") ?? "";
      for (const [, number] of text.matchAll(/^ *(\d+):\d+\[/gm)) found.add(Number(number));
    }
    return found;
  }

  /**
   * The entries of a range, in order, with the gaps between them. A gap can hide what a table holds
   * beside the damaged one, for the same keys: it is a gap of the whole store.
   */
  async *walk(
    store: StoreId,
    lower: Bytes,
    upper: Bytes | null,
  ): AsyncGenerator<readonly [Bytes, Bytes] | Gap> {
    let from = lower;
    let last = lower;
    let gap: { after: Bytes; words: string } | null = null;
    let stride = 1;
    // A step that meets damage gives nothing of what stood before it: from then on, one by one.
    let step = ENTRIES_PER_STEP;
    for (;;) {
      const iterator = this.#iterator(store, upper);
      let error: RocksDBError | null = null;
      try {
        for (const [key, value] of entries(iterator, from, step)) {
          if (gap !== null) yield { store, ...gap, before: key };
          gap = null;
          stride = 1;
          last = key;
          yield [key, value];
        }
      } catch (caught) {
        if (!(caught instanceof RocksDBError)) throw caught;
        error = caught;
      } finally {
        iterator.close();
      }
      if (error === null) break;
      if (step > 1) {
        step = 1;
        from = last === lower ? lower : `${last}\0`;
        continue;
      }
      gap ??= { after: last, words: error.message };
      // oxlint-disable-next-line no-await-in-loop -- one place after the other
      const next = await this.#behind(store, from > last ? from : `${last}\0`, upper, stride);
      if (next === null) break;
      from = next;
      stride = Math.min(STRIDE_BYTES_MAX, stride * 2);
    }
    if (gap !== null) yield { store, ...gap, before: upper };
  }

  #iterator(store: StoreId, upper: Bytes | null): RocksIterator {
    return this.#database.iterator(store, {
      totalOrderSeek: true,
      ...(upper === null ? {} : { upperBound: upper }),
    });
  }

  /** The first key behind `from` that lies more than `bytes` further on in the tables. */
  async #behind(
    store: StoreId,
    from: Bytes,
    upper: Bytes | null,
    bytes: number,
  ): Promise<Bytes | null> {
    const end = upper ?? "\xff".repeat(PLACE_BYTES);
    const sizeTo = async (key: Bytes): Promise<number> =>
      (await this.#database.approximateSizes(store, [[from, key]], "files"))[0] ?? 0;
    if ((await sizeTo(end)) < bytes) return null;
    let low = placeOf(from);
    let high = placeOf(end);
    while (high - low > 1n) {
      const middle = (low + high) >> 1n;
      // oxlint-disable-next-line no-await-in-loop -- a search by halves
      if ((await sizeTo(keyAt(middle))) >= bytes) high = middle;
      else low = middle;
    }
    const key = keyAt(high);
    return key > from && key < end ? key : null;
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}

function* entries(
  iterator: RocksIterator,
  from: Bytes,
  step: number,
): Generator<readonly [Bytes, Bytes]> {
  iterator.seek(from);
  for (;;) {
    const flat = iterator.nextBinary(step, BYTES_PER_STEP, 0);
    for (let index = 0; index + 1 < flat.length; index += 2) {
      yield [flat[index] ?? "", flat[index + 1] ?? ""];
    }
    if (flat.length === 0) return;
  }
}

function placeOf(key: Bytes): bigint {
  const bytes = Buffer.alloc(PLACE_BYTES);
  bytes.write(key.slice(0, PLACE_BYTES), "latin1");
  return BigInt(`0x${bytes.toString("hex")}`);
}

function keyAt(place: bigint): Bytes {
  return Buffer.from(place.toString(16).padStart(2 * PLACE_BYTES, "0"), "hex").toString("latin1");
}
