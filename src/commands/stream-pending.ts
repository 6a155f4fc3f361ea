// What consumers have got and not acknowledged: XPENDING tells of it, XCLAIM and XAUTOCLAIM give it to
// another consumer.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, NULL_ARRAY, type Reply } from "../resp/reply.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import { claim, type Claim } from "../types/stream-delivery.ts";
import {
  findGroup,
  type OpenGroup,
  type PendingEntry,
  TIME_MS_MAX,
} from "../types/stream-group.ts";
import {
  compareIds,
  ID_MAX,
  ID_MIN,
  idOf,
  idText,
  parseId,
  type StreamId,
} from "../types/stream-id.ts";
import * as stream from "../types/stream.ts";
import { countOf, endOf, startOf } from "./stream-arguments.ts";
import { consumerOf } from "./stream-read.ts";
import { at, type Args } from "./table.ts";

const BAD_COUNT = new CommandError("ERR COUNT must be > 0");
/** So many pending entries are looked at for one that is claimed. */
const ATTEMPTS_PER_CLAIM = 10;
const AUTOCLAIM_COUNT = 100;
const AUTOCLAIM_COUNT_MAX = 2n ** 63n / 16n - 1n;

function mustFindGroup(view: View, args: Args): OpenGroup {
  const [key, name] = [at(args, 1), at(args, 2)];
  const record = stream.find(view, key);
  const group = record === null ? null : findGroup(stream.partsOf(view, record), name);
  if (group !== null) return group;
  throw new CommandError(`NOGROUP No such key '${key}' or consumer group '${name}'`);
}

// XPENDING

interface PendingRange {
  readonly start: StreamId;
  readonly end: StreamId;
  readonly countMax: number;
  readonly minIdleMs: number;
  readonly consumer: Bytes | null;
}

export function xpending(view: View, args: Args): Reply {
  if (args.length === 3) return pendingSummary(mustFindGroup(view, args));
  if (args.length < 6 || args.length > 9) throw SYNTAX_ERROR;
  const range = pendingRange(args);
  return pendingEntries(mustFindGroup(view, args), range);
}

function pendingRange(args: Args): PendingRange {
  const hasIdle = at(args, 3).toUpperCase() === "IDLE";
  const minIdleMs = hasIdle ? countOf(at(args, 4)) : 0;
  if (hasIdle && args.length < 8) throw SYNTAX_ERROR;
  const from = hasIdle ? 5 : 3;
  const countMax = Math.max(0, countOf(at(args, from + 2)));
  const start = startOf(at(args, from));
  const end = endOf(at(args, from + 1));
  return { start, end, countMax, minIdleMs, consumer: args[from + 3] ?? null };
}

function pendingSummary(group: OpenGroup): Reply {
  const { pendingCount } = group.group;
  if (pendingCount === 0) return [0, null, null, NULL_ARRAY];
  const consumers: Reply[] = [];
  for (const consumer of group.consumers()) {
    if (consumer.pendingCount > 0) consumers.push([consumer.name, String(consumer.pendingCount)]);
  }
  return [pendingCount, pendingEdge(group, false), pendingEdge(group, true), consumers];
}

function pendingEdge(group: OpenGroup, reverse: boolean): Reply {
  let edge: Reply = null;
  group.forEachPending({ start: ID_MIN, end: ID_MAX, reverse, expected: 1 }, ({ id }) => {
    edge = idText(id);
    return false;
  });
  return edge;
}

function pendingEntries(group: OpenGroup, range: PendingRange): Reply {
  const { countMax, minIdleMs, start, end } = range;
  if (countMax === 0) return EMPTY_ARRAY;
  const { nowMs } = group.parts.view;
  const replies: Reply[] = [];
  const tell = (entry: PendingEntry): boolean => {
    const idleMs = nowMs - entry.deliveredMs;
    if (minIdleMs !== 0 && idleMs < minIdleMs) return true;
    const { name } = group.consumer(entry.consumerId);
    replies.push([idText(entry.id), name, Math.max(0, idleMs), entry.deliveries]);
    return replies.length < countMax;
  };
  if (range.consumer === null) {
    const expected = minIdleMs === 0 ? countMax : Infinity;
    group.forEachPending({ start, end, reverse: false, expected }, tell);
    return replies;
  }
  const consumer = group.findConsumer(range.consumer);
  if (consumer === null) return EMPTY_ARRAY;
  const wanted = minIdleMs === 0 ? countMax : Infinity;
  for (const entry of group.owned(consumer.id, { start, countMax: wanted })) {
    if (compareIds(entry.id, end) > 0 || !tell(entry)) break;
  }
  return replies;
}

// XCLAIM

export function xclaim(view: View, args: Args): Reply {
  const group = mustFindGroup(view, args);
  const minIdleMs = minIdleOf(at(args, 4), "XCLAIM");
  const ids = claimedIds(args);
  const { last, ...options } = claimOptions(view, args, 5 + ids.length);
  if (compareIds(last, group.group.last) > 0) group.change({ last });
  const consumer = consumerOf(group, at(args, 3));
  if (ids.length > 1) group.wantPending(ids);
  const replies: Reply[] = [];
  for (const id of ids) {
    const entry = { id, pending: group.pending(id) };
    const outcome = claim(group, consumer, entry, { ...options, minIdleMs });
    if (outcome.kind !== "claimed") continue;
    replies.push(options.isSilent ? idText(id) : [idText(id), outcome.pairs]);
  }
  group.flush();
  group.parts.settle();
  return replies;
}

