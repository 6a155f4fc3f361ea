// `notify-keyspace-events`: letters to a mask and back, in the order in which Redis writes them.

import type { Bytes } from "../base/bytes.ts";
import { EVENT_CLASSES, NOTIFY_KEYEVENT, NOTIFY_KEYSPACE } from "../keyspace/event.ts";

/** Redis's text, for the option's error. */
export const BAD_NOTIFY_FLAGS = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";

/** The classes that A stands for: all but m and n. */
const IN_ALL: readonly (readonly [letter: string, bit: number])[] = [
  ["g", EVENT_CLASSES.generic],
  ["$", EVENT_CLASSES.string],
  ["l", EVENT_CLASSES.list],
  ["s", EVENT_CLASSES.set],
  ["h", EVENT_CLASSES.hash],
  ["z", EVENT_CLASSES.sortedSet],
  ["x", EVENT_CLASSES.expired],
  ["e", EVENT_CLASSES.evicted],
  ["t", EVENT_CLASSES.stream],
  ["d", EVENT_CLASSES.module],
];
// Redis 7.2 forgets the n of "An" when it writes the flags; here it is kept.
const BESIDE_ALL: readonly (readonly [letter: string, bit: number])[] = [
  ["n", EVENT_CLASSES.newKey],
  ["K", NOTIFY_KEYSPACE],
  ["E", NOTIFY_KEYEVENT],
  ["m", EVENT_CLASSES.keyMiss],
];
const ALL = IN_ALL.reduce((mask, [, bit]) => mask | bit, 0);
const BIT_OF = new Map([...IN_ALL, ...BESIDE_ALL, ["A", ALL] as const]);

/** The mask for a string of letters; null if one of them means nothing. */
export function parseNotifyFlags(text: Bytes): number | null {
  let mask = 0;
  for (const letter of text) {
    const bits = BIT_OF.get(letter);
    if (bits === undefined) return null;
    mask |= bits;
  }
  return mask;
}

/** The letters of a mask, each once. */
export function formatNotifyFlags(mask: number): Bytes {
  let text = (mask & ALL) === ALL ? "A" : lettersOf(IN_ALL, mask);
  text += lettersOf(BESIDE_ALL, mask);
  return text;
}

function lettersOf(
  classes: readonly (readonly [letter: string, bit: number])[],
  mask: number,
): Bytes {
  let text = "";
  for (const [letter, bit] of classes) if ((mask & bit) !== 0) text += letter;
  return text;
}
