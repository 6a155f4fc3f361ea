// The buckets of an exploded sorted set. So that a rank is found without walking from the start, `order` is
// cut into buckets of some hundred members, and a counted directory (directory.ts) knows how many are in
// each. A bucket is nothing but the place where it begins, and ends where the next one does: members
// never move. A full one is cut in two by a new key, one that has become small is put to a neighbour by
// forgetting a key. The first has the key "", so that every subkey has a bucket.

import { AssertionFailed, assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/sorted-set.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import type { Place } from "./directory.ts";
import { endOf, type ExplodedSortedSet } from "./sorted-set-value.ts";

/**
 * Before several members come to `order`: throws COLD once for all pages that would wait, and once for all buckets
 * that will be cut.
 */
export function wantRoom(view: View, form: ExplodedSortedSet, subkeys: readonly Bytes[]): void {
  const { buckets } = form;
  const { sortedSetBucketMax } = view.limits.collections;
  const ranges = buckets.want(view, subkeys, sortedSetBucketMax).map(({ key, next, count }) => ({
    lower: key > form.start ? key : form.start,
    upper: next ?? encoding.PAGE_PREFIX,
    reverse: false,
    expected: count,
  }));
  view.wantRanges(form.home.order, ranges);
}

/** A member has come to `order`. Throws COLD. */
export function countIn(view: View, record: Record, form: ExplodedSortedSet, subkey: Bytes): void {
  const { buckets } = form;
  if (buckets.total === 0) {
    buckets.insert(view, record, "", 1);
    return;
  }
  const place = buckets.addAt(view, record, subkey, 1);
  if (place.count > view.limits.collections.sortedSetBucketMax) cut(view, record, form, place);
}

/** Makes two buckets of one; at the ends, where sets grow, the outer one begins small. */
function cut(view: View, record: Record, form: ExplodedSortedSet, place: Place): void {
  const { buckets } = form;
  const next = buckets.next(view, place);
  const { count } = place;
  let kept = count >>> 1;
  if (next === null) kept = count - Math.max(1, count >>> 3);
  else if (place.before === 0) kept = Math.max(1, count >>> 3);
  let index = 0;
  let last = "";
  let first = "";
  const range = {
    lower: place.key > form.start ? place.key : form.start,
    upper: next === null ? encoding.PAGE_PREFIX : next.key,
    reverse: false,
    expected: kept + 1,
  };
  view.walk(form.home.order, range, (subkey) => {
    last = first;
    first = subkey;
    return index++ < kept;
  });
  assert(index === kept + 1, "a bucket has as many members as the directory says");
  const key = encoding.separator(last, first);
  const moved = count - kept;
  buckets.add(view, record, place.key, -moved);
  buckets.insert(view, record, key, moved);
}

/** A member has another place in `order`. Throws COLD. */
export function countMoved(
  view: View,
  record: Record,
  form: ExplodedSortedSet,
  places: { readonly from: Bytes; readonly to: Bytes },
): void {
  const { buckets } = form;
  if (buckets.isOneNode(view, places.from, places.to)) return;
  countOut(view, record, form, places.from);
  countIn(view, record, form, places.to);
}

/** A member has gone from `order`. Throws COLD. */
export function countOut(view: View, record: Record, form: ExplodedSortedSet, subkey: Bytes): void {
  const { buckets } = form;
  const { sortedSetBucketMax } = view.limits.collections;
  if (buckets.takeAt(view, record, subkey, sortedSetBucketMax >>> 2)) return;
  countOutOfFew(view, record, form, subkey);
}

/** As `countOut`, from a bucket that may have become too small to stand alone. */
function countOutOfFew(view: View, record: Record, form: ExplodedSortedSet, subkey: Bytes): void {
  const { buckets } = form;
  const place = buckets.atKey(view, subkey);
  if (place === null) throw new AssertionFailed("every member is in a bucket");
  const { key, count } = place;
  if (count === 1) {
    removeBucket(view, record, form, place);
    return;
  }
  buckets.add(view, record, key, -1);
  const { sortedSetBucketMax } = view.limits.collections;
  const now = { key, before: place.before, count: count - 1 };
  const previous = buckets.previous(view, now);
  if (previous !== null && previous.count + now.count <= sortedSetBucketMax / 2) {
    buckets.remove(view, record, key);
    buckets.add(view, record, previous.key, now.count);
    return;
  }
  const next = buckets.next(view, now);
  if (next === null || next.count + now.count > sortedSetBucketMax / 2) return;
  buckets.remove(view, record, next.key);
  buckets.add(view, record, key, next.count);
}

function removeBucket(view: View, record: Record, form: ExplodedSortedSet, place: Place): void {
  const { buckets } = form;
  const next = place.before === 0 ? buckets.next(view, place) : null;
  buckets.remove(view, record, place.key);
  if (next === null) return;
  buckets.remove(view, record, next.key);
  buckets.insert(view, record, "", next.count);
}

/** How many members stand before `subkey` in `order`. Throws COLD. */
export function countBefore(view: View, form: ExplodedSortedSet, subkey: Bytes): number {
  if (subkey >= endOf(form)) return form.count;
  const place = form.buckets.atKey(view, subkey);
  if (place === null) return 0;
  const lower = place.key > form.start ? place.key : form.start;
  let before = place.before;
  if (lower >= subkey) return before;
  const range = { lower, upper: subkey, reverse: false, expected: place.count };
  view.walk(form.home.order, range, () => {
    before++;
    return true;
  });
  return before;
}
