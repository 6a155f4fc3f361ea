// The slot of a call, where slots are shared out among processes: whether it is ours, and what is said when it is
// not, in Redis Cluster's words.

import { CROSS_SLOT, type ClientWay, type SlotMap } from "../cluster/slot-map.ts";
import { positionsToTell } from "../commands/key-positions.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args, CommandRow } from "../commands/table.ts";
import { CommandError } from "../resp/errors.ts";
import { ErrorReply } from "../resp/reply.ts";

export const NO_SLOT = -1;
export const MANY_SLOTS = -2;

const NOT_LOCAL = new ErrorReply(
  "ERR Script attempted to access a non local key in a cluster node",
);
const OTHER_SLOT = new ErrorReply(
  "ERR Script attempted to access keys that do not hash to the same slot",
);
export const NO_CLUSTER_FLAG = new CommandError(
  "ERR Can not run script on cluster, 'no-cluster' flag is set.",
);
export const SELECT_REFUSED = new CommandError("ERR SELECT is not allowed in cluster mode");

/** The slot of the keys, NO_SLOT without any, MANY_SLOTS when they are of several. */
export function slotOfCall(map: SlotMap, row: CommandRow, args: Args): number {
  const [spec] = row.keys;
  if (row.keysInCall === undefined) {
    if (spec === undefined) return NO_SLOT;
    // Most commands: one key, at one place.
    if (row.keys.length === 1 && spec.kind === "range" && spec.first === spec.last) {
      return map.slotOf(args[spec.first] ?? "");
    }
  }
  let slot = NO_SLOT;
  for (const { index } of positionsToTell(row, args))
    slot = both(slot, map.slotOf(args[index] ?? ""));
  return slot;
}

/** The slot of all that both are about. */
export function both(one: number, other: number): number {
  if (one === NO_SLOT || one === other) return other;
  return other === NO_SLOT ? one : MANY_SLOTS;
}

/** What is said to a client whose call cannot be answered here; null when it can. */
export function redirection(
  map: SlotMap,
  call: { readonly command: Command; readonly args: Args },
  way: ClientWay,
): CommandError | null {
  const slot = slotOfCall(map, call.command.row, call.args);
  if (slot === NO_SLOT || (slot >= 0 && map.isMine(slot))) return null;
  return slot === MANY_SLOTS ? CROSS_SLOT : map.moved(slot, way);
}

/** The slots that one run of a script may ask of: ours, and only one unless it said otherwise. */
export class ScriptSlots {
  readonly #map: SlotMap;
  readonly #mayCross: boolean;
  #slot: number;

  constructor(
    map: SlotMap,
    call: { readonly mayCross: boolean; readonly keys: readonly string[] },
  ) {
    this.#map = map;
    this.#mayCross = call.mayCross;
    const [first] = call.keys;
    this.#slot = first === undefined ? NO_SLOT : map.slotOf(first);
  }

  /** Why the script may not make this call; null when it may. */
  refusal(command: Command, args: Args): ErrorReply | null {
    const slot = slotOfCall(this.#map, command.row, args);
    if (slot === NO_SLOT) return null;
    if (slot === MANY_SLOTS || !this.#map.isMine(slot)) return NOT_LOCAL;
    if (this.#mayCross) return null;
    if (this.#slot !== NO_SLOT && this.#slot !== slot) return OTHER_SLOT;
    this.#slot = slot;
    return null;
  }
}
