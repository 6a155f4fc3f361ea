// What the turns of the event loop have come to: the longest, those that were too long, and what
// made them so. It is told of turns and of what took long inside them, and puts the two together.
// Who measures is server/loop-monitor.ts. All times are microseconds on one clock.

/** Issue 6: no turn is to hold the event loop for longer. */
export const LONG_TURN_US = 10_000;
const MINUTE_S = 60;
/** What may have made a turn long is remembered until the turn is told of. */
const NOTES_MAX = 256;
/** Clocks are read at slightly different moments. */
const SLACK_US = 1000;
const CAUSES_TOLD = 3;

export interface LongTurn {
  readonly endUs: number;
  readonly turnUs: number;
  /** What of it the thread had a processor for. */
  readonly processorUs: number;
}

/** Something that ran inside one turn: a command, a collection of garbage. */
interface Note {
  readonly what: string;
  readonly endUs: number;
  readonly tookUs: number;
}

interface Second {
  at: number;
  longestUs: number;
}

export class LoopTurns {
  /** Since the start or the last reset. */
  longestUs = 0;
  longCount = 0;
  /** Of these, the thread had a processor for less than LONG_TURN_US: others had it, or it waited. */
  offProcessorCount = 0;
  /** Long turns in which one collection of garbage took more than half. */
  garbageCount = 0;
  /** The last long one, in words for INFO. */
  lastLong = "";
  readonly #seconds: Second[] = Array.from({ length: MINUTE_S }, () => ({ at: -1, longestUs: 0 }));
  #notes: Note[] = [];

  /** Something took long and has just ended. */
  note(what: string, endUs: number, tookUs: number): void {
    this.#notes.push({ what, endUs, tookUs });
    if (this.#notes.length > NOTES_MAX) this.#notes.shift();
  }

  /** The longest of the turns since the last call. */
  longest(turnUs: number, nowSeconds: number): void {
    this.longestUs = Math.max(this.longestUs, turnUs);
    const second = this.#seconds[nowSeconds % MINUTE_S];
    if (second === undefined) return;
    if (second.at !== nowSeconds) {
      second.at = nowSeconds;
      second.longestUs = 0;
    }
    second.longestUs = Math.max(second.longestUs, turnUs);
  }

  lastMinuteUs(nowSeconds: number): number {
    const recent = this.#seconds.filter(({ at }) => at > nowSeconds - MINUTE_S);
    return recent.reduce((longest, second) => Math.max(longest, second.longestUs), 0);
  }

  /** Counts a long turn; says what it was. */
  long(turn: LongTurn): string {
    const { endUs, turnUs, processorUs } = turn;
    this.longCount++;
    if (processorUs < LONG_TURN_US) this.offProcessorCount++;
    const inside = this.#inside(turn);
    const garbage = inside.filter(({ what }) => what.startsWith("gc"));
    if (garbage.some(({ tookUs }) => tookUs > turnUs / 2)) this.garbageCount++;
    inside.sort((a, b) => b.tookUs - a.tookUs);
    const causes = inside
      .slice(0, CAUSES_TOLD)
      .map(({ what, tookUs }) => `,${what}=${whole(tookUs)}`);
    this.lastLong = `usec=${whole(turnUs)},processor=${whole(processorUs)}${causes.join("")}`;
    this.#notes = this.#notes.filter((note) => note.endUs > endUs + SLACK_US);
    return this.lastLong;
  }

  /** A command that has waited for something may have taken longer than the turn it ended in. */
  #inside({ endUs, turnUs }: LongTurn): Note[] {
    const from = endUs - turnUs - SLACK_US;
    return this.#notes.filter(
      (note) => note.endUs - note.tookUs >= from && note.endUs <= endUs + SLACK_US,
    );
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.longestUs = 0;
    this.longCount = 0;
    this.offProcessorCount = 0;
    this.garbageCount = 0;
    this.lastLong = "";
    for (const second of this.#seconds) second.longestUs = 0;
  }
}

function whole(microseconds: number): string {
  return Math.round(microseconds).toString();
}
