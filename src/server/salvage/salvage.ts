// `kept check --salvage`: everything that can be read from a damaged directory goes into a new one, and
// what cannot is named. Nothing is invented: what is written was read with its checksum, whole; of a
// collection that has lost a part, the rest; counts, indexes and orders are made anew from what is there.
//
// The damaged directory is only read. The new one is a database like any other when this is over.

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Bytes } from "../../base/bytes.ts";
import { Config } from "../../config/config.ts";
import { afterPrefix, elementPrefix, readHome } from "../../encoding/collection.ts";
import { dueInPayload } from "../../encoding/due.ts";
import * as keys from "../../encoding/key.ts";
import * as meta from "../../encoding/meta.ts";
import * as records from "../../encoding/record.ts";
import { DATA, ELEMENTS, EXPIRY, META, ORDER, StorageError } from "../../engine/engine.ts";
import type { Engine, StoreId } from "../../engine/engine.ts";
import { openRocksEngine } from "../../engine/rocksdb.ts";
import { WriteOps } from "../../engine/write-ops.ts";
import { earlier } from "../../keyspace/value.ts";
import { rocksSettings } from "../engine-settings.ts";
import { foundCollection, type FoundCollection } from "./collection.ts";
import { SalvageReport, shown } from "./report.ts";
import { openSource, type Source } from "./source.ts";

const BATCH_BYTES = 1024 * 1024;
const COLLECTION_ID_BLOCK = 65536;
const SLOTS_PER_CHUNK = 512;

/** The new directory is not one that can be used. */
export class SalvageRefused extends Error {
  override readonly name = "SalvageRefused";
}

