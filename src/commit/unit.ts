// A unit of work: what runs without anyone in between and vanishes or stays as a whole. A plain
// command, an EXEC, a script, a step of the expirer.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Encoded } from "../resp/long-reply.ts";
import type { Database } from "../keyspace/keyspace.ts";
import { ColdRead } from "../keyspace/cold.ts";
import { LongRead } from "../keyspace/long-read.ts";
import type { View } from "../keyspace/view.ts";
import type { LentMoment, Stay } from "./long-reads.ts";
import type { Failure } from "./settle.ts";
import { ReplyQueue, type HeldReply } from "./reply-queue.ts";

/** Whom a unit works for: a connection, or the server itself. */
export interface Client {
  /** The number of the connection; 0 for the server itself. */
  readonly id: number;
  readonly replies: ReplyQueue;
  /** Whether look-ups count as accesses: CLIENT NO-TOUCH. */
  readonly touch: boolean;
  database: Database;
}

/** Thrown by a unit that would hold the event loop for too long: it is undone, and `runLong` is called. */
export class LongRun extends Error {
  override readonly name = "LongRun";
}

/** Why a unit has stopped in the middle; it is undone. */
export type Stop = ColdRead | LongRead | LongRun;

export function isStop(error: unknown): error is Stop {
  return error instanceof ColdRead || error instanceof LongRead || error instanceof LongRun;
}

/** Brings in what a read found cold, so that it can be tried again. */
export type LoadCold = (cold: ColdRead) => Promise<void>;

export interface Unit {
  readonly client: Client;
  /** Set for units of a single command with the flag "readonly". */
  readonly countLookups: boolean;
  /**
   * Runs, synchronously, and gives the bytes of the reply as it will be once what it rests on is
   * committed; null when there is none to send. May throw COLD, and is then run again from the start
   * after a load.
   */
  run(view: View): Encoded | null;
  /**
   * It only reads: when that takes long it may be run elsewhere, over a moment of the store. `run` throws LONG_READ then.
   */
  readonly mayLeave: boolean;
  /** The same run there; the loan is the unit's from now on. */
  runElsewhere?(moment: LentMoment): Promise<Encoded | null | Stay>;
  /**
   * The same run when it takes long, step by step: nobody else runs or commits meanwhile, so it is still
   * one unit. Each step loads by itself what it finds cold.
   */
  runLong?(view: View, load: LoadCold): Promise<Encoded | null>;
  /** The reply of the run just made, to be held for `batch`; `wrote` tells a write from a read. */
  hold(batch: number, bytes: Encoded, wrote: boolean): HeldReply;
  /** The bytes of the reply when it cannot be run at all, because what it needs cannot be read. */
  failed(failure: Failure): Encoded | null;
  /** The keys it will want, told after a first cold read, so that they are loaded at once. */
  keysWanted(): Iterable<KeyOf>;
  /** Keys of what the client has sent behind it: loaded beside them, so that a pipeline waits once. */
  keysAhead?(): Iterable<KeyOf>;
}

export interface KeyOf {
  readonly database: Database;
  readonly key: Bytes;
}

/** Nobody listens: what the server does for itself has no replies. */
const NOBODY = new ReplyQueue({ write: () => {}, abandon: () => {} });

/** A unit of the server's own: background work, nothing to answer. */
export function internalUnit(
  database: Database,
  action: (view: View) => void,
  keysWanted: () => Iterable<KeyOf>,
): Unit {
  return {
    client: { id: 0, replies: NOBODY, touch: false, database },
    countLookups: false,
    mayLeave: false,
    run(view) {
      action(view);
      return null;
    },
    hold() {
      throw new AssertionFailed("an internal unit has no reply");
    },
    // Background work comes round again; the health watcher tells the operator.
    failed: () => null,
    keysWanted,
  };
}
