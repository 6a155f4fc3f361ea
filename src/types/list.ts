// What a list is: texts in a row, in one of two forms (list-value.ts). Everything here takes the record
// that `find` or `open` gave; which form it has is nobody else's business.
//
// A list is kept inline while its payload is small, or while it is one text of any size: so a queue of
// large jobs that never holds two at once never explodes. What OBJECT ENCODING says follows Redis's
// thresholds and is noted apart (packed-size.ts).

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { textSize } from "../encoding/list.ts";
import { ABSENT, LIST } from "../encoding/record.ts";
import type { Record } from "../keyspace/record.ts";
import type { Undo } from "../keyspace/undo.ts";
import { Packed, type Value } from "../keyspace/value.ts";
import type { View } from "../keyspace/view.ts";
import { WRONG_TYPE } from "../resp/errors.ts";
import { ListNode, type End } from "./list-node.ts";
import * as nodes from "./list-nodes.ts";
import { EncodingUndo, ExplodedList, InlineList, InlineUndo } from "./list-value.ts";
import { exceeds, fitsAfterShrinking, LISTPACK_OVERHEAD_BYTES, packedSize } from "./packed-size.ts";

export type { End } from "./list-node.ts";
export { LIST as KIND } from "../encoding/record.ts";

/** An exploded list comes back when it has shrunk to this part of what may be inline. */
const INLINE_AGAIN_PART = 4;

// Finding

/** The record of a key that holds a list; null when there is none. Throws WRONG_TYPE, COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record === null) return null;
  if (record.kind !== LIST) throw WRONG_TYPE;
  return record;
}

/** As `find`, but makes an empty list where there is none: the caller fills it in the same unit. */
export function open(view: View, key: Bytes): Record {
  return find(view, key) ?? made(view, key, 0);
}

function made(view: View, key: Bytes, expiryMs: number): Record {
  const { changes } = view.stats;
  const record = view.set(key, { kind: LIST, value: InlineList.empty(), expiryMs });
  view.stats.changes = changes;
  return record;
}

function listOf(view: View, record: Record): InlineList | ExplodedList {
  const { value } = record;
  if (value instanceof InlineList || value instanceof ExplodedList) return value;
  if (!(value instanceof Packed)) throw new AssertionFailed("a list record holds no list");
  const { payload, home } = value;
  const list = home === null ? InlineList.read(payload) : ExplodedList.read(home, payload);
  view.unpack(record, list);
  return list;
}

/** What OBJECT ENCODING says. */
export function encodingName(view: View, record: Record): "listpack" | "quicklist" {
  return listOf(view, record).isQuicklist ? "quicklist" : "listpack";
}

// Reading

export function length(view: View, record: Record): number {
  return listOf(view, record).count;
}

/** Null when there is none at `position`. Throws COLD. */
export function at(view: View, record: Record, position: number): Bytes | null {
  const list = listOf(view, record);
  if (position < 0 || position >= list.count) return null;
  if (list instanceof InlineList) return list.node.texts.at(position);
  return nodes.at({ view, record, list }, position);
}

/** The texts from `from` up to but without `to`, all of them there. Throws COLD. */
export function range(view: View, record: Record, from: number, to: number): Bytes[] {
  const list = listOf(view, record);
  if (!(list instanceof InlineList)) return nodes.range({ view, record, list }, from, to);
  const texts: Bytes[] = [];
  list.node.texts.copyTo(texts, from, to);
  return texts;
}

/**
 * Tells the texts from an end on, each with its position from that end, until `visit` has had enough
 * (false). Throws COLD.
 */
export function forEach(
  view: View,
  record: Record,
  isReverse: boolean,
  visit: (text: Bytes, index: number) => boolean,
): void {
  let index = 0;
  const visitNode = (_: Bytes, { texts }: ListNode): boolean => {
    for (let step = 0; step < texts.length; step++) {
      const text = texts.at(isReverse ? texts.length - 1 - step : step);
      if (!visit(text, index++)) return false;
    }
    return true;
  };
  const list = listOf(view, record);
  if (list instanceof InlineList) visitNode("", list.node);
  else nodes.forEachNode({ view, record, list }, isReverse, visitNode);
}

// Changing. Each counts what Redis counts as changes.

/** Before texts of `bytes` bytes together come in: the list may have to be called a quicklist. */
export function willGrow(view: View, record: Record, count: number, bytes: number): void {
  const list = listOf(view, record);
  if (list.isQuicklist) return;
  const { listNodeSize } = view.limits.collections;
  const size = LISTPACK_OVERHEAD_BYTES + list.packedBytes + bytes;
  if (exceeds(listNodeSize, size, list.count + count)) setQuicklist(view, record, list);
}

