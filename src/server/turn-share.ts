// What connections may run in one turn of the event loop.
//
// A pipeline of some thousand commands, or hundreds of connections with one each, would hold the loop until all of
// it is done: timers, commits that have ended, whoever comes in meanwhile would wait. So once the commands
// of a turn have taken TURN_US together, whoever is next waits for the next turn, which begins with a look
// at the sockets. Each such connection then goes on in the order in which it was put off.
//
// Nobody tells when a turn begins, and asking for its end in each turn would cost a twentieth of a small one.
// It is asked for only when commands have taken ASK_US since the last time: then the sum may hold as much
// from turns before, and no more.

import type { Clock } from "../base/clock.ts";
import type { Stats } from "../observe/stats.ts";

/** Of commands alone; with reading and answering a turn takes about twice as long. */
const TURN_US = 3000;
const ASK_US = 500;

export interface PutOff {
  goOn(): void;
}

export class TurnShare {
  readonly #stats: Stats;
  readonly #clock: Clock;
  #fromUs = 0;
  /** Besides commands: long replies sent. */
  #besidesUs = 0;
  #isEndAsked = false;
  #waiting: PutOff[] = [];

  constructor(stats: Stats, clock: Clock) {
    this.#stats = stats;
    this.#clock = clock;
  }

  /** Asked before each command. */
  get isUsedUp(): boolean {
    const usedUs = this.#stats.commandsUs - this.#fromUs + this.#besidesUs;
    if (usedUs < ASK_US) {
      // CONFIG RESETSTAT.
      if (usedUs < 0) this.#fromUs = this.#stats.commandsUs;
      return false;
    }
    this.#askForEnd();
    return usedUs >= TURN_US;
  }

  /** Something else that has its part in the share has taken so long. */
  spent(microseconds: number): void {
    this.#besidesUs += microseconds;
  }

  /** Calls `goOn` in the next turn, or in a later one if there are many. */
  putOff(who: PutOff): void {
    this.#waiting.push(who);
    this.#askForEnd();
  }

  #askForEnd(): void {
    if (this.#isEndAsked) return;
    this.#isEndAsked = true;
    this.#clock.turnEnd(() => this.#begin());
  }

  #begin(): void {
    this.#isEndAsked = false;
    this.#fromUs = this.#stats.commandsUs;
    this.#besidesUs = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, who] of waiting.entries()) {
      if (this.isUsedUp) {
        this.#waiting = [...waiting.slice(index), ...this.#waiting];
        return;
      }
      who.goOn();
    }
  }
}
