// The keys that a command will look up, by its looks: nothing depends on it but how soon their records are near.

import type { Bytes } from "../base/bytes.ts";
import type { Args } from "../commands/table.ts";

const LETTER_G = 0x47;
const LETTER_M = 0x4d;
const LOWER_CASE = 0x20;

export function pushLikelyKeys(args: Args, keys: Bytes[]): void {
  const name = args[0] ?? "";
  if (args.length > 2 && name.length === 4 && (name.charCodeAt(0) & ~LOWER_CASE) === LETTER_M) {
    const upper = name.toUpperCase();
    const step = upper === "MSET" ? 2 : 1;
    if (step === 2 || upper === "MGET") {
      for (let index = 1; index < args.length; index += step) keys.push(args[index] ?? "");
      return;
    }
  }
  // EVAL, EVALSHA, FCALL and their kin say first how many keys there are.
  const start = args.length > 3 ? name.slice(0, 2).toUpperCase() : "";
  keys.push(args[start === "EV" || start === "FC" ? 3 : 1] ?? "");
}

/** Whether the command will look at what its keys hold, and not just replace it. */
export function looksAtValues(args: Args): boolean {
  const name = args[0] ?? "";
  const letter = name.charCodeAt(name.length === 4 ? 1 : 0) & ~LOWER_CASE;
  return letter === LETTER_G;
}
