// Who writes collections, scripts and queues while the server is killed.
//
//   Gatherer  a hash, a list, a set and a sorted set of his own, small and large enough to be stored
//             element by element, changed by single commands, by EXECs over all four and by scripts.
//             What is found must be the state after the first n of his steps, as with Owner.
//   Producer  pushes numbered jobs. Mover takes them with BLMOVE, waiting when there is none: every
//   Mover     job that was pushed is in exactly one of the two lists, and in order.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { OK, type Reply } from "../../src/resp/reply.ts";
import { bytesOf, itemsOf } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import type { Operation } from "./connection.ts";
import { Passage, type Passing } from "./passage.ts";
import type { Worker } from "./workers.ts";

/** So small that collections of this many elements are stored one by one. */
export const SMALL_COLLECTIONS = {
  "hash-max-listpack-entries": "24",
  "list-max-listpack-size": "16",
  "set-max-listpack-entries": "24",
  "zset-max-listpack-entries": "24",
} as const;

const NAMES = 60;
const LIST_MAX = 100;

interface State {
  readonly hash: Map<Bytes, Bytes>;
  readonly list: Bytes[];
  readonly set: Set<Bytes>;
  readonly scores: Map<Bytes, number>;
}

interface Change {
  readonly command: readonly Bytes[];
  /** Changes the state and gives the reply that must come. */
  readonly apply: (state: State) => Reply;
}

interface Step extends Passing<State> {
  readonly bytes: Bytes;
  readonly replyCount: number;
}

const SCRIPT = `local taken = redis.call("LPOP", KEYS[1])
if not taken then return 0 end
redis.call("HSET", KEYS[2], taken, ARGV[1])
redis.call("SADD", KEYS[3], taken)
redis.call("ZINCRBY", KEYS[4], 1, taken)
return 1`;

export class Gatherer implements Worker {
  readonly window = 16;
  keyCount = 0;
  readonly #name: Bytes;
  readonly #random: Random;
  readonly #passage: Passage<State>;
  #stepCount = 0;

  constructor(name: Bytes, random: Random) {
    this.#name = name;
    this.#random = random;
    this.#passage = new Passage(name, emptyState(), copyOf);
  }

  get acknowledgedCount(): number {
    return this.#passage.acknowledgedCount;
  }

  next(): Operation {
    const step = this.#step();
    const acknowledge = this.#passage.send(step);
    return { bytes: step.bytes, replyCount: step.replyCount, acknowledge };
  }

  #step(): Step {
    this.#stepCount++;
    const kind = this.#random.below(8);
    if (kind === 0) return this.#scriptStep();
    if (kind > 2) {
      const { command, apply } = this.#change();
      return { bytes: request(...command), replyCount: 1, apply };
    }
    const changes = Array.from({ length: 4 }, () => this.#change());
    const bytes = changes.map(({ command }) => request(...command)).join("");
    return {
      bytes: request("MULTI") + bytes + request("EXEC"),
      replyCount: changes.length + 2,
      apply: (state) => changes.map(({ apply }) => apply(state)),
    };
  }

  #scriptStep(): Step {
    const keys = ["list", "hash", "set", "scores"].map((kind) => `${this.#name}:${kind}`);
    const value = `moved ${this.#stepCount}`;
    return {
      bytes: request("EVAL", SCRIPT, "4", ...keys, value),
      replyCount: 1,
      apply: ({ list, hash, set, scores }) => {
        const taken = list.shift();
        if (taken === undefined) return 0;
        hash.set(taken, value);
        set.add(taken);
        scores.set(taken, (scores.get(taken) ?? 0) + 1);
        return 1;
      },
    };
  }

  #change(): Change {
    const name = `n${this.#random.below(NAMES)}`;
    const value = `${this.#stepCount}:`.padEnd(this.#random.below(3) * 90, "v");
    const key = (kind: string) => `${this.#name}:${kind}`;
    switch (this.#random.below(8)) {
      case 0:
      case 1:
        return {
          command: ["HSET", key("hash"), name, value],
          apply: ({ hash }) => added(hash.has(name), () => hash.set(name, value)),
        };
      case 2:
        return {
          command: ["HDEL", key("hash"), name],
          apply: ({ hash }) => (hash.delete(name) ? 1 : 0),
        };
      case 3:
        return this.#listChange(key("list"), name);
      case 4:
        return {
          command: ["SADD", key("set"), name],
          apply: ({ set }) => added(set.has(name), () => set.add(name)),
        };
      case 5:
        return {
          command: ["SREM", key("set"), name],
          apply: ({ set }) => (set.delete(name) ? 1 : 0),
        };
      case 6:
        return {
          command: ["ZADD", key("scores"), String(this.#stepCount), name],
          apply: this.#scored(name, this.#stepCount),
        };
      default:
        return {
          command: ["ZREM", key("scores"), name],
          apply: ({ scores }) => (scores.delete(name) ? 1 : 0),
        };
    }
  }

  #scored(name: Bytes, score: number): Change["apply"] {
    return ({ scores }) => added(scores.has(name), () => scores.set(name, score));
  }

  #listChange(key: Bytes, name: Bytes): Change {
    if (this.#passage.sent.list.length > LIST_MAX) {
      return {
        command: ["LTRIM", key, "-20", "-1"],
        apply: ({ list }) => {
          list.splice(0, Math.max(0, list.length - 20));
          return OK;
        },
      };
    }
    return { command: ["RPUSH", key, name], apply: ({ list }) => list.push(name) };
  }

  async settle(client: RawClient): Promise<void> {
    const found = await this.#found(client);
    this.#passage.settle(
      (state) => canonical(state) === found,
      () => found,
    );
    const { hash, list, set, scores } = this.#passage.known;
    this.keyCount = [hash.size, list.length, set.size, scores.size].filter(
      (size) => size > 0,
    ).length;
  }

  async #found(client: RawClient): Promise<string> {
    const ask = (command: string, kind: string, ...rest: string[]) =>
      client.send(command, `${this.#name}:${kind}`, ...rest).then(itemsOf);
    const hash = pairsOf(await ask("HGETALL", "hash"));
    const list = (await ask("LRANGE", "list", "0", "-1")).map(String);
    const set = new Set((await ask("SMEMBERS", "set")).map(String));
    const flat = await ask("ZRANGE", "scores", "0", "-1", "WITHSCORES");
    const scores = new Map([...pairsOf(flat)].map(([name, score]) => [name, Number(score)]));
    for (const [kind, size] of [
      ["hash", hash.size],
      ["set", set.size],
    ] as const) {
      const command = kind === "hash" ? "HLEN" : "SCARD";
      // oxlint-disable-next-line no-await-in-loop -- two questions
      assert.equal(await client.send(command, `${this.#name}:${kind}`), size, "counts disagree");
    }
    return canonical({ hash, list, set, scores });
  }
}