function setQuicklist(view: View, record: Record, list: InlineList | ExplodedList): void {
  const undo = new EncodingUndo(list);
  list.isQuicklist = !list.isQuicklist;
  view.mutate(record, undo, 0);
}

export interface Pushed {
  readonly end: End;
  readonly texts: readonly Bytes[];
  /** The index of the first that is meant. */
  readonly from: number;
}

/** Pushes the texts from `from` on, one after the other. Throws COLD. */
export function push(view: View, record: Record, what: Pushed): void {
  const { end, texts, from } = what;
  let next = from;
  const inline = listOf(view, record);
  if (inline instanceof InlineList) next = pushInline(view, record, { inline, end, texts, from });
  const list = listOf(view, record);
  if (list instanceof ExplodedList) nodes.push({ view, record, list }, end, texts, next);
  view.stats.changes += texts.length - from;
}

/** As many as it takes until the list is too large to be inline; returns the index of the next. */
function pushInline(
  view: View,
  record: Record,
  what: Pushed & { readonly inline: InlineList },
): number {
  const { inline, end, texts, from } = what;
  const { node } = inline;
  let next = from;
  let growth = 0;
  let packed = 0;
  while (next < texts.length && mayStayInline(view, inline)) {
    const text = texts[next++] ?? "";
    node.put(end, text);
    growth += textSize(text);
    packed += packedSize(text);
  }
  const undo = node.undoPuts(end, next - from);
  noteInline(view, record, { list: inline, undo, growth, packed });
  explodeIfLarge(view, record, inline);
  return next;
}

function mayStayInline(view: View, { payloadSize, count }: InlineList): boolean {
  return payloadSize <= view.limits.collections.inlineBytesMax || count <= 1;
}

function explodeIfLarge(view: View, record: Record, list: InlineList): void {
  if (mayStayInline(view, list)) return;
  const { changes } = view.stats;
  nodes.explode(view, record, list);
  view.stats.changes = changes;
}

/** Takes the text at an end of a list that is not empty; then `finish`. Throws COLD. */
export function pop(view: View, record: Record, end: End): Bytes {
  view.stats.changes++;
  const list = listOf(view, record);
  if (!(list instanceof InlineList)) return nodes.pop({ view, record, list }, end);
  const undo = list.node.pop(end);
  const { text } = undo;
  noteInline(view, record, { list, undo, growth: -textSize(text), packed: -packedSize(text) });
  return text;
}

/** `growth` of the payload, and of what the texts would take in a listpack. */
function noteInline(
  view: View,
  record: Record,
  change: {
    readonly list: InlineList;
    readonly undo: Undo;
    readonly growth: number;
    readonly packed: number;
  },
): void {
  const { list, undo, growth, packed } = change;
  const packedBefore = list.packedBytes;
  list.packedBytes += packed;
  view.mutate(record, new InlineUndo(list, undo, packedBefore), growth);
}

/** Removes `count` texts at an end, or all when there are not more; then `finish`. Throws COLD. */
export function cut(view: View, record: Record, end: End, count: number): void {
  const list = listOf(view, record);
  const removed = Math.min(count, list.count);
  if (removed === 0) return;
  const changes = view.stats.changes + removed;
  if (removed === list.count) {
    view.discard(record);
  } else if (list instanceof InlineList) {
    const sizeBefore = list.payloadSize;
    const undo = list.node.cut(end, removed);
    let packed = 0;
    for (const text of undo.texts) packed -= packedSize(text);
    noteInline(view, record, { list, undo, growth: list.payloadSize - sizeBefore, packed });
  } else {
    nodes.cut({ view, record, list }, end, removed);
  }
  view.stats.changes = changes;
}

/** Puts another text at `position`; false when there is none. Then `finish`. Throws COLD. */
export function set(view: View, record: Record, position: number, text: Bytes): boolean {
  const list = listOf(view, record);
  if (position < 0 || position >= list.count) return false;
  if (list instanceof InlineList) {
    const before = list.node.texts.at(position);
    const undo = list.node.set(position, text);
    const growth = textSize(text) - textSize(before);
    noteInline(view, record, { list, undo, growth, packed: packedSize(text) - packedSize(before) });
    explodeIfLarge(view, record, list);
  } else {
    nodes.set({ view, record, list }, position, text);
  }
  view.stats.changes++;
  return true;
}

