// Random programs from several connections, with commits refused or unknown at random, against the
// plain model: every reply at every step, the shape of each, and the state a new process finds.
//
// Method: after each step the world rests (promises run, no timer moves by itself) and what each
// connection has heard must be exactly what the model says, so a reply that leaves too early fails as
// surely as a wrong one. Errors are compared by their code.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { MemoryEngine } from "../../src/engine/memory.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { START_MS, openWorld, type Talker, type World } from "../support/world.ts";
import { bodyOf, FUNCTION_NAMES, LIBRARY_NAMES, PAYLOADS, SOURCES } from "./functions.ts";
import { Model, SCRIPT_SAYS, matches, type ScriptEnding } from "./model.ts";

const CONNECTIONS = 3;
const RUNS = Number(process.env["KEPT_MODEL_RUNS"] ?? 300);

type Fault = "none" | "stall" | "unknown-applied" | "unknown-absent";

type Step =
  | { readonly kind: "say"; readonly who: number; readonly words: string[] }
  | {
      readonly kind: "transaction";
      readonly who: number;
      readonly queue: string[][];
      readonly once: string | null;
    }
  | { readonly kind: "end-turn"; readonly fault: Fault; readonly settleFailures: number }
  | { readonly kind: "release" }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "cool" };

const key = fc.constantFrom("a", "b", "c", "d", "e");
const value = fc.constantFrom("1", "7", "x", "yy", "longer than the others");
const command: fc.Arbitrary<string[]> = fc
  .oneof(
    fc.tuple(fc.constantFrom("GET", "STRLEN", "TTL", "INCR", "DEL", "PERSIST"), key),
    fc.tuple(fc.constantFrom("SET", "SETNX", "APPEND", "GETSET"), key, value),
    fc.tuple(fc.constant("SET"), key, value, fc.constant("PX"), fc.constantFrom("40", "2000")),
    fc.tuple(fc.constant("MSET"), key, value, key, value),
    fc.tuple(fc.constantFrom("MGET", "EXISTS"), key, key, key),
    fc.tuple(fc.constant("DBSIZE")),
  )
  .map((words): string[] => [...words]);
const SCRIPT = bodyOf(SCRIPT_SAYS);
const callsAndEnding: fc.Arbitrary<string[]> = fc
  .record({
    calls: fc.array(
      fc
        .tuple(fc.constantFrom("call", "pcall"), command)
        .map(([how, words]) => [how, ...words].join(",")),
      { minLength: 1, maxLength: 4 },
    ),
    ending: fc.constantFrom<ScriptEnding>("returns", "returns", "fails", "lies"),
  })
  .map(({ calls, ending }) => [calls.join("|"), ending]);
const script: fc.Arbitrary<string[]> = fc
  .tuple(fc.constantFrom("EVAL", "EVAL", "EVAL_RO"), callsAndEnding)
  .map(([name, rest]) => [name, SCRIPT, "0", ...rest]);
const call: fc.Arbitrary<string[]> = fc
  .tuple(
    fc.constantFrom("FCALL", "FCALL", "FCALL_RO"),
    fc.constantFrom(...FUNCTION_NAMES),
    callsAndEnding,
  )
  .map(([name, target, rest]) => [name, target, "0", ...rest]);
const payload = fc.constantFrom(...PAYLOADS);
const libraries: fc.Arbitrary<string[]> = fc
  .oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant("LOAD"), fc.constantFrom(...SOURCES)) },
    {
      weight: 4,
      arbitrary: fc.tuple(fc.constant("LOAD"), fc.constant("REPLACE"), fc.constantFrom(...SOURCES)),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant("DELETE"), fc.constantFrom(...LIBRARY_NAMES)) },
    { weight: 1, arbitrary: fc.constantFrom(["FLUSH"], ["LIST"], ["LIST"]) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constant("RESTORE"),
        payload,
        fc.constantFrom("APPEND", "REPLACE", "FLUSH"),
      ),
    },
  )
  .map((words): string[] => ["FUNCTION", ...words]);