/** Rejects with SalvageRefused or StorageError, and has then made nothing. */
export async function salvage(from: string, to: string): Promise<SalvageReport> {
  const source = join(resolve(from), "db");
  if (!existsSync(source)) throw new SalvageRefused(`there is no Kept database in '${from}'`);
  if (existsSync(to)) throw new SalvageRefused(`'${to}' is there already: name a new directory`);
  mkdirSync(to, { recursive: true });
  const folder = join(to, "salvage.tmp");
  try {
    const opened = await openSource(source, folder);
    try {
      const engine = await openRocksEngine(join(to, "db"), rocksSettings(new Config()));
      try {
        return await new Salvage(opened, engine).run();
      } finally {
        await engine.close();
      }
    } finally {
      await opened.reader.close();
    }
  } catch (error) {
    rmSync(to, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Incarnation {
  keys: number;
  expiring: number;
  readonly slots: Buffer;
}

class Salvage {
  readonly #source: Source;
  readonly #engine: Engine;
  readonly #report: SalvageReport;
  readonly #ops = new WriteOps();
  readonly #incarnations = new Map<number, Incarnation>();
  /** Null when the catalog is lost: then every incarnation that has keys is a database. */
  #live: ReadonlySet<number> | null = null;
  #catalog: meta.Catalog | null = null;
  /** Fronts of the elements that belong to a record, and of those that were deleted. */
  readonly #owned = new Set<Bytes>();
  readonly #gone = new Set<Bytes>();
  #highestId = 0;

  constructor(source: Source, engine: Engine) {
    this.#source = source;
    this.#engine = engine;
    this.#report = new SalvageReport(source.notes, source.lost);
  }

  async run(): Promise<SalvageReport> {
    await this.#readMeta();
    for await (const item of this.#source.reader.walk(DATA, "", null)) {
      if ("store" in item) this.#report.gap(item);
      else await this.#record(item[0], item[1]);
    }
    await this.#orphans(ELEMENTS);
    this.#writeMeta();
    await this.#write(0);
    await this.#engine.flush();
    this.#report.finish(this.#databases());
    return this.#report;
  }

  async #readMeta(): Promise<void> {
    for await (const item of this.#source.reader.walk(META, "", null)) {
      if ("store" in item) {
        this.#report.note(`the store's own records cannot be read to the end: ${item.words}`);
        continue;
      }
      const [key, value] = item;
      if (key === meta.CATALOG_KEY) this.#readCatalog(value);
      else if (key.startsWith(meta.GONE_PREFIX)) this.#gone.add(meta.goneElementPrefix(key));
    }
    if (this.#catalog === null) {
      this.#report.lose("the catalog of databases: they are numbered in the order of their age");
      return;
    }
    this.#live = new Set([meta.SYSTEM_INCARNATION_ID, ...this.#catalog.incarnationIds]);
  }

  #readCatalog(value: Bytes): void {
    try {
      this.#catalog = meta.decodeCatalog(value);
    } catch (error) {
      if (!(error instanceof meta.CorruptMeta)) throw error;
    }
  }

  async #record(physical: Bytes, value: Bytes): Promise<void> {
    const place = keys.decodeDataKey(physical);
    const { key, incarnationId } = place;
    if (this.#live !== null && !this.#live.has(incarnationId)) return;
    if (place.slot !== keys.slotOfKey(key) || place.hash !== keys.hashOfKey(key)) {
      this.#report.lose(`a key in the wrong place: ${shown(key)}`);
      return;
    }
    try {
      const record = records.readRecord(value);
      const kept = await this.#content(place, record);
      if (kept === null) return;
      this.#put(
        DATA,
        physical,
        kept === record.value ? value : encoded({ ...record, value: kept }),
      );
      this.#count(place, { ...record, value: kept });
    } catch (error) {
      if (!(error instanceof records.CorruptRecord)) throw error;
      this.#report.lose(`${this.#report.nameOf(place)}: it does not decode (${error.message})`);
    }
    await this.#write(BATCH_BYTES);
  }

  /** The payload to write, with the elements that belong to it written; null when nothing is left. */
  async #content(place: keys.DecodedKey, record: records.DecodedRecord): Promise<Bytes | null> {
    const { kind, value: payload } = record;
    const home = kind === records.STRING ? null : readHome(payload);
    if (home === null) {
      this.#report.whole(place.incarnationId, kind);
      return payload;
    }
    const front = elementPrefix({ ...home, incarnationId: place.incarnationId });
    this.#owned.add(front);
    this.#highestId = Math.max(this.#highestId, home.id);
    const found = foundCollection(kind, payload);
    await this.#gather(found, front);
    if (found.isWhole()) {
      await this.#copy(found, front);
      this.#report.whole(place.incarnationId, kind);
      return payload;
    }
    const rest = found.rest();
    if (rest.missing !== null) this.#report.lose(`${this.#report.nameOf(place)}: ${rest.missing}`);
    if (rest.payload !== null) this.#report.part(place.incarnationId, kind);
    return rest.payload;
  }

  async #gather(found: FoundCollection, front: Bytes): Promise<void> {
    const { reader } = this.#source;
    const end = afterPrefix(front);
    for (const store of [ELEMENTS, ORDER] as const) {
      for await (const item of reader.walk(store, front, end)) {
        if ("store" in item) continue;
        const part = [item[0].slice(front.length), item[1]] as const;
        try {
          if (store === ELEMENTS) found.element(part);
          else found.order(part);
        } catch (error) {
          // One that does not decode is one that is not there.
          if (!(error instanceof records.CorruptRecord)) throw error;
        }
      }
    }
  }

  async #copy(found: FoundCollection, front: Bytes): Promise<void> {
    const { reader } = this.#source;
    const end = afterPrefix(front);
    for await (const item of reader.walk(ELEMENTS, front, end)) {
      if ("store" in item) continue;
      this.#put(ELEMENTS, item[0], item[1]);
      const order = found.orderOf([item[0].slice(front.length), item[1]]);
      if (order !== null) this.#put(ORDER, front + order[0], order[1]);
      await this.#write(BATCH_BYTES);
    }
    if (!found.takesOrder) return;
    for await (const item of reader.walk(ORDER, front, end)) {
      if (!("store" in item)) this.#put(ORDER, item[0], item[1]);
      await this.#write(BATCH_BYTES);
    }
  }

  #count(place: keys.DecodedKey, record: records.DecodedRecord): void {
    const { incarnationId, slot, key } = place;
    let incarnation = this.#incarnations.get(incarnationId);
    if (incarnation === undefined) {
      incarnation = { keys: 0, expiring: 0, slots: Buffer.alloc(keys.SLOT_COUNT / 8) };
      this.#incarnations.set(incarnationId, incarnation);
    }
    incarnation.keys++;
    incarnation.slots[slot >> 3] = (incarnation.slots[slot >> 3] ?? 0) | (1 << (slot & 7));
    if (record.expiryMs !== 0) incarnation.expiring++;
    const dueMs = earlier(record.expiryMs, dueInPayload(record.kind, record.value));
    if (dueMs !== 0) this.#put(EXPIRY, keys.expiryKey(dueMs, place, key), "");
  }

  /** Elements whose record is lost: they do not say what the key was called. */
  async #orphans(store: StoreId): Promise<void> {
    const fronts = new Map<Bytes, number>();
    for await (const item of this.#source.reader.walk(store, "", null)) {
      if ("store" in item) continue;
      const front = item[0].slice(0, FRONT_BYTES);
      if (this.#owned.has(front) || this.#gone.has(front)) continue;
      if (this.#live !== null && !this.#live.has(keys.readU32(front, 0))) continue;
      fronts.set(front, (fronts.get(front) ?? 0) + 1);
    }
    for (const count of fronts.values()) {
      this.#report.lose(`a collection whose key is lost: ${count} parts of it are there`);
    }
  }

  #databases(): readonly number[] {
    if (this.#catalog !== null) return this.#catalog.incarnationIds;
    const ids = [...this.#incarnations.keys()];
    return ids.filter((id) => id !== meta.SYSTEM_INCARNATION_ID).sort((a, b) => a - b);
  }

  #writeMeta(): void {
    const incarnationIds = this.#databases();
    const next = Math.max(
      meta.EMPTY_CATALOG.nextIncarnationId,
      this.#catalog?.nextIncarnationId ?? 0,
      ...incarnationIds.map((id) => id + 1),
    );
    this.#put(META, meta.FORMAT_KEY, meta.FORMAT_VALUE);
    this.#put(
      META,
      meta.CATALOG_KEY,
      meta.encodeCatalog({ nextIncarnationId: next, incarnationIds }),
    );
    const ids = meta.encodeCollectionIds(this.#highestId + COLLECTION_ID_BLOCK);
    this.#put(META, meta.COLLECTION_IDS_KEY, ids);
    for (const [id, incarnation] of this.#incarnations) {
      const counts = { keyCount: incarnation.keys, expiringCount: incarnation.expiring };
      this.#put(META, meta.countKey(id), meta.encodeCounts(counts));
      const chunkBytes = SLOTS_PER_CHUNK / 8;
      for (let chunk = 0; chunk * chunkBytes < incarnation.slots.length; chunk++) {
        const bits = incarnation.slots.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes);
        if (bits.every((byte) => byte === 0)) continue;
        this.#put(META, meta.slotChunkKey(id, chunk), bits.toString("latin1"));
      }
    }
  }

  #put(store: StoreId, key: Bytes, value: Bytes): void {
    this.#ops.put(store, key, value);
  }

  /** Writes what has gathered when it is more than `bytes`; waits for compaction when it must. */
  async #write(bytes: number): Promise<void> {
    if (this.#ops.length <= bytes || this.#ops.count === 0) return;
    await writePatiently(this.#engine, this.#ops);
    this.#ops.clear();
  }
}

const FRONT_BYTES = 12;

async function writePatiently(engine: Engine, ops: WriteOps): Promise<void> {
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it is taken
      await engine.writeAsync(ops, { sync: false });
      return;
    } catch (error) {
      if (!(error instanceof StorageError) || error.kind !== "stall") throw error;
      // oxlint-disable-next-line no-await-in-loop -- a flush takes as long as the stall
      await engine.flush();
    }
  }
}

function encoded(record: records.DecodedRecord): Bytes {
  const target = Buffer.alloc(records.recordSize(record.value, record.expiryMs));
  records.writeRecord(target, 0, record);
  return target.toString("latin1");
}
