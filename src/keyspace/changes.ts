// How a record or an element is changed, and what takes each change back (undo.ts); and what the cache
// counts for it. That is kept beside the object, so that what goes is what once came, whatever a type
// estimates meanwhile.

import { ELEMENT_PREFIX_SIZE } from "../encoding/collection.ts";
import { ABSENT, type Kind } from "../encoding/record.ts";
import { contentMemory, type Element, type ElementContent } from "./home.ts";
import type { Record } from "./record.ts";
import type { CacheSize, Undo } from "./undo.ts";
import { memoryOf, type Value } from "./value.ts";

export class RecordUndo implements Undo {
  readonly #record: Record;
  readonly #kind: Kind;
  readonly #value: Value;
  readonly #expiryMs: number;
  readonly #batch: number;
  readonly #writtenIn: number;

  constructor(record: Record) {
    this.#record = record;
    this.#kind = record.kind;
    this.#value = record.ownValue;
    this.#expiryMs = record.expiryMs;
    this.#batch = record.batch;
    this.#writtenIn = record.writtenIn;
  }

  revert(cache: CacheSize): void {
    applyKind(this.#record, this.#kind, this.#expiryMs);
    this.#record.value = this.#value;
    countRecord(cache, this.#record);
    this.#record.batch = this.#batch;
    this.#record.writtenIn = this.#writtenIn;
  }
}

/** For a change in place; the collection itself is put back by the undo of its type. */
export class MutationUndo implements Undo {
  readonly #record: Record;
  readonly #undo: Undo;
  readonly #batch: number;
  readonly #writtenIn: number;

  constructor(record: Record, undo: Undo) {
    this.#record = record;
    this.#undo = undo;
    this.#batch = record.batch;
    this.#writtenIn = record.writtenIn;
  }

  revert(cache: CacheSize): void {
    this.#undo.revert(cache);
    countRecord(cache, this.#record);
    this.#record.batch = this.#batch;
    this.#record.writtenIn = this.#writtenIn;
  }
}

export class ElementUndo implements Undo {
  readonly #record: Record;
  readonly #element: Element;
  readonly #content: ElementContent;
  readonly #batch: number;
  readonly #recordBatch: number;

  constructor(record: Record, element: Element) {
    this.#record = record;
    this.#element = element;
    this.#content = element.content;
    this.#batch = element.batch;
    this.#recordBatch = record.batch;
  }

  revert(cache: CacheSize): void {
    const element = this.#element;
    const isBack = element.content === null && this.#content !== null;
    element.content = this.#content;
    if (isBack) element.elements.appeared(element);
    countElement(cache, element);
    element.batch = this.#batch;
    this.#record.batch = this.#recordBatch;
  }
}

/** For an element changed in place; its object is put back by the undo of its type. */
export class ElementMutationUndo implements Undo {
  readonly #record: Record;
  readonly #element: Element;
  readonly #undo: Undo;
  readonly #batch: number;
  readonly #recordBatch: number;

  constructor(record: Record, element: Element, undo: Undo) {
    this.#record = record;
    this.#element = element;
    this.#undo = undo;
    this.#batch = element.batch;
    this.#recordBatch = record.batch;
  }

  revert(cache: CacheSize): void {
    this.#undo.revert(cache);
    countElement(cache, this.#element);
    this.#element.batch = this.#batch;
    this.#record.batch = this.#recordBatch;
  }
}

function contentSize(content: ElementContent): number {
  if (content === null) return 0;
  return typeof content === "string" ? content.length : content.payloadSize;
}

/** What an element adds to a batch, by estimate. */
export function elementSize(element: Element): number {
  return ELEMENT_PREFIX_SIZE + element.subkey.length + contentSize(element.content);
}

/** Sets the kind of a record, whose value is to follow, and keeps its incarnation's counts. */
export function applyKind(record: Record, kind: Kind, expiryMs: number): void {
  const { incarnation } = record;
  if (record.kind !== ABSENT) {
    incarnation.keyCount--;
    if (record.expiryMs !== 0) incarnation.expiringCount--;
  }
  if (kind !== ABSENT) {
    incarnation.keyCount++;
    if (expiryMs !== 0) incarnation.expiringCount++;
  }
  record.kind = kind;
  record.expiryMs = expiryMs;
}

/** The record's value may take more memory or less than when it was last counted. */
export function countRecord(cache: CacheSize, record: Record): void {
  countAs(cache, record, memoryOf(record.value));
}

/** It takes `memory` now. */
export function countAs(cache: CacheSize, record: Record, memory: number): void {
  cache.cacheBytes += memory - record.memory;
  record.memory = memory;
}

/** As `countRecord`. */
export function countElement(cache: CacheSize, element: Element): void {
  const memory = contentMemory(element.content);
  cache.cacheBytes += memory - element.memory;
  element.memory = memory;
}
