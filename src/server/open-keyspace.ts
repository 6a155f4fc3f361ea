// Opens the keyspace of a store: checks that the store is ours, reads the catalog of databases, their
// counts and the bits of their slots. Refuses what it does not understand before anything is written.

import type { Bytes } from "../base/bytes.ts";
import * as meta from "../encoding/meta.ts";
import { META, type Engine } from "../engine/engine.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { CHUNK_COUNT, type Incarnation } from "../keyspace/incarnation.ts";
import { Keyspace, type KeyspaceOptions } from "../keyspace/keyspace.ts";

/** The store holds something that this version must not touch. */
export class ForeignStore extends Error {
  override readonly name = "ForeignStore";
}

/**
 * Throws ForeignStore, CorruptMeta, StorageError. `only`: the one database that will be looked at; of the others
 * counts and slots stay unknown.
 */
export async function openKeyspace(
  engine: Engine,
  options: KeyspaceOptions,
  only: number | null = null,
): Promise<Keyspace> {
  const keys = [meta.FORMAT_KEY, meta.CATALOG_KEY, meta.COLLECTION_IDS_KEY];
  const [format, catalogBytes, collectionIds] = await engine.load(META, keys);
  if (format === null || format === undefined) {
    if (engine.sequence() !== 0) {
      throw new ForeignStore("the data directory holds a database that Kept did not write");
    }
    await engine.writeAsync(formatRecord(), { sync: true });
  } else if (format !== meta.FORMAT_VALUE) {
    throw new ForeignStore(
      "the data directory was written by another version of Kept: " +
        `its format is '${format.replaceAll(/[^ -~]/g, "?")}'`,
    );
  }
  const stored = typeof catalogBytes === "string" ? meta.decodeCatalog(catalogBytes) : null;
  const keyspace = new Keyspace(engine, stored ?? meta.EMPTY_CATALOG, options);
  if (typeof collectionIds === "string") {
    keyspace.continueCollectionIds(meta.decodeCollectionIds(collectionIds));
  }
  for (const { index, incarnation } of [...keyspace.databases, keyspace.system]) {
    if (only === null || only === index) await loadIncarnation(engine, incarnation);
  }
  return keyspace;
}

function formatRecord(): WriteOps {
  const ops = new WriteOps();
  ops.put(META, meta.FORMAT_KEY, meta.FORMAT_VALUE);
  return ops;
}

async function loadIncarnation(engine: Engine, incarnation: Incarnation): Promise<void> {
  const keys: Bytes[] = [meta.countKey(incarnation.id)];
  for (let index = 0; index < CHUNK_COUNT; index++) {
    keys.push(meta.slotChunkKey(incarnation.id, index));
  }
  const [counts, ...chunks] = await engine.load(META, keys);
  if (typeof counts === "string") {
    const { keyCount, expiringCount } = meta.decodeCounts(counts);
    incarnation.keyCount = keyCount;
    incarnation.expiringCount = expiringCount;
    incarnation.storedKeyCount = keyCount;
    incarnation.storedExpiringCount = expiringCount;
  }
  for (const [index, chunk] of chunks.entries()) {
    if (chunk !== null) incarnation.loadChunk(index, chunk);
  }
}
