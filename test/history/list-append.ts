// Is a history of transactions over append-only lists strictly serializable? Elle's method (Kingsbury
// and Alvaro, VLDB 2020). A list that is only appended to shows its own past: the longest read of a
// key is the order in which all its values were written, and every other read must be a beginning
// of it. From that order follow the edges:
//
//   ww  who appended a value comes before who appended the next one
//   wr  who appended the last value of a read comes before the reader
//   rw  a reader comes before who appended the value behind what he read
//   realtime  who ended before another began comes before him
//
// A circle is an anomaly (cycles.ts). What a committed transaction appended and nobody saw stands
// behind the longest read. A transaction of unknown outcome counts as committed once somebody saw
// one of its values, and is ignored otherwise: it may still happen, or never.

import { findCycles } from "./cycles.ts";
import { Graph } from "./graph.ts";
import type { Anomaly, Append, Read, Transaction } from "./transactions.ts";

/** Everything that is wrong with a history; empty when it is strictly serializable. */
export function checkListAppend(history: readonly Transaction[]): Anomaly[] {
  return new Check(history).anomalies;
}

interface Writer {
  readonly index: number;
  /** Whether the same transaction appended more to the key later. */
  readonly isIntermediate: boolean;
}

interface Observer {
  readonly index: number;
  readonly read: Read;
}

interface KeyFacts {
  /** Who appended which value. */
  readonly writers: Map<string, Writer>;
  /** Reads of values that the reader had not appended himself. */
  readonly observers: Observer[];
  longest: readonly string[];
}

class Check {
  readonly anomalies: Anomaly[] = [];
  readonly #history: readonly Transaction[];
  readonly #keys = new Map<string, KeyFacts>();
  readonly #committed: boolean[];
  readonly #graph: Graph;

  constructor(history: readonly Transaction[]) {
    this.#history = history;
    this.#graph = new Graph(history.length);
    this.#committed = history.map(({ outcome }) => outcome === "ok");
    for (const [index, transaction] of history.entries()) this.#collect(index, transaction);
    for (const [key, facts] of this.#keys) this.#checkReads(key, facts);
    for (const [key, facts] of this.#keys) this.#order(key, facts);
    this.#orderByTime();
    this.anomalies.push(...findCycles(this.#graph, history));
  }

  #complain(name: string, because: string): void {
    this.anomalies.push({ name, because });
  }

  #name(index: number): string {
    return this.#history[index]?.name ?? "?";
  }

  #factsOf(key: string): KeyFacts {
    let facts = this.#keys.get(key);
    if (facts === undefined) {
      facts = { writers: new Map(), observers: [], longest: [] };
      this.#keys.set(key, facts);
    }
    return facts;
  }

  #collect(index: number, transaction: Transaction): void {
    for (const [at, step] of transaction.steps.entries()) {
      if (step.kind === "append") this.#collectAppend(index, { transaction, at, step });
      else if (transaction.outcome === "ok") this.#collectRead(index, { transaction, at, step });
    }
  }

