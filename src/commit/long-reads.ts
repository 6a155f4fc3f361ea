// Reading commands that look at very much: they run on a thread of their own, over a snapshot, and everybody else goes
// on. Here is when the snapshot is taken and who waits for a seat; the thread is server/read-thread.ts.
//
// What such a read shows is the committed state at the moment of its snapshot, which lies between the command and its
// reply. So it rests on no write that could still be undone, and its reply leaves at once (laws 1, 5, 6). Two things
// must hold at that moment:
//
//   - Nothing is being appended. Else the snapshot might have a batch of which nobody knows yet how it ends.
//   - All that the client has been told, or will be told before this reply, is committed: his own writes, and what
//     his reads saw that wait for a commit. Else he would see time run backwards.
//
// Where neither has to be waited for, a stalled disk holds up no read (law 7). While the outcome of an append is unknown
// (law 9), such commands run on the event loop like all others.

import type { Engine, Loan } from "../engine/engine.ts";
import type { ReplyQueue } from "./reply-queue.ts";
import type { Unit } from "./unit.ts";

/** A moment of the store, to be read by who gets it, and what its clock says. */
export interface LentMoment {
  readonly loan: Loan;
  readonly nowMs: number;
}

/** The unit must run on the event loop after all. */
export const STAY = Symbol("stay");
export type Stay = typeof STAY;

/** What is to be known of the pipeline. */
export interface LongReadsHost {
  readonly keyspace: { readonly engine: Engine; readonly committedBatch: number };
  /** A batch is on its way, and neither waits to be tried again nor is in doubt. */
  readonly isAppending: boolean;
  readonly isInDoubt: boolean;
  nowMs(): number;
}

interface Waiter {
  readonly replies: ReplyQueue;
  readonly resolve: (moment: LentMoment | null) => void;
}

export class LongReads {
  /** So much a command may look at on the event loop: elements, keys. */
  elementsMax = Infinity;
  running = 0;
  /** Since the start. */
  totalCount = 0;
  #seatCount = 0;
  readonly #host: LongReadsHost;
  /** In the order in which they came. */
  #waiters: Waiter[] = [];

  constructor(host: LongReadsHost) {
    this.#host = host;
  }

  /** How many run at the same time; 0: commands run to their end on the event loop. */
  set seatCount(count: number) {
    this.#seatCount = count;
    this.goOn();
  }

  /** What `View.readsLeft` begins with. */
  get bound(): number {
    return this.#seatCount === 0 ? Infinity : this.elementsMax;
  }

  get waitingCount(): number {
    return this.#waiters.length;
  }

  /** Runs a unit elsewhere and sends its reply; false when it must run on the event loop. */
  async run(unit: Unit): Promise<boolean> {
    if (unit.runElsewhere === undefined) return false;
    const moment = await new Promise<LentMoment | null>((resolve) => {
      this.#waiters.push({ replies: unit.client.replies, resolve });
      this.goOn();
    });
    if (moment === null) return false;
    try {
      const bytes = await unit.runElsewhere(moment);
      if (bytes === STAY) return false;
      this.totalCount++;
      if (bytes !== null) unit.client.replies.send(bytes);
      return true;
    } finally {
      this.running--;
      this.goOn();
    }
  }

  /**
   * Whoever can begins. Called when a seat is free, and when an append has ended, one way or the other, before the
   * next one begins.
   */
  goOn(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      const moment = this.#lend(waiter.replies);
      if (moment === undefined) this.#waiters.push(waiter);
      else {
        if (moment !== null) this.running++;
        waiter.resolve(moment);
      }
    }
  }

  /** Null for who is to run on the event loop; undefined for who has to wait. */
  #lend(replies: ReplyQueue): LentMoment | null | undefined {
    const { keyspace, isAppending, isInDoubt } = this.#host;
    if (isInDoubt || this.#seatCount === 0) return null;
    if (this.running >= this.#seatCount || isAppending || !replies.isEmpty) return undefined;
    if (replies.lastWriteBatch > keyspace.committedBatch) return undefined;
    const loan = keyspace.engine.lend();
    return loan === null ? null : { loan, nowMs: this.#host.nowMs() };
  }
}
