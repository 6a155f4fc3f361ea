// Random commands of one family on the keyspace, with units that fail half-way, batches on their way that
// are refused, a cold disk and a cache that forgets at every turn, against a plain model that is copied.
// Whatever form the collections have, each answer must be the model's; and at the end a new keyspace on
// the same store must find just that, and no element that nobody owns.
//
// A family says what its commands are and what they do to the model; everything else is here.

import assert from "node:assert/strict";

import * as fc from "fast-check";

import { SeededRandom } from "../../src/base/random.ts";
import { keyCommands } from "../../src/commands/key.ts";
import type { CommandRows } from "../../src/commands/table.ts";
import { answerAtOnce } from "../../src/commands/wait.ts";
import { coldWork, loadCold, type ColdHistory } from "../../src/commit/cold-loader.ts";
import { goneElementPrefix, GONE_PREFIX } from "../../src/encoding/meta.ts";
import { ELEMENTS, META, ORDER, type Engine, type StoreId } from "../../src/engine/engine.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { ColdRead } from "../../src/keyspace/cold.ts";
import type { ClosedBatch, Keyspace } from "../../src/keyspace/keyspace.ts";
import { usualCollectionLimits, type CollectionLimits } from "../../src/keyspace/limits.ts";
import { View } from "../../src/keyspace/view.ts";
import { Stats } from "../../src/observe/stats.ts";
import { CommandError } from "../../src/resp/errors.ts";
import { Status, type Reply } from "../../src/resp/reply.ts";
import { openKeyspace } from "../../src/server/open-keyspace.ts";
import { asResp2 } from "../conversations/notation.ts";

const RUNS = Number(process.env["KEPT_MODEL_RUNS"] ?? 300);

/** What the model holds: the value of each key. */
export type State<V> = Map<string, V>;

export interface Setup {
  /** Elements up to which a collection stays inline: 0, 2 or 1000. */
  readonly entriesMax: number;
  readonly isCold: boolean;
  readonly cacheBytesMax: number;
}

/** Runs one command on the keyspace; "error" for a CommandError, a status as its text. */
export type Say = (words: readonly string[]) => Reply;

export interface Family<V> {
  readonly rows: CommandRows;
  readonly keys: readonly string[];
  readonly command: fc.Arbitrary<string[]>;
  limits(chosen: Setup): Partial<CollectionLimits>;
  copy(value: V): V;
  /** What Redis would say; changes the state as it would. Not asked about DEL, RENAME and COPY. */
  answer(state: State<V>, words: readonly string[], chosen: Setup): Reply;
  /**
   * Says the command and compares with the model where the answer is not simply the model's (chance, a
   * scan in steps, no order); false when it is.
   */
  saysItself(say: Say, state: State<V>, words: readonly string[], chosen: Setup): boolean;
  /** Commands that tell all there is to know of a key. */
  whole(key: string): string[][];
  /** How many elements a value has on disk when it is exploded; null when nobody can say. */
  elementCount(value: V): number | null;
}

export type Step =
  | { readonly kind: "unit"; readonly commands: string[][]; readonly fails: boolean }
  | { readonly kind: "close" }
  | { readonly kind: "commit" }
  | { readonly kind: "refuse" }
  | { readonly kind: "cool" };

/** DEL, RENAME and COPY among `keys`, for families to mix in. */
export function keyCommandsOf(keys: readonly string[]): fc.Arbitrary<string[]> {
  const key = fc.constantFrom(...keys);
  return fc
    .oneof(
      fc.tuple(fc.constant("DEL"), key),
      fc.tuple(fc.constant("RENAME"), key, key),
      fc.tuple(fc.constant("COPY"), key, key, fc.constant("REPLACE")),
    )
    .map((words): string[] => [...words]);
}

function steps(command: fc.Arbitrary<string[]>): fc.Arbitrary<Step> {
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant("unit" as const),
        commands: fc.array(command, { minLength: 1, maxLength: 5 }),
        fails: fc.constantFrom(false, false, false, true),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ kind: "close" as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: "commit" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "refuse" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "cool" as const }) },
  );
}

