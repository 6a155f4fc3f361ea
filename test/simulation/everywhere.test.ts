// Not by chance but everywhere: the server dies after each step of some runs, and a connection is cut at each
// byte of what its client says and of what it is told. What arrived whole has happened, in order and in
// whole transactions; what did not has not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryEngine } from "../../src/engine/memory.ts";
import { contentOf } from "./asker.ts";
import { wireOf } from "./operation.ts";
import { SimulatedServer } from "./simulated-server.ts";
import { SimulatedConnection } from "./connection.ts";
import { SimulatedSocket } from "./socket.ts";
import { runTraced } from "./trace.ts";

const SEEDS = [1, 2, 3, 4];
const STEPS = 40;
const START_MS = 1_700_000_000_000;

test("whichever step the server dies after, every law holds", async () => {
  for (const seed of SEEDS) {
    for (let diesAfter = 0; diesAfter < STEPS; diesAfter++) {
      const { broken } = await runTraced({ seed, steps: STEPS, diesAfter });
      assert.equal(broken, null, `seed ${seed}, dead after step ${diesAfter}`);
    }
  }
});

/** Units: what is in one line happens together or not at all. */
const PROGRAM: readonly (readonly string[])[] = [
  ["SET a 1"],
  ["MULTI", "INCR n", "RPUSH l x", "EXEC"],
  ["APPEND s y"],
  ["MULTI", "HSET h f 1", "LPUSH a wrong", "INCR n", "EXEC"],
  ["MULTI", "SET never 1", "DISCARD"],
  ["DEL a"],
];
const REQUESTS = PROGRAM.flat().map((line) => wireOf(line.split(" ")));
const WIRE = REQUESTS.join("");

interface Cut {
  /** Bytes that the server receives, and that the client reads. */
  readonly said: number;
  readonly heard: number;
  readonly how: "end" | "reset";
  /** A commit is on its way, on a thread, when the connection breaks. */
  readonly onThread: boolean;
}

async function contentAfter({ said, heard, how, onThread }: Cut): Promise<string> {
  const engine = new MemoryEngine();
  const lines = [`commit-background-bytes ${onThread ? 0 : "1mb"}`];
  const server = await SimulatedServer.start({ engine, nowMs: START_MS, lines, onRun: () => {} });
  // A kernel of few bytes: the server waits for the client when it is to hear only some.
  const socket = new SimulatedSocket(heard === Infinity ? 1 << 20 : 8, 1);
  const nothing = {
    onReply: () => {},
    onMessage: () => {},
    onBroken: (error: Error) => void server.bugs.push(error),
    now: () => 0,
  };
  const connection = new SimulatedConnection(nothing, {
    role: "worker",
    socket,
    isNewer: false,
    appetite: 1,
  });
  // What it hears is counted here and not judged: nobody has announced what it says.
  socket.onWritten = () => {};
  server.accept(connection);
  if (onThread) engine.holdAsync();
  socket.deliver(WIRE.slice(0, said));
  await server.settle();
  socket.drink(heard === Infinity ? 1 << 20 : heard);
  if (how === "end") connection.end();
  else connection.cut();
  await server.settle();
  engine.stopHolding();
  await server.settle();
  server.mustBeSound();
  const content = await contentOf(server);
  await server.running.stop();
  return content.join("\n");
}

/** What is there when so many of the units have happened. */
async function contentsOfUnits(): Promise<string[]> {
  const contents: string[] = [];
  let said = 0;
  for (const unit of [[], ...PROGRAM]) {
    for (const line of unit) said += wireOf(line.split(" ")).length;
    contents.push(await contentAfter({ said, heard: Infinity, how: "end", onThread: false }));
  }
  return contents;
}

function unitsWithin(bytes: number): number {
  let end = 0;
  return PROGRAM.filter((unit) => {
    for (const line of unit) end += wireOf(line.split(" ")).length;
    return end <= bytes;
  }).length;
}

for (const onThread of [false, true]) {
  const where = onThread ? "while its commit is on a thread" : "between commits";
  test(`cut at each byte of what is said, ${where}: what arrived whole has happened`, async () => {
    const contents = await contentsOfUnits();
    assert.ok(new Set(contents).size > 4);
    for (let said = 0; said <= WIRE.length; said++) {
      for (const how of ["end", "reset"] as const) {
        const content = await contentAfter({ said, heard: Infinity, how, onThread });
        assert.equal(content, contents[unitsWithin(said)], `${how} after byte ${said}`);
      }
    }
  });
}

test("cut at each byte of what is told: some units have happened, in order, none by half", async () => {
  const contents = await contentsOfUnits();
  let longest = 0;
  for (let heard = 0; heard <= 120; heard++) {
    const cut = { said: WIRE.length, heard, how: "reset", onThread: heard % 2 === 0 } as const;
    const units = contents.indexOf(await contentAfter(cut));
    assert.notEqual(units, -1, `after byte ${heard} of the answers`);
    longest = Math.max(longest, units);
  }
  assert.equal(contents[longest], contents.at(-1));
});
