// What the keyspace finds of a key that none of its objects holds: the row that is kept of it (row-cache.ts), or
// what the engine has. And who of those that are found is worth an object at all: of a key that is asked
// for once, of millions, nothing is left behind (asked-lately.ts).
//
// Invariant: a row says what is committed of its key, or the key has a record in the keyspace that says
// otherwise, in which case nobody looks at the row. A commit writes the row of a record that leaves, and of one that
// has a row already; what has been in memory since it was made needs none before it leaves, and gets none.

import type { Bytes } from "../base/bytes.ts";
import { readHome } from "../encoding/collection.ts";
import { dueInPayload } from "../encoding/due.ts";
import { dataKey, hashOfKey, slotOfKey } from "../encoding/key.ts";
import {
  PLAIN_STRING_HEAD,
  PLAIN_STRING_HEAD_SIZE,
  readRecord,
  recordHead,
  STRING,
  type Kind,
} from "../encoding/record.ts";
import { DATA, type Cold, type Engine } from "../engine/engine.ts";
import { AskedLately } from "./asked-lately.ts";
import { Home, type ElementSource } from "./home.ts";
import type { Incarnation } from "./incarnation.ts";
import { Record } from "./record.ts";
import { RowCache } from "./row-cache.ts";
import { Packed } from "./value.ts";

/** Of a string that is to be replaced the bytes are not wanted: they may be left away (Record.isAway). */
export type Part = "head" | "whole";

export class StoredRecords {
  rows: RowCache;
  readonly #engine: Engine;
  readonly #source: ElementSource;
  readonly #asked = new AskedLately();
  /**
   * How many read, on threads, what they will install when they have it: meanwhile a record that a commit
   * has written stays, or what they have read would be taken for newer than it is.
   */
  readers = 0;
  /** Rows are being brought in from the disk. */
  isFilling = false;

  constructor(engine: Engine, source: ElementSource, rowBytesMax: number) {
    this.#engine = engine;
    this.#source = source;
    this.rows = new RowCache(rowBytesMax);
  }

  /** Whether the key was asked for lately; from now on it was. */
  wasAsked({ hash }: Record): boolean {
    return this.#asked.note(hash);
  }

  /** A record with what is stored of the key; null when that would wait. */
  find(incarnation: Incarnation, key: Bytes, part: Part): Record | null {
    const record = new Record(key, incarnation, slotOfKey(key), hashOfKey(key));
    if (this.#fillFromRow(record, part)) return record;
    const bytes = this.#read(record);
    if (bytes === undefined) return null;
    this.take(record, bytes);
    return record;
  }

  #fillFromRow(record: Record, part: Part): boolean {
    const { rows } = this;
    if (rows.isOff) return false;
    const row = rows.find(record.incarnation.id, record.hash, record.key);
    if (row < 0) return false;
    record.hasRow = true;
    if (rows.headAt(row) === PLAIN_STRING_HEAD) {
      record.kind = STRING;
      if (part === "whole") record.value = rows.valueAt(row, PLAIN_STRING_HEAD_SIZE);
      record.stored = true;
    } else {
      this.#fill(record, rows.valueAt(row));
    }
    return true;
  }

  /** The bytes of a record that is known, null when there are none; undefined when that would wait. */
  bytesOf(record: Record): Bytes | null | Cold {
    const { rows } = this;
    const row = rows.find(record.incarnation.id, record.hash, record.key);
    return row < 0 ? this.#read(record) : rows.valueAt(row);
  }

  #read({ incarnation, slot, hash, key }: Record): Bytes | null | Cold {
    return this.#engine.get(DATA, dataKey({ incarnationId: incarnation.id, slot, hash }, key));
  }

  /** Takes in what was read of a key that has no record but this new one. */
  take(record: Record, bytes: Bytes | null): void {
    if (bytes === null) return;
    this.#fill(record, bytes);
    if (this.rows.isOff) return;
    this.rows.put(record, "", bytes);
    record.hasRow = true;
  }

  #fill(record: Record, bytes: Bytes): void {
    const { kind, value, expiryMs } = readRecord(bytes);
    record.kind = kind;
    record.value = kind === STRING ? value : this.#packed(record.incarnation, kind, value);
    record.expiryMs = expiryMs;
    record.indexedDueMs = record.dueMs;
    record.stored = true;
  }

  #packed({ id }: Incarnation, kind: Kind, value: Bytes): Packed {
    const place = readHome(value);
    const dueMs = dueInPayload(kind, value);
    if (place === null) return new Packed(value, null, dueMs);
    return new Packed(value, new Home(this.#source, { incarnationId: id, ...place }, 0), dueMs);
  }

  /** The row of a record says what it says, and that is committed. */
  write(record: Record): void {
    const { kind, value } = record;
    if (this.rows.isOff) return;
    if (kind === STRING && typeof value === "string") {
      this.rows.put(record, recordHead(record), value);
      record.hasRow = true;
    } else this.forget(record);
  }

  /** The row of a record says what was before. */
  forget(record: Record): void {
    if (!record.hasRow) return;
    record.hasRow = false;
    this.rows.delete(record.incarnation.id, record.hash, record.key);
  }
}
