// The parts of a stream, found, walked and changed in one way, whichever form it has. A part is met as a
// Cell: its subkey and what it holds, bytes or an object that was decoded from them.
//
// A stream is inline until its payload passes `inlineBytesMax`; `settle`, at the end of each change,
// looks whether it has. Cells are not to be used after that.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/stream.ts";
import { readPending } from "../encoding/stream-group.ts";
import { StreamNode } from "../encoding/stream-node.ts";
import type { StreamId } from "../encoding/stream-id.ts";
import { Element, type ElementObject } from "../keyspace/home.ts";
import type { Record } from "../keyspace/record.ts";
import type { Undo } from "../keyspace/undo.ts";
import { Packed } from "../keyspace/value.ts";
import type { View } from "../keyspace/view.ts";
import {
  ExplodedStream,
  HeaderUndo,
  InlineStream,
  Part,
  PartUndo,
  type PartContent,
} from "./stream-value.ts";

export type Cell = Part | Element;

export interface PartRange {
  readonly lower: Bytes;
  readonly upper: Bytes;
  readonly reverse: boolean;
  /** How many are likely wanted. */
  readonly expected: number;
}

/** False ends the walk. */
export type VisitPart = (subkey: Bytes, content: PartContent) => boolean;

export class StreamParts {
  readonly view: View;
  readonly record: Record;
  #stream: InlineStream | ExplodedStream;

  constructor(view: View, record: Record) {
    this.view = view;
    this.record = record;
    this.#stream = streamOf(view, record);
  }

  get header(): encoding.StreamHeader {
    return this.#stream.header;
  }

  set header(header: encoding.StreamHeader) {
    const stream = this.#stream;
    const sizeBefore = stream.payloadSize;
    const undo = new HeaderUndo(stream);
    stream.header = header;
    this.view.mutate(this.record, undo, stream.payloadSize - sizeBefore);
  }

  changeHeader(changed: Partial<encoding.StreamHeader>): void {
    this.header = { ...this.header, ...changed };
  }

  /** The content of a part, null when there is none. Throws COLD. */
  get(subkey: Bytes): PartContent | null {
    const stream = this.#stream;
    if (stream instanceof InlineStream) return stream.find(subkey)?.content ?? null;
    return stream.home.elements.find(subkey).content;
  }

  /** A part that is there. Throws COLD. */
  cell(subkey: Bytes): Cell {
    const stream = this.#stream;
    if (stream instanceof ExplodedStream) return stream.home.elements.find(subkey);
    const part = stream.find(subkey);
    if (part === null) throw new AssertionFailed("a part of the stream that should be there");
    return part;
  }

  /** Before several are looked at: throws COLD once for all of them. */
  want(subkeys: readonly Bytes[]): void {
    if (this.#stream instanceof ExplodedStream) this.#stream.home.elements.want(subkeys);
  }

  /** Sets a part; null removes it. Throws COLD. */
  set(subkey: Bytes, content: PartContent | null): void {
    const stream = this.#stream;
    if (stream instanceof InlineStream) this.#setInline(stream, subkey, content);
    else this.view.setElement(this.record, stream.home.elements.find(subkey), content);
  }

  /** As `set`, for a part of which it is known that there is none. */
  add(subkey: Bytes, content: PartContent): void {
    const stream = this.#stream;
    if (stream instanceof InlineStream) this.#setInline(stream, subkey, content);
    else this.view.setElement(this.record, stream.home.elements.known(subkey, null), content);
  }

  #setInline(stream: InlineStream, subkey: Bytes, content: PartContent | null): void {
    const sizeBefore = stream.payloadSize;
    const undo = stream.set(subkey, content);
    this.view.mutate(this.record, undo, stream.payloadSize - sizeBefore);
  }

  /** The object in a cell has just been changed in place, by `growth` bytes of its payload. */
  mutate(cell: Cell, undo: Undo, growth: number): void {
    if (cell instanceof Element) {
      this.view.mutateElement(this.record, cell, { undo, growth });
      return;
    }
    const stream = this.#stream;
    if (!(stream instanceof InlineStream)) throw new AssertionFailed("a part that was moved");
    stream.resize(cell);
    this.view.mutate(this.record, new PartUndo(stream, cell, undo), growth);
  }

  /** Puts what a part holds in another form: what its bytes were decoded to. Not a change. */
  keep(subkey: Bytes, object: ElementObject): void {
    this.#unpack(this.cell(subkey), object);
  }

  /** The node in a cell, decoded for good. Throws CorruptRecord. */
  node(cell: Cell): StreamNode {
    const { content } = cell;
    if (content instanceof StreamNode) return content;
    const node = nodeIn(cell.subkey, content ?? "");
    this.#unpack(cell, node);
    return node;
  }

