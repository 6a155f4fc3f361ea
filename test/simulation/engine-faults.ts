// What the memory engine can do to whoever stands on it: refuses, stalls, keeps silent about how a commit
// ended, is slow, has nothing in its cache, fails to fsync. Both simulations draw from here.

import type { Random } from "../../src/base/random.ts";
import type { StorageErrorKind } from "../../src/engine/engine.ts";
import type { MemoryEngine } from "../../src/engine/memory.ts";
import { pick } from "../differential/template.ts";

const KINDS: readonly StorageErrorKind[] = ["stall", "stall", "no-space", "io", "too-large"];

export interface Fault {
  readonly name: string;
  readonly strike: (random: Random) => void;
}

export function engineFaults(engine: MemoryEngine): Fault[] {
  const refuse = (random: Random): void =>
    engine.refuseCommits(pick(random, KINDS), 1 + random.below(3));
  return [
    { name: "some commits are refused", strike: refuse },
    {
      name: "commits are refused by a stall",
      strike: (random) => engine.refuseCommits("stall", 1 + random.below(20)),
    },
    { name: "commits are taken", strike: () => engine.acceptCommits() },
    {
      name: "a commit ends unknown, and is there",
      strike: () => engine.unknownCommits("applied", 1),
    },
    {
      name: "a commit ends unknown, and is not there",
      strike: () => engine.unknownCommits("absent", 1),
    },
    { name: "settling fails", strike: (random) => engine.failSettling(random.below(4)) },
    { name: "fsyncs fail", strike: (random) => engine.failSyncs(random.below(4)) },
    { name: "a stall", strike: () => engine.stall("stopped") },
    { name: "no stall", strike: () => engine.stall("none") },
    { name: "all is cold", strike: () => engine.coldKeys("all") },
    { name: "what was warm is cold", strike: () => engine.cool() },
    { name: "nothing is cold", strike: () => engine.coldKeys("none") },
    { name: "threads stand still", strike: () => engine.holdAsync() },
    { name: "one thing on a thread ends", strike: () => void engine.releaseOne() },
    { name: "another thing on a thread ends", strike: () => void engine.releaseOne() },
    { name: "threads go on", strike: () => engine.stopHolding() },
  ];
}

/** All is well again, and what was held comes to its end. */
export function endFaults(engine: MemoryEngine): void {
  engine.acceptCommits();
  engine.unknownCommits("absent", 0);
  engine.failSettling(0);
  engine.failSyncs(0);
  engine.failReads("io", 0);
  engine.coldKeys("none");
  engine.stopHolding();
  engine.stall("none");
}
