// A stream in memory, in its two forms: inline, its parts in order in one value; exploded, a header
// whose parts are elements. types/stream-parts.ts hides which it is.

import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/stream.ts";
import type { ElementObject, Home } from "../keyspace/home.ts";
import type { Undo } from "../keyspace/undo.ts";
import type { Collection } from "../keyspace/value.ts";

/** What a part costs in memory beside its bytes. */
const PART_OVERHEAD_BYTES = 96;

export type PartContent = Bytes | ElementObject;

/** A part of an inline stream. Only InlineStream changes it. */
export class Part {
  readonly subkey: Bytes;
  content: PartContent;
  /** Bytes in the payload. */
  size: number;

  constructor(subkey: Bytes, content: PartContent) {
    this.subkey = subkey;
    this.content = content;
    this.size = encoding.partSize(subkey, encoding.contentSize(content));
  }
}

export class InlineStream implements Collection {
  readonly home = null;
  header: encoding.StreamHeader;
  /** In the order of their subkeys. */
  readonly parts: Part[];
  /** The sum of their sizes. */
  partBytes: number;

  constructor(header: encoding.StreamHeader, parts: Part[]) {
    this.header = header;
    this.parts = parts;
    this.partBytes = 0;
    for (const { size } of parts) this.partBytes += size;
  }

  static empty(): InlineStream {
    return new InlineStream(encoding.EMPTY_HEADER, []);
  }

  get payloadSize(): number {
    return encoding.inlineSize(this.header, this.parts.length, this.partBytes);
  }

  get memoryBytes(): number {
    return 400 + this.partBytes + this.parts.length * PART_OVERHEAD_BYTES;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeInlineStream(target, at, this);
  }

  /** The first position whose subkey is not below this one. */
  positionOf(subkey: Bytes): number {
    let low = 0;
    let high = this.parts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const part = this.parts[middle];
      if (part !== undefined && part.subkey < subkey) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  find(subkey: Bytes): Part | null {
    const part = this.parts[this.positionOf(subkey)];
    return part !== undefined && part.subkey === subkey ? part : null;
  }

  /** Sets a part, null for none, and returns how that is taken back. */
  set(subkey: Bytes, content: PartContent | null): Undo {
    const position = this.positionOf(subkey);
    const before = this.parts[position];
    const replaced = before !== undefined && before.subkey === subkey ? before : null;
    const part = content === null ? null : new Part(subkey, content);
    this.#put(position, replaced, part);
    return { revert: () => this.#put(this.positionOf(subkey), part, replaced) };
  }

  #put(position: number, before: Part | null, after: Part | null): void {
    this.partBytes += (after?.size ?? 0) - (before?.size ?? 0);
    if (after === null) this.parts.splice(position, before === null ? 0 : 1);
    else this.parts.splice(position, before === null ? 0 : 1, after);
  }

  /** The content of a part has changed in place. */
  resize(part: Part): void {
    const size = encoding.partSize(part.subkey, encoding.contentSize(part.content));
    this.partBytes += size - part.size;
    part.size = size;
  }
}

/** A part's content changed in place: takes back that and the sizes. */
export class PartUndo implements Undo {
  readonly #stream: InlineStream;
  readonly #part: Part;
  readonly #undo: Undo;

  constructor(stream: InlineStream, part: Part, undo: Undo) {
    this.#stream = stream;
    this.#part = part;
    this.#undo = undo;
  }

  revert(cache: { cacheBytes: number }): void {
    this.#undo.revert(cache);
    this.#stream.resize(this.#part);
  }
}

export class ExplodedStream implements Collection {
  readonly home: Home;
  header: encoding.StreamHeader;
  readonly memoryBytes = 500;

  constructor(home: Home, header: encoding.StreamHeader) {
    this.home = home;
    this.header = header;
  }

  get payloadSize(): number {
    return encoding.explodedSize(this.header);
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeExplodedStream(target, at, this);
  }
}

export class HeaderUndo implements Undo {
  readonly #stream: InlineStream | ExplodedStream;
  readonly #header: encoding.StreamHeader;

  constructor(stream: InlineStream | ExplodedStream) {
    this.#stream = stream;
    this.#header = stream.header;
  }

  revert(): void {
    this.#stream.header = this.#header;
  }
}
