// What a sorted set is: members with scores, in one of two forms (sorted-set-value.ts). Everything here
// takes the record that `find` or `open` gave. Ranges are in sorted-set-range.ts, unions and their kin in
// sorted-set-algebra.ts.
//
// It is inline while it has no more members than `zset-max-listpack-entries` and its payload is small.
// Exploded, each member stands twice: in `elements` by its hash, with its score, and in `order` by score
// and member; `order` is counted in buckets (sorted-set-buckets.ts).

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { hashedSubkey, nameInSubkey } from "../encoding/collection.ts";
import type { DumpedSortedSet } from "../encoding/rdb-sorted-set.ts";
import { SORTED_SET } from "../encoding/record.ts";
import * as encoding from "../encoding/sorted-set.ts";
import type { Outermost } from "../keyspace/element-front.ts";
import { WHOLE } from "../keyspace/element-walk.ts";
import type { Element } from "../keyspace/home.ts";
import type { Record } from "../keyspace/record.ts";
import { Packed } from "../keyspace/value.ts";
import type { View } from "../keyspace/view.ts";
import { WRONG_TYPE } from "../resp/errors.ts";
import * as hashed from "./hashed.ts";
import { countIn, countMoved, countOut, wantRoom } from "./sorted-set-buckets.ts";
import { endOf, ExplodedSortedSet, InlineSortedSet } from "./sorted-set-value.ts";

/** For who waits for a key of this kind. */
export const KIND = SORTED_SET;
/** What is kept of a long subkey as the bound before which nothing is. */
const START_SIZE_MAX = 32;
const END_SIZE_MAX = 64;

export interface Entry {
  readonly member: Bytes;
  readonly score: number;
}

// Finding

/** The record of a key that holds a sorted set; null when there is none. Throws WRONG_TYPE, COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record === null) return null;
  if (record.kind !== SORTED_SET) throw WRONG_TYPE;
  return record;
}

/** As `find`, but makes an empty one where there is none: the caller fills it in the same unit. */
export function open(view: View, key: Bytes, expected: Expected): Record {
  const record = find(view, key);
  if (record === null) return create(view, key, expected);
  const { count } = expected;
  if (count > 1 && count > view.limits.collections.sortedSetEntriesMax) setIsTable(view, record);
  return record;
}

/** What is to be put into a set: as Redis, that decides how its encoding is called. */
export interface Expected {
  readonly count: number;
  readonly memberSize: number;
}

/** An empty one in place of whatever the key held. What counts as a change is what goes into it. */
export function create(view: View, key: Bytes, expected: Expected, expiryMs = 0): Record {
  const { sortedSetEntriesMax, sortedSetValueBytesMax } = view.limits.collections;
  const isTable =
    expected.count > sortedSetEntriesMax || expected.memberSize > sortedSetValueBytesMax;
  const value = InlineSortedSet.empty(isTable);
  const { changes } = view.stats;
  const record = view.set(key, { kind: SORTED_SET, value, expiryMs });
  view.stats.changes = changes;
  return record;
}

/** The set of a record, in whichever form it is. */
export function formOf(view: View, record: Record): InlineSortedSet | ExplodedSortedSet {
  const { value } = record;
  if (value instanceof InlineSortedSet || value instanceof ExplodedSortedSet) return value;
  if (!(value instanceof Packed)) throw new AssertionFailed("a sorted set record holds none");
  const { payload, home } = value;
  const form =
    home === null
      ? new InlineSortedSet(encoding.readInline(payload))
      : new ExplodedSortedSet(home, encoding.readExploded(payload));
  view.unpack(record, form);
  return form;
}

/** What OBJECT ENCODING says. */
export function encodingName(view: View, record: Record): "listpack" | "skiplist" {
  return formOf(view, record).isTable ? "skiplist" : "listpack";
}

function setIsTable(view: View, record: Record): void {
  const form = formOf(view, record);
  if (form.isTable) return;
  form.isTable = true;
  const undo = {
    revert(): void {
      form.isTable = false;
    },
  };
  view.mutate(record, undo, 0);
}

// Reading

export function size(view: View, record: Record): number {
  const form = formOf(view, record);
  return form instanceof InlineSortedSet ? form.members.length : form.count;
}

