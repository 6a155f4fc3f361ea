// What somebody has seen of batches that may still be undone, and will ask about later: WATCH. Versions of watched
// keys are put back with what is undone, so they do not tell that a key was another one when it was looked at.

export interface Resting {
  readonly batch: number;
  isUndone: boolean;
}

export class RestingOn {
  #all: Resting[] = [];

  /** `batch` is not committed. */
  add(batch: number): Resting {
    const resting = { batch, isUndone: false };
    this.#all.push(resting);
    return resting;
  }

  /** Everything up to `batch` stands. */
  committed(batch: number): void {
    if (this.#all.length > 0) this.#all = this.#all.filter((one) => one.batch > batch);
  }

  /** Everything that is left is undone. */
  undone(): void {
    for (const one of this.#all) one.isUndone = true;
    this.#all = [];
  }
}
