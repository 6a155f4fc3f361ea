// Seeded chance (xoshiro128**, Blackman and Vigna 2018): a run is repeated by its seed.

/** A source of chance. `next` is uniform over [0, 1). */
export interface Random {
  next(): number;
  /** Uniform over the whole numbers 0 ... limit - 1; `limit` at most 2^32. */
  below(limit: number): number;
}

export class SeededRandom implements Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    // splitmix32 spreads a small seed over the whole state; all-zero would be a fixed point.
    let mixed = seed >>> 0;
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = mixed;
      word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      this.#state[index] = (word ^ (word >>> 16)) >>> 0;
    }
  }

  next(): number {
    return this.#word() / 0x1_0000_0000;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  #word(): number {
    const state = this.#state;
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = state;
    const scrambled = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    const n2 = s2 ^ s0;
    const n3 = s3 ^ s1;
    state[1] = s1 ^ n2;
    state[0] = s0 ^ n3;
    state[2] = n2 ^ (s1 << 9);
    state[3] = rotateLeft(n3, 11);
    return scrambled;
  }
}

function rotateLeft(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0;
}
