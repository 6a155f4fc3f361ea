// `npm run simulate`: runs seeds of the simulation.
//
//   --seed N        one seed; with --only 3,17,40 these steps of it alone
//   --first N --count M   so many seeds from N on
//   --soak          seeds by chance until it is told to stop, then a summary
//   --steps N       the length of a run; --trace: what happens in it

import { parseArgs } from "node:util";

import { LawBroken } from "./law.ts";
import { shrink } from "./shrink.ts";
import { Simulation, stepsOf } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    only: { type: "string" },
    first: { type: "string", default: "1" },
    count: { type: "string", default: "1000" },
    steps: { type: "string" },
    trace: { type: "boolean", default: false },
    soak: { type: "boolean", default: false },
  },
});
const steps = values.steps === undefined ? undefined : Number(values.steps);

const trace = values.trace ? (line: string): void => console.log(line) : undefined;

async function failureOf(seed: number, only?: ReadonlySet<number>): Promise<LawBroken | null> {
  try {
    const options = trace === undefined ? { seed, steps } : { seed, steps, trace };
    await Simulation.run(only === undefined ? options : { ...options, only });
    return null;
  } catch (error) {
    if (error instanceof LawBroken) return error;
    return new LawBroken("bug", error instanceof Error ? (error.stack ?? "") : String(error));
  }
}

async function report(seed: number, failure: LawBroken): Promise<void> {
  console.log(`seed ${seed}: ${failure.message}`);
  const left = await shrink(steps ?? stepsOf(seed), failure.law, (only) => failureOf(seed, only));
  const again = await failureOf(seed, left);
  console.log(`  shrunk to ${left.size} steps: ${again?.message ?? "it does not fail again"}`);
  console.log(`  npm run simulate -- --seed ${seed} --only ${[...left].join(",")}`);
}

const state = { isStopped: false };
process.on("SIGINT", () => {
  state.isStopped = true;
});

async function many(): Promise<void> {
  const started = process.hrtime.bigint();
  const count = values.soak ? Infinity : Number(values.count);
  let done = 0;
  const failed: number[] = [];
  for (; done < count && !state.isStopped; done++) {
    const seed = values.soak ? Math.floor(Math.random() * 2 ** 31) : Number(values.first) + done;
    const failure = await failureOf(seed);
    if (failure === null) continue;
    failed.push(seed);
    await report(seed, failure);
  }
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000;
  console.log(`${done} seeds in ${seconds} s, ${failed.length} failed: ${failed.join(" ")}`);
  if (failed.length > 0) process.exitCode = 1;
}

if (values.seed === undefined) await many();
else {
  const only = values.only === undefined ? undefined : new Set(values.only.split(",").map(Number));
  const failure = await failureOf(Number(values.seed), only);
  console.log(failure?.message ?? "nothing is broken");
  if (failure !== null) process.exitCode = 1;
}
