// Brings what a unit found cold into the cache, on the thread pool: the key it stumbled over and the
// others it will want, in parallel.

import type { Bytes } from "../base/bytes.ts";
import { SLOT_COUNT, dataKey, dataPrefix, hashOfKey, slotOfKey, u32 } from "../encoding/key.ts";
import { DATA } from "../engine/engine.ts";
import type { ColdRequest, ColdSlot } from "../keyspace/cold.ts";
import type { Incarnation } from "../keyspace/incarnation.ts";
import type { Database, Keyspace } from "../keyspace/keyspace.ts";

/** Entries of a slot that one warming brings in; a larger slot takes several rounds. */
const WARM_ENTRIES_MAX = 100_000;

interface Wanted {
  readonly incarnation: Incarnation;
  readonly key: Bytes;
}

export async function loadCold(
  keyspace: Keyspace,
  request: ColdRequest,
  others: Iterable<{ readonly database: Database; readonly key: Bytes }>,
): Promise<void> {
  if ("slot" in request) {
    await warmSlots(keyspace, request);
    return;
  }
  const wanted: Wanted[] = [request];
  const seen = new Set([request.key]);
  for (const { database, key } of others) {
    if (seen.has(key) || keyspace.isCached(database.incarnation, key)) continue;
    seen.add(key);
    wanted.push({ incarnation: database.incarnation, key });
  }
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
