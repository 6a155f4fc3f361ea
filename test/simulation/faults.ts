// What the disk does to the server: refuses, stalls, keeps silent about how a commit ended, is slow,
// has nothing in its cache, cannot be read.

import type { Random } from "../../src/base/random.ts";
import type { StorageErrorKind } from "../../src/engine/engine.ts";
import { pick } from "../differential/template.ts";
import type { Settings } from "./settings.ts";
import type { SimulatedServer } from "./simulated-server.ts";

const KINDS: readonly StorageErrorKind[] = ["stall", "stall", "no-space", "io", "too-large"];

export class Faults {
  readonly #settings: Settings;
  #isCold = false;
  #failsReads = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Whether reads find what they want in memory. */
  get readsAreHot(): boolean {
    return !this.#isCold && !this.#failsReads;
  }

  /** Does one thing, and tells which. */
  strike({ engine, running }: SimulatedServer, random: Random): string {
    const faults = [
      () => engine.refuseCommits(pick(random, KINDS), 1 + random.below(3)),
      () => engine.refuseCommits("stall", 1 + random.below(20)),
      () => engine.acceptCommits(),
      () => engine.unknownCommits("applied", 1),
      () => engine.unknownCommits("absent", 1),
      () => engine.failSettling(random.below(4)),
      () => engine.stall("stopped"),
      () => engine.stall("none"),
      () => this.#cold(engine, "all"),
      () => engine.cool(),
      () => this.#cold(engine, "none"),
      () => engine.holdAsync(),
      () => void engine.releaseOne(),
      () => void engine.releaseOne(),
      () => engine.stopHolding(),
      () => running.core.pipeline.keyspace.dropCache(),
      () => this.#failReads(engine, random),
    ];
    const fault = pick(random, faults);
    fault();
    return fault.toString().slice(6);
  }

  #cold(engine: SimulatedServer["engine"], which: "all" | "none"): void {
    this.#isCold = which === "all";
    engine.coldKeys(which);
  }

  #failReads(engine: SimulatedServer["engine"], random: Random): void {
    if (!this.#settings.hasReadErrors) return;
    const count = random.below(3);
    this.#failsReads = count > 0;
    engine.failReads(pick(random, ["io", "corruption"] as const), count);
  }

  /** A new life begins without faults. */
  forget(): void {
    this.#isCold = false;
    this.#failsReads = false;
  }

  end({ engine }: SimulatedServer): void {
    engine.acceptCommits();
    engine.unknownCommits("absent", 0);
    engine.failSettling(0);
    engine.failReads("io", 0);
    engine.coldKeys("none");
    engine.stopHolding();
    engine.stall("none");
    this.forget();
  }
}
