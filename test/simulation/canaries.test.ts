// That each law has a checker which notices: what is broken on purpose (canaries.ts) is found by its name, and
// a failing run fails again, in the same way at the same place.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CANARIES } from "./canaries.ts";
import { LAWS } from "./law.ts";
import { runTraced } from "./trace.ts";

const SEEDS_MAX = 40;
const STEPS = 200;

test("every law has a canary", () => {
  const covered = new Set(CANARIES.map(({ law }) => String(law)));
  const laws = Object.keys(LAWS).filter((law) => law !== "bug");
  assert.deepEqual(
    laws.filter((law) => !covered.has(law)),
    [],
  );
});

for (const { name, law, breaks } of CANARIES) {
  test(`law ${law}: it is noticed when ${name}`, async () => {
    const named = new Set<string>();
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const { broken, hash } = await runTraced({ seed, steps: STEPS, canary: breaks });
      if (broken === null) continue;
      named.add(String(broken.law));
      if (broken.law !== law) continue;
      const again = await runTraced({ seed, steps: STEPS, canary: breaks });
      assert.equal(again.broken?.message, broken.message);
      assert.equal(again.hash, hash, "it fails in the same way at the same place");
      return;
    }
    assert.fail(`law ${law} was not named; broken were ${[...named].join()}`);
  });
}
