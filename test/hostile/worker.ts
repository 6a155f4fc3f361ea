// The thread that throws the inputs. It counts in shared memory what it is at, so that whoever watches it
// (run.ts) sees one that hangs, and by its number makes it again.

import { parentPort, workerData } from "node:worker_threads";

import type { Bytes } from "../../src/base/bytes.ts";
import { coreTargets } from "./cores.ts";
import { hostileInput, randomFor, shrink } from "./mutate.ts";
import { parserTargets } from "./parsers.ts";
import type { Target } from "./target.ts";

export interface Job {
  readonly seed: number;
  readonly total: number;
  /** Index of the target, index of the input, inputs done. */
  readonly progress: Int32Array;
}

export interface Finding {
  readonly target: string;
  readonly index: number;
  readonly input: Bytes;
  readonly problem: string;
}

export type Report =
  | { readonly kind: "finding"; readonly finding: Finding }
  | { readonly kind: "done"; readonly counts: Readonly<Record<string, number>> };

export const REST_EVERY = 500;
export const SLOW_MS_MAX = 5000;
const STACK_LINES = 12;

export async function allTargets(): Promise<Target[]> {
  return [...parserTargets(), ...(await coreTargets())];
}

export function inputOf(target: Target, seed: number, index: number): Bytes {
  return hostileInput(randomFor(seed, index), target.corpus);
}

/** What is wrong when the target gets this input; null when nothing is. */
export async function problemOf(target: Target, input: Bytes): Promise<string | null> {
  // Of the processor, and not of the clock: the machine may be busy with others.
  const began = process.cpuUsage();
  try {
    await target.run(input);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { user, system } = process.cpuUsage(began);
  const tookMs = (user + system) / 1000;
  return tookMs > SLOW_MS_MAX ? `took ${Math.round(tookMs)} ms` : null;
}

async function throwAll({ seed, total, progress }: Job): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const targets = await allTargets();
  // Most inputs end in an error, whose stack costs more than the rest.
  Error.stackTraceLimit = 0;
  for (const [place, target] of targets.entries()) {
    const count = Math.ceil((total * target.share) / 100);
    Atomics.store(progress, 0, place);
    for (let index = 0; index < count; index++) {
      Atomics.store(progress, 1, index);
      Atomics.add(progress, 2, 1);
      const input = inputOf(target, seed, index);
      // oxlint-disable-next-line no-await-in-loop -- one input after the other
      const problem = await problemOf(target, input);
      // oxlint-disable-next-line no-await-in-loop -- one input after the other
      if (problem !== null) await report(target, index, { input, problem });
      // oxlint-disable-next-line no-await-in-loop -- one input after the other
      if (index % REST_EVERY === REST_EVERY - 1) await target.rest?.();
    }
    counts[target.name] = count;
  }
  return counts;
}

async function report(
  target: Target,
  index: number,
  { input, problem }: { input: Bytes; problem: string },
): Promise<void> {
  const first = problem.split("\n")[0];
  const smallest = await shrink(input, async (shorter) => {
    return (await problemOf(target, shorter))?.split("\n")[0] === first;
  });
  Error.stackTraceLimit = STACK_LINES;
  const told = (await problemOf(target, smallest)) ?? problem;
  Error.stackTraceLimit = 0;
  const finding = { target: target.name, index, input: smallest, problem: told };
  tell({ kind: "finding", finding });
}

function tell(what: Report): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window, but a thread
  parentPort?.postMessage(what);
}

if (parentPort !== null) {
  const job: Job = workerData;
  const counts = await throwAll(job);
  tell({ kind: "done", counts });
}
