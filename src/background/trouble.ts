// What keeps background work from being done: told once, and gone on with at the next round. A disk
// that cannot be read is no reason to stop serving those whose data can.

import type { Clock } from "../base/clock.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { StorageError } from "../engine/engine.ts";

export interface BackgroundParts {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  /** Background work is kept from being done, in words for the operator; it is tried again. */
  readonly onTrouble: (words: string) => void;
  readonly onBug: (error: unknown) => void;
}

export class Trouble {
  readonly #tell: (words: string) => void;
  #last: string | null = null;

  constructor(tell: (words: string) => void) {
    this.#tell = tell;
  }

  /** True for a failure of the storage, which is told when it is new; anything else is our own bug. */
  met(error: unknown): boolean {
    if (!(error instanceof StorageError)) return false;
    if (error.kind === "closed" || error.message === this.#last) return true;
    this.#last = error.message;
    this.#tell(error.message);
    return true;
  }

  /** A round has gone well. */
  over(): void {
    this.#last = null;
  }
}
