// The nodes of a large list. Those at the ends are known by the header, with their counts, so that
// pushing and popping touches the node at the end and the header and nothing else; the directory knows the
// nodes between them, and changes only when a node is born, dies, or is changed inside.
//
// A header is changed and noted (`view.mutate`) in one go, with nothing between that may throw: what was
// not noted would not be undone.

import { AssertionFailed, assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/list.ts";
import { CorruptRecord } from "../encoding/record.ts";
import { WHOLE } from "../keyspace/element-walk.ts";
import type { Element } from "../keyspace/home.ts";
import type { CollectionLimits } from "../keyspace/limits.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { ListNode, type End } from "./list-node.ts";
import { ExplodedList, HeaderUndo, type InlineList } from "./list-value.ts";
import { FIRST_NODE_KEY, keyAfter, keyBefore, keyBetween } from "./node-key.ts";
import { packedSize } from "./packed-size.ts";

/** A large list in its record. */
export interface Place {
  readonly view: View;
  readonly record: Record;
  readonly list: ExplodedList;
}

/** A node, and where in the list its texts stand. */
interface Segment {
  readonly key: Bytes;
  readonly before: number;
  readonly count: number;
}

/** Ranges of more nodes are read past the cache. */
const NODES_CACHED_MAX = 64;
/** How many nodes a search looks at before it reads far ahead. */
const NODES_NEAR = 16;

// Nodes

function nodeOf(view: View, element: Element): ListNode {
  const { content } = element;
  if (content instanceof ListNode) return content;
  if (typeof content !== "string") throw new CorruptRecord("a node of a list is missing");
  const node = new ListNode(encoding.readNode(content));
  view.unpackElement(element, node);
  return node;
}

function endKey(list: ExplodedList, end: End): Bytes {
  return end === "head" ? list.headKey : list.tailKey;
}

function endCount(list: ExplodedList, end: End): number {
  return end === "head" ? list.headCount : list.tailCount;
}

/** Of what the header keeps of both ends, one node is both. */
function setEnd(list: ExplodedList, end: End, ref: encoding.NodeRef): void {
  if (end === "head") {
    list.headKey = ref.key;
    list.headCount = ref.count;
  } else {
    list.tailKey = ref.key;
    list.tailCount = ref.count;
  }
}

function addToEnd(list: ExplodedList, end: End, count: number): void {
  const isOne = list.isOneNode;
  if (end === "head" || isOne) list.headCount += count;
  if (end === "tail" || isOne) list.tailCount += count;
}

function hasRoom(limits: CollectionLimits, node: ListNode, text: Bytes): boolean {
  if (node.count === 0) return true;
  if (limits.listNodeSize > 0 && node.count >= limits.listNodeSize) return false;
  return node.payloadSize + encoding.textSize(text) <= limits.listNodeBytesMax;
}

// At the ends

/** The texts from `from` on, one after the other. Throws COLD. */
export function push(place: Place, end: End, texts: readonly Bytes[], from: number): void {
  let next = from;
  while (next < texts.length) {
    next = fill(place, end, texts, next);
    if (next < texts.length) bear(place, end, texts[next++] ?? "");
  }
}

/** Pushes as many texts as have room in the node at an end; returns the index of the next. */
function fill(place: Place, end: End, texts: readonly Bytes[], from: number): number {
  const { view, record, list } = place;
  const { collections } = view.limits;
  const element = list.home.elements.find(endKey(list, end));
  const node = nodeOf(view, element);
  let next = from;
  let growth = 0;
  let packedBytes = 0;
  for (; next < texts.length; next++) {
    const text = texts[next] ?? "";
    if (!hasRoom(collections, node, text)) break;
    node.put(end, text);
    growth += encoding.textSize(text);
    packedBytes += packedSize(text);
  }
  const count = next - from;
  if (count === 0) return next;
  view.mutateElement(record, element, { undo: node.undoPuts(end, count), growth });
  const undo = new HeaderUndo(list);
  addToEnd(list, end, count);
  list.count += count;
  list.packedBytes += packedBytes;
  view.mutate(record, undo, 0);
  return next;
}

/** A new node at an end, with its first text. */
function bear(place: Place, end: End, text: Bytes): void {
  const { view, record, list } = place;
  const key = endKey(list, end);
  const born = end === "head" ? keyBefore(key) : keyAfter(key);
  view.setElement(record, list.home.elements.known(born, null), ListNode.of([text]));
  if (!list.isOneNode) list.directory.insert(view, record, key, endCount(list, end));
  const undo = new HeaderUndo(list);
  setEnd(list, end, { key: born, count: 1 });
  list.count++;
  list.packedBytes += packedSize(text);
  view.mutate(record, undo, 0);
}

/** There is one. The last one leaves an empty node. Throws COLD. */
export function pop(place: Place, end: End): Bytes {
  const { view, record, list } = place;
  const element = list.home.elements.find(endKey(list, end));
  const node = nodeOf(view, element);
  if (node.count === 1 && !list.isOneNode) {
    const text = node.texts.at(0);
    dropEnd(place, end, { element, count: 1, packedBytes: packedSize(text) });
    return text;
  }
  const taken = node.pop(end);
  const { text } = taken;
  view.mutateElement(record, element, { undo: taken, growth: -encoding.textSize(text) });
  const undo = new HeaderUndo(list);
  addToEnd(list, end, -1);
  list.count--;
  list.packedBytes -= packedSize(text);
  view.mutate(record, undo, 0);
  return text;
}

/** Removes `count` texts at an end; more are there. Throws COLD. */
export function cut(place: Place, end: End, count: number): void {
  const { view, record, list } = place;
  wantFromEnd(place, end, count);
  let left = count;
  while (left > 0) {
    const element = list.home.elements.find(endKey(list, end));
    const node = nodeOf(view, element);
    if (node.count <= left && !list.isOneNode) {
      left -= node.count;
      dropEnd(place, end, { element, count: node.count, packedBytes: sumOfPacked(node.all()) });
      continue;
    }
    const sizeBefore = node.payloadSize;
    const undo = node.cut(end, left);
    view.mutateElement(record, element, { undo, growth: node.payloadSize - sizeBefore });
    const headerUndo = new HeaderUndo(list);
    addToEnd(list, end, -left);
    list.count -= left;
    list.packedBytes -= sumOfPacked(undo.texts);
    view.mutate(record, headerUndo, 0);
    left = 0;
  }
}

/** Takes a node at an end out; there are others. */
function dropEnd(
  place: Place,
  end: End,
  gone: { readonly element: Element; readonly count: number; readonly packedBytes: number },
): void {
  const { view, record, list } = place;
  const { directory } = list;
  view.setElement(record, gone.element, null);
  const next = end === "head" ? directory.first(view) : directory.last(view);
  if (next !== null) directory.remove(view, record, next.key);
  const undo = new HeaderUndo(list);
  setEnd(list, end, next ?? (end === "head" ? list.tail : list.head));
  list.count -= gone.count;
  list.packedBytes -= gone.packedBytes;
  view.mutate(record, undo, 0);
}

function sumOfPacked(texts: readonly Bytes[]): number {
  let sum = 0;
  for (const text of texts) sum += packedSize(text);
  return sum;
}

/** Throws COLD once for all nodes that hold the `count` texts at an end. */
function wantFromEnd(place: Place, end: End, count: number): void {
  const { list } = place;
  if (count <= endCount(list, end)) return;
  const from = end === "head" ? 0 : list.count - count;
  const keys = segments(place, from, from + count, Infinity).map(({ key }) => key);
  list.home.elements.want(keys);
}

// By position

/** The node that holds the text at `position`, which is there. Throws COLD. */
function segmentAt({ view, list }: Place, position: number): Segment {
  const { headCount, tailCount } = list;
  if (position < headCount) return { key: list.headKey, before: 0, count: headCount };
  const tailAt = list.count - tailCount;
  if (position >= tailAt) return { key: list.tailKey, before: tailAt, count: tailCount };
  const found = list.directory.atPosition(view, position - headCount);
  if (found === null) throw new CorruptRecord("a list's directory ends too early");
  return { key: found.key, before: found.before + headCount, count: found.count };
}

/** The nodes that hold the texts from `from` up to `to`; at most `countMax` of them. */
function segments(place: Place, from: number, to: number, countMax: number): Segment[] {
  const found: Segment[] = [];
  for (let position = from; position < to && found.length < countMax;) {
    const segment = segmentAt(place, position);
    found.push(segment);
    position = segment.before + segment.count;
  }
  return found;
}

/** The node of a segment. Throws COLD, and CorruptRecord when it has not the texts that are counted. */
function nodeIn({ view, list }: Place, { key, count }: Segment): ListNode {
  const node = nodeOf(view, list.home.elements.find(key));
  if (node.count !== count) throw new CorruptRecord("a node's count is not its directory's");
  return node;
}

/** There is one at `position`. Throws COLD. */
export function at(place: Place, position: number): Bytes {
  const segment = segmentAt(place, position);
  return nodeIn(place, segment).texts.at(position - segment.before);
}

/** The texts from `from` up to but without `to`, all there. Throws COLD. */
export function range(place: Place, from: number, to: number): Bytes[] {
  const { elements } = place.list.home;
  place.view.willRead(to - from);
  const near = segments(place, from, to, NODES_CACHED_MAX + 1);
  if (near.length > NODES_CACHED_MAX) return longRange(place, from, to);
  if (near.length > 1) elements.want(near.map(({ key }) => key));
  const texts: Bytes[] = [];
  for (const segment of near) {
    const { before, count } = segment;
    const { texts: row } = nodeIn(place, segment);
    row.copyTo(texts, Math.max(from - before, 0), Math.min(to - before, count));
  }
  return texts;
}

/** Leaves the cache to those who use a few nodes often. */
function longRange(place: Place, from: number, to: number): Bytes[] {
  const { list } = place;
  const first = segmentAt(place, from);
  const texts: Bytes[] = [];
  let position = first.before;
  const nodeCount = Math.ceil((list.packedBytes / list.count) * ((to - from) / 1000)) + 2;
  walk(place, { from: first.key, isReverse: false, expected: nodeCount }, (_, node) => {
    const start = Math.max(from - position, 0);
    node.texts.copyTo(texts, start, Math.min(to - position, node.count));
    position += node.count;
    return position < to;
  });
  if (texts.length !== to - from) throw new CorruptRecord("a list has fewer texts than it counts");
  return texts;
}

/** Told each node in order, with its key; false ends the walk. */
type VisitNode = (key: Bytes, node: ListNode) => boolean;

interface WalkFrom {
  /** The first node to be told of. */
  readonly from: Bytes;
  readonly isReverse: boolean;
  readonly expected: number;
}

/** Throws COLD. */
function walk(
  { view, list }: Place,
  { from, isReverse, expected }: WalkFrom,
  visit: VisitNode,
): void {
  const { elements } = list.home;
  // Nothing is between a key and the same with a zero behind it.
  const bounds = isReverse
    ? { lower: list.headKey, upper: `${from}\0` }
    : { lower: from, upper: `${list.tailKey}\0` };
  view.walk(elements, { ...WHOLE, ...bounds, reverse: isReverse, expected }, (key, value) => {
    const content = elements.cached(key)?.content;
    const node = content instanceof ListNode ? content : new ListNode(encoding.readNode(value));
    view.reads(node.count);
    return visit(key, node);
  });
}

/** All nodes from one end on: a few at first, then many at a time. Throws COLD. */
export function forEachNode(place: Place, isReverse: boolean, visit: VisitNode): void {
  let left = NODES_NEAR;
  let isOver = false;
  let last: Bytes | null = null;
  const from = endKey(place.list, isReverse ? "tail" : "head");
  walk(place, { from, isReverse, expected: NODES_NEAR }, (key, node) => {
    last = key;
    if (!visit(key, node)) isOver = true;
    return !isOver && --left > 0;
  });
  if (isOver || left > 0 || last === null) return;
  const seen: Bytes = last;
  walk(place, { from: seen, isReverse, expected: Infinity }, (key, node) => {
    return key === seen || visit(key, node);
  });
}

// Inside

/** Puts another text at `position`, which is there. Throws COLD. */
export function set(place: Place, position: number, text: Bytes): void {
  const { view, record, list } = place;
  const segment = segmentAt(place, position);
  const { key } = segment;
  const node = nodeIn(place, segment);
  const element = list.home.elements.find(key);
  const index = position - segment.before;
  const textBefore = node.texts.at(index);
  const growth = encoding.textSize(text) - encoding.textSize(textBefore);
  view.mutateElement(record, element, { undo: node.set(index, text), growth });
  const undo = new HeaderUndo(list);
  list.packedBytes += packedSize(text) - packedSize(textBefore);
  view.mutate(record, undo, 0);
  if (growth > 0) splitIfLarge(place, key);
}

/** Puts a text into the node `key`, in front of the one at `index` or behind all. Throws COLD. */
export function insert(place: Place, key: Bytes, index: number, text: Bytes): void {
  const { view, record, list } = place;
  const element = list.home.elements.find(key);
  const node = nodeOf(view, element);
  const change = { undo: node.insert(index, text), growth: encoding.textSize(text) };
  view.mutateElement(record, element, change);
  addToNode(place, key, { count: 1, packedBytes: packedSize(text) });
  splitIfLarge(place, key);
}

/** Leaves of the node `key` only `texts`, of those that it has; takes the array over. Throws COLD. */
export function reduce(place: Place, key: Bytes, texts: Bytes[]): void {
  const { view, record, list } = place;
  const element = list.home.elements.find(key);
  const node = nodeOf(view, element);
  const count = node.count - texts.length;
  const packedBytes = sumOfPacked(node.all()) - sumOfPacked(texts);
  if (texts.length > 0 || list.isOneNode) {
    const sizeBefore = node.payloadSize;
    const undo = node.become(texts);
    view.mutateElement(record, element, { undo, growth: node.payloadSize - sizeBefore });
    addToNode(place, key, { count: -count, packedBytes: -packedBytes });
  } else if (key === list.headKey || key === list.tailKey) {
    dropEnd(place, key === list.headKey ? "head" : "tail", { element, count, packedBytes });
  } else {
    view.setElement(record, element, null);
    list.directory.remove(view, record, key);
    addToHeader(place, -count, -packedBytes);
  }
}

function addToHeader({ view, record, list }: Place, count: number, packedBytes: number): void {
  const undo = new HeaderUndo(list);
  list.count += count;
  list.packedBytes += packedBytes;
  view.mutate(record, undo, 0);
}

/** Says what has come to a node, or gone from it, to whoever counts. */
function addToNode(
  place: Place,
  key: Bytes,
  more: { readonly count: number; readonly packedBytes: number },
): void {
  const { view, record, list } = place;
  if (key !== list.headKey && key !== list.tailKey) {
    list.directory.add(view, record, key, more.count);
    addToHeader(place, more.count, more.packedBytes);
    return;
  }
  const undo = new HeaderUndo(list);
  addToEnd(list, key === list.headKey ? "head" : "tail", more.count);
  list.count += more.count;
  list.packedBytes += more.packedBytes;
  view.mutate(record, undo, 0);
}

/** Parts a node that has grown too large, in two where that will do. */
function splitIfLarge(place: Place, key: Bytes): void {
  const { view, record, list } = place;
  const { elements } = list.home;
  const element = elements.find(key);
  const node = nodeOf(view, element);
  const { collections } = view.limits;
  if (!isLarge(collections, node)) return;
  const isTail = key === list.tailKey;
  const upper = isTail ? null : keyBehind(place, key);
  const [first = [], ...others] = parted(collections, node.all());
  const countBefore = node.count;
  const sizeBefore = node.payloadSize;
  const undo = node.become(first);
  view.mutateElement(record, element, { undo, growth: node.payloadSize - sizeBefore });
  const born: encoding.NodeRef[] = [];
  let lower = key;
  for (const texts of others) {
    lower = upper === null ? keyAfter(lower) : keyBetween(lower, upper);
    const part = ListNode.of(texts);
    view.setElement(record, elements.known(lower, null), part);
    born.push({ key: lower, count: part.count });
  }
  noteSplit(place, { key, countBefore, count: node.count }, born);
}

function isLarge(limits: CollectionLimits, node: ListNode): boolean {
  if (node.count < 2) return false;
  if (limits.listNodeSize > 0 && node.count > limits.listNodeSize) return true;
  return node.payloadSize > limits.listNodeBytesMax;
}

/** The node `key` keeps `count` of its texts, and `born` with the others are behind it. */
function noteSplit(
  { view, record, list }: Place,
  { key, count, countBefore }: encoding.NodeRef & { readonly countBefore: number },
  born: readonly encoding.NodeRef[],
): void {
  const { directory } = list;
  const isHead = key === list.headKey;
  const tail = key === list.tailKey ? born.at(-1) : undefined;
  for (const one of born) {
    if (one !== tail) directory.insert(view, record, one.key, one.count);
  }
  if (!isHead && tail !== undefined) directory.insert(view, record, key, count);
  else if (!isHead) directory.add(view, record, key, count - countBefore);
  const undo = new HeaderUndo(list);
  if (isHead) list.headCount = count;
  if (tail !== undefined) setEnd(list, "tail", tail);
  view.mutate(record, undo, 0);
}

/** Of the node behind `key`, which is not the last. */
function keyBehind({ view, list }: Place, key: Bytes): Bytes {
  const { directory } = list;
  if (key === list.headKey) return directory.first(view)?.key ?? list.tailKey;
  const here = directory.atKey(view, key);
  if (here?.key !== key) throw new AssertionFailed("the node is in the directory");
  return directory.next(view, here)?.key ?? list.tailKey;
}

/** Two halves if they fit in a node each, else as many as it takes; none is empty. */
function parted(limits: CollectionLimits, texts: readonly Bytes[]): Bytes[][] {
  let bytes = 0;
  for (const text of texts) bytes += encoding.textSize(text);
  let middle = 0;
  for (let half = 0; middle < texts.length - 1 && half < bytes / 2; middle++) {
    half += encoding.textSize(texts[middle] ?? "");
  }
  const halves = [texts.slice(0, middle), texts.slice(middle)];
  return halves.every((half) => fits(limits, half)) ? halves : filled(limits, texts);
}

function fits(limits: CollectionLimits, texts: readonly Bytes[]): boolean {
  return filled(limits, texts).length === 1;
}

/** As many texts to a node as have room. */
function filled(limits: CollectionLimits, texts: readonly Bytes[]): Bytes[][] {
  const groups: Bytes[][] = [];
  let node = ListNode.of([]);
  for (const text of texts) {
    if (!hasRoom(limits, node, text)) {
      groups.push(node.all());
      node = ListNode.of([]);
    }
    node.put("tail", text);
  }
  groups.push(node.all());
  return groups;
}

// From one form to the other

/** From one value to nodes of their own, in the open batch. The list is not empty. */
export function explode(view: View, record: Record, inline: InlineList): void {
  const groups = filled(view.limits.collections, inline.node.all());
  const nodes: { readonly key: Bytes; readonly count: number; readonly texts: Bytes[] }[] = [];
  let key = FIRST_NODE_KEY;
  for (const texts of groups) {
    nodes.push({ key, count: texts.length, texts });
    key = keyAfter(key);
  }
  const [head] = nodes;
  const tail = nodes.at(-1);
  assert(head !== undefined && tail !== undefined, "a list has a node");
  const { isQuicklist, count, packedBytes } = inline;
  const home = view.newHome(record);
  const list = new ExplodedList(home, { isQuicklist, count, packedBytes, head, tail });
  view.replace(record, list);
  for (const node of nodes) {
    view.setElement(record, home.elements.known(node.key, null), ListNode.of(node.texts));
    if (node !== head && node !== tail) list.directory.insert(view, record, node.key, node.count);
  }
}
