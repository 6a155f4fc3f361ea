// What a stream is: entries in the order of their IDs, in nodes of many (encoding/stream-node.ts). Only
// the last node is appended to; entries that are deleted are marked, and a node goes when its last entry
// does. Where a node ends is decided as in Redis, entry by entry, so that approximate trimming, which
// takes whole nodes, takes what Redis would.
//
// The header knows the first and the last node, so that neither adding nor trimming searches: deleted
// nodes in front cost nothing. Groups are in stream-group.ts.

import type { Bytes } from "../base/bytes.ts";
import { STREAM } from "../encoding/record.ts";
import * as encoding from "../encoding/stream.ts";
import { compareIds, ID_MIN, idAfter, U64_MAX, type StreamId } from "../encoding/stream-id.ts";
import { StreamNode, type EntryCursor, type NodeEnd, type Pairs } from "../encoding/stream-node.ts";
import type { Record } from "../keyspace/record.ts";
import type { Undo } from "../keyspace/undo.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, WRONG_TYPE } from "../resp/errors.ts";
import { nodeIn, StreamParts, type Cell } from "./stream-parts.ts";
import { InlineStream } from "./stream-value.ts";

export type { EntryCursor } from "../encoding/stream-node.ts";

const NOT_ABOVE_TOP = new CommandError(
  "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const EXHAUSTED = new CommandError(
  "ERR The stream has exhausted the last possible ID, unable to add more items",
);
const TOO_LARGE = new CommandError("ERR Elements are too large to be stored");
/** Redis's largest listpack in a stream. */
const NODE_BYTES_MAX = 1 << 30;
/** An entry, made into a reply, takes as long as so many elements of other collections. */
const READS_PER_ENTRY = 4;
/** What the undo of a node that was trimmed away holds in memory; more go by a range. */
const NODES_REMOVED_SINGLY_MAX = 64;

export const KIND = STREAM;

// Finding

/** The record of a key that holds a stream; null when there is none. Throws WRONG_TYPE, COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record === null) return null;
  if (record.kind !== STREAM) throw WRONG_TYPE;
  return record;
}

/** Makes an empty stream where there is no key. */
export function create(view: View, key: Bytes): Record {
  return view.set(key, { kind: STREAM, value: InlineStream.empty(), expiryMs: 0 });
}

export function partsOf(view: View, record: Record): StreamParts {
  return new StreamParts(view, record);
}

// Adding

/** The ID that an entry is to get: whole, only its milliseconds, or none of it. */
export interface WantedId {
  readonly ms: number | bigint | null;
  readonly seq: number | bigint | null;
}

/** Throws CommandError when there is no such ID left. */
export function resolveId(parts: StreamParts, wanted: WantedId): StreamId {
  const { last } = parts.header;
  if (last.ms === U64_MAX && last.seq === U64_MAX) throw EXHAUSTED;
  const id = idFor(last, wanted, parts.view.nowMs);
  if (id === null || compareIds(id, last) <= 0) throw NOT_ABOVE_TOP;
  return id;
}

function idFor(last: StreamId, { ms, seq }: WantedId, nowMs: number): StreamId | null {
  if (ms === null) return nowMs > last.ms ? { ms: nowMs, seq: 0 } : idAfter(last);
  if (seq !== null) return { ms, seq };
  if (ms !== last.ms) return { ms, seq: 0 };
  return last.seq === U64_MAX ? null : idAfter(last);
}

/** Adds an entry whose ID is above the last. Throws COLD. */
export function add(parts: StreamParts, id: StreamId, pairs: Pairs): void {
  const { header } = parts;
  const tail = tailFor(parts, pairs);
  let { nodeCount, head, tail: tailKey } = header;
  if (tail === null) {
    const node = StreamNode.startedWith(id, pairs);
    node.append(id, pairs);
    tailKey = encoding.nodeSubkey(id);
    parts.add(tailKey, node);
    if (nodeCount === 0) head = tailKey;
    nodeCount++;
  } else {
    const node = parts.node(tail);
    const { end, payloadSize } = node;
    node.append(id, pairs);
    parts.mutate(tail, new AppendUndo(node, end), node.payloadSize - payloadSize);
  }
  parts.header = {
    length: header.length + 1,
    nodeCount,
    added: header.added + 1,
    groupCount: header.groupCount,
    nextGroupId: header.nextGroupId,
    last: id,
    first: header.length === 0 ? id : header.first,
    maxDeleted: header.maxDeleted,
    head,
    tail: tailKey,
  };
  parts.view.stats.changes++;
}

