// How many nodes the radix tree has in which Redis would keep the nodes of a stream: XINFO STREAM tells.
// The tree shares what IDs have in common at their front; a run of bytes without a fork is one node.

import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/stream.ts";
import type { StreamParts } from "./stream-parts.ts";

/** Of more nodes, the others are taken to be like the first. */
const NODES_LOOKED_AT_MAX = 1000;

/** Exact up to so many nodes, an estimate beyond. Throws COLD. */
export function radixNodes(parts: StreamParts): number {
  const { head, tail, nodeCount } = parts.header;
  if (nodeCount === 0) return 1;
  const keys: Bytes[] = [];
  const range = { lower: head, upper: `${tail}\0`, reverse: false };
  const expected = Math.min(nodeCount, NODES_LOOKED_AT_MAX);
  parts.walk({ ...range, expected }, (subkey) => {
    keys.push(subkey.slice(encoding.NODE.length));
    return keys.length < expected;
  });
  return Math.round((treeSize(keys) * nodeCount) / keys.length);
}

/** Keys of one length, each once, in order; all have the same `depth` bytes in front. */
function treeSize(keys: readonly Bytes[], depth = 0): number {
  const first = keys[0] ?? "";
  if (keys.length === 1) return depth < first.length ? 2 : 1;
  const shared = sharedLength(first, keys.at(-1) ?? "");
  let size = shared > depth ? 2 : 1;
  let from = 0;
  for (let index = 1; index <= keys.length; index++) {
    if (keys[index]?.[shared] === keys[from]?.[shared]) continue;
    size += treeSize(keys.slice(from, index), shared + 1);
    from = index;
  }
  return size;
}

function sharedLength(a: Bytes, b: Bytes): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
