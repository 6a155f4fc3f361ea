// `kept check`: reads everything a data directory holds and says what does not fit. It changes no key;
// opening the store does what every start does (replays the log), so the server must be stopped.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Bytes } from "../base/bytes.ts";
import { Config } from "../config/config.ts";
import {
  decodeDataKey,
  decodeExpiryKey,
  expiryKey,
  hashOfKey,
  slotOfKey,
} from "../encoding/key.ts";
import { dueInPayload } from "../encoding/due.ts";
import * as meta from "../encoding/meta.ts";
import { CorruptRecord, readRecord } from "../encoding/record.ts";
import { earlier } from "../keyspace/value.ts";
import { DATA, ELEMENTS, EXPIRY, META, ORDER, STORES } from "../engine/engine.ts";
import { StorageError, type Cursor, type Engine, type StoreId } from "../engine/engine.ts";
import { openRocksEngine } from "../engine/rocksdb.ts";
import { afterPowerCut } from "../engine/rocks-settings.ts";
import { rocksSettings } from "./engine-settings.ts";

export interface CheckReport {
  /** What was read, a line each. */
  readonly facts: readonly string[];
  /** What does not fit, a line each; empty when all is well. */
  readonly damage: readonly string[];
}

const STORE_IDS: readonly StoreId[] = [META, DATA, ELEMENTS, ORDER, EXPIRY];
const ENTRIES_PER_STEP = 1000;
/** More damage than this is counted, not listed. */
const DAMAGE_LISTED_MAX = 100;

export class NothingThere extends Error {
  override readonly name = "NothingThere";
}

export interface CheckOptions {
  /** Reads a damaged log up to the damage, and drops what stands behind it for good. */
  readonly cutsLog: boolean;
}

/** Rejects with NothingThere, or with DirectoryRefused when the store cannot be opened at all; its message says why. */
export async function checkDirectory(dir: string, options: CheckOptions): Promise<CheckReport> {
  const path = join(resolve(dir), "db");
  // Opening would make an empty store.
  if (!existsSync(path)) throw new NothingThere(`there is no Kept database in '${resolve(dir)}'`);
  const usual = rocksSettings(new Config());
  const settings = options.cutsLog ? afterPowerCut(usual) : usual;
  const engine = await openRocksEngine(path, settings);
  try {
    return checkStore(engine);
  } finally {
    await engine.close();
  }
}

interface Tally {
  keys: number;
  expiring: number;
}

/** A store that is open and at rest. */
export function checkStore(engine: Engine): CheckReport {
  return new Check(engine).run();
}

class Check {
  readonly #engine: Engine;
  readonly #facts: string[] = [];
  readonly #damage: string[] = [];
  #damageCount = 0;
  readonly #tallies = new Map<number, Tally>();
  /** Index entries that records ask for and that have not been met yet. */
  readonly #indexWanted = new Set<Bytes>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  run(): CheckReport {
    this.#format();
    for (const store of STORE_IDS) {
      let entries = 0;
      for (const [key, value] of this.#entries(store)) {
        entries++;
        if (store === DATA) this.#record(key, value);
        if (store === EXPIRY) this.#indexEntry(key);
      }
      this.#facts.push(`${STORES[store]}: ${entries} entries read`);
    }
    for (const missing of this.#indexWanted) {
      this.#note(`no expiry index entry for ${shown(decodeExpiryKey(missing).target.key)}`);
    }
    this.#counts();
    if (this.#damageCount > this.#damage.length) {
      this.#damage.push(`... and ${this.#damageCount - this.#damage.length} more`);
    }
    return { facts: this.#facts, damage: this.#damage };
  }

  #note(line: string): void {
    this.#damageCount++;
    if (this.#damage.length < DAMAGE_LISTED_MAX) this.#damage.push(line);
  }