/** The last node, if it has room; null when a new one is to be begun. Throws COLD. */
function tailFor(parts: StreamParts, { texts, from }: Pairs): Cell | null {
  const { tail } = parts.header;
  let bytes = 0;
  for (let at = from; at < texts.length; at++) bytes += texts[at]?.length ?? 0;
  if (bytes > NODE_BYTES_MAX) throw TOO_LARGE;
  if (tail === "") return null;
  const { streamNodeBytesMax, streamNodeEntriesMax } = parts.view.limits.collections;
  const isLimited = streamNodeBytesMax > 0 && streamNodeBytesMax <= NODE_BYTES_MAX;
  const cell = parts.cell(tail);
  const node = parts.node(cell);
  if (node.listpackBytes + bytes >= (isLimited ? streamNodeBytesMax : NODE_BYTES_MAX)) return null;
  if (streamNodeEntriesMax > 0 && node.count >= streamNodeEntriesMax) return null;
  return cell;
}

class AppendUndo implements Undo {
  readonly #node: StreamNode;
  readonly #end: NodeEnd;

  constructor(node: StreamNode, end: NodeEnd) {
    this.#node = node;
    this.#end = end;
  }

  revert(): void {
    this.#node.cutTo(this.#end);
  }
}

// Reading

export interface IdRange {
  readonly start: StreamId;
  readonly end: StreamId;
  readonly reverse: boolean;
  /** How many entries are likely wanted. */
  readonly expected: number;
}

/** Tells of the entries that live, in order; false ends it. Throws COLD. */
export function forEach(
  parts: StreamParts,
  range: IdRange,
  visit: (entry: EntryCursor) => boolean,
): void {
  const { head, tail, length, nodeCount } = parts.header;
  if (length === 0 || compareIds(range.start, range.end) > 0) return;
  const visitNode = (node: StreamNode): boolean =>
    range.reverse ? visitBackward(node, range, visit) : visitForward(node, range, visit);
  const startKey = encoding.nodeSubkey(range.start);
  if (startKey >= tail) {
    visitNode(parts.node(parts.cell(tail)));
    return;
  }
  const lower = startKey <= head ? head : floorKey(parts, startKey);
  const endKey = encoding.nodeSubkey(range.end);
  const upper = `${endKey < tail ? endKey : tail}\0`;
  const expected = Math.ceil(range.expected / (length / nodeCount)) + 1;
  parts.walk({ lower, upper, reverse: range.reverse, expected }, (subkey, content) => {
    const node = nodeIn(subkey, content);
    parts.view.reads(node.count * READS_PER_ENTRY);
    return visitNode(node);
  });
}

/** The subkey of the node in which an ID would stand; the ID is above the first node's. */
function floorKey(parts: StreamParts, subkey: Bytes): Bytes {
  let { head } = parts.header;
  const range = { lower: head, upper: `${subkey}\0`, reverse: true, expected: 1 };
  parts.walk(range, (found) => {
    head = found;
    return false;
  });
  return head;
}

/** False when no later node need be looked at. */
function visitForward(
  node: StreamNode,
  { start, end }: IdRange,
  visit: (entry: EntryCursor) => boolean,
): boolean {
  const entry = node.entries();
  while (entry.next()) {
    if (isBelow(entry, start)) continue;
    if (isBelow(end, entry)) return false;
    if (!entry.isDeleted && !visit(entry)) return false;
  }
  return true;
}

function visitBackward(
  node: StreamNode,
  { start, end }: IdRange,
  visit: (entry: EntryCursor) => boolean,
): boolean {
  const places: number[] = [];
  const entry = node.entries();
  while (entry.next()) {
    if (isBelow(end, entry)) break;
    if (!entry.isDeleted) places.push(entry.at);
  }
  for (let index = places.length - 1; index >= 0; index--) {
    entry.goTo(places[index] ?? 0);
    if (isBelow(entry, start) || !visit(entry)) return false;
  }
  return compareIds(node.first, start) > 0;
}

function isBelow(a: StreamId, b: StreamId): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.seq < b.seq);
}

/** Fields and values of an entry; null when it is not there. Throws COLD. */
export function get(parts: StreamParts, id: StreamId): Bytes[] | null {
  let pairs: Bytes[] | null = null;
  forEach(parts, { start: id, end: id, reverse: false, expected: 1 }, (entry) => {
    pairs = entry.pairs();
    return false;
  });
  return pairs;
}

/** The ID of the last entry that lives; 0-0 when there is none. Throws COLD. */
export function lastLive(parts: StreamParts): StreamId {
  const { length, last, tail } = parts.header;
  if (length === 0) return ID_MIN;
  const node = parts.node(parts.cell(tail));
  if (node.deleted === 0) return node.last;
  return edge(parts, { start: ID_MIN, end: last, reverse: true, expected: 1 });
}

