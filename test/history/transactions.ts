// What a history of transactions over append-only lists is made of. Clients write it down (client.ts),
// the checker (list-append.ts) reads it.

/** Completed, certainly without effect, or nobody knows: the connection broke, or the wait was over. */
export type Outcome = "ok" | "failed" | "unknown";

/** A value put at the end of a key's list. Within a key, no value is appended twice. */
export interface Append {
  readonly kind: "append";
  readonly key: string;
  readonly value: string;
}

/** What a key's list was; only what completed transactions read counts. */
export interface Read {
  readonly kind: "read";
  readonly key: string;
  readonly values: readonly string[];
}

export type Step = Append | Read;

export interface Transaction {
  /** Shown in complaints. */
  readonly name: string;
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
  /** Monotonic, the same clock for all clients; both ends in microseconds. */
  readonly beganUs: number;
  /** When its answer was there; nothing where the outcome is unknown. */
  readonly endedUs: number;
}

/** Something that no strictly serializable database does. */
export interface Anomaly {
  readonly name: string;
  readonly because: string;
}
