// What a batch carries beside records and elements: which incarnation each database has, which were flushed, which exploded
// collections are gone, the ids that are put aside for new ones, and ranges of the store that are to be swept.

import * as meta from "../encoding/meta.ts";
import { META, type StoreId } from "../engine/engine.ts";
import type { WriteOps } from "../engine/write-ops.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Home } from "./home.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Undo } from "./undo.ts";

export interface Sweep {
  readonly store: StoreId;
  readonly from: Bytes;
  readonly to: Bytes | null;
}

/** So many collection ids are put aside at once, so that few batches have to say so. */
const COLLECTION_IDS_PER_BLOCK = 65_536;

export class Housekeeping {
  nextIncarnationId: number;
  catalogChanged = false;
  /** Incarnations that the open batch flushes: their ranges are collected once it is committed. */
  #dropped: Incarnation[] = [];
  /** Exploded collections that the open batch deletes. */
  #gone: Home[] = [];
  #nextCollectionId = meta.FIRST_COLLECTION_ID;
  /** Ids from here on must be put aside in the batch that uses them. */
  #collectionIdsEnd = meta.FIRST_COLLECTION_ID;
  #collectionIdsChanged = false;
  /** Housekeeping that is not about records: leftovers of flushed incarnations. */
  #sweeps: Sweep[] = [];
  /** Parts of collections that go as a whole, before the elements of the batch are put. */
  #elementSweeps: Sweep[] = [];

  constructor(nextIncarnationId: number) {
    this.nextIncarnationId = nextIncarnationId;
  }

  /** At the start: no collection on disk has an id from `next` on. */
  continueCollectionIds(next: number): void {
    this.#nextCollectionId = next;
    this.#collectionIdsEnd = next;
  }

  takeCollectionId(): number {
    const id = this.#nextCollectionId++;
    if (id >= this.#collectionIdsEnd) {
      this.#collectionIdsEnd = id + COLLECTION_IDS_PER_BLOCK;
      this.#collectionIdsChanged = true;
    }
    return id;
  }

  drop(incarnation: Incarnation): Undo {
    return pushed(this.#dropped, incarnation);
  }

  deleteElements(home: Home): Undo {
    home.isGone = true;
    const undo = pushed(this.#gone, home);
    return {
      revert(cache) {
        home.isGone = false;
        undo.revert(cache);
      },
    };
  }

  sweep(sweep: Sweep): Undo {
    return pushed(this.#sweeps, sweep);
  }

  sweepElements(sweep: Sweep): Undo {
    return pushed(this.#elementSweeps, sweep);
  }

  encodeElementSweeps(ops: WriteOps): void {
    for (const { store, from, to } of this.#elementSweeps) ops.deleteRange(store, from, to ?? from);
  }

  /** All but the sweeps of elements; `batch` is the open one. */
  encode(ops: WriteOps, batch: number, catalog: () => meta.Catalog): void {
    for (const { store, from, to } of this.#sweeps) {
      if (to === null) ops.delete(store, from);
      else ops.deleteRange(store, from, to);
    }
    for (const { id } of this.#dropped) ops.put(META, meta.dropKey(id), "");
    for (const home of this.#gone) {
      // One made in this very batch has left nothing on disk.
      if (home.createdIn !== batch) ops.put(META, meta.goneKey(home), "");
    }
    if (this.#collectionIdsChanged) {
      const end = meta.encodeCollectionIds(this.#collectionIdsEnd);
      ops.put(META, meta.COLLECTION_IDS_KEY, end);
    }
    if (this.catalogChanged) ops.put(META, meta.CATALOG_KEY, meta.encodeCatalog(catalog()));
  }

  beginNext(): void {
    this.catalogChanged = false;
    this.#dropped = [];
    this.#gone = [];
    this.#collectionIdsChanged = false;
    this.#sweeps = [];
    this.#elementSweeps = [];
  }

  /** What an undone batch has put aside is put aside again by the next that needs an id. */
  undone(): void {
    this.#collectionIdsEnd = this.#nextCollectionId;
  }
}

function pushed<T>(list: T[], item: T): Undo {
  list.push(item);
  return {
    revert() {
      list.pop();
    },
  };
}
