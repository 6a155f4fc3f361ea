// What a hash is: fields with values, in one of two forms (hash-value.ts). Everything here takes the
// record that `find` or `open` gave; which form it has is nobody else's business.
//
// A hash is kept inline while it has no more fields than `hash-max-listpack-entries` and its payload is
// small. That is not quite what Redis calls a listpack: values longer than `hash-max-listpack-value` do
// not hurt here, since the payload is bounded anyway. So what OBJECT ENCODING says is noted apart.
//
// Fields may die by themselves (hash-expiry.ts). Reads do not see a dead field; it still counts in the size,
// and as one that is there for `set` and `remove`, until the expirer has removed it, as in Redis.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/hash.ts";
import type { DumpedHash } from "../encoding/rdb-hash.ts";
import { HASH } from "../encoding/record.ts";
import { WHOLE } from "../keyspace/element-walk.ts";
import type { ColdElements } from "../keyspace/cold.ts";
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

/** For the neighbours of this file. */
export function hashOf(view: View, record: Record): InlineHash | ExplodedHash {
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
export function encodingName(view: View, record: Record): "listpack" | "listpackex" | "hashtable" {
  const { isTable, isExtended } = hashOf(view, record);
  if (isTable) return "hashtable";
  return isExtended ? "listpackex" : "listpack";
}

/** Whether a field with this expiry is dead now. */
export function isDead(view: View, expiryMs: number): boolean {
  return expiryMs !== 0 && expiryMs <= view.nowMs;
}

/** Whether any field may be dead. */
export function mayHoldDead(view: View, hash: InlineHash | ExplodedHash): boolean {
  return isDead(view, hash.nextExpiryMs);
}

// Reading

/** How many fields there are, dead ones included. */
export function size(view: View, record: Record): number {
  const hash = hashOf(view, record);
  return hash instanceof InlineHash ? hash.fields.size : hash.count;
}

/** Null when there is no such field alive. Throws COLD. */
export function get(view: View, record: Record, field: Bytes): Bytes | null {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) {
    if (hash.expiries !== null && isDead(view, hash.expiryOf(field))) return null;
    return hash.fields.get(field) ?? null;
  }
  const { value } = hash.home.elements.find(encoding.fieldSubkey(field));
  if (value === null || isDead(view, encoding.elementExpiryMs(value))) return null;
  return encoding.elementValue(value);
}

/** Before several fields are looked at: throws COLD once for all of them. */
export function want(view: View, record: Record, fields: readonly Bytes[]): void {
  const hash = hashOf(view, record);
  if (hash instanceof ExplodedHash) hash.home.elements.want(fields.map(encoding.fieldSubkey));
}

/** Before a field of each of several hashes is read: throws COLD once for all of them. */
export function wantEach(
  view: View,
  wanted: readonly { readonly record: Record; readonly field: Bytes }[],
): void {
  const elements: ColdElements[] = [];
  for (const { record, field } of wanted) {
    const hash = hashOf(view, record);
    if (hash instanceof InlineHash) continue;
    const subkeys = [encoding.fieldSubkey(field)];
    elements.push({ elements: hash.home.elements, subkeys });
  }
  view.wantElements(elements);
}

/** Every field alive and its value. Throws COLD. */
export function forEach(
  view: View,
  record: Record,
  visit: (field: Bytes, value: Bytes) => void,
): void {
  const mayBeDead = mayHoldDead(view, hashOf(view, record));
  forEachStored(view, record, (field, value, expiryMs) => {
    if (!mayBeDead || !isDead(view, expiryMs)) visit(field, value);
  });
}

/** Every field, dead or alive, its value and its expiry, 0 for none. Throws COLD. */
function forEachStored(
  view: View,
  record: Record,
  visit: (field: Bytes, value: Bytes, expiryMs: number) => void,
): void {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) {
    for (const [field, value] of hash.fields) visit(field, value, hash.expiryOf(field));
    return;
  }
  view.willRead(hash.count);
  view.walk(hash.home.elements, { ...WHOLE, expected: hash.count }, (subkey, value) => {
    const expiryMs = encoding.elementExpiryMs(value);
    visit(encoding.fieldOf(subkey), encoding.elementValue(value), expiryMs);
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
    forEach(view, record, (field, value) => entries.push({ field, value }));
    return { cursor: 0, entries };
  }
  const cursor = hashed.scanElements(view, hash.home.elements, step, (subkey, value) => {
    if (isDead(view, encoding.elementExpiryMs(value))) return;
    entries.push({ field: encoding.fieldOf(subkey), value: encoding.elementValue(value) });
  });
  return { cursor, entries };
}