/** Null when there is no such member. Throws COLD. */
export function score(view: View, record: Record, member: Bytes): number | null {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) return form.score(member) ?? null;
  const { value } = form.home.elements.find(hashedSubkey(member));
  return value === null ? null : encoding.readScore(value, 0);
}

/** What `score` tells, and for `setFrom` where it was found. */
export interface Standing {
  readonly score: number | null;
  readonly element: Element | null;
}

const NOWHERE: Standing = { score: null, element: null };

/** As `score`, for who may go on to set another one in the same unit. Throws COLD. */
export function standing(view: View, record: Record, member: Bytes): Standing {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) {
    const found = form.score(member);
    return found === undefined ? NOWHERE : { score: found, element: null };
  }
  const element = form.home.elements.find(hashedSubkey(member));
  const { value } = element;
  return { score: value === null ? null : encoding.readScore(value, 0), element };
}

/** Before several members are looked at: throws COLD once for all of them. */
export function want(view: View, record: Record, members: readonly Bytes[]): void {
  const form = formOf(view, record);
  if (form instanceof ExplodedSortedSet) form.home.elements.want(members.map(hashedSubkey));
}

/** Before several members get these scores: throws COLD, as seldom as can be. */
export function wantPlaces(view: View, record: Record, wanted: readonly Entry[]): void {
  const form = formOf(view, record);
  if (!(form instanceof ExplodedSortedSet)) return;
  const members = wanted.map(({ member }) => member);
  want(view, record, members);
  const from: Bytes[] = [];
  const to: Bytes[] = [];
  for (const { member, score: after } of wanted) {
    const before = score(view, record, member);
    if (before === after) continue;
    if (before !== null) from.push(encoding.orderSubkey(before, member));
    to.push(encoding.orderSubkey(after, member));
  }
  form.buckets.want(view, from, Infinity);
  wantRoom(view, form, to);
}

function entryOf(subkey: Bytes, value: Bytes): Entry {
  return { member: nameInSubkey(subkey), score: encoding.readScore(value, 0) };
}

/** Every member and its score, in order. Throws COLD. */
export function forEach(
  view: View,
  record: Record,
  visit: (member: Bytes, score: number) => void,
): void {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) {
    for (const [index, member] of form.members.entries()) visit(member, form.scores[index] ?? 0);
    return;
  }
  const range = { ...WHOLE, lower: form.start, upper: endOf(form), expected: form.count };
  view.willRead(form.count);
  view.walk(form.home.order, range, (subkey, value) => {
    visit(encoding.memberOf(subkey), encoding.scoreOf(subkey, value));
    return true;
  });
}

/** Tells members, in whatever order costs least, until `visit` says false. Throws COLD. */
export function walkAny(
  view: View,
  record: Record,
  visit: (member: Bytes, score: number) => boolean,
): void {
  const form = formOf(view, record);
  if (form instanceof ExplodedSortedSet) {
    view.walk(form.home.elements, { ...WHOLE, expected: form.count }, (subkey, value) =>
      visit(nameInSubkey(subkey), encoding.readScore(value, 0)),
    );
    return;
  }
  for (const { member, score: itsScore } of entries(view, record)) {
    if (!visit(member, itsScore)) return;
  }
}

export interface ScanStep {
  /** Where to go on; 0 when the walk is complete. */
  readonly cursor: number;
  readonly entries: readonly Entry[];
}

/** One step of ZSCAN (hashed.ts). A small set is told at once, as in Redis. Throws COLD. */
export function scan(view: View, record: Record, step: hashed.ScanFrom): ScanStep {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) return { cursor: 0, entries: entries(view, record) };
  const found: Entry[] = [];
  const cursor = hashed.scanElements(view, form.home.elements, step, (subkey, value) => {
    found.push(entryOf(subkey, value));
  });
  return { cursor, entries: found };
}

/** All of them, in order. Throws COLD. */
export function entries(view: View, record: Record): Entry[] {
  const found: Entry[] = [];
  forEach(view, record, (member, itsScore) => found.push({ member, score: itsScore }));
  return found;
}

/** `times` members, each drawn from all of them; the set is not empty. Throws COLD. */
export function drawWithRepeats(view: View, record: Record, times: number): Entry[] {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) {
    return hashed.drawWithRepeats(view, entries(view, record), times);
  }
  const found = view.randomElements(form.home.elements, form.count, times);
  return found.map(({ subkey, value }) => entryOf(subkey, value));
}

