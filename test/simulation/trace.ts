// What happens in a run, as one hash: two runs with the same hash are the same, line by line.

import { createHash } from "node:crypto";

import { LawBroken } from "./law.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

export interface Told {
  readonly hash: string;
  readonly lines: number;
  readonly broken: LawBroken | null;
}

/** Runs it; what is broken is part of what happens. */
export async function runTraced(options: Omit<SimulationOptions, "trace">): Promise<Told> {
  const hash = createHash("sha256");
  let lines = 0;
  const trace = (line: string): void => {
    lines++;
    hash.update(`${line}\n`, "latin1");
  };
  let broken: LawBroken | null = null;
  try {
    await Simulation.run({ ...options, trace });
  } catch (error) {
    if (!(error instanceof LawBroken)) throw error;
    broken = error;
    trace(error.message);
  }
  return { hash: hash.digest("hex"), lines, broken };
}
