// What a hash is: fields with values, in one of two forms (hash-value.ts). Everything here takes the
// record that `find` or `open` gave; which form it has is nobody else's business.
//
// A hash is kept inline while it has no more fields than `hash-max-listpack-entries` and its payload is
// small. That is not quite what Redis calls a listpack: values longer than `hash-max-listpack-value` do
// not hurt here, since the payload is bounded anyway. So what OBJECT ENCODING says is noted apart.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/hash.ts";
import { HASH } from "../encoding/record.ts";
import { WHOLE } from "../keyspace/element-walk.ts";
import type { Record } from "../keyspace/record.ts";
import { Packed } from "../keyspace/value.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, WRONG_TYPE } from "../resp/errors.ts";
import { ExplodedHash, InlineHash } from "./hash-value.ts";
import * as hashed from "./hashed.ts";
import * as longDouble from "./long-double.ts";
import { addInt64, parseInteger, type Integer } from "./number.ts";

const NOT_AN_INTEGER = new CommandError("ERR hash value is not an integer");
const NOT_A_FLOAT = new CommandError("ERR hash value is not a float");
const INCREMENT_OVERFLOW = new CommandError("ERR increment or decrement would overflow");
const NOT_FINITE = new CommandError("ERR increment would produce NaN or Infinity");

export interface Entry {
  readonly field: Bytes;
  readonly value: Bytes;
}

// Finding

/** The record of a key that holds a hash; null when there is none. Throws WRONG_TYPE, COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record === null) return null;
  if (record.kind !== HASH) throw WRONG_TYPE;
  return record;
}

/** As `find`, but makes an empty hash where there is none: the caller fills it in the same unit. */
export function open(view: View, key: Bytes): Record {
  const record = find(view, key);
  if (record !== null) return record;
  return view.set(key, { kind: HASH, value: InlineHash.empty(), expiryMs: 0 });
}

function hashOf(view: View, record: Record): InlineHash | ExplodedHash {
  const { value } = record;
  if (value instanceof InlineHash || value instanceof ExplodedHash) return value;
  if (!(value instanceof Packed)) throw new AssertionFailed("a hash record holds no hash");
  const { payload, home } = value;
  const hash =
    home === null
      ? new InlineHash(encoding.readInlineHash(payload))
      : new ExplodedHash(home, encoding.readExplodedHash(payload));
  view.unpack(record, hash);
  return hash;
}

/** What OBJECT ENCODING says. */
export function encodingName(view: View, record: Record): "listpack" | "hashtable" {
  return hashOf(view, record).isTable ? "hashtable" : "listpack";
}

// Reading

export function size(view: View, record: Record): number {
  const hash = hashOf(view, record);
  return hash instanceof InlineHash ? hash.fields.size : hash.count;
}

/** Null when there is no such field. Throws COLD. */
export function get(view: View, record: Record, field: Bytes): Bytes | null {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) return hash.fields.get(field) ?? null;
  const { value } = hash.home.elements.find(encoding.fieldSubkey(field));
  return value === null ? null : encoding.elementValue(value);
}

/** Before several fields are looked at: throws COLD once for all of them. */
export function want(view: View, record: Record, fields: readonly Bytes[]): void {
  const hash = hashOf(view, record);
  if (hash instanceof ExplodedHash) hash.home.elements.want(fields.map(encoding.fieldSubkey));
}

/** Every field and its value. Throws COLD. */
export function forEach(
  view: View,
  record: Record,
  visit: (field: Bytes, value: Bytes) => void,
): void {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) {
    for (const [field, value] of hash.fields) visit(field, value);
    return;
  }
  view.walk(hash.home.elements, { ...WHOLE, expected: hash.count }, (subkey, value) => {
    visit(encoding.fieldOf(subkey), encoding.elementValue(value));
    return true;
  });
}

export interface ScanStep {
  /** Where to go on; 0 when the walk is complete. */
  readonly cursor: number;
  readonly entries: readonly Entry[];
}

/** One step of HSCAN (hashed.ts). A small hash is told at once, as in Redis. */
export function scan(view: View, record: Record, step: hashed.ScanFrom): ScanStep {
  const hash = hashOf(view, record);
  const entries: Entry[] = [];
  if (hash instanceof InlineHash) {
    for (const [field, value] of hash.fields) entries.push({ field, value });
    return { cursor: 0, entries };
  }
  const cursor = hashed.scanElements(view, hash.home.elements, step, (subkey, value) => {
    entries.push(entryOf(subkey, value));
  });
  return { cursor, entries };
}

/** `times` fields, each drawn from all of them; the hash is not empty. Throws COLD. */
export function drawWithRepeats(view: View, record: Record, times: number): Entry[] {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) {
    const drawn = hashed.drawWithRepeats(view, [...hash.fields], times);
    return drawn.map(([field, value]) => ({ field, value }));
  }
  return view
    .randomElements(hash.home.elements, hash.count, times)
    .map(({ subkey, value }) => entryOf(subkey, value));
}

/** `times` different fields by chance, or all when there are not more. Throws COLD. */
export function drawDistinct(view: View, record: Record, times: number): Entry[] {
  const hash = hashOf(view, record);
  if (hash instanceof ExplodedHash && times * 3 < hash.count) {
    return view
      .randomDistinctElements(hash.home.elements, hash.count, times)
      .map(({ subkey, value }) => entryOf(subkey, value));
  }
  const entries: Entry[] = [];
  forEach(view, record, (field, value) => entries.push({ field, value }));
  return hashed.drawDistinct(view, entries, times);
}

