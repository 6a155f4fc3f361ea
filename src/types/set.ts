// What a set is: members, in one of two forms (set-value.ts). Everything here takes the record that
// `find` or `open` gave; which form it has is nobody else's business.
//
// A set is kept inline while Redis would keep it as one value: `set-max-intset-entries` whole numbers,
// or `set-max-listpack-entries` members of any kind. As with hashes, a long member does not hurt here as
// long as the payload is small, so what OBJECT ENCODING says is noted apart; it is what Redis 7.2 would
// have come to by the same steps.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { hashedSubkey, nameInSubkey } from "../encoding/collection.ts";
import { SET } from "../encoding/record.ts";
import type { DumpedSet } from "../encoding/rdb-set.ts";
import * as encoding from "../encoding/set.ts";
import { INTSET, LISTPACK, TABLE, type SetForm } from "../encoding/set.ts";
import { POOL_TIMES_MAX } from "../keyspace/element-pool.ts";
import { WHOLE } from "../keyspace/element-walk.ts";
import type { Record } from "../keyspace/record.ts";
import { Packed } from "../keyspace/value.ts";
import type { View } from "../keyspace/view.ts";
import { WRONG_TYPE } from "../resp/errors.ts";
import * as hashed from "./hashed.ts";
import { parseInteger } from "./number.ts";
import { bySize, ExplodedSet, InlineSet } from "./set-value.ts";

type FormName = "intset" | "listpack" | "hashtable";
const FORM_NAMES: readonly [FormName, FormName, FormName] = ["intset", "listpack", "hashtable"];
/** Digits and sign of the longest whole number. */
const INTEGER_LENGTH_MAX = 20;
/** SPOP of so much more than it leaves moves what stays to a new set. */
const MOVE_REST_FACTOR = 5;

// Finding

/** The record of a key that holds a set; null when there is none. Throws WRONG_TYPE, COLD. */
export function find(view: View, key: Bytes): Record | null {
  const record = view.find(key);
  if (record === null) return null;
  if (record.kind !== SET) throw WRONG_TYPE;
  return record;
}

/** As `find`, but makes an empty set where there is none: the caller fills it in the same unit. */
export function open(view: View, key: Bytes): Record {
  const record = find(view, key);
  return record ?? create(view, key, { form: INTSET, expiryMs: 0 });
}

/** An empty set in place of whatever is at `key`. What counts as a change is what goes into it. */
function create(
  view: View,
  key: Bytes,
  how: { readonly form: SetForm; readonly expiryMs: number },
): Record {
  const { changes } = view.stats;
  const record = view.set(key, { kind: SET, value: emptySet(how.form), expiryMs: how.expiryMs });
  view.stats.changes = changes;
  return record;
}

function emptySet(form: SetForm): InlineSet {
  return new InlineSet({ members: new Set(), form, memberBytes: 0 });
}

function setOf(view: View, record: Record): InlineSet | ExplodedSet {
  const { value } = record;
  if (value instanceof InlineSet || value instanceof ExplodedSet) return value;
  if (!(value instanceof Packed)) throw new AssertionFailed("a set record holds no set");
  const { payload, home } = value;
  const set =
    home === null
      ? new InlineSet(encoding.readInlineSet(payload))
      : new ExplodedSet(home, encoding.readExplodedSet(payload));
  view.unpack(record, set);
  return set;
}

/** What OBJECT ENCODING says. */
export function encodingName(view: View, record: Record): FormName {
  return FORM_NAMES[setOf(view, record).form];
}

// Reading

export function size(view: View, record: Record): number {
  return setOf(view, record).count;
}

/** Throws COLD. */
export function has(view: View, record: Record, member: Bytes): boolean {
  const set = setOf(view, record);
  if (set instanceof InlineSet) return set.members.has(member);
  return set.home.elements.find(hashedSubkey(member)).value !== null;
}

/** Before several members are asked for: throws COLD once for all of them. */
export function want(view: View, record: Record, names: readonly Bytes[]): void {
  const set = setOf(view, record);
  if (set instanceof ExplodedSet) set.home.elements.want(names.map(hashedSubkey));
}

