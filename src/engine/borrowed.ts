// What another thread has lent of its store: the committed data of one moment, for reading. Nothing is cold
// here, for whoever reads has a thread of his own to wait on.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type {
  Cursor,
  CursorRange,
  Engine,
  EngineHealth,
  EngineUpdate,
  Loan,
  StoreId,
  UnknownOutcome,
} from "./engine.ts";

/** What reads of a store one by one, and waits for the disk. */
export interface Moment {
  get(store: StoreId, key: Bytes): Bytes | null;
  cursor(store: StoreId, range: CursorRange): Cursor;
  close(): void;
}

const CALM: EngineHealth = { stall: "none", error: null };

function never(): never {
  throw new AssertionFailed("what is borrowed can only be read");
}

export class BorrowedEngine implements Engine {
  readonly #moment: Moment;

  constructor(moment: Moment) {
    this.#moment = moment;
  }

  get(store: StoreId, key: Bytes): Bytes | null {
    return this.#moment.get(store, key);
  }

  load(store: StoreId, keys: readonly Bytes[]): Promise<(Bytes | null)[]> {
    return Promise.resolve(keys.map((key) => this.#moment.get(store, key)));
  }

  loadMicros(): number {
    return 0;
  }

  cursor(store: StoreId, range: CursorRange): Cursor {
    return this.#moment.cursor(store, range);
  }

  warm(): Promise<void> {
    return Promise.resolve();
  }

  lend(): Loan | null {
    return null;
  }

  health(): EngineHealth {
    return CALM;
  }

  onHealth(): void {}

  property(): string | null {
    return null;
  }

  close(): Promise<void> {
    this.#moment.close();
    return Promise.resolve();
  }

  write(): void {
    never();
  }

  writeAsync(): Promise<void> {
    return never();
  }

  sync(): Promise<void> {
    return never();
  }

  settleUnknown(): Promise<UnknownOutcome> {
    return never();
  }

  /** Asked only of a store that may be empty. */
  sequence(): number {
    return 1;
  }

  updatesSince(): AsyncIterable<EngineUpdate> {
    return never();
  }

  firstUpdate(): Promise<number> {
    return never();
  }

  resume(): Promise<void> {
    return never();
  }

  flush(): Promise<void> {
    return never();
  }

  compact(): Promise<void> {
    return never();
  }

  checkpoint(): Promise<void> {
    return never();
  }

  configure(): Promise<void> {
    return never();
  }
}
