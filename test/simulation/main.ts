// `npm run simulate`: runs seeds of the simulation, on all processors.
//
//   --seed N        one seed, with the hash of what happened; with --only 3,17,40 these steps of it alone
//   --first N --count M   so many seeds from N on
//   --soak          seeds by chance until it is told to stop, then a summary
//   --steps N       the length of a run; --trace: what happens in it
//   --processes N   how many work side by side; --stride N: only each Nth seed

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

import { LawBroken } from "./law.ts";
import { shrink } from "./shrink.ts";
import { Simulation, stepsOf } from "./simulation.ts";
import { runTraced } from "./trace.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    only: { type: "string" },
    first: { type: "string", default: "1" },
    count: { type: "string", default: "1000" },
    stride: { type: "string", default: "1" },
    steps: { type: "string" },
    processes: { type: "string", default: String(availableParallelism()) },
    trace: { type: "boolean", default: false },
    soak: { type: "boolean", default: false },
  },
});
const steps = values.steps === undefined ? undefined : Number(values.steps);
const SUMMARY = /^(\d+) seeds in .* s, (\d+) failed/;

async function failureOf(seed: number, only?: ReadonlySet<number>): Promise<LawBroken | null> {
  try {
    await Simulation.run(only === undefined ? { seed, steps } : { seed, steps, only });
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
  const stride = Number(values.stride);
  let done = 0;
  let failed = 0;
  for (; done < count && !state.isStopped; done++) {
    const next = Number(values.first) + done * stride;
    const seed = values.soak ? Math.floor(Math.random() * 2 ** 31) : next;
    const failure = await failureOf(seed);
    if (failure === null) continue;
    failed++;
    await report(seed, failure);
  }
  summary(started, done, failed);
}

function summary(started: bigint, done: number, failed: number): void {
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000;
  console.log(`${done} seeds in ${seconds} s, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

/** Each process takes every Nth seed; what they say is said here, and their sums are one. */
async function together(processes: number): Promise<void> {
  const started = process.hrtime.bigint();
  const total = { done: 0, failed: 0 };
  const work = Array.from({ length: processes }, async (_, index) => {
    const first = Number(values.first) + index;
    const count = Math.ceil((Number(values.count) - index) / processes);
    const args = [`--first=${first}`, `--stride=${processes}`, `--count=${count}`];
    if (steps !== undefined) args.push(`--steps=${steps}`);
    if (values.soak) args.push("--soak");
    const [, script = ""] = process.argv;
    const all = [...process.execArgv, script, "--processes=1", ...args];
    const child = spawn(process.execPath, all, {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    let isSummed = false;
    for await (const line of createInterface(child.stdout)) {
      const [whole, done, failed] = SUMMARY.exec(line) ?? [];
      if (whole === undefined) console.log(line);
      else isSummed = true;
      total.done += Number(done ?? 0);
      total.failed += Number(failed ?? 0);
    }
    const code = await ended;
    if (isSummed) return;
    console.log(`a process ended with ${code} before its seeds were run`);
    total.failed++;
  });
  await Promise.all(work);
  summary(started, total.done, total.failed);
}

async function one(seed: number): Promise<void> {
  const only = values.only === undefined ? undefined : new Set(values.only.split(",").map(Number));
  const options = only === undefined ? { seed, steps } : { seed, steps, only };
  if (values.trace) {
    const said = { ...options, trace: (line: string): void => console.log(line) };
    await Simulation.run(said).catch(() => {});
  }
  const { hash, lines, broken } = await runTraced(options);
  console.log(`${lines} lines, ${hash}`);
  console.log(broken?.message ?? "nothing is broken");
  if (broken !== null) process.exitCode = 1;
}

const processes = Number(values.processes);
if (values.seed !== undefined) await one(Number(values.seed));
else if (processes > 1) await together(processes);
else await many();