/** Puts a text before or behind the first that equals `pivot`; false when none does. Throws COLD. */
export function insert(
  view: View,
  record: Record,
  what: { readonly pivot: Bytes; readonly isAfter: boolean; readonly text: Bytes },
): boolean {
  const { pivot, isAfter, text } = what;
  const list = listOf(view, record);
  const indexIn = ({ texts }: ListNode): number => {
    for (let index = 0; index < texts.length; index++) if (texts.at(index) === pivot) return index;
    return -1;
  };
  let key: Bytes | null = null;
  let index = -1;
  if (list instanceof InlineList) {
    index = indexIn(list.node);
  } else {
    nodes.forEachNode({ view, record, list }, false, (nodeKey, node) => {
      index = indexIn(node);
      key = nodeKey;
      return index < 0;
    });
  }
  if (index < 0) return false;
  const place = isAfter ? index + 1 : index;
  if (list instanceof InlineList) {
    const undo = list.node.insert(place, text);
    noteInline(view, record, { list, undo, growth: textSize(text), packed: packedSize(text) });
    explodeIfLarge(view, record, list);
  } else {
    nodes.insert({ view, record, list }, key ?? "", place, text);
  }
  view.stats.changes++;
  return true;
}

/**
 * Removes texts that equal `text`: the first `countMax` of them from an end on. Returns how many; then
 * `finish`. Throws COLD.
 */
export function removeEqual(
  view: View,
  record: Record,
  what: { readonly text: Bytes; readonly countMax: number; readonly isReverse: boolean },
): number {
  const list = listOf(view, record);
  const { text, countMax, isReverse } = what;
  const reduced: { readonly key: Bytes; readonly texts: Bytes[] }[] = [];
  let removed = 0;
  const visit = (key: Bytes, node: ListNode): boolean => {
    const found = without(node, { text, countMax: countMax - removed, isReverse });
    if (found.length < node.count) reduced.push({ key, texts: found });
    removed += node.count - found.length;
    return removed < countMax;
  };
  if (list instanceof InlineList) visit("", list.node);
  else nodes.forEachNode({ view, record, list }, isReverse, visit);
  for (const { key, texts } of reduced) {
    if (list instanceof InlineList) {
      const sizeBefore = list.payloadSize;
      const packed = -removed * packedSize(text);
      const undo = list.node.become(texts);
      noteInline(view, record, { list, undo, growth: list.payloadSize - sizeBefore, packed });
    } else {
      nodes.reduce({ view, record, list }, key, texts);
    }
  }
  view.stats.changes += removed;
  return removed;
}

/** The texts of a node but the first `countMax` of one kind. */
function without(
  node: ListNode,
  what: { readonly text: Bytes; readonly countMax: number; readonly isReverse: boolean },
): Bytes[] {
  const { text, isReverse } = what;
  const { texts } = node;
  const left: Bytes[] = [];
  let removed = 0;
  for (let step = 0; step < texts.length; step++) {
    const one = texts.at(isReverse ? texts.length - 1 - step : step);
    if (one === text && removed < what.countMax) removed++;
    else left.push(one);
  }
  return isReverse ? left.reverse() : left;
}

/**
 * After removals: deletes a list that has become empty, and tells of it; brings one that has become small
 * back into one value. True if it is gone.
 */
export function finish(view: View, record: Record): boolean {
  const { changes } = view.stats;
  if (record.kind !== ABSENT && length(view, record) === 0) view.discard(record);
  if (record.kind === ABSENT) {
    view.notify("generic", "del", record.key);
    view.stats.changes = changes;
    return true;
  }
  const list = listOf(view, record);
  const { listNodeSize, inlineBytesMax } = view.limits.collections;
  const { packedBytes, count } = list;
  if (list instanceof ExplodedList && packedBytes * INLINE_AGAIN_PART <= inlineBytesMax) {
    const texts = nodes.range({ view, record, list }, 0, count);
    const value: Value = new InlineList(ListNode.of(texts), list.isQuicklist);
    view.replace(record, value);
    view.stats.changes = changes;
  }
  const size = LISTPACK_OVERHEAD_BYTES + packedBytes;
  if (list.isQuicklist && fitsAfterShrinking(listNodeSize, size, count)) {
    setQuicklist(view, record, listOf(view, record));
  }
  return false;
}

// Dumps

/** As DUMP writes it. Throws COLD. */
export function dumped(
  view: View,
  record: Record,
): { readonly kind: typeof LIST; readonly texts: readonly Bytes[] } {
  return { kind: LIST, texts: range(view, record, 0, length(view, record)) };
}

/** Makes a list of texts, where there is no key. */
export function restore(view: View, key: Bytes, texts: readonly Bytes[], expiryMs: number): Record {
  const record = made(view, key, expiryMs);
  push(view, record, { end: "tail", texts, from: 0 });
  willGrow(view, record, 0, 0);
  return record;
}
