// Histories in a few words, for tests of the checkers.
//
//   "A 0-10 ok: x+1 y=[1 2] x=[]"   A appends 1 to x, reads y, reads x; began at 0, ended at 10

import assert from "node:assert/strict";

import type { Outcome, Step, Transaction } from "./transactions.ts";

export function historyOf(...lines: string[]): Transaction[] {
  return lines.map(transactionOf);
}

function transactionOf(line: string): Transaction {
  const match = /^(\w+) (\d+)-(\d+) (ok|failed|unknown): (.*)$/.exec(line);
  assert.ok(match !== null, line);
  const [, name = "", began = "", ended = "", outcome = "", steps = ""] = match;
  return {
    name,
    steps: [...steps.matchAll(/(\w+)(?:\+(\w+)|=\[([\w ]*)\])/g)].map(stepOf),
    outcome: outcomeOf(outcome),
    beganUs: Number(began),
    endedUs: Number(ended),
  };
}

function outcomeOf(word: string): Outcome {
  return word === "ok" || word === "failed" ? word : "unknown";
}

function stepOf([, key = "", value, values = ""]: RegExpExecArray): Step {
  if (value !== undefined) return { kind: "append", key, value };
  return { kind: "read", key, values: values.split(" ").filter((word) => word !== "") };
}