const setup: fc.Arbitrary<Setup> = fc.record({
  entriesMax: fc.constantFrom(0, 2, 1000),
  isCold: fc.boolean(),
  cacheBytesMax: fc.constantFrom(0, 1500, 1_000_000),
});

export class Run<V> {
  readonly engine: MemoryEngine;
  readonly view: View;
  readonly #keyspace: Keyspace;
  readonly #family: Family<V>;
  readonly #chosen: Setup;
  readonly #say: Say;
  #committed: State<V> = new Map();
  #current: State<V> = new Map();
  #closed: {
    readonly batch: ClosedBatch;
    readonly ops: WriteOps;
    readonly state: State<V>;
  } | null = null;

  constructor(
    keyspace: Keyspace,
    engine: MemoryEngine,
    how: { readonly family: Family<V>; readonly chosen: Setup },
  ) {
    this.#keyspace = keyspace;
    this.engine = engine;
    this.#family = how.family;
    this.#chosen = how.chosen;
    this.view = viewOf(keyspace, how.family.limits(how.chosen));
    this.#say = (words) => this.#run(words);
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case "unit":
        await this.unit(one.commands, one.fails);
        break;
      case "close":
        this.#close();
        break;
      case "commit":
        this.commit();
        break;
      case "refuse":
        this.#keyspace.undoAll();
        this.#closed = null;
        this.#current = this.#copyOf(this.#committed);
        break;
      case "cool":
        this.engine.cool();
        break;
    }
  }

  #close(): void {
    if (this.#closed !== null || this.#keyspace.openIsEmpty) return;
    const ops = new WriteOps();
    const batch = this.#keyspace.close(ops);
    this.#closed = { batch, ops, state: this.#copyOf(this.#current) };
  }

  commit(): void {
    this.#close();
    if (this.#closed === null) return;
    const { batch, ops, state } = this.#closed;
    this.engine.write(ops);
    this.#keyspace.committed(batch, ops);
    this.#committed = state;
    this.#closed = null;
  }

  async unit(commands: readonly string[][], fails: boolean): Promise<void> {
    const history: ColdHistory = { elements: [] };
    const before = this.#copyOf(this.#current);
    for (let rounds = 0; ; rounds++) {
      assert.ok(rounds < 200, "a unit comes to its end");
      this.#keyspace.trimCache();
      const mark = this.#keyspace.mark();
      this.#current = this.#copyOf(before);
      try {
        for (const words of commands) this.#compare(words);
        if (fails) {
          this.#keyspace.rollbackTo(mark);
          this.#current = before;
        }
        return;
      } catch (error) {
        this.#keyspace.rollbackTo(mark);
        if (!(error instanceof ColdRead)) throw error;
        assert.ok(error.request !== null);
        await loadCold(coldWork(this.#keyspace, queueMicrotask), error.request, {
          history,
          unit: { keysWanted: () => [] },
        });
      }
    }
  }

  #compare(words: readonly string[]): void {
    const [name = ""] = words;
    const state = this.#current;
    if (this.#family.saysItself(this.#say, state, words, this.#chosen)) return;
    const heard = this.#run(words);
    const expected = KEY_COMMANDS.has(name)
      ? this.#answerForKey(words)
      : this.#family.answer(state, words, this.#chosen);
    assert.deepEqual(heard, expected, words.join(" "));
  }

  #run(words: readonly string[]): Reply {
    const name = words[0] ?? "";
    const row = KEY_COMMANDS.has(name) ? keyCommands[name] : this.#family.rows[name];
    assert.ok(row?.kind === "data");
    const mark = this.#keyspace.mark();
    try {
      const reply = asResp2(answerAtOnce(row.run(this.view, words)));
      return reply instanceof Status ? reply.text : reply;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#keyspace.rollbackTo(mark);
      return "error";
    }
  }

  #answerForKey([name = "", from = "", to = ""]: readonly string[]): Reply {
    const state = this.#current;
    const value = state.get(from);
    if (name === "DEL") return state.delete(from) ? 1 : 0;
    if (name === "COPY") {
      if (from === to) return "error";
      if (value === undefined) return 0;
      state.set(to, this.#family.copy(value));
      return 1;
    }
    if (value === undefined) return "error";
    state.delete(from);
    state.set(to, value);
    return "OK";
  }

  async compareAll(): Promise<void> {
    for (const key of this.#family.keys) await this.unit(this.#family.whole(key), false);
    assert.equal(this.view.keyCount(), this.#current.size);
  }

  /** The same state, as a new process finds it. */
  async reopened(): Promise<Run<V>> {
    const chosen = { ...this.#chosen, cacheBytesMax: 1_000_000 };
    const run = await begin(this.engine, this.#family, chosen);
    run.#current = this.#copyOf(this.#committed);
    run.#committed = this.#committed;
    return run;
  }

  /** Null when nobody can say. */
  elementCount(): number | null {
    let sum = 0;
    for (const value of this.#committed.values()) {
      const count = this.#family.elementCount(value);
      if (count === null) return null;
      sum += count;
    }
    return sum;
  }

  #copyOf(state: State<V>): State<V> {
    return new Map([...state].map(([name, value]) => [name, this.#family.copy(value)]));
  }
}

const KEY_COMMANDS = new Set(["DEL", "RENAME", "COPY"]);

function viewOf(keyspace: Keyspace, limits: Partial<CollectionLimits>): View {
  return new View({
    keyspace,
    stats: new Stats(),
    limits: {
      stringBytesMax: 512 * 1024 * 1024,
      unitBytesMax: 0,
      notifyMask: 0,
      countFrequency: false,
      lfuLogFactor: 10,
      collections: { ...usualCollectionLimits(), ...limits },
    },
    random: new SeededRandom(1),
  });
}

export async function begin<V>(
  engine: MemoryEngine,
  family: Family<V>,
  chosen: Setup,
): Promise<Run<V>> {
  const { cacheBytesMax } = chosen;
  const keyspace = await openKeyspace(engine, { databaseCount: 2, cacheBytesMax });
  engine.coldKeys(chosen.isCold ? "all" : "none");
  return new Run(keyspace, engine, { family, chosen });
}

export async function keysOf(engine: Engine, store: StoreId, prefix: string): Promise<string[]> {
  const range = {
    lower: prefix,
    upper: `${prefix}\xff\xff\xff\xff\xff\xff\xff`,
    reverse: false,
    valueBytesMax: 0,
  };
  await engine.warm(store, { ...range, patience: "wait" }, 10_000);
  const flat = engine.cursor(store, { ...range, patience: "wait" }).next(10_000) ?? [];
  return flat.filter((_, index) => index % 2 === 0);
}

/** The whole property, for one family. */
export async function holds<V>(family: Family<V>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      setup,
      fc.array(steps(family.command), { maxLength: 40 }),
      async (chosen, taken) => {
        const run = await begin(new MemoryEngine(), family, chosen);
        for (const one of taken) await run.take(one);
        await run.compareAll();
        run.commit();
        await run.compareAll();
        const after = await run.reopened();
        await after.compareAll();
        await checkElements(run, chosen);
      },
    ),
    { numRuns: RUNS, includeErrorInReport: true },
  );
}

async function checkElements<V>(run: Run<V>, chosen: Setup): Promise<void> {
  const notes = await keysOf(run.engine, META, GONE_PREFIX);
  const gone = new Set(notes.map(goneElementPrefix));
  const elements = [
    ...(await keysOf(run.engine, ELEMENTS, "")),
    ...(await keysOf(run.engine, ORDER, "")),
  ];
  const owned = elements.filter((name) => !gone.has(name.slice(0, 12)));
  const count = run.elementCount();
  if (chosen.entriesMax === 0 && count !== null) assert.equal(owned.length, count);
  if (chosen.entriesMax === 1000) assert.deepEqual(elements, []);
}