const said = fc.oneof(
  { weight: 10, arbitrary: command },
  { weight: 2, arbitrary: script },
  { weight: 3, arbitrary: call },
  { weight: 2, arbitrary: libraries },
);
const who = fc.nat(CONNECTIONS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("say" as const), who, words: said }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("say" as const),
      who,
      words: key.map((name) => ["WATCH", name]),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("transaction" as const),
      who,
      queue: fc.array(said, { maxLength: 5 }),
      once: fc.option(fc.constantFrom("t1", "t2"), { freq: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("end-turn" as const),
      fault: fc.constantFrom<Fault>("none", "none", "stall", "unknown-applied", "unknown-absent"),
      settleFailures: fc.constantFrom(0, 0, 2),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "release" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.constantFrom(20, 60) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "cool" as const }) },
);

interface Setup {
  readonly policy: "attributed" | "every" | "abort";
  readonly background: boolean;
  readonly cold: boolean;
  readonly scriptsUndo: boolean;
}

const setup: fc.Arbitrary<Setup> = fc.record({
  policy: fc.constantFrom("attributed" as const, "every" as const, "abort" as const),
  background: fc.boolean(),
  cold: fc.boolean(),
  scriptsUndo: fc.boolean(),
});

class Run {
  readonly world: World;
  readonly model: Model;
  readonly talkers: readonly Talker[];
  readonly #setup: Setup;
  /** Batches that were given to the engine. */
  appends = 0;
  #fault: Fault = "none";

  constructor(world: World, chosen: Setup) {
    this.world = world;
    this.#setup = chosen;
    this.model = new Model(CONNECTIONS, START_MS, chosen);
    this.talkers = Array.from({ length: CONNECTIONS }, () => world.connect());
    this.#countAppends();
  }