/** `times` different members by chance, or all when there are not more. Throws COLD. */
export function drawDistinct(view: View, record: Record, times: number): Entry[] {
  const form = formOf(view, record);
  if (form instanceof ExplodedSortedSet && times * 3 < form.count) {
    const found = view.randomDistinctElements(form.home.elements, form.count, times);
    return found.map(({ subkey, value }) => entryOf(subkey, value));
  }
  return hashed.drawDistinct(view, entries(view, record), times);
}

// Changing

/** Gives `member` a score; `before` is the one that `score` told, null for none. Throws COLD. */
export function set(view: View, record: Record, entry: Entry, before: number | null): void {
  setFrom(view, record, entry, { score: before, element: null });
}

/** As `set`, after `standing`. */
export function setFrom(view: View, record: Record, entry: Entry, before: Standing): void {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) setInline(view, record, form, entry);
  else setExploded(view, record, { set: form, entry, before });
  view.stats.changes++;
}

function setInline(view: View, record: Record, form: InlineSortedSet, entry: Entry): void {
  const { member } = entry;
  const { inlineBytesMax, sortedSetEntriesMax, sortedSetValueBytesMax } = view.limits.collections;
  const sizeBefore = form.payloadSize;
  const present = form.members.length;
  // A listpack of Redis keeps whole numbers as such, and among them is no -0.
  const isZero = entry.score === 0 && !form.isTable;
  const undo = form.set(member, isZero ? 0 : entry.score);
  const count = form.members.length;
  const isNew = count > present;
  if (isNew && (count > sortedSetEntriesMax || member.length > sortedSetValueBytesMax)) {
    form.isTable = true;
  }
  view.mutate(record, undo, form.payloadSize - sizeBefore);
  if (count > sortedSetEntriesMax || form.payloadSize > inlineBytesMax) {
    explode(view, record, form);
  }
}

/** From one value to members of their own, in the open batch. */
function explode(view: View, record: Record, inline: InlineSortedSet): void {
  const home = view.newHome(record);
  const { isTable } = inline;
  const form = new ExplodedSortedSet(home, { isTable, start: "", end: "", root: null });
  view.replace(record, form);
  for (const [index, member] of inline.members.entries()) {
    setExploded(view, record, {
      set: form,
      entry: { member, score: inline.scores[index] ?? 0 },
      before: NOWHERE,
    });
  }
}

function setExploded(
  view: View,
  record: Record,
  what: {
    readonly set: ExplodedSortedSet;
    readonly entry: Entry;
    readonly before: Standing;
  },
): void {
  const { set: form, entry, before } = what;
  const { order } = form.home;
  const { member } = entry;
  const itsScore = entry.score === 0 && !form.isTable ? 0 : entry.score;
  const isNew = before.score === null;
  const element = before.element ?? elementOf(form, member, isNew);
  view.setElement(record, element, encoding.scoreBytes(itsScore));
  const subkey = encoding.orderSubkey(itsScore, member);
  view.setElement(record, order.passing(subkey, null), encoding.orderValue(itsScore));
  noteAdded(view, record, form, { subkey, member, isNew });
  if (before.score === null) {
    countIn(view, record, form, subkey);
    view.noteDrawable(element, form.count);
    return;
  }
  const subkeyBefore = encoding.orderSubkey(before.score, member);
  const placed = order.passing(subkeyBefore, encoding.orderValue(before.score));
  view.setElement(record, placed, null);
  countMoved(view, record, form, { from: subkeyBefore, to: subkey });
}

function elementOf(form: ExplodedSortedSet, member: Bytes, isNew: boolean): Element {
  const { elements } = form.home;
  const place = hashedSubkey(member);
  return isNew ? elements.known(place, null) : elements.find(place);
}

/** What the header says of all members: the bounds, and what Redis calls a set with this one in it. */
function noteAdded(
  view: View,
  record: Record,
  form: ExplodedSortedSet,
  added: { readonly subkey: Bytes; readonly member: Bytes; readonly isNew: boolean },
): void {
  const { subkey, member, isNew } = added;
  const { sortedSetEntriesMax, sortedSetValueBytesMax } = view.limits.collections;
  const isLong = member.length > sortedSetValueBytesMax;
  const isTable = form.isTable || (isNew && (form.count >= sortedSetEntriesMax || isLong));
  const start = subkey < form.start ? subkey.slice(0, START_SIZE_MAX) : form.start;
  const end = form.end !== "" && subkey >= form.end ? "" : form.end;
  if (start === form.start && end === form.end && isTable === form.isTable) return;
  view.mutate(record, form.change({ isTable, start, end }), 0);
}

