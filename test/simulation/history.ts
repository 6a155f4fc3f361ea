// Judges a history of operations on the logs by what clients were told, and by what is there at its end.
//
// The problem. Is there one order of all operations, each of them whole, that explains every answer
// and keeps real time: what was answered before another was asked stands before it? The way: a value
// is added once, so a read that has it comes behind its writer, and one that has it not comes
// before. With the order of time these are the edges of a graph; a circle in it is a contradiction.
//
// Where the death of the machine may lose writes (no fsync before the answer), what is lost must be an
// end of that order: all that survived stands before a cut, all that is lost behind it.

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, NullArray, type Reply } from "../../src/resp/reply.ts";
import { LawBroken, mustHold } from "./law.ts";
import { isOrdered, valuesIn } from "./logs.ts";
import { parsed } from "./replay.ts";
import { lastOf, type LogStep, type Operation } from "./operation.ts";

export type Logs = ReadonlyMap<Bytes, readonly Bytes[]>;

export interface History {
  readonly operations: readonly Operation[];
  readonly before: Logs;
  readonly after: Logs;
  /** Whether acknowledged operations may be gone. */
  readonly mayLose: boolean;
  /** Those that may not be gone even then. */
  readonly durable: ReadonlySet<Operation>;
}

interface Read {
  readonly key: Bytes;
  readonly values: readonly Bytes[];
}

interface Node {
  readonly name: string;
  readonly operations: Operation[];
  readonly adds: Map<Bytes, Bytes>;
  readonly reads: Read[];
  state: "done" | "refused" | "unknown";
  invoked: number;
  answered: number;
  readonly next: Set<Node>;
}

export function judge(history: History): void {
  const nodes = nodesOf(history.operations);
  const writers = new Map<Bytes, Node>();
  for (const node of nodes) for (const value of node.adds.keys()) writers.set(value, node);
  checkOrders(history, nodes);
  checkSeen(history, nodes, writers);
  const seen = new Set([...history.after.values()].flat());
  for (const node of nodes)
    for (const { values } of node.reads) for (const v of values) seen.add(v);
  const counted = nodes.filter((node) => didHappen(node, seen));
  addEdges(counted, writers);
  if (history.mayLose) addCut(counted, history.after);
  const circle = findCircle(counted);
  if (circle === null) return;
  const isCut = circle.some(({ name }) => name === "cut");
  throw new LawBroken(
    isCut ? 1 : "order",
    `a circle: ${circle.map(({ name }) => name).join(" > ")}`,
  );
}

function nodesOf(operations: readonly Operation[]): Node[] {
  const nodes: Node[] = [];
  const byToken = new Map<Bytes, Node>();
  for (const operation of operations) {
    if (operation.steps.length === 0) continue;
    const { token } = operation;
    const known = token === null ? undefined : byToken.get(token);
    const node = known ?? newNode(`${operation.id}`);
    if (known === undefined) nodes.push(node);
    if (token !== null) byToken.set(token, node);
    addTo(node, operation);
  }
  return nodes;
}

function newNode(name: string): Node {
  return {
    name,
    operations: [],
    adds: new Map(),
    reads: [],
    state: "refused",
    invoked: Infinity,
    answered: Infinity,
    next: new Set(),
  };
}

/** Another try of the same, or the only one. */
function addTo(node: Node, operation: Operation): void {
  node.operations.push(operation);
  node.invoked = Math.min(node.invoked, operation.invoked);
  const replies = repliesOf(operation);
  const untold = replies === null ? untoldOf(operation) : null;
  const state = stateOf(operation, replies);
  if (state === "done") node.answered = Math.min(node.answered, operation.answered);
  if (node.state !== "done" && state !== "refused") node.state = state;
  for (const [index, { key, value }] of operation.steps.entries()) {
    if (value !== null) {
      // A command that failed by itself leaves nothing, and its neighbours go on (law 4).
      if (!failedAlone(operation, (replies ?? untold)?.[index])) node.adds.set(value, key);
    } else if (replies !== null) {
      const reply = replies[index];
      const values = reply === undefined ? null : valuesIn(key, reply);
      if (values !== null) node.reads.push({ key, values });
    }
  }
  if (state === "refused" && node.reads.length > 0) node.answered = operation.answered;
}

/** The answer to each step; null when it was refused or lost as a whole. */
function repliesOf(operation: Operation): readonly Reply[] | null {
  const reply = replyOf(operation);
  if (reply === undefined || reply instanceof ErrorReply) return null;
  if (!isMany(operation)) return [reply];
  if (!Array.isArray(reply)) return null;
  return operation.token === null ? reply : reply.slice(1);
}

/** What it would have been told, had its connection lived: which of its commands failed by themselves. */
function untoldOf(operation: Operation): readonly Reply[] | null {
  const bytes = lastOf(operation).run?.bytes ?? null;
  const reply = bytes === null ? undefined : parsed(bytes);
  if (!Array.isArray(reply)) return null;
  return operation.token === null ? reply : reply.slice(1);
}

function isMany(operation: Operation): boolean {
  return operation.queuedCount > 0 || /^(?:EVAL|FCALL)$/.test(operation.requests[0]?.args[0] ?? "");
}

