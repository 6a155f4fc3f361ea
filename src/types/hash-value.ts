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
  /** When fields die, milliseconds since the epoch; null when none does. */
  expiries: Map<Bytes, number> | null;
  /** OBJECT ENCODING says "hashtable"; once so, it stays. */
  isTable: boolean;
  /** Else it says "listpackex"; once so, it stays. */
  isExtended: boolean;
  /** No field dies before that; 0 when none does at all. */
  nextExpiryMs: number;
  /** The sum of `entrySize` over the fields. */
  entryBytes: number;

  constructor(parts: encoding.DecodedInlineHash) {
    this.fields = parts.fields;
    this.expiries = parts.expiries;
    this.isTable = parts.isTable;
    this.isExtended = parts.isExtended;
    this.nextExpiryMs = parts.nextExpiryMs;
    this.entryBytes = parts.entryBytes;
  }

  static empty(): InlineHash {
    return new InlineHash({
      fields: new Map(),
      expiries: null,
      isTable: false,
      isExtended: false,
      nextExpiryMs: 0,
      entryBytes: 0,
    });
  }

  get payloadSize(): number {
    return encoding.inlineSize(this.entryBytes, this.fields.size, this.expiries !== null);
  }

  get memoryBytes(): number {
    const expiryBytes = (this.expiries?.size ?? 0) * ENTRY_OVERHEAD_BYTES;
    return this.entryBytes + this.fields.size * ENTRY_OVERHEAD_BYTES + expiryBytes;
  }

  get dueMs(): number {
    return this.nextExpiryMs;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeInlineHash(target, at, this);
  }

  expiryOf(field: Bytes): number {
    return this.expiries?.get(field) ?? 0;
  }

  /** Sets a field that lives until `expiryMs`, 0 for ever, and returns how that is taken back. */
  set(field: Bytes, value: Bytes, facts: { expiryMs: number; isTable: boolean }): Undo {
    const undo = new InlineSetUndo(this, field);
    const { before } = undo;
    this.entryBytes += encoding.entrySize(field, value);
    if (before !== undefined) this.entryBytes -= encoding.entrySize(field, before);
    this.fields.set(field, value);
    this.isTable = facts.isTable;
    if (this.expiries !== null || facts.expiryMs !== 0) this.putExpiry(field, facts.expiryMs);
    return undo;
  }

  /** Removes a field that is there and returns how that is taken back. */
  remove(field: Bytes, value: Bytes): Undo {
    const undo = new InlineRemoveUndo(this, field, value);
    this.entryBytes -= encoding.entrySize(field, value);
    this.fields.delete(field);
    if (this.expiries !== null) this.putExpiry(field, 0);
    return undo;
  }

  /** Keeps `nextExpiryMs` below all expiries; only `settleNext` raises it while there are any. */
  putExpiry(field: Bytes, expiryMs: number): void {
    if (expiryMs !== 0) {
      this.expiries ??= new Map();
      this.expiries.set(field, expiryMs);
      this.isExtended = true;
      if (this.nextExpiryMs === 0 || expiryMs < this.nextExpiryMs) this.nextExpiryMs = expiryMs;
      return;
    }
    if (this.expiries === null) return;
    this.expiries.delete(field);
    if (this.expiries.size > 0) return;
    this.expiries = null;
    this.nextExpiryMs = 0;
  }

  /** Sets `nextExpiryMs` to what it is exactly, and returns how that is taken back. */
  settleNext(): Undo {
    const undo = new NextUndo(this);
    let next = Infinity;
    for (const expiryMs of this.expiries?.values() ?? []) next = Math.min(next, expiryMs);
    this.nextExpiryMs = next === Infinity ? 0 : next;
    return undo;
  }
}

/** What is to be put back of a field's expiry and of what the whole says of expiries. */
class ExpiryBefore {
  readonly #expiryMs: number;
  readonly #nextExpiryMs: number;
  readonly #isExtended: boolean;

  constructor(hash: InlineHash, field: Bytes) {
    this.#expiryMs = hash.expiryOf(field);
    this.#nextExpiryMs = hash.nextExpiryMs;
    this.#isExtended = hash.isExtended;
  }

