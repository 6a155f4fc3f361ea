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
//
// A walk that meets a cold block throws COLD and is run again from its start after the load, so what
// it does must not depend on how often it was run: a random place is kept until it has led to a key.

import type { Bytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { SLOT_COUNT, dataPrefix, decodeDataKey, u32 } from "../encoding/key.ts";
import { ABSENT, RECORD_HEADER_SIZE_MAX, readHeader, type Kind } from "../encoding/record.ts";
import { DATA } from "../engine/engine.ts";
import { CommandError } from "../resp/errors.ts";
import { COLD } from "./cold.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Record } from "./record.ts";

/** What is walked, and at which moment. */
export interface Place {
  readonly incarnation: Incarnation;
  readonly nowMs: number;
  /** How often this walk has been begun anew after a load. */
  readonly loads: number;
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
/**
 * Slots that are loaded together when a walk finds one cold. Few enough for a short wait, and enough
 * that the rounds of loading and running again stay below the runner's limit even if all are cold.
 */
const SLOTS_PER_LOAD = { scan: 64, random: 256, all: 1024 } as const;
/** Below the runner's limit. A walk that needs more loads drives out of the cache what it loads. */
const LOADS_MAX = 48;
const DOES_NOT_FIT = new CommandError(
  "ERR the keys do not fit in the block cache at once: use SCAN, or raise rocksdb.block_cache_size",
);
/** How many slots behind one with a block too large for the cache are loaded one by one. */
const OUTSIZE_REACH = 256;
/** After so many loads RANDOMKEY no longer wants to see all of few keys. */
const EVEN_CHOICE_LOADS_MAX = 8;
/** Up to so many keys RANDOMKEY chooses among all of them. */
const EVEN_CHOICE_KEYS_MAX = 64;
/** Cursors from clients may be any number; beyond this one there is nothing. */
const CURSOR_MAX = SLOT_COUNT * HASH_RANGE;

export function scan(
  keyspace: Keyspace,
  place: Place,
  step: { readonly cursor: number; readonly countMin: number },
): ScanStep {
  if (step.cursor >= CURSOR_MAX) return { cursor: 0, found: [] };
  const { incarnation, nowMs } = place;
  const { countMin } = step;
  const walk = new Walk(keyspace, place, SLOTS_PER_LOAD.scan);
  const found: FoundKey[] = [];
  let slot = Math.floor(step.cursor / HASH_RANGE);
  let fromHash = step.cursor % HASH_RANGE;
  for (let visited = 0; visited < SLOTS_PER_STEP_MAX && found.length < countMin; visited++) {
    const next = incarnation.nextSlot(slot);
    if (next === SLOT_COUNT) return { cursor: 0, found };
    if (next !== slot) fromHash = 0;
    const part = walk.read({ slot: next, fromHash, countMin: countMin - found.length });
    for (const entry of part.entries) {
      if (isLive(entry, nowMs)) found.push({ key: entry.key, kind: entry.kind });
    }
    if (part.nextHash !== null) return { cursor: next * HASH_RANGE + part.nextHash, found };
    slot = next + 1;
    fromHash = 0;
    // Others may want the event loop: the client asks again.
    if (walk.hasWaited) break;
  }
  const next = incarnation.nextSlot(slot);
  return { cursor: next === SLOT_COUNT ? 0 : next * HASH_RANGE, found };
}

export function allKeys(keyspace: Keyspace, place: Place): Bytes[] {
  const { incarnation, nowMs } = place;
  const walk = new Walk(keyspace, place, SLOTS_PER_LOAD.all);
  const keys: Bytes[] = [];
  let slot = incarnation.nextSlot(0);
  while (slot < SLOT_COUNT) {
    const { entries } = walk.read({ slot, fromHash: 0, countMin: Infinity });
    for (const entry of entries) if (isLive(entry, nowMs)) keys.push(entry.key);
    slot = incarnation.nextSlot(slot + 1);
  }
  return keys;
}

/** Costs what the keys of the slot cost, a sixteen-thousandth of all. */
export function keysOfSlot(
  keyspace: Keyspace,
  place: Place,
  { slot, countMax }: { readonly slot: number; readonly countMax: number },
): Bytes[] {
  const walk = new Walk(keyspace, place, 1);
  if (place.incarnation.nextSlot(slot) !== slot) return [];
  const keys: Bytes[] = [];
  let fromHash: number | null = 0;
  while (fromHash !== null && keys.length < countMax) {
    const part: SlotPart = walk.read({ slot, fromHash, countMin: countMax - keys.length });
    for (const entry of part.entries) if (isLive(entry, place.nowMs)) keys.push(entry.key);
    fromHash = part.nextHash;
  }
  return keys.slice(0, countMax);
}

/**
 * Evenly among few keys. Among many: the first slot with keys from a random one on, and in it the
 * first key after a random hash, so that a key's chance grows with the gaps before its slot and it.
 */
export function randomKey(keyspace: Keyspace, place: Place, random: Random): Bytes | null {
  const { incarnation } = place;
  const draw = (incarnation.pendingDraw ??= random.next());
  const key =
    incarnation.keyCount <= EVEN_CHOICE_KEYS_MAX && place.loads < EVEN_CHOICE_LOADS_MAX
      ? keyAt(allKeys(keyspace, place), draw)
      : keyAfter(keyspace, place, Math.floor(draw * CURSOR_MAX));
  incarnation.pendingDraw = null;
  return key;
}

function keyAt(keys: readonly Bytes[], draw: number): Bytes | null {
  return keys[Math.floor(draw * keys.length)] ?? null;
}

/** The first live key from a place on; slots are a ring, and so are the hashes of each. */
function keyAfter(keyspace: Keyspace, place: Place, at: number): Bytes | null {
  const { incarnation } = place;
  const walk = new Walk(keyspace, place, SLOTS_PER_LOAD.random);
  const start = Math.floor(at / HASH_RANGE);
  const hash = at % HASH_RANGE;
  for (const [from, to] of [[start, SLOT_COUNT] as const, [0, start] as const]) {
    let slot = incarnation.nextSlot(from);
    while (slot < to) {
      const key =
        firstLive(walk, place, { slot, fromHash: hash }) ??
        firstLive(walk, place, { slot, fromHash: 0 });
      if (key !== null) return key;
      slot = incarnation.nextSlot(slot + 1);
    }
  }
  return null;
}

function firstLive(
  walk: Walk,
  place: Place,
  start: { readonly slot: number; readonly fromHash: number },
): Bytes | null {
  let fromHash: number | null = start.fromHash;
  while (fromHash !== null) {
    const part = walk.read({ slot: start.slot, fromHash, countMin: 1 });
    for (const entry of part.entries) if (isLive(entry, place.nowMs)) return entry.key;
    fromHash = part.nextHash;
  }
  return null;
}

function isLive(entry: Entry, nowMs: number): boolean {
  return entry.expiryMs === 0 || entry.expiryMs > nowMs;
}

interface SlotRead {
  readonly slot: number;
  readonly fromHash: number;
  readonly countMin: number;
}

interface SlotPart {
  readonly entries: readonly Entry[];
  /** The hash at which the slot goes on; null when there is no more. */
  readonly nextHash: number | null;
}

/** One command's walk: the disk, with the incarnation's uncommitted records laid over it. */
class Walk {
  readonly #keyspace: Keyspace;
  readonly #incarnation: Incarnation;
  readonly #loads: number;
  /** How many slots to load at once when one is cold. */
  readonly #slotsPerLoad: number;
  readonly #uncommitted = new Map<number, Record[]>();
  /** Whether the event loop has read from the disk itself. */
  hasWaited = false;

  constructor(keyspace: Keyspace, place: Place, slotsPerLoad: number) {
    const { incarnation } = place;
    this.#keyspace = keyspace;
    this.#incarnation = incarnation;
    this.#loads = place.loads;
    this.#slotsPerLoad = slotsPerLoad;
    for (const record of keyspace.uncommittedRecords()) {
      if (record.incarnation !== incarnation) continue;
      // The bit is set when a batch closes; the walk must find the keys of the open one too.
      if (record.kind !== ABSENT) incarnation.noteSlot(record.slot);
      const records = this.#uncommitted.get(record.slot);
      if (records === undefined) this.#uncommitted.set(record.slot, [record]);
      else records.push(record);
    }
  }

  /** Entries of a slot in order of hash, at least `countMin` while there are any, no hash split. */
  read(read: SlotRead): SlotPart {
    const changed = this.#uncommitted.get(read.slot);
    const stored = this.#readStored(read, changed);
    if (changed === undefined) {
      // Nothing on disk and nothing on its way: until the next change there is nothing to walk.
      const isEmpty = stored.entries.length === 0 && stored.nextHash === null;
      if (isEmpty && read.fromHash === 0) this.#incarnation.forgetSlot(read.slot);
      return stored;
    }
    const horizon = stored.nextHash ?? HASH_RANGE;
    const entries = [...stored.entries];
    for (const record of changed) {
      if (record.kind === ABSENT) continue;
      if (record.hash >= read.fromHash && record.hash < horizon) entries.push(entryOf(record));
    }
    entries.sort((a, b) => a.hash - b.hash);
    return { entries, nextHash: stored.nextHash };
  }

  /** The disk's entries, without those that have changed since. */
  #readStored(read: SlotRead, changed: readonly Record[] | undefined): SlotPart {
    const incarnation = this.#incarnation;
    const coldBefore = incarnation.coldPlace;
    const part = this.#readEntries(read, changed, "loop");
    if (!(part instanceof Error)) return part;
    const isOutsize =
      (this.#loads > 0 && incarnation.coldPlace === coldBefore) ||
      (this.hasWaited && incarnation.outsizeSlot === read.slot);
    if (!isOutsize || this.#slotsPerLoad === SLOTS_PER_LOAD.all) throw part;
    // It has just been read and is cold again: a block that holds a value of megabytes is too large to stay in
    // the cache. The system has it at hand.
    this.hasWaited = true;
    incarnation.outsizeSlot = read.slot;
    incarnation.coldPlace = -1;
    const again = this.#readEntries(read, changed, "wait");
    if (again instanceof Error) throw again;
    return again;
  }

  /** An error where that would wait: COLD, or that loads do not help. */
  #readEntries(
    { slot, fromHash, countMin }: SlotRead,
    changed: readonly Record[] | undefined,
    patience: "loop" | "wait",
  ): SlotPart | Error {
    const { id } = this.#incarnation;
    const changedKeys = new Set(changed?.map((record) => record.key));
    const cursor = this.#keyspace.engine.cursor(DATA, {
      lower: dataPrefix(id, slot) + u32(fromHash),
      upper: dataPrefix(id, slot + 1),
      reverse: false,
      valueBytesMax: RECORD_HEADER_SIZE_MAX,
      patience,
    });
    try {
      const entries: Entry[] = [];
      let lastHash = fromHash;
      for (;;) {
        const flat = cursor.next(Math.min(ENTRIES_PER_READ, countMin + 1));
        if (flat === undefined) return this.#cold(slot, lastHash);
        if (flat.length === 0) return { entries, nextHash: null };
        for (let index = 0; index + 1 < flat.length; index += 2) {
          const { key, hash } = decodeDataKey(flat[index] ?? "");
          if (entries.length >= countMin && hash !== lastHash) return { entries, nextHash: hash };
          lastHash = hash;
          if (changedKeys.has(key)) continue;
          entries.push({ key, hash, ...readHeader(flat[index + 1] ?? "") });
        }
      }
    } finally {
      cursor.close();
    }
  }

  #cold(slot: number, fromHash: number): Error {
    const incarnation = this.#incarnation;
    incarnation.coldPlace = slot * HASH_RANGE + fromHash;
    if (this.#loads >= LOADS_MAX) return DOES_NOT_FIT;
    // The next slots may stand in the same large block, which would be read for each of them.
    const beyond = slot - incarnation.outsizeSlot;
    const isBehindOutsize = incarnation.outsizeSlot >= 0 && beyond >= 0 && beyond < OUTSIZE_REACH;
    COLD.request = {
      incarnation,
      slot,
      fromHash,
      slotCount: isBehindOutsize ? 1 : this.#slotsPerLoad,
    };
    return COLD;
  }
}

function entryOf(record: Record): Entry {
  const { key, kind, hash, expiryMs } = record;
  return { key, kind, hash, expiryMs };
}