function entryOf(subkey: Bytes, value: Bytes): Entry {
  return { field: encoding.fieldOf(subkey), value: encoding.elementValue(value) };
}

// Changing

/** Sets a field; true when it is new. Throws COLD. */
export function set(view: View, record: Record, field: Bytes, value: Bytes): boolean {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) return setInline(view, record, { hash, field, value });
  const element = hash.home.elements.find(encoding.fieldSubkey(field));
  const isNew = element.value === null;
  view.setElement(record, element, encoding.fieldElement(value, 0));
  const count = isNew ? hash.count + 1 : hash.count;
  const isTable = hash.isTable || isTableWith(view, { field, value, count });
  if (isNew || isTable !== hash.isTable) view.mutate(record, hash.change(count, isTable), 0);
  view.stats.changes++;
  return isNew;
}

function setInline(view: View, record: Record, what: Entry & { hash: InlineHash }): boolean {
  const { hash, field, value } = what;
  const { limits } = view;
  const sizeBefore = hash.payloadSize;
  const countBefore = hash.fields.size;
  const isNew = !hash.fields.has(field);
  const count = isNew ? countBefore + 1 : countBefore;
  const isTable = hash.isTable || isTableWith(view, { field, value, count });
  const undo = hash.set(field, value, isTable);
  view.mutate(record, undo, hash.payloadSize - sizeBefore);
  view.stats.changes++;
  const { hashEntriesMax, inlineBytesMax } = limits.collections;
  if (count > hashEntriesMax || hash.payloadSize > inlineBytesMax) explode(view, record, hash);
  return isNew;
}

function isTableWith(
  view: View,
  after: { readonly field: Bytes; readonly value: Bytes; readonly count: number },
): boolean {
  const { hashEntriesMax, hashValueBytesMax } = view.limits.collections;
  return (
    after.count > hashEntriesMax ||
    after.field.length > hashValueBytesMax ||
    after.value.length > hashValueBytesMax
  );
}

/** From one value to elements of their own, in the open batch. */
function explode(view: View, record: Record, hash: InlineHash): void {
  const home = view.newHome(record);
  for (const [field, value] of hash.fields) {
    const element = home.elements.known(encoding.fieldSubkey(field), null);
    const expiryMs = hash.expiries?.get(field) ?? 0;
    view.setElement(record, element, encoding.fieldElement(value, expiryMs));
  }
  const { isTable, expiries } = hash;
  const parts = { count: hash.fields.size, isTable, hasExpiries: expiries !== null };
  view.replace(record, new ExplodedHash(home, parts));
}

/** Removes a field; false when there is none. The last one leaves an empty hash: see `finish`. */
export function remove(view: View, record: Record, field: Bytes): boolean {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) {
    const value = hash.fields.get(field);
    if (value === undefined) return false;
    const sizeBefore = hash.payloadSize;
    const undo = hash.remove(field, value);
    view.mutate(record, undo, hash.payloadSize - sizeBefore);
  } else {
    const element = hash.home.elements.find(encoding.fieldSubkey(field));
    if (element.value === null) return false;
    view.setElement(record, element, null);
    view.mutate(record, hash.change(hash.count - 1, hash.isTable), 0);
  }
  view.stats.changes++;
  return true;
}

/** After removals: deletes a hash that has become empty, and tells of it. True if it did. */
export function removeIfEmpty(view: View, record: Record): boolean {
  if (size(view, record) > 0) return false;
  view.remove(record.key);
  view.notify("generic", "del", record.key);
  return true;
}

/** Adds to the whole number in a field, 0 if there is none; returns the sum. */
export function increment(view: View, record: Record, field: Bytes, by: Integer): Integer {
  const text = get(view, record, field);
  const before = text === null ? 0 : parseInteger(text);
  if (before === null) throw NOT_AN_INTEGER;
  const sum = addInt64(before, by);
  if (sum === null) throw INCREMENT_OVERFLOW;
  set(view, record, field, String(sum));
  return sum;
}

/** Adds to the number in a field, 0 if there is none; returns the sum as it is now stored. */
export function incrementFloat(
  view: View,
  record: Record,
  field: Bytes,
  by: longDouble.LongDouble,
): Bytes {
  const before = get(view, record, field);
  const number = before === null ? longDouble.ZERO : longDouble.parse(before);
  if (number === null) throw NOT_A_FLOAT;
  const sum = longDouble.add(number, by);
  if (sum === null) throw NOT_FINITE;
  const text = longDouble.format(sum);
  set(view, record, field, text);
  return text;
}

// Dumps

/** As DUMP writes it. Throws COLD. */
export function dumped(
  view: View,
  record: Record,
): { readonly kind: typeof HASH; readonly flat: readonly Bytes[]; readonly isPacked: boolean } {
  const flat: Bytes[] = [];
  forEach(view, record, (field, value) => flat.push(field, value));
  return { kind: HASH, flat, isPacked: !hashOf(view, record).isTable };
}

/** Makes a hash of fields and values in turn, where there is no key. */
export function restore(view: View, key: Bytes, flat: readonly Bytes[], expiryMs: number): Record {
  const record = view.set(key, { kind: HASH, value: InlineHash.empty(), expiryMs });
  for (let index = 0; index + 1 < flat.length; index += 2) {
    set(view, record, flat[index] ?? "", flat[index + 1] ?? "");
  }
  return record;
}
