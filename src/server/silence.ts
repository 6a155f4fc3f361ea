// The setting `timeout`: looks about once a second for connections that have been silent for too long.

import type { Clock, Timer } from "../base/clock.ts";
import type { Server } from "./server.ts";

const ROUND_MS = 1000;

export class SilenceWatcher {
  readonly #server: Server;
  readonly #clock: Clock;
  #timer: Timer | null = null;

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  start(): void {
    this.#timer = this.#clock.after(ROUND_MS, () => {
      this.#server.closeSilent();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
