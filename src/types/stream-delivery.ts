// What a group gives its consumers: new entries, entries they have pending, entries claimed from others;
// and how far a group is behind. `entriesRead` counts the stream's entries up to the group's last ID; it
// is known while nothing was deleted where it would have to look (the rules are those of Redis 7.2).

import type { Bytes } from "../base/bytes.ts";
import type { StreamHeader } from "../encoding/stream.ts";
import { UNKNOWN, type Consumer, type Group, type Pending } from "../encoding/stream-group.ts";
import {
  compareIds,
  ID_MAX,
  idAfter,
  ID_MIN,
  isZero,
  type StreamId,
} from "../encoding/stream-id.ts";
import * as stream from "./stream.ts";
import type { OpenGroup } from "./stream-group.ts";

export interface Delivered {
  readonly id: StreamId;
  /** Null for one that was deleted meanwhile. */
  readonly pairs: readonly Bytes[] | null;
}

/** Whether something that was deleted may stand at `from` or behind it. */
function hasHoles(header: StreamHeader, from: StreamId): boolean {
  if (header.length === 0 || isZero(header.maxDeleted)) return false;
  if (compareIds(header.first, header.maxDeleted) > 0) return false;
  return compareIds(from, header.maxDeleted) <= 0;
}

/** How many entries were ever added up to an ID; UNKNOWN when that cannot be told. */
export function distanceOf(header: StreamHeader, id: StreamId): number {
  const { added, length, last, first, maxDeleted } = header;
  if (added === 0) return 0;
  const toLast = compareIds(id, last);
  if (length === 0 && toLast <= 0) return added;
  if (toLast === 0) return added;
  if (toLast > 0) return UNKNOWN;
  if (isZero(maxDeleted) || compareIds(maxDeleted, first) < 0) {
    const toFirst = compareIds(id, first);
    if (toFirst < 0) return added - length;
    if (toFirst === 0) return added - length + 1;
  }
  return UNKNOWN;
}

/** How many entries a group has still to get; null when that cannot be told. */
export function lagOf(header: StreamHeader, group: Group): number | null {
  if (header.added === 0) return 0;
  if (group.entriesRead !== UNKNOWN && !hasHoles(header, group.last)) {
    return header.added - group.entriesRead;
  }
  const read = distanceOf(header, group.last);
  return read === UNKNOWN ? null : header.added - read;
}

/** Gives a consumer what nobody of the group has got. Throws COLD. */
export function deliverNew(
  open: OpenGroup,
  consumer: Consumer,
  how: { readonly countMax: number; readonly isAcknowledged: boolean },
): Delivered[] {
  const { parts } = open;
  const { header } = parts;
  const start = idAfter(open.group.last);
  const delivered: Delivered[] = [];
  if (start === null) return delivered;
  const expected = how.countMax === 0 ? Infinity : how.countMax;
  stream.forEach(parts, { start, end: ID_MAX, reverse: false, expected }, (entry) => {
    delivered.push({ id: entry.id, pairs: entry.pairs() });
    return delivered.length !== how.countMax;
  });
  const last = delivered.at(-1);
  if (last === undefined) return delivered;
  let { entriesRead } = open.group;
  for (const { id } of delivered) {
    if (entriesRead !== UNKNOWN && !hasHoles(header, id)) entriesRead++;
    else if (header.added !== 0) entriesRead = distanceOf(header, id);
  }
  open.change({ last: last.id, entriesRead });
  if (how.isAcknowledged) return delivered;
  const deliveredMs = parts.view.nowMs;
  const pending: Pending = { consumerId: consumer.id, deliveredMs, deliveries: 1 };
  for (const { id } of delivered) open.setPending(id, open.pending(id), pending);
  open.changeConsumer(consumer.id, { activeMs: deliveredMs });
  return delivered;
}

/** Gives a consumer again what it has pending behind `after`. Throws COLD. */
export function deliverAgain(
  open: OpenGroup,
  consumer: Consumer,
  from: { readonly after: StreamId; readonly countMax: number },
): Delivered[] {
  const { parts } = open;
  const start = idAfter(from.after) ?? ID_MIN;
  const countMax = from.countMax === 0 ? Infinity : from.countMax;
  const deliveredMs = parts.view.nowMs;
  return open.owned(consumer.id, { start, countMax }).map(({ id, ...before }) => {
    const pairs = stream.get(parts, id);
    if (pairs !== null) {
      const deliveries = before.deliveries + 1;
      open.setPending(id, before, { consumerId: consumer.id, deliveredMs, deliveries });
    }
    return { id, pairs };
  });
}

export interface Claim {
  readonly minIdleMs: number;
  readonly deliveredMs: number;
  /** Null: one more than before. */
  readonly deliveries: number | null;
  /** Only IDs are asked for: that is no delivery. */
  readonly isSilent: boolean;
  /** Whether what is not pending is claimed as well. */
  readonly isForced: boolean;
}

/** What became of an entry that was to be claimed. */
export type ClaimOutcome =
  | { readonly kind: "claimed"; readonly pairs: readonly Bytes[] }
  | { readonly kind: "deleted" }
  | { readonly kind: "skipped" };

const SKIPPED: ClaimOutcome = { kind: "skipped" };

/** Gives a consumer an entry that another has pending. Throws COLD. */
export function claim(
  open: OpenGroup,
  consumer: Consumer,
  entry: { readonly id: StreamId; readonly pending: Pending | null },
  how: Claim,
): ClaimOutcome {
  const { id, pending } = entry;
  const { parts } = open;
  const { nowMs } = parts.view;
  const pairs = stream.get(parts, id);
  if (pairs === null) {
    if (pending === null) return SKIPPED;
    open.removePending(id, pending);
    parts.view.stats.changes++;
    return { kind: "deleted" };
  }
  if (pending === null && !how.isForced) return SKIPPED;
  if (pending !== null && how.minIdleMs > 0 && nowMs - pending.deliveredMs < how.minIdleMs) {
    return SKIPPED;
  }
  const before = pending?.deliveries ?? 1;
  const deliveries = how.deliveries ?? (how.isSilent ? before : before + 1);
  open.setPending(id, pending, {
    consumerId: consumer.id,
    deliveredMs: how.deliveredMs,
    deliveries,
  });
  open.changeConsumer(consumer.id, { activeMs: nowMs });
  parts.view.stats.changes++;
  return { kind: "claimed", pairs };
}
