// Is a history of single operations on registers linearizable? Porcupine's method (Athalye 2017, after
// Wing and Gong 1993 and Lowe 2017): keys are independent, so each is checked alone; operations are
// tried in every order that time permits, and what was done so far together with the state it led to
// is remembered, so that no dead end is entered twice. An operation of unknown outcome never
// returns: it may take effect at any time after its call, or at the very end, which is never.

export type RegisterStep =
  | { readonly kind: "write"; readonly value: string }
  /** Its result is what stood there before. */
  | { readonly kind: "exchange"; readonly value: string }
  | { readonly kind: "read" }
  | { readonly kind: "delete" }
  | { readonly kind: "swap"; readonly from: string; readonly to: string }
  /** Puts one more character at the end; its result is the length. */
  | { readonly kind: "extend" };

export interface RegisterOperation {
  readonly key: string;
  readonly step: RegisterStep;
  /** What it answered; undefined when the outcome is unknown. Null stands for no value. */
  readonly result: string | null | undefined;
  readonly beganUs: number;
  readonly endedUs: number;
}

type State = string | null;

/** The keys whose histories are not linearizable, with the operations that show it. */
export function checkRegisters(history: readonly RegisterOperation[]): string[] {
  const byKey = new Map<string, RegisterOperation[]>();
  for (const operation of history) {
    const some = byKey.get(operation.key);
    if (some === undefined) byKey.set(operation.key, [operation]);
    else some.push(operation);
  }
  const complaints: string[] = [];
  for (const [key, operations] of byKey) {
    // A read that nobody heard the answer of changes nothing and says nothing.
    const telling = operations.filter(
      ({ step, result }) => step.kind !== "read" || result !== undefined,
    );
    const search = new Search(telling);
    if (!search.succeeds()) complaints.push(`${key}: ${search.explain()}`);
  }
  return complaints;
}

/** The state after a step that gave this result; undefined when it cannot have given it. */
export function applied(state: State, operation: RegisterOperation): State | undefined {
  const { step, result } = operation;
  const said = (answer: string | null) => result === undefined || result === answer;
  switch (step.kind) {
    case "write":
      return said("OK") ? step.value : undefined;
    case "exchange":
      return said(state) ? step.value : undefined;
    case "read":
      return said(state) ? state : undefined;
    case "delete":
      return said(state === null ? "0" : "1") ? null : undefined;
    case "swap": {
      const hits = state === step.from;
      if (!said(hits ? "1" : "0")) return undefined;
      return hits ? step.to : state;
    }
    case "extend": {
      const next = `${state ?? ""}+`;
      return said(String(next.length)) ? next : undefined;
    }
    default:
      return step satisfies never;
  }
}

/** A call or a return, in a list from which what is linearized is taken out and put back. */
interface Moment {
  readonly operation: number;
  readonly isCall: boolean;
  /** Of a call: its return. */
  match: Moment | null;
  previous: Moment | null;
  next: Moment | null;
}

class Search {
  readonly #operations: readonly RegisterOperation[];
  readonly #head: Moment;
  readonly #seen = new Set<string>();
  readonly #done: Uint32Array;
  #state: State = null;
  readonly #stack: { readonly call: Moment; readonly state: State }[] = [];
  #deepest: readonly number[] = [];

  constructor(operations: readonly RegisterOperation[]) {
    this.#operations = operations;
    this.#done = new Uint32Array(Math.ceil(operations.length / 32));
    this.#head = momentsOf(operations);
  }

  succeeds(): boolean {
    let moment = this.#head.next;
    while (moment !== null) {
      if (moment.isCall) {
        moment = this.#tries(moment) ? this.#head.next : moment.next;
        continue;
      }
      if (this.#returnsUnknown(moment)) return true;
      const last = this.#stack.pop();
      if (last === undefined) return false;
      this.#state = last.state;
      this.#flip(last.call.operation);
      putBack(last.call);
      moment = last.call.next;
    }
    return true;
  }

  /** Returns of unknown outcomes stand behind all others: what is left need not have happened. */
  #returnsUnknown({ operation }: Moment): boolean {
    return this.#operations[operation]?.result === undefined;
  }

  #tries(call: Moment): boolean {
    const operation = this.#operations[call.operation];
    if (operation === undefined) return false;
    const state = applied(this.#state, operation);
    if (state === undefined) return false;
    this.#flip(call.operation);
    if (!this.#isNew(state)) {
      this.#flip(call.operation);
      return false;
    }
    this.#stack.push({ call, state: this.#state });
    if (this.#stack.length > this.#deepest.length) {
      this.#deepest = this.#stack.map((entry) => entry.call.operation);
    }
    this.#state = state;
    takeOut(call);
    return true;
  }

  #isNew(state: State): boolean {
    let key = state === null ? "-" : `=${state}`;
    for (const word of this.#done) key += `,${word.toString(36)}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  #flip(operation: number): void {
    const word = operation >> 5;
    this.#done[word] = ((this.#done[word] ?? 0) ^ (1 << (operation & 31))) >>> 0;
  }

  /** The end of the longest order that was found, and what could not follow. */
  explain(): string {
    const done = new Set(this.#deepest);
    const rest = this.#operations.filter((_, index) => !done.has(index)).slice(0, 6);
    const last = this.#deepest.slice(-4).map((index) => this.#operations[index]);
    const { length } = this.#operations;
    const reached = `${this.#deepest.length} of ${length} operations have an order`;
    return `${reached}, ending ${show(last)}; not ${show(rest)}`;
  }
}

function show(operations: readonly (RegisterOperation | undefined)[]): string {
  return JSON.stringify(operations.map((one) => one && [one.step, one.result, one.beganUs]));
}

function momentsOf(operations: readonly RegisterOperation[]): Moment {
  const sorted: { atUs: number; moment: Moment }[] = [];
  const link = { previous: null, next: null };
  for (const [operation, { beganUs, endedUs, result }] of operations.entries()) {
    const end: Moment = { operation, isCall: false, match: null, ...link };
    const call: Moment = { operation, isCall: true, match: end, ...link };
    sorted.push({ atUs: beganUs, moment: call });
    sorted.push({ atUs: result === undefined ? Infinity : endedUs, moment: end });
  }
  sorted.sort((one, other) => {
    // Infinity minus itself is no number. At the same moment, calls first: they may overlap.
    if (one.atUs !== other.atUs) return one.atUs < other.atUs ? -1 : 1;
    return Number(other.moment.isCall) - Number(one.moment.isCall);
  });
  const head: Moment = { operation: -1, isCall: false, match: null, ...link };
  let last = head;
  for (const { moment } of sorted) {
    last.next = moment;
    moment.previous = last;
    last = moment;
  }
  return head;
}

function takeOut(call: Moment): void {
  unlink(call);
  if (call.match !== null) unlink(call.match);
}

function unlink(moment: Moment): void {
  if (moment.previous !== null) moment.previous.next = moment.next;
  if (moment.next !== null) moment.next.previous = moment.previous;
}

/** In the reverse order of taking out, so that each finds its neighbours as it left them. */
function putBack(call: Moment): void {
  if (call.match !== null) relink(call.match);
  relink(call);
}

function relink(moment: Moment): void {
  if (moment.previous !== null) moment.previous.next = moment;
  if (moment.next !== null) moment.next.previous = moment;
}
