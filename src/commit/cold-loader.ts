// Brings what a unit found cold into the cache, on the thread pool: the key it stumbled over and the
// others it will want, in parallel; or the elements of a collection, those included that it had to ask
// for before and that may have been dropped since, so that each round takes it further.

import { SLOT_COUNT, dataPrefix, u32 } from "../encoding/key.ts";
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
import type { Keyspace } from "../keyspace/keyspace.ts";
import { KeyLoader, type WantedKey } from "./key-loader.ts";
import { readFailure } from "./settle.ts";
import type { KeyOf, Unit } from "./unit.ts";

/** Entries of a slot that one warming brings in; a larger slot takes several rounds. */
const WARM_ENTRIES_MAX = 100_000;

type Wants = Pick<Unit, "keysWanted" | "keysAhead">;

/** What a unit has asked for in the rounds before this one. */
export interface ColdHistory {
  readonly elements: ColdElements[];
}

export interface ColdWork {
  readonly keyspace: Keyspace;
  readonly loader: KeyLoader;
}

export function coldWork(keyspace: Keyspace, soon: (action: () => void) => void): ColdWork {
  return { keyspace, loader: new KeyLoader(keyspace, soon) };
}

export async function loadCold(
  work: ColdWork,
  request: ColdRequest,
  { history, unit }: { readonly history: ColdHistory; readonly unit: Wants },
): Promise<void> {
  const { elements } = history;
  // What most reads are: nothing to do but this.
  if ("key" in request && elements.length === 0) return loadKeys(work, request, unit);
  if ("subkeys" in request) elements.push(request);
  if ("several" in request) elements.push(...request.several);
  await Promise.all([loadElements(work.keyspace, elements), loadOther(work, request, unit)]);
}

async function loadOther(work: ColdWork, request: ColdRequest, unit: Wants): Promise<void> {
  const { keyspace, loader } = work;
  if ("slot" in request) await warmSlots(keyspace, request);
  else if ("range" in request) await warmRange(keyspace, request);
  else if ("ranges" in request) await warmRanges(keyspace, request);
  else if ("key" in request) await loadKeys(work, request, unit);
  else if ("keys" in request) await loader.load(keysIn(request));
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

function loadKeys({ keyspace, loader }: ColdWork, request: ColdKey, unit: Wants): Promise<void> {
  const seen = new Set([request.key]);
  const missing = (keys: Iterable<KeyOf>): WantedKey[] => {
    const wanted: WantedKey[] = [];
    for (const { database, key } of keys) {
      if (seen.has(key) || keyspace.isCached(database.incarnation, key)) continue;
      seen.add(key);
      wanted.push({ incarnation: database.incarnation, key });
    }
    return wanted;
  };
  const own = loader.load([request, ...missing(unit.keysWanted())]);
  const ahead = missing(unit.keysAhead?.() ?? []);
  return ahead.length === 0 ? own : bothOf(own, loader.load(ahead));
}

/** What cannot be read of what comes behind is told to whoever asks for it, in his turn. */
async function bothOf(own: Promise<void>, ahead: Promise<void>): Promise<void> {
  const [first, second] = await Promise.allSettled([own, ahead]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected" && readFailure(second.reason) === null) throw second.reason;
}

function keysIn({ incarnation, keys }: ColdKeys): WantedKey[] {
  return keys.map((key) => ({ incarnation, key }));
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
