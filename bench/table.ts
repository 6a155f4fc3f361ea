// What rounds of a case come to: medians, ratios, and whether the goal is reached. As rows of
// Markdown here, as bars in chart.ts.

import { FILLED_FIRST, wantedOf, type Case, type Wanted } from "./cases.ts";
import type { Fsync } from "./server-process.ts";

export interface Round {
  readonly rate: number;
  /** Processor time of the server, all its threads, microseconds a request; NaN when not known. */
  readonly processorUs: number;
}

/** The rounds of one case, by the name of the server; none for one that lacks the command. */
export interface Measured extends Case {
  readonly rounds: ReadonlyMap<string, readonly Round[]>;
}

/** `names`: Kept first, then redis-server, where it is installed, and the peers. */
export interface Columns {
  readonly names: readonly string[];
  readonly fsync: Fsync;
}

export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

const UNKNOWN = "";

export function table(measured: readonly Measured[], columns: Columns): string {
  const { names } = columns;
  const [kept = "kept", ...others] = names;
  const heads = ["test", "P", ...names, ...others.map((name) => `${kept} / ${name}`), "range"];
  const times = names.map((name) => `${name}, µs`);
  const titles = [...heads, "must", "aim", "", ...times];
  const lines = measured.map((each) => row(each, columns));
  return [`| ${titles.join(" | ")} |`, `|${"---|".repeat(titles.length)}`, ...lines].join("\n");
}

export function row(measured: Measured, { names, fsync }: Columns): string {
  const { test, pipeline, rounds } = measured;
  const cells = [test, String(pipeline)];
  for (const name of names) cells.push(thousands(rateOf(measured, name)));
  const [kept = "", ...others] = names;
  const ratios = others.map((other) => ratioOf(measured, kept, other));
  for (const ratio of ratios) cells.push(ratio === null ? UNKNOWN : ratio.median.toFixed(2));
  const first = ratios[0] ?? null;
  cells.push(first === null ? UNKNOWN : `${first.least.toFixed(2)} to ${first.most.toFixed(2)}`);
  cells.push(...verdictOn(wantedOf(measured, fsync), first));
  for (const name of names) {
    const time = median((rounds.get(name) ?? []).map(({ processorUs }) => processorUs));
    cells.push(Number.isNaN(time) || FILLED_FIRST.has(test) ? UNKNOWN : time.toFixed(1));
  }
  return `| ${cells.join(" | ")} |`;
}

/** Requests per second; NaN when it was not measured. */
export function rateOf({ rounds }: Measured, name: string): number {
  return median((rounds.get(name) ?? []).map(({ rate }) => rate));
}

/** Of the rounds that followed one another; null when one of the two was not measured. */
export function ratioOf({ rounds }: Measured, name: string, other: string): Ratio | null {
  const theirs = rounds.get(other) ?? [];
  const ratios = (rounds.get(name) ?? []).flatMap(({ rate }, round) => {
    const beside = theirs[round];
    return beside === undefined ? [] : [rate / beside.rate];
  });
  if (ratios.length === 0) return null;
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

export type Verdict = "aim met" | "met" | "missed";

export function verdictOf({ must, aim }: Wanted, reached: number): Verdict {
  if (reached >= aim) return "aim met";
  return reached >= (must ?? aim) ? "met" : "missed";
}

function verdictOn(wanted: Wanted | null, ratio: Ratio | null): string[] {
  if (wanted === null) return [UNKNOWN, UNKNOWN, UNKNOWN];
  const { must, aim } = wanted;
  const verdict = ratio === null ? UNKNOWN : verdictOf(wanted, ratio.median);
  return [must?.toFixed(2) ?? UNKNOWN, aim.toFixed(2), verdict];
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function thousands(rate: number): string {
  if (Number.isNaN(rate)) return UNKNOWN;
  return rate >= 10_000 ? `${Math.round(rate / 1000)} k` : `${(rate / 1000).toFixed(1)} k`;
}
