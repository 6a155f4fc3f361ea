// Texts in a row that grows and shrinks at both ends in O(1), with any of them at hand by its index: an
// array used as a ring. Its capacity is a power of two. Inserting and removing inside moves the shorter
// side.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";

const CAPACITY_MIN = 8;

export class TextRing {
  /** Places without a text hold "". */
  #slots: Bytes[];
  #first = 0;
  #length: number;

  /** Takes the array over. */
  constructor(texts: Bytes[]) {
    this.#length = texts.length;
    let capacity = CAPACITY_MIN;
    while (capacity < texts.length) capacity *= 2;
    while (texts.length < capacity) texts.push("");
    this.#slots = texts;
  }

  get length(): number {
    return this.#length;
  }

  /** `index` is within the row. */
  at(index: number): Bytes {
    const slots = this.#slots;
    return slots[(this.#first + index) & (slots.length - 1)] ?? "";
  }

  set(index: number, text: Bytes): void {
    const slots = this.#slots;
    slots[(this.#first + index) & (slots.length - 1)] = text;
  }

  pushBack(text: Bytes): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.set(this.#length++, text);
  }

  pushFront(text: Bytes): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#first = (this.#first - 1) & (this.#slots.length - 1);
    this.#length++;
    this.set(0, text);
  }

  popBack(): Bytes {
    assert(this.#length > 0, "a text to take");
    const text = this.at(--this.#length);
    this.set(this.#length, "");
    return text;
  }

  popFront(): Bytes {
    assert(this.#length > 0, "a text to take");
    const text = this.at(0);
    this.set(0, "");
    this.#first = (this.#first + 1) & (this.#slots.length - 1);
    this.#length--;
    return text;
  }

  /** Puts a text in front of the one at `index`, or behind all. */
  insert(index: number, text: Bytes): void {
    if (index < this.#length / 2) {
      this.pushFront("");
      for (let at = 0; at < index; at++) this.set(at, this.at(at + 1));
    } else {
      this.pushBack("");
      for (let at = this.#length - 1; at > index; at--) this.set(at, this.at(at - 1));
    }
    this.set(index, text);
  }

  remove(index: number): Bytes {
    const text = this.at(index);
    if (index < this.#length / 2) {
      for (let at = index; at > 0; at--) this.set(at, this.at(at - 1));
      this.popFront();
    } else {
      for (let at = index; at < this.#length - 1; at++) this.set(at, this.at(at + 1));
      this.popBack();
    }
    return text;
  }

  /** Appends the texts from `from` up to but without `to`. */
  copyTo(target: Bytes[], from: number, to: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const first = this.#first;
    for (let index = from; index < to; index++) target.push(slots[(first + index) & mask] ?? "");
  }

  #grow(): void {
    const texts: Bytes[] = [];
    this.copyTo(texts, 0, this.#length);
    const capacity = texts.length * 2;
    while (texts.length < capacity) texts.push("");
    this.#slots = texts;
    this.#first = 0;
  }
}
