// Who writes while the server is killed, and what each of them demands of the data afterwards.
//
//   Owner    keys of his own, every kind of plain write, and EXECs that move a token between two keys.
//            What is found must be a state that he passed through (passage.ts): half an EXEC is none.
//   Banker   moves money between accounts that all bankers share: the sum never changes.
//   Retrier  counts by EXECs under ONCE tokens. After the crash he asks again for what he was not
//            answered, and for what he was: each token counts once, with the first outcome's reply.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { NULL_ARRAY, OK, type Reply } from "../../src/resp/reply.ts";
import { bytesOf, itemsOf, readAll } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import type { Operation } from "./connection.ts";
import { Passage, type Passing } from "./passage.ts";

export interface Worker {
  /** Operations under way at once. */
  readonly window: number;
  readonly acknowledgedCount: number;
  next(): Operation;
  /** After a restart: demands what must hold, and goes on from there. */
  settle(client: RawClient): Promise<void>;
  /** How many of the database's keys are his, after `settle`. */
  readonly keyCount: number;
}

type State = Map<Bytes, Bytes>;

/** One thing an owner did: the commands, and what they make of his state. */
interface Step extends Passing<State> {
  readonly commands: readonly (readonly Bytes[])[];
  readonly isTransaction: boolean;
}

const OWNED_KEYS = 24;
const VALUE_BYTES = [0, 1, 40, 200, 200, 2000] as const;
const BIG_VALUE_BYTES = 100_000;
const APPEND_UNTIL_BYTES = 20_000;

export class Owner implements Worker {
  readonly window = 32;
  readonly #name: Bytes;
  readonly #random: Random;
  readonly #passage: Passage<State>;
  #stepCount = 0;

  constructor(name: Bytes, random: Random) {
    this.#name = name;
    this.#random = random;
    this.#passage = new Passage(name, new Map(), (state) => new Map(state));
  }

  get acknowledgedCount(): number {
    return this.#passage.acknowledgedCount;
  }

  next(): Operation {
    const step = this.#step();
    return operationOf(step.commands, step.isTransaction, this.#passage.send(step));
  }

  #step(): Step {
    this.#stepCount++;
    const key = `${this.#name}:${this.#random.below(OWNED_KEYS)}`;
    switch (this.#random.below(6)) {
      case 0:
      case 1:
        return setStep(key, this.#value());
      case 2:
        return incrementStep(`${this.#name}:counter:${this.#random.below(2)}`);
      case 3: {
        const isLong = (this.#passage.sent.get(key)?.length ?? 0) > APPEND_UNTIL_BYTES;
        return isLong ? setStep(key, "") : appendStep(key, this.#value());
      }
      case 4:
        return deleteStep(key);
      default:
        return this.#moveStep();
    }
  }

  #value(): Bytes {
    const size = VALUE_BYTES[this.#random.below(VALUE_BYTES.length)] ?? 0;
    // Now and then one that commits on a thread and fills the memtable.
    const byteCount = this.#random.below(200) === 0 ? BIG_VALUE_BYTES : size;
    return `${this.#stepCount}:`.padEnd(byteCount, `\0\xff\r\n${this.#name}`);
  }

  /** The token is at exactly one place, whenever one looks. */
  #moveStep(): Step {
    const places = [`${this.#name}:left`, `${this.#name}:right`];
    const isLeft = this.#passage.sent.has(`${this.#name}:left`);
    const [from = "", to = ""] = isLeft ? places : places.toReversed();
    const token = `token ${this.#stepCount}`;
    const moves = `${this.#name}:moves`;
    const steps = [deleteStep(from), setStep(to, token), incrementStep(moves)];
    return {
      commands: steps.flatMap((step) => step.commands),
      isTransaction: true,
      apply: (state) => steps.map((step) => step.apply(state)),
    };
  }

  get keyCount(): number {
    return this.#passage.known.size;
  }

  async settle(client: RawClient): Promise<void> {
    const found = await this.#found(client);
    const { left, right } = {
      left: found.has(`${this.#name}:left`),
      right: found.has(`${this.#name}:right`),
    };
    const moved = found.has(`${this.#name}:moves`);
    assert.equal(Number(left) + Number(right), moved ? 1 : 0, `${this.#name} found half an EXEC`);

    this.#passage.settle(
      (state) => isSame(found, state),
      (all) => explain(found, all),
    );
  }

  async #found(client: RawClient): Promise<State> {
    const own = ["left", "right", "moves", "counter:0", "counter:1"];
    const names = [...Array.from({ length: OWNED_KEYS }, (_, index) => String(index)), ...own];
    const keys = names.map((name) => `${this.#name}:${name}`);
    const found: State = new Map();
    for (const [index, value] of (await readAll(client, keys)).entries()) {
      if (value !== null) found.set(keys[index] ?? "", bytesOf(value));
    }
    return found;
  }
}

/** What was found and what would be there, were all that was sent applied. */
function explain(found: State, all: State): string {
  const keys = new Set([...found.keys(), ...all.keys()]);
  const different = [...keys].filter((key) => found.get(key) !== all.get(key));
  const shown = different
    .slice(0, 4)
    .map((key) => `${key} is ${short(found.get(key))}, not ${short(all.get(key))}`);
  return `what is found; were all applied: ${shown.join("; ")}`;
}

function short(value: Bytes | undefined): string {
  return value === undefined ? "absent" : `${JSON.stringify(value.slice(0, 30))} (${value.length})`;
}

function isSame(one: State, other: State): boolean {
  if (one.size !== other.size) return false;
  for (const [key, value] of one) if (other.get(key) !== value) return false;
  return true;
}

