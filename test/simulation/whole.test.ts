// Thousands of lives of a whole server, each by its seed (simulation.ts), on all processors; and that a seed
// is a run, in whatever process and after whatever others.
//
// KEPT_SIMULATION_RUNS runs so many seeds, from KEPT_SIMULATION_FIRST on.

import assert from "node:assert/strict";
import { execFile, type ExecFileException } from "node:child_process";
import { test } from "node:test";

import { Simulation } from "./simulation.ts";
import { runTraced } from "./trace.ts";

const RUNS = Number(process.env["KEPT_SIMULATION_RUNS"] ?? 3000);
const FIRST = Number(process.env["KEPT_SIMULATION_FIRST"] ?? 1);

function simulate(...args: readonly string[]): Promise<{ code: unknown; words: string }> {
  const script = new URL("main.js", import.meta.url).pathname;
  return new Promise((resolve) => {
    const ended = (error: ExecFileException | null, out: string, err: string): void =>
      resolve({ code: error?.code ?? 0, words: out + err });
    execFile(process.execPath, ["--enable-source-maps", script, ...args], ended);
  });
}

test("whatever fails and whoever goes: every law holds, in every life of the server", async (t) => {
  const { code, words } = await simulate(`--first=${FIRST}`, `--count=${RUNS}`);
  assert.equal(code, 0, words);
  assert.match(words, new RegExp(`^${RUNS} seeds in [\\d.]+ s, 0 failed\\n$`));
  t.diagnostic(words.trim());
});

test("a seed is a run: the same lines happen, word for word, here and in another process", async () => {
  const seeds = [7, 11, 45];
  const hashes: string[] = [];
  for (const seed of seeds) {
    const { hash, lines } = await runTraced({ seed });
    assert.ok(lines > 100);
    hashes.push(hash);
  }
  assert.equal(new Set(hashes).size, seeds.length);
  for (const [index, seed] of seeds.entries()) {
    assert.equal((await runTraced({ seed })).hash, hashes[index], `seed ${seed} again`);
    const { words } = await simulate(`--seed=${seed}`);
    assert.match(words, new RegExp(` ${hashes[index]}\\n`), `seed ${seed} elsewhere`);
  }
});

test("what is not traced happens all the same", async () => {
  let faults = 0;
  for (const seed of [7, 11, 45]) {
    const alone = await Simulation.run({ seed });
    assert.deepEqual(await Simulation.run({ seed, trace: () => {} }), alone);
    faults += alone.faults;
  }
  assert.ok(faults > 10);
});
