// A directed graph whose edges say why one transaction must come before another, and the search for
// circles in it. Tarjan's strongly connected components, without recursion: histories are long.

export type Reason = "ww" | "wr" | "rw" | "realtime";

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly reason: Reason;
  /** What was seen, in words. */
  readonly because: string;
}

export class Graph {
  readonly size: number;
  readonly #edges: Edge[][];

  constructor(size: number) {
    this.size = size;
    this.#edges = Array.from({ length: size }, () => []);
  }

  add(edge: Edge): void {
    if (edge.from !== edge.to) this.#edges[edge.from]?.push(edge);
  }

  from(node: number): readonly Edge[] {
    return this.#edges[node] ?? [];
  }

  *edges(): Generator<Edge> {
    for (const some of this.#edges) yield* some;
  }

  /** The components of more than one node, by the edges whose reason is in `reasons`. */
  components(reasons: ReadonlySet<Reason>): number[][] {
    return new Components(this, reasons).found;
  }

  /** The shortest way from `start` to `goal` through `within`, null when there is none. */
  path(start: number, goal: number, options: PathOptions): Edge[] | null {
    const cameBy = new Map<number, Edge>();
    let border = [start];
    while (border.length > 0) {
      const next: number[] = [];
      for (const node of border) {
        for (const edge of this.from(node)) {
          if (!options.reasons.has(edge.reason) || !options.within.has(edge.to)) continue;
          if (cameBy.has(edge.to) || edge.to === start) continue;
          cameBy.set(edge.to, edge);
          if (edge.to === goal) return trace(cameBy, start, goal);
          next.push(edge.to);
        }
      }
      border = next;
    }
    return null;
  }
}

export interface PathOptions {
  readonly reasons: ReadonlySet<Reason>;
  readonly within: ReadonlySet<number>;
}

function trace(cameBy: ReadonlyMap<number, Edge>, start: number, goal: number): Edge[] {
  const path: Edge[] = [];
  for (let node = goal; node !== start;) {
    const edge = cameBy.get(node);
    if (edge === undefined) throw new Error("a way without a beginning");
    path.unshift(edge);
    node = edge.from;
  }
  return path;
}

interface Visit {
  readonly node: number;
  nextEdge: number;
}

class Components {
  readonly found: number[][] = [];
  readonly #graph: Graph;
  readonly #reasons: ReadonlySet<Reason>;
  readonly #index: Int32Array;
  readonly #low: Int32Array;
  readonly #isOnStack: Uint8Array;
  readonly #stack: number[] = [];
  #count = 0;

  constructor(graph: Graph, reasons: ReadonlySet<Reason>) {
    this.#graph = graph;
    this.#reasons = reasons;
    this.#index = new Int32Array(graph.size).fill(-1);
    this.#low = new Int32Array(graph.size);
    this.#isOnStack = new Uint8Array(graph.size);
    for (let node = 0; node < graph.size; node++) {
      if (this.#index[node] === -1) this.#search(node);
    }
  }

  #search(root: number): void {
    const visits = [this.#enter(root)];
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const child = this.#step(visit);
      if (child !== null) {
        visits.push(this.#enter(child));
        continue;
      }
      visits.pop();
      const parent = visits.at(-1);
      if (parent !== undefined) this.#lower(parent.node, this.#low[visit.node] ?? 0);
      if (this.#low[visit.node] === this.#index[visit.node]) this.#take(visit.node);
    }
  }

  #enter(node: number): Visit {
    this.#index[node] = this.#count;
    this.#low[node] = this.#count;
    this.#count++;
    this.#stack.push(node);
    this.#isOnStack[node] = 1;
    return { node, nextEdge: 0 };
  }

  /** The next node to go down to, null when all edges of this one are done. */
  #step(visit: Visit): number | null {
    const edges = this.#graph.from(visit.node);
    while (visit.nextEdge < edges.length) {
      const edge = edges[visit.nextEdge++];
      if (edge === undefined || !this.#reasons.has(edge.reason)) continue;
      const seen = this.#index[edge.to] ?? -1;
      if (seen === -1) return edge.to;
      if (this.#isOnStack[edge.to] === 1) this.#lower(visit.node, seen);
    }
    return null;
  }

  #lower(node: number, low: number): void {
    this.#low[node] = Math.min(this.#low[node] ?? 0, low);
  }

  #take(root: number): void {
    const component: number[] = [];
    for (;;) {
      const node = this.#stack.pop();
      if (node === undefined) break;
      this.#isOnStack[node] = 0;
      component.push(node);
      if (node === root) break;
    }
    if (component.length > 1) this.found.push(component);
  }
}