  #unpack(cell: Cell, object: ElementObject): void {
    if (cell instanceof Element) this.view.unpackElement(cell, object);
    else cell.content = object;
  }

  /** Tells `visit` of parts in the order of their subkeys. Throws COLD. */
  walk(range: PartRange, visit: VisitPart): void {
    const stream = this.#stream;
    if (stream instanceof ExplodedStream) this.view.walk(stream.home.elements, range, visit);
    else walkInline(stream, range, visit);
  }

  /** The part that was met in a walk, to be changed. */
  met(subkey: Bytes, content: PartContent): Cell {
    const stream = this.#stream;
    if (stream instanceof InlineStream || typeof content !== "string") return this.cell(subkey);
    return stream.home.elements.known(subkey, content);
  }

  // The entries that a consumer has pending: a second order of the pending entries.

  /** Notes that an entry is pending for a consumer. */
  own(groupId: number, consumerId: number, id: StreamId): void {
    const stream = this.#stream;
    if (stream instanceof InlineStream) return;
    const subkey = encoding.ownedSubkey(groupId, consumerId, id);
    this.view.setElement(this.record, stream.home.order.known(subkey, null), "");
  }

  /** The opposite of `own`, for what is owned. */
  disown(groupId: number, consumerId: number, id: StreamId): void {
    const stream = this.#stream;
    if (stream instanceof InlineStream) return;
    const subkey = encoding.ownedSubkey(groupId, consumerId, id);
    this.view.setElement(this.record, stream.home.order.known(subkey, ""), null);
  }

  /** Tells of the IDs pending for a consumer from `from` on, in order. Throws COLD. */
  walkOwned(
    owner: { readonly groupId: number; readonly consumerId: number },
    from: { readonly start: StreamId; readonly expected: number },
    visit: (id: StreamId) => boolean,
  ): void {
    const stream = this.#stream;
    const { groupId, consumerId } = owner;
    if (stream instanceof ExplodedStream) {
      const lower = encoding.ownedSubkey(groupId, consumerId, from.start);
      const upper = encoding.ownedPrefix(groupId, consumerId + 1);
      const range = { lower, upper, reverse: false, expected: from.expected };
      this.view.walk(stream.home.order, range, (subkey) => visit(encoding.pendingId(subkey)));
      return;
    }
    const lower = encoding.pendingSubkey(groupId, from.start);
    const upper = encoding.pendingPrefix(groupId + 1);
    walkInline(stream, { lower, upper, reverse: false }, (subkey, content) => {
      if (typeof content !== "string") throw new AssertionFailed("a pending entry is bytes");
      if (readPending(content).consumerId !== consumerId) return true;
      return visit(encoding.pendingId(subkey));
    });
  }

  /**
   * Removes all parts from `lower` on and before `upper`; elements without a look at each, so that
   * nobody may look for them again before the commit.
   */
  removeAll(range: { readonly lower: Bytes; readonly upper: Bytes }): void {
    const stream = this.#stream;
    if (stream instanceof ExplodedStream) {
      this.view.sweepElements(this.record, stream.home.elements, range);
      return;
    }
    const subkeys: Bytes[] = [];
    walkInline(stream, { ...range, reverse: false }, (subkey) => subkeys.push(subkey) > 0);
    for (const subkey of subkeys) this.#setInline(stream, subkey, null);
  }

  /** As `removeAll`, for what a group has in the second order. */
  sweepOwned(groupId: number): void {
    const stream = this.#stream;
    if (!(stream instanceof ExplodedStream)) return;
    const lower = encoding.ownedPrefix(groupId, 0);
    const range = { lower, upper: encoding.ownedPrefix(groupId + 1, 0) };
    this.view.sweepElements(this.record, stream.home.order, range);
  }

  get isInline(): boolean {
    return this.#stream instanceof InlineStream;
  }

  /** After changes: from one value to elements, if it has grown too large. */
  settle(): void {
    const stream = this.#stream;
    if (!(stream instanceof InlineStream)) return;
    if (stream.payloadSize <= this.view.limits.collections.inlineBytesMax) return;
    const { view, record } = this;
    const home = view.newHome(record);
    for (const { subkey, content } of stream.parts) {
      view.setElement(record, home.elements.known(subkey, null), content);
    }
    const exploded = new ExplodedStream(home, stream.header);
    this.#stream = exploded;
    for (const { subkey, content } of stream.parts) {
      if (!subkey.startsWith(encoding.PENDING) || typeof content !== "string") continue;
      const groupId = encoding.groupOfPending(subkey);
      this.own(groupId, readPending(content).consumerId, encoding.pendingId(subkey));
    }
    view.replace(record, exploded);
  }
}

function streamOf(view: View, record: Record): InlineStream | ExplodedStream {
  const { value } = record;
  if (value instanceof InlineStream || value instanceof ExplodedStream) return value;
  if (!(value instanceof Packed)) throw new AssertionFailed("a stream's record holds no stream");
  const { payload, home } = value;
  let stream: InlineStream | ExplodedStream;
  if (home === null) {
    const { header, parts } = encoding.readInlineStream(payload);
    stream = new InlineStream(
      header,
      parts.map((part) => new Part(part.subkey, part.value)),
    );
  } else {
    stream = new ExplodedStream(home, encoding.readExplodedStream(payload));
  }
  view.unpack(record, stream);
  return stream;
}

/** The node in what a walk met. Throws CorruptRecord. */
export function nodeIn(subkey: Bytes, content: PartContent): StreamNode {
  if (content instanceof StreamNode) return content;
  if (typeof content !== "string") throw new AssertionFailed("a node is bytes or a node");
  return StreamNode.read(encoding.nodeFirst(subkey), content);
}

function walkInline(
  stream: InlineStream,
  range: Omit<PartRange, "expected">,
  visit: VisitPart,
): void {
  const from = stream.positionOf(range.lower);
  const to = stream.positionOf(range.upper);
  const parts = stream.parts.slice(from, to);
  if (range.reverse) parts.reverse();
  for (const { subkey, content } of parts) if (!visit(subkey, content)) return;
}