/** Removes a member; false when there is none. The last one leaves an empty set: `removeIfEmpty`. */
export function remove(view: View, record: Record, member: Bytes): boolean {
  const before = score(view, record, member);
  if (before === null) return false;
  removeEntry(view, record, { member, score: before });
  return true;
}

/** Removes a member that is there, with that score. Throws COLD. */
export function removeEntry(view: View, record: Record, entry: Entry): void {
  const form = formOf(view, record);
  const { member } = entry;
  if (form instanceof InlineSortedSet) {
    const sizeBefore = form.payloadSize;
    const undo = form.remove(member);
    view.mutate(record, undo, form.payloadSize - sizeBefore);
    view.stats.changes++;
    return;
  }
  const subkey = encoding.orderSubkey(entry.score, member);
  const element = form.home.order.passing(subkey, encoding.orderValue(entry.score));
  const value = encoding.scoreBytes(entry.score);
  const companion = form.home.elements.known(hashedSubkey(member), value);
  removePlaced(view, record, form, { element, companion });
}

/** As `removeEntry`, for who has the elements of `order` and of the member in his hands. Throws COLD. */
export function removePlaced(
  view: View,
  record: Record,
  form: ExplodedSortedSet,
  { element, companion }: Outermost,
): void {
  view.setElement(record, companion, null);
  view.setElement(record, element, null);
  countOut(view, record, form, element.subkey);
  view.stats.changes++;
}

/** After removals: deletes a set that has become empty, and tells of it. True if it did. */
export function removeIfEmpty(view: View, record: Record): boolean {
  const form = formOf(view, record);
  const isLeft = form instanceof InlineSortedSet ? form.members.length > 0 : !form.buckets.isEmpty;
  if (isLeft) return false;
  view.remove(record.key);
  view.notify("generic", "del", record.key);
  return true;
}

/** Says that what was just removed from `order` was the first, or the last, of all. */
export function noteEnd(view: View, record: Record, subkey: Bytes, which: "first" | "last"): void {
  const form = formOf(view, record);
  if (form instanceof InlineSortedSet) return;
  const { isTable, start, end } = form;
  if (which === "first") {
    const header = { isTable, start: subkey.slice(0, START_SIZE_MAX), end };
    view.mutate(record, form.change(header), 0);
  } else if (subkey.length <= END_SIZE_MAX) {
    view.mutate(record, form.change({ isTable, start, end: subkey }), 0);
  }
}

// Dumps

/** As DUMP writes it. Throws COLD. */
export function dumped(view: View, record: Record): DumpedSortedSet {
  const isPacked = !formOf(view, record).isTable;
  return { kind: SORTED_SET, entries: entries(view, record), isPacked };
}

/** Makes a sorted set of what a dump holds, where there is no key. */
export function restore(view: View, key: Bytes, dump: DumpedSortedSet, expiryMs: number): Record {
  const isTooMany = dump.entries.length > view.limits.collections.sortedSetEntriesMax;
  const isTable = dump.isPacked ? isTooMany : isLarge(view, dump.entries);
  return store(view, key, dump.entries, { isTable, expiryMs });
}

/** Puts a new sorted set in the place of whatever the key held; members are different. */
export function store(
  view: View,
  key: Bytes,
  members: readonly Entry[],
  how: { readonly isTable: boolean; readonly expiryMs: number },
): Record {
  const { changes } = view.stats;
  const memberSize = how.isTable ? Infinity : 0;
  const record = create(view, key, { count: members.length, memberSize }, how.expiryMs);
  for (const entry of members) set(view, record, entry, null);
  view.stats.changes = changes + 1;
  return record;
}

/** Whether Redis keeps a set of these, made at once, as a skiplist. */
export function isLarge(view: View, members: readonly Entry[]): boolean {
  const { sortedSetEntriesMax, sortedSetValueBytesMax } = view.limits.collections;
  if (members.length > sortedSetEntriesMax) return true;
  return members.some(({ member }) => member.length > sortedSetValueBytesMax);
}
