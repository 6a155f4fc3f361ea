// The states that a worker passes through. His commands run in the order in which he sent them, so what is
// found after a crash must be the state after the first n of his steps, n no less than were acknowledged.

import assert from "node:assert/strict";

import type { Reply } from "../../src/resp/reply.ts";

/** One thing a worker did. */
export interface Passing<State> {
  /** Changes the state and gives the reply that must come. */
  readonly apply: (state: State) => Reply;
}

export class Passage<State> {
  acknowledgedCount = 0;
  /** After everything that was acknowledged; after `settle`, what was found. */
  readonly known: State;
  /** After everything that was sent. */
  sent: State;
  readonly #name: string;
  readonly #copy: (state: State) => State;
  #unanswered: Passing<State>[] = [];

  constructor(name: string, start: State, copy: (state: State) => State) {
    this.#name = name;
    this.#copy = copy;
    this.known = start;
    this.sent = copy(start);
  }

  /** A step is sent; gives what is to be done with its answer. */
  send(step: Passing<State>): (last: Reply) => void {
    const expected = step.apply(this.sent);
    this.#unanswered.push(step);
    return (last) => {
      assert.deepEqual(last, expected, `${this.#name} is told something else`);
      this.#unanswered.shift()?.apply(this.known);
      this.acknowledgedCount++;
    };
  }

  /** Demands a number of steps that gives what is found; `explain` is asked when all were taken. */
  settle(isFound: (state: State) => boolean, explain: (all: State) => string): void {
    const sentCount = this.#unanswered.length;
    while (!isFound(this.known)) {
      const step = this.#unanswered.shift();
      if (step === undefined) {
        const after = `${this.acknowledgedCount} acknowledged and ${sentCount} unanswered steps`;
        assert.fail(`${this.#name}: after ${after}, none gives ${explain(this.known)}`);
      }
      step.apply(this.known);
    }
    this.#unanswered = [];
    this.sent = this.#copy(this.known);
  }
}