  #countAppends(): void {
    const { engine } = this.world;
    const write = engine.write.bind(engine);
    const writeAsync = engine.writeAsync.bind(engine);
    engine.write = (ops) => {
      this.appends++;
      write(ops);
    };
    engine.writeAsync = (ops, options) => {
      this.appends++;
      return writeAsync(ops, options);
    };
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case "say":
        await this.#say(one.who, one.words);
        break;
      case "transaction":
        await this.#transaction(one.who, one.queue, one.once);
        break;
      case "end-turn":
        await this.endTurn(one.fault, one.settleFailures);
        break;
      case "release":
        await this.release();
        break;
      case "advance":
        this.model.nowMs += one.ms;
        this.world.clock.advance(one.ms);
        await this.#rest();
        if (this.model.isInDoubt) await this.#resolveDoubt();
        break;
      case "cool":
        this.world.engine.cool();
        break;
    }
    this.compare(JSON.stringify(one));
  }

  async #say(index: number, words: readonly string[]): Promise<void> {
    this.talkers[index]?.send([...words]);
    this.model.say(index, words);
    await this.#rest();
  }

  async #transaction(
    index: number,
    queue: readonly string[][],
    token: string | null,
  ): Promise<void> {
    await this.#say(index, ["MULTI"]);
    if (token !== null) await this.#say(index, ["ONCE", token]);
    for (const words of queue) await this.#say(index, words);
    await this.#say(index, ["EXEC"]);
  }

  async endTurn(fault: Fault, settleFailures: number): Promise<void> {
    const { engine } = this.world;
    const closes = this.model.endTurn();
    if (closes) {
      this.#fault = fault;
      if (fault === "stall") engine.refuseCommits("stall", 1);
      if (fault === "unknown-applied") engine.unknownCommits("applied", 1);
      if (fault === "unknown-absent") engine.unknownCommits("absent", 1);
      if (fault.startsWith("unknown")) engine.failSettling(settleFailures);
    }
    const { appends } = this;
    this.world.clock.endTurn();
    await this.#rest();
    if (!closes) return;
    if (this.appends === appends) this.#nothingToWrite();
    else if (!this.#setup.background) await this.#outcome();
  }

  /** A batch that leaves all as it was is committed at once, and no fault can meet it. */
  #nothingToWrite(): void {
    assert.ok(this.model.leavesAllAsItWas, "a batch that changes something is written");
    this.world.engine.acceptCommits();
    this.world.engine.unknownCommits("absent", 0);
    this.model.committed();
  }

  /** A batch that is held on its thread ends. */
  async release(): Promise<void> {
    if (!this.#setup.background || !this.model.hasBatchOnItsWay || this.model.isInDoubt) return;
    assert.ok(this.world.engine.releaseOne("write"), "a batch is on its way");
    await this.#rest();
    await this.#outcome();
  }

  async #outcome(): Promise<void> {
    if (this.#fault === "none") this.model.committed();
    else if (this.#fault === "stall") this.model.refused("-TRYAGAIN");
    else {
      this.model.doubted();
      await this.#resolveDoubt();
    }
  }

  /** Tells the model how the doubt ended, if the pipeline has found out. */
  async #resolveDoubt(): Promise<void> {
    await this.#rest();
    if (this.world.core.pipeline.isInDoubt) return;
    if (this.#fault === "unknown-applied") this.model.committed();
    else this.model.refused("-MISCONF");
  }

  /** Everything that can go on without a clock or a decision of ours has gone on. */
  async #rest(): Promise<void> {
    const { engine } = this.world;
    for (;;) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      let moved = false;
      for (const kind of ["load", "warm", "settle", "resume"] as const) {
        while (engine.releaseOne(kind)) moved = true;
      }
      if (!moved) return;
    }
  }

  compare(where: string): void {
    for (const [index, talker] of this.talkers.entries()) {
      const heard = talker.replies.splice(0).map((reply) => format(withCodesOnly(reply)));
      const expected = this.model.connections[index]?.heard.splice(0) ?? [];
      const allowed =
        heard.length === expected.length &&
        heard.every((reply, at) => matches(reply, expected[at] ?? "", this.#setup.cold));
      if (!allowed) assert.deepEqual(heard, expected, `connection ${index} after ${where}`);
    }
    assert.deepEqual(this.world.bugs, []);
  }

  /** Ends all doubt and everything on its way, so that the last state is known. */
  async finish(): Promise<void> {
    this.world.engine.failSettling(0);
    for (let round = 0; round < 4; round++) {
      await this.take({ kind: "advance", ms: 60 });
      await this.take({ kind: "release" });
      await this.take({ kind: "end-turn", fault: "none", settleFailures: 0 });
    }
  }
}

/** Errors are compared by their code; their words are held by other tests. */
function withCodesOnly(reply: Reply): Reply {
  if (reply instanceof ErrorReply) return new ErrorReply(reply.text.split(" ")[0] ?? "");
  return Array.isArray(reply) ? (reply as readonly Reply[]).map(withCodesOnly) : reply;
}

async function runProgram(chosen: Setup, steps: readonly Step[]): Promise<void> {
  const engine = new MemoryEngine();
  const world = await openWorld({
    engine,
    session: { execFailureReply: chosen.policy, scriptsUndo: chosen.scriptsUndo },
    pipeline: {
      backgroundBytes: chosen.background ? 0 : Infinity,
      unknownTimeoutMs: 1_000_000,
    },
    cacheBytesMax: chosen.cold ? 500 : 64 * 1024 * 1024,
    rowBytesMax: chosen.cold && chosen.background ? 2 ** 21 : 0,
  });
  if (chosen.cold) engine.coldKeys("all");
  if (chosen.background) engine.holdAsync();
  const run = new Run(world, chosen);
  for (const one of steps) await run.take(one);
  await run.finish();
  await compareAfterDeath(run);
}

/** The process dies; what the next one finds is what was committed, and nothing else. */
async function compareAfterDeath(run: Run): Promise<void> {
  const engine = run.world.engine.crash({ survive: "process" });
  const after = await openWorld({ engine, clock: run.world.clock });
  const talker = after.connect();
  for (const name of ["a", "b", "c", "d", "e"]) talker.say(`GET ${name}`);
  await after.settle();
  const expected = run.model.survivors();
  assert.deepEqual(
    talker.heard(),
    ["a", "b", "c", "d", "e"].map((name) => {
      const found = expected.get(name);
      return found === undefined ? "nil" : `"${found}"`;
    }),
  );
  talker.say("FUNCTION LIST");
  await after.settle();
  assert.deepEqual(talker.heard(), [run.model.survivingLibraries()]);
  await after[Symbol.asyncDispose]();
}

test("every reply and the final state are what the laws say, whatever is refused", async () => {
  await fc.assert(
    fc.asyncProperty(setup, fc.array(step, { minLength: 5, maxLength: 60 }), runProgram),
    { numRuns: RUNS, includeErrorInReport: true },
  );
});
