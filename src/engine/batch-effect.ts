// Was this batch applied? Answered by looking, after a write ended without an answer: the store is
// compared with what the batch would have left. RocksDB's sequence number does not tell: it counts a
// batch whose log append failed.
//
// A batch that changes nothing (it puts what is there already) counts as applied, which is true of
// the only thing anybody can see.

import type { Bytes } from "../base/bytes.ts";
import type { CursorRange, Engine, StoreId } from "./engine.ts";
import { readWriteOps } from "./write-ops.ts";

interface StoreEffect {
  /** What each key holds after the batch; null for nothing. */
  readonly values: Map<Bytes, Bytes | null>;
  /** Ranges in which only keys of `values` are left. */
  readonly emptied: { readonly from: Bytes; readonly to: Bytes }[];
}

const KEYS_PER_READ = 1024;

/** Reads with patience, so on threads where it can. Throws StorageError. */
export async function isApplied(engine: Engine, batch: Buffer): Promise<boolean> {
  for (const [store, effect] of effectsOf(batch)) {
    const keys = [...effect.values.keys()];
    for (let at = 0; at < keys.length; at += KEYS_PER_READ) {
      const some = keys.slice(at, at + KEYS_PER_READ);
      // oxlint-disable-next-line no-await-in-loop -- a first difference ends the search
      const found = await engine.load(store, some);
      if (some.some((key, index) => effect.values.get(key) !== found[index])) return false;
    }
    for (const { from, to } of effect.emptied) {
      if (holdsOthers(engine, store, { from, to, values: effect.values })) return false;
    }
  }
  return true;
}

function effectsOf(batch: Buffer): Map<StoreId, StoreEffect> {
  const effects = new Map<StoreId, StoreEffect>();
  for (const { kind, store, key, value } of readWriteOps(batch)) {
    let effect = effects.get(store);
    if (effect === undefined) {
      effect = { values: new Map(), emptied: [] };
      effects.set(store, effect);
    }
    if (kind !== "delete-range") {
      effect.values.set(key, kind === "put" ? value : null);
      continue;
    }
    effect.emptied.push({ from: key, to: value });
    for (const changed of effect.values.keys()) {
      if (changed >= key && changed < value) effect.values.set(changed, null);
    }
  }
  return effects;
}

function holdsOthers(
  engine: Engine,
  store: StoreId,
  range: { from: Bytes; to: Bytes; values: ReadonlyMap<Bytes, Bytes | null> },
): boolean {
  if (range.from >= range.to) return false;
  const walk: CursorRange = {
    lower: range.from,
    upper: range.to,
    reverse: false,
    valueBytesMax: 0,
    patience: "wait",
  };
  const cursor = engine.cursor(store, walk);
  try {
    for (;;) {
      const flat = cursor.next(KEYS_PER_READ) ?? [];
      if (flat.length === 0) return false;
      for (let index = 0; index < flat.length; index += 2) {
        if ((range.values.get(flat[index] ?? "") ?? null) === null) return true;
      }
    }
  } finally {
    cursor.close();
  }
}
