// Brings what a unit found cold into the cache, on the thread pool: the key it stumbled over and the
// others it will want, in parallel; or the elements of a collection, those included that it had to ask
// for before and that may have been dropped since, so that each round takes it further.

import type { Bytes } from "../base/bytes.ts";
import { SLOT_COUNT, dataKey, dataPrefix, hashOfKey, slotOfKey, u32 } from "../encoding/key.ts";
import { DATA } from "../engine/engine.ts";
import type {
  ColdElements,
  ColdKey,
  ColdKeys,
  ColdRange,
  ColdRanges,
  ColdRequest,
  ColdSlot,
} from "../keyspace/cold.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import type { Database, Keyspace } from "../keyspace/keyspace.ts";

/** Entries of a slot that one warming brings in; a larger slot takes several rounds. */
const WARM_ENTRIES_MAX = 100_000;

interface Wanted {
  readonly incarnation: Incarnation;
  readonly key: Bytes;
}

/** What a unit has asked for in the rounds before this one. */
export interface ColdHistory {
  readonly elements: ColdElements[];
}

export async function loadCold(
  keyspace: Keyspace,
  request: ColdRequest,
  unit: {
    readonly history: ColdHistory;
    keysWanted(): Iterable<{ readonly database: Database; readonly key: Bytes }>;
  },
): Promise<void> {
  const { elements } = unit.history;
  if ("subkeys" in request) elements.push(request);
  if ("several" in request) elements.push(...request.several);
  await Promise.all([loadElements(keyspace, elements), loadOther(keyspace, request, unit)]);
}

async function loadOther(
  keyspace: Keyspace,
  request: ColdRequest,
  unit: { keysWanted(): Iterable<{ readonly database: Database; readonly key: Bytes }> },
): Promise<void> {
  if ("slot" in request) await warmSlots(keyspace, request);
  else if ("range" in request) await warmRange(keyspace, request);
  else if ("ranges" in request) await warmRanges(keyspace, request);
  else if ("key" in request) await loadKeys(keyspace, request, unit.keysWanted());
  else if ("keys" in request) await loadEach(keyspace, keysIn(request));
}

function warmRange(keyspace: Keyspace, request: ColdRange): Promise<void> {
  return keyspace.engine.warm(request.store, request.range, request.entriesMax);
}

async function warmRanges(keyspace: Keyspace, { ranges }: ColdRanges): Promise<void> {
  await Promise.all(ranges.map((request) => warmRange(keyspace, request)));
}

/** Those that are not in memory. */
async function loadElements(keyspace: Keyspace, requests: readonly ColdElements[]): Promise<void> {
  const rotationsBefore = keyspace.rotations;
  await Promise.all(
    requests.map(async ({ elements, subkeys }) => {
      const missing = subkeys.filter((subkey) => elements.cached(subkey) === null);
      if (missing.length === 0) return;
      const keys = missing.map((subkey) => elements.prefix + subkey);
      const loaded = await keyspace.engine.load(elements.store, keys);
      if (keyspace.rotations - rotationsBefore >= 2) return;
      for (const [index, subkey] of missing.entries()) {
        elements.installLoaded(subkey, loaded[index] ?? null);
      }
    }),
  );
}

async function loadKeys(
  keyspace: Keyspace,
  request: ColdKey,
  others: Iterable<{ readonly database: Database; readonly key: Bytes }>,
): Promise<void> {
  const wanted: Wanted[] = [request];
  const seen = new Set([request.key]);
  for (const { database, key } of others) {
    if (seen.has(key) || keyspace.isCached(database.incarnation, key)) continue;
    seen.add(key);
    wanted.push({ incarnation: database.incarnation, key });
  }
  await loadEach(keyspace, wanted);
}

function keysIn({ incarnation, keys }: ColdKeys): Wanted[] {
  return keys.map((key) => ({ incarnation, key }));
}

async function loadEach(keyspace: Keyspace, wanted: readonly Wanted[]): Promise<void> {
  const rotationsBefore = keyspace.rotations;
  const loaded = await keyspace.engine.load(DATA, wanted.map(physicalKey));
  // A record changed while the load was under way lives in the cache for at least one full turn; two
  // turns later it may have been written and dropped, and what was loaded would be stale.
  if (keyspace.rotations - rotationsBefore >= 2) return;
  for (const [index, { incarnation, key }] of wanted.entries()) {
    keyspace.installLoaded(incarnation, key, loaded[index] ?? null);
  }
}

function physicalKey({ incarnation, key }: Wanted): Bytes {
  const address = { incarnationId: incarnation.id, slot: slotOfKey(key), hash: hashOfKey(key) };
  return dataKey(address, key);
}

/** The slot that was cold and those that the walk will come to next, at the same time. */
async function warmSlots(keyspace: Keyspace, request: ColdSlot): Promise<void> {
  const { incarnation } = request;
  const loads: Promise<void>[] = [];
  let { slot, fromHash } = request;
  while (slot < SLOT_COUNT && loads.length < request.slotCount) {
    const range = {
      lower: dataPrefix(incarnation.id, slot) + u32(fromHash),
      upper: dataPrefix(incarnation.id, slot + 1),
      reverse: false,
      valueBytesMax: 0,
      patience: "wait",
    } as const;
    loads.push(keyspace.engine.warm(DATA, range, WARM_ENTRIES_MAX));
    slot = incarnation.nextSlot(slot + 1);
    fromHash = 0;
  }
  await Promise.all(loads);
}
