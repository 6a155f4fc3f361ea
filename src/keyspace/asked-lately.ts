// Who was asked for lately, by the hash of his key: one bit each, all of them forgotten when an eighth is set. A
// key that is asked for once, of millions, is not worth the objects that would be kept of it, nor their
// collection; one that is asked for again soon is. One in eight of the others is taken for such a one at worst.

const BITS = 1 << 21;
const NOTED_MAX = BITS / 8;

export class AskedLately {
  readonly #words = new Int32Array(BITS / 32);
  #noted = 0;

  /** Whether it was; from now on it was. */
  note(hash: number): boolean {
    const words = this.#words;
    const word = (hash >>> 5) & (BITS / 32 - 1);
    const bit = 1 << (hash & 31);
    const before = words[word] ?? 0;
    if ((before & bit) !== 0) return true;
    if (this.#noted === NOTED_MAX) {
      words.fill(0);
      this.#noted = 0;
    }
    words[word] = (words[word] ?? 0) | bit;
    this.#noted++;
    return false;
  }
}
