// Some hundred lives of a whole server, each by its seed (simulation.ts), and the proof that a broken
// law is noticed by its name (canaries.ts).
//
// KEPT_SIMULATION_RUNS runs so many seeds, from KEPT_SIMULATION_FIRST on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CANARIES } from "./canaries.ts";
import { LawBroken, type Law } from "./law.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

const RUNS = Number(process.env["KEPT_SIMULATION_RUNS"] ?? 60);
const FIRST = Number(process.env["KEPT_SIMULATION_FIRST"] ?? 1);
const CANARY_SEEDS_MAX = 40;

async function brokenBy(options: SimulationOptions): Promise<LawBroken | null> {
  try {
    await Simulation.run(options);
    return null;
  } catch (error) {
    if (error instanceof LawBroken) return error;
    throw error;
  }
}

test("whatever fails and whoever goes: every law holds, in every life of the server", async () => {
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const broken = await brokenBy({ seed });
    assert.equal(broken, null, `npm run simulate -- --seed ${seed}: ${broken?.message}`);
  }
});

test("a seed is a run: the same lines happen, word for word", async () => {
  const linesOf = async (): Promise<string[]> => {
    const lines: string[] = [];
    await Simulation.run({ seed: 7, trace: (line) => lines.push(line) });
    return lines;
  };
  const lines = await linesOf();
  assert.ok(lines.length > 100);
  assert.deepEqual(await linesOf(), lines);
});

for (const { name, law, breaks } of CANARIES) {
  test(`it is noticed when ${name}`, async () => {
    const found = new Map<Law, number>();
    for (let seed = 1; seed <= CANARY_SEEDS_MAX && !found.has(law); seed++) {
      const broken = await brokenBy({ seed, steps: 200, canary: breaks });
      if (broken !== null && !found.has(broken.law)) found.set(broken.law, seed);
    }
    assert.ok(found.has(law), `law ${law} was not named; broken were ${[...found.keys()].join()}`);
  });
}
