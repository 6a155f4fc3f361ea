// Walking all keys of a database: SCAN, KEYS, RANDOMKEY.
//
// Keys stand on disk by slot, then by hash, then by name. A SCAN cursor is the place where to go on:
// slot * 2^32 + hash, 46 bits, 0 for begin and end. Places never move, so a key that is there during
// the whole scan is returned; keys with one hash in one slot are never split over two steps. The
// walk needs no state in the server and goes on after a restart.
//
// The disk is read slot by slot because the memtable is hashed by slot (a walk across slots would
// sort a copy of it); slots that never held a key are skipped by the bits of the incarnation. What is
// not committed yet lives in records and is laid over the disk's entries.

import type { Bytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { SLOT_COUNT, dataPrefix, decodeDataKey, u32 } from "../encoding/key.ts";
import { ABSENT, RECORD_HEADER_SIZE_MAX, readHeader, type Kind } from "../encoding/record.ts";
import { DATA } from "../engine/engine.ts";
import { COLD } from "./cold.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Record } from "./record.ts";

export interface Place {
  readonly incarnation: Incarnation;
  readonly nowMs: number;
}

export interface FoundKey {
  readonly key: Bytes;
  readonly kind: Kind;
}

export interface ScanStep {
  /** Where to go on; 0 when the walk is complete. */
  readonly cursor: number;
  readonly found: readonly FoundKey[];
}

interface Entry extends FoundKey {
  readonly hash: number;
  readonly expiryMs: number;
}

const HASH_RANGE = 2 ** 32;
const ENTRIES_PER_READ = 128;
/** Slots looked at in one SCAN step at most, so that a sparse database answers soon. */
const SLOTS_PER_STEP_MAX = 1024;
/** Cursors from clients may be any number; beyond this one there is nothing. */
export const CURSOR_MAX = SLOT_COUNT * HASH_RANGE;

export function scan(
  keyspace: Keyspace,
  place: Place,
  step: { cursor: number; countMin: number },
): ScanStep {
  if (step.cursor >= CURSOR_MAX) return { cursor: 0, found: [] };
  const overlay = new Overlay(keyspace, place.incarnation);
  const found: FoundKey[] = [];
  let slot = Math.floor(step.cursor / HASH_RANGE);
  let fromHash = step.cursor % HASH_RANGE;
  for (let visited = 0; visited < SLOTS_PER_STEP_MAX; visited++) {
    const next = place.incarnation.nextSlot(slot);
    if (next !== slot) fromHash = 0;
    if (next === SLOT_COUNT) return { cursor: 0, found };
    slot = next;
    const part = readSlot(keyspace, overlay, {
      ...place,
      slot,
      fromHash,
      countMin: step.countMin - found.length,
    });
    for (const entry of part.entries) {
      if (isLive(entry, place.nowMs)) found.push({ key: entry.key, kind: entry.kind });
    }
    if (part.nextHash !== null) return { cursor: slot * HASH_RANGE + part.nextHash, found };
    slot++;
    fromHash = 0;
    if (found.length >= step.countMin) break;
  }
  const next = place.incarnation.nextSlot(slot);
  return { cursor: next === SLOT_COUNT ? 0 : next * HASH_RANGE, found };
}

export function allKeys(keyspace: Keyspace, place: Place): Bytes[] {
  const overlay = new Overlay(keyspace, place.incarnation);
  const keys: Bytes[] = [];
  let slot = place.incarnation.nextSlot(0);
  while (slot < SLOT_COUNT) {
    const part = readSlot(keyspace, overlay, { ...place, slot, fromHash: 0, countMin: Infinity });
    for (const entry of part.entries) if (isLive(entry, place.nowMs)) keys.push(entry.key);
    slot = place.incarnation.nextSlot(slot + 1);
  }
  return keys;
}

export function randomKey(keyspace: Keyspace, place: Place, random: Random): Bytes | null {
  const overlay = new Overlay(keyspace, place.incarnation);
  const start = random.below(SLOT_COUNT);
  const fromHash = random.below(HASH_RANGE);
  // From a random place onwards, then from the beginning of that slot and around: every key can come.
  const first = firstLive(keyspace, overlay, { ...place, slot: start, fromHash });
  if (first !== null) return first;
  for (let turn = 0; turn <= SLOT_COUNT;) {
    const slot = place.incarnation.nextSlot((start + 1 + turn) % SLOT_COUNT);
    if (slot === SLOT_COUNT) {
      turn += SLOT_COUNT - ((start + 1 + turn) % SLOT_COUNT);
      continue;
    }
    const startHash = slot === start ? 0 : fromHash;
    const found =
      firstLive(keyspace, overlay, { ...place, slot, fromHash: startHash }) ??
      firstLive(keyspace, overlay, { ...place, slot, fromHash: 0 });
    if (found !== null) return found;
    turn += ((slot - start - 1 - turn + 2 * SLOT_COUNT) % SLOT_COUNT) + 1;
  }
  return null;
}

function firstLive(
  keyspace: Keyspace,
  overlay: Overlay,
  place: Place & { slot: number; fromHash: number },
): Bytes | null {
  if (!place.incarnation.mayHoldKeys(place.slot)) return null;
  let fromHash: number | null = place.fromHash;
  while (fromHash !== null) {
    const part = readSlot(keyspace, overlay, { ...place, fromHash, countMin: 16 });
    const live = part.entries.find((entry) => isLive(entry, place.nowMs));
    if (live !== undefined) return live.key;
    fromHash = part.nextHash;
  }
  return null;
}

function isLive(entry: Entry, nowMs: number): boolean {
  return entry.expiryMs === 0 || entry.expiryMs > nowMs;
}

interface SlotRead {
  readonly incarnation: Incarnation;
  readonly slot: number;
  readonly fromHash: number;
  readonly countMin: number;
}

/** Entries of a slot in order of hash, at least `countMin` while there are any, no hash split. */
function readSlot(
  keyspace: Keyspace,
  overlay: Overlay,
  read: SlotRead,
): { entries: Entry[]; nextHash: number | null } {
  const changed = overlay.inSlot(read.slot);
  const changedKeys = new Set(changed.map((record) => record.key));
  const stored = readStored(keyspace, read, changedKeys);
  const horizon = stored.nextHash;
  const fresh = changed.filter(
    (record) =>
      record.kind !== ABSENT &&
      record.hash >= read.fromHash &&
      (horizon === null || record.hash < horizon),
  );
  if (
    horizon === null &&
    read.fromHash === 0 &&
    stored.entries.length === 0 &&
    changed.length === 0
  ) {
    read.incarnation.forgetSlot(read.slot);
  }
  if (fresh.length === 0) return stored;
  const entries = [...stored.entries, ...fresh.map(entryOfRecord)];
  entries.sort((a, b) => a.hash - b.hash);
  return { entries, nextHash: horizon };
}

function entryOfRecord(record: Record): Entry {
  const { key, kind, hash, expiryMs } = record;
  return { key, kind, hash, expiryMs };
}

function readStored(
  keyspace: Keyspace,
  read: SlotRead,
  changedKeys: ReadonlySet<Bytes>,
): { entries: Entry[]; nextHash: number | null } {
  const prefix = dataPrefix(read.incarnation.id, read.slot);
  const cursor = keyspace.engine.cursor(DATA, {
    lower: prefix + u32(read.fromHash),
    upper: dataPrefix(read.incarnation.id, read.slot + 1),
    reverse: false,
    valueBytesMax: RECORD_HEADER_SIZE_MAX,
    patience: "loop",
  });
  try {
    const entries: Entry[] = [];
    for (;;) {
      const flat = cursor.next(Math.min(ENTRIES_PER_READ, read.countMin + 1));
      if (flat === undefined) {
        COLD.request = { incarnation: read.incarnation, slot: read.slot };
        throw COLD;
      }
      if (flat.length === 0) return { entries, nextHash: null };
      for (let index = 0; index + 1 < flat.length; index += 2) {
        const { key, hash } = decodeDataKey(flat[index] ?? "");
        if (entries.length >= read.countMin && entries.at(-1)?.hash !== hash) {
          return { entries, nextHash: hash };
        }
        if (changedKeys.has(key)) continue;
        entries.push({ key, hash, ...readHeader(flat[index + 1] ?? "") });
      }
    }
  } finally {
    cursor.close();
  }
}

/** The uncommitted records of an incarnation, by slot. */
class Overlay {
  readonly #bySlot = new Map<number, Record[]>();

  constructor(keyspace: Keyspace, incarnation: Incarnation) {
    for (const record of keyspace.uncommittedRecords()) {
      if (record.incarnation !== incarnation) continue;
      if (record.kind !== ABSENT) incarnation.noteSlot(record.slot);
      const records = this.#bySlot.get(record.slot);
      if (records === undefined) this.#bySlot.set(record.slot, [record]);
      else records.push(record);
    }
  }

  inSlot(slot: number): readonly Record[] {
    return this.#bySlot.get(slot) ?? [];
  }
}