// Changing

/** For `put`: what dies when stays as it is. */
export const KEEP_EXPIRY = -1;

/** Sets a field, for ever; true when it is new. Throws COLD. */
export function set(view: View, record: Record, field: Bytes, value: Bytes): boolean {
  return put(view, record, { field, value, expiryMs: 0 });
}

/** Sets a field that dies at `expiryMs`, 0 for never; true when it is new. Throws COLD. */
export function put(
  view: View,
  record: Record,
  what: Entry & { readonly expiryMs: number },
): boolean {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) return putInline(view, record, hash, what);
  const { field, value } = what;
  const subkey = encoding.fieldSubkey(field);
  const element = hash.home.elements.find(subkey);
  const before = element.value;
  const expiryBefore = before === null ? 0 : encoding.elementExpiryMs(before);
  const expiryMs = what.expiryMs === KEEP_EXPIRY ? expiryBefore : what.expiryMs;
  view.setElement(record, element, encoding.fieldElement(value, expiryMs));
  moveInOrder(view, record, { hash, subkey, expiryBefore, expiryMs });
  const isNew = before === null;
  const count = isNew ? hash.count + 1 : hash.count;
  const isTable = hash.isTable || isTableWith(view, { field, value, count });
  if (isNew || isTable !== hash.isTable) view.mutate(record, hash.change(count, isTable), 0);
  if (isNew) view.noteDrawable(element, count);
  view.stats.changes++;
  return isNew;
}

function putInline(
  view: View,
  record: Record,
  hash: InlineHash,
  what: Entry & { readonly expiryMs: number },
): boolean {
  const { field, value } = what;
  const sizeBefore = hash.payloadSize;
  const countBefore = hash.fields.size;
  const isNew = !hash.fields.has(field);
  const count = isNew ? countBefore + 1 : countBefore;
  const isTable = hash.isTable || isTableWith(view, { field, value, count });
  const expiryMs = what.expiryMs === KEEP_EXPIRY ? hash.expiryOf(field) : what.expiryMs;
  const undo = hash.set(field, value, { expiryMs, isTable });
  view.mutate(record, undo, hash.payloadSize - sizeBefore);
  view.stats.changes++;
  explodeIfLarge(view, record, hash);
  return isNew;
}

/** Gives a field that is there another expiry, 0 for none; not counted as a change. Throws COLD. */
export function setExpiry(view: View, record: Record, field: Bytes, expiryMs: number): void {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) {
    const value = hash.fields.get(field);
    if (value === undefined) return;
    const sizeBefore = hash.payloadSize;
    const undo = hash.set(field, value, { expiryMs, isTable: hash.isTable });
    view.mutate(record, undo, hash.payloadSize - sizeBefore);
    explodeIfLarge(view, record, hash);
    return;
  }
  const subkey = encoding.fieldSubkey(field);
  const element = hash.home.elements.find(subkey);
  const { value } = element;
  if (value === null) return;
  const expiryBefore = encoding.elementExpiryMs(value);
  const content = encoding.fieldElement(encoding.elementValue(value), expiryMs);
  view.setElement(record, element, content);
  moveInOrder(view, record, { hash, subkey, expiryBefore, expiryMs });
}

interface Moved {
  readonly hash: ExplodedHash;
  readonly subkey: Bytes;
  readonly expiryBefore: number;
  readonly expiryMs: number;
}

/** Keeps the order of dying of an exploded hash. */
function moveInOrder(view: View, record: Record, moved: Moved): void {
  const { hash, subkey, expiryBefore, expiryMs } = moved;
  if (expiryBefore === expiryMs) return;
  const { order } = hash.home;
  if (expiryBefore !== 0) {
    const before = order.known(encoding.orderSubkey(expiryBefore, subkey), "");
    view.setElement(record, before, null);
  }
  if (expiryMs === 0) return;
  view.setElement(record, order.known(encoding.orderSubkey(expiryMs, subkey), null), "");
  view.mutate(record, hash.noteExpiry(expiryMs), 0);
}