/** Whether `walk` comes by the members in the order of their subkeys. */
export function isOrderedBySubkey(view: View, record: Record): boolean {
  const set = setOf(view, record);
  return set instanceof ExplodedSet && set.form !== INTSET;
}

/** Tells `visit` each member until it says false; whole numbers of an intset by size. Throws COLD. */
export function walk(view: View, record: Record, visit: (member: Bytes) => boolean): void {
  const set = setOf(view, record);
  if (set instanceof ExplodedSet && set.form !== INTSET) {
    const whole = { ...WHOLE, expected: set.count };
    view.walk(set.home.elements, whole, (subkey) => visit(nameInSubkey(subkey)));
    return;
  }
  for (const member of members(view, record)) if (!visit(member)) return;
}

/** As `walk`, of an exploded set whose subkeys are from `lower` on and below `upper`. Throws COLD. */
export function walkBetween(
  view: View,
  record: Record,
  range: { readonly lower: Bytes; readonly upper: Bytes; readonly expected: number },
  visit: (member: Bytes) => void,
): void {
  const set = setOf(view, record);
  if (set instanceof InlineSet) throw new AssertionFailed("an inline set has no subkeys");
  view.walk(set.home.elements, { ...range, reverse: false }, (subkey) => {
    visit(nameInSubkey(subkey));
    return true;
  });
}

/** Every member; whole numbers of an intset by size. Not to be changed. Throws COLD. */
export function members(view: View, record: Record): readonly Bytes[] {
  const set = setOf(view, record);
  if (set instanceof InlineSet) return set.listed();
  const found: Bytes[] = [];
  view.willRead(set.count);
  view.walk(set.home.elements, { ...WHOLE, expected: set.count }, (subkey) => {
    found.push(nameInSubkey(subkey));
    return true;
  });
  return set.form === INTSET ? bySize(found) : found;
}

export interface ScanStep {
  /** Where to go on; 0 when the walk is complete. */
  readonly cursor: number;
  readonly members: readonly Bytes[];
}

/** One step of SSCAN (hashed.ts). A small set is told at once, as in Redis. Throws COLD. */
export function scan(view: View, record: Record, step: hashed.ScanFrom): ScanStep {
  const set = setOf(view, record);
  if (set instanceof InlineSet) return { cursor: 0, members: set.listed() };
  const found: Bytes[] = [];
  const cursor = hashed.scanElements(view, set.home.elements, step, (subkey) => {
    found.push(nameInSubkey(subkey));
  });
  return { cursor, members: found };
}

/** `times` members, each drawn from all of them; the set is not empty. Throws COLD. */
export function drawWithRepeats(view: View, record: Record, times: number): Bytes[] {
  const set = setOf(view, record);
  if (set instanceof InlineSet) return hashed.drawWithRepeats(view, set.listed(), times);
  const found = view.randomElements(set.home.elements, set.count, times);
  return found.map(({ subkey }) => nameInSubkey(subkey));
}

/** `times` different members by chance, or all when there are not more. Throws COLD. */
export function drawDistinct(view: View, record: Record, times: number): Bytes[] {
  const set = setOf(view, record);
  if (set instanceof ExplodedSet && times * 3 < set.count) {
    const found = view.randomDistinctElements(set.home.elements, set.count, times);
    return found.map(({ subkey }) => nameInSubkey(subkey));
  }
  return hashed.drawDistinct(view, [...members(view, record)], times);
}

// Changing

/**
 * Adds a member; true when it is new. `expected` is how many members the command brings: Redis looks at
 * that before it adds the first. Throws COLD.
 */
export function add(view: View, record: Record, member: Bytes, expected: number): boolean {
  const set = setOf(view, record);
  if (set instanceof InlineSet) {
    if (set.members.has(member)) return false;
    addInline(view, record, { set, member, form: formWith(view, set, member, expected) });
  } else {
    const element = set.home.elements.find(hashedSubkey(member));
    if (element.value !== null) return false;
    const form = set.form === TABLE ? TABLE : formWith(view, set, member, expected);
    view.setElement(record, element, encoding.MEMBER_ELEMENT);
    view.mutate(record, set.change(set.count + 1, form), 0);
    view.noteDrawable(element, set.count);
  }
  view.stats.changes++;
  return true;
}

