// A Map keeps its entries in the order in which they were put in; taking a removal back must put the
// entry where it was. Only what is undone pays for that: a removal notes the place, the undo builds the
// tail of the map anew.

/** How many entries stand before `key`, which is there. */
export function positionOf<K>(map: ReadonlyMap<K, unknown> | ReadonlySet<K>, key: K): number {
  let position = 0;
  for (const other of map.keys()) {
    if (other === key) break;
    position++;
  }
  return position;
}

/** Puts an entry that is not there at `position`. */
export function insertAt<K, V>(map: Map<K, V>, position: number, entry: readonly [K, V]): void {
  const tail = [...map].slice(position);
  for (const [key] of tail) map.delete(key);
  map.set(entry[0], entry[1]);
  for (const [key, value] of tail) map.set(key, value);
}

/** As `insertAt`, for a Set. */
export function insertMemberAt<K>(set: Set<K>, position: number, member: K): void {
  const tail = [...set].slice(position);
  for (const other of tail) set.delete(other);
  set.add(member);
  for (const other of tail) set.add(other);
}
