// What a run of the suite came to: a table for the terminal and for docs/compatibility-suite.md, and
// every test that did not pass by its name.

import { NOT_RUN } from "./files.ts";
import type { Failure, FileResult } from "./run-file.ts";

export interface Outcome {
  readonly result: FileResult;
  readonly isApart: boolean;
}

interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly exceptions: number;
  readonly skipped: number;
}

export function totals(outcomes: readonly Outcome[]): Totals {
  const sum = { passed: 0, failed: 0, exceptions: 0, skipped: 0 };
  for (const { result } of outcomes) {
    sum.passed += result.passed;
    sum.failed += result.failures.length + (result.cutShort === null ? 0 : 1);
    sum.exceptions += result.exceptions.length;
    for (const count of result.skipped.values()) sum.skipped += count;
  }
  return sum;
}

/** Passed of those that were run, in percent with one digit. */
export function share({ passed, failed, exceptions }: Totals): string {
  const all = passed + failed + exceptions;
  return all === 0 ? "0.0" : ((100 * passed) / all).toFixed(1);
}

export function table(outcomes: readonly Outcome[]): string {
  const rows = [
    ["file", "passed", "failed", "exceptions", "skipped", "seconds"],
    ["---", "---", "---", "---", "---", "---"],
  ];
  const row = (name: string, sum: Totals, seconds: string) => [
    name,
    ...[sum.passed, sum.failed, sum.exceptions, sum.skipped].map(String),
    seconds,
  ];
  for (const outcome of outcomes) {
    const seconds = outcome.result.seconds.toFixed(0);
    rows.push(row(outcome.result.name, totals([outcome]), seconds));
  }
  const counted = outcomes.filter(({ isApart }) => !isApart);
  rows.push(row("**all that counts**", totals(counted), ""));
  const apart = outcomes.filter(({ isApart }) => isApart);
  if (apart.length > 0) rows.push(row("scripting, counted apart", totals(apart), ""));
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The page docs/compatibility-suite.md. */
export function page(outcomes: readonly Outcome[], subject: string, oracle: string): string {
  const counted = outcomes.filter(({ isApart }) => !isApart);
  const sum = totals(counted);
  return [
    "# Redis's own test suite",
    "",
    "Written by `make compat ARGS=--write`, which fetches the Tcl suite of Redis 7.0.15 and runs it",
    "(docs/testing.md). What is skipped needs the insides of Redis, and says so: by a tag of the suite",
    "or a line of `scripts/compat/internals.txt`. Reasons for what fails stand in compatibility.md.",
    "",
    `${subject}: ${sum.passed} of ${sum.passed + sum.failed + sum.exceptions} tests pass, ` +
      `${share(sum)} %; ${sum.skipped} are skipped. ${oracle}`,
    "",
    table(outcomes),
    "",
    "## What does not pass",
    "",
    ...failures(outcomes),
    "## What is skipped",
    "",
    "| reason | tests |",
    "| --- | --- |",
    ...[...skips(outcomes)].map(([reason, count]) => `| ${reason} | ${count} |`),
    "",
    "Files that are not run:",
    "",
    ...NOT_RUN.map(([files, reason]) => `- \`${files}\`: ${reason}.`),
    "",
  ].join("\n");
}

function failures(outcomes: readonly Outcome[]): string[] {
  const lines: string[] = [];
  for (const { result } of outcomes) {
    const found = [...result.failures, ...result.exceptions];
    if (found.length === 0 && result.cutShort === null) continue;
    lines.push(`### ${result.name}`, "");
    if (result.cutShort !== null) lines.push(`- cut short: ${oneLine(result.cutShort)}`);
    for (const failure of found) lines.push(`- ${oneLine(failure.test)}`);
    lines.push("");
  }
  return lines;
}

function skips(outcomes: readonly Outcome[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { result } of outcomes) {
    for (const [reason, count] of result.skipped) sum.set(reason, (sum.get(reason) ?? 0) + count);
  }
  return new Map([...sum].toSorted(([, left], [, right]) => right - left));
}

/** For the terminal: each failure with the words it failed with. */
export function told(result: FileResult): string {
  const lines = [];
  const tell = (what: string, { test, words }: Failure) =>
    lines.push(`  ${what}: ${oneLine(test)}\n      ${oneLine(words).slice(0, 400)}`);
  for (const failure of result.failures) tell("failed", failure);
  for (const failure of result.exceptions) tell("exception", failure);
  if (result.cutShort !== null) lines.push(`  cut short: ${result.cutShort}`);
  return lines.join("\n");
}

function oneLine(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[^ -~]/g, "?")
    .slice(0, 500);
}
