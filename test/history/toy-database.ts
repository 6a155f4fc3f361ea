// Databases of a few lines, one right and the others broken in one way each, that run random
// transactions of overlapping clients on lists and write down the history. For tests of the checker.
//
//   strict            each transaction at one moment between its beginning and its end
//   read-uncommitted  step by step, with others in between
//   snapshot          reads from its beginning; refused only where another wrote the same key
//   stale             now and then all its reads come from the past
//   forgetful         now and then the newest append of a key is lost, long after its answer
//   half-crashed      now and then of an acknowledged transaction only the first append is there

import type { Random } from "../../src/base/random.ts";
import type { Outcome, Step, Transaction } from "./transactions.ts";

export type Isolation =
  | "strict"
  | "read-uncommitted"
  | "snapshot"
  | "stale"
  | "forgetful"
  | "half-crashed";

const KEYS = ["x", "y", "z"];
const CLIENTS = 5;
const STEPS_MAX = 4;

type Plan = { readonly key: string; readonly value: string | null };
type Lists = Map<string, readonly string[]>;

interface Running {
  readonly plan: readonly Plan[];
  readonly beganUs: number;
  readonly snapshot: Lists;
  readonly steps: Step[];
  isDone: boolean;
  outcome: Outcome;
}

export class ToyDatabase {
  readonly #random: Random;
  readonly #isolation: Isolation;
  readonly #running: (Running | null)[] = Array.from({ length: CLIENTS }, () => null);
  readonly #history: Transaction[] = [];
  readonly #past: Lists[] = [new Map()];
  #lists: Lists = new Map();
  #nowUs = 0;
  #values = 0;

  constructor(random: Random, isolation: Isolation) {
    this.#random = random;
    this.#isolation = isolation;
  }

  /** The history of at least so many transactions, with everything read at its end. */
  run(count: number): Transaction[] {
    while (this.#history.length < count) this.#turn(this.#random.below(CLIENTS));
    for (let client = 0; client < CLIENTS; client++) {
      while (this.#running[client] !== null) this.#turn(client);
    }
    const steps = KEYS.map((key): Step => ({ kind: "read", key, values: this.#read(key) }));
    const [beganUs, endedUs] = [this.#nowUs + 1, this.#nowUs + 2];
    this.#history.push({ name: "last", steps, outcome: "ok", beganUs, endedUs });
    return this.#history;
  }

  #read(key: string): readonly string[] {
    return this.#lists.get(key) ?? [];
  }

  #turn(client: number): void {
    this.#nowUs++;
    const running = this.#running[client] ?? null;
    if (running === null) this.#running[client] = this.#begin();
    else if (running.isDone) this.#end(client, running);
    else if (this.#isolation === "read-uncommitted") this.#runOne(running);
    else this.#runAll(running);
    if (this.#isolation === "forgetful" && this.#random.below(60) === 0) this.#forget();
  }

  #begin(): Running {
    const plan = Array.from({ length: 1 + this.#random.below(STEPS_MAX) }, () => ({
      key: KEYS[this.#random.below(KEYS.length)] ?? "",
      value: this.#random.below(2) === 0 ? null : String(++this.#values),
    }));
    const snapshot = new Map(this.#lists);
    return { plan, beganUs: this.#nowUs, snapshot, steps: [], isDone: false, outcome: "ok" };
  }

  #end(client: number, { steps, beganUs, outcome }: Running): void {
    const name = `T${this.#history.length}`;
    // Now and then nobody hears how it ended.
    const heard = this.#random.below(12) === 0 ? "unknown" : outcome;
    this.#history.push({ name, steps, outcome: heard, beganUs, endedUs: this.#nowUs });
    this.#running[client] = null;
  }

  #runOne(running: Running): void {
    const { plan, steps } = running;
    const next = plan[steps.length];
    if (next !== undefined) steps.push(this.#step(next, this.#lists));
    running.isDone = steps.length === plan.length;
    this.#past.push(new Map(this.#lists));
  }

  #runAll(running: Running): void {
    const { plan, snapshot, steps } = running;
    const isolated = this.#isolation === "snapshot";
    const isStale = this.#isolation === "stale" && this.#random.below(4) === 0;
    const past = this.#past[Math.max(0, this.#past.length - 6)] ?? new Map();
    const view = new Map(isolated ? snapshot : this.#lists);
    for (const one of plan) steps.push(this.#step(one, isStale && isReadOnly(plan) ? past : view));
    running.isDone = true;
    const written = new Set(plan.filter(({ value }) => value !== null).map(({ key }) => key));
    const before = isolated ? snapshot : this.#lists;
    if ([...written].some((key) => before.get(key) !== this.#lists.get(key))) {
      running.outcome = "failed";
      return;
    }
    const half = this.#isolation === "half-crashed" && this.#random.below(8) === 0;
    for (const key of half ? [...written].slice(0, 1) : written) {
      this.#lists.set(key, view.get(key) ?? []);
    }
    this.#past.push(new Map(this.#lists));
  }

  #step({ key, value }: Plan, view: Lists): Step {
    const list = view.get(key) ?? [];
    if (value === null) return { kind: "read", key, values: list };
    view.set(key, [...list, value]);
    return { kind: "append", key, value };
  }

  #forget(): void {
    const key = KEYS[this.#random.below(KEYS.length)] ?? "";
    this.#lists.set(key, this.#read(key).slice(0, -1));
  }
}

function isReadOnly(plan: readonly Plan[]): boolean {
  return plan.every(({ value }) => value === null);
}