function addInline(
  view: View,
  record: Record,
  what: { readonly set: InlineSet; readonly member: Bytes; readonly form: SetForm },
): void {
  const { set, member, form } = what;
  const sizeBefore = set.payloadSize;
  const undo = set.add(member, form);
  view.mutate(record, undo, set.payloadSize - sizeBefore);
  const { setIntegersMax, setEntriesMax, inlineBytesMax } = view.limits.collections;
  const countMax = form === INTSET ? setIntegersMax : setEntriesMax;
  if (set.count > countMax || set.payloadSize > inlineBytesMax) explode(view, record, set);
}

/** What Redis calls the set once `member` is in it. */
function formWith(
  view: View,
  set: InlineSet | ExplodedSet,
  member: Bytes,
  expected: number,
): SetForm {
  const { setIntegersMax, setEntriesMax, setValueBytesMax } = view.limits.collections;
  const { count } = set;
  const isInteger = set.form === INTSET && parseInteger(member) !== null;
  let { form } = set;
  if (count === 0 && form === INTSET) {
    form = startingForm(view, isInteger, expected);
  } else if (form !== TABLE && expected > (form === INTSET ? setIntegersMax : setEntriesMax)) {
    return TABLE;
  }
  if (form === TABLE) return TABLE;
  if (form === INTSET && isInteger) return count < setIntegersMax ? INTSET : TABLE;
  if (form === INTSET && !integersFitListpack(set, setValueBytesMax)) return TABLE;
  return count < setEntriesMax && member.length <= setValueBytesMax ? LISTPACK : TABLE;
}

function startingForm(view: View, isInteger: boolean, expected: number): SetForm {
  const { setIntegersMax, setEntriesMax } = view.limits.collections;
  if (isInteger && expected <= setIntegersMax) return INTSET;
  return expected <= setEntriesMax ? LISTPACK : TABLE;
}

/** With a limit that short, a set of whole numbers may hold one that is too long for a listpack. */
function integersFitListpack(set: InlineSet | ExplodedSet, bytesMax: number): boolean {
  if (bytesMax >= INTEGER_LENGTH_MAX) return true;
  if (set instanceof ExplodedSet) return false;
  for (const member of set.members) if (member.length > bytesMax) return false;
  return true;
}

/** From one value to elements of their own, in the open batch. */
function explode(view: View, record: Record, set: InlineSet): void {
  const home = view.newHome(record);
  for (const member of set.members) {
    const element = home.elements.known(hashedSubkey(member), null);
    view.setElement(record, element, encoding.MEMBER_ELEMENT);
  }
  replace(view, record, new ExplodedSet(home, { count: set.count, form: set.form }));
}

/** The same set in another form: not a change. */
function replace(view: View, record: Record, set: InlineSet | ExplodedSet): void {
  const { changes } = view.stats;
  view.replace(record, set);
  view.stats.changes = changes;
}

/** Removes a member; false when there is none. The last one leaves an empty set: `removeIfEmpty`. */
export function remove(view: View, record: Record, member: Bytes): boolean {
  const set = setOf(view, record);
  if (set instanceof InlineSet) {
    if (!set.members.has(member)) return false;
    const sizeBefore = set.payloadSize;
    const undo = set.remove(member);
    view.mutate(record, undo, set.payloadSize - sizeBefore);
  } else {
    const element = set.home.elements.find(hashedSubkey(member));
    if (element.value === null) return false;
    view.setElement(record, element, null);
    view.mutate(record, set.change(set.count - 1, set.form), 0);
  }
  view.stats.changes++;
  return true;
}

/** After removals: deletes a set that has become empty, and tells of it. True if it did. */
export function removeIfEmpty(view: View, record: Record): boolean {
  if (size(view, record) > 0) return false;
  const { changes } = view.stats;
  view.remove(record.key);
  view.stats.changes = changes;
  view.notify("generic", "del", record.key);
  return true;
}

