// Time as an argument: the server runs on the machine's clock, tests and the simulation on a
// clock they move by hand. Nothing outside this file, server/ and cli/ asks the machine for the time.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, whole milliseconds since the Unix epoch; may jump. */
  nowMs(): number;
  /** Monotonic, microseconds from an arbitrary start; never jumps back. */
  monotonicUs(): number;
  /** Runs `action` once, `delayMs` from now at the earliest. */
  after(delayMs: number, action: () => void): Timer;
  /** Runs `action` when the current turn of the event loop has handled its input. */
  turnEnd(action: () => void): void;
  /** Runs `action` when the input of the current turn has been read, before what `turnEnd` runs. */
  inputEnd(action: () => void): void;
  /**
   * Runs once what has come in by now has been looked at, so that what it asks for can be done together. When
   * exactly changes nothing that anybody sees.
   */
  soon(action: () => void): void;
}

class MachineTimer implements Timer {
  readonly #handle: NodeJS.Timeout;

  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle;
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** What is put off to the end of a turn; what is asked for while that runs is for the next one. */
class TurnActions {
  #atInputEnd: (() => void)[] = [];
  #atEnd: (() => void)[] = [];

  atInputEnd(action: () => void): void {
    this.#atInputEnd.push(action);
  }

  atEnd(action: () => void): void {
    this.#atEnd.push(action);
  }

  /** True if there was anything, as `end`. */
  endInput(): boolean {
    const actions = this.#atInputEnd;
    this.#atInputEnd = [];
    for (const action of actions) action();
    return actions.length > 0;
  }

  /** What the end of the input still brings is for this turn. */
  end(): boolean {
    const hadInput = this.endInput();
    const actions = this.#atEnd;
    this.#atEnd = [];
    for (const action of actions) action();
    return hadInput || actions.length > 0;
  }
}

const turn = new TurnActions();
let isTurnEndAsked = false;

function askForTurnEnd(): void {
  if (isTurnEndAsked) return;
  isTurnEndAsked = true;
  setImmediate(() => {
    isTurnEndAsked = false;
    turn.end();
  });
}

export const machineClock: Clock = {
  nowMs: Date.now,
  monotonicUs() {
    return performance.now() * 1000;
  },
  after(delayMs, action) {
    return new MachineTimer(setTimeout(action, delayMs));
  },
  turnEnd(action) {
    turn.atEnd(action);
    askForTurnEnd();
  },
  inputEnd(action) {
    turn.atInputEnd(action);
    askForTurnEnd();
  },
  soon(action) {
    setImmediate(action);
  },
};

interface ManualEntry {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock that stands still until told to move; actions run in order of time, then of asking. */
export class ManualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #timers: ManualEntry[] = [];
  readonly #turn = new TurnActions();

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.#nowMs);
  }

  monotonicUs(): number {
    return this.#nowMs * 1000;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, action };
    this.#timers.push(entry);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((timer) => timer !== entry);
      },
    };
  }

  turnEnd(action: () => void): void {
    this.#turn.atEnd(action);
  }

  inputEnd(action: () => void): void {
    this.#turn.atInputEnd(action);
  }

  soon(action: () => void): void {
    queueMicrotask(action);
  }

  /** Runs what was put off until the input of the turn is read; true if there was anything. */
  endInput(): boolean {
    return this.#turn.endInput();
  }

  /** The same, and then what was put off to the end of the turn. */
  endTurn(): boolean {
    return this.#turn.end();
  }

  /** Milliseconds until the next timer, null when none is set. */
  nextTimerMs(): number | null {
    let next: number | null = null;
    for (const timer of this.#timers) {
      if (next === null || timer.atMs < next) next = timer.atMs;
    }
    return next === null ? null : Math.max(0, next - this.#nowMs);
  }

  /** Moves time forward, running each timer at its own moment. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = this.#takeDue(untilMs);
      if (due === null) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.action();
    }
    this.#nowMs = untilMs;
  }

  #takeDue(untilMs: number): ManualEntry | null {
    let first: ManualEntry | null = null;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      if (first === null || timer.atMs < first.atMs) first = timer;
      else if (timer.atMs === first.atMs && timer.order < first.order) first = timer;
    }
    if (first !== null) this.#timers = this.#timers.filter((timer) => timer !== first);
    return first;
  }
}