function explodeIfLarge(view: View, record: Record, hash: InlineHash): void {
  const { hashEntriesMax, inlineBytesMax } = view.limits.collections;
  if (hash.fields.size <= hashEntriesMax && hash.payloadSize <= inlineBytesMax) return;
  explode(view, record, hash);
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
    const subkey = encoding.fieldSubkey(field);
    const expiryMs = hash.expiryOf(field);
    const element = home.elements.known(subkey, null);
    view.setElement(record, element, encoding.fieldElement(value, expiryMs));
    if (expiryMs === 0) continue;
    view.setElement(record, home.order.known(encoding.orderSubkey(expiryMs, subkey), null), "");
  }
  const { isTable, isExtended, nextExpiryMs } = hash;
  const parts = { count: hash.fields.size, isTable, isExtended, nextExpiryMs };
  view.replace(record, new ExplodedHash(home, parts));
}

/** Removes a field; false when there is none. The last one leaves an empty hash: see `removeIfEmpty`. */
export function remove(view: View, record: Record, field: Bytes): boolean {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) {
    const value = hash.fields.get(field);
    if (value === undefined) return false;
    const sizeBefore = hash.payloadSize;
    const undo = hash.remove(field, value);
    view.mutate(record, undo, hash.payloadSize - sizeBefore);
  } else {
    const subkey = encoding.fieldSubkey(field);
    const element = hash.home.elements.find(subkey);
    const { value } = element;
    if (value === null) return false;
    const expiryBefore = encoding.elementExpiryMs(value);
    view.setElement(record, element, null);
    moveInOrder(view, record, { hash, subkey, expiryBefore, expiryMs: 0 });
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
  putSum(view, record, field, String(sum));
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
  putSum(view, record, field, text);
  return text;
}

/** A sum lives as long as what it was added to; a field that had died begins anew. */
function putSum(view: View, record: Record, field: Bytes, value: Bytes): void {
  const isDeadNow = removeIfDead(view, record, field);
  put(view, record, { field, value, expiryMs: isDeadNow ? 0 : KEEP_EXPIRY });
}

/** Removes a field that has died, as the expirer would, and tells of it; true if it did. Throws COLD. */
export function removeIfDead(view: View, record: Record, field: Bytes): boolean {
  if (!dropIfDead(view, record, field)) return false;
  view.notify("hash", "hexpired", record.key);
  return true;
}

/** The same, without a word. */
export function dropIfDead(view: View, record: Record, field: Bytes): boolean {
  const hash = hashOf(view, record);
  if (!mayHoldDead(view, hash) || !isDead(view, expiryOf(view, record, field))) return false;
  remove(view, record, field);
  view.stats.expiredFields++;
  return true;
}

/** When a field dies or has died, 0 for never or for no such field. Throws COLD. */
export function expiryOf(view: View, record: Record, field: Bytes): number {
  const hash = hashOf(view, record);
  if (hash instanceof InlineHash) return hash.expiryOf(field);
  const { value } = hash.home.elements.find(encoding.fieldSubkey(field));
  return value === null ? 0 : encoding.elementExpiryMs(value);
}

// Dumps

/** As DUMP writes it, the dead included: a hash is never dumped empty. Throws COLD. */
export function dumped(view: View, record: Record): DumpedHash {
  const flat: Bytes[] = [];
  const expiries: number[] = [];
  let isMortal = false;
  forEachStored(view, record, (field, value, expiryMs) => {
    flat.push(field, value);
    expiries.push(expiryMs);
    if (expiryMs !== 0) isMortal = true;
  });
  const isPacked = !hashOf(view, record).isTable;
  return { kind: HASH, flat, expiries: isMortal ? expiries : null, isPacked };
}

/** Makes a hash of what a dump held, where there is no key. */
export function restore(view: View, key: Bytes, dump: DumpedHash, expiryMs: number): Record {
  const record = view.set(key, { kind: HASH, value: InlineHash.empty(), expiryMs });
  const { flat, expiries } = dump;
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const [field, value] = [flat[index] ?? "", flat[index + 1] ?? ""];
    put(view, record, { field, value, expiryMs: expiries?.[index / 2] ?? 0 });
  }
  return record;
}
