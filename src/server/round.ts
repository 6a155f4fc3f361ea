// The connections that have brought something in this turn of the event loop, run one after the other once all have been
// read.
//
// The problem. A request alone is little work between a read and a write, and each of the three throws the code and data
// of the others out of the processor's first caches. And what a command waits for most is memory: its key's record.
//
// The way. Reading a connection only decodes. When the input of the turn is read, all run, in the order in which they
// came, and the keys that they ask for first are looked up side by side (keyspace/near.ts), where before only those of a
// pipeline were.

import { TOUCHED_MAX } from "../base/key-table.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Args } from "../commands/table.ts";
import { pushLikelyKeys } from "../session/likely-keys.ts";

/** What a round wants of a session. */
export interface Looks {
  /** Where it looks for keys: the same object for all who look in the same place. */
  readonly looksIn: object;
  /** Announces what one session asks for. */
  expect(commands: readonly Args[]): void;
  /** Announces keys in the order in which they will be asked for, by commands such as `first`. */
  bringNear(keys: readonly Bytes[], first: Args): void;
}

export interface InRound {
  readonly looks: Looks;
  /** What has been decoded and not run. */
  readonly ahead: readonly Args[];
  runInRound(): void;
}

export class Round {
  readonly #clock: Clock;
  #members: InRound[] = [];
  readonly #run = (): void => this.#runAll();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Once for each member and round. */
  add(member: InRound): void {
    if (this.#members.push(member) === 1) this.#clock.inputEnd(this.#run);
  }

  #runAll(): void {
    const members = this.#members;
    this.#members = [];
    for (let at = 0; at < members.length;) {
      const end = bringNear(members, at);
      for (; at < end; at++) members[at]?.runInRound();
    }
  }
}

/** Announces what the members from `from` on ask for first, of as many as can be; returns where they end. */
function bringNear(members: readonly InRound[], from: number): number {
  const first = members[from];
  if (first === undefined) return from + 1;
  if (first.ahead.length !== 1) {
    first.looks.expect(first.ahead);
    return from + 1;
  }
  const { looksIn } = first.looks;
  const keys: Bytes[] = [];
  let at = from;
  for (; at < members.length; at++) {
    const member = members[at];
    const args = member?.ahead[0];
    if (member?.ahead.length !== 1 || args === undefined) break;
    if (member.looks.looksIn !== looksIn) break;
    const before = keys.length;
    pushLikelyKeys(args, keys);
    if (keys.length <= TOUCHED_MAX || at === from) continue;
    keys.length = before;
    break;
  }
  first.looks.bringNear(keys, first.ahead[0] ?? []);
  return at;
}