function minIdleOf(text: Bytes, name: string): number {
  const words = `ERR Invalid min-idle-time argument for ${name}`;
  return Math.max(0, countOf(text, new CommandError(words)));
}

/** The IDs; what is none begins the options. */
function claimedIds(args: Args): StreamId[] {
  const ids: StreamId[] = [];
  for (let index = 5; index < args.length; index++) {
    const id = parseId(at(args, index), 0);
    if (id === null) break;
    ids.push(id);
  }
  return ids;
}

type ClaimOptions = Omit<Claim, "minIdleMs"> & { readonly last: StreamId };

function claimOptions(view: View, args: Args, from: number): ClaimOptions {
  const { nowMs } = view;
  let [last, deliveredMs, retryCount] = [ID_MIN, -1, -1];
  let isForced = false;
  let isSilent = false;
  for (let index = from; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    const value = args[index + 1];
    if (word === "FORCE") {
      isForced = true;
    } else if (word === "JUSTID") {
      isSilent = true;
    } else if (value === undefined || !CLAIM_WORDS.has(word)) {
      throw new CommandError(`ERR Unrecognized XCLAIM option '${at(args, index)}'`);
    } else {
      index++;
      if (word === "LASTID") last = idOf(value);
      else if (word === "RETRYCOUNT") retryCount = claimNumber(value, word);
      else deliveredMs = claimTime(nowMs, value, word);
    }
  }
  const isNow = deliveredMs < 0 || deliveredMs > nowMs;
  return {
    last,
    deliveredMs: Math.min(isNow ? nowMs : deliveredMs, TIME_MS_MAX),
    deliveries: retryCount < 0 ? null : retryCount,
    isForced,
    isSilent,
  };
}

const CLAIM_WORDS: ReadonlySet<string> = new Set(["IDLE", "TIME", "RETRYCOUNT", "LASTID"]);

function claimTime(nowMs: number, value: Bytes, word: string): number {
  const number = claimNumber(value, word);
  return word === "IDLE" ? nowMs - number : number;
}

function claimNumber(value: Bytes, word: string): number {
  return countOf(value, new CommandError(`ERR Invalid ${word} option argument for XCLAIM`));
}

// XAUTOCLAIM

export function xautoclaim(view: View, args: Args): Reply {
  const minIdleMs = minIdleOf(at(args, 4), "XAUTOCLAIM");
  const start = startOf(at(args, 5));
  const { countMax, isSilent } = autoclaimOptions(args);
  const group = mustFindGroup(view, args);
  const consumer = consumerOf(group, at(args, 3));
  const { looked, next } = autoclaimable(group, { start, minIdleMs, countMax });
  const how = {
    minIdleMs,
    deliveredMs: view.nowMs,
    deliveries: null,
    isSilent,
    isForced: false,
  };
  const claimed: Reply[] = [];
  const deleted: Reply[] = [];
  let cursor = next;
  for (const { id, ...pending } of looked) {
    if (claimed.length + deleted.length === countMax) {
      cursor = id;
      break;
    }
    const outcome = claim(group, consumer, { id, pending }, how);
    if (outcome.kind === "deleted") deleted.push(idText(id));
    if (outcome.kind !== "claimed") continue;
    claimed.push(isSilent ? idText(id) : [idText(id), outcome.pairs]);
  }
  group.flush();
  group.parts.settle();
  return [idText(cursor), claimed, deleted];
}

/** The pending entries that one call looks at, and the one behind them; 0-0 when there is none. */
function autoclaimable(
  group: OpenGroup,
  from: { readonly start: StreamId; readonly minIdleMs: number; readonly countMax: number },
): { readonly looked: readonly PendingEntry[]; readonly next: StreamId } {
  const attemptsMax = from.countMax * ATTEMPTS_PER_CLAIM;
  const { nowMs } = group.parts.view;
  const looked: PendingEntry[] = [];
  let next = ID_MIN;
  let claimable = 0;
  const range = { start: from.start, end: ID_MAX, reverse: false, expected: from.countMax + 1 };
  group.forEachPending(range, (entry) => {
    if (looked.length === attemptsMax || claimable === from.countMax) {
      next = entry.id;
      return false;
    }
    looked.push(entry);
    if (nowMs - entry.deliveredMs >= from.minIdleMs) claimable++;
    return true;
  });
  return { looked, next };
}

function autoclaimOptions(args: Args): { readonly countMax: number; readonly isSilent: boolean } {
  let countMax = AUTOCLAIM_COUNT;
  let isSilent = false;
  for (let index = 6; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    if (word === "JUSTID") {
      isSilent = true;
    } else if (word === "COUNT" && index + 1 < args.length) {
      const count = parseInteger(at(args, ++index));
      if (count === null || count < 1 || count > AUTOCLAIM_COUNT_MAX) throw BAD_COUNT;
      countMax = toIndex(count);
    } else {
      throw SYNTAX_ERROR;
    }
  }
  return { countMax, isSilent };
}
