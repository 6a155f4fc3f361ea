// A row of texts that is written whole: a small list, or a node of a large one. Changed in place; each
// change returns how it is taken back.

import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/list.ts";
import type { ElementObject } from "../keyspace/home.ts";
import type { Undo } from "../keyspace/undo.ts";
import { TextRing } from "./text-ring.ts";

/** What a text costs in memory beside its bytes: its place in the ring and the head of a string. */
const TEXT_OVERHEAD_BYTES = 24;
const NODE_OVERHEAD_BYTES = 160;

export type End = "head" | "tail";

export class ListNode implements ElementObject {
  texts: TextRing;
  /** The sum of `textSize` over the texts. */
  textBytes: number;

  constructor(parts: encoding.DecodedTexts) {
    this.texts = new TextRing(parts.texts);
    this.textBytes = parts.textBytes;
  }

  /** Takes the array over. */
  static of(texts: Bytes[]): ListNode {
    let textBytes = 0;
    for (const text of texts) textBytes += encoding.textSize(text);
    return new ListNode({ texts, textBytes });
  }

  get count(): number {
    return this.texts.length;
  }

  get payloadSize(): number {
    return encoding.nodeSize(this.texts.length, this.textBytes);
  }

  get memoryBytes(): number {
    return NODE_OVERHEAD_BYTES + this.textBytes + this.texts.length * TEXT_OVERHEAD_BYTES;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeNode(target, at, this.texts);
  }

  all(): Bytes[] {
    const texts: Bytes[] = [];
    this.texts.copyTo(texts, 0, this.texts.length);
    return texts;
  }

  /** How the last `count` calls of `put` are taken back. */
  undoPuts(end: End, count: number): Undo {
    return new PutsUndo(this, end, count);
  }

  /** There is one. */
  pop(end: End): PopUndo {
    return new PopUndo(this, end, this.take(end));
  }

  /** Without a way back: see `undoPuts`. */
  put(end: End, text: Bytes): void {
    if (end === "head") this.texts.pushFront(text);
    else this.texts.pushBack(text);
    this.textBytes += encoding.textSize(text);
  }

  /** `pop` without a way back. */
  take(end: End): Bytes {
    const text = end === "head" ? this.texts.popFront() : this.texts.popBack();
    this.textBytes -= encoding.textSize(text);
    return text;
  }

  /** Removes `count` texts at an end. */
  cut(end: End, count: number): CutUndo {
    const texts: Bytes[] = [];
    for (let left = count; left > 0; left--) texts.push(this.take(end));
    return new CutUndo(this, end, texts);
  }

  set(index: number, text: Bytes): Undo {
    const undo = new SetUndo(this, index, this.texts.at(index));
    this.exchange(index, text);
    return undo;
  }

  /** `set` without a way back. */
  exchange(index: number, text: Bytes): void {
    this.textBytes += encoding.textSize(text) - encoding.textSize(this.texts.at(index));
    this.texts.set(index, text);
  }

  /** Puts a text in front of the one at `index`, or behind all. */
  insert(index: number, text: Bytes): Undo {
    this.texts.insert(index, text);
    this.textBytes += encoding.textSize(text);
    return new InsertUndo(this, index);
  }

  /** Puts other texts in the place of all; takes the array over. */
  become(texts: Bytes[]): Undo {
    const undo = new BecomeUndo(this);
    const other = ListNode.of(texts);
    this.texts = other.texts;
    this.textBytes = other.textBytes;
    return undo;
  }
}

class PutsUndo implements Undo {
  readonly #node: ListNode;
  readonly #end: End;
  readonly #count: number;

  constructor(node: ListNode, end: End, count: number) {
    this.#node = node;
    this.#end = end;
    this.#count = count;
  }

  revert(): void {
    for (let left = this.#count; left > 0; left--) this.#node.take(this.#end);
  }
}

export class PopUndo implements Undo {
  readonly #node: ListNode;
  readonly #end: End;
  readonly text: Bytes;

  constructor(node: ListNode, end: End, text: Bytes) {
    this.#node = node;
    this.#end = end;
    this.text = text;
  }

  revert(): void {
    this.#node.put(this.#end, this.text);
  }
}

export class CutUndo implements Undo {
  readonly #node: ListNode;
  readonly #end: End;
  /** In the order in which they were taken. */
  readonly texts: readonly Bytes[];

  constructor(node: ListNode, end: End, texts: readonly Bytes[]) {
    this.#node = node;
    this.#end = end;
    this.texts = texts;
  }

  revert(): void {
    for (let index = this.texts.length - 1; index >= 0; index--) {
      this.#node.put(this.#end, this.texts[index] ?? "");
    }
  }
}

class SetUndo implements Undo {
  readonly #node: ListNode;
  readonly #index: number;
  readonly #before: Bytes;

  constructor(node: ListNode, index: number, before: Bytes) {
    this.#node = node;
    this.#index = index;
    this.#before = before;
  }

  revert(): void {
    this.#node.exchange(this.#index, this.#before);
  }
}

class InsertUndo implements Undo {
  readonly #node: ListNode;
  readonly #index: number;

  constructor(node: ListNode, index: number) {
    this.#node = node;
    this.#index = index;
  }

  revert(): void {
    this.#node.textBytes -= encoding.textSize(this.#node.texts.remove(this.#index));
  }
}

class BecomeUndo implements Undo {
  readonly #node: ListNode;
  readonly #texts: TextRing;
  readonly #textBytes: number;

  constructor(node: ListNode) {
    this.#node = node;
    this.#texts = node.texts;
    this.#textBytes = node.textBytes;
  }

  revert(): void {
    this.#node.texts = this.#texts;
    this.#node.textBytes = this.#textBytes;
  }
}
