// The checker of transactions on lists is itself checked: for every anomaly a history that shows it
// and nothing worse; histories that are right, also with unknown outcomes; and databases that are
// broken on purpose, run at random. Prints fast-check's seed when something is found.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { SeededRandom } from "../../src/base/random.ts";
import { ToyDatabase, type Isolation } from "./toy-database.ts";
import { checkListAppend } from "./list-append.ts";
import { historyOf } from "./notation.ts";

const RIGHT: Readonly<Record<string, readonly string[]>> = {
  "nothing happened": [],
  "one after the other": ["A 0-1 ok: x+1", "B 2-3 ok: x=[1] x+2 x=[1 2]", "C 4-5 ok: x=[1 2]"],
  "overlapping, in either order": ["A 0-9 ok: x+1", "B 0-9 ok: x=[]", "C 0-9 ok: x=[1]"],
  "touching moments may overlap": ["A 0-5 ok: x+1", "B 5-9 ok: x=[]"],
  "an unknown one that happened": ["A 0-1 unknown: x+1", "B 2-3 ok: x=[1]"],
  "an unknown one that never happened": ["A 0-1 unknown: x+1", "B 2-3 ok: x=[]"],
  "an unknown one that happened late": ["A 0-1 unknown: x+1", "B 2-3 ok: x=[]", "C 4-5 ok: x=[1]"],
  "a failed one that nobody saw": ["A 0-1 failed: x+1", "B 2-3 ok: x=[]"],
  "a write that nobody had to see": ["A 0-9 ok: x+1", "B 0-9 ok: x=[]"],
  "own appends are seen": ["A 0-1 ok: x+1 x=[1] x+2 x=[1 2]"],
};

const WRONG: Readonly<Record<string, readonly string[]>> = {
  internal: ["A 0-9 ok: x+1 x=[]"],
  duplicate: ["A 0-1 ok: x+1", "B 2-3 ok: x=[1 1]"],
  "incompatible-order": [
    "A 0-9 ok: x+1",
    "B 0-9 ok: x+2",
    "C 0-9 ok: x=[1 2]",
    "D 0-9 ok: x=[2 1]",
  ],
  garbage: ["A 0-1 ok: x=[7]"],
  G1a: ["A 0-1 failed: x+1", "B 2-3 ok: x=[1]"],
  G1b: ["A 0-9 ok: x+1 x+2", "B 0-9 ok: x=[1]", "C 10-11 ok: x=[1 2]"],
  G0: ["A 0-9 ok: x+1 y+1", "B 0-9 ok: x+2 y+2", "C 0-9 ok: x=[1 2] y=[2 1]"],
  G1c: ["A 0-9 ok: x+1 y=[1]", "B 0-9 ok: y+1 x=[1]"],
  "G-single": ["A 0-9 ok: x+1 y+1", "B 0-9 ok: x=[1] y=[]"],
  "lost-update": ["A 0-9 ok: x=[] x+1", "B 0-9 ok: x=[] x+2", "C 10-11 ok: x=[1 2]"],
  G2: ["A 0-9 ok: x=[] y+1", "B 0-9 ok: y=[] x+1"],
  "G0-realtime": ["A 0-1 ok: x+1", "B 2-3 ok: x+2", "C 0-9 ok: x=[2 1]"],
  "G1c-realtime": ["A 0-1 ok: x=[1]", "B 2-3 ok: x+1"],
  "G-single-realtime": ["A 0-1 ok: x+1", "B 2-3 ok: x=[]"],
  "G2-realtime": ["A 0-9 ok: x=[] y+1", "B 0-1 ok: x+1", "C 2-3 ok: y=[]"],
};

for (const [name, lines] of Object.entries(RIGHT)) {
  test(`accepted: ${name}`, () => {
    assert.deepEqual(checkListAppend(historyOf(...lines)), []);
  });
}

for (const [name, lines] of Object.entries(WRONG)) {
  test(`rejected: ${name}`, () => {
    const found = checkListAppend(historyOf(...lines));
    assert.ok(
      found.some((anomaly) => anomaly.name === name),
      JSON.stringify(found),
    );
  });
}

test("an update that a crash took back is found, behind what others wrote since", () => {
  const lost = historyOf("A 0-1 ok: x+1", "B 2-3 ok: x+2", "C 4-5 ok: x=[1]", "D 6-7 ok: x=[1 3]");
  const all = [...lost, ...historyOf("E 5-6 ok: x+3")];
  assert.notDeepEqual(checkListAppend(all), []);
});

function run(seed: number, isolation: Isolation) {
  return checkListAppend(new ToyDatabase(new SeededRandom(seed), isolation).run(120));
}

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });

test("whatever a database does that runs one transaction after the other is accepted", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      assert.deepEqual(run(seed, "strict"), []);
    }),
    { numRuns: 300 },
  );
});

/** What each broken database may be caught at, and must be caught at in most of its runs. */
const BROKEN: readonly (readonly [Isolation, RegExp])[] = [
  ["read-uncommitted", /^G1|^G-single|^G2|lost-update/],
  ["snapshot", /^G2$/],
  ["stale", /realtime$/],
  ["forgetful", /realtime$|incompatible|G-single|G0/],
  ["half-crashed", /G-single|G0|G1c/],
];

for (const [isolation, names] of BROKEN) {
  test(`a database that is ${isolation} is caught`, () => {
    const found = new Set<string>();
    let caught = 0;
    for (let seed = 0; seed < 100; seed++) {
      const anomalies = run(seed, isolation);
      if (anomalies.length > 0) caught++;
      for (const { name } of anomalies) found.add(name);
    }
    assert.ok(caught >= 90, `caught in ${caught} of 100 runs`);
    assert.ok(
      [...found].some((name) => names.test(name)),
      [...found].join(" "),
    );
  });
}
