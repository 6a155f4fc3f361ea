// Watches a worker that throws hostile input: a hang, a crash, and memory that grows are findings too.

import { Worker } from "node:worker_threads";

import { allTargets, inputOf, type Finding, type Job, type Report } from "./worker.ts";

export interface Outcome {
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<string, number>>;
  /** Bytes of the process, at the most and at the end, above those after the first tenth. */
  readonly grownMax: number;
  readonly grownAtEnd: number;
}

export interface Orders {
  readonly seed: number;
  readonly total: number;
  /** Ends when so many are found. */
  readonly findingsMax: number;
}

const LOOK_MS = 200;
const HANG_MS = 60_000;
/** Above what the first tenth took: the heap of a thread is collected late. */
export const GROWTH_BYTES_MAX = 512 * 1024 * 1024;

export async function throwHostileInput({ seed, total, findingsMax }: Orders): Promise<Outcome> {
  const progress = new Int32Array(new SharedArrayBuffer(12));
  const job: Job = { seed, total, progress };
  const worker = new Worker(new URL("worker.js", import.meta.url), { workerData: job });
  const watch = new Watch(job);
  const findings: Finding[] = [];
  let counts: Readonly<Record<string, number>> = {};
  const ended = new Promise<void>((resolve, reject) => {
    worker.on("message", (report: Report) => {
      if (report.kind === "done") counts = report.counts;
      else findings.push(report.finding);
      if (findings.length >= findingsMax) void worker.terminate();
    });
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
  const timer = setInterval(() => {
    if (watch.looks()) void worker.terminate();
  }, LOOK_MS);
  try {
    await ended;
  } catch (error) {
    findings.push(await watch.finding(String(error)));
  }
  clearInterval(timer);
  if (watch.problem !== null) findings.push(await watch.finding(watch.problem));
  return { findings, counts, grownMax: watch.grownMax, grownAtEnd: watch.grownAtEnd };
}

class Watch {
  readonly #job: Job;
  #lastCount = -1;
  #movedMs = performance.now();
  #base = Infinity;
  grownMax = 0;
  grownAtEnd = 0;
  problem: string | null = null;

  constructor(job: Job) {
    this.#job = job;
  }

  /** True when it must end. */
  looks(): boolean {
    const { progress, total } = this.#job;
    const count = Atomics.load(progress, 2);
    const nowMs = performance.now();
    if (count !== this.#lastCount) this.#movedMs = nowMs;
    this.#lastCount = count;
    const bytes = process.memoryUsage.rss();
    if (count < total / 10) {
      this.#base = bytes;
      return false;
    }
    this.#base = Math.min(this.#base, bytes);
    this.grownAtEnd = bytes - this.#base;
    this.grownMax = Math.max(this.grownMax, this.grownAtEnd);
    if (this.grownMax > GROWTH_BYTES_MAX) this.problem = `${this.grownMax} bytes more`;
    if (nowMs - this.#movedMs > HANG_MS) this.problem = "hangs";
    return this.problem !== null;
  }

  /** What it was at. */
  async finding(problem: string): Promise<Finding> {
    const { progress, seed } = this.#job;
    const target = (await allTargets())[Atomics.load(progress, 0)];
    const index = Atomics.load(progress, 1);
    if (target === undefined) throw new Error(problem);
    return { target: target.name, index, input: inputOf(target, seed, index), problem };
  }
}
