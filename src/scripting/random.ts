// math.random of scripts: C's drand48 from its usual beginning, as in Redis, so that what math.randomseed
// promises holds across servers.

import { ArgumentError, LuaError, type LuaMachine } from "./machine.ts";

const TWO_24 = 2 ** 24;
// The multiplier 0x5DEECE66D in two parts of 24 bits, and the addend.
const A_LOW = 0xece66d;
const A_HIGH = 0x5de;
const ADDEND = 0xb;
const SEED_LOW = 0x330e;
// 0x1234abcd330e, where drand48 begins.
const START_LOW = 0xcd330e;
const START_HIGH = 0x1234ab;
const RANDOM_MAX = 2 ** 31 - 1;

export class ScriptRandom {
  /** 48 bits in two parts of 24. */
  #low = START_LOW;
  #high = START_HIGH;

  seed(value: number): void {
    const bits = value | 0;
    // The seed is the upper 32 bits of the state.
    this.#low = SEED_LOW + ((bits & 0xff) << 16);
    this.#high = (bits >>> 8) & 0xffffff;
  }

  /** 31 bits. */
  #next(): number {
    const low = this.#low * A_LOW + ADDEND;
    const carry = Math.floor(low / TWO_24);
    const high = this.#high * A_LOW + this.#low * A_HIGH + carry;
    this.#low = low % TWO_24;
    this.#high = high % TWO_24;
    // The upper 31 of 48 bits.
    return this.#high * 128 + (this.#low >>> 17);
  }

  readonly random = (lua: LuaMachine): number => {
    const fraction = (this.#next() % RANDOM_MAX) / RANDOM_MAX;
    const { top } = lua;
    if (top === 0) {
      lua.pushNumber(fraction);
      return 1;
    }
    if (top > 2) throw new LuaError("wrong number of arguments");
    const from = top === 1 ? 1 : integerAt(lua, 1);
    const to = integerAt(lua, top);
    if (from > to) {
      throw new ArgumentError(top, "interval is empty");
    }
    lua.pushNumber(Math.floor(fraction * (to - from + 1)) + from);
    return 1;
  };

  readonly randomseed = (lua: LuaMachine): number => {
    this.seed(integerAt(lua, 1));
    return 0;
  };
}

function integerAt(lua: LuaMachine, index: number): number {
  if (lua.top < index || !lua.isNumber(index)) {
    throw new ArgumentError(index, `number expected, got ${lua.typeName(index)}`);
  }
  return Math.trunc(lua.number(index));
}