/** Deletes the whole set: as many changes as it has members. The caller tells of it. */
export function removeAll(view: View, record: Record): void {
  const { changes } = view.stats;
  const count = size(view, record);
  view.remove(record.key);
  view.stats.changes = changes + count;
}

/** Takes `times` members out by chance, fewer than there are. Throws COLD. */
export function pop(view: View, record: Record, times: number): Bytes[] {
  const set = setOf(view, record);
  if (set instanceof ExplodedSet && times * 3 < set.count) return popElements(view, record, times);
  const rest = set.count - times;
  const popped = drawDistinct(view, record, times);
  if (rest * MOVE_REST_FACTOR <= times) {
    moveRest(view, record, new Set(popped));
    return popped;
  }
  want(view, record, popped);
  for (const member of popped) remove(view, record, member);
  return popped;
}

function popElements(view: View, record: Record, times: number): Bytes[] {
  const set = setOf(view, record);
  if (set instanceof InlineSet) throw new AssertionFailed("an inline set has no elements");
  const { elements } = set.home;
  if (times <= POOL_TIMES_MAX) return popDrawn(view, record, set, times);
  const found = view.randomDistinctElements(elements, set.count, times);
  for (const { subkey, value } of found) {
    view.setElement(record, elements.known(subkey, value), null);
  }
  view.mutate(record, set.change(set.count - times, set.form), 0);
  view.stats.changes += times;
  return found.map(({ subkey }) => nameInSubkey(subkey));
}

/** A few: drawn from what is kept in memory for it. */
function popDrawn(view: View, record: Record, set: ExplodedSet, times: number): Bytes[] {
  const { count } = set;
  const popped: Bytes[] = [];
  while (popped.length < times) {
    const element = view.drawElement(set.home.elements, count);
    view.setElement(record, element, null);
    popped.push(nameInSubkey(element.subkey));
  }
  view.mutate(record, set.change(count - times, set.form), 0);
  view.stats.changes += times;
  return popped;
}

/** What stays is little: it goes into a new set, and what Redis calls that is decided anew. */
function moveRest(view: View, record: Record, popped: ReadonlySet<Bytes>): void {
  const isIntset = setOf(view, record).form === INTSET;
  const rest = members(view, record).filter((member) => !popped.has(member));
  const { changes } = view.stats;
  view.replace(record, emptySet(isIntset ? INTSET : LISTPACK));
  for (const member of rest) add(view, record, member, 1);
  view.stats.changes = changes + popped.size;
}

/**
 * Puts a set of these members, of which there is at least one, in place of whatever is at `key`: one
 * change, as Redis counts.
 */
export function store(view: View, key: Bytes, found: readonly Bytes[]): void {
  const { changes } = view.stats;
  const form = wouldBeIntset(view, found) ? INTSET : LISTPACK;
  const record = create(view, key, { form, expiryMs: 0 });
  for (const member of found) add(view, record, member, 1);
  view.stats.changes = changes + 1;
}

function wouldBeIntset(view: View, found: readonly Bytes[]): boolean {
  if (found.length > view.limits.collections.setIntegersMax) return false;
  return found.every((member) => parseInteger(member) !== null);
}

/** As Redis would answer them: few whole numbers by size, others as they are. */
export function inOrder(view: View, found: readonly Bytes[]): readonly Bytes[] {
  return wouldBeIntset(view, found) ? bySize(found) : found;
}

// Dumps

/** As DUMP writes it. Throws COLD. */
export function dumped(view: View, record: Record): DumpedSet {
  return { kind: SET, members: members(view, record), form: setOf(view, record).form };
}

/** Makes a set of what a dump holds, where there is no key. */
export function restore(view: View, key: Bytes, dump: DumpedSet, expiryMs: number): Record {
  const form = dump.form === LISTPACK ? LISTPACK : INTSET;
  const record = create(view, key, { form, expiryMs });
  for (const member of dump.members) add(view, record, member, dump.members.length);
  return record;
}