function edge(parts: StreamParts, range: IdRange): StreamId {
  let found = ID_MIN;
  forEach(parts, range, (entry) => {
    found = entry.id;
    return false;
  });
  return found;
}

function firstLive(parts: StreamParts): StreamId {
  return edge(parts, { start: ID_MIN, end: parts.header.last, reverse: false, expected: 1 });
}

// Deleting

/** Removes entries; tells of how many there were. Throws COLD. */
export function remove(parts: StreamParts, ids: readonly StreamId[]): number {
  let { maxDeleted } = parts.header;
  const { first } = parts.header;
  let removed = 0;
  let isFirst = false;
  for (const id of ids) {
    if (!removeOne(parts, id)) continue;
    removed++;
    if (compareIds(id, first) === 0) isFirst = true;
    if (compareIds(id, maxDeleted) > 0) maxDeleted = id;
  }
  if (removed === 0) return 0;
  parts.changeHeader({ maxDeleted });
  if (isFirst) parts.changeHeader({ first: firstLive(parts) });
  parts.view.stats.changes += removed;
  return removed;
}

function removeOne(parts: StreamParts, id: StreamId): boolean {
  const { head, tail, length } = parts.header;
  if (length === 0) return false;
  const key = encoding.nodeSubkey(id);
  if (key < head) return false;
  const subkey = key >= tail ? tail : floorKey(parts, key);
  const cell = parts.cell(subkey);
  const node = parts.node(cell);
  const place = node.placeOf(id);
  if (place === null) return false;
  if (node.live === 1) {
    parts.set(subkey, null);
    parts.changeHeader({ length: length - 1, nodeCount: parts.header.nodeCount - 1 });
    fixEnds(parts);
  } else {
    node.mark(place, true);
    parts.mutate(cell, new MarkUndo(node, [place]), 0);
    parts.changeHeader({ length: length - 1 });
  }
  return true;
}

class MarkUndo implements Undo {
  readonly #node: StreamNode;
  readonly #places: readonly number[];

  constructor(node: StreamNode, places: readonly number[]) {
    this.#node = node;
    this.#places = places;
  }

  revert(): void {
    for (const place of this.#places) this.#node.mark(place, false);
  }
}

/** After nodes have gone: which are the first and the last one now. Throws COLD. */
function fixEnds(parts: StreamParts): void {
  const { nodeCount, head, tail } = parts.header;
  if (nodeCount === 0) {
    parts.changeHeader({ head: "", tail: "" });
    return;
  }
  const first = endOfNodes(parts, { lower: head, upper: encoding.AFTER_NODES, reverse: false });
  const last = endOfNodes(parts, { lower: first, upper: `${tail}\0`, reverse: true });
  if (first !== head || last !== tail) parts.changeHeader({ head: first, tail: last });
}

function endOfNodes(
  parts: StreamParts,
  range: { readonly lower: Bytes; readonly upper: Bytes; readonly reverse: boolean },
): Bytes {
  let found = "";
  parts.walk({ ...range, expected: 1 }, (subkey) => {
    found = subkey;
    return false;
  });
  return found;
}

// Trimming

export interface Trim {
  /** How many entries may stay, or from which ID on. */
  readonly until: { readonly length: number } | { readonly id: StreamId };
  /** Only whole nodes. */
  readonly isApproximate: boolean;
  /** Entries looked at, at most; 0 for no limit. */
  readonly limit: number;
}

/** Removes entries at the front; tells how many. Not counted as changes. Throws COLD. */
export function trim(parts: StreamParts, how: Trim): number {
  const { length, nodeCount, head, tail } = parts.header;
  if (nodeCount === 0 || ("length" in how.until && length <= how.until.length)) return 0;
  const step = new TrimStep(parts, how);
  const headNode = parts.node(parts.cell(head));
  if (step.takes(headNode)) {
    step.note(head, headNode);
    const range = { lower: `${head}\0`, upper: encoding.AFTER_NODES, reverse: false };
    parts.walk({ ...range, expected: step.nodesExpected }, (subkey, content) => {
      const node = nodeIn(subkey, content);
      if (!step.takes(node)) {
        step.stop = subkey;
        return false;
      }
      step.note(subkey, node);
      return true;
    });
  } else {
    step.stop = head;
  }
  step.removeNodes();
  let removed = step.removed;
  if (step.stop !== "") {
    // What removes nothing is no change, for who watches the key.
    if (step.stop !== head) parts.changeHeader({ head: step.stop });
    if (!how.isApproximate && !step.isAtLimit) removed += trimWithin(parts, how.until);
  } else {
    parts.changeHeader({ head: "", tail: "" });
  }
  if (removed === 0) return 0;
  const first = parts.header.length === 0 ? ID_MIN : firstLive(parts);
  parts.changeHeader({ first, tail: parts.header.nodeCount === 0 ? "" : tail });
  return removed;
}

/** The IDs that `trim` would remove. Throws COLD. */
export function trimmable(parts: StreamParts, how: Trim): StreamId[] {
  const { length, nodeCount, head } = parts.header;
  const ids: StreamId[] = [];
  if (nodeCount === 0 || ("length" in how.until && length <= how.until.length)) return ids;
  const step = new TrimStep(parts, how);
  const range = { lower: head, upper: encoding.AFTER_NODES, reverse: false };
  parts.walk({ ...range, expected: step.nodesExpected }, (subkey, content) => {
    const node = nodeIn(subkey, content);
    const takesAll = step.takes(node);
    if (!takesAll && (how.isApproximate || step.isAtLimit)) return false;
    const entry = node.entries();
    while (entry.next()) {
      if (!takesAll && isEnough(how.until, length - ids.length, entry)) break;
      if (!entry.isDeleted) ids.push(entry.id);
    }
    if (takesAll) step.note(subkey, node);
    return takesAll;
  });
  return ids;
}

/** Whether `entry` may stay, given how many entries there are from it on. */
function isEnough(until: Trim["until"], length: number, entry: StreamId): boolean {
  return "length" in until ? length <= until.length : !isBelow(entry, until.id);
}

/** Which whole nodes go, from the first one on. */
class TrimStep {
  readonly #parts: StreamParts;
  readonly #how: Trim;
  readonly #subkeys: Bytes[] = [];
  #nodes = 0;
  #last: Bytes = "";
  removed = 0;
  isAtLimit = false;
  /** The first node that stays; "" for none. */
  stop: Bytes = "";

