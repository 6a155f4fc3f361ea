// Copies of collections, whatever their type. An inline one is its payload; the elements of an exploded
// one are written again under a home of their own, in the open batch: what that may cost is bounded by
// `write_batch_max_bytes`, as everything a unit writes.

import { withHome } from "../encoding/collection.ts";
import { WHOLE } from "./element-walk.ts";
import type { Elements } from "./home.ts";
import type { Record } from "./record.ts";
import { homeOf, Packed, payloadOf, type Value } from "./value.ts";
import type { View } from "./view.ts";

/** A value for `target` that shares nothing with that of `source`. Throws COLD. */
export function copyOf(view: View, source: Record, target: Record): Value {
  const { value } = source;
  if (value === null || typeof value === "string") return value;
  const { dueMs = 0 } = value;
  const homeBefore = homeOf(value);
  if (homeBefore === null) return new Packed(payloadOf(value), null, dueMs);
  const home = view.newHome(target);
  const copyAll = (from: Elements, to: Elements): void => {
    view.walk(from, WHOLE, (subkey, element) => {
      view.setElement(target, to.known(subkey, null), element);
      return true;
    });
  };
  copyAll(homeBefore.elements, home.elements);
  copyAll(homeBefore.order, home.order);
  return new Packed(withHome(payloadOf(value), home), home, dueMs);
}
