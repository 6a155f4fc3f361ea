// Connections whose ready replies wait a moment for what is held behind them, so that both leave in one write. One
// timer serves all connections of a server.

import type { Clock } from "../base/clock.ts";

const LINGER_MS = 1;

interface Lingerer {
  /** The moment is over. */
  lingeredEnough(): void;
}

export class Lingering {
  readonly #clock: Clock;
  #waiting: Lingerer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(connection: Lingerer): void {
    if (this.#waiting.length === 0) this.#clock.after(LINGER_MS, () => this.#end());
    this.#waiting.push(connection);
  }

  #end(): void {
    const connections = this.#waiting;
    this.#waiting = [];
    for (const connection of connections) connection.lingeredEnough();
  }
}
