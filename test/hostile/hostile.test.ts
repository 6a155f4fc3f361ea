// A modest share of `npm run fuzz:hostile`: hostile input of every kind against parsers, a core in this
// process, and a server over a socket; and that the machine finds a fault when there is one.
//
// KEPT_HOSTILE_COUNT sets how many (60,000), KEPT_HOSTILE_SEED the seed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { hostileInput, randomFor, shrink } from "./mutate.ts";
import { throwHostileInput } from "./run.ts";
import { throwOverSocket } from "./socket.ts";
import { problemOf } from "./worker.ts";

const COUNT = Number(process.env["KEPT_HOSTILE_COUNT"] ?? "60000");
const SEED = Number(process.env["KEPT_HOSTILE_SEED"] ?? Date.now() % 1_000_000);

test("hostile input is refused or taken, and nothing crashes, hangs or grows", async (t) => {
  const orders = { seed: SEED, total: COUNT, findingsMax: 3 };
  const { findings, ...figures } = await throwHostileInput(orders);
  t.diagnostic(`KEPT_HOSTILE_SEED=${SEED} ${JSON.stringify(figures)}`);
  assert.deepEqual(findings, []);
});

test("a server that hears it over a socket goes on, within its memory", async (t) => {
  const figures = await throwOverSocket(SEED, Math.ceil(COUNT / 40));
  t.diagnostic(`KEPT_HOSTILE_SEED=${SEED} ${JSON.stringify(figures)}`);
});

test("the machine finds a fault when there is one, and makes its input small", async () => {
  const corpus = { whole: ["abcdefgh"], words: ["!"] };
  const run = (input: string) => {
    if (input.includes("!")) throw new RangeError("a fault");
  };
  const target = { name: "faulty", share: 100, corpus, run };
  const inputs = Array.from({ length: 50 }, (_, at) => hostileInput(randomFor(1, at), corpus));
  const bad = inputs.find((input) => input.includes("!") && input.length > 4);
  assert.ok(bad !== undefined);
  assert.match((await problemOf(target, bad)) ?? "", /a fault/);
  assert.equal(await shrink(bad, async (input) => (await problemOf(target, input)) !== null), "!");
});
