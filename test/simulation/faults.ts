// What befalls the whole server: the faults of its engine (engine-faults.ts), errors of reading, a cache that
// is dropped.

import type { Random } from "../../src/base/random.ts";
import { pick } from "../differential/template.ts";
import { endFaults, engineFaults, type Fault } from "./engine-faults.ts";
import type { Settings } from "./settings.ts";
import type { SimulatedServer } from "./simulated-server.ts";

export class Faults {
  readonly #settings: Settings;
  readonly #server: SimulatedServer;
  readonly #all: readonly Fault[];
  #isCold = false;
  #failsReads = false;

  /** Of one life of the server. */
  constructor(settings: Settings, server: SimulatedServer) {
    this.#settings = settings;
    this.#server = server;
    this.#all = [
      ...engineFaults(server.engine),
      {
        name: "the cache of objects is dropped",
        strike: () => server.running.core.pipeline.keyspace.dropCache(),
      },
      { name: "reads fail", strike: (random) => this.#failReads(random) },
    ];
  }

  /** Whether reads find what they want in memory. */
  get readsAreHot(): boolean {
    return !this.#isCold && !this.#failsReads;
  }

  /** Does one thing, and tells which. */
  strike(random: Random): string {
    const { name, strike } = pick(random, this.#all);
    strike(random);
    if (name === "all is cold") this.#isCold = true;
    if (name === "nothing is cold") this.#isCold = false;
    return name;
  }

  #failReads(random: Random): void {
    if (!this.#settings.hasReadErrors) return;
    const count = random.below(3);
    this.#failsReads = count > 0;
    this.#server.engine.failReads(pick(random, ["io", "corruption"] as const), count);
  }

  end(): void {
    endFaults(this.#server.engine);
    this.#isCold = false;
    this.#failsReads = false;
  }
}
