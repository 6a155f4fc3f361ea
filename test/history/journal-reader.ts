// From what the clients wrote down to histories that the checkers read.

import { readFileSync } from "node:fs";

import type { RegisterOperation, RegisterStep } from "./register.ts";
import type { Step, Transaction } from "./transactions.ts";

export interface Histories {
  readonly transactions: Transaction[];
  readonly operations: RegisterOperation[];
  readonly unknown: number;
  readonly keys: ReadonlySet<string>;
}

type Plan = readonly { readonly key: string; readonly value: string | null }[];
type Began =
  | readonly [id: string, atUs: number, kind: "list", plan: Plan]
  | readonly [
      id: string,
      atUs: number,
      kind: "register",
      what: { key: string; step: RegisterStep },
    ];
type Result = string | null | readonly string[];
type Ended = readonly [id: string, atUs: number, result: readonly Result[] | null];

/** The last line of a client that was killed may be cut off: what it began was never sent. */
export function readJournals(paths: readonly string[]): Histories {
  const began: Began[] = [];
  const ended = new Map<string, Ended>();
  for (const path of paths) {
    for (const line of readFileSync(path, "utf8").split("\n").slice(0, -1)) {
      const entry: Began | Ended = JSON.parse(line);
      if (entry.length === 4) began.push(entry);
      else ended.set(entry[0], entry);
    }
  }
  const transactions: Transaction[] = [];
  const operations: RegisterOperation[] = [];
  const keys = new Set<string>();
  let unknown = 0;
  for (const entry of began) {
    const end = ended.get(entry[0]);
    if (end === undefined) unknown++;
    if (entry[2] === "list") {
      const [name, beganUs, , plan] = entry;
      for (const { key } of plan) keys.add(key);
      const endedUs = end?.[1] ?? 0;
      transactions.push({ name, beganUs, endedUs, ...stepsOf(plan, end) });
    } else if (end === undefined || end[2] !== null) {
      const [, beganUs, , what] = entry;
      operations.push({ ...what, result: resultOf(end), beganUs, endedUs: end?.[1] ?? 0 });
    }
  }
  return { transactions, operations, unknown, keys };
}

function stepsOf(plan: Plan, end: Ended | undefined): Pick<Transaction, "steps" | "outcome"> {
  const results = end?.[2];
  const steps = plan.map(({ key, value }, at): Step => {
    if (value !== null) return { kind: "append", key, value };
    const values = results?.[at] ?? [];
    if (typeof values === "string") throw new Error(`${key}: ${values} is no list`);
    return { kind: "read", key, values };
  });
  if (end === undefined) return { steps, outcome: "unknown" };
  return { steps, outcome: results === null ? "failed" : "ok" };
}

function resultOf(end: Ended | undefined): string | null | undefined {
  if (end === undefined) return undefined;
  const result = end[2]?.[0] ?? null;
  if (result !== null && typeof result !== "string") throw new Error(`${end[0]}: no register`);
  return result;
}