  *#entries(store: StoreId): Generator<readonly [Bytes, Bytes]> {
    const range = { lower: "", upper: null, reverse: false, valueBytesMax: Infinity };
    let cursor: Cursor | null = null;
    try {
      cursor = this.#engine.cursor(store, { ...range, patience: "wait" });
      for (;;) {
        const flat = cursor.next(ENTRIES_PER_STEP) ?? [];
        if (flat.length === 0) return;
        for (let index = 0; index + 1 < flat.length; index += 2) {
          yield [flat[index] ?? "", flat[index + 1] ?? ""];
        }
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // RocksDB's iterator stops at the first block that does not check.
      this.#note(`${STORES[store]}: cannot be read to its end: ${error.message}`);
    } finally {
      cursor?.close();
    }
  }

  #format(): void {
    const format = this.#meta(meta.FORMAT_KEY);
    if (format !== meta.FORMAT_VALUE) this.#note("the format record is missing or foreign");
  }

  #meta(key: Bytes): Bytes | null {
    const range = { lower: key, upper: `${key}\0`, reverse: false, valueBytesMax: Infinity };
    let cursor: Cursor | null = null;
    try {
      cursor = this.#engine.cursor(META, { ...range, patience: "wait" });
      return cursor.next(1)?.[1] ?? null;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#note(`meta: ${shown(key)} cannot be read: ${error.message}`);
      return null;
    } finally {
      cursor?.close();
    }
  }

  #record(physical: Bytes, value: Bytes): void {
    const place = decodeDataKey(physical);
    const { key, incarnationId } = place;
    if (place.slot !== slotOfKey(key) || place.hash !== hashOfKey(key)) {
      this.#note(`the key ${shown(key)} stands in the wrong place`);
    }
    const tally = this.#tallyOf(incarnationId);
    tally.keys++;
    try {
      const record = readRecord(value);
      if (record.expiryMs !== 0) tally.expiring++;
      const dueMs = earlier(record.expiryMs, dueInPayload(record.kind, record.value));
      if (dueMs !== 0) this.#indexWanted.add(expiryKey(dueMs, place, key));
    } catch (error) {
      if (!(error instanceof CorruptRecord)) throw error;
      this.#note(`the value of ${shown(key)} does not decode: ${error.message}`);
    }
  }

  #indexEntry(physical: Bytes): void {
    if (this.#indexWanted.delete(physical)) return;
    const { target } = decodeExpiryKey(physical);
    // What a flush left behind is not collected yet: no damage.
    if (!this.#isLive(target.incarnationId)) return;
    this.#note(`an expiry index entry without its key: ${shown(target.key)}`);
  }

  #isLive(incarnationId: number): boolean {
    if (incarnationId === meta.SYSTEM_INCARNATION_ID) return true;
    return this.#catalog().incarnationIds.includes(incarnationId);
  }

  #catalog(): meta.Catalog {
    const bytes = this.#meta(meta.CATALOG_KEY);
    if (bytes === null) return meta.EMPTY_CATALOG;
    try {
      return meta.decodeCatalog(bytes);
    } catch (error) {
      if (!(error instanceof meta.CorruptMeta)) throw error;
      this.#note(error.message);
      return meta.EMPTY_CATALOG;
    }
  }

  #tallyOf(incarnationId: number): Tally {
    let tally = this.#tallies.get(incarnationId);
    if (tally === undefined) {
      tally = { keys: 0, expiring: 0 };
      this.#tallies.set(incarnationId, tally);
    }
    return tally;
  }

  /** The stored counts of every database against what was found. */
  #counts(): void {
    const ids = this.#catalog().incarnationIds;
    for (const [index, id] of ids.entries()) {
      const found = this.#tallies.get(id) ?? { keys: 0, expiring: 0 };
      const bytes = this.#meta(meta.countKey(id));
      const stored = bytes === null ? { keyCount: 0, expiringCount: 0 } : meta.decodeCounts(bytes);
      if (found.keys > 0) this.#facts.push(`database ${index}: ${found.keys} keys`);
      if (stored.keyCount === found.keys && stored.expiringCount === found.expiring) continue;
      this.#note(
        `database ${index} says ${stored.keyCount} keys (${stored.expiringCount} with expiry), ` +
          `there are ${found.keys} (${found.expiring})`,
      );
    }
  }
}

function shown(key: Bytes): string {
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}...` : key);
}
