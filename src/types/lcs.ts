// The longest common subsequence of two strings, by the classic table: cell (i, j) is the length for
// the first i bytes of one and the first j of the other. Walking back from the last cell, a match
// goes diagonally and a mismatch to the larger neighbour, on a tie to the shorter second string:
// Redis's choice, so that of several subsequences the same one is found.

import type { Bytes } from "../base/bytes.ts";

/** Bytes that are equal in both strings and follow each other: where they begin, and how many. */
export interface Run {
  readonly first: number;
  readonly second: number;
  readonly length: number;
}

const CELL_BYTES = 4;

/** Memory that `findRuns` takes for strings of these lengths. */
export function tableBytes(firstLength: number, secondLength: number): number {
  return (firstLength + 1) * (secondLength + 1) * CELL_BYTES;
}

/** The runs of the subsequence, the last first. */
export function findRuns(first: Bytes, second: Bytes): Run[] {
  const width = second.length + 1;
  const table = fill(first, second);
  const runs: Run[] = [];
  let i = first.length;
  let j = second.length;
  let length = 0;
  while (i > 0 && j > 0) {
    if (first.charCodeAt(i - 1) === second.charCodeAt(j - 1)) {
      i--;
      j--;
      length++;
      continue;
    }
    if (length > 0) runs.push({ first: i, second: j, length });
    length = 0;
    const above = table[(i - 1) * width + j] ?? 0;
    const left = table[i * width + j - 1] ?? 0;
    if (above > left) i--;
    else j--;
  }
  if (length > 0) runs.push({ first: i, second: j, length });
  return runs;
}

function fill(first: Bytes, second: Bytes): Uint32Array {
  const width = second.length + 1;
  const table = new Uint32Array((first.length + 1) * width);
  for (let i = 1; i <= first.length; i++) {
    const code = first.charCodeAt(i - 1);
    const row = i * width;
    for (let j = 1; j < width; j++) {
      const cell = row + j;
      if (code === second.charCodeAt(j - 1)) {
        table[cell] = (table[cell - width - 1] ?? 0) + 1;
      } else {
        table[cell] = Math.max(table[cell - width] ?? 0, table[cell - 1] ?? 0);
      }
    }
  }
  return table;
}
