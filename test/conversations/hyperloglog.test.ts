// Whoever adds the same elements to Kept and to Redis finds the same bytes in both: while there are few
// (runs that are split and joined), while they turn dense, and with many; also what is merged.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom } from "../../src/base/random.ts";
import { format } from "./notation.ts";
import { isOracleInstalled, startOracle } from "./oracle.ts";
import { handlersTarget } from "./targets.ts";

const SEED = Number(process.env["KEPT_RANDOM_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const ROUNDS = 60;
const KEYS = ["a", "b", "c"];

if (isOracleInstalled()) {
  test(`the strings of HyperLogLogs are Redis's, byte for byte (seed ${SEED})`, async () => {
    await using oracle = await startOracle();
    const ours = handlersTarget();
    const random = new SeededRandom(SEED);
    const both = async (...words: string[]): Promise<void> => {
      const [said, wanted] = await Promise.all([ours.send(words), oracle.target.send(words)]);
      assert.equal(format(said), format(wanted), `seed ${SEED}: ${words.slice(0, 3).join(" ")}`);
    };
    const key = (): string => KEYS[random.below(KEYS.length)] ?? "a";
    await both("FLUSHALL");
    for (let round = 0; round < ROUNDS; round++) {
      const elements: string[] = [];
      const count = random.below(round < 40 ? 40 : 3000);
      while (elements.length < count) elements.push(String(random.below(2 ** 32)));
      const target = key();
      /* oxlint-disable no-await-in-loop -- one after the other, on both */
      await both("PFADD", target, ...elements);
      await both("GET", target);
      if (random.below(3) === 0) await both("PFCOUNT", target);
      if (random.below(5) === 0) await both("PFCOUNT", ...KEYS);
      if (random.below(6) === 0) await both("PFMERGE", target, key(), key());
      await both("GET", target);
      /* oxlint-enable no-await-in-loop */
    }
  });
}
