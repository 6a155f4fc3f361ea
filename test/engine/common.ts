// What every engine must do, as tests: memory.test.ts and rocksdb.test.ts run it. The promises stand
// in suite-*.ts; here is what they share.
//
// Keys of `data` carry a prefix of six bytes for database and slot, as the port asks.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import type { CursorRange, Engine, StoreId } from "../../src/engine/engine.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";

/** Tests by their promise; each gets an engine of its own that is empty. */
export type Promises = Readonly<Record<string, (engine: Engine) => Promise<void>>>;

export interface OpenedEngine extends AsyncDisposable {
  readonly engine: Engine;
}

export type OpenEngine = () => Promise<OpenedEngine>;

export const ALL_STORES: readonly StoreId[] = [0, 1, 2, 3, 4];

export const WHOLE: CursorRange = {
  lower: "",
  upper: null,
  reverse: false,
  valueBytesMax: Infinity,
  patience: "wait",
};

export const P1 = "\x00\x00\x00\x10\x00\x01";
export const P2 = "\x00\x00\x00\x10\x00\x02";
export const P3 = "\x00\x00\x00\x10\x00\x03";
export const ALL_BYTES: Bytes = String.fromCharCode(
  ...Array.from({ length: 256 }, (_, byte) => byte),
);

export function batchOf(store: StoreId, entries: Readonly<Record<Bytes, Bytes>>): WriteOps {
  const ops = new WriteOps();
  for (const [key, value] of Object.entries(entries)) ops.put(store, key, value);
  return ops;
}

/** All that a walk gives, taken a few entries at a time. */
export function walk(engine: Engine, store: StoreId, range: Partial<CursorRange> = {}): Bytes[] {
  const cursor = engine.cursor(store, { ...WHOLE, ...range });
  try {
    const all: Bytes[] = [];
    for (;;) {
      const flat = cursor.next(3);
      assert(flat !== undefined, "a patient walk is never cold");
      assert(flat.length <= 6);
      if (flat.length === 0) return all;
      all.push(...flat);
    }
  } finally {
    cursor.close();
  }
}
