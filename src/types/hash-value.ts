// A hash in memory, in its two forms: inline, a map that is written whole; exploded, a header whose
// fields are elements of their own. types/hash.ts decides between them.

import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/hash.ts";
import type { Home } from "../keyspace/home.ts";
import type { Undo } from "../keyspace/undo.ts";
import type { Collection } from "../keyspace/value.ts";
import { insertAt, positionOf } from "./insertion-order.ts";

/** What an entry costs in memory beside its bytes. */
const ENTRY_OVERHEAD_BYTES = 64;

export class InlineHash implements Collection {
  readonly home = null;
  readonly fields: Map<Bytes, Bytes>;
  expiries: Map<Bytes, number> | null;
  /** OBJECT ENCODING says "hashtable"; once so, it stays. */
  isTable: boolean;
  /** The sum of `entrySize` over the fields. */
  entryBytes: number;

  constructor(parts: encoding.DecodedInlineHash) {
    this.fields = parts.fields;
    this.expiries = parts.expiries;
    this.isTable = parts.isTable;
    this.entryBytes = parts.entryBytes;
  }

  static empty(): InlineHash {
    return new InlineHash({ fields: new Map(), expiries: null, isTable: false, entryBytes: 0 });
  }

  get payloadSize(): number {
    return encoding.inlineSize(this.entryBytes, this.fields.size, this.expiries !== null);
  }

  get memoryBytes(): number {
    return this.entryBytes + this.fields.size * ENTRY_OVERHEAD_BYTES;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeInlineHash(target, at, this);
  }

  /** Sets a field and returns how that is taken back. */
  set(field: Bytes, value: Bytes, isTable: boolean): Undo {
    const undo = new InlineSetUndo(this, field);
    const { before } = undo;
    this.entryBytes += encoding.entrySize(field, value);
    if (before !== undefined) this.entryBytes -= encoding.entrySize(field, before);
    this.fields.set(field, value);
    this.isTable = isTable;
    return undo;
  }

  /** Removes a field that is there and returns how that is taken back. */
  remove(field: Bytes, value: Bytes): Undo {
    const undo = new InlineRemoveUndo(this, field, value);
    this.entryBytes -= encoding.entrySize(field, value);
    this.fields.delete(field);
    return undo;
  }
}

class InlineSetUndo implements Undo {
  readonly #hash: InlineHash;
  readonly #field: Bytes;
  readonly before: Bytes | undefined;
  readonly #entryBytes: number;
  readonly #isTable: boolean;

  constructor(hash: InlineHash, field: Bytes) {
    this.#hash = hash;
    this.#field = field;
    this.before = hash.fields.get(field);
    this.#entryBytes = hash.entryBytes;
    this.#isTable = hash.isTable;
  }

  revert(): void {
    const hash = this.#hash;
    if (this.before === undefined) hash.fields.delete(this.#field);
    else hash.fields.set(this.#field, this.before);
    hash.entryBytes = this.#entryBytes;
    hash.isTable = this.#isTable;
  }
}

class InlineRemoveUndo implements Undo {
  readonly #hash: InlineHash;
  readonly #field: Bytes;
  readonly #value: Bytes;
  readonly #position: number;
  readonly #entryBytes: number;

  constructor(hash: InlineHash, field: Bytes, value: Bytes) {
    this.#hash = hash;
    this.#field = field;
    this.#value = value;
    this.#position = positionOf(hash.fields, field);
    this.#entryBytes = hash.entryBytes;
  }

  revert(): void {
    insertAt(this.#hash.fields, this.#position, [this.#field, this.#value]);
    this.#hash.entryBytes = this.#entryBytes;
  }
}

export class ExplodedHash implements Collection {
  readonly home: Home;
  readonly payloadSize = encoding.EXPLODED_HASH_SIZE;
  readonly memoryBytes = 200;
  count: number;
  hasExpiries: boolean;
  isTable: boolean;

  constructor(home: Home, parts: Omit<encoding.ExplodedHashParts, "home">) {
    this.home = home;
    this.count = parts.count;
    this.hasExpiries = parts.hasExpiries;
    this.isTable = parts.isTable;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeExplodedHash(target, at, this);
  }

  /** Changes what the header says and returns how that is taken back. */
  change(count: number, isTable: boolean): Undo {
    const undo = new HeaderUndo(this);
    this.count = count;
    this.isTable = isTable;
    return undo;
  }
}

class HeaderUndo implements Undo {
  readonly #hash: ExplodedHash;
  readonly #count: number;
  readonly #isTable: boolean;

  constructor(hash: ExplodedHash) {
    this.#hash = hash;
    this.#count = hash.count;
    this.#isTable = hash.isTable;
  }

  revert(): void {
    this.#hash.count = this.#count;
    this.#hash.isTable = this.#isTable;
  }
}