  #collectAppend(index: number, { transaction, at, step }: Place<Append>): void {
    const { writers } = this.#factsOf(step.key);
    if (writers.has(step.value)) throw new Error(`${step.key}: ${step.value} is appended twice`);
    const isIntermediate = transaction.steps
      .slice(at + 1)
      .some(({ kind, key }) => kind === "append" && key === step.key);
    writers.set(step.value, { index, isIntermediate });
  }

  /** Own appends must be at the end of what is read; what is before them was there already. */
  #collectRead(index: number, { transaction, at, step }: Place<Read>): void {
    const { key, values } = step;
    const before = transaction.steps.slice(0, at);
    const own: string[] = [];
    let known: readonly string[] | null = null;
    for (const earlier of before) {
      if (earlier.key !== key) continue;
      if (earlier.kind === "append") own.push(earlier.value);
      else known = withoutOwn(earlier.values, own) ?? earlier.values;
    }
    const foreign = withoutOwn(values, own);
    if (foreign === null || (known !== null && !isSame(known, foreign))) {
      this.#complain(
        "internal",
        `${this.#name(index)} read ${key} as ${show(values)} after ${show(own)}`,
      );
      return;
    }
    if (new Set(values).size !== values.length) {
      this.#complain("duplicate", `${this.#name(index)} read ${key} as ${show(values)}`);
      return;
    }
    const facts = this.#factsOf(key);
    if (values.length > facts.longest.length) facts.longest = values;
    facts.observers.push({ index, read: { kind: "read", key, values: foreign } });
  }

  /** What may not be seen at all, and reads that do not lie on one line. */
  #checkReads(key: string, { observers, writers, longest }: KeyFacts): void {
    for (const { index, read } of observers) {
      const { values } = read;
      if (!values.every((value, at) => value === longest[at])) {
        this.#complain("incompatible-order", `${key}: ${show(values)}, but ${show(longest)}`);
      }
      for (const value of values) this.#checkSeen(writers.get(value), { key, value, index });
      const last = writers.get(values.at(-1) ?? "");
      if (last?.isIntermediate === true && last.index !== index) {
        const what = `${this.#name(index)} read ${key} up to ${values.at(-1)}`;
        this.#complain("G1b", `${what}, in the middle of ${this.#name(last.index)}`);
      }
    }
  }

  #checkSeen(
    writer: Writer | undefined,
    seen: { key: string; value: string; index: number },
  ): void {
    const what = `${this.#name(seen.index)} read ${seen.value} in ${seen.key}`;
    if (writer === undefined) {
      this.#complain("garbage", `${what}, which nobody wrote`);
      return;
    }
    this.#committed[writer.index] = true;
    const { outcome, name } = this.#history[writer.index] ?? {};
    if (outcome === "failed") this.#complain("G1a", `${what}, but ${name} failed`);
  }

  #order(key: string, { writers, observers, longest }: KeyFacts): void {
    const graph = this.#graph;
    const place = new Map(longest.map((value, at) => [value, at]));
    const unseen = [...writers]
      .filter(([value, { index }]) => !place.has(value) && this.#committed[index] === true)
      .map(([value, { index }]) => ({ value, index }));
    /** Who appended what comes at `at`: all who were not seen, behind the end. */
    const writersAt = (at: number) => {
      const value = longest[at];
      if (value === undefined) return unseen;
      const writer = writers.get(value);
      return writer === undefined ? [] : [{ value, index: writer.index }];
    };
    for (const [at, value] of longest.entries()) {
      const from = writers.get(value)?.index;
      if (from === undefined) continue;
      for (const next of writersAt(at + 1)) {
        const because = `${key}: ${value} before ${next.value}`;
        graph.add({ from, to: next.index, reason: "ww", because });
      }
    }
    for (const { index, read } of observers) {
      const { length } = read.values;
      const last = read.values.at(-1) ?? "";
      const from = writers.get(last)?.index;
      const sees = `${key}: saw ${last}`;
      if (from !== undefined) graph.add({ from, to: index, reason: "wr", because: sees });
      for (const next of writersAt(length)) {
        const because = `${key}: read ${length}, not yet ${next.value}`;
        graph.add({ from: index, to: next.index, reason: "rw", because });
      }
    }
  }

  /**
   * Edges from those who ended last before each began. Whoever is behind another by way of a third
   * gets no edge of his own: the frontier holds only those that nobody has followed yet.
   */
  #orderByTime(): void {
    const moments: { atUs: number; isEnd: boolean; index: number }[] = [];
    for (const [index, { beganUs, endedUs, outcome }] of this.#history.entries()) {
      if (this.#committed[index] !== true) continue;
      moments.push({ atUs: beganUs, isEnd: false, index });
      if (outcome === "ok") moments.push({ atUs: endedUs, isEnd: true, index });
    }
    // At the same moment, beginnings first: they may have overlapped.
    moments.sort((one, other) => {
      if (one.atUs !== other.atUs) return one.atUs - other.atUs;
      return Number(one.isEnd) - Number(other.isEnd);
    });
    const frontier = new Set<number>();
    const followed = new Map<number, readonly number[]>();
    for (const { isEnd, index } of moments) {
      if (isEnd) {
        for (const before of followed.get(index) ?? []) frontier.delete(before);
        frontier.add(index);
        continue;
      }
      const before = [...frontier];
      followed.set(index, before);
      for (const from of before) {
        this.#graph.add({ from, to: index, reason: "realtime", because: "ended before" });
      }
    }
  }
}

interface Place<Kind> {
  readonly transaction: Transaction;
  readonly at: number;
  readonly step: Kind;
}

/** `values` without `own` at its end; null when they are not there. */
function withoutOwn(values: readonly string[], own: readonly string[]): readonly string[] | null {
  const start = values.length - own.length;
  if (start < 0 || !own.every((value, at) => values[start + at] === value)) return null;
  return values.slice(0, start);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}

function show(values: readonly string[]): string {
  const shown = values.slice(-8).join(" ");
  return values.length > 8 ? `[... ${shown}]` : `[${shown}]`;
}