/** Among others that did not: the storage has refused all of them, or it could not be read for this one. */
function failedAlone(operation: Operation, answer: Reply | undefined): boolean {
  if (!isMany(operation) || !(answer instanceof ErrorReply)) return false;
  return !answer.text.startsWith("EXECABORT");
}

/** Undefined while it is not known. */
function replyOf(operation: Operation): Reply | undefined {
  const last = lastOf(operation);
  return last.args[0] === "CLIENT" || last.replyCount === 0 ? undefined : last.replies[0];
}

function stateOf(operation: Operation, replies: readonly Reply[] | null): Node["state"] {
  const reply = replyOf(operation);
  if (reply === undefined) return "unknown";
  if (replies === null) return "refused";
  if (isMany(operation) && (reply === null || reply instanceof NullArray)) return "refused";
  const failed = (step: LogStep, index: number): boolean => {
    const answer = replies[index];
    return step.value !== null && answer instanceof ErrorReply && !failedAlone(operation, answer);
  };
  return operation.steps.some(failed) ? "refused" : "done";
}

/** Who reads an ordered log reads a beginning of what others read. */
function checkOrders({ after, mayLose }: History, nodes: readonly Node[]): void {
  for (const key of after.keys()) {
    if (!isOrdered(key)) continue;
    const final = after.get(key) ?? [];
    const reads = nodes.flatMap((node) => node.reads.filter((read) => read.key === key));
    let longest: readonly Bytes[] = final;
    for (const { values } of reads) if (values.length > longest.length) longest = values;
    mustHold(1, mayLose || longest === final, `${key} was longer than it is: ${longest.join(" ")}`);
    for (const values of [final, ...reads.map((read) => read.values)]) {
      const isPrefix = values.every((value, index) => value === longest[index]);
      mustHold(
        "order",
        isPrefix,
        `${key}: ${values.join(" ")} is no beginning of ${longest.join(" ")}`,
      );
    }
  }
}

/** Nothing that was refused is seen, nothing that was told as done is gone, nothing is there by half. */
function checkSeen(history: History, nodes: readonly Node[], writers: Map<Bytes, Node>): void {
  const before = new Set([...history.before.values()].flat());
  const after = [...history.after.values()].flat();
  mustHold("order", new Set(after).size === after.length, "something was added twice");
  for (const value of [
    ...nodes.flatMap((node) => node.reads.flatMap((one) => one.values)),
    ...after,
  ]) {
    const isKnown = before.has(value) || writers.has(value);
    mustHold(4, isKnown, `${value} was seen, and nobody has written it`);
  }
  for (const node of nodes) {
    for (const { key, values } of node.reads) {
      const refused = values.find((value) => writers.get(value)?.state === "refused");
      mustHold(
        6,
        refused === undefined,
        `${node.name} saw ${refused} in ${key}, which was refused`,
      );
    }
  }
  const present = new Set(after);
  for (const node of nodes) {
    const added = [...node.adds.keys()];
    const there = added.filter((value) => present.has(value)).length;
    mustHold(3, there === 0 || there === added.length, `half of ${node.name} is there`);
    mustHold(5, node.state !== "refused" || there === 0, `${node.name} was refused, and is there`);
    const mustBe = !history.mayLose || node.operations.some((one) => history.durable.has(one));
    const isGone = node.state === "done" && there < added.length;
    mustHold(1, !isGone || !mustBe, `${node.name} was told as done, and is gone`);
  }
}

function didHappen(node: Node, seen: ReadonlySet<Bytes>): boolean {
  if (node.state === "done") return true;
  const wasSeen = [...node.adds.keys()].some((value) => seen.has(value));
  if (wasSeen) return true;
  node.adds.clear();
  return node.state === "refused" && node.reads.length > 0;
}

function addEdges(nodes: readonly Node[], writers: ReadonlyMap<Bytes, Node>): void {
  const isCounted = new Set(nodes);
  for (const earlier of nodes) {
    for (const later of nodes) if (earlier.answered < later.invoked) earlier.next.add(later);
  }
  for (const reader of nodes) {
    for (const { key, values } of reader.reads) {
      const has = new Set(values);
      for (const [value, writer] of writers) {
        if (writer === reader || !isCounted.has(writer)) continue;
        if (writer.adds.get(value) !== key) continue;
        if (has.has(value)) writer.next.add(reader);
        else reader.next.add(writer);
      }
    }
  }
}

function addCut(nodes: Node[], after: Logs): void {
  const present = new Set([...after.values()].flat());
  const cut = newNode("cut");
  for (const node of nodes) {
    const added = [...node.adds.keys()];
    if (added.length === 0) continue;
    if (added.every((value) => present.has(value))) node.next.add(cut);
    else cut.next.add(node);
  }
  nodes.push(cut);
}

function findCircle(nodes: readonly Node[]): Node[] | null {
  const settled = new Set<Node>();
  const onPath = new Set<Node>();
  const path: Node[] = [];
  const walk = (node: Node): Node[] | null => {
    if (onPath.has(node)) return [...path.slice(path.indexOf(node)), node];
    if (settled.has(node)) return null;
    onPath.add(node);
    path.push(node);
    for (const next of node.next) {
      const found = walk(next);
      if (found !== null) return found;
    }
    path.pop();
    onPath.delete(node);
    settled.add(node);
    return null;
  };
  for (const node of nodes) {
    const found = walk(node);
    if (found !== null) return found;
  }
  return null;
}
