// A few hundred short lives of a server, each by its seed (simulation.ts), and the proof that each
// check notices what it is there for.
//
// KEPT_SIMULATION_SEED runs one seed alone, KEPT_SIMULATION_RUNS so many instead of the usual.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DATA, EXPIRY } from "../../../src/engine/engine.ts";
import { WriteOps } from "../../../src/engine/write-ops.ts";
import { openWorld } from "../../support/world.ts";
import { Client } from "./client.ts";
import { Simulation } from "./simulation.ts";
import { ONCE_KEY, WITNESS_DATABASE } from "./witness.ts";

const STEPS = 150;
const RUNS = Number(process.env["KEPT_SIMULATION_RUNS"] ?? 200);
const ONE = process.env["KEPT_SIMULATION_SEED"];

async function runSeed(seed: number): Promise<void> {
  try {
    await Simulation.run({ seed, steps: STEPS });
  } catch (error) {
    const words = error instanceof Error ? error.stack : String(error);
    throw new Error(`seed ${seed}, to be run alone with KEPT_SIMULATION_SEED=${seed}: ${words}`, {
      cause: error,
    });
  }
}

test("whatever fails and whoever goes: the answers are true, and the disk is what was told", async () => {
  const first = ONE === undefined ? 1 : Number(ONE);
  const last = ONE === undefined ? RUNS : first;
  for (let seed = first; seed <= last; seed++) await runSeed(seed);
  assert.ok(last >= first);
});

/** Breaks something while all is at rest, behind the server's back or as a bug of its own would. */
type Sabotage = (simulation: Simulation) => unknown;

function sayBehindBack({ world }: Simulation, lines: readonly string[]): void {
  const client = new Client(world.core);
  client.say(`SELECT ${WITNESS_DATABASE}`);
  for (const line of lines) client.say(line);
}

/** Changes the disk under the server. */
function writeBelow({ world }: Simulation, write: (ops: WriteOps) => void): void {
  const ops = new WriteOps();
  write(ops);
  world.engine.write(ops);
}

function changeInMemory({ world }: Simulation): void {
  const { keyspace } = world.core.pipeline;
  const database = keyspace.databases[WITNESS_DATABASE];
  assert.ok(database !== undefined);
  keyspace.record(database.incarnation, ONCE_KEY).value = "1000000";
}

function countOneMore({ world }: Simulation): void {
  const database = world.core.pipeline.keyspace.databases[0];
  assert.ok(database !== undefined);
  database.incarnation.keyCount++;
}

function keyOf(simulation: Simulation, which: "plain" | "pair"): string {
  const witness = simulation.witnessesEver.find((one) => one[which].acknowledged > 0);
  assert.ok(witness !== undefined, "the seed has a witness that was told of a write");
  return witness[which].key;
}

const SABOTAGES: readonly (readonly [notices: RegExp, Sabotage])[] = [
  [/replies: no answer/, ({ world }) => world.core.pause.begin("all", Infinity)],
  [/bugs: /, ({ world }) => world.bugs.push(new Error("made for this test"))],
  [/disk: /, changeInMemory],
  [/counts: DBSIZE/, countOneMore],
  [
    /index: it does not hold/,
    (run) => writeBelow(run, (ops) => ops.put(EXPIRY, "x".repeat(20), "")),
  ],
  [
    /index: a flushed database/,
    (run) => writeBelow(run, (ops) => ops.put(DATA, `${"\xee".repeat(10)}key`, "\x11\0value")),
  ],
  [/acknowledged: plain/, (run) => sayBehindBack(run, [`DEL ${keyOf(run, "plain")}`])],
  [/acknowledged: pair/, (run) => sayBehindBack(run, [`SET ${keyOf(run, "pair")} 1000000`])],
  [/atomic: /, (run) => sayBehindBack(run, [`DEL ${keyOf(run, "pair").replace("pair", "other")}`])],
  [/once: /, (run) => sayBehindBack(run, [`INCR ${ONCE_KEY}`])],
];

for (const [notices, sabotage] of SABOTAGES) {
  test(`the simulation notices: ${notices.source}`, async () => {
    await assert.rejects(Simulation.run({ seed: 1, steps: STEPS, sabotage }), notices);
  });
}

test("a client of the simulation notices replies that are malformed, missing, too many, out of order", async () => {
  await using world = await openWorld();
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["$1\r\n1\r\n", /out of order/],
    ["$4\r\nword", /half a reply/],
    ["$4\r\nword\r\n+OK\r\n", /one more/],
    ["*1\r\n+OK\r\n-ERR\r\n", /out of order/],
  ];
  for (const [bytes, notices] of wrong) {
    const client = new Client(world.core);
    client.expect(["ECHO", "word"]);
    assert.throws(() => client.read(bytes), notices);
  }
  const client = new Client(world.core);
  for (const args of [["MULTI"], ["SET", "a", "b"], ["EXEC"]]) client.expect(args);
  assert.throws(() => client.read("+OK\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n"), /each queued/);
});
