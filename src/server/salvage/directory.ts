// The counted directory of a large collection, as salvage meets it: are all of its pages there, and what
// do they say?

import type { Bytes } from "../../base/bytes.ts";
import { readPage, type DecodedPage } from "../../encoding/directory.ts";

/** Nodes and how many elements each has, in order; null when a page is missing or does not fit. */
export function leavesOf(
  root: DecodedPage,
  pages: ReadonlyMap<number, Bytes>,
): [key: Bytes, count: number][] | null {
  const found: [Bytes, number][] = [];
  return gather(root, pages, found) ? found : null;
}

function gather(
  page: DecodedPage,
  pages: ReadonlyMap<number, Bytes>,
  into: [Bytes, number][],
): boolean {
  if (page.level === 0) {
    for (const [index, key] of page.keys.entries()) into.push([key, page.counts[index] ?? 0]);
    return true;
  }
  return page.pages.every((number) => {
    const bytes = pages.get(number);
    if (bytes === undefined) return false;
    const below = readPage(bytes);
    // A page that leads to itself would never end.
    return below.level === page.level - 1 && gather(below, pages, into);
  });
}