function setStep(key: Bytes, value: Bytes): Step {
  return plainStep(["SET", key, value], (state) => {
    state.set(key, value);
    return OK;
  });
}

function incrementStep(key: Bytes): Step {
  return plainStep(["INCR", key], (state) => {
    const value = Number(state.get(key) ?? "0") + 1;
    state.set(key, String(value));
    return value;
  });
}

function appendStep(key: Bytes, value: Bytes): Step {
  return plainStep(["APPEND", key, value], (state) => {
    const whole = (state.get(key) ?? "") + value;
    state.set(key, whole);
    return whole.length;
  });
}

function deleteStep(key: Bytes): Step {
  return plainStep(["DEL", key], (state) => (state.delete(key) ? 1 : 0));
}

function plainStep(command: readonly Bytes[], apply: (state: State) => Reply): Step {
  return { commands: [command], isTransaction: false, apply };
}

function operationOf(
  commands: readonly (readonly Bytes[])[],
  isTransaction: boolean,
  acknowledge: (last: Reply) => void,
): Operation {
  const bytes = commands.map((command) => request(...command)).join("");
  if (!isTransaction) return { bytes, replyCount: commands.length, acknowledge };
  return {
    bytes: request("MULTI") + bytes + request("EXEC"),
    replyCount: commands.length + 2,
    acknowledge,
  };
}

const ACCOUNTS = 8;

/** All bankers of a run share the accounts; only the first counts them as his keys. */
export class Banker implements Worker {
  readonly window = 8;
  acknowledgedCount = 0;
  keyCount = 0;
  readonly #index: number;
  readonly #random: Random;
  /** Transfers known to be made, and sent since. */
  #made = 0;
  #sentCount = 0;

  constructor(index: number, random: Random) {
    this.#index = index;
    this.#random = random;
  }

  next(): Operation {
    const amount = String(1 + this.#random.below(1000));
    const from = this.#random.below(ACCOUNTS);
    const to = (from + 1 + this.#random.below(ACCOUNTS - 1)) % ACCOUNTS;
    this.#sentCount++;
    const number = this.#sentCount;
    const commands = [
      ["DECRBY", `account:${from}`, amount],
      ["INCR", `transfers:${this.#index}`],
      ["INCRBY", `account:${to}`, amount],
    ];
    return operationOf(commands, true, (last) => {
      const replies = itemsOf(last);
      assert.equal(replies.length, 3);
      assert.equal(replies[1], number);
      this.#made = number;
      this.acknowledgedCount++;
    });
  }

  async settle(client: RawClient): Promise<void> {
    const accounts = Array.from({ length: ACCOUNTS }, (_, index) => `account:${index}`);
    const balances = await readAll(client, accounts);
    const sum = balances.reduce<number>((total, balance) => total + Number(balance ?? 0), 0);
    assert.equal(sum, 0, "money was made or lost: half an EXEC is there");
    const [count] = await readAll(client, [`transfers:${this.#index}`]);
    const found = Number(count ?? 0);
    assert.ok(found >= this.#made, `${this.#made} transfers were acknowledged, ${found} are there`);
    assert.ok(
      found <= this.#sentCount,
      `${found} transfers are there, ${this.#sentCount} were sent`,
    );
    this.#made = found;
    this.#sentCount = found;
    const shared = this.#index === 0 ? balances.filter((balance) => balance !== null).length : 0;
    this.keyCount = shared + (count === null ? 0 : 1);
  }
}

/** Old tokens asked for again after each crash. */
const REPEATS = 20;

export class Retrier implements Worker {
  readonly window = 4;
  acknowledgedCount = 0;
  keyCount = 0;
  readonly #name: Bytes;
  readonly #random: Random;
  #answered = 0;
  #sentCount = 0;

  constructor(name: Bytes, random: Random) {
    this.#name = name;
    this.#random = random;
  }

  next(): Operation {
    this.#sentCount++;
    return this.#attempt(this.#sentCount, () => {
      this.#answered++;
      this.acknowledgedCount++;
    });
  }

  /** The n-th token makes the counter n, the first time and whenever it is asked for again. */
  #attempt(number: number, done: () => void): Operation {
    const commands = [
      ["ONCE", `${this.#name}:${number}`],
      ["INCR", `${this.#name}:count`],
    ];
    return operationOf(commands, true, (last) => {
      assert.notDeepEqual(last, NULL_ARRAY);
      assert.deepEqual(last, [OK, number], `${this.#name}: token ${number} has another outcome`);
      done();
    });
  }

  async settle(client: RawClient): Promise<void> {
    const numbers: number[] = [];
    for (let repeat = 0; repeat < REPEATS && this.#answered > 0; repeat++) {
      numbers.push(1 + this.#random.below(this.#answered));
    }
    for (let number = this.#answered + 1; number <= this.#sentCount; number++) numbers.push(number);
    for (const number of numbers) {
      const { bytes, replyCount, acknowledge } = this.#attempt(number, () => {});
      // oxlint-disable-next-line no-await-in-loop -- in the order of the first attempts
      const replies = await client.pipeline(bytes, replyCount);
      const last = replies.at(-1);
      assert.ok(last !== undefined);
      acknowledge(last);
    }
    this.#answered = this.#sentCount;
    const [count] = await readAll(client, [`${this.#name}:count`]);
    assert.equal(Number(count ?? 0), this.#answered, `${this.#name}: a token did not count once`);
    this.keyCount = count === null ? 0 : 1;
  }
}