  constructor(parts: StreamParts, how: Trim) {
    this.#parts = parts;
    this.#how = how;
  }

  get nodesExpected(): number {
    const { length, nodeCount } = this.#parts.header;
    const { until, limit } = this.#how;
    const wanted = "length" in until ? length - until.length : length;
    const entries = limit === 0 ? wanted : Math.min(wanted, limit);
    return Math.ceil(entries / Math.max(1, length / nodeCount)) + 1;
  }

  takes(node: StreamNode): boolean {
    const { until, limit } = this.#how;
    const length = this.#parts.header.length - this.removed;
    if ("length" in until && length <= until.length) return false;
    if (limit !== 0 && this.removed + node.live > limit) {
      this.isAtLimit = true;
      return false;
    }
    if ("length" in until) return length - node.live >= until.length;
    return compareIds(node.last, until.id) < 0;
  }

  note(subkey: Bytes, node: StreamNode): void {
    this.removed += node.live;
    this.#nodes++;
    this.#last = subkey;
    const isKept = this.#parts.isInline || this.#nodes <= NODES_REMOVED_SINGLY_MAX;
    if (isKept) this.#subkeys.push(subkey);
  }

  removeNodes(): void {
    if (this.#nodes === 0) return;
    const { header } = this.#parts;
    if (this.#nodes <= NODES_REMOVED_SINGLY_MAX || this.#parts.isInline) {
      this.#parts.want(this.#subkeys);
      for (const subkey of this.#subkeys) this.#parts.set(subkey, null);
    } else {
      this.#parts.removeAll({ lower: header.head, upper: `${this.#last}\0` });
    }
    const nodeCount = header.nodeCount - this.#nodes;
    this.#parts.changeHeader({ length: header.length - this.removed, nodeCount });
  }
}

/** Marks entries at the front of the first node. */
function trimWithin(parts: StreamParts, until: Trim["until"]): number {
  const { head, length } = parts.header;
  const cell = parts.cell(head);
  const node = parts.node(cell);
  const places: number[] = [];
  const entry = node.entries();
  while (entry.next()) {
    if (isEnough(until, length - places.length, entry)) break;
    if (!entry.isDeleted) places.push(entry.at);
  }
  if (places.length === 0) return 0;
  for (const place of places) node.mark(place, true);
  parts.mutate(cell, new MarkUndo(node, places), 0);
  parts.changeHeader({ length: length - places.length });
  return places.length;
}

// What is told of the whole

/** Sets the last ID and what goes with it; what is null stays. */
export function setLast(
  parts: StreamParts,
  change: {
    readonly last: StreamId;
    readonly added: number | null;
    readonly maxDeleted: StreamId | null;
  },
): void {
  const { header } = parts;
  parts.changeHeader({
    last: change.last,
    added: change.added ?? header.added,
    maxDeleted: change.maxDeleted ?? header.maxDeleted,
  });
  parts.view.stats.changes++;
}