function added(wasThere: boolean, add: () => void): number {
  add();
  return wasThere ? 0 : 1;
}

function emptyState(): State {
  return { hash: new Map(), list: [], set: new Set(), scores: new Map() };
}

function copyOf({ hash, list, set, scores }: State): State {
  return { hash: new Map(hash), list: [...list], set: new Set(set), scores: new Map(scores) };
}

/** The same text for the same state, whatever order it came in. */
function canonical({ hash, list, set, scores }: State): string {
  return JSON.stringify([sorted(hash), list, [...set].sort(), sorted(scores)]);
}

function sorted(pairs: ReadonlyMap<Bytes, unknown>): readonly string[] {
  return [...pairs].map((pair) => JSON.stringify(pair)).sort();
}

function pairsOf(flat: readonly Reply[]): Map<Bytes, Bytes> {
  const pairs = new Map<Bytes, Bytes>();
  for (let at = 0; at < flat.length; at += 2) {
    pairs.set(bytesOf(flat[at]), bytesOf(flat[at + 1]));
  }
  return pairs;
}

const JOBS = "queue:jobs";
const TAKEN = "queue:taken";

export class Producer implements Worker {
  readonly window = 4;
  acknowledgedCount = 0;
  keyCount = 0;
  #pushed = 0;
  #sentCount = 0;

  next(): Operation {
    const number = ++this.#sentCount;
    return {
      bytes: request("LPUSH", JOBS, String(number)),
      replyCount: 1,
      acknowledge: (last) => {
        assert.ok(typeof last === "number" && last > 0);
        this.#pushed = number;
        this.acknowledgedCount++;
      },
    };
  }

  async settle(client: RawClient): Promise<void> {
    const taken = itemsOf(await client.send("LRANGE", TAKEN, "0", "-1"));
    const waiting = itemsOf(await client.send("LRANGE", JOBS, "0", "-1"));
    // The newest of each list stands at its head; what was taken is older than what waits.
    const all = [...waiting, ...taken].map(Number).toReversed();
    assert.deepEqual(
      all,
      all.map((_, at) => at + 1),
      "a job is lost, there twice, or out of order",
    );
    assert.ok(all.length >= this.#pushed && all.length <= this.#sentCount, "not what was pushed");
    this.#pushed = all.length;
    this.#sentCount = all.length;
    this.keyCount = (taken.length > 0 ? 1 : 0) + (waiting.length > 0 ? 1 : 0);
  }
}

export class Mover implements Worker {
  readonly window = 1;
  acknowledgedCount = 0;
  readonly keyCount = 0;
  #last = 0;

  next(): Operation {
    return {
      bytes: request("BLMOVE", JOBS, TAKEN, "RIGHT", "LEFT", "0"),
      replyCount: 1,
      acknowledge: (last) => {
        assert.equal(Number(last), this.#last + 1, "a job came out of turn");
        this.#last++;
        this.acknowledgedCount++;
      },
    };
  }

  async settle(client: RawClient): Promise<void> {
    const count = await client.send("LLEN", TAKEN);
    assert.ok(typeof count === "number");
    assert.ok(count >= this.#last, `${this.#last} jobs were taken, ${count} are there`);
    this.#last = count;
  }
}