  restore(hash: InlineHash, field: Bytes): void {
    hash.putExpiry(field, this.#expiryMs);
    hash.nextExpiryMs = this.#nextExpiryMs;
    hash.isExtended = this.#isExtended;
  }
}

class InlineSetUndo implements Undo {
  readonly #hash: InlineHash;
  readonly #field: Bytes;
  readonly before: Bytes | undefined;
  readonly #entryBytes: number;
  readonly #isTable: boolean;
  readonly #isExtended: boolean;
  readonly #expiry: ExpiryBefore | null;

  constructor(hash: InlineHash, field: Bytes) {
    this.#hash = hash;
    this.#field = field;
    this.before = hash.fields.get(field);
    this.#entryBytes = hash.entryBytes;
    this.#isTable = hash.isTable;
    this.#isExtended = hash.isExtended;
    this.#expiry = hash.expiries === null ? null : new ExpiryBefore(hash, field);
  }

  revert(): void {
    const hash = this.#hash;
    if (this.before === undefined) hash.fields.delete(this.#field);
    else hash.fields.set(this.#field, this.before);
    hash.entryBytes = this.#entryBytes;
    hash.isTable = this.#isTable;
    hash.isExtended = this.#isExtended;
    if (this.#expiry !== null) this.#expiry.restore(hash, this.#field);
    else if (hash.expiries !== null) hash.putExpiry(this.#field, 0);
  }
}

class InlineRemoveUndo implements Undo {
  readonly #hash: InlineHash;
  readonly #field: Bytes;
  readonly #value: Bytes;
  readonly #position: number;
  readonly #entryBytes: number;
  readonly #expiry: ExpiryBefore | null;

  constructor(hash: InlineHash, field: Bytes, value: Bytes) {
    this.#hash = hash;
    this.#field = field;
    this.#value = value;
    this.#position = positionOf(hash.fields, field);
    this.#entryBytes = hash.entryBytes;
    this.#expiry = hash.expiries === null ? null : new ExpiryBefore(hash, field);
  }

  revert(): void {
    insertAt(this.#hash.fields, this.#position, [this.#field, this.#value]);
    this.#hash.entryBytes = this.#entryBytes;
    this.#expiry?.restore(this.#hash, this.#field);
  }
}

export class ExplodedHash implements Collection {
  readonly home: Home;
  readonly memoryBytes = 200;
  count: number;
  isTable: boolean;
  isExtended: boolean;
  nextExpiryMs: number;

  constructor(home: Home, parts: Omit<encoding.ExplodedHashParts, "home">) {
    this.home = home;
    this.count = parts.count;
    this.isTable = parts.isTable;
    this.isExtended = parts.isExtended;
    this.nextExpiryMs = parts.nextExpiryMs;
  }

  get payloadSize(): number {
    return encoding.explodedSize(this.nextExpiryMs);
  }

  get dueMs(): number {
    return this.nextExpiryMs;
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

  /** A field has got an expiry. */
  noteExpiry(expiryMs: number): Undo {
    const undo = new NextUndo(this);
    this.isExtended ||= !this.isTable;
    if (this.nextExpiryMs === 0 || expiryMs < this.nextExpiryMs) this.nextExpiryMs = expiryMs;
    return undo;
  }

  /** The first expiry is known, 0 for none. */
  setNext(nextExpiryMs: number): Undo {
    const undo = new NextUndo(this);
    this.nextExpiryMs = nextExpiryMs;
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

class NextUndo implements Undo {
  readonly #hash: InlineHash | ExplodedHash;
  readonly #nextExpiryMs: number;
  readonly #isExtended: boolean;

  constructor(hash: InlineHash | ExplodedHash) {
    this.#hash = hash;
    this.#nextExpiryMs = hash.nextExpiryMs;
    this.#isExtended = hash.isExtended;
  }

  revert(): void {
    this.#hash.nextExpiryMs = this.#nextExpiryMs;
    this.#hash.isExtended = this.#isExtended;
  }
}
