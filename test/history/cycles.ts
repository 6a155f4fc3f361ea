// Names for circles among transactions, by the reasons of their edges (Adya's, with the suffix
// "realtime" where one edge says no more than that one ended before the other began):
//
//   G0        only ww: two transactions wrote each other's keys in different orders
//   G1c       ww and wr: each saw, or overwrote, what the other did
//   G-single  exactly one rw: a read skew; "lost-update" when both read and wrote the same key
//   G2        two or more rw: a write skew
//
// Each strongly connected component gets the name of the worst circle in it, the one that is
// forbidden by the weakest guarantee.

import type { Edge, Graph, Reason } from "./graph.ts";
import type { Anomaly, Transaction } from "./transactions.ts";

interface Level {
  readonly name: string;
  /** The edges the circle may have besides `once`. */
  readonly reasons: ReadonlySet<Reason>;
  /** The reason of which it has exactly one edge; null where any will do. */
  readonly once: Reason | null;
}

const LEVELS: readonly Level[] = [
  { name: "G0", reasons: new Set(["ww"]), once: null },
  { name: "G1c", reasons: new Set(["ww", "wr"]), once: null },
  { name: "G-single", reasons: new Set(["ww", "wr"]), once: "rw" },
  { name: "G2", reasons: new Set(["ww", "wr", "rw"]), once: null },
  { name: "G0-realtime", reasons: new Set(["ww", "realtime"]), once: null },
  { name: "G1c-realtime", reasons: new Set(["ww", "wr", "realtime"]), once: null },
  { name: "G-single-realtime", reasons: new Set(["ww", "wr", "realtime"]), once: "rw" },
  { name: "G2-realtime", reasons: new Set(["ww", "wr", "rw", "realtime"]), once: null },
];

const EVERY_REASON: ReadonlySet<Reason> = new Set(["ww", "wr", "rw", "realtime"]);

/** One anomaly for each knot of the graph; none when the graph has no circle. */
export function findCycles(graph: Graph, transactions: readonly Transaction[]): Anomaly[] {
  const anomalies: Anomaly[] = [];
  for (const component of graph.components(EVERY_REASON)) {
    const within = new Set(component);
    for (const level of LEVELS) {
      const circle = circleAt(graph, within, level);
      if (circle === null) continue;
      const name = nameOf(level, circle, transactions);
      anomalies.push({ name, because: describe(circle, transactions) });
      break;
    }
  }
  return anomalies;
}

function circleAt(graph: Graph, within: ReadonlySet<number>, level: Level): Edge[] | null {
  const { reasons, once } = level;
  for (const node of within) {
    for (const edge of graph.from(node)) {
      const begins = once === null ? reasons.has(edge.reason) : edge.reason === once;
      if (!begins || !within.has(edge.to)) continue;
      const back = graph.path(edge.to, node, { reasons, within });
      if (back !== null) return [edge, ...back];
    }
  }
  return null;
}

function nameOf({ name }: Level, circle: readonly Edge[], all: readonly Transaction[]): string {
  if (name !== "G-single" || circle.length !== 2) return name;
  const [one, other] = circle.map(({ from }) => all[from]);
  if (one === undefined || other === undefined) return name;
  return updateSame(one, other) ? "lost-update" : name;
}

/** Both read the same version of a key, and both appended to it. */
function updateSame(one: Transaction, other: Transaction): boolean {
  return one.steps.some((mine) => {
    if (mine.kind !== "read" || !appendsTo(one, mine.key) || !appendsTo(other, mine.key)) {
      return false;
    }
    return other.steps.some(
      (its) =>
        its.kind === "read" && its.key === mine.key && its.values.length === mine.values.length,
    );
  });
}

function appendsTo({ steps }: Transaction, key: string): boolean {
  return steps.some((step) => step.kind === "append" && step.key === key);
}

function describe(circle: readonly Edge[], all: readonly Transaction[]): string {
  const name = (index: number) => all[index]?.name ?? "?";
  const edges = circle.map(
    ({ from, to, reason, because }) => `${name(from)} -${reason}-> ${name(to)} (${because})`,
  );
  return edges.join("; ");
}
