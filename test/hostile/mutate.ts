// Inputs that look right and are not: pieces of a corpus, bent by a seed. The n-th input of a target
// depends on the seed and on n alone, so that one is made again without those before it.

import type { Bytes } from "../../src/base/bytes.ts";
import { SeededRandom, type Random } from "../../src/base/random.ts";

/** Numbers at which sizes and signs turn over, as they stand in one to eight bytes. */
const EDGES: readonly Bytes[] = [
  "\0",
  "\x7f",
  "\x80",
  "\xff",
  "\xfe",
  "\xc0",
  "\xc3",
  "\0\0\0\0",
  "\xff\xff\xff\xff",
  "\x7f\xff\xff\xff",
  "\xff\xff\xff\x7f",
  "\x80\xff\xff\xff\xff",
  "\x81\xff\xff\xff\xff\xff\xff\xff\xff",
  "-1",
  "0",
  "2147483648",
  "9223372036854775807",
  "1e999",
  "nan",
];

const CHANGES_MAX = 6;

export interface Corpus {
  readonly whole: readonly Bytes[];
  /** Words that mean something in this language, put in here and there. */
  readonly words: readonly Bytes[];
}

export function randomFor(seed: number, index: number): Random {
  return new SeededRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77)) >>> 0);
}

export function hostileInput(random: Random, corpus: Corpus): Bytes {
  let text = pick(random, corpus.whole);
  // Some are left as they are: what is right must stay right among all this.
  const changes = random.below(CHANGES_MAX);
  for (let change = 0; change < changes; change++) text = changed(text, random, corpus);
  return text;
}

function changed(text: Bytes, random: Random, corpus: Corpus): Bytes {
  const at = random.below(text.length + 1);
  const behind = text.slice(at);
  switch (random.below(10)) {
    case 0:
      return text.slice(0, at) + flipped(behind, 1 << random.below(8));
    case 1:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + behind.slice(1);
    case 2:
      return text.slice(0, at) + pick(random, EDGES) + behind;
    case 3: {
      const edge = pick(random, EDGES);
      return text.slice(0, at) + edge + behind.slice(edge.length);
    }
    case 4:
      return text.slice(0, at) + behind.slice(1 + random.below(8));
    case 5:
      return text.slice(0, at);
    case 6: {
      const part = behind.slice(0, 1 + random.below(16));
      return text.slice(0, at) + part.repeat(1 + random.below(4)) + behind;
    }
    case 7: {
      const other = pick(random, corpus.whole);
      return text.slice(0, at) + other.slice(random.below(other.length + 1));
    }
    default:
      return text.slice(0, at) + pick(random, corpus.words) + behind;
  }
}

function flipped(text: Bytes, mask: number): Bytes {
  if (text === "") return "";
  return String.fromCharCode(text.charCodeAt(0) ^ mask) + text.slice(1);
}

function pick<T>(random: Random, all: readonly T[]): T {
  const one = all[random.below(all.length)];
  if (one === undefined) throw new Error("an empty corpus");
  return one;
}

/** The shortest input found that still fails: parts are left out, ever smaller, while it does. */
export async function shrink(
  input: Bytes,
  fails: (input: Bytes) => Promise<boolean>,
): Promise<Bytes> {
  let best = input;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length;) {
      const shorter = best.slice(0, at) + best.slice(at + size);
      // oxlint-disable-next-line no-await-in-loop -- each attempt starts from the last
      if (shorter.length < best.length && (await fails(shorter))) best = shorter;
      else at += size;
    }
  }
  return best;
}
